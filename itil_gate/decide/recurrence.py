"""Recurrence rules (RFC 5545, section 3.3.10) on wall-clock time, with bounded work.

A rule that never matches, or matches every second, costs an attacker one line. So every day and
every time looked at is paid for from a budget, rules without COUNT are not followed from their
beginning but from where they are asked about, and rules by the minute or second are refused.
Only `localised` knows time zones.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import TYPE_CHECKING, Literal

from itil_gate.decide.wallclock import instant
from itil_gate.model.errors import GateError
from itil_gate.model.frozen import frozen, replace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

Frequency = Literal["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"]
FREQUENCIES: tuple[Frequency, ...] = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY")
TOO_FREQUENT = ("MINUTELY", "SECONDLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
WORK = 500_000
TIMES_A_DAY = 24
LAST = datetime(9000, 1, 1)  # noqa: DTZ001  # wall-clock, far from where arithmetic overflows
_SECOND = timedelta(seconds=1)
_UNTIL = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?")
_DAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")


class RuleError(ValueError):
    """A text is not a recurrence rule we follow; the message says why."""


class Budget:
    """How many days and times one expansion may still look at; hostile rules run out of it."""

    def __init__(self, steps: int = WORK) -> None:
        self._left = steps

    def spend(self, steps: int = 1) -> None:
        """Pay for some steps. Raises GateError `calendar-too-large` when none are left."""
        self._left -= steps
        if self._left < 0:
            raise GateError(
                "calendar-too-large",
                f"the calendars need more than {WORK} steps to expand",
                hint="shorten the recurrence rules: a later start where there is a COUNT, an UNTIL",
            )


@frozen
class Rule:
    """A parsed recurrence rule; an empty set means that the part is not given."""

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    """The last start, inclusive: wall-clock time, or UTC where the rule says Z."""
    months: frozenset[int] = frozenset()
    week_numbers: frozenset[int] = frozenset()
    year_days: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    week_days: frozenset[tuple[int, int]] = frozenset()
    """Weekday from 0 for Monday, and which of the period: 0 for each, -1 for the last."""
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    seconds: tuple[int, ...] = ()
    positions: frozenset[int] = frozenset()
    week_start: int = 0


def parse_rule(text: str) -> Rule:
    """Return the rule that a text such as `FREQ=WEEKLY;BYDAY=SA` writes.

    Raises RuleError for what RFC 5545 does not allow or this gate does not follow, and GateError
    `calendar-too-large` for rules by the minute or second and for more than 24 starts a day.
    """
    parts: dict[str, str] = {}
    for part in text.upper().removesuffix(";").split(";"):
        key, _, value = part.partition("=")
        if not value:
            raise RuleError(f'"{part[:40]}" is not of the form NAME=VALUE')
        if key in parts:
            raise RuleError(f"{key[:20]} is given twice")
        parts[key] = value
    if "COUNT" in parts and "UNTIL" in parts:
        raise RuleError("COUNT and UNTIL do not go together")
    frequency = _frequency(parts.pop("FREQ", ""))
    rule = Rule(
        frequency=frequency,
        interval=_number("INTERVAL", parts.pop("INTERVAL", "1"), low=1, high=99_999),
        count=_number("COUNT", parts.pop("COUNT"), low=1, high=99_999)
        if "COUNT" in parts
        else None,
        until=_until(parts.pop("UNTIL")) if "UNTIL" in parts else None,
        months=_numbers(parts, "BYMONTH", 1, 12),
        week_numbers=_numbers(parts, "BYWEEKNO", 1, 53, signed=True),
        year_days=_numbers(parts, "BYYEARDAY", 1, 366, signed=True),
        month_days=_numbers(parts, "BYMONTHDAY", 1, 31, signed=True),
        week_days=_weekdays(parts.pop("BYDAY", "")),
        hours=tuple(sorted(_numbers(parts, "BYHOUR", 0, 23))),
        minutes=tuple(sorted(_numbers(parts, "BYMINUTE", 0, 59))),
        seconds=tuple(sorted(_numbers(parts, "BYSECOND", 0, 59))),
        positions=_numbers(parts, "BYSETPOS", 1, 366, signed=True),
        week_start=_week_start(parts.pop("WKST", "MO")),
    )
    if parts:
        raise RuleError(f"{min(parts)[:20]} is not a part of a recurrence rule")
    if any(nth for _, nth in rule.week_days) and (
        frequency not in {"YEARLY", "MONTHLY"} or rule.week_numbers
    ):
        raise RuleError("BYDAY takes a number only in yearly and monthly rules without BYWEEKNO")
    _check_density(rule)
    return rule


def localised(rule: Rule, zone: tzinfo) -> Rule:
    """Return the rule with an UNTIL in UTC turned into wall-clock time of a zone.

    In an hour that comes for the second time, every time of that hour has come before (section
    3.3.5: it means the first), so the rule ends with the last second of the hour.
    """
    moment = rule.until
    if moment is None or moment.tzinfo is None:
        return rule
    local = moment.astimezone(zone).replace(tzinfo=None)
    repeated = (moment - instant(local, zone)) // _SECOND
    more = bisect_right(
        range(1, repeated), moment, key=lambda later: instant(local + later * _SECOND, zone)
    )
    return replace(rule, until=local + more * _SECOND)


def starts(
    rule: Rule, first: datetime, *, since: datetime, until: datetime, budget: Budget
) -> Iterator[datetime]:
    """Yield the wall-clock starts of a rule in order, from `since` to `until` inclusive.

    `first` is DTSTART: it lends the rule what the rule leaves out, and nothing starts before it.
    It is yielded only where it matches the rule; callers add it otherwise. `rule.until` has to be
    wall-clock time: see `localised`.
    """
    rule = _complete(rule, first)
    last = min(until, rule.until or until, LAST)
    index = 0 if rule.count else max(0, _index(rule, first, since))
    produced = 0
    while (days := _days(rule, first, index, last)) is not None:
        budget.spend(len(days) + 1)
        times = _times(rule, first, index)
        found = [datetime.combine(day, at) for day in days if _matches(rule, day) for at in times]
        budget.spend(len(found))
        for start in _at_positions(rule.positions, found):
            if start < first:
                continue
            produced += 1
            if start > last or (rule.count and produced > rule.count):
                return
            if start >= since:
                yield start
        index += 1


def _frequency(text: str) -> Frequency:
    for known in FREQUENCIES:
        if text == known:
            return known
    if text in TOO_FREQUENT:
        raise GateError(
            "calendar-too-large",
            f"a recurrence rule is {text.lower()}: that is more starts than a calendar can mean",
            hint="let the period be longer and recur hourly at most",
        )
    raise RuleError(f'FREQ is "{text[:20]}", not one of {", ".join(FREQUENCIES)}')


def _number(key: str, text: str, *, low: int, high: int, signed: bool = False) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,9}" if signed else r"[0-9]{1,9}", text):
        raise RuleError(f'{key} holds "{text[:20]}", which is not a number it takes')
    value = int(text)
    if not low <= abs(value) <= high:
        raise RuleError(f"{key} is {value}, outside {low} to {high}")
    return value


def _numbers(
    parts: dict[str, str], key: str, low: int, high: int, *, signed: bool = False
) -> frozenset[int]:
    text = parts.pop(key, "")
    items = text.split(",") if text else ()
    return frozenset(_number(key, item, low=low, high=high, signed=signed) for item in items)


def _weekdays(text: str) -> frozenset[tuple[int, int]]:
    days = set()
    for item in text.split(",") if text else ():
        match = _DAY.fullmatch(item)
        if match is None or (match[1] and not 1 <= abs(int(match[1])) <= 53):  # noqa: PLR2004 - weeks
            raise RuleError(f'BYDAY holds "{item[:20]}", which is not a weekday')
        days.add((WEEKDAYS.index(match[2]), int(match[1] or 0)))
    return frozenset(days)


def _week_start(text: str) -> int:
    if text not in WEEKDAYS:
        raise RuleError(f'WKST is "{text[:20]}", which is not a weekday')
    return WEEKDAYS.index(text)


def _until(text: str) -> datetime:
    """Read UNTIL; a day without a time is meant to its end, as people mean it."""
    match = _UNTIL.fullmatch(text)
    if match is None:
        raise RuleError(f'UNTIL is "{text[:20]}", which is not a date')
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
        clock = time(int(match[4]), int(match[5]), int(match[6])) if "T" in text else time.max
    except ValueError as error:
        raise RuleError(f'UNTIL is "{text}": {error}') from error
    until = min(datetime.combine(day, clock), LAST)
    return until.replace(tzinfo=UTC) if match[7] else until


def _check_density(rule: Rule) -> None:
    hours = TIMES_A_DAY if rule.frequency == "HOURLY" else max(1, len(rule.hours))
    times = hours * max(1, len(rule.minutes)) * max(1, len(rule.seconds))
    if times > TIMES_A_DAY:
        raise GateError(
            "calendar-too-large",
            f"a recurrence rule starts up to {times} times a day, at most {TIMES_A_DAY} are taken",
            hint="let the period be longer and recur hourly at most",
        )


def _complete(rule: Rule, first: datetime) -> Rule:
    """Take from DTSTART what the rule leaves out."""
    months, month_days, week_days = rule.months, rule.month_days, rule.week_days
    if not (rule.year_days or month_days or week_days):
        if rule.frequency == "WEEKLY" or rule.week_numbers:
            week_days = frozenset({(first.weekday(), 0)})
        elif rule.frequency in {"YEARLY", "MONTHLY"}:
            month_days = frozenset({first.day})
            if rule.frequency == "YEARLY":
                months = months or frozenset({first.month})
    return replace(
        rule,
        months=months,
        month_days=month_days,
        week_days=week_days,
        hours=rule.hours or (() if rule.frequency == "HOURLY" else (first.hour,)),
        minutes=rule.minutes or (first.minute,),
        seconds=rule.seconds or (first.second,),
    )


def _index(rule: Rule, first: datetime, moment: datetime) -> int:
    """Return which period of the rule, counted from DTSTART's, holds a moment."""
    if rule.frequency == "YEARLY":
        steps = moment.year - first.year
    elif rule.frequency == "MONTHLY":
        steps = 12 * (moment.year - first.year) + moment.month - first.month
    elif rule.frequency == "WEEKLY":
        steps = (moment.toordinal() - _week(rule, first.toordinal())) // 7
    elif rule.frequency == "DAILY":
        steps = moment.toordinal() - first.toordinal()
    else:
        steps = _hour(moment) - _hour(first)
    return steps // rule.interval


