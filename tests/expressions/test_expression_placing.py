"""Where in a YAML file the characters of an expression stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.expressions.placing import within
from itil_gate.model.errors import SourceError
from itil_gate.model.finding import Place
from itil_gate.reading.yaml import parse

MARK = "touchs"


def where(source: str, key: str = "when") -> tuple[str, str]:
    """Return where the slip is said to be and where the scalar begins."""
    document = parse(source, file="p.yaml")
    text, path = document.data[key], (key,)
    at = within(document.place(path), text, source)
    return str(at(text.index(MARK))), str(document.place(path))


@pytest.mark.parametrize(
    "source",
    [
        "when: touchs('a')",
        "when:   touchs('a')",
        "when: true && touchs('a')   # a comment",
        "when: ä == 'ö' && touchs('a')",
        "when: 'touchs(\"a\")'",
        "when: 'x == ''y'' && touchs(\"a\")'",
        "when: \"touchs('a')\"",
        'when: "x == \\"y\\" && touchs(\'a\')"',
        'when: "x == \\"\\u00e4\\" && touchs(\'a\')"',
        "when:\n  touchs('a')",
        "when:\n\n  'touchs(\"a\")'",
        "when: |\n  touchs('a')\n",
        "when: |-\n  true &&\n    touchs('a')\nthen: 1\n",
        "when: |\n\n  true &&\n\n  touchs('a')\n\n",
        "when: >-\n  true &&\n  touchs('a')\n",
        "when: >\n  touchs('a') &&\n  true\nthen: 1\n",
        "when: >-\n  true &&\n    touchs('a')\n  && true\n",
        "when: true &&\n  touchs('a')",
        "when: true\n  && false\n  && touchs('a')\nthen: 1",
        "{then: 1, when: touchs('a')}",
        '{"when": "touchs(\'a\')", "then": 1}',
        "when: |+\n  touchs('a')\n\n\n",
        "when: true && touchs('a')\r\nthen: 1\r\n",
    ],
)
def test_the_place_is_that_of_the_characters(source: str) -> None:
    lines = source.split("\n")
    line = next(number for number, text in enumerate(lines, start=1) if MARK in text)
    assert where(source)[0] == f"p.yaml:{line}:{lines[line - 1].index(MARK) + 1}"


@pytest.mark.parametrize(
    "source",
    [
        "when: \"true &&\n  touchs('a')\"",
        "when: 'true &&\n  touchs(\"a\")'",
        "when: \"true && \\\n  touchs('a')\"",
        "when: >-\n  true &&\n\n  touchs('a')\n",
        "when: |2\n    touchs('a')\n",
    ],
)
def test_what_cannot_be_followed_has_the_place_of_the_scalar(source: str) -> None:
    said, begins = where(source)
    assert said == begins


def test_places_beyond_the_text_are_those_of_its_end() -> None:
    at = within(Place(file="p", line=1, column=3), "abc", "  abc")
    assert [str(at(offset)) for offset in (-1, 0, 2, 3, 99)] == [
        "p:1:3", "p:1:3", "p:1:5", "p:1:6", "p:1:6",
    ]  # fmt: skip


def test_a_place_outside_of_the_file_is_kept() -> None:
    for place in (Place(file="p"), Place(file="p", line=9, column=1)):
        assert within(place, "abc", "one line")(1) == place


@given(
    text=st.text(alphabet="ab'\"\\ \n|>-#:&{}", max_size=20),
    style=st.sampled_from(["{}", "'{}'", '"{}"', "|\n  {}", ">\n  {}", "|-\n  {}", ">-\n  {}"]),
)
def test_a_place_is_a_character_of_the_file_or_the_scalar(text: str, style: str) -> None:
    source = f"when: {style.format(text)}\n"
    try:
        document = parse(source, file="p.yaml")
    except SourceError:
        return
    if document.data.keys() != {"when"} or not isinstance(document.data["when"], str):
        return
    value, lines = document.data["when"], source.split("\n")
    begins = document.place(("when",))
    at = within(begins, value, source)
    for offset, character in enumerate(value):
        place = at(offset)
        line = lines[place.line - 1]
        if place != begins and character not in "\n ":
            assert line[place.column - 1] in {character, "\\"}
