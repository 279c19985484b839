"""iCalendar files as calendar programs write them, and everything that can be wrong with one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from itil_gate.decide.ics import parse_calendars
from itil_gate.decide.ics_events import happenings
from itil_gate.decide.ics_zones import Zones
from itil_gate.decide.recurrence import Budget
from itil_gate.model.calendar import Interval
from itil_gate.model.errors import ConfigError, GateError

YEAR = Interval(start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2027, 2, 1, tzinfo=UTC))

GOOGLE = """\
BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
CALSCALE:GREGORIAN
METHOD:PUBLISH
X-WR-CALNAME:Release freezes
X-WR-TIMEZONE:Europe/Berlin
BEGIN:VTIMEZONE
TZID:Europe/Berlin
X-LIC-LOCATION:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:GMT+2
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:GMT+1
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
DTSTART;VALUE=DATE:20261221
DTEND;VALUE=DATE:20270104
DTSTAMP:20261101T080000Z
UID:6g1h2j3k4l5m6n7o8p9q0r1s2t@google.com
CREATED:20261101T080000Z
DESCRIPTION:Nobody is at work\\, nothing ships.\\nAsk the duty manager.
LAST-MODIFIED:20261101T080000Z
LOCATION:
SEQUENCE:0
STATUS:CONFIRMED
SUMMARY:Year-end freeze
TRANSP:TRANSPARENT
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Europe/Berlin:20261002T160000
DTEND;TZID=Europe/Berlin:20261002T200000
RRULE:FREQ=WEEKLY;UNTIL=20261113T225959Z;BYDAY=FR
EXDATE;TZID=Europe/Berlin:20261023T160000
DTSTAMP:20261101T080000Z
UID:weekly@google.com
SEQUENCE:1
STATUS:CONFIRMED
SUMMARY:Friday afternoon
TRANSP:OPAQUE
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:This is an event reminder
TRIGGER:-P0DT0H10M0S
END:VALARM
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Europe/Berlin:20261031T100000
DTEND;TZID=Europe/Berlin:20261031T120000
DTSTAMP:20261101T080000Z
UID:weekly@google.com
RECURRENCE-ID;TZID=Europe/Berlin:20261030T160000
SEQUENCE:2
STATUS:CONFIRMED
SUMMARY:Friday afternoon\\, on Saturday
TRANSP:OPAQUE
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Europe/Berlin:20261106T160000
DTEND;TZID=Europe/Berlin:20261106T200000
DTSTAMP:20261101T080000Z
UID:weekly@google.com
RECURRENCE-ID;TZID=Europe/Berlin:20261106T160000
SEQUENCE:2
STATUS:CANCELLED
SUMMARY:Friday afternoon
END:VEVENT
END:VCALENDAR
"""

OUTLOOK = """\
BEGIN:VCALENDAR
PRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN
VERSION:2.0
METHOD:PUBLISH
X-MS-OLK-FORCEINSPECTOROPEN:TRUE
BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16011028T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010325T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
CLASS:PUBLIC
CREATED:20260901T101112Z
DESCRIPTION:Month-end closing.\\nFinance posts the books and a long line is fol
\tded after seventy-five octets\\, as Outlook does.
DTEND;TZID="W. Europe Standard Time":20260831T230000
DTSTAMP:20260901T101112Z
DTSTART;TZID="W. Europe Standard Time":20260831T060000
LAST-MODIFIED:20260901T101112Z
PRIORITY:5
RRULE:FREQ=MONTHLY;COUNT=4;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1
SEQUENCE:0
SUMMARY;LANGUAGE=de:Monatsabschluss
TRANSP:OPAQUE
UID:040000008200E00074C5B7101A82E00800000000A0D1E3F4
X-MICROSOFT-CDO-BUSYSTATUS:OOF
X-ALT-DESC;FMTTYPE=text/html:<html><body>Month-end: closing; all</body></html>
END:VEVENT
END:VCALENDAR
"""

APPLE = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Apple Inc.//macOS 15.1//EN
CALSCALE:GREGORIAN
BEGIN:VTIMEZONE
TZID:America/New_York
BEGIN:DAYLIGHT
TZOFFSETFROM:-0500
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
DTSTART:20070311T020000
TZNAME:EDT
TZOFFSETTO:-0400
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:-0400
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
DTSTART:20071104T020000
TZNAME:EST
TZOFFSETTO:-0500
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
CREATED:20260101T000000Z
UID:0A1B2C3D-4E5F-6789-ABCD-EF0123456789
DTEND;TZID=America/New_York:20261127T000000
SUMMARY:Black Friday
DTSTART;TZID=America/New_York:20261126T000000
DTSTAMP:20260101T000000Z
RDATE;TZID=America/New_York;VALUE=PERIOD:20261130T000000/PT36H,20261225T000000/
 20261226T120000
SEQUENCE:1
X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC
END:VEVENT
END:VCALENDAR
"""