def _days(rule: Rule, first: datetime, index: int, last: datetime) -> list[date] | None:
    """Return the days of a period of the rule, or None if it begins after `last`."""
    step = index * rule.interval
    if rule.frequency == "YEARLY":
        year = first.year + step
        months = sorted(rule.months) or range(1, 13)
        return None if year > last.year else [d for month in months for d in _month(year, month)]
    if rule.frequency == "MONTHLY":
        year, month = divmod(12 * first.year + first.month - 1 + step, 12)
        return None if year > last.year else _month(year, month + 1)
    if rule.frequency == "WEEKLY":
        begin, end = _week(rule, first.toordinal()) + 7 * step, 7
    elif rule.frequency == "DAILY":
        begin, end = first.toordinal() + step, 1
    else:
        begin, end = (_hour(first) + step) // 24, 1
    if begin > last.toordinal():
        return None
    return [date.fromordinal(day) for day in range(max(1, begin), begin + end)]


def _times(rule: Rule, first: datetime, index: int) -> list[time]:
    hours = rule.hours
    if rule.frequency == "HOURLY":
        hour = (_hour(first) + index * rule.interval) % 24
        hours = (hour,) if not hours or hour in hours else ()
    return [
        time(hour, minute, second, first.microsecond)
        for hour, minute, second in product(hours, rule.minutes, rule.seconds)
    ]


