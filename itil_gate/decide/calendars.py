"""When freezes and maintenance windows take place: the occurrences of inline and .ics periods.

A freeze is read wide and a window narrow where a text allows two readings. A calendar that cannot
be read, or takes too much work to expand, is an error and never an empty calendar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from itil_gate.decide.intervals import overlaps
from itil_gate.decide.recurrence import Budget, RuleError, localised, parse_rule, starts
from itil_gate.decide.wallclock import SLACK, Length, span
from itil_gate.model.errors import ConfigError, GateError
from itil_gate.model.finding import Finding
from itil_gate.model.frozen import frozen
from itil_gate.model.zones import zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from itil_gate.model.calendar import Calendar, CalendarScope, Interval, Period
    from itil_gate.model.policy import CalendarText

Means = Literal["freeze", "window"]
MAX_OCCURRENCES = 10_000
MAX_SHOWN = 300


@frozen
class Source:
    """What says that a freeze or a window exists: a period of a calendar, or a file of one."""

    calendar: str
    means: Means
    id: str
    """Id of the inline period, or path of the file."""
    scope: CalendarScope
    file: str | None = None

    def __str__(self) -> str:
        """Name it as messages do."""
        return f"{self.means} {self.id} of the calendar {self.calendar}"


@frozen
class Occurrence:
    """One time that a freeze or a window takes place."""

    interval: Interval
    source: Source
    id: str
    """Id of the inline period, or UID of the event."""
    title: str
    """Id of the inline period, or summary of the event."""
    reason: str


def sources(calendars: Sequence[Calendar]) -> tuple[Source, ...]:
    """Return every freeze and window that is defined, whether or not it takes place again."""
    return tuple(source for calendar in calendars for source, _ in _contents(calendar))


def expand(
    calendars: Sequence[Calendar], texts: Sequence[CalendarText], *, within: Interval
) -> tuple[Occurrence, ...]:
    """Return the occurrences that share a moment with a span, in order of time.

    Raises ConfigError `calendar-invalid` for what cannot be read and `calendar-missing` for a file
    that is named but not among the texts; GateError `calendar-too-large` for a period of more than
    10,000 occurrences, or calendars that take more than half a million steps to expand.
    """
    budget = Budget()
    by_path = {text.path: text.text for text in texts}
    found: list[Occurrence] = []
    for calendar in calendars:
        for source, period in _contents(calendar):
            if period is None:
                every = _of_file(source, by_path, within=within, budget=budget)
            else:
                every = _of_period(source, period, within=within, budget=budget)
            mine = [item for item in every if overlaps(item.interval, within)]
            if len(mine) > MAX_OCCURRENCES:
                raise GateError(
                    "calendar-too-large",
                    f"the {source} takes place more than {MAX_OCCURRENCES} times",
                    hint="let it recur less often, or shorten the window of the change",
                )
            found += mine
    return tuple(sorted(found, key=_order))


def _contents(calendar: Calendar) -> Iterator[tuple[Source, Period | None]]:
    name, spec = calendar.metadata.name, calendar.spec
    lists: tuple[tuple[Means, tuple[Period, ...]], ...] = (
        ("freeze", spec.freezes),
        ("window", spec.windows),
    )
    for means, periods in lists:
        for period in periods:
            yield Source(name, means, period.id, period.scope), period
    for entry in spec.files:
        yield Source(name, entry.means, entry.path, entry.scope, file=entry.path), None


def _of_period(
    source: Source, period: Period, *, within: Interval, budget: Budget
) -> Iterator[Occurrence]:
    where = zone(period.timezone)
    length = Length(wall=period.end - period.start)
    for local in _starts(source, period, within=within, budget=budget):
        interval = span(local, length, where, wide=source.means == "freeze")
        if interval:
            yield Occurrence(interval, source, period.id, period.id, period.reason)


def _starts(source: Source, period: Period, *, within: Interval, budget: Budget) -> set[datetime]:
    found = {period.start}
    if period.rrule is None:
        return found
    try:
        rule = localised(parse_rule(period.rrule), zone(period.timezone))
    except RuleError as error:
        raise _invalid(source, f"rrule: {error}") from error
    if rule.until and rule.until < period.start:
        raise _invalid(source, "rrule: UNTIL lies before the period starts")
    since = within.start.replace(tzinfo=None) - (period.end - period.start) - SLACK
    until = within.end.replace(tzinfo=None) + SLACK
    return found.union(starts(rule, period.start, since=since, until=until, budget=budget))


def _of_file(
    source: Source, texts: Mapping[str, str], *, within: Interval, budget: Budget
) -> Iterator[Occurrence]:
    from itil_gate.decide.ics_events import happenings  # noqa: PLC0415 - only where there is one

    text = texts.get(source.id)
    if text is None:
        raise ConfigError(
            "calendar-missing",
            f"the file {source.id} of the calendar {source.calendar} is not there",
            hint="add the file on the target branch, or take it out of the calendar",
        )
    wide = source.means == "freeze"
    for item in happenings(text, file=source.id, within=within, wide=wide, budget=budget):
        event = item.event
        reason = event.description or event.title
        yield Occurrence(item.interval, source, event.uid, _short(event.title), _short(reason))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_SHOWN else f"{line[: MAX_SHOWN - 1]}…"


def _order(item: Occurrence) -> tuple[datetime, datetime, str, str, str, str]:
    interval, source = item.interval, item.source
    return interval.start, interval.end, source.means, source.calendar, source.id, item.id


def _invalid(source: Source, message: str) -> ConfigError:
    remedy = "write a recurrence rule as in RFC 5545, for example FREQ=WEEKLY;BYDAY=SA"
    return ConfigError(
        "calendar-invalid",
        f"the {source}: {message}",
        findings=(Finding(rule="calendar-invalid", message=f"{source}: {message}", remedy=remedy),),
        hint=remedy,
    )
