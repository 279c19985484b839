"""Recurrence rules at their edges: the bounds of every part, and what a rule costs."""

# ruff: noqa: DTZ001 - wall-clock times have no zone

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from itil_gate.decide.recurrence import Budget, Rule, RuleError, localised, parse_rule, starts
from itil_gate.model.errors import GateError

FIRST = datetime(2026, 1, 1, 9, 30, 15)
"""A Thursday."""
FAR = datetime(2400, 1, 1)


def run(
    text: str,
    first: datetime = FIRST,
    *,
    since: datetime | None = None,
    until: datetime = FAR,
    budget: int = 1_000_000,
) -> list[datetime]:
    rule = parse_rule(text)
    return list(starts(rule, first, since=since or first, until=until, budget=Budget(budget)))


def days(text: str) -> list[str]:
    return [f"{start:%m-%d}" for start in run(text)]


def refusal(text: str) -> str:
    with pytest.raises(RuleError) as caught:
        parse_rule(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("part", "low", "high", "signed"),
    [
        ("INTERVAL", 1, 99_999, False),
        ("COUNT", 1, 99_999, False),
        ("BYMONTH", 1, 12, False),
        ("BYWEEKNO", 1, 53, True),
        ("BYYEARDAY", 1, 366, True),
        ("BYMONTHDAY", 1, 31, True),
        ("BYHOUR", 0, 23, False),
        ("BYMINUTE", 0, 59, False),
        ("BYSECOND", 0, 59, False),
        ("BYSETPOS", 1, 366, True),
    ],
)
def test_every_part_takes_the_numbers_of_its_range(
    part: str,
    low: int,
    high: int,
    signed: bool,  # noqa: FBT001
) -> None:
    outside = f"outside {low} to {high}"
    for number in (low, high):
        parse_rule(f"FREQ=YEARLY;{part}={number}")
    assert refusal(f"FREQ=YEARLY;{part}={high + 1}") == f"{part} is {high + 1}, {outside}"
    assert refusal(f"FREQ=YEARLY;{part}=?") == f'{part} holds "?", which is not a number it takes'
    if low:
        assert refusal(f"FREQ=YEARLY;{part}=0") == f"{part} is 0, {outside}"
    if signed:
        parse_rule(f"FREQ=YEARLY;{part}=-{low},+{high},-{high}")
        assert refusal(f"FREQ=YEARLY;{part}=-{high + 1}") == f"{part} is -{high + 1}, {outside}"
    else:
        complaint = f'{part} holds "-{high}", which is not a number it takes'
        assert refusal(f"FREQ=YEARLY;{part}=-{high}") == complaint


def test_a_weekday_is_numbered_up_to_the_weeks_of_a_year() -> None:
    rule = parse_rule("FREQ=YEARLY;BYDAY=53MO,-53SU,+1TU,-1WE,TH")
    assert rule.week_days == {(0, 53), (6, -53), (1, 1), (2, -1), (3, 0)}
    for wrong in ("54MO", "-54SU", "0MO", "00MO", "1", "MOO", "1 MO"):
        assert refusal(f"FREQ=YEARLY;BYDAY={wrong}").startswith(f'BYDAY holds "{wrong}"')


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("BYDAY=MO", 'FREQ is "", not one of YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY'),
        ("FREQ=DAILY;BYEASTER=1;ALSO=2", "ALSO is not a part of a recurrence rule"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ is given twice"),
        ("FREQ=DAILY;COUNT=1;UNTIL=20260101", "COUNT and UNTIL do not go together"),
        ("FREQ=DAILY;WKST=XX", 'WKST is "XX", which is not a weekday'),
        ("FREQ=DAILY;UNTIL=2026-01-01", 'UNTIL is "2026-01-01", which is not a date'),
        ("FREQ=DAILY;COUNT", '"COUNT" is not of the form NAME=VALUE'),
        ("FREQ=DAILY;;", '"" is not of the form NAME=VALUE'),
    ],
)
def test_a_refusal_says_which_part_is_wrong(text: str, complaint: str) -> None:
    assert refusal(text) == complaint


@pytest.mark.parametrize("frequency", ["WEEKLY", "DAILY", "HOURLY"])
def test_a_numbered_weekday_is_one_of_a_month_or_year(frequency: str) -> None:
    complaint = "BYDAY takes a number only in yearly and monthly rules without BYWEEKNO"
    assert refusal(f"FREQ={frequency};BYDAY=MO,1TU") == complaint
    assert refusal("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1TU") == complaint
    assert parse_rule(f"FREQ={frequency};BYDAY=MO,TU").week_days == {(0, 0), (1, 0)}
    assert parse_rule("FREQ=MONTHLY;BYDAY=1TU").week_days == {(1, 1)}


