"""What goes wrong while evaluating is never a value: not true, not false, not an empty text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from support.conditions import (
    PLACE,
    VARIABLES,
    Diff,
    Risk,
    Schedule,
    Service,
    bound,
    compiled,
    refused,
    scene,
)

from itil_gate.expressions.environment import Compiled, Environment
from itil_gate.expressions.failure import PolicyError
from itil_gate.expressions.functions import FUNCTIONS, Native, Overload, Scene, Unanswered
from itil_gate.model.errors import GateError
from itil_gate.model.made import Made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from itil_gate.model.finding import Place

MANY = tuple(f"src/{n}.py" for n in range(10_001))


def with_function(call: Callable[..., Any], returns: str = "bool") -> Environment:
    """Return the environment with a function of the test's own, `ask()` of a whole number."""
    ask = Native("ask(number)", "For a test.", (Overload(("int",), returns, call),))
    return Environment(VARIABLES, (*FUNCTIONS, ask))


def fails(_: Scene, number: int) -> bool:
    raise Unanswered(f"there is no answer to {number}")


def why(environment: Environment, text: str, **values: Any) -> str:
    """Evaluate what has to fail, and return what is said."""
    made = compiled(environment, text)
    with pytest.raises(PolicyError) as caught:
        made.evaluate(bound(environment, **values))
    assert isinstance(caught.value, GateError)
    assert caught.value.code == "policy-error"
    assert caught.value.hint
    assert (caught.value.expression, caught.value.place) == (text, PLACE)
    assert str(PLACE) in str(caught.value)
    return caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "ask(1)",
        "!ask(1)",
        "ask(1) || true",
        "ask(1) || diff.files > 0",
        "!(ask(1) && false)",
        "ask(1) && false || true",
        "ask(1) ? true : true",
        "ask(1) == ask(1) || true",
        "services.exists(s, ask(s.tier) || true)",
        "services.exists(s, ask(s.tier) || s.tier == 1)",
        "services.all(s, ask(s.tier) || true)",
        "!services.exists(s, ask(s.tier) && false)",
        "services.filter(s, ask(s.tier)).size() >= 0 || true",
        "services.exists_one(s, ask(s.tier)) || true",
        "[ask(1), true].exists(each, each)",
        "(diff.files > 0 ? ask(1) : true) || true",
    ],
)
def test_a_function_that_fails_is_not_lost_in_what_stands_around_it(text: str) -> None:
    said = why(with_function(fails), text)
    assert "ask(): there is no answer to" in said


@pytest.mark.parametrize(
    "text",
    [
        "true || ask(1)",
        "!(false && ask(1))",
        "diff.files > 0 ? true : ask(1)",
        "services.exists(s, s.tier == 1 || ask(s.tier))",
    ],
)
def test_a_function_that_is_not_needed_is_not_asked(text: str) -> None:
    environment = with_function(fails)
    assert compiled(environment, text).evaluate(bound(environment))


@pytest.mark.parametrize(
    "error", [ValueError("no"), KeyError("no"), RuntimeError("no"), MemoryError(), OSError("no")]
)
def test_no_exception_of_a_function_is_lost(error: Exception) -> None:
    def ask(_: Scene, __: int) -> bool:
        raise error

    assert "ask() did not answer" in why(with_function(ask), "ask(1) || true")


def test_an_interruption_inside_a_function_gives_no_value() -> None:
    def ask(_: Scene, __: int) -> bool:
        raise KeyboardInterrupt

    assert "ask() did not answer" in why(with_function(ask), "true && ask(1)")


@pytest.mark.parametrize("answer", [None, 1, "true", 0.0, [True], b"x"])
def test_a_function_that_answers_with_another_type_gives_no_value(answer: object) -> None:
    environment = with_function(lambda _, __: answer)
    assert "ask() did not answer" in why(environment, "ask(1) || true")


def test_a_function_may_evaluate_an_expression_itself() -> None:
    inner = with_function(fails)
    condition = compiled(inner, "ask(1)")

    def ask(_: Scene, number: int) -> bool:
        if number > 1:
            condition.evaluate(bound(inner))
        return True

    outer = with_function(ask)
    assert compiled(outer, "ask(1)").evaluate(bound(outer))
    assert "ask() did not answer" in why(outer, "ask(2) || true")
    assert compiled(outer, "ask(1)").evaluate(bound(outer))


@pytest.mark.parametrize(
    "text",
    [
        "diff.paths.exists(path, path == 'none')",
        "diff.paths.exists(path, path == 'none') || true",
        "diff.paths.all(path, path != 'none')",
        "diff.paths.filter(path, path == 'none').size() == 0",
        "!diff.paths.exists(path, path == 'none')",
    ],
)
def test_a_loop_beyond_the_steps_of_the_engine_gives_no_value(
    environment: Environment, text: str
) -> None:
    said = why(environment, text, diff=Diff(paths=MANY, files=len(MANY)))
    assert "more than 10,000 steps" in said


@pytest.mark.parametrize(
    "text",
    [
        "diff.files + diff.added > 0 || true",
        "diff.files + diff.added < 0 && false || true",
        "-diff.files - diff.added < 0 || true",
        "diff.files * diff.added > 0 || true",
        "!(diff.files * diff.added > 0 && false)",
        "[diff.files * diff.added, 1].exists(n, n == 1)",
    ],
)
def test_a_number_that_leaves_64_bits_gives_no_value(environment: Environment, text: str) -> None:
    most = (1 << 63) - 1
    said = why(environment, text, diff=Diff(files=most, added=most))
    assert "leaves the range of 64 bits" in said


