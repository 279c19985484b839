"""Globs over the paths of a repository: whole path, case-sensitive, nothing negated.

`*` is any run of characters within a segment, `?` one character of a segment, and `**` any number
of whole segments; at the end it is at least one, so `a/**` is everything below `a` and not `a`.
Every other character stands for itself. Matching takes time linear in the path for each glob:
what stands before a wildcard is matched once, at its first chance, and never given back.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from itil_gate.model.frozen import frozen
from itil_gate.model.paths import glob_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class GlobError(ValueError):
    """A text is not a glob; the message says why, `remedy` what would be one."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def compile_globs(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return a function that tells whether any of the globs matches a path.

    Raises GlobError for the first text that is no glob. No globs match nothing.
    """
    return _sorted(tuple(dict.fromkeys(patterns))).match


def matching(patterns: Iterable[str], path: str) -> tuple[str, ...]:
    """Return those of the globs that match a path, in their order."""
    return tuple(glob for glob in patterns if compile_globs((glob,))(path))


def overlaps(glob_a: str, glob_b: str) -> bool:
    """Return whether some path matches both globs. Exact; raises GlobError for what is no glob."""
    _check(glob_a)
    _check(glob_b)
    return _meet(_open_ended(glob_a), _open_ended(glob_b))


def _check(glob: str) -> None:
    if fault := glob_fault(glob):
        raise GlobError(f'the glob "{glob[:60]}" {fault.message}', remedy=fault.remedy)


@frozen
class _Sorted:
    """Globs by what it takes to match them.

    Nearly all globs of a policy name a path, a folder, a name or an ending, and to compile an
    expression takes longer than a check has paths to match. A path is looked at between slashes.
    """

    whole: frozenset[str]
    """`/a/b/`: the path."""
    start: tuple[str, ...]
    """`/a/`: what `a/**` begins with."""
    inside: tuple[str, ...]
    """`/a/`: what `**/a/**` goes through."""
    end: tuple[str, ...]
    """`/a/` for `**/a`, `.a/` for `**/*.a`: what it ends with."""
    others: tuple[str, ...]

    def match(self, path: str) -> bool:
        """Tell whether any of the globs matches."""
        text = f"/{path}/"
        if "//" in text:
            return False
        return (
            text in self.whole
            or text.endswith(self.end)
            or text[:-1].startswith(self.start)
            or any(folder in text[:-1] for folder in self.inside)
            or (bool(self.others) and _compiled(self.others).fullmatch(path) is not None)
        )


@lru_cache(maxsize=1024)
def _sorted(globs: tuple[str, ...]) -> _Sorted:
    whole: list[str] = []
    start: list[str] = []
    inside: list[str] = []
    end: list[str] = []
    others: list[str] = []
    for glob in globs:
        _check(glob)
        anywhere, below = glob.startswith("**/"), glob.endswith("/**")
        stem = glob.removeprefix("**/").removesuffix("/**")
        if anywhere and not below and stem[0] == "*" and not _wild(stem[1:]) and stem[1:2] != "/":
            end.append(f"{stem[1:]}/")
        elif _wild(stem):
            others.append(glob)
        else:
            kinds = {(False, False): whole, (False, True): start, (True, True): inside}
            kinds.get((anywhere, below), end).append(f"/{stem}/")
    return _Sorted(frozenset(whole), tuple(start), tuple(inside), tuple(end), tuple(others))


def _wild(text: str) -> bool:
    return "*" in text or "?" in text


@lru_cache(maxsize=1024)
def _compiled(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{_translate(_segments(glob))})" for glob in globs))


def _segments(glob: str) -> list[str]:
    """Split a glob; several `**` in a row say no more than one."""
    segments: list[str] = []
    for many, group in groupby(glob.split("/"), key=lambda segment: segment == "**"):
        segments.extend(["**"] if many else group)
    return segments


def _translate(segments: list[str]) -> str:
    """Return the regular expression of a glob's segments.

    The segments between two `**` are matched at the first place where they fit, in an atomic
    group: a later place leaves less for the rest, so it can never do better.
    """
    *front, last = segments
    if last == "**":
        end = "[^/]++(?:/[^/]++)*+"
    else:
        while front and front[-1] != "**":
            last = f"{front.pop()}/{last}"
        end = "/".join(map(_segment, last.split("/")))
        if front:  # after a `**` the end is fixed from the right: skip ahead to it
            ahead = last.count("/")
            front.pop()
            end = rf"(?:[^/]++/)*?(?=[^/]++(?:/[^/]++){{{ahead}}}\Z){end}"
    return _blocks(front) + end


def _blocks(front: list[str]) -> str:
    """Return the expression of segments before the end, each with the slash after it."""
    text = ""
    after_many = False
    for many, group in groupby(front, key=lambda segment: segment == "**"):
        if not many:
            block = "".join(f"{_segment(segment)}/" for segment in group)
            text += f"(?>(?:[^/]++/)*?{block})" if after_many else block
        after_many = many
    return text


def _segment(segment: str) -> str:
    """Return the expression of one segment, which never matches the empty one."""
    if segment.strip("*") == "":
        return "[^/]++"
    head, *rest = re.split(r"\*+", segment)
    text = _literal(head)
    if not rest:
        return text
    *middle, tail = rest
    text += "".join(f"(?>[^/]*?{_literal(piece)})" for piece in middle)
    if not tail:
        return text + "[^/]*+"
    return rf"{text}(?>[^/]*?(?={_literal(tail)}(?:/|\Z))){_literal(tail)}"


def _literal(piece: str) -> str:
    return "".join("[^/]" if character == "?" else re.escape(character) for character in piece)


def _open_ended(glob: str) -> list[str]:
    """Return the segments of a glob, where `**` is any number of segments also at the end."""
    segments = _segments(glob)
    return [*segments[:-1], "*", "**"] if segments[-1] == "**" else segments


def _meet(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether two lists of segments can be the same path."""
    return _can_be_same(one, other, "**", _same_text)


def _same_text(one: str, other: str) -> bool:
    return _can_be_same(one, other, "*", lambda a, b: a == b or "?" in (a, b))


def _can_be_same(
    one: Sequence[str], other: Sequence[str], many: str, same: Callable[[str, str], bool]
) -> bool:
    """Tell whether two sequences can be the same, where `many` stands for any number of items.

    A table, row by row from the ends: whether what is left of both can be the same.
    """
    below: list[bool] = []
    for i in range(len(one), -1, -1):
        row = [False] * (len(other) + 1)
        for j in range(len(other), -1, -1):
            a = one[i] if i < len(one) else ""
            b = other[j] if j < len(other) else ""
            if many in (a, b):
                row[j] = (bool(a) and below[j]) or (bool(b) and row[j + 1])
            elif a and b:
                row[j] = below[j + 1] and same(a, b)
            else:
                row[j] = a == b
        below = row
    return below[0]
