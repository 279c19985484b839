"""The tables of attacks and edge cases against the tests that play them, both ways."""

from __future__ import annotations

import importlib.util
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from support.rows import (
    CASES,
    SECTIONS,
    STATUSES,
    Row,
    expand,
    listed,
    played,
    played_in,
    read_rows,
)

if TYPE_CHECKING:
    from types import ModuleType

ROWS = tuple(row for section in listed() for row in read_rows(section))
PLAYED = played()


@pytest.mark.parametrize("section", listed())
def test_every_row_of_a_section_is_listed_exactly_once(section: str) -> None:
    rows = read_rows(section)
    assert {row.section for row in rows} == {section}
    assert Counter(row.row for row in rows) == Counter(expand(SECTIONS[section]))


def test_no_row_is_listed_in_two_sections() -> None:
    assert [row for row, times in Counter(row.row for row in ROWS).items() if times > 1] == []


@pytest.mark.parametrize("row", ROWS, ids=[row.row for row in ROWS])
def test_a_live_row_is_played_and_every_other_says_why_it_is_not(row: Row) -> None:
    assert row.status in STATUSES
    assert row.setup.strip()
    assert row.must.strip()
    if row.status == "live":
        assert row.reason is None
        assert PLAYED.get(row.row), f"no test is marked with @case({row.row!r})"
    else:
        assert (row.reason or "").strip()
        assert row.rest is None
        assert row.row not in PLAYED


def test_no_test_names_a_row_that_no_section_lists() -> None:
    known = {row.row for row in ROWS}
    assert {row: places for row, places in PLAYED.items() if row not in known} == {}


def test_the_rows_are_counted() -> None:
    count = Counter((row.section, row.status) for row in ROWS)
    for section in listed():
        said = ", ".join(f"{count[section, status]} {status}" for status in STATUSES)
        print(f"section {section}: {said}")  # noqa: T201 - seen with `pytest -rP`
    assert sum(count.values()) == len(ROWS) > 0


@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ('@case("1", "28")\ndef test_x(): ...', ["1", "28"]),
        ('@cases.case("184b")\nclass TestX: ...', ["184b"]),
        ('rows = [pytest.param(1, marks=case("3"))]', ["3"]),
        ('def test_x(): other("1")', []),
    ],
)
def test_rows_are_found_wherever_they_mark_something(source: str, rows: list[str]) -> None:
    assert [row for row, _ in played_in(source, file="x.py")] == rows


@pytest.mark.parametrize("source", ["@case(ROW)\ndef f(): ...", "@case()\ndef f(): ...", "case(1)"])
def test_rows_that_cannot_be_read_are_refused(source: str) -> None:
    with pytest.raises(AssertionError, match=r"x\.py:1: "):
        list(played_in(source, file="x.py"))


def generator() -> ModuleType:
    """Return the program that writes the page about the cases."""
    spec = importlib.util.spec_from_file_location("regenerate_cases", CASES / "regenerate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_about_the_cases_is_not_stale() -> None:
    made = generator()
    assert made.PAGE.read_text("utf-8") == made.page(), "run `python tests/cases/regenerate.py`"


def test_every_row_of_every_table_is_on_the_page_in_its_state() -> None:
    made = generator()
    lines = made.page().splitlines()
    for row in ROWS:
        (line,) = (one for one in lines if one.startswith(f"| {row.row} | "))
        assert made.WORDS[row.status] in line.rpartition(" | ")[2]
        assert len(line.replace("\\|", "").split(" | ")) == 6


@pytest.mark.parametrize("text", ["a|b", "<script>", "**x**", "`|`", "[a](b)", "\\|"])
def test_what_a_table_says_is_text_on_the_page(text: str) -> None:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - only here

    shown = MarkdownIt("commonmark").enable("table")
    page = f"| a |\n| --- |\n| {generator().cell(text)} |\n"
    (token,) = (one for one in shown.parse(page) if one.type == "inline" and one.map == [2, 3])
    assert "".join(child.content for child in token.children or ()) == text
