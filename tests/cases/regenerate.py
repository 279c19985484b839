"""Writes docs/security/cases.md anew from the tables: `python tests/cases/regenerate.py`."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.rows import STATUSES, listed, played, read_rows  # noqa: E402 - found just above

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from support.rows import Played, Row

PAGE = ROOT / "docs" / "security" / "cases.md"
TITLES = {
    "2.1": "Binding an approval to content",
    "2.2": "Identity, eligibility, separation of duties",
    "2.3": "Tampering with policies and the roster, faults in them",
    "2.4": "Files",
    "2.5": "Tampering with evidence",
    "2.6": "Bypass, override, emergency",
    "2.7": "History, storage and queue",
    "3": "Found by trying real tools",
    "fail-open": "Ways in which change gates fail open",
}
WORDS = {"live": "live", "deferred": "deferred", "not-applicable": "n/a"}
SHOWN = 4
"""How many tests are named for a row; a row may have dozens."""
TOP = """\
# Cases

Attacks, slips and edge cases that were seen in other systems or found by trying, and the tests that
play them here, on real repositories with real keys. *Live* means that a test plays the case and
would fail if the gate let it through; *deferred* that the part it needs is not there yet; *n/a*
that it cannot happen here. What is promised, and against whom, is in the
[threat model](threat-model.md).

This page is generated from `tests/cases/rows-*.yaml`; a test holds it against them.
"""


def page() -> str:
    """Return the whole page."""
    tests = played()
    sections = [(section, read_rows(section)) for section in listed()]
    parts = [TOP, _counts(sections)]
    for section, rows in sections:
        parts.append(f"## {TITLES[section]}\n\n{_table(rows, tests)}")
    return "\n".join(parts)


def _counts(sections: Sequence[tuple[str, tuple[Row, ...]]]) -> str:
    lines = ["| section | live | deferred | n/a |", "| --- | --- | --- | --- |"]
    total: Counter[str] = Counter()
    for section, rows in sections:
        count = Counter(row.status for row in rows)
        total += count
        title = TITLES[section]
        anchor = title.lower().replace(",", "").replace(" ", "-")
        lines.append(f"| [{title}](#{anchor}) | {_numbers(count)} |")
    return "\n".join([*lines, f"| all | {_numbers(total)} |\n"])


def _numbers(count: Counter[str]) -> str:
    return " | ".join(str(count[status]) for status in STATUSES)


def _table(rows: Iterable[Row], tests: dict[str, list[Played]]) -> str:
    lines = [
        "| case | situation | systems elsewhere | ours must | played by | state |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        elsewhere = cell(row.elsewhere or "")
        if row.seen:
            elsewhere = f"{cell(row.seen)}: {elsewhere}"
        cells = (
            row.row,
            cell(row.setup),
            elsewhere,
            cell(row.must),
            "<br>".join(_tests(tests.get(row.row, []))),
            _state(row),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _tests(places: Sequence[Played]) -> list[str]:
    links = list(dict.fromkeys(_link(place) for place in places))
    more = len(links) - SHOWN
    return links[:SHOWN] + ([f"and {more} more"] if more > 0 else [])


def _link(place: Played) -> str:
    """Name a test by its sentence; values of a shared list stand for the module."""
    name = place.test if place.test.startswith("test_") else place.file.removesuffix(".py")
    words = name.removeprefix("test_").replace("_", " ")
    return f"[{words}](../../tests/cases/{place.file})"


def _state(row: Row) -> str:
    word = WORDS[row.status]
    if row.reason:
        return f"{word}: {cell(row.reason)}"
    return f"{word}; still to be played: {cell(row.rest)}" if row.rest else word


def cell(text: str) -> str:
    """Return text that stands for itself in a cell of a Markdown table."""
    for character in "\\|<>*_[]`":
        text = text.replace(character, f"\\{character}")
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