def times(
    text: str, *, wide: bool = True, within: Interval = YEAR, crlf: bool = True
) -> list[tuple[str, str]]:
    """Occurrences as start and end in UTC."""
    text = text.replace("\n", "\r\n") if crlf else text
    found = happenings(text, file="calendar/x.ics", within=within, wide=wide, budget=Budget())
    spans = sorted((item.interval.start, item.interval.end) for item in found)
    return [
        (f"{start:%Y-%m-%dT%H:%M}", f"{end:%Y-%m-%dT%H:%M}")
        for start, end in spans
        if start < within.end and end > within.start
    ]


def calendar(*lines: str, zones: str = "", head: str = "") -> str:
    """A calendar with one event made of these lines."""
    event = "\n".join(["BEGIN:VEVENT", "UID:1", *lines, "END:VEVENT"])
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{head}{zones}{event}\nEND:VCALENDAR\n"


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        times(text)
    assert caught.value.code == "calendar-invalid"
    place = caught.value.findings[0].place
    assert place is not None
    assert place.file == "calendar/x.ics"
    assert "calendar/x.ics" in caught.value.message
    return caught.value


def test_a_google_calendar_is_read_with_its_exceptions() -> None:
    assert times(GOOGLE) == [
        ("2026-10-02T14:00", "2026-10-02T18:00"),
        ("2026-10-09T14:00", "2026-10-09T18:00"),
        ("2026-10-16T14:00", "2026-10-16T18:00"),
        # the 23rd is left out, the 30th replaced, the 6th cancelled
        ("2026-10-31T09:00", "2026-10-31T11:00"),
        ("2026-11-13T15:00", "2026-11-13T19:00"),
        ("2026-12-20T23:00", "2027-01-03T23:00"),
    ]


def test_what_people_wrote_is_unescaped_and_the_replacement_tells_its_own_title() -> None:
    found = happenings(GOOGLE, file="f", within=YEAR, wide=True, budget=Budget())
    titles = {item.event.title for item in found}
    assert titles == {"Year-end freeze", "Friday afternoon", "Friday afternoon, on Saturday"}
    freeze = next(item.event for item in found if item.event.title == "Year-end freeze")
    assert freeze.description == "Nobody is at work, nothing ships.\nAsk the duty manager."


def test_an_outlook_calendar_brings_its_own_time_zone() -> None:
    assert times(OUTLOOK) == [
        ("2026-08-31T04:00", "2026-08-31T21:00"),
        ("2026-09-30T04:00", "2026-09-30T21:00"),
        ("2026-10-30T05:00", "2026-10-30T22:00"),
        ("2026-11-30T05:00", "2026-11-30T22:00"),
    ]


def test_folded_lines_are_joined() -> None:
    found = happenings(OUTLOOK, file="f", within=YEAR, wide=True, budget=Budget())
    assert "is folded after" in found[0].event.description


def test_an_outlook_calendar_without_its_time_zone_is_read_by_the_name_windows_uses() -> None:
    begin, end = OUTLOOK.index("BEGIN:VTIMEZONE"), OUTLOOK.index("BEGIN:VEVENT")
    assert times(OUTLOOK[:begin] + OUTLOOK[end:]) == times(OUTLOOK)


