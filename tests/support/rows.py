"""The table of attacks and edge cases, and which tests play them.

`tests/cases/rows-<section>.yaml` lists the rows of one section. Tests say with `@case("1", "28")`
which rows they play; they are read as syntax, so that a test that is skipped or deselected still
counts as written, and nothing has to be imported.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = Path(__file__).resolve().parents[1] / "cases"
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
    "fail-open": " ".join(f"FO-{number:02}" for number in range(1, 32)),
}
"""The rows of every section that has a table; the numbers have gaps on purpose."""


@dataclass(frozen=True)
class Row:
    """One row as its section lists it."""

    row: str
    section: str
    setup: str
    must: str
    status: str
    elsewhere: str | None = None
    """What systems elsewhere do, where it is known."""
    seen: str | None = None
    """Where it was seen."""
    reason: str | None = None
    """Why it is not played."""
    rest: str | None = None
    """What of a live row is still to be played."""


@dataclass(frozen=True)
class Played:
    """A test that plays a row: its module, the line of the mark, and the test's own name."""

    file: str
    line: int
    test: str


def read_rows(section: str) -> tuple[Row, ...]:
    """Return the rows listed for a section."""
    text = (CASES / f"rows-{section}.yaml").read_text("utf-8")
    return tuple(Row(**item) for item in yaml.safe_load(text))


def listed() -> tuple[str, ...]:
    """Return the sections that have a file."""
    return tuple(sorted(file.stem.removeprefix("rows-") for file in CASES.glob("rows-*.yaml")))


def expand(numbers: str) -> tuple[str, ...]:
    """Return the row names that `1-3 5 7b` stands for."""
    found: list[str] = []
    for word in numbers.split():
        first, dash, last = word.partition("-")
        several = bool(dash) and first.isdigit()
        found += map(str, range(int(first), int(last) + 1)) if several else [word]
    return tuple(found)


def played_in(source: str, *, file: str) -> Iterator[tuple[str, Played]]:
    """Yield row and test for every `case(...)` in a module, wherever it marks something.

    Where it marks values of a list that several tests share, the list stands for them.
    """
    for top in ast.parse(source, filename=file).body:
        for node in ast.walk(top):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else None
            name = node.func.attr if isinstance(node.func, ast.Attribute) else name
            if name != "case":
                continue
            place = Played(file, node.lineno, _name(top))
            assert node.args, f"{file}:{node.lineno}: a case names its rows"
            assert not node.keywords, f"{file}:{node.lineno}: a case names its rows, nothing else"
            for argument in node.args:
                row = argument.value if isinstance(argument, ast.Constant) else None
                assert isinstance(row, str), f"{file}:{node.lineno}: rows are written as strings"
                yield row, place


def played() -> dict[str, list[Played]]:
    """Return for every row the tests that play it."""
    found: dict[str, list[Played]] = {}
    for file in sorted(CASES.glob("test_*.py")):
        if file.name != "test_rows.py":
            for row, place in played_in(file.read_text("utf-8"), file=file.name):
                found.setdefault(row, []).append(place)
    return found


def _name(top: ast.stmt) -> str:
    if isinstance(top, ast.FunctionDef | ast.ClassDef):
        return top.name
    targets = top.targets if isinstance(top, ast.Assign) else ()
    return next((one.id for one in targets if isinstance(one, ast.Name)), "")
