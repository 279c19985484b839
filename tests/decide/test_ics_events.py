"""Events of iCalendar files at their edges: lengths, versions, exceptions and what follows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from itil_gate.decide.ics_events import happenings
from itil_gate.decide.recurrence import Budget
from itil_gate.model.calendar import Interval
from itil_gate.model.errors import ConfigError, GateError

if TYPE_CHECKING:
    from itil_gate.decide.ics_events import Happening

YEAR = Interval(start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2027, 2, 1, tzinfo=UTC))
NOON = ("DTSTART:20260701T120000Z", "DURATION:PT1H")
DAILY = (*NOON, "RRULE:FREQ=DAILY;COUNT=4")


def event(*lines: str, uid: str = "UID:1") -> str:
    return "\n".join(["BEGIN:VEVENT", uid, *lines, "END:VEVENT", ""])


def calendar(*events: str, head: str = "") -> str:
    return f"BEGIN:VCALENDAR\n{head}{''.join(events)}END:VCALENDAR\n"


def found(text: str, *, wide: bool = True, within: Interval = YEAR) -> list[Happening]:
    every = happenings(text, file="calendar/x.ics", within=within, wide=wide, budget=Budget())
    return [
        item
        for item in sorted(every, key=lambda item: (item.interval.start, item.interval.end))
        if item.interval.start < within.end and item.interval.end > within.start
    ]


def spans(text: str, *, wide: bool = True, within: Interval = YEAR) -> list[tuple[str, str]]:
    return [
        (f"{item.interval.start:%m-%dT%H:%M}", f"{item.interval.end:%m-%dT%H:%M}")
        for item in found(text, wide=wide, within=within)
    ]


def starts(text: str, *, wide: bool = True, within: Interval = YEAR) -> list[str]:
    return [start for start, _ in spans(text, wide=wide, within=within)]


def day(month: int, number: int) -> Interval:
    start = datetime(2026, month, number, tzinfo=UTC)
    return Interval(start=start, end=start + timedelta(days=1))


def code(text: str) -> str | None:
    try:
        found(text)
    except GateError as error:
        return error.code
    return None


def test_an_event_may_list_ten_thousand_dates_and_not_more() -> None:
    dates = ",".join(["20260801T120000Z"] * 10_000)
    assert code(calendar(event(*NOON, f"EXDATE:{dates}"))) is None
    more = calendar(event(*NOON, f"EXDATE:{dates},20260801T120000Z"))
    assert code(more) == "calendar-too-large"


def test_an_event_may_recur_ten_thousand_times_and_not_more() -> None:
    lines = ("DTSTART:20260101T000000Z", "DURATION:PT1H")
    within = Interval(start=YEAR.start, end=YEAR.start + timedelta(days=500))
    most = calendar(event(*lines, "RRULE:FREQ=HOURLY;COUNT=10000"))
    assert len(found(most, within=within)) == 10_000
    with pytest.raises(GateError) as caught:
        found(most.replace("10000", "10001"), within=within)
    assert caught.value.code == "calendar-too-large"


@pytest.mark.parametrize(
    ("length", "said"),
    [
        ("DURATION:P36600D", None),
        ("DURATION:P36601D", "calendar-invalid"),
        ("DURATION:P36600DT1S", "calendar-invalid"),
        ("DURATION:PT878400H", None),
        ("DURATION:PT878401H", "calendar-invalid"),
        ("DTEND:21260915T120000Z", None),
        ("DTEND:21260915T120001Z", "calendar-invalid"),
    ],
)
def test_an_event_may_last_a_hundred_years_and_not_longer(length: str, said: str | None) -> None:
    assert code(calendar(event(NOON[0], length))) == said


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("20270703T120000Z", None),
        ("20270703T120001Z", "calendar-invalid"),
        ("20250701T120000Z", None),
        ("20250701T115959Z", "calendar-invalid"),
    ],
)
def test_what_follows_may_be_moved_by_a_year_and_a_day(start: str, said: str | None) -> None:
    moved = event("RECURRENCE-ID;RANGE=THISANDFUTURE:20260702T120000Z", f"DTSTART:{start}", NOON[1])
    assert code(calendar(event(*DAILY), moved)) == said


def test_a_single_occurrence_may_be_moved_by_years() -> None:
    moved = event("RECURRENCE-ID:20200702T120000Z", "DTSTART:20260901T120000Z", NOON[1])
    assert starts(calendar(event(*DAILY), moved))[-1] == "09-01T12:00"


def test_a_window_that_ends_in_an_hour_that_is_skipped_ends_before_it() -> None:
    text = calendar(
        event(
            "DTSTART;TZID=Europe/Berlin:20260329T003000", "DTEND;TZID=Europe/Berlin:20260329T023000"
        )
    )
    assert spans(text, wide=False) == [("03-28T23:30", "03-29T00:30")]
    assert spans(text) == [("03-28T23:30", "03-29T01:30")]


def test_an_event_may_end_in_another_zone_than_it_starts_in() -> None:
    text = calendar(
        event("DTSTART;TZID=America/New_York:20260701T120000", "DTEND:20260701T170000Z")
    )
    assert spans(text) == [("07-01T16:00", "07-01T17:00")]


def test_a_day_that_is_left_out_is_a_day_where_the_series_takes_place() -> None:
    # midnight of UTC on the 2nd is eight in the evening of the 1st in New York
    for hour, wanted in (("12", ["07-01T16:00", "07-03T16:00"]), ("20", ["07-02", "07-04"])):
        text = calendar(
            event(
                f"DTSTART;TZID=America/New_York:20260701T{hour}0000",
                "DURATION:PT1H",
                "RRULE:FREQ=DAILY;COUNT=3",
                "EXDATE;VALUE=DATE:20260702",
            )
        )
        assert [start[: len(wanted[0])] for start in starts(text)] == wanted


def test_a_day_of_a_series_of_days_is_left_out_by_its_midnight_anywhere() -> None:
    text = calendar(
        event(
            "DTSTART;VALUE=DATE:20260701",
            "RRULE:FREQ=DAILY;COUNT=3",
            "EXDATE;TZID=Asia/Tokyo:20260702T000000",
        ),
        head="X-WR-TIMEZONE:Europe/Berlin\n",
    )
    assert starts(text) == ["06-30T22:00", "07-02T22:00"]


def test_days_are_in_the_zone_of_the_calendar_whatever_zone_they_name() -> None:
    text = calendar(event("DTSTART;VALUE=DATE;TZID=Asia/Tokyo:20260701"))
    assert spans(text) == [("07-01T00:00", "07-02T00:00")]


def test_the_events_of_a_series_belong_together_wherever_they_stand() -> None:
    moved = event("RECURRENCE-ID:20260702T120000Z", "DTSTART:20260702T150000Z", NOON[1])
    other = event("DTSTART:20260801T120000Z", NOON[1], uid="UID:2")
    wanted = ["07-01T12:00", "07-02T15:00", "07-03T12:00", "07-04T12:00", "08-01T12:00"]
    assert starts(calendar(event(*DAILY), other, moved)) == wanted
    assert starts(calendar(moved, other, event(*DAILY))) == wanted


def test_spaces_and_small_letters_change_nothing() -> None:
    text = calendar(
        event(
            'DTSTART;TZID=" Europe/Berlin ": 20260701t120000 ',
            "DURATION: pt1h ",
            "RRULE: FREQ=DAILY;COUNT=2 ",
            "RDATE: 20260801T120000/ +pt2h ",
            "SEQUENCE: 3 ",
            "STATUS: confirmed ",
            uid="UID: 1 ",
        ),
        event(
            "RECURRENCE-ID;TZID=Europe/Berlin;RANGE=thisandfuture:20260702T120000",
            "DTSTART:20260702T130000",
            "DURATION:PT1H",
            "STATUS: cancelled ",
        ),
        head="X-WR-TIMEZONE: Europe/Berlin \n",
    )
    assert spans(text) == [("07-01T10:00", "07-01T11:00")]
    one = text.replace(";RANGE=thisandfuture", "")
    assert spans(one) == [("07-01T10:00", "07-01T11:00"), ("08-01T10:00", "08-01T12:00")]


def test_a_length_may_be_given_in_seconds() -> None:
    (item,) = found(calendar(event(NOON[0], "DURATION:PT1M30S")))
    assert item.interval.end - item.interval.start == timedelta(seconds=90)


def test_events_with_an_empty_uid_are_events_of_their_own() -> None:
    for uid in ("UID:", "UID:  "):
        later = event("DTSTART:20260801T120000Z", NOON[1], uid=uid)
        first, second = found(calendar(event(*NOON, uid=uid), later))
        assert first.event.uid == "calendar/x.ics:2:1"
        assert second.event.uid == "calendar/x.ics:7:1"


def test_an_event_says_what_it_is_without_spaces_around_it() -> None:
    (item,) = found(calendar(event(*NOON, "SUMMARY: Audit ", "DESCRIPTION:They come\\n")))
    assert (item.event.title, item.event.description) == ("Audit", "They come")


def test_an_event_that_does_not_say_what_it_is_is_known_by_its_line() -> None:
    for lines in (NOON, (*NOON, "SUMMARY:  ")):
        (item,) = found(calendar(event(*lines)))
        assert item.event.title == "calendar/x.ics:2:1"


def test_a_version_without_a_number_is_the_first() -> None:
    later = event("SEQUENCE:1", "DTSTART:20260801T120000Z", NOON[1])
    for text in (calendar(event(*NOON), later), calendar(later, event(*NOON))):
        assert starts(text) == ["08-01T12:00"]


def test_a_cancelled_series_takes_no_place_but_for_what_replaced_an_occurrence() -> None:
    moved = event(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20260702T120000Z", "DTSTART:20260702T150000Z", NOON[1]
    )
    assert starts(calendar(event(*DAILY, "STATUS:CANCELLED"), moved)) == ["07-02T15:00"]


def test_a_replacement_without_a_moment_that_is_surely_in_it_is_no_window() -> None:
    gap = event(
        "RECURRENCE-ID:20260702T120000Z",
        "DTSTART;TZID=Europe/Berlin:20261025T021500",
        "DTEND;TZID=Europe/Berlin:20261025T024500",
    )
    assert starts(calendar(event(*DAILY), gap), wide=False) == [
        "07-01T12:00",
        "07-03T12:00",
        "07-04T12:00",
    ]
    assert "10-25T00:15" in starts(calendar(event(*DAILY), gap))


def test_of_several_changes_to_what_follows_the_last_before_an_occurrence_holds() -> None:
    def moved(number: int, hour: int) -> str:
        return event(
            f"RECURRENCE-ID;RANGE=THISANDFUTURE:202607{number:02}T120000Z",
            f"DTSTART:202607{number:02}T{hour}0000Z",
            NOON[1],
        )

    series = event(*NOON, "RRULE:FREQ=DAILY;COUNT=7")
    changes = (moved(2, 13), moved(4, 14), moved(6, 15))
    for ordered in (changes, changes[::-1], (changes[1], changes[0], changes[2])):
        assert starts(calendar(series, *ordered)) == [
            "07-01T12:00",
            "07-02T13:00",
            "07-03T13:00",
            "07-04T14:00",
            "07-05T14:00",
            "07-06T15:00",
            "07-07T15:00",
        ]


def test_of_windows_that_end_as_they_start_or_by_one_of_their_rules_the_start_is_kept() -> None:
    for rules in (
        ("RRULE:FREQ=DAILY;UNTIL=20260702",),
        ("RRULE:FREQ=DAILY;UNTIL=20260701T120000Z",),
        ("RRULE:FREQ=DAILY;UNTIL=20260630", "RRULE:FREQ=DAILY;UNTIL=20260702"),
    ):
        assert starts(calendar(event(*NOON, *rules)), wide=False)[0] == "07-01T12:00"


@pytest.mark.parametrize("duration", ["P40D", "PT960H", "P20DT480H"])
def test_what_lasts_for_weeks_is_found_until_it_ends(duration: str) -> None:
    text = calendar(event(NOON[0], f"DURATION:{duration}", "RRULE:FREQ=DAILY;COUNT=2"))
    assert starts(text, within=day(8, 11)) == ["07-02T12:00"]
    assert starts(text, within=day(8, 12)) == []


def test_what_is_moved_far_is_found_where_it_is_moved_to() -> None:
    def moved(number: int, start: str) -> str:
        return event(
            f"RECURRENCE-ID;RANGE=THISANDFUTURE:202607{number:02}T120000Z",
            f"DTSTART:{start}T120000Z",
            NOON[1],
        )

    series = event(*NOON, "RRULE:FREQ=DAILY;COUNT=30")
    text = calendar(series, moved(5, "20260505"), moved(15, "20260716"))
    assert starts(text, within=day(5, 8)) == ["05-08T12:00"]
    text = calendar(series, moved(5, "20260905"), moved(15, "20260716"))
    assert starts(text, within=day(9, 8)) == ["09-08T12:00"]


def test_a_fault_of_an_event_is_told_with_its_line() -> None:
    with pytest.raises(ConfigError) as caught:
        found(calendar(event(NOON[0], "DURATION:P36601D")))
    assert caught.value.message == "calendar/x.ics:5:1: the event is longer than 36600 days"


@pytest.mark.parametrize(
    "lines",
    [
        ("DURATION:PT5H", "RDATE:20260701T120000Z/PT1H"),
        ("DURATION:PT1H", "RDATE:20260701T120000Z/PT5H"),
        ("DURATION:PT5H", "RRULE:FREQ=DAILY;COUNT=1", "RDATE:20260701T120000Z/PT1H"),
        ("DURATION:PT3H", "RDATE:20260701T120000Z/PT5H,20260701T120000Z/PT1H"),
        ("DURATION:PT3H", "RDATE:20260701T120000Z/PT1H", "RDATE:20260701T120000Z/PT5H"),
        ("DURATION:PT1H", "RDATE:20260701T120000Z", "RDATE:20260701T120000Z/PT5H"),
    ],
)
def test_of_several_lengths_from_one_start_the_one_that_lets_less_through_holds(
    lines: tuple[str, ...],
) -> None:
    text = calendar(event(NOON[0], *lines))
    assert spans(text) == [("07-01T12:00", "07-01T17:00")]
    assert spans(text, wide=False) == [("07-01T12:00", "07-01T13:00")]


def test_of_several_lengths_of_a_window_none_may_be_empty() -> None:
    # an hour that comes twice: surely in it is only what lasts longer than that
    text = calendar(
        event(
            "DTSTART;TZID=Europe/Berlin:20261025T021500",
            "DTEND;TZID=Europe/Berlin:20261025T023000",
            "RDATE;TZID=Europe/Berlin:20261025T021500/20261025T043000",
        )
    )
    assert spans(text, wide=False) == []
    assert spans(text) == [("10-25T00:15", "10-25T03:30")]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Our zone"])
@pytest.mark.parametrize(
    ("until", "days"),
    [("002959", 1), ("003000", 2), ("011500", 2), ("015959", 2), ("020000", 2)],
)
def test_a_series_includes_an_hour_that_comes_twice_if_it_has_come_once(
    zone: str, until: str, days: int
) -> None:
    described = (
        "BEGIN:VTIMEZONE\nTZID:Our zone\nBEGIN:STANDARD\nDTSTART:20261025T030000\n"
        "TZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n"
    )
    text = calendar(
        event(
            f"DTSTART;TZID={zone}:20261024T023000",
            "DURATION:PT10M",
            f"RRULE:FREQ=DAILY;UNTIL=20261025T{until}Z",
        ),
        head=described,
    )
    assert starts(text) == ["10-24T00:30", "10-25T00:30"][:days]