def test_a_rule_is_read_in_small_letters_and_with_a_last_semicolon() -> None:
    assert parse_rule("freq=weekly;byday=mo;") == Rule("WEEKLY", week_days=frozenset({(0, 0)}))


def test_what_a_rule_does_not_say_is_not_there() -> None:
    rule = parse_rule("FREQ=DAILY")
    assert rule == Rule("DAILY")
    assert (rule.interval, rule.count, rule.until, rule.week_start) == (1, None, None, 0)
    assert not rule.hours + rule.minutes + rule.seconds


def test_times_of_a_day_come_in_order_however_they_are_listed() -> None:
    rule = parse_rule("FREQ=DAILY;BYHOUR=16,8,1;BYMINUTE=32,8,1;BYSECOND=8")
    assert (rule.hours, rule.minutes, rule.seconds) == ((1, 8, 16), (1, 8, 32), (8,))
    assert parse_rule("FREQ=DAILY;BYSECOND=32,8,1").seconds == (1, 8, 32)
    first, second, *_ = run("FREQ=DAILY;COUNT=2;BYHOUR=8,1;BYMINUTE=8,1;BYSETPOS=2,-1", FIRST)
    assert (first.time(), second.time()) == (time(1, 8, 15), time(8, 8, 15))


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("20260102T030405Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("20260102T030405", datetime(2026, 1, 2, 3, 4, 5)),
        ("20260102", datetime(2026, 1, 2, 23, 59, 59, 999_999)),
        ("90000101T000000", datetime(9000, 1, 1)),
        ("99991231T235959", datetime(9000, 1, 1)),
        ("99991231T235959Z", datetime(9000, 1, 1, tzinfo=UTC)),
    ],
)
def test_the_end_of_a_rule_is_read_as_it_is_written(text: str, until: datetime) -> None:
    assert parse_rule(f"FREQ=DAILY;UNTIL={text}").until == until


@pytest.mark.parametrize("text", ["20260102T240000", "20261301", "20260102T030460Z"])
def test_an_end_that_no_clock_shows_is_refused(text: str) -> None:
    assert refusal(f"FREQ=DAILY;UNTIL={text}").startswith(f'UNTIL is "{text}": ')


def test_only_an_end_in_utc_is_turned_into_the_time_of_a_zone() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    local = parse_rule("FREQ=DAILY;UNTIL=20260102T030405")
    assert localised(local, tokyo) is local
    endless = parse_rule("FREQ=DAILY")
    assert localised(endless, tokyo) is endless
    there = localised(
        parse_rule("FREQ=DAILY;COUNT=3".replace("COUNT=3", "UNTIL=20260102T030405Z")), tokyo
    )
    assert there == parse_rule("FREQ=DAILY;UNTIL=20260102T120405")


def minutes(count: int) -> str:
    return ",".join(map(str, range(count)))


@pytest.mark.parametrize(
    "dense",
    [
        f"FREQ=DAILY;BYMINUTE={minutes(25)}",
        f"FREQ=DAILY;BYSECOND={minutes(25)}",
        "FREQ=DAILY;BYHOUR=0,1,2,3,4;BYMINUTE=0,1,2,3,4",
        "FREQ=YEARLY;BYHOUR=0,1,2,3,4;BYSECOND=0,1,2,3,4",
        "FREQ=HOURLY;BYSECOND=0,1",
        "FREQ=HOURLY;BYHOUR=1;BYMINUTE=0,1",
    ],
)
def test_more_than_24_starts_a_day_are_refused(dense: str) -> None:
    with pytest.raises(GateError) as caught:
        parse_rule(dense)
    assert caught.value.code == "calendar-too-large"
    assert "at most 24 are taken" in caught.value.message


@pytest.mark.parametrize(
    "taken",
    [
        f"FREQ=DAILY;BYMINUTE={minutes(24)}",
        f"FREQ=DAILY;BYSECOND={minutes(24)}",
        f"FREQ=DAILY;BYHOUR={minutes(24)}",
        "FREQ=DAILY;BYHOUR=0,1,2,3;BYMINUTE=0,1,2;BYSECOND=0,1",
        "FREQ=HOURLY;BYMINUTE=5;BYSECOND=5",
    ],
)
def test_24_starts_a_day_are_taken(taken: str) -> None:
    assert len(run(taken, datetime(2026, 1, 1), until=datetime(2026, 1, 2, 23, 59, 59))) == 48


