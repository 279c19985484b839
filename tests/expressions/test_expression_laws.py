"""Laws that hold for any text and any value, tried with many."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from hypothesis import example, given
from hypothesis import strategies as st
from support.conditions import PATHS, PLACE, Diff, Risk, Service, bound, scene

from itil_gate.expressions.environment import Compiled
from itil_gate.expressions.failure import PolicyError
from itil_gate.expressions.rules import EXPRESSION_RULES
from itil_gate.model.base import LEVELS
from itil_gate.reading.faults import READING_RULES

if TYPE_CHECKING:
    from itil_gate.expressions.environment import Environment

KNOWN = EXPRESSION_RULES.keys() | READING_RULES.keys()
PYTHON: dict[str, type] = {"bool": bool, "int": int, "string": str}
INTS = st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1)
PIECES = (
    "change", "spec", "metadata", "title", "type", "risk", "diff", "files", "paths", "added",
    "services", "exists", "all", "map", "filter", "exists_one", "has", "s", "tier", "owner",
    "labels", "now", "touches", "count", "glob", "at", "size", "lower", "minutes", "weekday",
    "matches", "contains", "startsWith", "int", "string", "timestamp", "duration", "dyn", "type",
    "true", "false", "null", "0", "1", "-1", "9223372036854775807", "1.5", "1u", "'a'", '"b"',
    "'db/**'", "'UTC'", "''", "b'x'", "(", ")", "[", "]", "{", "}", ".", ",", "?", ":", "+", "-",
    "*", "/", "%", "!", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in", " ", "\n", "//",
    "'", '"', "\\", "`", "$", "@", "ä", "\U0001f600", "_", "if", "for", "cel", "gate", "google",
)  # fmt: skip
ATOMS = {
    "bool": (
        "true", "change.spec.significant", "has(change.spec.risk)", "touches('db/**')",
        "services.exists(s, s.tier == {int})", "services.all(s, {bool})", "{int} < {int}",
        "{string} == {string}", "{string}.contains({string})", "!({bool})", "({bool}) && ({bool})",
        "({bool}) || ({bool})", "(({bool}) ? ({bool}) : ({bool}))", "{string} in diff.paths",
        "risk.level in ['low', 'high']", "diff.paths.exists(p, p == {string})",
    ),
    "int": (
        "1", "diff.files", "diff.added", "({int}) + ({int})", "({int}) * ({int})", "-({int})",
        "({int}) - ({int})", "(({bool}) ? ({int}) : ({int}))", "size({string})", "({int}) / 7",
        "count('src/**')", "size(services)", "at([{int}], {int}, {int})",
    ),
    "string": (
        "'a'", "change.metadata.title", "risk.level", "lower({string})", "({string}) + ({string})",
        "(({bool}) ? ({string}) : ({string}))", "string({int})", "at(diff.paths, {int}, {string})",
    ),
}  # fmt: skip


def written(kind: str, depth: int) -> st.SearchStrategy[str]:
    """Return expressions of a type, grown from the atoms."""
    atoms = ATOMS[kind]
    if depth == 0:
        return st.sampled_from([atom for atom in atoms if "{" not in atom])

    def grown(atom: str) -> st.SearchStrategy[str]:
        text, parts = atom, []
        for inner in ("bool", "int", "string"):
            while "{" + inner + "}" in text:
                text = text.replace("{" + inner + "}", f"\x01{len(parts)}\x02", 1)
                parts.append(written(inner, depth - 1))
        return st.tuples(*parts).map(lambda made: _filled(text, made))

    return st.sampled_from(atoms).flatmap(grown)


def _filled(text: str, parts: tuple[str, ...]) -> str:
    for number, part in enumerate(parts):
        text = text.replace(f"\x01{number}\x02", part)
    return text


def check(made: object, expect: str, values: Any) -> None:
    if isinstance(made, tuple):
        assert made
        assert {finding.rule for finding in made} <= KNOWN
        assert all(finding.place and finding.remedy and finding.message for finding in made)
        return
    assert isinstance(made, Compiled)
    try:
        value = made.evaluate(values)
    except PolicyError:
        return
    assert type(value) is PYTHON[expect]


@given(
    text=st.one_of(
        st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
    ),
    expect=st.sampled_from(["bool", "int", "string"]),
)
@example(text="has(change.spec.risk", expect="bool")
@example(text="\ud800", expect="bool")
@example(text="[" * 50, expect="bool")
@example(text="!" * 1999 + "true", expect="bool")
@example(text="a" * 2000, expect="bool")
@example(text="1+" * 900 + "1", expect="int")
@example(text="services.map(a, " * 12 + "1" + ")" * 12, expect="bool")
@example(text="'" * 3, expect="string")
@example(text="x.y.z(`a`)", expect="bool")
def test_any_text_is_an_expression_or_has_findings(
    environment: Environment, text: str, expect: str
) -> None:
    made = environment.compile(text, expect=(expect,), place=PLACE)
    check(made, expect, bound(environment))


@given(data=st.data(), files=INTS, added=INTS, level=st.sampled_from(LEVELS))
def test_a_value_is_always_of_the_type_that_was_declared(
    environment: Environment, data: st.DataObject, files: int, added: int, level: Any
) -> None:
    expect = data.draw(st.sampled_from(["bool", "int", "string"]))
    text = data.draw(written(expect, 3))
    made = environment.compile(text, expect=(expect,), place=PLACE)
    values = bound(
        environment,
        diff=Diff(paths=PATHS, files=files, added=added),
        risk=Risk(level=level),
        services=(Service(name="a", tier=1), Service(name="b", tier=4)),
    )
    check(made, expect, values)


@given(data=st.data(), files=INTS, added=INTS)
def test_without_errors_the_value_is_the_one_of_the_engine(
    environment: Environment, data: st.DataObject, files: int, added: int
) -> None:
    """What is made strict differs from the engine's own evaluation only by the errors it keeps."""
    text = data.draw(written("bool", 3))
    made = environment.compile(text, expect="bool", place=PLACE)
    if not isinstance(made, Compiled):
        return
    values = bound(environment, diff=Diff(paths=PATHS, files=files, added=added))
    engine = environment.engine
    lax = engine._env.compile(text)
    try:
        strict = made.evaluate(values)
    except PolicyError:
        return
    functions = {"touches", "count", "lower", "at("}
    if not any(name in text for name in functions):  # they answer only within an evaluation
        assert lax.eval(values.activation).value() is strict


