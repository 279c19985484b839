"""Whether one glob stands behind another: every path that it matches, the other matches too.

Never yes where it is not so; a no may be too careful. A wildcard of the inner glob is taken as a
whole, so only a wildcard that is as broad can stand over it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from itil_gate.model.paths import glob_fault

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = "**"


def covers(outer: str, inner: str) -> bool:
    """Return whether every path that `inner` matches is surely matched by `outer` too.

    False for texts that are no globs.
    """
    if glob_fault(outer) is not None or glob_fault(inner) is not None:
        return False
    segments, within = tuple(outer.split("/")), _open_ended(inner)
    if segments[-1] != MANY:
        return _matches(segments, within, MANY, _segment)
    # What stands below `**` at the end is at least one segment.
    return any(
        _matches(segments[:-1], within[:end], MANY, _segment)
        for end in range(len(within))
        if any(segment != MANY for segment in within[end:])
    )


@lru_cache(maxsize=1024)
def _open_ended(glob: str) -> tuple[str, ...]:
    """Return the segments of a glob, where `**` is any number of segments also at the end."""
    segments = tuple(glob.split("/"))
    return (*segments[:-1], "*", MANY) if segments[-1] == MANY else segments


def _segment(outer: str, inner: str) -> bool:
    if inner == MANY:
        return False
    return _matches(outer, inner, "*", lambda one, other: one == other or _any(one, other))


def _any(one: str, other: str) -> bool:
    return one == "?" and other != "*"


def _matches(
    outer: tuple[str, ...] | str,
    inner: tuple[str, ...] | str,
    many: str,
    same: Callable[[str, str], bool],
) -> bool:
    """Match a sequence against one that may itself hold wildcards, row by row from the ends."""
    below = [False] * len(inner) + [True]
    for i in range(len(outer) - 1, -1, -1):
        row = [False] * (len(inner) + 1)
        for j in range(len(inner), -1, -1):
            if outer[i] == many:
                row[j] = below[j] or (j < len(inner) and row[j + 1])
            elif j < len(inner):
                row[j] = same(outer[i], inner[j]) and below[j + 1]
        below = row
    return below[0]