@pytest.mark.parametrize("frequency", ["SECONDLY", "MINUTELY"])
def test_a_rule_by_the_minute_or_second_is_too_large(frequency: str) -> None:
    with pytest.raises(GateError, match=frequency.lower()) as caught:
        parse_rule(f"FREQ={frequency}")
    assert caught.value.code == "calendar-too-large"


def test_a_budget_is_half_a_million_steps() -> None:
    budget = Budget()
    budget.spend(499_999)
    budget.spend()
    with pytest.raises(GateError, match="more than 500000 steps") as caught:
        budget.spend()
    assert caught.value.code == "calendar-too-large"


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        # a step for each period, each day in it and each time that is found
        ("FREQ=DAILY", 10 * (1 + 1 + 1)),
        ("FREQ=DAILY;BYHOUR=9,10", 10 * (1 + 1 + 2)),
        ("FREQ=DAILY;BYMONTH=2", 10 * (1 + 1)),
        ("FREQ=WEEKLY", 2 * (1 + 7 + 1)),
        ("FREQ=MONTHLY", 1 + 31 + 1 + 1 + 28 + 1),
        ("FREQ=YEARLY", 1 + 31 + 1),
        ("FREQ=YEARLY;BYMONTHDAY=1", 1 + 365 + 12),
    ],
)
def test_everything_that_is_looked_at_is_paid_for(text: str, cost: int) -> None:
    until = datetime(2026, 1, 10, 23)
    assert run(text, until=until, budget=cost) == run(text, until=until)
    with pytest.raises(GateError):
        run(text, until=until, budget=cost - 1)


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("FREQ=HOURLY", 24 * 3),
        ("FREQ=DAILY", 3),
        ("FREQ=WEEKLY", 9),
        ("FREQ=MONTHLY", 63),
        ("FREQ=YEARLY", 33),
        ("FREQ=YEARLY;INTERVAL=13", 33),
    ],
)
def test_a_rule_is_followed_from_the_period_that_is_asked_about(text: str, cost: int) -> None:
    first = datetime(2013 if "13" in text else 2009, 1, 1)
    since, until = datetime(2026, 1, 1), datetime(2026, 1, 1, 23)
    assert run(text, first, since=since, until=until, budget=cost)[0] == since


def test_nothing_starts_after_the_year_8999() -> None:
    late = datetime(8999, 12, 30)
    found = run("FREQ=DAILY", late, until=datetime(9500, 1, 1))
    assert found == [late, late + timedelta(days=1), datetime(9000, 1, 1)]


def test_weeks_may_begin_before_the_first_day_there_is() -> None:
    first = datetime(1, 1, 1, 12)
    assert run("FREQ=WEEKLY;WKST=SU;COUNT=2", first) == [first, datetime(1, 1, 8, 12)]


def test_starts_are_as_exact_as_the_first_one() -> None:
    first = FIRST.replace(microsecond=7)
    assert run("FREQ=DAILY;COUNT=2", first) == [first, first + timedelta(days=1)]


def test_starts_are_found_from_a_moment_to_a_moment() -> None:
    second, third = FIRST + timedelta(days=1), FIRST + timedelta(days=2)
    assert run("FREQ=DAILY", since=second, until=third) == [second, third]
    moment = timedelta(microseconds=1)
    assert run("FREQ=DAILY", since=second + moment, until=third) == [third]
    assert run("FREQ=DAILY", since=second, until=third - moment) == [second]


