"""The events of an iCalendar text, and the spans of time in which they take place.

Read are DTSTART, DTEND (exclusive), DURATION, RRULE, RDATE, EXDATE and RECURRENCE-ID; a series and
the events that replace single occurrences of it share a UID. Cancelled events take no place;
whether an event shows its owner as busy (TRANSP) says nothing about a freeze and is not read.
Days without a time and times without a zone are in X-WR-TIMEZONE, or else in UTC. To-dos and
journals are not events.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from itil_gate.decide.ics import invalid, parse_calendars, too_large
from itil_gate.decide.ics_zones import Zones, read_local
from itil_gate.decide.recurrence import RuleError, localised, parse_rule, starts
from itil_gate.decide.wallclock import SLACK, Length, instant, span
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from itil_gate.decide.ics import Component, Property
    from itil_gate.decide.recurrence import Budget, Rule
    from itil_gate.model.calendar import Interval
    from itil_gate.model.finding import Place

MAX_DATES = 10_000
LONGEST = timedelta(days=36_600)
FURTHEST = timedelta(days=366)
"""How far a replacement may move the occurrences that follow it."""
_DURATION = re.compile(
    r"\+?P(?:([0-9]{1,4})W|(?:([0-9]{1,5})D)?(?:T(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,8})S)?)?)"
)


@frozen
class Stamp:
    """A time as an event gives it: wall-clock time in a zone, perhaps a day without a time."""

    local: datetime
    zone: tzinfo
    all_day: bool = False

    @property
    def moment(self) -> datetime:
        """The moment, in UTC, that identifies an occurrence."""
        return instant(self.local, self.zone)

    def local_in(self, zone: tzinfo) -> datetime:
        """Return the wall-clock time in a zone; a day without a time begins at midnight there."""
        if self.all_day or self.zone is zone:
            return self.local
        return self.moment.astimezone(zone).replace(tzinfo=None)

    def day_in(self, zone: tzinfo) -> date:
        """Return the local day, that of `zone` where the time is given in UTC."""
        return (self.local_in(zone) if self.zone is UTC else self.local).date()


@frozen
class Event:
    """One VEVENT: a single event, a series, or the replacement of an occurrence of one."""

    uid: str
    title: str
    description: str
    place: Place
    start: Stamp
    length: Length
    rules: tuple[Rule, ...] = ()
    added: tuple[tuple[Stamp, Length | None], ...] = ()
    removed: tuple[Stamp, ...] = ()
    replaces: Stamp | None = None
    and_following: bool = False
    sequence: int = 0
    cancelled: bool = False

    @property
    def replaced_moment(self) -> datetime:
        """The moment, in UTC, of the occurrence that this event replaces, or of its own start."""
        return (self.replaces or self.start).moment


@frozen
class Happening:
    """An occurrence of an event: its span of time and the event that describes it."""

    interval: Interval
    event: Event


def happenings(
    text: str, *, file: str, within: Interval, wide: bool, budget: Budget
) -> tuple[Happening, ...]:
    """Return the occurrences of a text's events; some may lie outside the span asked about.

    `wide` tells how to read times that occur twice or not at all: see `wallclock`. Raises
    ConfigError `calendar-invalid` with file and line, and GateError `calendar-too-large`.
    """
    found: list[Happening] = []
    for calendar in parse_calendars(text, file=file):
        zones = Zones(calendar, within=within, budget=budget)
        events = sorted(_events(calendar, zones), key=lambda event: event.uid)
        for _, group in groupby(events, key=lambda event: event.uid):
            found += _series(tuple(group), within=within, wide=wide, budget=budget)
    return tuple(found)


def _events(calendar: Component, zones: Zones) -> Iterator[Event]:
    named = calendar.one("X-WR-TIMEZONE")
    default = zones.named(named.value.strip(), named.place) if named else UTC
    for component in calendar.components:
        if component.name == "VEVENT":
            yield _event(component, zones, default)


def _event(component: Component, zones: Zones, default: tzinfo) -> Event:
    """Read a VEVENT."""
    event = _read(component, zones, default)
    if event.and_following and abs(_shift(event)) > FURTHEST:
        raise invalid(f"the event moves others by more than {FURTHEST.days} days", event.place)
    return event


def _read(component: Component, zones: Zones, default: tzinfo) -> Event:
    begin = component.one("DTSTART")
    if begin is None:
        raise invalid("the event has no DTSTART", component.place)
    if obsolete := component.one("EXRULE"):
        raise invalid("EXRULE is obsolete and not followed", obsolete.place, remedy="use EXDATE")
    start = _stamp(begin, begin.value, zones, default)
    replaces = component.one("RECURRENCE-ID")
    uid, status = component.one("UID"), component.one("STATUS")
    line = str(component.place)
    title = component.text("SUMMARY").strip()
    return Event(
        # an event without UID belongs to no series, whatever else stands in the file
        uid=uid.value.strip() if uid and uid.value.strip() else line,
        title=title or line,
        description=component.text("DESCRIPTION").strip(),
        place=component.place,
        start=start,
        length=_length(component, begin, start, zones, default),
        rules=tuple(_rule(item, start.zone) for item in component.all("RRULE")),
        added=tuple(_added(component, zones, default)),
        removed=tuple(
            _stamp(item, value, zones, default)
            for item in component.all("EXDATE")
            for value in _listed(item)
        ),
        replaces=_stamp(replaces, replaces.value, zones, default) if replaces else None,
        and_following=bool(replaces and _and_following(replaces)),
        sequence=_sequence(component),
        cancelled=bool(status and status.value.strip().upper() == "CANCELLED"),
    )


def _stamp(item: Property, text: str, zones: Zones, default: tzinfo) -> Stamp:
    local, all_day, utc = read_local(text, item.place)
    if utc:
        return Stamp(local, UTC)
    name = item.parameters.get("TZID", "").strip()
    zone = zones.named(name, item.place) if name and not all_day else default
    return Stamp(local, zone, all_day)


def _listed(item: Property) -> Sequence[str]:
    values = item.value.split(",")
    if len(values) > MAX_DATES:
        raise too_large(f"{item.place}: {item.name} lists more than {MAX_DATES} dates")
    return values


def _added(
    component: Component, zones: Zones, default: tzinfo
) -> Iterator[tuple[Stamp, Length | None]]:
    """Yield the dates of RDATE, each with a length of its own where it is a period."""
    for item in component.all("RDATE"):
        for value in _listed(item):
            begin, slash, rest = value.partition("/")
            start = _stamp(item, begin, zones, default)
            if not slash:
                yield start, None
            elif rest.strip().upper().startswith(("P", "+P")):
                yield start, _duration(rest, item.place)
            else:
                yield start, _between(start, _stamp(item, rest, zones, default), item.place)


def _length(
    component: Component, begin: Property, start: Stamp, zones: Zones, default: tzinfo
) -> Length:
    """Return how long an event lasts: to DTEND, for DURATION, or its one day."""
    end, duration = component.one("DTEND"), component.one("DURATION")
    if end and duration:
        raise invalid("DTEND and DURATION do not go together", duration.place)
    if end:
        return _between(start, _stamp(end, end.value, zones, default), end.place)
    if duration:
        return _duration(duration.value, duration.place)
    if start.all_day:
        return Length(wall=timedelta(days=1))
    raise invalid("the event has neither DTEND nor DURATION", begin.place, remedy="give its end")


def _between(start: Stamp, end: Stamp, place: Place) -> Length:
    if start.all_day != end.all_day:
        raise invalid("one of start and end is a day, the other a time", place)
    length = Length(wall=end.local_in(start.zone) - start.local)
    if length.wall <= timedelta(0):
        remedy = "let the event end after it starts; the end of days is the day after the last"
        raise invalid("the event does not end after it starts", place, remedy=remedy)
    return _bounded(length, place)


def _duration(text: str, place: Place) -> Length:
    match = _DURATION.fullmatch(text.strip().upper())
    weeks, days, hours, minutes, seconds = (
        (int(item or 0) for item in match.groups()) if match else (0, 0, 0, 0, 0)
    )
    length = Length(
        wall=timedelta(weeks=weeks, days=days),
        exact=timedelta(hours=hours, minutes=minutes, seconds=seconds),
    )
    if length == Length():
        raise invalid(f'"{text[:40]}" is not a length of time above zero', place)
    return _bounded(length, place)


def _bounded(length: Length, place: Place) -> Length:
    if length.wall + length.exact > LONGEST:
        remedy = "end it earlier: a calendar is looked at again before that"
        raise invalid(f"the event is longer than {LONGEST.days} days", place, remedy=remedy)
    return length


def _rule(item: Property, zone: tzinfo) -> Rule:
    try:
        return localised(parse_rule(item.value.strip()), zone)
    except RuleError as error:
        raise invalid(f"RRULE: {error}", item.place) from error


def _sequence(component: Component) -> int:
    item = component.one("SEQUENCE")
    if item is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,9}", item.value.strip()):
        raise invalid(f'SEQUENCE is "{item.value[:20]}", not a number', item.place)
    return int(item.value)


def _and_following(replaces: Property) -> bool:
    reach = replaces.parameters.get("RANGE", "").upper()
    if reach not in {"", "THISANDFUTURE"}:
        raise invalid(f"RANGE={reach[:20]} is not followed", replaces.place)
    return bool(reach)


def _series(
    events: tuple[Event, ...], *, within: Interval, wide: bool, budget: Budget
) -> Iterator[Happening]:
    """Yield the occurrences of the events that share a UID."""
    replacing = _latest([event for event in events if event.replaces])
    for event in _latest([event for event in events if not event.replaces]):
        if not event.cancelled:
            yield from _unfold(event, replacing, within=within, wide=wide, budget=budget)
    for event in replacing:
        interval = span(event.start.local, event.length, event.start.zone, wide=wide)
        if interval and not event.cancelled:
            yield Happening(interval, event)


def _latest(events: list[Event]) -> list[Event]:
    """Keep of every occurrence, or of the series itself, the version of the highest SEQUENCE."""
    kept: dict[datetime | None, Event] = {}
    for event in events:
        key = event.replaced_moment if event.replaces else None
        other = kept.get(key)
        if other and other.sequence == event.sequence:
            raise invalid(
                f'the event begun on line {other.place.line} has the same UID "{event.uid[:60]}" '
                "and SEQUENCE, so one of the two would be lost",
                event.place,
                remedy="give each event a UID of its own",
            )
        if not other or event.sequence > other.sequence:
            kept[key] = event
    return list(kept.values())


def _unfold(
    event: Event, replacing: Sequence[Event], *, within: Interval, wide: bool, budget: Budget
) -> Iterator[Happening]:
    zone = event.start.zone
    following = sorted(
        (item for item in replacing if item.and_following), key=lambda item: item.replaced_moment
    )
    from_then_on = [item.replaced_moment for item in following]
    gone, gone_days = _gone(event, replacing)
    found = _starts(event, following, within=within, budget=budget)
    ends = [rule.until for rule in event.rules if rule.until]
    if ends and max(ends) < event.start.local and not wide:
        # programs end a series they delete before its start; a freeze is kept all the same
        found.pop(event.start.local)
    for local, lengths in found.items():
        moment = instant(local, zone)
        if moment in gone or local.date() in gone_days:
            continue
        later = bisect_left(from_then_on, moment)
        shape = following[later - 1] if later else event
        start = local + _shift(shape)
        told = [span(start, own or shape.length, zone, wide=wide) for own in lengths]
        possible = [interval for interval in told if interval]
        if len(possible) == len(told) and not shape.cancelled:
            choose = max if wide else min
            yield Happening(choose(possible, key=lambda item: item.end), shape)


def _gone(event: Event, replacing: Sequence[Event]) -> tuple[set[datetime], set[date]]:
    """Return the moments and the days at which a series does not take place itself."""
    stamps = [*event.removed, *(item.replaces for item in replacing if item.replaces)]
    moments = {stamp.moment for stamp in stamps if not stamp.all_day}
    days = {
        stamp.day_in(event.start.zone) for stamp in stamps if stamp.all_day or event.start.all_day
    }
    return moments, days


def _shift(event: Event) -> timedelta:
    """Return by how much a replacement moves the occurrences that follow it."""
    if event.replaces is None:
        return timedelta(0)
    return event.start.local - event.replaces.local_in(event.start.zone)


def _starts(
    event: Event, following: Sequence[Event], *, within: Interval, budget: Budget
) -> dict[datetime, list[Length | None]]:
    """Return the wall-clock starts of a series that matter, with lengths of their own.

    A start that is given twice is one (section 3.8.5.2), but it may be given two lengths.
    """
    zone = event.start.zone
    found: dict[datetime, list[Length | None]] = {event.start.local: [None]}
    length = max(item.length.wall + item.length.exact for item in (event, *following))
    reach = SLACK + max((abs(_shift(item)) for item in following), default=timedelta(0))
    since = within.start.replace(tzinfo=None) - length - reach
    until = within.end.replace(tzinfo=None) + reach
    for rule in event.rules:
        for local in starts(rule, event.start.local, since=since, until=until, budget=budget):
            found[local] = [None]
            if len(found) > MAX_DATES:
                raise too_large(f"{event.place}: the event recurs more than {MAX_DATES} times")
    for stamp, own in event.added:
        found.setdefault(stamp.local_in(zone), []).append(own)
    return found
