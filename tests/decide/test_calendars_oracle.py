"""Series of events against recurring_ical_events, which other people wrote and use.

It is not needed to run the gate, so these tests are skipped where it is not installed.
"""

# ruff: noqa: DTZ001 - wall-clock times have no zone

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from itil_gate.decide.ics_events import happenings
from itil_gate.decide.recurrence import Budget
from itil_gate.model.calendar import Interval

icalendar = pytest.importorskip("icalendar")
recurring_ical_events = pytest.importorskip("recurring_ical_events")

WITHIN = Interval(start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 12, 1, tzinfo=UTC))
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC")
# at noon, and when events end, no clock is changed, so the two agree on every moment
NOON = st.datetimes(datetime(2025, 6, 1), datetime(2026, 9, 1)).map(
    lambda moment: moment.replace(hour=12, minute=moment.minute // 15 * 15, second=0, microsecond=0)
)
RULES = st.sampled_from(
    [
        "",
        "FREQ=DAILY;COUNT=40",
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;BYDAY=MO,WE,FR",
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,TU;COUNT=20",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=MONTHLY;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=YEARLY",
        "FREQ=DAILY;UNTIL=20260720T200000Z",
    ]
)


def theirs(text: str) -> set[tuple[datetime, datetime]]:
    found = recurring_ical_events.of(icalendar.Calendar.from_ical(text.encode())).between(
        WITHIN.start, WITHIN.end
    )
    return {
        (moment(event["DTSTART"].dt), moment(event["DTEND"].dt))
        for event in found
        if event.get("STATUS") != "CANCELLED"
    }


def moment(value: date) -> datetime:
    """A day without a time is in UTC, as in a calendar that names no zone."""
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value.astimezone(UTC)


def ours(text: str) -> set[tuple[datetime, datetime]]:
    found = happenings(text, file="f", within=WITHIN, wide=True, budget=Budget())
    spans = {(item.interval.start, item.interval.end) for item in found}
    return {(start, end) for start, end in spans if start < WITHIN.end and end > WITHIN.start}


def stamp(local: datetime, zone: str) -> str:
    return f";TZID={zone}:{local:%Y%m%dT%H%M%S}"


def event(*lines: str) -> str:
    inside = "\r\n".join(["BEGIN:VEVENT", "UID:1", *lines, "END:VEVENT"])
    return f"BEGIN:VCALENDAR\r\n{inside}\r\nEND:VCALENDAR\r\n"


def ends_before_it_starts(text: str) -> bool:
    """Where a series ends before its start, a freeze is kept here and dropped there."""
    start = text.partition("DTSTART;TZID=")[2].partition(":")[2][:8]
    return "UNTIL=" in text and start > "20260720"


@st.composite
def calendars(draw: st.DrawFn) -> str:
    zone, first, rule = draw(st.sampled_from(ZONES)), draw(NOON), draw(RULES)
    hours = draw(st.integers(1, 11) | st.integers(18, 35) | st.integers(42, 59))
    lines = [
        "BEGIN:VEVENT",
        "UID:1",
        f"DTSTART{stamp(first, zone)}",
        f"DTEND{stamp(first + timedelta(hours=hours), zone)}",
    ]
    if rule:
        lines.append(f"RRULE:{rule}")
    steps = st.integers(0, 60).map(lambda days: first + timedelta(days=days))
    removed = draw(st.lists(steps, max_size=4, unique=True))
    added = draw(st.lists(NOON, max_size=3, unique=True))
    replaced = draw(st.lists(steps, max_size=2, unique=True))
    lines += [f"EXDATE{stamp(day, zone)}" for day in removed]
    lines += [f"RDATE{stamp(day, zone)}" for day in added]
    lines += ["END:VEVENT"]
    for day in set(replaced) - set(removed):
        moved = day + timedelta(hours=draw(st.integers(-70, 70)))
        moved = moved.replace(hour=13)
        lines += [
            "BEGIN:VEVENT",
            "UID:1",
            "SEQUENCE:1",
            f"RECURRENCE-ID{stamp(day, zone)}",
            f"DTSTART{stamp(moved, zone)}",
            f"DTEND{stamp(moved + timedelta(hours=1), zone)}",
            draw(st.sampled_from(["STATUS:CONFIRMED", "STATUS:CANCELLED"])),
            "END:VEVENT",
        ]
    inside = "\r\n".join(lines)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n{inside}\r\nEND:VCALENDAR\r\n"


@settings(max_examples=100, deadline=None)
@given(calendars())
def test_series_with_exceptions_take_place_when_another_library_says(text: str) -> None:
    assume(not ends_before_it_starts(text))
    assert ours(text) == theirs(text)


@settings(max_examples=40, deadline=None)
@given(
    st.dates(date(2025, 6, 1), date(2026, 9, 1)),
    st.integers(1, 20),
    st.sampled_from(["FREQ=WEEKLY;COUNT=30", "FREQ=MONTHLY;BYDAY=2MO", "FREQ=YEARLY"]),
    st.lists(st.integers(0, 12), max_size=3, unique=True),
)
def test_series_of_days_take_place_when_another_library_says(
    first: date, length: int, rule: str, removed: list[int]
) -> None:
    text = event(
        f"DTSTART;VALUE=DATE:{first:%Y%m%d}",
        f"DTEND;VALUE=DATE:{first + timedelta(days=length):%Y%m%d}",
        f"RRULE:{rule}",
        *(f"EXDATE;VALUE=DATE:{first + timedelta(weeks=week):%Y%m%d}" for week in removed),
    )
    assert ours(text) == theirs(text)


def test_the_oracle_can_disagree() -> None:
    one = event("DTSTART:20260701T120000Z", "DTEND:20260701T130000Z", "RRULE:FREQ=DAILY;COUNT=3")
    assert len(theirs(one)) == 3
    assert ours(one) != theirs(one.replace("COUNT=3", "COUNT=4"))