def test_an_apple_calendar_adds_periods_of_their_own_length() -> None:
    assert times(APPLE) == [
        ("2026-11-26T05:00", "2026-11-27T05:00"),
        ("2026-11-30T05:00", "2026-12-01T17:00"),
        ("2026-12-25T05:00", "2026-12-26T17:00"),
    ]


@pytest.mark.parametrize("text", [GOOGLE, OUTLOOK, APPLE])
def test_line_ends_and_a_byte_order_mark_make_no_difference(text: str) -> None:
    assert times(text, crlf=False) == times(text) == times("\ufeff" + text)


@pytest.mark.parametrize("text", [GOOGLE, OUTLOOK])
def test_the_named_zone_of_the_database_and_the_described_one_agree(text: str) -> None:
    described = text.replace("Europe/Berlin", "Our zone").replace("W. Europe Standard", "Our")
    assert described != text
    assert times(described) == times(text)


def test_a_described_zone_knows_the_night_on_which_an_hour_comes_twice() -> None:
    described = OUTLOOK[OUTLOOK.index("BEGIN:VTIMEZONE") : OUTLOOK.index("BEGIN:VEVENT")]
    lines = (
        'DTSTART;TZID="W. Europe Standard Time":20261025T023000',
        'DTEND;TZID="W. Europe Standard Time":20261025T024500',
    )
    named = calendar(
        *(line.replace('"W. Europe Standard Time"', "Europe/Berlin") for line in lines)
    )
    own = calendar(*lines, zones=described)
    assert times(own) == times(named) == [("2026-10-25T00:30", "2026-10-25T01:45")]
    assert times(own, wide=False) == times(named, wide=False) == []


def test_a_described_zone_keeps_every_hour_as_the_database_does() -> None:
    (described,) = parse_calendars(OUTLOOK, file="f")
    zones = Zones(described, within=YEAR, budget=Budget())
    own, known = zones.named("W. Europe Standard Time", described.place), ZoneInfo("Europe/Berlin")
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    while moment.year == 2026:
        local = moment.astimezone(known)
        assert moment.astimezone(own).replace(tzinfo=None) == local.replace(tzinfo=None)
        for fold in (0, 1):
            wall = moment.replace(fold=fold)
            assert wall.replace(tzinfo=own).utcoffset() == wall.replace(tzinfo=known).utcoffset()
        moment += timedelta(minutes=30)


def test_a_described_zone_stays_as_its_last_change_left_it() -> None:
    # as Turkey did: summer time for good since 2016
    zone = """\
BEGIN:VTIMEZONE
TZID:Our zone
BEGIN:DAYLIGHT
DTSTART:20070325T030000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;UNTIL=20160327T010000Z
TZOFFSETFROM:+0200
TZOFFSETTO:+0300
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:20071028T040000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;UNTIL=20151025T010000Z
TZOFFSETFROM:+0300
TZOFFSETTO:+0200
END:STANDARD
END:VTIMEZONE
"""
    lines = ("DTSTART;TZID=Our zone:20261201T120000", "DURATION:PT1H")
    assert times(calendar(*lines, zones=zone))[0][0] == "2026-12-01T09:00"
    # had summer time ended a year earlier, winter time would have stayed
    earlier = zone.replace("UNTIL=20160327T010000Z", "UNTIL=20160327T005959Z")
    assert times(calendar(*lines, zones=earlier))[0][0] == "2026-12-01T10:00"


def test_changes_of_a_zone_listed_one_by_one_count_too() -> None:
    zone = ZONE.replace("TZOFFSETTO", "RDATE:20260601T000000\nTZOFFSETTO").replace("1970", "2027")
    for day, start in (("0531", "2026-05-31T11:00"), ("0601", "2026-06-01T10:00")):
        text = calendar(f"DTSTART;TZID=Our zone:2026{day}T120000", "DURATION:PT1H", zones=zone)
        assert times(text)[0][0] == start


