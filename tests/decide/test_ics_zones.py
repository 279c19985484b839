"""Time zones of iCalendar files: which one a name means, and the offsets a description gives."""

# ruff: noqa: DTZ001 - wall-clock times have no zone

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from itil_gate.decide.ics import parse_calendars
from itil_gate.decide.ics_events import happenings
from itil_gate.decide.ics_zones import DescribedZone, Zones, read_local
from itil_gate.decide.recurrence import Budget
from itil_gate.model.calendar import Interval
from itil_gate.model.errors import ConfigError, GateError
from itil_gate.model.finding import Place

YEAR = Interval(start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2027, 1, 1, tzinfo=UTC))
HERE = Place(file="calendar/x.ics", line=7, column=1)
WINTER = """\
BEGIN:STANDARD
DTSTART:16011028T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
"""
SUMMER = """\
BEGIN:DAYLIGHT
DTSTART:16010325T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
"""
OURS = WINTER + SUMMER


def described(parts: str, name: str = "Our zone") -> str:
    return f"BEGIN:VTIMEZONE\nTZID:{name}\n{parts}END:VTIMEZONE\n"


def change(begin: str, before: str, after: str, more: str = "") -> str:
    """A part of a zone with one change, or with more."""
    inside = f"DTSTART:{begin}\n{more}TZOFFSETFROM:{before}\nTZOFFSETTO:{after}\n"
    return f"BEGIN:STANDARD\n{inside}END:STANDARD\n"


def event(*lines: str) -> str:
    return "\n".join(["BEGIN:VEVENT", "UID:1", *lines, "END:VEVENT", ""])


def calendar(*inside: str) -> str:
    return f"BEGIN:VCALENDAR\n{''.join(inside)}END:VCALENDAR\n"


def zones(text: str, *, within: Interval = YEAR, budget: int = 500_000) -> Zones:
    (found,) = parse_calendars(text, file=HERE.file)
    return Zones(found, within=within, budget=Budget(budget))


def ours(parts: str, *, within: Interval = YEAR, budget: int = 500_000) -> DescribedZone:
    found = zones(calendar(described(parts)), within=within, budget=budget).named("Our zone", HERE)
    assert isinstance(found, DescribedZone)
    return found


def offset(parts: str, *when: int) -> timedelta | None:
    return datetime(*when, tzinfo=ours(parts)).utcoffset()  # type: ignore[misc, arg-type]


