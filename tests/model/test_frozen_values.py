from __future__ import annotations

from typing import Any, ClassVar

import pytest

from itil_gate.model.frozen import frozen, replace


@frozen
class Point:
    """A place."""

    scale: ClassVar[int] = 1
    x: int
    y: int = 0

    def __repr__(self) -> str:
        """Write it in our own way."""
        return f"<{self.x} {self.y}>"


@frozen
class Named(Point):
    """A place with a name."""

    name: str = ""


@frozen
class Other:
    """Like a point, and none."""

    x: int
    y: int


def test_fields_are_taken_in_their_order_or_by_name() -> None:
    assert Point(1, 2) == Point(y=2, x=1) == Point(1, y=2)
    assert Point(1).y == 0
    assert Named(1, 2, "a").name == "a"
    assert Other(1, 2).__match_args__ == ("x", "y")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("given", "named", "said"),
    [
        ((), {}, "Point needs x"),
        ((1, 2, 3), {}, "Point has 2 fields, not 3"),
        ((1,), {"z": 3}, "Point has no field z"),
        ((1,), {"x": 3}, "Point was given a field twice"),
        ((1, 2), {"x": 3}, "Point was given a field twice"),
        ((), {"y": 3}, "Point needs x"),
    ],
)
def test_a_value_is_made_of_its_fields_and_no_others(
    given: tuple[int, ...], named: dict[str, int], said: str
) -> None:
    make: Any = Point
    with pytest.raises(TypeError, match=said):
        make(*given, **named)


def test_values_are_equal_by_class_and_content() -> None:
    assert Point(1, 2) != Point(1, 3)
    assert Point(1, 2) != Other(1, 2)
    assert len({Point(1, 2), Point(1, 2), Point(2, 1)}) == 2
    assert Named(1) != Point(1)


def test_a_value_does_not_change() -> None:
    point: Any = Point(1)
    with pytest.raises(AttributeError, match="Point is frozen, x cannot be set"):
        point.x = 2
    with pytest.raises(AttributeError, match="Point is frozen, x cannot be removed"):
        del point.x
    assert replace(Point(1), y=5) == Point(1, 5)
    with pytest.raises(TypeError, match="no field z"):
        replace(Point(1), z=5)


def test_a_value_is_written_as_the_call_that_makes_it() -> None:
    assert repr(Other(1, 2)) == "Other(x=1, y=2)"
    assert repr(Point(1)) == "<1 0>"