def test_a_moment_beyond_the_calendar_gives_no_value(environment: Environment) -> None:
    late = Schedule(start=datetime(9999, 12, 31, tzinfo=UTC))
    text = "has(schedule.start) && schedule.start + duration('87600h') > now || true"
    why(environment, text, schedule=late)


class Wrong(Made):
    paths: tuple[str, ...] = ()
    files: str = "three"
    added: int = 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("diff", Wrong()),
        ("diff", Diff(files="three")),
        ("diff", Diff(files=1 << 63)),
        ("diff", Diff(paths=("half of a pair: \ud800",))),
        ("diff", Diff(paths=(1,))),
        ("diff", Diff(files=None)),
        ("risk", Risk(level="enormous")),
        ("diff", None),
        ("diff", {"files": 3}),
        ("now", datetime(2026, 11, 20)),  # noqa: DTZ001  # without an offset
        ("now", "2026-11-20T00:00:00Z"),
        ("schedule", Schedule(start=datetime(2026, 11, 20))),  # noqa: DTZ001
        ("services", (Service(name="a", tier=1), Risk())),
        ("services", 3),
        ("services", (None,)),
    ],
)
def test_a_value_that_does_not_fit_its_variable_gives_no_value(
    environment: Environment, name: str, value: object
) -> None:
    said = why(environment, "diff.files >= 0 || true", **{name: value})
    assert f"{name} does not fit its type" in said


def test_a_single_value_has_to_be_of_its_type() -> None:
    environment = Environment({"number": int, "text": str, "switch": bool})
    made = environment.compile("number == 1 || text == 'a' || switch", expect="bool", place=PLACE)
    assert isinstance(made, Compiled)
    good: dict[str, object] = {"number": 1, "text": "a", "switch": True}
    assert made.evaluate(environment.bind(good, scene=Scene()))
    for name, value in (
        ("number", True), ("number", "1"), ("number", 1 << 63), ("text", 1), ("text", "\udfff"),
        ("switch", 1), ("switch", None),
    ):  # fmt: skip
        values = environment.bind({**good, name: value}, scene=Scene())
        with pytest.raises(PolicyError, match=f"{name} does not fit its type"):
            made.evaluate(values)


def test_a_variable_nobody_knows_cannot_be_bound(environment: Environment) -> None:
    with pytest.raises(TypeError, match="there is no variable wether"):
        environment.bind({"wether": 1}, scene=scene())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("touches('db/**') || true", "the changed paths are not known here"),
        ("count('db/**') > 0 || true", "the changed paths are not known here"),
        ("daysUntil('2026-12-24') > 3 || true", "the time of the decision is not known here"),
    ],
)
def test_a_function_does_not_guess_what_it_was_not_told(
    environment: Environment, text: str, reason: str
) -> None:
    made = compiled(environment, text)
    with pytest.raises(PolicyError, match=reason):
        made.evaluate(environment.bind(bound(environment).values, scene=Scene()))


@pytest.mark.parametrize(
    ("text", "expect"),
    [
        ("diff.files", "bool"),
        ("change.metadata.title", "bool"),
        ("'true'", "bool"),
        ("1.5", "int"),
        ("1u", "int"),
        ("diff.files > 3", "int"),
        ("diff.files", "string"),
        ("now", "string"),
        ("null", "bool"),
        ("[true]", "bool"),
        ("change", "bool"),
    ],
)
def test_an_expression_of_another_type_is_refused_when_policies_load(
    environment: Environment, text: str, expect: str
) -> None:
    found = refused(environment, text, expect=expect)
    assert "expression-type" in {finding.rule for finding in found}


@pytest.mark.parametrize(
    "text",
    [
        "[{0}].all(a, [{0}].all(b, [{0}].all(c, a + b + c > 0)))",
        "9223372036854775807 + 1 > 0 || true",
        "timestamp('9999-12-31T00:00:00Z') + duration('87600h') > timestamp(0)",
    ],
)
def test_a_constant_without_a_value_is_refused_when_policies_load(
    environment: Environment, text: str
) -> None:
    (finding,) = refused(environment, text.format(", ".join(["1"] * 25)))
    assert finding.rule == "partial-builtin"
    assert finding.message.startswith("this never has a value")


def test_the_engine_itself_would_have_lost_the_error() -> None:
    """If this fails, the engine has changed, and what is done about it can be looked at again."""
    from cel_expr_python import cel  # noqa: PLC0415

    def overflow(text: str) -> Any:
        return cel.NewEnv(variables={"n": cel.Type.INT}).compile(text).eval(data={"n": 1 << 62})

    assert overflow("n + n > 0 || true").value() is True
    assert overflow("n + n > 0").type().name() == "ERROR"
    assert bool(overflow("n + n > 0").value())


def test_errors_are_raised_by_everything_that_is_asked(environment: Environment) -> None:
    def each(made: Iterable[Compiled[bool]]) -> list[str]:
        said = []
        for condition in made:
            try:
                condition.evaluate(bound(environment, diff=Diff(paths=MANY)))
            except PolicyError as error:
                said.append(error.expression)
        return said

    loops = [f"diff.paths.exists(p, p == '{n}')" for n in range(3)]
    assert each(compiled(environment, text) for text in loops) == loops


def test_where_an_expression_stands_is_found_out_only_when_it_fails(
    environment: Environment,
) -> None:
    asked: list[int] = []

    def place(offset: int) -> Place:
        asked.append(offset)
        return PLACE

    made = compiled(environment, "diff.files > 2", place=place)
    assert made.evaluate(bound(environment))
    assert not asked
    broken = compiled(environment, "minutes(change.metadata.title) > 1", place=place)
    with pytest.raises(PolicyError) as caught:
        broken.evaluate(bound(environment))
    assert (caught.value.place, asked) == (PLACE, [0])