def test_what_lies_before_the_first_start_is_not_counted() -> None:
    assert days("FREQ=WEEKLY;BYDAY=MO,TH,SA;COUNT=3") == ["01-01", "01-03", "01-05"]
    assert days("FREQ=DAILY;BYHOUR=9;BYMINUTE=0,45;COUNT=2") == ["01-01", "01-02"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("FREQ=YEARLY;COUNT=2", ["2026-01-01T09", "2027-01-01T09"]),
        ("FREQ=YEARLY;BYMONTH=3,2;COUNT=2", ["2026-02-01T09", "2026-03-01T09"]),
        ("FREQ=YEARLY;BYMONTHDAY=2;COUNT=2", ["2026-01-02T09", "2026-02-02T09"]),
        ("FREQ=YEARLY;BYYEARDAY=-1,60;COUNT=2", ["2026-03-01T09", "2026-12-31T09"]),
        ("FREQ=YEARLY;BYDAY=-1SU;COUNT=2", ["2026-12-27T09", "2027-12-26T09"]),
        ("FREQ=YEARLY;BYDAY=53TH;COUNT=1", ["2026-12-31T09"]),
        ("FREQ=YEARLY;BYDAY=-53TH;COUNT=1", ["2026-01-01T09"]),
        ("FREQ=YEARLY;BYMONTH=2;BYDAY=-4SU;COUNT=2", ["2026-02-01T09", "2027-02-07T09"]),
        ("FREQ=YEARLY;BYWEEKNO=-1;COUNT=2", ["2026-12-31T09", "2027-12-30T09"]),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=FR;COUNT=1", ["2027-01-01T09"]),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=SA;WKST=SU;COUNT=1", ["2026-01-03T09"]),
        ("FREQ=MONTHLY;COUNT=13;BYSETPOS=1;INTERVAL=12", ["2026-01-01T09"]),
        ("FREQ=MONTHLY;INTERVAL=11;COUNT=3", ["2026-01-01T09", "2026-12-01T09", "2027-11-01T09"]),
        ("FREQ=MONTHLY;BYDAY=5TH;COUNT=2", ["2026-01-29T09", "2026-04-30T09"]),
        ("FREQ=MONTHLY;BYDAY=-5TH;COUNT=2", ["2026-01-01T09", "2026-04-02T09"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-31;COUNT=2", ["2026-01-01T09", "2026-03-01T09"]),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=2", ["2026-01-01T09", "2026-01-15T09"]),
        ("FREQ=WEEKLY;BYMONTH=2;COUNT=1", ["2026-02-05T09"]),
        ("FREQ=DAILY;INTERVAL=40;COUNT=2", ["2026-01-01T09", "2026-02-10T09"]),
        ("FREQ=DAILY;BYDAY=FR;BYYEARDAY=9;COUNT=1", ["2026-01-09T09"]),
        ("FREQ=HOURLY;INTERVAL=16;COUNT=3", ["2026-01-01T09", "2026-01-02T01", "2026-01-02T17"]),
        ("FREQ=HOURLY;BYHOUR=8,10;COUNT=3", ["2026-01-01T10", "2026-01-02T08", "2026-01-02T10"]),
        ("FREQ=MONTHLY;BYDAY=TH;BYSETPOS=2,-2;COUNT=2", ["2026-01-08T09", "2026-01-22T09"]),
    ],
)
def test_rules_start_when_a_calendar_on_the_wall_says(text: str, wanted: list[str]) -> None:
    found = [f"{start:%Y-%m-%dT%H}" for start in run(text)]
    assert found[: len(wanted)] == wanted


def test_months_come_in_order_however_they_are_listed() -> None:
    assert days("FREQ=YEARLY;BYMONTH=8,1;COUNT=3") == ["01-01", "08-01", "01-01"]
    assert days("FREQ=YEARLY;BYMONTH=8,1;BYDAY=SU;BYSETPOS=1,-1;COUNT=2") == ["01-04", "08-30"]


def test_weeks_are_counted_from_the_end_of_the_year_too() -> None:
    first = datetime(2025, 12, 1)
    wanted = {1: ["2025-12-25", "2026-12-31"], 2: ["2025-12-18", "2026-12-24"]}
    for number, thursdays in wanted.items():
        found = run(f"FREQ=YEARLY;BYWEEKNO=-{number};BYDAY=TH;COUNT=2", first)
        assert [f"{start:%Y-%m-%d}" for start in found] == thursdays


@pytest.mark.parametrize("frequency", ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"])
def test_a_rule_that_never_matches_ends_where_one_stops_asking(frequency: str) -> None:
    text = f"FREQ={frequency};BYMONTH=2;BYMONTHDAY=30"
    assert run(text, until=datetime(2027, 1, 1), budget=20_000) == []


@pytest.mark.parametrize(
    ("until", "last"),
    [
        # clocks of Berlin go from 03:00 to 02:00 at 01:00 UTC, so each time between comes twice
        ("20261025T001459Z", "02:14:59"),
        ("20261025T001500Z", "02:15:00"),
        ("20261025T005959Z", "02:59:59"),
        ("20261025T010000Z", "02:59:59"),
        ("20261025T011500Z", "02:59:59"),
        ("20261025T015959Z", "02:59:59"),
        ("20261025T020000Z", "03:00:00"),
        ("20261025T021500Z", "03:15:00"),
        # and on this night from 02:00 to 03:00
        ("20260329T005959Z", "01:59:59"),
        ("20260329T010000Z", "03:00:00"),
    ],
)
def test_a_rule_ends_with_the_last_time_that_has_come_when_it_says(until: str, last: str) -> None:
    rule = localised(parse_rule(f"FREQ=DAILY;UNTIL={until}"), ZoneInfo("Europe/Berlin"))
    assert rule.until == datetime.fromisoformat(f"{until[:4]}-{until[4:6]}-{until[6:8]}T{last}")
