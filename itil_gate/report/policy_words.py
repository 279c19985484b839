"""Pieces of the page about a policy set: escaped words, lists and tables of Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.report.escape import markdown, markdown_code, markdown_prose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from itil_gate.model.calendar import CalendarScope

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


def line(text: str) -> str:
    """Return a text escaped for a paragraph, on one line."""
    return markdown(" ".join(text.split()))


def prose(text: str) -> str:
    """Return sentences escaped for a paragraph, on one line; code in backticks stays code."""
    return markdown_prose(" ".join(text.split()))


def code(text: str) -> str:
    """Return a text as code on one line."""
    return markdown_code(" ".join(text.split()))


def globs(patterns: Iterable[str]) -> str:
    """Return globs as code."""
    return ", ".join(map(code, patterns))


def joined(words: Iterable[str], *, last: str = "and") -> str:
    """Join words as in "a, b and c"; empty for none."""
    *first, end = tuple(words) or ("",)
    return f"{', '.join(first)} {last} {end}" if first else end


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its noun, small numbers as words."""
    written = _NUMBERS[number] if number < len(_NUMBERS) else str(number)
    return f"{written} {one if number == 1 else many}"


def duration(text: str) -> str:
    """Return a length of time such as 30d in words."""
    nouns = {"m": ("minute", "minutes"), "h": ("hour", "hours"), "d": ("day", "days")}
    number, noun = int(text[:-1]), nouns[text[-1]]
    return f"{number} {noun[number != 1]}"


def local_time(moment: datetime) -> str:
    """Return a local time, without seconds."""
    return f"{moment:%Y-%m-%d %H:%M}"


def scope_words(scope: CalendarScope) -> str:
    """Return what a period applies to."""
    parts = []
    if scope.services:
        parts.append(joined([code(name) for name in scope.services]))
    if scope.tiers:
        parts.append(f"tier {joined([str(tier) for tier in scope.tiers], last='or')}")
    if scope.environments:
        parts.append(f"in {joined([code(name) for name in scope.environments], last='or')}")
    return ", ".join(parts) or "everything"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table and an empty line after it; the cells are escaped already."""
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"
    yield ""


def _cell(text: str) -> str:
    r"""Keep a bar inside code from ending the cell; elsewhere `\|` is there already."""
    return text.replace("\\|", "|").replace("|", "\\|") or " "