def test_a_zone_of_the_database_is_meant_whatever_the_file_says_about_it() -> None:
    lying = """\
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+1200
TZOFFSETTO:+1200
END:STANDARD
END:VTIMEZONE
"""
    lines = ("DTSTART;TZID=Europe/Berlin:20260701T120000", "DURATION:PT1H")
    assert times(calendar(*lines, zones=lying)) == [("2026-07-01T10:00", "2026-07-01T11:00")]


def test_one_file_does_not_change_how_another_is_read() -> None:
    zone = """\
BEGIN:VTIMEZONE
TZID:Our zone
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:{0}
TZOFFSETTO:{0}
END:STANDARD
END:VTIMEZONE
"""
    lines = ("DTSTART;TZID=Our zone:20260701T120000", "DURATION:PT1H")
    east = times(calendar(*lines, zones=zone.format("+0900")))
    west = times(calendar(*lines, zones=zone.format("-0930")))
    assert east == [("2026-07-01T03:00", "2026-07-01T04:00")]
    assert west == [("2026-07-01T21:30", "2026-07-01T22:30")]
    assert "Our zone" in refusal(calendar(*lines)).message


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("/freeassociation.sourceforge.net/Europe/Berlin", "2026-07-01T10:00"),
        ("/vendor.example/20260101/America/Argentina/Buenos_Aires", "2026-07-01T15:00"),
        ("UTC", "2026-07-01T12:00"),
        ("Tokyo Standard Time", "2026-07-01T03:00"),
    ],
)
def test_zones_are_found_under_the_names_that_programs_give_them(name: str, start: str) -> None:
    found = times(calendar(f"DTSTART;TZID={name}:20260701T120000", "DURATION:PT1H"))
    assert found[0][0] == start


@pytest.mark.parametrize(
    ("head", "start"),
    [("", "2026-07-01T00:00"), ("X-WR-TIMEZONE:Asia/Tokyo\n", "2026-06-30T15:00")],
)
@pytest.mark.parametrize("begin", ["DTSTART;VALUE=DATE:20260701", "DTSTART:20260701T000000"])
def test_days_and_floating_times_are_in_the_zone_of_the_calendar_or_in_utc(
    head: str, start: str, begin: str
) -> None:
    end = begin.replace("DTSTART", "DTEND").replace("0701", "0702")
    ((found, until),) = times(calendar(begin, end, head=head))
    assert found == start
    assert until == start.replace("06-30", "07-01") if head else "2026-07-02T00:00"


def test_a_day_without_an_end_lasts_that_day() -> None:
    assert times(calendar("DTSTART;VALUE=DATE:20261224")) == [
        ("2026-12-24T00:00", "2026-12-25T00:00")
    ]


def test_whole_days_follow_the_clock_through_the_end_of_summer_time() -> None:
    text = calendar(
        "DTSTART;VALUE=DATE:20261024",
        "DTEND;VALUE=DATE:20261026",
        head="X-WR-TIMEZONE:Europe/Berlin\n",
    )
    assert times(text) == [("2026-10-23T22:00", "2026-10-25T23:00")]


@pytest.mark.parametrize(
    ("duration", "end"),
    [
        ("P1D", "2026-10-25T19:00"),  # to the same time of the next day: 25 hours
        ("PT24H", "2026-10-25T18:00"),  # 24 hours
        ("P1DT1H", "2026-10-25T20:00"),
        ("P1W", "2026-10-31T19:00"),
        ("PT90M", "2026-10-24T19:30"),
    ],
)
def test_days_of_a_duration_keep_the_time_of_day_and_hours_are_exact(
    duration: str, end: str
) -> None:
    text = calendar("DTSTART;TZID=Europe/Berlin:20261024T200000", f"DURATION:{duration}")
    assert times(text) == [("2026-10-24T18:00", end)]


def test_a_series_keeps_its_local_time_through_both_changes_of_the_clock() -> None:
    text = calendar(
        "DTSTART;TZID=Europe/Berlin:20260321T220000",
        "DTEND;TZID=Europe/Berlin:20260322T020000",
        "RRULE:FREQ=WEEKLY;COUNT=3",
    )
    assert times(text) == [
        ("2026-03-21T21:00", "2026-03-22T01:00"),
        # clocks go forward at 02:00: 02:00 is 03:00, and both readings of the end are the same
        ("2026-03-28T21:00", "2026-03-29T01:00"),
        ("2026-04-04T20:00", "2026-04-05T00:00"),
    ]


