"""The smallest honest scope for a set of paths: the paths themselves, or the folders around them.

Only ever a proposal to a requester. A scope that is wider than needed covers later changes nobody
meant, so folders are taken from the deepest up, and the judge's data are always named singly.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

FEW = 8
"""Up to how many paths are listed one by one."""
_LONGEST = 500
"""Characters of a glob."""
_ODD = re.compile(r"[*\r\n]|\A[!\s]")


def smallest_scope(
    paths: Iterable[str], *, singly: Collection[str] = (), few: int = FEW
) -> tuple[str, ...]:
    """Return globs that match all of the paths, sorted: at most `few` where folders allow it.

    Paths in `singly` are never widened to their folder.
    """
    apart = set(singly)
    entries = {exact(path) for path in paths if path not in apart}
    single = {exact(path) for path in paths if path in apart}
    depth = max((entry.count("/") for entry in entries), default=0)
    while depth > 0 and len(entries) + len(single) > few:
        entries = _folded(entries, depth, most=few - len(single))
        depth -= 1
    return tuple(sorted(entries | single))


def exact(path: str) -> str:
    """Return a glob for one path; characters that no glob may have are matched by `?`.

    A path that is too long for a glob is covered by the nearest folder that is not.
    """
    glob = _ODD.sub("?", path)
    while len(glob) > _LONGEST:
        folder = glob.removesuffix("/**").rpartition("/")[0]
        glob = f"{folder}/**" if folder else "**"
    return glob


def _folded(entries: set[str], depth: int, *, most: int) -> set[str]:
    """Replace entries by the folder `depth` levels down that holds them, the fullest first."""
    groups: dict[str, set[str]] = {}
    for entry in entries:
        parts = entry.split("/")
        if len(parts) > depth:
            groups.setdefault("/".join(parts[:depth]), set()).add(entry)
    left = set(entries)
    for folder, inside in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        if len(left) <= max(most, 1):
            break
        if len(inside) > 1:
            left = (left - inside) | {f"{folder}/**"}
    return left
