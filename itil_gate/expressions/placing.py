"""Where a character of an expression stands in its YAML file.

A scalar on one line, plain or in quotes, and the lines of a block can be followed; the result is
checked against the expression, and where it does not fit, the scalar's own place is all that is
said. Nothing else is read from the file.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from itil_gate.model.finding import Place

if TYPE_CHECKING:
    from collections.abc import Callable


class _Spot(NamedTuple):
    """Line and column of a character, both from 1."""

    line: int
    column: int


def within(place: Place, text: str, source: str) -> Callable[[int], Place]:
    """Return a function from a character of `text` (from 0) to its place in the file.

    `place` is where the scalar begins whose value is `text`, `source` the text of the file.
    """
    lines = source.split("\n")
    rest = lines[place.line - 1][place.column - 1 :] if 0 < place.line <= len(lines) else ""
    if rest[:1] in {"'", '"'}:
        spots = _in_quotes(place, text, rest)
    elif rest[:1] in {"|", ">"}:
        spots = _in_block(place, text, lines)
    else:
        spots = _plain(place, text, lines)

    def at(offset: int) -> Place:
        if not spots:
            return place
        line, column = spots[min(max(offset, 0), len(spots) - 1)]
        return Place(file=place.file, line=line, column=column)

    return at


def _in_quotes(place: Place, text: str, rest: str) -> list[_Spot]:
    """Follow a scalar in quotes that ends on its line."""
    quote, index = rest[0], 1
    columns, read = [], ""
    while index < len(rest) and len(read) <= len(text):
        step = 1
        if quote == "'" and rest.startswith("''", index):
            step = 2
        elif rest[index] == quote:
            break
        elif quote == '"' and rest[index] == "\\":
            step = {"x": 4, "u": 6, "U": 10}.get(rest[index + 1 : index + 2], 2)
        columns.append(place.column + index)
        read += _unescaped(rest[index : index + step]) if step > 1 else rest[index]
        index += step
    columns.append(place.column + index)
    return [_Spot(place.line, column) for column in columns] if read == text else []


def _unescaped(written: str) -> str:
    """Return the character of an escape; those that JSON lacks are never in an expression."""
    if written == "''":
        return "'"
    try:
        return str(json.loads(f'"{written}"'))
    except ValueError:
        return "\N{REPLACEMENT CHARACTER}"


def _in_block(place: Place, text: str, lines: list[str]) -> list[_Spot]:
    """Follow the lines of a block, literal or folded."""
    first = next((n for n in range(place.line, len(lines)) if lines[n].strip()), len(lines))
    indent = len(lines[first]) - len(lines[first].lstrip(" ")) if first < len(lines) else 0
    pieces = []
    for number in range(place.line, len(lines)):
        line = lines[number]
        if line.strip() and len(line) - len(line.lstrip(" ")) < indent:
            break
        pieces.append((_Spot(number + 1, indent + 1), line[indent:].rstrip("\r")))
    return _joined(pieces, text)


def _plain(place: Place, text: str, lines: list[str]) -> list[_Spot]:
    """Follow a scalar without quotes, over lines that are folded into one."""
    pieces, left = [], len(text)
    for number in range(place.line - 1, len(lines)):
        start = place.column - 1 if number == place.line - 1 else 0
        line = lines[number][start:].rstrip("\r")
        bare = line.strip()
        column = start + len(line) - len(line.lstrip()) + 1
        pieces.append((_Spot(number + 1, column), bare[:left] if left < len(bare) else bare))
        left -= len(bare) + 1
        if left < 0:
            break
    return _joined(pieces, text)


def _joined(pieces: list[tuple[_Spot, str]], text: str) -> list[_Spot]:
    """Return the place of every character if the pieces, joined, are the text."""
    body = text.rstrip("\n")
    while pieces and not pieces[-1][1].strip():
        pieces.pop()
    for seam in ("\n", " "):
        if seam.join(piece for _, piece in pieces) == body:
            return [
                _Spot(spot.line, spot.column + index)
                for spot, piece in pieces
                for index in range(len(piece) + 1)
            ]
    return []