def test_a_series_with_an_end_in_utc_is_cut_by_the_moment() -> None:
    lines = ("DTSTART;TZID=America/New_York:20260701T220000", "DURATION:PT1H")
    whole = calendar(*lines, "RRULE:FREQ=DAILY;UNTIL=20260703T020000Z")
    cut = calendar(*lines, "RRULE:FREQ=DAILY;UNTIL=20260703T015959Z")
    assert len(times(whole)) == 2
    assert len(times(cut)) == 1


def test_the_start_is_an_occurrence_even_if_the_rule_does_not_match_it() -> None:
    text = calendar("DTSTART:20260701T120000Z", "DURATION:PT1H", "RRULE:FREQ=MONTHLY;BYMONTHDAY=15")
    assert [start for start, _ in times(text)][:2] == ["2026-07-01T12:00", "2026-07-15T12:00"]


def test_a_series_that_ends_before_its_start_is_read_as_what_lets_less_through() -> None:
    lines = ("DTSTART:20260701T120000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;UNTIL=20260630")
    assert times(calendar(*lines)) == [("2026-07-01T12:00", "2026-07-01T13:00")]
    assert times(calendar(*lines), wide=False) == []


@pytest.mark.parametrize(
    "removed",
    [
        "EXDATE;TZID=Europe/Berlin:20260702T120000",
        "EXDATE:20260702T100000Z",
        "EXDATE;VALUE=DATE:20260702",
        "EXDATE;TZID=America/New_York:20260702T060000",
        "EXDATE;TZID=Europe/Berlin:20260630T120000,20260702T120000",
    ],
)
def test_an_occurrence_is_left_out_however_its_time_is_written(removed: str) -> None:
    text = calendar(
        "DTSTART;TZID=Europe/Berlin:20260701T120000",
        "DURATION:PT1H",
        "RRULE:FREQ=DAILY;COUNT=3",
        removed,
    )
    assert [start for start, _ in times(text)] == ["2026-07-01T10:00", "2026-07-03T10:00"]


@pytest.mark.parametrize(
    "removed",
    [
        "EXDATE;VALUE=DATE:20260702",
        "EXDATE:20260702T000000",
        "EXDATE;TZID=America/New_York:20260702T000000",
        "EXDATE:20260701T230000Z",  # already the next day in the zone of the calendar
    ],
)
def test_a_day_of_a_series_of_days_is_left_out(removed: str) -> None:
    text = calendar(
        "DTSTART;VALUE=DATE:20260701",
        "RRULE:FREQ=DAILY;COUNT=3",
        removed,
        head="X-WR-TIMEZONE:Europe/Berlin\n",
    )
    assert [start for start, _ in times(text)] == ["2026-06-30T22:00", "2026-07-02T22:00"]


def test_a_removal_that_matches_nothing_removes_nothing() -> None:
    text = calendar(
        "DTSTART:20260701T120000Z",
        "DURATION:PT1H",
        "RRULE:FREQ=DAILY;COUNT=3",
        "EXDATE:20260702T110000Z",
    )
    assert len(times(text)) == 3


