"""Types made from models, and messages made from their values."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, JsonValue
from support.conditions import PLACE, request, scene

from itil_gate.expressions.environment import Compiled, Environment
from itil_gate.expressions.failure import PolicyError
from itil_gate.expressions.shapes import Many, Record, Scalar, Shapes, Table
from itil_gate.model import environment as views
from itil_gate.model.base import Day, LocalTime, Moment
from itil_gate.model.change import ChangeRequest
from itil_gate.model.made import Made


class Inner(Made):
    a_name: str = "x"


class Everything(Made):
    a_text: str = "t"
    number: int = -3
    switch: bool = False
    word: Literal["a", "b"] = "a"
    count: Literal[1, 2] = 2
    maybe_text: str | None = None
    maybe_switch: bool | None = None
    maybe_word: Literal["a", "b"] | None = None
    maybe_inner: Inner | None = None
    maybe_number: Annotated[int, Field(ge=0)] | None = None
    inner: Inner = Inner()
    moment: Moment = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    maybe_moment: datetime | None = None
    day: Day = date(2026, 11, 20)
    local: LocalTime = datetime(2026, 11, 20, 9, 5)  # noqa: DTZ001
    exact: LocalTime = datetime(2026, 11, 20, 9, 5, 7)  # noqa: DTZ001
    texts: tuple[str, ...] = ("p", "q")
    numbers: tuple[int, ...] = ()
    words: tuple[Literal["a", "b"], ...] = ("b",)
    days: tuple[date, ...] = (date(2026, 1, 2),)
    moments: tuple[datetime, ...] = (datetime(2026, 1, 2, tzinfo=UTC),)
    inners: tuple[Inner, ...] = (Inner(), Inner(a_name="y"))
    labels: dict[str, str] = Field(default_factory=lambda: {"k": "v"})
    flags: dict[str, bool] = Field(default_factory=dict)
    anything: Any = None
    json_value: JsonValue = None
    extensions: dict[str, JsonValue] = Field(default_factory=dict)
    other: str = Field("o", alias="renamed")


@pytest.fixture(scope="module")
def everything() -> Environment:
    return Environment({"it": Everything, "more": tuple[Inner, ...], "names": tuple[str, ...]})


VALUES: Mapping[str, Any] = {"it": Everything(), "more": (Inner(),), "names": ("a", "b")}


@pytest.mark.parametrize(
    "text",
    [
        "it.aText == 't' && it.number == -3 && !it.switch && it.word == 'a' && it.count == 2",
        "!has(it.maybeText) && !has(it.maybeSwitch) && !has(it.maybeWord) && !has(it.maybeInner)",
        "!has(it.maybeNumber) && !has(it.maybeMoment) && !has(it.maybeInner.aName)",
        "has(it.aText) && has(it.number) && has(it.switch) && has(it.inner) && has(it.moment)",
        "it.inner.aName == 'x' && it.moment == timestamp('2026-11-20T15:30:00Z')",
        "it.day == '2026-11-20' && it.local == '2026-11-20T09:05'",
        "it.exact == '2026-11-20T09:05:07' && it.exact > '2026-11-20T09:05'",
        "it.texts == ['p', 'q'] && size(it.numbers) == 0 && 'b' in it.words",
        "it.days == ['2026-01-02'] && it.moments == [timestamp('2026-01-02T00:00:00Z')]",
        "it.inners.map(i, i.aName) == ['x', 'y'] && more.exists(i, i.aName == 'x')",
        "has(it.labels.k) && it.labels.k == 'v' && !('z' in it.flags) && !has(it.flags)",
        "it.renamed == 'o' && names == ['a', 'b']",
    ],
)
def test_every_type_is_read_as_it_is(everything: Environment, text: str) -> None:
    made = everything.compile(text, expect="bool", place=PLACE)
    assert isinstance(made, Compiled), made
    assert made.evaluate(everything.bind(VALUES, scene=scene()))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"maybe_text": ""}, "has(it.maybeText) && it.maybeText == ''"),
        ({"maybe_switch": False}, "has(it.maybeSwitch) && !it.maybeSwitch"),
        ({"maybe_number": 0}, "has(it.maybeNumber) && it.maybeNumber == 0"),
        ({"maybe_inner": Inner()}, "has(it.maybeInner) && it.maybeInner.aName == 'x'"),
        ({"maybe_moment": datetime(1970, 1, 1, tzinfo=UTC)}, "has(it.maybeMoment)"),
    ],
)
def test_what_is_there_is_there_even_if_it_is_empty(
    everything: Environment, values: Mapping[str, Any], text: str
) -> None:
    made = everything.compile(text, expect="bool", place=PLACE)
    assert isinstance(made, Compiled), made
    bound = everything.bind({**VALUES, "it": Everything(**values)}, scene=scene())
    assert made.evaluate(bound)


@pytest.mark.parametrize(
    "values",
    [
        {"word": "c"},
        {"count": 3},
        {"words": ("a", "c")},
        {"maybe_word": "c"},
        {"local": datetime(2026, 11, 20, tzinfo=UTC)},
        {"moment": datetime(2026, 11, 20)},  # noqa: DTZ001
        {"moments": (datetime(2026, 11, 20),)},  # noqa: DTZ001
        {"day": 3},
        {"inner": None},
        {"inners": (Inner(), "x")},
        {"labels": {"k": 1}},
        {"labels": {1: "k"}},
        {"a_text": None},
    ],
)
def test_a_value_that_is_none_of_its_type_gives_no_value(
    everything: Environment, values: Mapping[str, Any]
) -> None:
    made = everything.compile("it.number < 0 || true", expect="bool", place=PLACE)
    assert isinstance(made, Compiled), made
    bound = everything.bind({**VALUES, "it": Everything(**values)}, scene=scene())
    with pytest.raises(PolicyError, match="it does not fit its type"):
        made.evaluate(bound)


def test_a_word_that_no_item_is_cannot_be_looked_for(everything: Environment) -> None:
    found = everything.compile("'c' in it.words", expect="bool", place=PLACE)
    assert isinstance(found, tuple)
    assert [finding.message for finding in found] == ['an item of it.words is never "c"']


@pytest.mark.parametrize("name", ["anything", "jsonValue", "extensions"])
def test_what_is_free_form_cannot_be_read(everything: Environment, name: str) -> None:
    found = everything.compile(f"it.{name} == 'x'", expect="bool", place=PLACE)
    assert isinstance(found, tuple)
    assert "free-form" in found[0].message


class Colour(Enum):
    RED = "red"


def model(hint: Any) -> type[BaseModel]:
    return type("Odd", (BaseModel,), {"__annotations__": {"field": hint}, "__module__": __name__})


@pytest.mark.parametrize(
    "hint",
    [
        float,
        float | None,
        bytes,
        Colour,
        str | int,
        str | int | None,
        list[str],
        set[str],
        tuple[str, int],
        tuple[tuple[str, ...], ...],
        tuple[str | None, ...],
        tuple[str, ...] | None,
        dict[str, str] | None,
        dict[str, tuple[str, ...]],
        dict[str, str | None],
        dict[str, datetime],
        dict[str, Inner],
        dict[str, float],
        Literal["a", 1],
        tuple[float, ...],
    ],
)
def test_a_type_that_could_be_misread_is_refused_when_the_environment_is_made(hint: Any) -> None:
    with pytest.raises(TypeError, match=r"Odd\.field"):
        Environment({"it": model(hint)})


@pytest.mark.parametrize("hint", [float, str | None, list[str], dict[str, str], Any, None])
def test_a_variable_is_a_model_a_value_or_a_list_of_them(hint: Any) -> None:
    with pytest.raises(TypeError, match="it"):
        Environment({"it": hint})


@pytest.mark.parametrize("name", ["in", "true", "null", "a-b", "ä"])
def test_a_field_that_could_not_be_named_is_refused(name: str) -> None:
    odd = type(
        "Odd",
        (BaseModel,),
        {
            "__annotations__": {"field": str},
            "__module__": __name__,
            "field": Field(alias=name),
        },
    )
    with pytest.raises(TypeError, match="is no name for a field"):
        Environment({"it": odd})


class Tree(Made):
    name: str
    branches: "tuple[Tree, ...]" = ()


def test_a_model_may_hold_itself() -> None:
    environment = Environment({"tree": Tree})
    made = environment.compile(
        "tree.branches.exists(b, b.branches.exists(c, c.name == 'leaf'))",
        expect="bool",
        place=PLACE,
    )
    assert isinstance(made, Compiled)
    tree = Tree(name="a", branches=(Tree(name="b", branches=(Tree(name="leaf"),)),))
    assert made.evaluate(environment.bind({"tree": tree}, scene=scene()))


def test_two_models_of_one_name_are_kept_apart() -> None:
    first = type("Same", (Made,), {"__annotations__": {"one": str}, "__module__": __name__})
    second = type("Same", (Made,), {"__annotations__": {"two": int}, "__module__": __name__})
    environment = Environment({"a": first, "b": second})
    made = environment.compile("a.one == 'x' && b.two == 3", expect="bool", place=PLACE)
    assert isinstance(made, Compiled)
    values = {"a": first(one="x"), "b": second(two=3)}
    assert made.evaluate(environment.bind(values, scene=scene()))
    found = environment.compile("b.one == 'x'", expect="bool", place=PLACE)
    assert isinstance(found, tuple)
    assert found[0].message == 'b has no field "one"'


def test_every_field_of_a_change_request_is_typed() -> None:
    shape = Shapes().of(ChangeRequest, where="change")
    closed = []

    def visit(record: Record, path: str) -> None:
        closed.extend(f"{path}.{name}" for name in record.closed)
        assert record.fields.keys() | record.closed == {
            field.alias for field in record.model.model_fields.values()
        }
        for name, field in record.fields.items():
            inner = field.shape.item if isinstance(field.shape, Many) else field.shape
            if isinstance(inner, Record):
                visit(inner, f"{path}.{name}")
            else:
                assert isinstance(inner, (Scalar, Table))

    assert isinstance(shape, Record)
    visit(shape, "change")
    assert closed == ["change.spec.extensions"]


def test_the_views_of_the_gate_can_be_typed() -> None:
    hints = {
        name.removesuffix("View").lower(): view
        for name, view in vars(views).items()
        if name.endswith("View")
    }
    environment = Environment({"change": ChangeRequest, "now": datetime, **hints})
    made = environment.compile("change.spec.type == 'normal'", expect="bool", place=PLACE)
    assert isinstance(made, Compiled)
    bound = environment.bind({"change": request()}, scene=scene())
    assert made.evaluate(bound)