def _matches(rule: Rule, day: date) -> bool:
    if rule.months and day.month not in rule.months:
        return False
    if rule.month_days and not {day.day, _from_month_end(day)} & rule.month_days:
        return False
    if rule.week_days and not _on_weekday(rule, day):
        return False
    if rule.year_days and not set(_place_in_year(day)) & rule.year_days:
        return False
    return not rule.week_numbers or bool(set(_week_number(rule, day)) & rule.week_numbers)


def _from_month_end(day: date) -> int:
    return day.day - monthrange(day.year, day.month)[1] - 1


def _on_weekday(rule: Rule, day: date) -> bool:
    """Tell whether a day is one of BYDAY: each such weekday, or the nth of month or year."""
    weekday = day.weekday()
    if (weekday, 0) in rule.week_days:
        return True
    place, back = day.day, _from_month_end(day)
    if rule.frequency == "YEARLY" and not rule.months:
        place, back = _place_in_year(day)
    nth = {(place - 1) // 7 + 1, -((-back - 1) // 7 + 1)}
    return any((weekday, item) in rule.week_days for item in nth)


def _place_in_year(day: date) -> tuple[int, int]:
    """Return a day's number in its year, from the beginning and, negative, from the end."""
    place = day.toordinal() - date(day.year, 1, 1).toordinal() + 1
    return place, day.toordinal() - date(day.year, 12, 31).toordinal() - 1


def _week_number(rule: Rule, day: date) -> tuple[int, int]:
    """Return the number of a day's week, from the beginning of the week's year and from its end.

    A week belongs to the year that holds its fourth day; ISO 8601 if weeks begin on Monday.
    """
    fourth = date.fromordinal(_week(rule, day.toordinal()) + 3)
    number = (_place_in_year(fourth)[0] - 1) // 7 + 1
    return number, -((-_place_in_year(fourth)[1] - 1) // 7 + 1)


def _at_positions(positions: frozenset[int], found: list[datetime]) -> list[datetime]:
    if not positions:
        return found
    size = len(found)
    return [
        start
        for place, start in enumerate(found)
        if place + 1 in positions or place - size in positions
    ]


def _week(rule: Rule, day: int) -> int:
    """Return the ordinal of the first day of the week in which a day lies."""
    return day - (date.fromordinal(day).weekday() - rule.week_start) % 7


def _hour(moment: datetime) -> int:
    return moment.toordinal() * 24 + moment.hour


def _month(year: int, month: int) -> list[date]:
    begin = date(year, month, 1)
    return [begin + timedelta(days=day) for day in range(monthrange(year, month)[1])]
