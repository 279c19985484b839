"""The functions that policies have beside the language: about paths, days and working hours.

They stand in for what the language cannot do safely: loops over a diff, which run out of steps,
and the host's own time zones, which differ between machines. What they need beside their
arguments comes in a Scene, never from a clock. A function that cannot answer raises; the
evaluation then has no value, whatever stands around it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from itil_gate.expressions.shapes import Scalar
from itil_gate.model.frozen import frozen
from itil_gate.model.paths import glob_fault
from itil_gate.model.zones import nearest_zones, zone, zone_names
from itil_gate.reading.globs import compile_globs
from itil_gate.reading.times import length

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SATURDAY = 5
_WEEK = 7
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_SPAN = re.compile(r"[0-9]{1,5}[mhd]", re.ASCII)
_LAST_HOUR = 24


@dataclass(frozen=True, slots=True)
class Scene:
    """What functions may ask beside their arguments; what is None is an error to ask for."""

    paths: tuple[str, ...] | None = None
    """Every changed path of the pull request."""
    now: datetime | None = None
    """The sealed time of the decision, in UTC."""
    _counts: dict[str, int] = field(default_factory=dict, compare=False, repr=False)

    def count(self, pattern: str) -> int:
        """Return how many changed paths match a glob; each glob is matched once."""
        if self.paths is None:
            raise Unanswered("the changed paths are not known here")
        if pattern not in self._counts:
            matches = compile_globs((pattern,))
            self._counts[pattern] = sum(map(matches, self.paths))
        return self._counts[pattern]


class Unanswered(Exception):  # noqa: N818  # why a function has no answer, not yet an error
    """A function cannot answer; the message says why."""


class Refusal(NamedTuple):
    """Why an argument is refused when policies load (reads on from it), and what would do."""

    rule: str
    message: str
    remedy: str


@frozen
class Overload:
    """Types of the arguments and of the answer, as the engine writes them."""

    parameters: tuple[str, ...]
    returns: str
    call: Callable[..., Any]
    """Called with the Scene and the arguments."""


@dataclass(frozen=True, slots=True)
class Native:
    """A function: how it is written, what it does, and which arguments must be written out."""

    usage: str
    summary: str
    overloads: tuple[Overload, ...]
    checks: Mapping[int, Callable[[Any], Refusal | None]] = field(default_factory=dict)
    """By the place of an argument: what is wrong with one that is written out."""
    literal: frozenset[int] = frozenset()
    """Places of arguments that have to be written out."""
    together: Callable[[Sequence[Any]], Refusal | None] | None = None
    """What is wrong with the call (reads on from it); arguments that are computed are None."""
    result: Scalar | None = None
    """What is known of the answer beyond its type."""

    @property
    def name(self) -> str:
        """What stands before the bracket."""
        return self.usage.partition("(")[0]


def _glob_refusal(pattern: str) -> Refusal | None:
    fault = glob_fault(pattern)
    return Refusal("wrong-glob", fault.message, fault.remedy) if fault else None


def _zone_refusal(name: str) -> Refusal | None:
    if name in zone_names():
        return None
    near = nearest_zones(name)
    remedy = f'did you mean "{near[0]}"?' if near else "write a name such as Europe/Berlin"
    return Refusal("unknown-timezone", "is not a time zone of the IANA database", remedy)


def _hour_refusal(hour: int) -> Refusal | None:
    if 0 <= hour <= _LAST_HOUR:
        return None
    return Refusal("wrong-value", "is no hour of a day", f"write a number from 0 to {_LAST_HOUR}")


def _hours_refusal(arguments: Sequence[Any]) -> Refusal | None:
    *_, start, end = arguments
    if start is None or end is None or start < end:
        return None
    said = f"goes from {start} to {end}, and no hour lies between them"
    return Refusal("wrong-value", said, "write the earlier hour first; negate it for the night")


def _day_refusal(text: str) -> Refusal | None:
    if _as_day(text) is not None:
        return None
    return Refusal("wrong-value", "is no day of a calendar", "write a day as YYYY-MM-DD")


def _span_refusal(text: str) -> Refusal | None:
    if _SPAN.fullmatch(text):
        return None
    return Refusal("wrong-value", "is no length of time", "write one such as 30m, 24h or 2d")


def _as_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _glob(_: Scene, path: str, pattern: str) -> bool:
    return compile_globs((pattern,))(path)


def _local(moment: datetime, name: str) -> datetime:
    try:
        return moment.astimezone(zone(name))
    except (OverflowError, ValueError) as error:
        raise Unanswered(f"there is no local time in {name} for {moment}") from error


def _business_hours(_: Scene, moment: datetime, name: str, start: int, end: int) -> bool:
    local = _local(moment, name)
    return local.weekday() < _SATURDAY and start <= local.hour < end


def _days_until(scene: Scene, text: str) -> int:
    day = _as_day(text)
    if day is None:
        raise Unanswered(f'"{text[:60]}" is no day of the form YYYY-MM-DD')
    if scene.now is None:
        raise Unanswered("the time of the decision is not known here")
    return (day - scene.now.astimezone(UTC).date()).days


def business_days(start: datetime, end: datetime) -> int:
    """Return how many days from Monday to Friday there are from one moment's day to another's.

    Days are those of UTC; the first is counted, the last is not, so from Friday to the next
    Monday it is 1. Negative if `end` is on an earlier day.
    """
    first, last = start.astimezone(UTC).date(), end.astimezone(UTC).date()
    if last < first:
        return -business_days(end, start)
    weeks, rest = divmod((last - first).days, _WEEK)
    odd = sum((first.weekday() + step) % _WEEK < _SATURDAY for step in range(rest))
    return weeks * _SATURDAY + odd


def _minutes(_: Scene, text: str) -> int:
    if _SPAN.fullmatch(text) is None:
        raise Unanswered(f'"{text[:60]}" is no length of time such as 30m, 24h or 2d')
    return int(length(text).total_seconds()) // 60


def _at(_: Scene, items: Sequence[Any] | Mapping[str, Any], key: Any, default: Any) -> Any:
    if isinstance(items, dict):
        return items.get(key, default)
    return items[key] if 0 <= key < len(items) else default


_AT = (
    *(("list({0})", "int", kind) for kind in ("string", "int", "bool")),
    *(("map(string, {0})", "string", kind) for kind in ("string", "int", "bool")),
)

FUNCTIONS: tuple[Native, ...] = (
    Native(
        "touches(glob)",
        "Whether any changed path matches the glob.",
        (Overload(("string",), "bool", lambda scene, pattern: scene.count(pattern) > 0),),
        {0: _glob_refusal},
        frozenset([0]),
    ),
    Native(
        "count(glob)",
        "How many changed paths match the glob.",
        (Overload(("string",), "int", Scene.count),),
        {0: _glob_refusal},
        frozenset([0]),
    ),
    Native(
        "glob(path, pattern)",
        "Whether the path matches the glob.",
        (Overload(("string", "string"), "bool", _glob),),
        {1: _glob_refusal},
        frozenset([1]),
    ),
    Native(
        "businessHours(moment, zone, startHour, endHour)",
        "Whether it is Monday to Friday in the zone, from one hour up to and without another.",
        (Overload(("timestamp", "string", "int", "int"), "bool", _business_hours),),
        {1: _zone_refusal, 2: _hour_refusal, 3: _hour_refusal},
        frozenset([1, 2, 3]),
        _hours_refusal,
    ),
    Native(
        "weekday(moment, zone)",
        "The day of the week in the zone: monday to sunday.",
        (
            Overload(
                ("timestamp", "string"),
                "string",
                lambda _, moment, name: WEEKDAYS[_local(moment, name).weekday()],
            ),
        ),
        {1: _zone_refusal},
        frozenset([1]),
        result=Scalar("string", WEEKDAYS),
    ),
    Native(
        "localTime(moment, zone)",
        "The time of day in the zone, as in 09:30.",
        (
            Overload(
                ("timestamp", "string"),
                "string",
                lambda _, moment, name: f"{_local(moment, name):%H:%M}",
            ),
        ),
        {1: _zone_refusal},
        frozenset([1]),
        result=Scalar("string", written="time-of-day"),
    ),
    Native(
        "daysUntil(day)",
        "How many days it is from now to a day written YYYY-MM-DD, by UTC.",
        (Overload(("string",), "int", _days_until),),
        {0: _day_refusal},
    ),
    Native(
        "businessDaysBetween(start, end)",
        "How many days from Monday to Friday there are from one day up to and without another, "
        "by UTC.",
        (
            Overload(
                ("timestamp", "timestamp"), "int", lambda _, start, end: business_days(start, end)
            ),
        ),
    ),
    Native(
        "minutes(length)",
        "A length of time such as 30m, 24h or 2d, in minutes.",
        (Overload(("string",), "int", _minutes),),
        {0: _span_refusal},
    ),
    Native(
        "lower(text)",
        "The text in lower case.",
        (Overload(("string",), "string", lambda _, text: text.lower()),),
    ),
    Native(
        "at(items, index, default)",
        "The item of a list at an index from 0, or of a mapping at a key, or the default.",
        tuple(Overload((items.format(kind), key, kind), kind, _at) for items, key, kind in _AT),
    ),
)
"""Every function, in the order of the reference."""
