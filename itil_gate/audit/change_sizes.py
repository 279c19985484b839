"""How many lines changes have, by one `git diff-tree` for many of them.

Only for what the log recorded: that was small enough to be decided upon, where a statement may name
trees that nobody could ever read. What is not here any more has no size.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from itil_gate.git.history import LIMIT
from itil_gate.git.objects import is_oid
from itil_gate.model.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from itil_gate.audit.approver_log import Content
    from itil_gate.git.view import View

AT_ONCE = 200
_BIG = "1m"
"""Files above this size are taken for binary."""
_HEADER = re.compile(rb"([0-9a-f]{40,64}) ([0-9a-f]{40,64})\n")
_COUNTS = re.compile(rb"([0-9]{1,12}|-)\t([0-9]{1,12}|-)\t")
_COMMAND = (
    *("-c", f"core.bigFileThreshold={_BIG}", "diff-tree", "--stdin", "-r", "-z", "--numstat"),
    *("--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none"),
)


def measure(
    view: View, contents: Iterable[Content], *, progress: Callable[[int], None] | None = None
) -> None:
    """Set the lines, added and removed, of each approved content; binary files have none.

    Where something is missing or git gives up, they stay unknown.
    """
    wanted = [one for one in contents if one.approved and is_oid(one.head_tree)]
    for low in range(0, len(wanted), AT_ONCE):
        some = wanted[low : low + AT_ONCE]
        trees = _trees(view, {one.merge_base for one in some if is_oid(one.merge_base)})
        here = _here(view, {one.head_tree for one in some})
        pairs = {
            (trees[one.merge_base], one.head_tree)
            for one in some
            if one.merge_base in trees and one.head_tree in here
        }
        try:
            lines = lines_between(view, pairs)
        except HistoryError:
            continue
        for one in some:
            one.lines = lines.get((trees.get(one.merge_base, ""), one.head_tree))
        if progress is not None:
            progress(low + len(some))


def lines_between(view: View, pairs: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
    """Return how many lines were added and removed between trees; binary files have none.

    Raises HistoryError as `View.git` does, `git-failed` for an answer that is not understood.
    """
    asked = "".join(f"{old} {new}\n" for old, new in pairs)
    if not asked:
        return {}
    found: dict[tuple[str, str], int] = {}
    pair = ("", "")
    for record in view.git(*_COMMAND, stdin=asked.encode()).out.split(b"\0"):
        rest = record
        while header := _HEADER.match(rest):
            pair = (header[1].decode(), header[2].decode())
            found[pair] = 0
            rest = rest[header.end() :]
        if not rest:
            continue
        counts = _COUNTS.match(rest)
        if counts is None or pair not in found:
            raise HistoryError("git-failed", f"`git diff-tree` said {rest[:200]!r}")
        found[pair] += sum(int(number) for number in counts.groups() if number != b"-")
    return found


def _trees(view: View, commits: Iterable[str]) -> dict[str, str]:
    """Return the trees of those commits that are here."""
    return {
        thing.id: tree
        for thing in view.read_many(_of_type(view, commits, "commit"), limit=LIMIT)
        if is_oid(tree := thing.data[5:].partition(b"\n")[0].decode("ascii", "replace"))
    }


def _here(view: View, trees: Iterable[str]) -> frozenset[str]:
    return frozenset(_of_type(view, trees, "tree"))


def _of_type(view: View, oids: Iterable[str], kind: str) -> Iterator[str]:
    asked = list(oids)
    infos = view.reader.info(asked)
    found = [
        oid
        for oid, info in zip(asked, infos, strict=True)
        if info is not None and info.type == kind and info.size <= LIMIT
    ]
    return iter(found)
