"""Inline periods and files together: when freezes and windows take place."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.decide.calendars import expand, sources
from itil_gate.decide.wallclock import Length, instant, span
from itil_gate.model.calendar import Calendar, Interval
from itil_gate.model.errors import ConfigError, GateError
from itil_gate.model.policy import CalendarText
from itil_gate.model.zones import zone

YEAR = Interval(start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2027, 2, 1, tzinfo=UTC))
HOUR = Length(wall=timedelta(hours=1))
ICS = """\
BEGIN:VCALENDAR
BEGIN:VEVENT
UID:audit@example.com
DTSTART;VALUE=DATE:20260601
SUMMARY:Audit
DESCRIPTION:The auditors\\n  are here
END:VEVENT
END:VCALENDAR
"""


def calendar(**spec: Any) -> Calendar:
    return Calendar.model_validate(
        {
            "apiVersion": "itil-gate/v1",
            "kind": "Calendar",
            "metadata": {"name": "holidays", "owner": "ops", "reviewBy": "2027-06-01"},
            "spec": {key: tuple(value) for key, value in spec.items()},
        }
    )


def period(start: str, end: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "p",
        "reason": "because",
        "start": start,
        "end": end,
        "timezone": "Europe/Berlin",
        **more,
    }


def times(*calendars: Calendar, within: Interval = YEAR) -> list[tuple[str, str]]:
    return [
        (f"{item.interval.start:%Y-%m-%dT%H:%M}", f"{item.interval.end:%Y-%m-%dT%H:%M}")
        for item in expand(calendars, (), within=within)
    ]


def between(start: str, end: str) -> Interval:
    return Interval(
        start=datetime.fromisoformat(start).replace(tzinfo=UTC),
        end=datetime.fromisoformat(end).replace(tzinfo=UTC),
    )


@pytest.mark.parametrize("kind", ["freezes", "windows"])
def test_a_weekly_period_stays_at_its_local_time_all_year(kind: str) -> None:
    weekly = period("2026-01-03T22:00", "2026-01-03T23:00", rrule="FREQ=WEEKLY;BYDAY=SA")
    found = times(calendar(**{kind: [weekly]}))
    assert len(found) == 57
    hours = {(start[5:7], start[11:]) for start, _ in found}
    assert hours >= {("01", "21:00"), ("07", "20:00"), ("12", "21:00")}
    assert ("2026-03-21T21:00", "2026-03-21T22:00") in found
    assert ("2026-03-28T21:00", "2026-03-28T22:00") in found
    assert ("2026-04-04T20:00", "2026-04-04T21:00") in found
    assert ("2026-10-24T20:00", "2026-10-24T21:00") in found
    assert ("2026-10-31T21:00", "2026-10-31T22:00") in found


def test_the_start_of_a_period_counts_even_if_the_rule_does_not_match_it() -> None:
    wednesday = period("2026-12-02T22:00", "2026-12-02T23:00", rrule="FREQ=WEEKLY;BYDAY=SA;COUNT=1")
    assert times(calendar(freezes=[wednesday])) == [
        ("2026-12-02T21:00", "2026-12-02T22:00"),
        ("2026-12-05T21:00", "2026-12-05T22:00"),
    ]


@pytest.mark.parametrize(
    ("until", "count"),
    [("20260703T200000Z", 3), ("20260703T195959Z", 2), ("20260703T220000", 3), ("20260703", 3)],
)
def test_a_rule_ends_at_a_moment_of_utc_a_local_time_or_with_a_day(until: str, count: int) -> None:
    daily = period("2026-07-01T22:00", "2026-07-01T23:00", rrule=f"FREQ=DAILY;UNTIL={until}")
    assert len(times(calendar(windows=[daily]))) == count


def test_a_period_over_new_year_is_one_period() -> None:
    year_end = period("2026-12-20T00:00", "2027-01-04T00:00")
    assert times(calendar(freezes=[year_end])) == [("2026-12-19T23:00", "2027-01-03T23:00")]


def test_a_yearly_period_comes_again_after_new_year() -> None:
    again = period("2024-12-24T00:00", "2025-01-02T00:00", rrule="FREQ=YEARLY")
    assert times(calendar(freezes=[again])) == [
        ("2025-12-23T23:00", "2026-01-01T23:00"),
        ("2026-12-23T23:00", "2027-01-01T23:00"),
    ]


def test_what_began_long_before_is_found_while_it_lasts() -> None:
    long = period("2021-01-01T00:00", "2022-07-01T00:00", rrule="FREQ=YEARLY;COUNT=5")
    found = times(calendar(freezes=[long]), within=between("2026-06-01T00:00", "2026-06-02T00:00"))
    assert found == [("2024-12-31T23:00", "2026-06-30T22:00")]


@pytest.mark.parametrize(
    ("within", "met"),
    [
        (("2026-06-01T09:00", "2026-06-01T10:00"), False),
        (("2026-06-01T09:00", "2026-06-01T10:01"), True),
        (("2026-06-01T11:59", "2026-06-01T13:00"), True),
        (("2026-06-01T12:00", "2026-06-01T13:00"), False),
        (("2026-06-01T10:30", "2026-06-01T10:31"), True),
    ],
)
def test_a_period_is_found_if_it_shares_a_moment(within: tuple[str, str], met: bool) -> None:  # noqa: FBT001
    noon = period("2026-06-01T12:00", "2026-06-01T14:00")
    assert bool(times(calendar(freezes=[noon]), within=between(*within))) is met


# 2026-03-29: clocks of Berlin go from 02:00 to 03:00, which is 01:00 UTC
# 2026-10-25: clocks of Berlin go from 03:00 to 02:00, which is 01:00 UTC
@pytest.mark.parametrize(
    ("start", "end", "wide", "narrow"),
    [
        # an hour that is skipped: a freeze holds around it, a window has no time in it
        (
            "2026-03-29T02:00",
            "2026-03-29T02:30",
            ("2026-03-29T00:00", "2026-03-29T01:30"),
            None,
        ),
        (
            "2026-03-29T01:00",
            "2026-03-29T04:00",
            ("2026-03-29T00:00", "2026-03-29T02:00"),
            ("2026-03-29T00:00", "2026-03-29T02:00"),
        ),
        # an hour that comes twice: a freeze holds both times, a window only where it surely is
        (
            "2026-10-25T02:00",
            "2026-10-25T03:00",
            ("2026-10-25T00:00", "2026-10-25T02:00"),
            ("2026-10-25T01:00", "2026-10-25T02:00"),
        ),
        (
            "2026-10-25T02:15",
            "2026-10-25T02:45",
            ("2026-10-25T00:15", "2026-10-25T01:45"),
            None,
        ),
        (
            "2026-10-24T22:00",
            "2026-10-25T02:30",
            ("2026-10-24T20:00", "2026-10-25T01:30"),
            ("2026-10-24T20:00", "2026-10-25T00:30"),
        ),
        (
            "2026-10-24T22:00",
            "2026-10-25T06:00",
            ("2026-10-24T20:00", "2026-10-25T05:00"),
            ("2026-10-24T20:00", "2026-10-25T05:00"),
        ),
    ],
)
def test_on_the_nights_of_the_clocks_freezes_are_wide_and_windows_narrow(
    start: str, end: str, wide: tuple[str, str], narrow: tuple[str, str] | None
) -> None:
    assert times(calendar(freezes=[period(start, end)])) == [wide]
    assert times(calendar(windows=[period(start, end)])) == ([narrow] if narrow else [])


@given(
    st.datetimes(
        YEAR.start.replace(tzinfo=None),
        YEAR.end.replace(tzinfo=None),
    ),
    st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=8)),
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]),
)
def test_a_narrow_reading_lies_within_the_wide_one(
    start: datetime, lasting: timedelta, name: str
) -> None:
    wide = span(start, Length(wall=lasting), zone(name), wide=True)
    narrow = span(start, Length(wall=lasting), zone(name), wide=False)
    assert wide is not None
    if narrow is not None:
        assert wide.start <= narrow.start < narrow.end <= wide.end


def test_a_window_without_a_moment_that_is_surely_in_it_is_none() -> None:
    skipped = datetime.fromisoformat("2026-03-29T02:00")
    assert span(skipped, HOUR, zone("Europe/Berlin"), wide=False) is None
    assert span(skipped, HOUR, zone("Europe/Berlin"), wide=True) is not None


def test_files_are_read_wide_as_freezes_and_narrow_as_windows() -> None:
    twice = ICS.replace(
        ";VALUE=DATE:20260601", ";TZID=Europe/Berlin:20261025T021500\nDURATION:PT30M"
    )
    texts = (CalendarText(path="calendar/x.ics", text=twice),)
    found = {
        means: expand(
            (calendar(files=[{"path": "calendar/x.ics", "means": means}]),), texts, within=YEAR
        )
        for means in ("freeze", "window")
    }
    assert [len(found["freeze"]), len(found["window"])] == [1, 0]


def test_occurrences_come_in_order_with_what_they_are_about() -> None:
    mixed = calendar(
        freezes=[period("2026-06-01T00:00", "2026-06-02T00:00", scope={"services": ("a",)})],
        windows=[period("2026-01-03T22:00", "2026-01-03T23:00", id="w")],
        files=[{"path": "calendar/audit.ics", "means": "freeze", "scope": {"tiers": (1,)}}],
    )
    texts = (CalendarText(path="calendar/audit.ics", text=ICS),)
    found = expand((mixed,), texts, within=YEAR)
    assert [(item.source.means, item.id, item.title, item.reason) for item in found] == [
        ("window", "w", "w", "because"),
        ("freeze", "p", "p", "because"),
        ("freeze", "audit@example.com", "Audit", "The auditors are here"),
    ]
    assert [item.source.file for item in found] == [None, None, "calendar/audit.ics"]
    assert found[1].source.scope.services == ("a",)
    assert found[2].source.scope.tiers == (1,)


def test_sources_are_what_is_defined_even_if_it_is_over() -> None:
    mixed = calendar(
        windows=[period("2020-01-01T00:00", "2020-01-02T00:00")],
        files=[{"path": "calendar/x.ics", "means": "window"}],
    )
    assert [source.id for source in sources([mixed])] == ["p", "calendar/x.ics"]
    assert (
        expand(
            [calendar(windows=[period("2020-01-01T00:00", "2020-01-02T00:00")])], (), within=YEAR
        )
        == ()
    )


def test_a_named_file_that_is_not_there_is_an_error() -> None:
    absent = calendar(files=[{"path": "calendar/x.ics", "means": "freeze"}])
    with pytest.raises(ConfigError) as caught:
        expand((absent,), (), within=YEAR)
    assert caught.value.code == "calendar-missing"
    assert "calendar/x.ics" in caught.value.message


def test_a_broken_file_is_an_error_that_names_it() -> None:
    broken = calendar(files=[{"path": "calendar/x.ics", "means": "freeze"}])
    texts = (CalendarText(path="calendar/x.ics", text=ICS.replace("20260601", "June")),)
    with pytest.raises(ConfigError, match=r"calendar/x\.ics:4:1") as caught:
        expand((broken,), texts, within=YEAR)
    assert caught.value.code == "calendar-invalid"


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY"),
        ("FREQ=WEEKLY;UNTIL=20251231", "UNTIL lies before"),
    ],
)
def test_a_broken_inline_rule_is_an_error_that_names_its_period(rule: str, complaint: str) -> None:
    broken = period("2026-06-01T00:00", "2026-06-02T00:00", rrule=rule)
    with pytest.raises(ConfigError, match=complaint) as caught:
        expand((calendar(freezes=[broken]),), (), within=YEAR)
    assert "freeze p of the calendar holidays" in caught.value.message
    assert caught.value.code == "calendar-invalid"
    (found,) = caught.value.findings
    assert found.rule == "calendar-invalid"
    assert complaint in found.message


def test_a_rule_may_end_with_the_moment_in_which_its_period_starts() -> None:
    once = period("2026-06-01T00:00", "2026-06-02T00:00", rrule="FREQ=DAILY;UNTIL=20260601T000000")
    assert times(calendar(freezes=[once])) == [("2026-05-31T22:00", "2026-06-01T22:00")]


@pytest.mark.parametrize(
    ("where", "within"),
    [
        ("America/Los_Angeles", ("2026-06-09T04:30", "2026-06-09T04:45")),
        ("Pacific/Kiritimati", ("2026-06-08T07:30", "2026-06-08T07:45")),
    ],
)
def test_what_recurs_on_another_day_than_that_of_utc_is_found(
    where: str, within: tuple[str, str]
) -> None:
    evening = period("2026-06-01T21:00", "2026-06-01T22:00", rrule="FREQ=WEEKLY", timezone=where)
    assert len(times(calendar(freezes=[evening]), within=between(*within))) == 1


def test_an_event_is_named_in_three_hundred_letters_and_explains_itself() -> None:
    files = calendar(files=[{"path": "calendar/x.ics", "means": "freeze"}])
    bare = ICS.replace("DESCRIPTION:The auditors\\n  are here\n", "")
    for letters, shown in ((300, "A" * 300), (301, "A" * 299 + "…")):
        text = bare.replace("SUMMARY:Audit", f"SUMMARY:{'A' * letters}")
        (found,) = expand((files,), (CalendarText(path="calendar/x.ics", text=text),), within=YEAR)
        assert (found.title, found.reason) == (shown, shown)


def test_of_two_moments_the_earlier_one_identifies_a_time() -> None:
    berlin = zone("Europe/Berlin")
    twice = datetime.fromisoformat("2026-10-25T02:30")
    assert instant(twice, berlin) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert instant(twice.replace(fold=1), berlin) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "rule", ["FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=99999"]
)
def test_a_hostile_inline_rule_is_too_large(rule: str) -> None:
    hostile = period("1900-01-01T00:00", "1900-01-01T00:01", rrule=rule)
    many = [{**hostile, "id": f"p{number}"} for number in range(50)]
    with pytest.raises(GateError) as caught:
        expand((calendar(freezes=many),), (), within=YEAR)
    assert caught.value.code == "calendar-too-large"


def test_a_period_that_takes_place_too_often_is_too_large() -> None:
    hourly = period("2020-01-01T00:00", "2020-01-01T01:00", rrule="FREQ=HOURLY")
    within = between("2026-01-01T00:00", "2027-03-01T00:00")
    with pytest.raises(GateError) as caught:
        expand((calendar(freezes=[hourly]),), (), within=within)
    assert caught.value.code == "calendar-too-large"
    assert "freeze p" in caught.value.message


def test_inline_rules_and_files_load_no_heavy_library() -> None:
    code = (
        "import sys, datetime as d\n"
        "from itil_gate.decide import calendars, ics_events\n"
        "from itil_gate.decide.recurrence import Budget\n"
        "from itil_gate.model.calendar import Interval\n"
        "day = d.datetime(2026, 6, 1, tzinfo=d.UTC)\n"
        "within = Interval(start=day, end=day + d.timedelta(days=1))\n"
        f"text = {ICS!r}\n"
        "assert ics_events.happenings(text, file='f', within=within, wide=True, budget=Budget())\n"
        "print([name for name in ('icalendar', 'dateutil') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_a_period_may_take_place_ten_thousand_times_and_not_more() -> None:
    longer = Interval(start=YEAR.start, end=YEAR.start + timedelta(days=500))

    def hourly(count: int) -> Calendar:
        rule = f"FREQ=HOURLY;COUNT={count}"
        start, end = "2026-01-01T00:00", "2026-01-01T00:10"
        return calendar(freezes=[period(start, end, rrule=rule, timezone="UTC")])

    assert len(times(hourly(10_000), within=longer)) == 10_000
    with pytest.raises(GateError) as caught:
        times(hourly(10_001), within=longer)
    assert caught.value.code == "calendar-too-large"
    assert "takes place more than 10000 times" in caught.value.message
