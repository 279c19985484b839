"""What findings about the schedule say: how long, which freeze, whose windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from itil_gate.decide.calendars import Occurrence, Source
from itil_gate.decide.schedule_wording import Plan, in_freeze, outside, past, told, too_long
from itil_gate.model.calendar import CalendarScope, Interval

START = datetime(2026, 12, 24, 22, tzinfo=UTC)
SOURCE = Source("ops", "freeze", "p", CalendarScope())


def lasting(**length: int) -> Interval:
    return Interval(start=START, end=START + timedelta(**length))


def occurrence(title: str = "Audit", source: Source = SOURCE) -> Occurrence:
    return Occurrence(lasting(hours=1), source, "p", title, "they are here")


@pytest.mark.parametrize(
    ("length", "said"),
    [
        ({"minutes": 1}, "1 min"),
        ({"seconds": 1}, "1 min"),
        ({"seconds": 61}, "2 min"),
        ({"minutes": 59}, "59 min"),
        ({"minutes": 60}, "1 h"),
        ({"minutes": 61}, "1 h 1 min"),
        ({"hours": 23, "minutes": 59}, "23 h 59 min"),
        ({"hours": 24}, "1 d"),
        ({"days": 1, "minutes": 5}, "1 d 5 min"),
        ({"days": 2, "hours": 3, "minutes": 4}, "2 d 3 h 4 min"),
    ],
)
def test_a_length_is_told_in_days_hours_and_minutes(length: dict[str, int], said: str) -> None:
    found = in_freeze(Plan(lasting(**length), "UTC"), [occurrence()], [])
    assert found.remedy.startswith(f"nothing of {said} is free in the 90 days from then: ")


@pytest.mark.parametrize(("times", "more"), [(1, ""), (2, " and 1 more"), (3, " and 2 more")])
def test_a_freeze_is_told_once_and_how_often_else_it_is_met(times: int, more: str) -> None:
    found = in_freeze(Plan(lasting(hours=1), "UTC"), [occurrence()] * times, [])
    more = f"{more} time(s)" if more else ""
    assert found.message == (
        "the planned time, 2026-12-24 22:00 to 23:00 UTC, meets the freeze "
        f"Audit (calendar ops), 2026-12-24 22:00 to 23:00 UTC{more}: they are here"
    )


@pytest.mark.parametrize(
    ("count", "named"),
    [(1, "s0"), (5, "s0, s1, s2, s3, s4"), (6, "s0, s1, s2, s3, s4 and 1 more")],
)
def test_five_services_are_named_and_the_others_counted(count: int, named: str) -> None:
    found = outside(
        Plan(lasting(hours=1), "UTC"),
        services=[f"s{number}" for number in range(count)],
        environments=["production", "staging"],
        coming=[],
        slots=[],
    )
    assert found.message.endswith(
        f"does not lie within the maintenance windows of {named} in production, staging; "
        "none comes in the 90 days after it"
    )


def test_a_calendar_of_a_file_is_named_by_its_file() -> None:
    source = Source("ops", "window", "calendar/x.ics", CalendarScope(), file="calendar/x.ics")
    found = outside(
        Plan(lasting(hours=1), None),
        services=["wiki"],
        environments=["production"],
        coming=[occurrence(source=source), occurrence("later")],
        slots=[lasting(days=1)],
    )
    assert found.message == (
        "the time of this decision, 2026-12-24 22:00 UTC, does not lie within the maintenance "
        "windows of wiki in production; the next is Audit (calendar/x.ics), "
        "2026-12-24 22:00 to 23:00 UTC: they are here"
    )
    assert found.remedy == (
        "set spec.window to a free time: 2026-12-24 22:00 to 2026-12-25 22:00 UTC"
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (None, "2026-12-24 22:00 to 23:00 UTC"),
        ("UTC", "2026-12-24 22:00 to 23:00 UTC"),
        (
            "Europe/Berlin",
            "2026-12-24 22:00 to 23:00 UTC (2026-12-24 23:00 to 2026-12-25 00:00 Europe/Berlin)",
        ),
    ],
)
def test_a_time_is_told_in_utc_and_where_it_is_planned(name: str | None, said: str) -> None:
    assert told(lasting(hours=1), name) == said


def test_what_is_over_or_too_long_says_so_with_its_time() -> None:
    plan, now = Plan(lasting(hours=1), "UTC"), START + timedelta(hours=1)
    over = past(plan, now, [lasting(hours=2)])
    time = "the planned time, 2026-12-24 22:00 to 23:00 UTC,"
    assert (over.rule, over.message) == (
        "window-past",
        f"{time} is over: it is 2026-12-24 23:00 UTC",
    )
    assert over.remedy == (
        "move spec.window to a free time of 1 h, soak included: 2026-12-24 22:00 to "
        "2026-12-25 00:00 UTC"
    )
    long = too_long(plan, timedelta(days=366))
    assert (long.rule, long.message) == ("wrong-window", f"{time} is longer than 366 days")
