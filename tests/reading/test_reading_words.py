from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import Field, StringConstraints, field_validator

from itil_gate.model.base import Glob, Line, Model, Moment, Timezone
from itil_gate.model.finding import Finding
from itil_gate.reading.faults import line
from itil_gate.reading.read import read_text
from itil_gate.reading.wording import listed, nearest, path_text, quoted


class Part(Model):
    """A thing inside the sample."""

    name: Line
    size: Annotated[float, Field(gt=0, lt=10)] = 1.0


class Sample(Model):
    """A noun with every sort of value."""

    title: Line = "x"
    note: Line | None = None
    code: Annotated[str, StringConstraints(pattern=r"^[A-Z]+$")] = "A"
    parts: Annotated[tuple[Part, ...], Field(min_length=2)] = ()
    words: dict[str, str] = Field(default_factory=dict)
    glob: Glob = "**"
    zone: Timezone = "UTC"
    when: Moment | None = None
    count: int = 0
    few: Annotated[tuple[str, ...], Field(max_length=1)] = ()
    told: int = 0

    @field_validator("told")
    @classmethod
    def _told(cls, value: int) -> int:
        if value:
            raise ValueError("this must be nothing")
        return value


def said(text: str) -> list[str]:
    found = read_text(text, "f", Sample)
    assert isinstance(found, tuple)
    assert all(isinstance(finding, Finding) for finding in found)
    return [line(finding) for finding in found]


SAID = {
    "a: [": "1:5: not-yaml: a bracket or a brace is not closed; close it",
    "title: ''": "1:8: wrong-value: title is an empty text; write a text, or remove the key",
    f"title: {'x' * 301}": (
        "1:8: wrong-value: title is 301 characters long; write at most 300 characters"
    ),
    "title:": "1:1: wrong-type: title is empty; write a text, or remove the key",
    "title: true": '1:8: wrong-type: title is true; write it as a text, in quotes: "true"',
    "title: [a]": "1:8: wrong-type: title is a list; write a text",
    "code: a": '1:7: wrong-value: code is "a"; write a text that matches ^[A-Z]+$',
    "count: 1.5": "1:8: wrong-type: count is the number 1.5; write a whole number",
    "count: {}": "1:8: wrong-type: count is a mapping; write a whole number",
    "count: '1'": '1:8: wrong-type: count is "1"; write a whole number, without quotes',
    "words: [a]": "1:8: wrong-type: words is a list; write a mapping of keys to values",
    "words: {a: 1}": (
        '1:12: wrong-type: words.a is the number 1; write it as a text, in quotes: "1"'
    ),
    "parts: [{name: a}]": "1:8: wrong-value: parts has one entry; give at least 2",
    "parts: a": '1:8: wrong-type: parts is "a"; write a list: [a]',
    "few: [a, b]": (
        "1:6: wrong-value: few is a list, which is refused; "
        "Tuple should have at most 1 item after validation, not 2"
    ),
    "told: 1": "1:7: wrong-value: told: this must be nothing",
    "glob: /a": (
        '1:7: wrong-glob: glob is "/a", which begins with a slash; write a: globs start at the root'
    ),
    "zone: Europe Berlin": (
        '1:7: unknown-timezone: zone is "Europe Berlin"; '
        "write a zone name such as Europe/Berlin, America/New_York or UTC"
    ),
    "when: 2026-11-25T22:00Z\nwhan: 1": (
        '2:1: unknown-key: the key "whan" is not known; did you mean "when"?'
    ),
    "when: 2026-13-25T22:00Z": (
        '1:7: wrong-value: when is "2026-13-25T22:00Z", which no calendar has; '
        "write a date and time that exist"
    ),
    "when: 9999-12-31T23:59-12:00": (
        '1:7: wrong-value: when is "9999-12-31T23:59-12:00"; '
        "write a moment with its offset, for example 2026-11-25T21:00:00Z"
    ),
}


@pytest.mark.parametrize(("text", "expected"), SAID.items())
def test_what_is_so_and_what_would_satisfy(text: str, expected: str) -> None:
    assert said(text) == [f"f:{expected}"]


def test_an_optional_key_is_left_out_and_not_left_empty() -> None:
    assert said("note:") == ["f:1:1: wrong-type: note is empty; write a value, or remove the key"]
    assert not isinstance(read_text("code: A", "f", Sample), tuple)


def test_numbers_have_limits_in_words() -> None:
    text = "parts: [{name: a, size: 0.0}, {name: b, size: 10.0}]"
    assert [words.split("; ")[1] for words in said(text)] == [
        "write a number above 0.0",
        "write a number below 10.0",
    ]


def test_a_required_key_is_never_proposed_for_removal() -> None:
    (words, *_) = said("parts: [{name: }, {name: b}]")
    assert words.endswith("parts[0].name is empty; write a text")


def test_long_and_many_lined_texts_are_shortened() -> None:
    assert quoted("a\nb") == '"a\\nb"'
    assert len(quoted("x" * 1000)) < 70
    assert path_text(("a", 3, "b")) == "a[3].b"
    assert path_text(()) == "the document"
    assert len(path_text(("k" * 10_000,))) <= 100


def test_words_are_joined_as_people_do() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"], "and") == "a, b and c"


def test_the_nearest_word_ignores_case_and_hyphens() -> None:
    assert nearest("Expected_Outcome", ["reason", "expectedOutcome"]) == "expectedOutcome"
    assert nearest("colour", ["reason", "risk"]) is None
    assert nearest("x" * 10_000, ["xxx"]) is None