def following(*lines: str) -> str:
    """A series of four days whose second day is replaced, and with it what follows."""
    text = calendar("DTSTART:20260701T120000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=4")
    replacement = [
        "BEGIN:VEVENT",
        "UID:1",
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20260702T120000Z",
        *lines,
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return text.replace("END:VCALENDAR", "\n".join(replacement))


def test_a_replacement_moves_the_occurrences_that_follow_if_it_says_so() -> None:
    assert times(following("DTSTART:20260702T150000Z", "DURATION:PT2H")) == [
        ("2026-07-01T12:00", "2026-07-01T13:00"),
        ("2026-07-02T15:00", "2026-07-02T17:00"),
        ("2026-07-03T15:00", "2026-07-03T17:00"),
        ("2026-07-04T15:00", "2026-07-04T17:00"),
    ]


def test_a_replacement_cancels_the_occurrences_that_follow_if_it_says_so() -> None:
    text = following("DTSTART:20260702T120000Z", "DURATION:PT1H", "STATUS:CANCELLED")
    assert times(text) == [("2026-07-01T12:00", "2026-07-01T13:00")]


@pytest.mark.parametrize(
    ("lines", "day"),
    [
        (("DTSTART:20260810T120000Z", "DURATION:PT1H"), 12),  # moved by weeks
        (("DTSTART:20260702T120000Z", "DURATION:P40D"), 13),  # lasting for weeks
    ],
)
def test_what_follows_a_replacement_is_found_far_from_where_it_was(
    lines: tuple[str, ...], day: int
) -> None:
    within = Interval(
        start=datetime(2026, 8, day, tzinfo=UTC), end=datetime(2026, 8, day + 1, tzinfo=UTC)
    )
    assert times(following(*lines), within=within)


def test_of_two_versions_of_an_event_the_later_counts() -> None:
    text = calendar("DTSTART:20260701T120000Z", "DURATION:PT1H")
    later = calendar("SEQUENCE:3", "DTSTART:20260801T120000Z", "DURATION:PT1H")
    body = later[later.index("BEGIN:VEVENT") : later.index("END:VCALENDAR")]
    for both in (
        text.replace("END:VCALENDAR", f"{body}END:VCALENDAR"),
        text.replace("BEGIN:VEVENT", f"{body}BEGIN:VEVENT"),
    ):
        assert times(both) == [("2026-08-01T12:00", "2026-08-01T13:00")]


def test_two_events_that_cannot_be_told_apart_are_refused_because_one_would_be_lost() -> None:
    text = calendar("DTSTART:20260701T120000Z", "DURATION:PT1H")
    body = text[text.index("BEGIN:VEVENT") : text.index("END:VCALENDAR")]
    error = refusal(text.replace("END:VCALENDAR", f"{body}END:VCALENDAR"))
    assert "same UID" in error.message
    assert "UID of its own" in error.hint


def test_events_without_uid_are_events_of_their_own() -> None:
    text = calendar("DTSTART:20260701T120000Z", "DURATION:PT1H").replace("UID:1\n", "")
    body = text[text.index("BEGIN:VEVENT") : text.index("END:VCALENDAR")]
    body = body.replace("0701", "0801")
    assert len(times(text.replace("END:VCALENDAR", f"{body}END:VCALENDAR"))) == 2


def test_a_cancelled_event_takes_no_place_and_a_transparent_one_does() -> None:
    lines = ("DTSTART:20260701T120000Z", "DURATION:PT1H")
    assert times(calendar(*lines, "STATUS:CANCELLED")) == []
    assert len(times(calendar(*lines, "TRANSP:TRANSPARENT"))) == 1
    assert len(times(calendar(*lines, "STATUS:TENTATIVE"))) == 1


def test_to_dos_and_alarms_are_not_events() -> None:
    todo = "BEGIN:VTODO\nUID:2\nDTSTART:20260801T120000Z\nDURATION:PT1H\nEND:VTODO\n"
    text = calendar("DTSTART:20260701T120000Z", "DURATION:PT1H", zones=todo)
    assert len(times(text)) == 1


def test_a_file_may_hold_several_calendars() -> None:
    text = calendar("DTSTART:20260701T120000Z", "DURATION:PT1H")
    assert len(times(text + text.replace("0701", "0801"))) == 2


def test_a_broken_line_that_says_nothing_about_time_is_passed_over() -> None:
    text = calendar(
        "DTSTART:20260701T120000Z", "DURATION:PT1H", "ATTENDEE;CN=Doe; John:mailto:j@example.com"
    )
    assert len(times(text)) == 1


GOOD = ("DTSTART:20260701T120000Z", "DTEND:20260701T130000Z")


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("", 0, "no BEGIN:VCALENDAR"),
        ("/etc/passwd", 1, "not a content line"),
        ("VERSION:2.0\n", 1, "outside BEGIN:VCALENDAR"),
        ("BEGIN:VCALENDAR\nVERSION:2.0\n", 1, "not ended"),
        ("BEGIN:VCALENDAR\nEND:VEVENT\n", 2, "ends nothing"),
        ("END:VCALENDAR\n", 1, "ends nothing"),
        (calendar(*GOOD).replace("END:VEVENT\n", ""), 7, "ends nothing"),
        (calendar("SUMMARY:x"), 3, "no DTSTART"),
        (calendar("DTSTART:20260701T120000Z"), 5, "neither DTEND nor DURATION"),
        (calendar(*GOOD, "DURATION:PT1H"), 7, "do not go together"),
        (calendar(*GOOD, "DTEND:20260701T140000Z"), 7, "DTEND twice"),
        (calendar("DTSTART:tomorrow", "DURATION:PT1H"), 5, "not a date"),
        (calendar("DTSTART:20260231", "DURATION:P1D"), 5, "not a date"),
        (calendar("DTSTART:20260701T250000Z", "DURATION:PT1H"), 5, "not a date"),
        (calendar("DTSTART:00010101T000000Z", "DURATION:PT1H"), 5, "year 1"),
        (calendar(GOOD[0], "DTEND:20260701T120000Z"), 6, "does not end after"),
        (calendar("DTSTART:20260702", "DTEND:20260702"), 6, "does not end after"),
        (calendar("DTSTART:20260702", "DTEND:20260703T120000Z"), 6, "a day, the other a time"),
        (calendar(GOOD[0], "DURATION:-PT1H"), 6, "not a length"),
        (calendar(GOOD[0], "DURATION:PT0S"), 6, "not a length"),
        (calendar(GOOD[0], "DURATION:P"), 6, "not a length"),
        (calendar(GOOD[0], "DURATION:1 hour"), 6, "not a length"),
        (calendar(GOOD[0], "DTEND:89990101T000000Z"), 6, "longer than"),
        (calendar(*GOOD, "RRULE:FREQ=SOMETIMES"), 7, "RRULE"),
        (calendar(*GOOD, "RRULE FREQ=DAILY"), 7, "not a content line"),
        (calendar(*GOOD, "RRULE;X=a;b:FREQ=DAILY"), 7, "not a content line"),
        (calendar(*GOOD, "EXRULE:FREQ=DAILY"), 7, "EXRULE"),
        (calendar(*GOOD, "EXDATE:20260701T120000Z,never"), 7, "not a date"),
        (calendar(*GOOD, "RDATE:20260801T120000Z/20260801T110000Z"), 7, "does not end after"),
        (calendar(*GOOD, "SEQUENCE:first"), 7, "SEQUENCE"),
        (calendar(*GOOD, "RECURRENCE-ID;RANGE=THISANDPRIOR:20260701T120000Z"), 7, "RANGE"),
        (
            calendar(*GOOD, "RECURRENCE-ID;RANGE=THISANDFUTURE:20200701T120000Z"),
            3,
            "moves others by more",
        ),
        (calendar("DTSTART;TZID=Europe/Berln:20260701T120000", "DURATION:PT1H"), 5, "Berln"),
        (calendar(*GOOD, head="X-WR-TIMEZONE:Europe\n"), 3, "Europe"),
        ("BEGIN:VCALENDAR\n\n folded\nEND:VCALENDAR", 3, "not a content line"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(
    text: str, line: int, complaint: str
) -> None:
    error = refusal(text)
    place = error.findings[0].place
    assert place is not None
    assert complaint in error.message
    assert place.line == line


def test_a_misspelt_zone_is_refused_with_the_name_that_was_meant() -> None:
    error = refusal(calendar("DTSTART;TZID=Europe/Berln:20260701T120000", "DURATION:PT1H"))
    assert "Europe/Berlin" in error.hint


ZONE = """\
BEGIN:VTIMEZONE
TZID:Our zone
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:STANDARD
END:VTIMEZONE
"""


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("DTSTART:19700101T000000\n", "", "no DTSTART"),
        ("TZOFFSETTO:+0200\n", "", "no TZOFFSETTO"),
        ("+0200", "two", "no TZOFFSETTO"),
        ("+0200", "+9900", "a day or more"),
        ("STANDARD", "SOMETHING", "no STANDARD"),
        ("TZOFFSETTO", "RRULE:FREQ=OFTEN\nTZOFFSETTO", "RRULE"),
    ],
)
def test_a_zone_that_is_not_described_properly_is_refused(
    old: str, new: str, complaint: str
) -> None:
    lines = ("DTSTART;TZID=Our zone:20260701T120000", "DURATION:PT1H")
    assert times(calendar(*lines, zones=ZONE))
    assert complaint in refusal(calendar(*lines, zones=ZONE.replace(old, new))).message


