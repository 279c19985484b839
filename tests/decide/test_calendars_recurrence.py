"""Recurrence rules: against dateutil where both follow RFC 5545, and by the RFC's own examples."""

# ruff: noqa: DTZ001 - wall-clock times have no zone

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from itil_gate.decide.recurrence import Budget, RuleError, parse_rule, starts
from itil_gate.model.errors import GateError

FIRST = datetime(1997, 9, 2, 9)
FAR = datetime(2400, 1, 1)


def run(
    text: str, first: datetime = FIRST, *, since: datetime | None = None, until: datetime = FAR
) -> list[datetime]:
    found = starts(
        parse_rule(text), first, since=since or first, until=until, budget=Budget(1_000_000)
    )
    return list(islice(found, 20))


def days(text: str, count: int, first: datetime = FIRST) -> list[str]:
    return [f"{start:%Y-%m-%d}" for start in run(text, first)[:count]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # section 3.8.5.3 of RFC 5545, with DTSTART 1997-09-02T09:00, a Tuesday
        ("FREQ=DAILY;COUNT=3", ["1997-09-02", "1997-09-03", "1997-09-04"]),
        ("FREQ=WEEKLY;INTERVAL=2;WKST=SU", ["1997-09-02", "1997-09-16", "1997-09-30"]),
        ("FREQ=MONTHLY;BYDAY=1FR", ["1997-09-05", "1997-10-03", "1997-11-07"]),
        ("FREQ=MONTHLY;INTERVAL=2;BYDAY=1SU,-1SU", ["1997-09-07", "1997-09-28", "1997-11-02"]),
        ("FREQ=MONTHLY;BYDAY=-2MO", ["1997-09-22", "1997-10-20", "1997-11-17"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-3", ["1997-09-28", "1997-10-29", "1997-11-28"]),
        ("FREQ=MONTHLY;BYMONTHDAY=1,-1", ["1997-09-30", "1997-10-01", "1997-10-31"]),
        ("FREQ=YEARLY;INTERVAL=3;BYYEARDAY=1,100,200", ["2000-01-01", "2000-04-09", "2000-07-18"]),
        ("FREQ=YEARLY;BYDAY=20MO", ["1998-05-18", "1999-05-17", "2000-05-15"]),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", ["1998-05-11", "1999-05-17", "2000-05-15"]),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=TH", ["1998-03-05", "1998-03-12", "1998-03-19"]),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", ["1998-02-13", "1998-03-13", "1998-11-13"]),
        (
            "FREQ=MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=3",
            ["1997-09-04", "1997-10-07", "1997-11-06"],
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
            ["1997-09-29", "1997-10-30", "1997-11-27"],
        ),
        ("FREQ=YEARLY", ["1997-09-02", "1998-09-02", "1999-09-02"]),
        ("FREQ=YEARLY;BYMONTH=6,7", ["1998-06-02", "1998-07-02", "1999-06-02"]),
    ],
)
def test_the_examples_of_the_rfc_come_out(text: str, wanted: list[str]) -> None:
    assert days(text, 3) == wanted


def test_elections_are_on_the_tuesday_after_a_monday_of_november() -> None:
    text = "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8"
    found = days(text, 3, datetime(1996, 11, 5, 9))
    assert found == ["1996-11-05", "2000-11-07", "2004-11-02"]


def test_days_that_a_month_does_not_have_are_left_out() -> None:
    first = datetime(2026, 1, 31, 9)
    assert days("FREQ=MONTHLY", 3, first) == ["2026-01-31", "2026-03-31", "2026-05-31"]


def test_the_29_of_february_comes_in_leap_years_only() -> None:
    assert days("FREQ=YEARLY", 2, datetime(2024, 2, 29)) == ["2024-02-29", "2028-02-29"]


@pytest.mark.parametrize(("week_start", "second"), [("MO", "1997-08-10"), ("SU", "1997-08-17")])
def test_the_first_day_of_the_week_matters_to_every_other_week(
    week_start: str, second: str
) -> None:
    text = f"FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST={week_start}"
    assert days(text, 4, datetime(1997, 8, 5, 9))[1] == second


def test_a_week_number_alone_means_the_weekday_of_the_start() -> None:
    assert days("FREQ=YEARLY;BYWEEKNO=20", 2) == ["1998-05-12", "1999-05-18"]


def test_weekdays_with_and_without_a_number_are_both_meant() -> None:
    found = days("FREQ=MONTHLY;BYDAY=MO,1TU", 3, datetime(2026, 6, 1))
    assert found == ["2026-06-01", "2026-06-02", "2026-06-08"]


def test_until_a_day_includes_that_day() -> None:
    assert days("FREQ=DAILY;UNTIL=19970904", 9)[-1] == "1997-09-04"


def test_until_a_time_includes_that_time() -> None:
    assert days("FREQ=DAILY;UNTIL=19970904T090000", 9)[-1] == "1997-09-04"
    assert days("FREQ=DAILY;UNTIL=19970904T085959", 9)[-1] == "1997-09-03"


def test_a_count_counts_from_the_beginning_wherever_it_is_asked_from() -> None:
    found = run("FREQ=DAILY;COUNT=10", since=datetime(1997, 9, 10))
    assert [start.day for start in found] == [10, 11]


