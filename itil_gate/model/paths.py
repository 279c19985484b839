"""What a glob and a path inside a repository may look like; matching is done in reading/globs.

Both are counted from the root of the repository and are written with `/`.
"""

from __future__ import annotations

from typing import NamedTuple

_NOWHERE = frozenset(["", ".", ".."])


class PathFault(NamedTuple):
    """Why a glob or path is refused (reads on from its text), and what would be accepted."""

    message: str
    remedy: str


def glob_fault(pattern: str) -> PathFault | None:
    """Return what is wrong with a glob, or None if it is one of ours.

    Ours have `*` and `?` within a segment and `**` as a whole segment; there is no negation, and
    brackets, braces and backslashes stand for themselves.
    """
    if pattern.startswith("!"):
        return PathFault("negates", "list the paths that are meant, for there is no negation")
    if pattern.startswith("/"):
        return PathFault(
            "begins with a slash", f"write {pattern.lstrip('/') or '**'}: globs start at the root"
        )
    for segment in pattern.split("/"):
        if not segment:
            return _empty_segment(pattern)
        if segment in {".", ".."}:
            return PathFault(
                f'has the segment "{segment}"', "write the path as it is from the repository's root"
            )
        if "**" in segment and segment != "**":
            return PathFault(
                "has ** next to other characters",
                "let ** be a whole segment, as in src/**, or use a single *",
            )
    return None


def _empty_segment(pattern: str) -> PathFault:
    if not pattern:
        return PathFault("is empty", "write ** for everything")
    if pattern.endswith("/") and "//" not in pattern:
        return PathFault("ends in a slash", f"write {pattern}** for everything below it")
    return PathFault("has an empty segment (//)", "write a single slash")


def path_fault(path: str) -> PathFault | None:
    """Return what is wrong with a path inside the repository, or None if it stays inside."""
    if not _NOWHERE.isdisjoint(path.split("/")):
        return PathFault(
            'has an empty, "." or ".." segment',
            "write the path from the repository's root, for example reports/junit.xml",
        )
    return None