def refusal(parts: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        ours(parts)
    assert caught.value.code == "calendar-invalid"
    return caught.value


def spans(text: str, *, within: Interval = YEAR) -> list[tuple[str, str]]:
    return [
        (f"{item.interval.start:%Y-%m-%dT%H:%M}", f"{item.interval.end:%Y-%m-%dT%H:%M}")
        for item in happenings(text, file=HERE.file, within=within, wide=True, budget=Budget())
        if item.interval.start < within.end and item.interval.end > within.start
    ]


def day(year: int, month: int, number: int) -> Interval:
    start = datetime(year, month, number, tzinfo=UTC)
    return Interval(start=start, end=start + timedelta(days=1))


@pytest.mark.parametrize("parts", [OURS, SUMMER + WINTER])
@pytest.mark.parametrize(("month", "hours"), [(1, 1), (4, 2), (8, 2), (12, 1)])
def test_a_day_is_in_summer_time_although_no_clock_is_changed_on_it(
    parts: str, month: int, hours: int
) -> None:
    zone = ours(parts, within=day(2026, month, 10))
    assert datetime(2026, month, 10, 12, tzinfo=zone).utcoffset() == timedelta(hours=hours)


def test_an_event_that_outlasts_the_time_asked_about_ends_by_the_clock_of_its_end() -> None:
    text = calendar(
        described(OURS),
        event("DTSTART;TZID=Our zone:20261024T120000", "DTEND;TZID=Our zone:20261026T120000"),
    )
    assert spans(text, within=day(2026, 10, 24)) == [("2026-10-24T10:00", "2026-10-26T11:00")]


@pytest.mark.parametrize("year", [2010, 2022, 2026])
def test_hours_are_counted_from_a_start_of_long_ago_as_the_clock_was_then(year: int) -> None:
    # from midnight in summer, which is ten in the evening of UTC, until the same in summer
    hours = (datetime(2026, 8, 1) - datetime(year, 7, 1)) // timedelta(hours=1)
    text = calendar(
        described(OURS), event(f"DTSTART;TZID=Our zone:{year}0701T000000", f"DURATION:PT{hours}H")
    )
    assert [end for _, end in spans(text)] == ["2026-07-31T22:00"]


def test_periods_of_long_ago_are_counted_from_as_the_clock_was_then() -> None:
    hours = (datetime(2026, 8, 1) - datetime(2015, 7, 1)) // timedelta(hours=1)
    text = calendar(
        described(OURS),
        event(
            "DTSTART;TZID=Our zone:20260101T000000",
            "DURATION:PT1H",
            f"RDATE;TZID=Our zone;VALUE=PERIOD:20260201T000000/PT1H,20150701T000000/PT{hours}H",
        ),
    )
    assert max(end for _, end in spans(text)) == "2026-07-31T22:00"


def test_what_was_moved_long_ago_is_moved_by_the_clock_of_then() -> None:
    text = calendar(
        described(OURS),
        event(
            "DTSTART;TZID=Our zone:20200701T120000",
            "DURATION:PT1H",
            "RRULE:FREQ=WEEKLY;UNTIL=20260715",
        ),
        event(
            "RECURRENCE-ID;RANGE=THISANDFUTURE:20200708T100000Z",
            "DTSTART;TZID=Our zone:20200708T130000",
            "DURATION:PT1H",
        ),
    )
    assert spans(text, within=day(2026, 7, 15)) == [("2026-07-15T11:00", "2026-07-15T12:00")]


def test_to_dos_are_not_asked_since_when_a_zone_matters() -> None:
    todo = "BEGIN:VTODO\nDTSTART:some day\nEND:VTODO\n"
    made = zones(calendar(todo, described(OURS))).named("Our zone", HERE)
    assert made.tzname(None) == "Our zone"


def test_the_centuries_before_the_first_event_cost_nothing() -> None:
    zone = ours(OURS, budget=1_000)
    assert datetime(2026, 7, 1, tzinfo=zone).utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize(
    "end", ["RRULE:FREQ=YEARLY;COUNT=3\n", "RRULE:FREQ=YEARLY;UNTIL=20021231\n"]
)
def test_a_zone_stays_as_the_last_of_its_changes_left_it(end: str) -> None:
    parts = change("20000301T000000", "+0100", "+0200", end)
    parts += change("20010901T000000", "+0200", "+0300")
    assert offset(parts, 2026, 7, 1) == timedelta(hours=2)
    assert offset(parts, 2002, 1, 1) == timedelta(hours=3)


def test_a_zone_may_change_every_few_years() -> None:
    parts = change("20010301T000000", "+0100", "+0200", "RRULE:FREQ=YEARLY;INTERVAL=20\n")
    parts += change("20090301T000000", "+0200", "+0300")
    assert offset(parts, 2026, 7, 1) == timedelta(hours=2)
    assert offset(parts, 2012, 1, 1) == timedelta(hours=3)


def test_before_its_first_change_a_zone_is_as_that_found_it() -> None:
    parts = change("20260401T000000", "+0100", "+0200") + change(
        "20260801T000000", "+0200", "+0300"
    )
    found = [offset(parts, 2026, month, 1, 12) for month in (1, 3, 4, 7, 8, 12)]
    assert found == [timedelta(hours=hours) for hours in (1, 1, 2, 2, 3, 3)]


def test_changes_may_be_listed_on_one_line() -> None:
    parts = change("20260101T000000", "+0000", "+0100", "RDATE:20260301T000000,20260501T000000\n")
    parts += change("20260201T000000", "+0100", "+0000", "RDATE:20260401T000000\n")
    found = [offset(parts, 2026, month, 15) for month in range(1, 7)]
    assert found == [timedelta(hours=hours) for hours in (1, 0, 1, 0, 1, 1)]


def test_a_zone_says_its_name_and_nothing_of_a_time_without_a_day() -> None:
    zone = ours(OURS)
    assert (zone.tzname(None), zone.utcoffset(None), zone.dst(None)) == ("Our zone", None, None)


def test_a_zone_is_made_once() -> None:
    made = zones(calendar(described(OURS, " Our zone ")))
    assert made.named("Our zone", HERE) is made.named("Our zone", HERE)


def test_a_short_name_means_what_the_file_says_and_else_what_the_database_says() -> None:
    own = change("20000101T000000", "+0900", "+0900")
    for inside, hours in ((described(own, "EST"), 9), ("", -5)):
        zone = zones(calendar(inside)).named("EST", HERE)
        assert datetime(2026, 1, 1, tzinfo=zone).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize("name", ["XEurope/Berlin", "Europe/BerlinX", "/X/", "//"])
def test_a_name_that_is_only_like_one_of_the_database_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="is not described in the file"):
        zones(calendar()).named(name, HERE)


