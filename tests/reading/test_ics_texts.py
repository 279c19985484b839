from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.model.errors import SourceError
from itil_gate.reading.ics import MAX_COMPONENTS, parse_ics, read_ics

if TYPE_CHECKING:
    from pathlib import Path

EVENT = "BEGIN:VEVENT\nUID:1\nDTSTART:20261224T000000Z\nDTEND:20261227T000000Z\nEND:VEVENT\n"


def calendar(inside: str) -> str:
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//acme//EN\n{inside}END:VCALENDAR\n"


def found(text: str) -> list[tuple[str, int]]:
    return [
        (finding.rule, finding.place.line)
        for finding in read_ics(text, file="f.ics")
        if finding.place
    ]


@pytest.mark.parametrize(
    "inside",
    [
        "",
        EVENT,
        EVENT.replace("\n", "\r\n"),
        EVENT.replace("20261224T000000Z", "20261224T0\n 00000Z"),
        EVENT.replace("DTSTART:20261224T000000Z", "DTSTART;VALUE=DATE:20261224"),
        EVENT.replace("DTSTART:20261224T000000Z", "DTSTART;TZID=Europe/Berlin:20261224T000000"),
        EVENT.replace(
            "DTSTART:20261224T000000Z", "DTSTART;TZID=Eastern Standard Time:20261224T000000"
        ),
        EVENT.replace(
            "DTSTART:20261224T000000Z", "DTSTART;TZID=/x.org/Europe/Berlin:20261224T000000"
        ),
        EVENT.replace("UID:1", "RRULE:FREQ=WEEKLY;BYDAY=FR;COUNT=5"),
        EVENT.replace("UID:1", 'X-NOTE;X-A="b;c:d";X-E=f:g'),
        EVENT + "BEGIN:VTODO\nUID:2\nEND:VTODO\n",
    ],
)
def test_a_sound_calendar_finds_nothing(inside: str) -> None:
    assert found(calendar(inside)) == []


def test_a_zone_that_the_file_describes_is_known_there_and_nowhere_else() -> None:
    described = (
        "BEGIN:VTIMEZONE\nTZID:Ship time\nBEGIN:STANDARD\nDTSTART:20000101T000000\n"
        "TZOFFSETFROM:+0000\nTZOFFSETTO:+0330\nEND:STANDARD\nEND:VTIMEZONE\n"
    )
    used = EVENT.replace("DTSTART:20261224T000000Z", "DTSTART;TZID=Ship time:20261224T000000")
    assert found(calendar(described + used)) == []
    assert found(calendar(used)) == [("unknown-timezone", 6)]
    other = described.replace("+0330", "-0900")
    event = parse_ics(calendar(other + used), file="f").walk("VEVENT")[0]
    assert event["DTSTART"].dt.utcoffset().total_seconds() == -9 * 3600


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("wrong-calendar", 1)),
        ("\n\n", ("wrong-calendar", 1)),
        ("VERSION:2.0\n", ("wrong-calendar", 1)),
        ("BEGIN:VEVENT\nEND:VEVENT\n", ("wrong-calendar", 1)),
        (calendar("BEGIN:VEVENT\n"), ("wrong-calendar", 5)),
        (calendar(EVENT)[:-14], ("wrong-calendar", 1)),
        (calendar("END:VEVENT\n"), ("wrong-calendar", 4)),
        (calendar("") + calendar(""), ("wrong-calendar", 5)),
        (calendar(calendar("")), ("wrong-calendar", 4)),
        (calendar("") + "X-COMMENT:a\n", ("wrong-calendar", 5)),
        (calendar("no content line\n"), ("wrong-calendar", 4)),
        (calendar('X-A;B="c:d\n'), ("wrong-calendar", 4)),
        (calendar("BEGIN:VEVENT\nUID:1\nEND:VEVENT\n"), ("wrong-calendar", 4)),
        (calendar(EVENT.replace("20261227T000000Z", "soon")), ("wrong-calendar", 7)),
        (calendar(EVENT.replace("UID:1", "RRULE:FREQ=NEVER")), ("wrong-calendar", 5)),
        (calendar(EVENT.replace("UID:1", "RRULE:FREQ=SECONDLY")), ("wrong-calendar", 5)),
        (calendar(EVENT.replace("UID:1", "RRULE:COUNT=3;FREQ=minutely")), ("wrong-calendar", 5)),
        (calendar("X-WR-TIMEZONE:Nowhere\n"), ("unknown-timezone", 4)),
        (calendar("X-A:\x00\n"), ("control-character", 4)),
        (calendar("X-A:a\rb\n"), ("control-character", 4)),
        (calendar("X-A:\u202e\n"), ("control-character", 4)),
        ("\ufeff" + calendar(""), ("byte-order-mark", 1)),
        (calendar("BEGIN:A\n" * 9 + "END:A\n" * 9), ("wrong-calendar", 11)),
    ],
)
def test_a_broken_calendar_is_refused_at_its_line(text: str, expected: tuple[str, int]) -> None:
    assert found(text) == [expected]


def test_components_and_size_are_limited() -> None:
    assert found(calendar("BEGIN:A\nEND:A\n" * MAX_COMPONENTS)) == [("wrong-calendar", 1)]
    assert found(calendar("X-A:" + "x" * (1 << 20) + "\n")) == [("wrong-calendar", 1)]


def test_a_text_that_names_a_file_does_not_open_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ics"
    secret.write_text(calendar(EVENT), encoding="utf-8")
    with pytest.raises(SourceError):
        parse_ics(str(secret), file="f.ics")


PIECES = st.sampled_from(
    ["BEGIN:VCALENDAR\n", "END:VCALENDAR\n", "BEGIN:VEVENT\n", "END:VEVENT\n", "DTSTART:20261224\n",
     "DTSTART;TZID=Europe/Berlin:2026\n", "RRULE:FREQ=DAILY\n", "RRULE:\n", " x\n", "EXDATE:,\n",
     "BEGIN:VTIMEZONE\nTZID:x\nEND:VTIMEZONE\n", "DURATION:P\n", "RDATE;VALUE=PERIOD:a/b\n",
     "BEGIN:STANDARD\nEND:STANDARD\n", "TZOFFSETTO:+9999\n", "DTSTART;VALUE=X:1\n"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=100), st.lists(PIECES, max_size=20).map("".join)))
def test_any_text_is_a_calendar_or_findings_with_places(text: str) -> None:
    for whole in (text, calendar(text)):
        for finding in read_ics(whole, file="f.ics"):
            assert finding.place is not None
            assert finding.place.line >= 1
