"""The time zones an iCalendar file names: of the IANA database, or described by the file itself.

`Area/City` means the IANA zone, whatever the file says about it: descriptions are often cut short
to the rules of one year. Every other name (`W. Europe Standard Time`, `Customized Time Zone`) means
the file's own VTIMEZONE, then an IANA name without a slash, then what Windows calls that zone.
The host's own database is not asked.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING

from itil_gate.decide.ics import invalid, too_large
from itil_gate.decide.recurrence import RuleError, localised, parse_rule, starts
from itil_gate.model.zones import UnknownZoneError, nearest_zones, zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from itil_gate.decide.ics import Component, Property
    from itil_gate.decide.recurrence import Budget
    from itil_gate.model.calendar import Interval
    from itil_gate.model.finding import Place

_OFFSET = re.compile(r"([+-])([0-9]{2})([0-9]{2})([0-9]{2})?")
_LOCAL = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?")
REACH = timedelta(days=800)
"""Beyond what is asked about; more than two years, so that each yearly change is among them."""
MAX_CHANGES = 5_000
EARLIEST = 1601
LATEST = 9000


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """A moment at which a zone's offset from UTC changes."""

    moment: datetime
    before: timedelta
    after: timedelta


class DescribedZone(tzinfo):
    """A zone as a VTIMEZONE describes it, from the first event to beyond the span asked about."""

    def __init__(self, name: str, changes: Sequence[Change]) -> None:
        self._name = name
        self._changes = sorted(changes)
        self._moments = [change.moment for change in self._changes]
        walls = [
            sorted((change.moment + change.before, change.moment + change.after))
            for change in self._changes
        ]
        self._from = {1: [wall[0] for wall in walls], 0: [wall[1] for wall in walls]}

    def utcoffset(self, when: datetime | None, /) -> timedelta | None:
        """Return the offset at a wall-clock time; `fold` chooses as in PEP 495."""
        if when is None:
            return None
        local = when.replace(tzinfo=None)
        return self._after(bisect_right(self._from[when.fold], local))

    def dst(self, _when: datetime | None, /) -> timedelta | None:
        """Return None: which part of an offset is daylight saving is not known or needed."""
        return None

    def tzname(self, _when: datetime | None, /) -> str:
        """Return the identifier the file gave the zone."""
        return self._name

    def fromutc(self, when: datetime, /) -> datetime:
        """Return the wall-clock time of a moment."""
        utc = when.replace(tzinfo=None)
        return when + self._after(bisect_right(self._moments, utc))

    def _after(self, passed: int) -> timedelta:
        return self._changes[passed - 1].after if passed else self._changes[0].before


class Zones:
    """The zones of one calendar, made when first asked for.

    They are right around the span asked about, and back to the first time that an event names:
    hours are counted from there, and a replacement moves what follows by the clock of then.
    """

    def __init__(self, calendar: Component, *, within: Interval, budget: Budget) -> None:
        self._described: dict[str, list[Component]] = {}
        for item in calendar.components:
            if item.name == "VTIMEZONE":
                self._described.setdefault(item.text("TZID").strip(), []).append(item)
        since = min([within.start.replace(tzinfo=None), *_named_times(calendar)])
        self._since, self._until = since - REACH, within.end.replace(tzinfo=None) + REACH
        self._budget = budget
        self._known: dict[str, tzinfo] = {}

    def named(self, name: str, place: Place) -> tzinfo:
        """Return a zone by its identifier. Raises ConfigError if nothing tells what it means."""
        if name not in self._known:
            self._known[name] = self._find(name, place)
        return self._known[name]

    def _find(self, name: str, place: Place) -> tzinfo:
        bare = name.strip("/")
        if "/" in bare and (found := _iana(bare)):
            return found
        if name in self._described:
            first, *others = self._described[name]
            for other in others:
                if _said(other) != _said(first):
                    raise invalid(f'"{name}" is described twice, and differently', other.place)
            return _describe(first, since=self._since, until=self._until, budget=self._budget)
        parts = bare.split("/")
        # libical and Evolution write /vendor.example/Area/City
        for index in range(len(parts)):
            if found := _iana("/".join(parts[index:])):
                return found
        if found := _windows(name):
            return found
        near = " or ".join(nearest_zones(name))
        raise invalid(
            f'the time zone "{name[:60]}" is not described in the file, nor in the IANA database',
            place,
            remedy=f"did you mean {near}?" if near else "add its VTIMEZONE, or use Area/City",
        )