def test_the_same_values_give_the_same_answer_whatever_was_asked_before(
    environment: Environment,
) -> None:
    made = environment.compile("touches('db/**') && diff.files > 2", expect="bool", place=PLACE)
    assert isinstance(made, Compiled)
    few = bound(environment, diff=Diff(files=1))
    many = bound(environment)
    assert [made.evaluate(each) for each in (many, few, many, few)] == [True, False, True, False]


IMPORTED = """
import sys
from itil_gate.expressions.environment import Environment, is_constant
from itil_gate.expressions.functions import Scene
from itil_gate.expressions.templates import compile_template
from itil_gate.model.change import ChangeRequest
from itil_gate.model.finding import Place
environment = Environment({"change": ChangeRequest})
bound = environment.bind({}, scene=Scene())
assert compile_template("a message without expressions", environment, place=Place(file="p"))
loaded = {name.partition(".")[0] for name in sys.modules}
assert not loaded & {"cel_expr_python", "google"}, "the engine is loaded too early"
environment.compile("true", expect="bool", place=Place(file="p"))
loaded = {name.partition(".")[0] for name in sys.modules}
assert {"cel_expr_python", "google"} <= loaded
"""


def test_the_engine_is_not_loaded_before_there_is_an_expression() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", IMPORTED],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_threads_that_bind_their_own_values_do_not_meet(environment: Environment) -> None:
    made = environment.compile("touches('db/**')", expect="bool", place=PLACE)
    assert isinstance(made, Compiled)
    values = bound(environment).values

    def ask(number: int) -> bool:
        asked = scene(paths=PATHS[number % 2 :])
        return made.evaluate(environment.bind(values, scene=asked))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(200))) == [True, False] * 100


def test_values_of_another_thread_give_no_value(environment: Environment) -> None:
    made = environment.compile("touches('db/**')", expect="bool", place=PLACE)
    assert isinstance(made, Compiled)
    values = bound(environment)
    assert made.evaluate(values)
    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(made.evaluate, values).exception()
    assert isinstance(error, PolicyError)
    assert "first used in another thread" in error.message