def test_only_a_time_zone_describes_one() -> None:
    other = described(OURS).replace("VTIMEZONE", "VTODO")
    with pytest.raises(ConfigError, match="is not described in the file") as caught:
        zones(calendar(other)).named("Our zone", HERE)
    assert caught.value.hint == "add its VTIMEZONE, or use Area/City"
    assert caught.value.findings[0].place == HERE


def test_a_zone_may_change_five_thousand_times_and_not_more() -> None:
    def often(count: int) -> str:
        return change("20260101T000000", "+0100", "+0200", f"RRULE:FREQ=HOURLY;COUNT={count}\n")

    assert offset(often(5_000), 2027, 1, 1) == timedelta(hours=2)
    with pytest.raises(GateError) as caught:
        ours(often(5_001))
    assert caught.value.code == "calendar-too-large"


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("20261231T235959Z", datetime(2026, 12, 31, 23, 59, 59)),
        (" 20261231t235960z ", datetime(2026, 12, 31, 23, 59, 59)),
        ("20261231T235958", datetime(2026, 12, 31, 23, 59, 58)),
        ("16010101", datetime(1601, 1, 1)),
        ("90001231", datetime(9000, 12, 31)),
    ],
)
def test_times_are_read_to_the_second_and_a_leap_second_as_the_one_before(
    text: str, local: datetime
) -> None:
    wanted = (local, "T" not in text.upper(), "Z" in text.upper())
    assert read_local(text, HERE) == wanted


@pytest.mark.parametrize("text", ["16001231", "90010101"])
def test_years_of_other_ages_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="outside 1601 to 9000") as caught:
        read_local(text, HERE)
    assert caught.value.findings[0].place == HERE


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (" +0200 ", timedelta(hours=2)),
        ("-0330", -timedelta(hours=3, minutes=30)),
        ("+010030", timedelta(hours=1, seconds=30)),
        ("+2359", timedelta(hours=23, minutes=59)),
    ],
)
def test_offsets_are_hours_minutes_and_perhaps_seconds(text: str, wanted: timedelta) -> None:
    assert offset(change("20200101T000000", "+0000", text), 2026, 1, 1) == wanted


@pytest.mark.parametrize("text", ["+2400", "-2400", "+2460"])
def test_an_offset_of_a_day_is_refused(text: str) -> None:
    assert "a day or more" in refusal(change("20200101T000000", "+0000", text)).message


def test_a_fault_of_a_zone_is_told_with_its_line() -> None:
    whole = change("20200101T000000", "+0100", "+0200")
    for parts, line in (
        (whole.replace("TZOFFSETTO:+0200\n", ""), 4),
        (whole.replace("+0200", "two"), 7),
        (whole.replace("+0200", "+2400"), 7),
        (whole.replace("DTSTART:20200101T000000\n", ""), 4),
        (whole.replace("STANDARD", "OTHER"), 2),
    ):
        assert refusal(parts).findings[0].place == Place(file=HERE.file, line=line, column=1)


def test_a_zone_described_twice_and_differently_is_refused() -> None:
    text = calendar(
        described(OURS), described(WINTER), event("DTSTART;TZID=Our zone:20260101T000000")
    )
    with pytest.raises(ConfigError, match="described twice") as caught:
        zones(text).named("Our zone", HERE)
    assert caught.value.findings[0].place.line == 17  # type: ignore[union-attr]


def test_a_zone_described_twice_in_the_same_words_is_one() -> None:
    text = calendar(described(OURS), described(OURS))
    found = zones(text).named("Our zone", HERE)
    assert datetime(2026, 7, 1, tzinfo=found).utcoffset() == timedelta(hours=2)


def test_a_time_with_two_zones_is_refused() -> None:
    text = calendar(event("DTSTART;TZID=Europe/Berlin;TZID=Asia/Tokyo:20260101T000000"))
    with pytest.raises(ConfigError, match="DTSTART has a parameter twice"):
        parse_calendars(text, file=HERE.file)
