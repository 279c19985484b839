"""Lines of iCalendar text: where they begin, what is in them, and how many there may be."""

from __future__ import annotations

import pytest

from itil_gate.decide.ics import Component, parse_calendars, unescape
from itil_gate.model.errors import ConfigError, GateError
from itil_gate.model.finding import Place

FILE = "calendar/x.ics"
READ = (
    *("BEGIN", "END", "UID", "SEQUENCE", "STATUS", "RECURRENCE-ID", "X-WR-TIMEZONE"),
    *("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE"),
    *("TZID", "TZOFFSETFROM", "TZOFFSETTO"),
)
EVENT = "BEGIN:VEVENT\nEND:VEVENT\n"


def calendar(inside: str) -> str:
    return f"BEGIN:VCALENDAR\n{inside}END:VCALENDAR\n"


def only(text: str) -> Component:
    (found,) = parse_calendars(text, file=FILE)
    return found


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse_calendars(text, file=FILE)
    assert caught.value.code == "calendar-invalid"
    (finding,) = caught.value.findings
    assert finding.rule == "calendar-invalid"
    assert caught.value.message == f"{finding.place}: {finding.message}"
    assert caught.value.hint == finding.remedy == "export the calendar again, or mend the line"
    return caught.value


def place(error: ConfigError) -> Place | None:
    return error.findings[0].place


def code(text: str) -> str | None:
    try:
        parse_calendars(text, file=FILE)
    except GateError as error:
        return error.code
    return None


@pytest.mark.parametrize("name", READ)
def test_a_broken_line_that_says_when_something_is_cannot_be_passed_over(name: str) -> None:
    error = refusal(calendar(f"BEGIN:VEVENT\n{name.lower()};BROKEN:1\nEND:VEVENT\n"))
    assert place(error) == Place(file=FILE, line=3, column=1)
    assert "is not a content line" in error.message


def test_a_broken_line_that_says_only_what_something_is_can_be_passed_over() -> None:
    found = only(calendar("SUMMARY;BROKEN:1\nX-OURS;BROKEN\nMETHOD:PUBLISH\n"))
    assert [item.name for item in found.properties] == ["METHOD"]


def test_a_file_without_a_calendar_is_at_fault_as_a_whole() -> None:
    for text in ("", "BEGIN:VCARD\nEND:VCARD\n"):
        assert place(refusal(text)) == Place(file=FILE)


def test_what_stands_beside_a_calendar_is_none() -> None:
    card = "BEGIN:VCARD\nFN:Alice\nEND:VCARD\n"
    assert only(card + calendar(EVENT) + card).name == "VCALENDAR"


def test_a_component_begins_where_its_first_line_does() -> None:
    found = only("\n" + calendar(EVENT))
    assert found.place == Place(file=FILE, line=2, column=1)
    assert found.components[0].place == Place(file=FILE, line=3, column=1)
    assert place(refusal("BEGIN:VCALENDAR\nBEGIN:VTODO\n")) == Place(file=FILE, line=2, column=1)


@pytest.mark.parametrize(
    "text",
    [
        EVENT + calendar(""),
        calendar("") + EVENT,
        calendar(calendar(EVENT)),
        calendar(f"BEGIN:VTODO\n{EVENT}END:VTODO\n"),
        calendar(f"BEGIN:VEVENT\n{EVENT}END:VEVENT\n"),
    ],
    ids=["before", "after", "in-a-second-calendar", "in-a-to-do", "in-another-event"],
)
def test_an_event_that_no_calendar_holds_is_refused_because_it_would_be_lost(text: str) -> None:
    assert "does not stand directly in BEGIN:VCALENDAR" in refusal(text).message


@pytest.mark.parametrize("text", ["END:\n", "BEGIN:VCALENDAR\nEND:VCALENDAR\nEND:\n", "END:X\n"])
def test_an_end_without_a_beginning_is_refused(text: str) -> None:
    error = refusal(text)
    assert "ends nothing that was begun" in error.message
    assert place(error) == Place(file=FILE, line=text.count("\n"), column=1)


def test_names_are_read_in_small_letters_and_with_spaces_around_them() -> None:
    text = "begin:vcalendar\nBegin: vEvent \nEnd:VEvent \nEND: vcalendar\n"
    assert [item.name for item in only(text).components] == ["VEVENT"]


def test_a_text_may_have_four_million_characters_and_not_more() -> None:
    text = calendar("X-PAD:\n")
    pad = "x" * (4_000_000 - len(text))
    assert code(calendar(f"X-PAD:{pad}\n")) is None
    assert code(calendar(f"X-PAD:{pad}x\n")) == "calendar-too-large"


def test_a_file_may_hold_ten_thousand_events_and_not_more() -> None:
    assert len(only(calendar(EVENT * 10_000)).components) == 10_000
    assert code(calendar(EVENT * 10_001)) == "calendar-too-large"


def test_components_may_stand_eight_deep_and_not_deeper() -> None:
    begin, end = "BEGIN:VCALENDAR\n", "END:VCALENDAR\n"
    assert code(begin * 8 + end * 8) is None
    assert code(begin * 9 + end * 9) == "calendar-too-large"


def test_text_is_read_without_its_backslashes() -> None:
    assert unescape(r"a\, b\; c\\n\nd\Ne\t") == "a, b; c\\n\nd\ne\\t"


def test_names_of_properties_and_parameters_are_read_in_small_letters() -> None:
    (item,) = only(calendar('x-ours;tzid=Xylo;Value="A;B":20261224\n')).properties
    assert (item.name, item.value) == ("X-OURS", "20261224")
    assert item.parameters == {"TZID": "Xylo", "VALUE": "A;B"}
    assert item.place == Place(file=FILE, line=2, column=1)


def test_a_value_may_be_empty_and_its_parameters_still_count() -> None:
    (item,) = only(calendar("X-OURS;LANGUAGE=de:\n")).properties
    assert (item.value, item.parameters) == ("", {"LANGUAGE": "de"})


def test_lines_of_spaces_between_others_hold_nothing() -> None:
    assert only("  \n" + calendar("\n \t\n" + EVENT) + "\n   \n").components[0].line == 5


def test_a_text_that_is_not_there_is_empty_and_of_two_the_first_is_meant() -> None:
    found = only(calendar("SUMMARY:a\\, b\nSUMMARY:c\n"))
    assert (found.text("SUMMARY"), found.text("DESCRIPTION")) == ("a, b", "")