def read_local(text: str, place: Place) -> tuple[datetime, bool, bool]:
    """Read a DATE or DATE-TIME value (sections 3.3.4 and 3.3.5).

    Returns the wall-clock time, whether it is a day without a time, and whether it is in UTC.
    """
    match = _LOCAL.fullmatch(text.strip().upper())
    if match is None:
        raise invalid(f'"{text[:40]}" is not a date', place, remedy="write 20261224T180000")
    year, month, day, hour, minute, second = (int(item or 0) for item in match.groups()[:6])
    try:
        # a leap second is not a time of this clock
        local = datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001
    except ValueError as error:
        raise invalid(f'"{text[:40]}" is not a date: {error}', place) from error
    if not EARLIEST <= year <= LATEST:
        raise invalid(f"the year {year} is outside {EARLIEST} to {LATEST}", place)
    return local, match[4] is None, match[7] == "Z"


def _iana(name: str) -> tzinfo | None:
    try:
        return zone(name)
    except UnknownZoneError:
        return None


def _windows(name: str) -> tzinfo | None:
    from icalendar.timezone.windows_to_olson import (  # noqa: PLC0415 - slow, rarely needed
        WINDOWS_TO_OLSON,
    )

    known = WINDOWS_TO_OLSON.get(name)
    return _iana(known) if known else None


def _named_times(calendar: Component) -> Iterator[datetime]:
    """Yield the times at which events start; what they replace is within `REACH` of that."""
    for event in calendar.components:
        if event.name == "VEVENT":
            for item in event.properties:
                if item.name in {"DTSTART", "RDATE"}:
                    for value in item.value.split(","):
                        yield read_local(value.partition("/")[0], item.place)[0]


def _said(component: Component) -> object:
    """Return what a component says, wherever it stands."""
    lines = [(item.name, item.value, item.parameters) for item in component.properties]
    return lines, [(inner.name, _said(inner)) for inner in component.components]


def _describe(described: Component, *, since: datetime, until: datetime, budget: Budget) -> tzinfo:
    changes: list[Change] = []
    for part in described.components:
        if part.name in {"STANDARD", "DAYLIGHT"}:
            changes += _changes(part, since=since, until=until, budget=budget)
    if not changes:
        raise invalid("VTIMEZONE has no STANDARD and no DAYLIGHT", described.place)
    return DescribedZone(described.text("TZID"), changes)


def _changes(part: Component, *, since: datetime, until: datetime, budget: Budget) -> list[Change]:
    """Return the changes to one observance of a zone (section 3.6.5)."""
    begin = part.one("DTSTART")
    if begin is None:
        raise invalid(f"{part.name} has no DTSTART", part.place)
    before, after = _offset(part, "TZOFFSETFROM"), _offset(part, "TZOFFSETTO")
    first, *_ = read_local(begin.value, begin.place)
    locals_ = {first}
    for item in part.all("RDATE"):
        locals_ |= {read_local(value, item.place)[0] for value in item.value.split(",")}
    for item in part.all("RRULE"):
        locals_ |= _onsets(item, first, before=before, since=since, until=until, budget=budget)
        if len(locals_) > MAX_CHANGES:
            raise too_large(f"{item.place}: the time zone changes more than {MAX_CHANGES} times")
    return [Change(local - before, before, after) for local in locals_]


def _onsets(
    item: Property,
    first: datetime,
    *,
    before: timedelta,
    since: datetime,
    until: datetime,
    budget: Budget,
) -> set[datetime]:
    try:
        rule = parse_rule(item.value)
    except RuleError as error:
        raise invalid(f"RRULE: {error}", item.place) from error
    ended = rule.until or rule.count or rule.interval > 1
    found = starts(
        localised(rule, timezone(before)),
        first,
        since=first if ended else since,
        until=until,
        budget=budget,
    )
    return set(found)


def _offset(part: Component, name: str) -> timedelta:
    item = part.one(name)
    match = _OFFSET.fullmatch(item.value.strip()) if item else None
    if item is None or match is None:
        raise invalid(
            f"{part.name} has no {name} such as +0100", item.place if item else part.place
        )
    hours, minutes, seconds = (int(value or 0) for value in match.groups()[1:])
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if offset >= timedelta(days=1):
        raise invalid(f"{name} is {item.value}, a day or more", item.place)
    return -offset if match[1] == "-" else offset
