"""The table of attacks and edge cases against the tests that play them: neither without the other.

`rows-<section>.yaml` lists the rows of one section. Tests say with `@case("1", "28")` which rows
they play; they are read as syntax, so that a test that is skipped or deselected still counts as
written, and nothing has to be imported.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
STATUSES = ("live", "deferred", "not-applicable")
SECTIONS: dict[str, str] = {
    "2.1": "1-9 11 14 17 20-22 26-30 33 34 36 38 40-53",
    "2.2": "54 56 59-61 63-74 76-78 80-82 84-93 95-101 103-105",
    "2.3": "106 107 110 111 113-129 131-137 140 141 144 146 147",
    "2.4": "149-159 161",
    "2.5": "163-166 168-184 184b 185 186",
    "2.6": "187-196 196b 197 199-203 205",
    "2.7": "206-208 211-216 218-222 224 226 227",
    "3": "301-316",
}
"""The rows of every section that has a table; the numbers have gaps on purpose."""


@dataclass(frozen=True)
class Row:
    """One row as its section lists it."""

    row: str
    section: str
    setup: str
    status: str
    reason: str | None = None


def read_rows(section: str) -> tuple[Row, ...]:
    """Return the rows listed for a section."""
    text = (HERE / f"rows-{section}.yaml").read_text("utf-8")
    return tuple(Row(**item) for item in yaml.safe_load(text))


def listed() -> tuple[str, ...]:
    """Return the sections that have a file."""
    return tuple(sorted(file.stem.removeprefix("rows-") for file in HERE.glob("rows-*.yaml")))


def expand(numbers: str) -> tuple[str, ...]:
    """Return the row names that `1-3 5 7b` stands for."""
    found: list[str] = []
    for word in numbers.split():
        first, dash, last = word.partition("-")
        found += map(str, range(int(first), int(last) + 1)) if dash else [word]
    return tuple(found)


def played_in(source: str, *, file: str) -> Iterator[tuple[str, str]]:
    """Yield row and test for every `case(...)` in a module, wherever it marks something."""
    for node in ast.walk(ast.parse(source, filename=file)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else None
        name = node.func.attr if isinstance(node.func, ast.Attribute) else name
        if name != "case":
            continue
        place = f"{file}:{node.lineno}"
        assert node.args, f"{place}: a case names its rows"
        assert not node.keywords, f"{place}: a case names its rows and nothing else"
        for argument in node.args:
            row = argument.value if isinstance(argument, ast.Constant) else None
            assert isinstance(row, str), f"{place}: rows are written out, as strings"
            yield row, place


def played() -> dict[str, list[str]]:
    """Return for every row the places of the tests that play it."""
    found: dict[str, list[str]] = {}
    for file in sorted(HERE.glob("test_*.py")):
        if file != Path(__file__):
            for row, place in played_in(file.read_text("utf-8"), file=file.name):
                found.setdefault(row, []).append(place)
    return found


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
    if row.status == "live":
        assert row.reason is None
        assert PLAYED.get(row.row), f"no test is marked with @case({row.row!r})"
    else:
        assert (row.reason or "").strip()
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