@pytest.mark.parametrize(
    "text",
    [
        calendar(*GOOD, "RRULE:FREQ=SECONDLY"),
        calendar(*GOOD, "RRULE:FREQ=MINUTELY;COUNT=5"),
        calendar(
            "DTSTART;TZID=Our zone:20260701T120000",
            "DURATION:PT1H",
            zones=ZONE.replace("TZOFFSETTO", "RRULE:FREQ=SECONDLY\nTZOFFSETTO"),
        ),
        calendar(
            "DTSTART;TZID=Our zone:20260701T120000",
            "DURATION:PT1H",
            zones=ZONE.replace("TZOFFSETTO", "RRULE:FREQ=HOURLY\nTZOFFSETTO"),
        ),
        calendar("DTSTART:16010101T000000Z", "DURATION:P36000D", "RRULE:FREQ=DAILY"),
        calendar(
            "DTSTART:16010101T000000Z", "DURATION:PT1H", *["RRULE:FREQ=DAILY;COUNT=99999"] * 3
        ),
        calendar(*GOOD, "RDATE:" + ",".join(["20260701T120000Z"] * 10_001)),
        "BEGIN:VCALENDAR\n" * 20,
        "X" * 5_000_000,
        "BEGIN:VCALENDAR\n" + "BEGIN:VEVENT\nEND:VEVENT\n" * 10_001 + "END:VCALENDAR\n",
    ],
    ids=range(10),
)
def test_a_hostile_file_is_too_large_and_costs_little_time(text: str) -> None:
    with pytest.raises(GateError) as caught:
        times(text)
    assert caught.value.code == "calendar-too-large"