def test_hours_are_expanded_and_kept_to_the_days_of_the_rule() -> None:
    found = run("FREQ=HOURLY;INTERVAL=6;BYDAY=WE", until=datetime(1997, 9, 5))
    assert [f"{start:%d %H}" for start in found] == ["03 03", "03 09", "03 15", "03 21"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("FREQ=FORTNIGHTLY", "FREQ"),
        ("BYDAY=MO", "FREQ"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=0MO", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=2MO", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=54MO", "BYDAY"),
        ("FREQ=YEARLY;BYWEEKNO=2;BYDAY=1MO", "BYDAY"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;COUNT=-1", "COUNT"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20260101", "COUNT"),
        ("FREQ=DAILY;UNTIL=20260231", "UNTIL"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR"),
        ("FREQ=DAILY;BYMONTH=-1", "BYMONTH"),
        ("FREQ=DAILY;BYEASTER=0", "BYEASTER"),
        ("FREQ=DAILY;RSCALE=HEBREW", "RSCALE"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ"),
        ("FREQ=DAILY;WKST=XX", "WKST"),
        ("FREQ=DAILY;;COUNT=1", "NAME=VALUE"),
        ("FREQ=DAILY;COUNT=", "NAME=VALUE"),
        ("FREQ=DAILY;INTERVAL=٣", "INTERVAL"),
        ("", "NAME=VALUE"),
    ],
)
def test_what_is_not_a_rule_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(RuleError, match=complaint):
        parse_rule(text)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;INTERVAL=5",
        "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0,10,20,30,40,45,50,55,59",
        "FREQ=HOURLY;BYMINUTE=0,30",
    ],
)
def test_a_rule_with_more_than_24_starts_a_day_is_too_large(text: str) -> None:
    with pytest.raises(GateError) as caught:
        parse_rule(text)
    assert caught.value.code == "calendar-too-large"


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=WEEKLY;COUNT=99999;BYMONTH=2;BYMONTHDAY=30",
    ],
)
def test_a_rule_that_never_matches_runs_out_of_budget(text: str) -> None:
    found = starts(
        parse_rule(text), FIRST, since=FIRST, until=datetime(9999, 1, 1), budget=Budget(10_000)
    )
    with pytest.raises(GateError) as caught:
        list(found)
    assert caught.value.code == "calendar-too-large"


@pytest.mark.parametrize("text", ["FREQ=HOURLY", "FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY"])
def test_the_past_of_an_endless_rule_costs_nothing(text: str) -> None:
    found = starts(
        parse_rule(text),
        datetime(1700, 1, 1),
        since=datetime(2026, 1, 1),
        until=datetime(2026, 2, 1),
        budget=Budget(4_000),
    )
    assert next(found) in {datetime(2026, 1, 1), datetime(2026, 1, 2)}
    assert all(start < datetime(2026, 2, 2) for start in found)


FREQUENCIES = st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"])


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Rules on which dateutil and RFC 5545 agree."""
    frequency = draw(FREQUENCIES)
    parts = [f"FREQ={frequency}"]
    few = {"min_size": 1, "max_size": 3, "unique": True}

    def add(key: str, values: st.SearchStrategy[int]) -> None:
        chosen = draw(st.none() | st.lists(values, **few))  # type: ignore[arg-type]
        if chosen:
            parts.append(f"{key}={','.join(map(str, chosen))}")

    add("BYMONTH", st.integers(1, 12))
    add("BYMONTHDAY", st.integers(1, 31) | st.integers(-31, -1))
    add("BYHOUR", st.integers(0, 23))
    if frequency != "HOURLY":
        add("BYMINUTE", st.integers(0, 59))
    if frequency == "YEARLY":
        add("BYYEARDAY", st.integers(1, 366) | st.integers(-366, -1))
    nth = draw(st.sampled_from(["", "1", "-1", "2", "-5"]))
    nth = nth if frequency in {"YEARLY", "MONTHLY"} else ""
    chosen = draw(st.lists(st.sampled_from(["MO", "TU", "WE", "SA", "SU"]), max_size=3))
    if chosen:
        parts.append("BYDAY=" + ",".join(nth + day for day in chosen))
        if frequency == "YEARLY" and not nth and draw(st.booleans()):
            parts.append(f"BYWEEKNO={draw(st.integers(2, 51))}")
    if len(parts) > 1:
        add("BYSETPOS", st.integers(1, 5) | st.integers(-5, -1))
    parts.append(f"INTERVAL={draw(st.integers(1, 5))}")
    parts.append(f"WKST={draw(st.sampled_from(['MO', 'SU', 'SA']))}")
    end = draw(st.sampled_from(["", "COUNT=20", "UNTIL=20270110T120000"]))
    return ";".join([*parts, end] if end else parts)


@pytest.mark.heavy
@settings(max_examples=150, deadline=None)
@given(
    rules(),
    st.datetimes(datetime(2023, 1, 1), datetime(2026, 6, 1)),
    st.integers(0, 800),
)
def test_rules_start_when_dateutil_says(text: str, first: datetime, offset: int) -> None:
    first = first.replace(microsecond=0)
    if "WEEKLY" in text and "BYSETPOS" in text:
        # dateutil counts positions of the first week from its first day on, RFC 5545 from the
        # beginning of the week ("a set of recurrence instances starts at the beginning of the
        # interval", section 3.3.10).
        opening = {"MO": 0, "SA": 5, "SU": 6}[text.partition("WKST=")[2][:2]]
        first -= timedelta(days=(first.weekday() - opening) % 7)
    since = first + timedelta(days=offset)
    until = since + timedelta(days=400)
    # dateutil searches to the year 9999 for a rule that never matches
    assume(any(run(text, first, until=first + timedelta(days=6 * 365))))
    wanted = []
    for start in rrulestr(text, dtstart=first).xafter(since, inc=True, count=60):
        if start > until:
            break
        wanted.append(start)
    found = list(starts(parse_rule(text), first, since=since, until=until, budget=Budget(500_000)))
    assert found[:60] == wanted