def test_many_rules_that_never_match_share_one_budget() -> None:
    text = calendar(*GOOD, *["RRULE:FREQ=DAILY;COUNT=9999;BYMONTH=2;BYMONTHDAY=30"] * 1_000)
    within = Interval(start=YEAR.start, end=YEAR.start + timedelta(days=3_000))
    with pytest.raises(GateError) as caught:
        times(text, within=within)
    assert caught.value.code == "calendar-too-large"


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("hour", range(5))
@pytest.mark.parametrize("day", ["2026-03-29", "2026-03-08", "2026-10-25", "2026-11-01"])
def test_narrow_and_wide_readings_enclose_what_the_standard_says(
    name: str, hour: int, day: str
) -> None:
    start = datetime.fromisoformat(f"{day}T0{hour}:30")
    end = start + timedelta(hours=3)
    text = calendar(
        f"DTSTART;TZID={name}:{start:%Y%m%dT%H%M%S}", f"DTEND;TZID={name}:{end:%Y%m%dT%H%M%S}"
    )
    # RFC 5545, section 3.3.5: the first of two, and by the offset before the gap (PEP 495: fold=0)
    standard = [
        f"{moment.replace(tzinfo=ZoneInfo(name)).astimezone(UTC):%Y-%m-%dT%H:%M}"
        for moment in (start, end)
    ]
    ((wide_start, wide_end),) = times(text)
    assert wide_start <= standard[0] < standard[1] <= wide_end
    for narrow_start, narrow_end in times(text, wide=False):
        assert standard[0] <= narrow_start < narrow_end <= standard[1]
