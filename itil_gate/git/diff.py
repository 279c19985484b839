"""What changed between two trees, and one digest that stands for all of it.

Raw differences of recorded objects only: no rename detection, no text conversion, no drivers, no
attributes. Renames are a deletion and an addition. Every tree that git went into is hashed again,
for git believes whatever lies in the store under a tree's id.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from itil_gate.git.paths import to_bytes, to_text
from itil_gate.git.tree import TREE, tree_id
from itil_gate.model.errors import HistoryError
from itil_gate.model.facts import DiffEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Literal

    from itil_gate.git.view import View

CONTENT_MAGIC = b"itil-gate-content-v1\0"
_TREE = TREE.encode()

MOST_PATHS = 500_000
"""Paths of one difference; a small tree can list more than any machine can hold."""

_HEADER = re.compile(
    rb":([0-7]{6}) ([0-7]{6}) ([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) ([ADMT])"
)
_RAW = ("-r", "-t", "-z", "--raw", "--no-renames", "--full-index", "--no-abbrev", "--no-textconv")
_PLAIN = ("--no-ext-diff", "--ignore-submodules=none", "--no-relative", "-O/dev/null")
_BIG = "1m"
"""Files above this size are not read where lines are counted; `contents.LARGE` in git's words."""
_COUNTING = 30.0
"""Seconds that counting lines may take; a change that takes longer is not counted."""
_NOT_COUNTED = ("object-missing", "git-timeout", "git-endless", "git-failed")

Counts = Mapping[str, "tuple[int, int] | None"]
"""Lines added and deleted by path; None where git takes the content for binary or too large."""


def raw_diff(view: View, base_tree: str | None, head_tree: str) -> tuple[DiffEntry, ...]:
    """Return one entry for each path that differs, sorted by the path's bytes.

    Ids name trees or commits; None for `base_tree` is the empty tree. Raises HistoryError
    `object-missing`, `object-damaged`, `diff-too-large`, or `tree-damaged` where a tree names one
    path twice.
    """
    base, head = (tree_id(view, one or view.empty_tree) for one in (base_tree, head_tree))
    done = view.git("diff-tree", *_RAW, *_PLAIN, "--end-of-options", base, head)
    _refuse_flood(done.out.count(b"\0") // 2)
    return _entries(view, done.out.split(b"\0"))


def counted_diff(
    view: View, base_tree: str | None, head_tree: str
) -> tuple[tuple[DiffEntry, ...], Counts | None]:
    """Return what `raw_diff` does, and how many lines of each path change, from one run of git.

    None in place of the counts where a clone lacks the contents, or they are too many to be
    counted in time. Raises as `raw_diff` does.
    """
    base, head = (tree_id(view, one or view.empty_tree) for one in (base_tree, head_tree))
    try:
        done = view.git(
            *("-c", f"core.bigFileThreshold={_BIG}", "diff-tree", *_RAW, "--numstat", *_PLAIN),
            *("--end-of-options", base, head),
            timeout=_COUNTING,
        )
    except HistoryError as error:
        if error.code not in _NOT_COUNTED:
            raise
        return raw_diff(view, base_tree, head_tree), None
    fields = done.out.split(b"\0")
    # Every raw entry comes before the first count, and only raw entries begin with a colon.
    raw = range(0, len(fields), 2)
    end = next((at for at in raw if not fields[at].startswith(b":")), len(fields))
    _refuse_flood(end // 2)
    counts = dict(map(_count, filter(None, fields[end:])))
    return _entries(view, [*fields[:end], b""]), counts


def _refuse_flood(count: int) -> None:
    if count > MOST_PATHS:
        raise HistoryError(
            "diff-too-large",
            f"{count:,} paths differ; at most {MOST_PATHS:,} are judged at once",
            hint="propose it in parts",
        )


def _entries(view: View, fields: list[bytes]) -> tuple[DiffEntry, ...]:
    """Return the entries of what git wrote, header and path in turn, and hash its trees again."""
    if len(fields) % 2 != 1 or fields[-1]:
        raise HistoryError("git-failed", "`git diff-tree` ended in the middle of an entry")
    pairs = sorted(zip(fields[1::2], fields[:-1:2], strict=True))
    trees = [entry for entry in pairs if _is_tree(entry[1])]
    if trees:
        pairs = [entry for entry in pairs if not _is_tree(entry[1])]
        _rehash(view, _tree_ids(view, trees))
    for (path, _), (following, _) in itertools.pairwise(pairs):
        if path == following:
            raise HistoryError("tree-damaged", f"a tree names the path {to_text(path)} twice")
    return tuple(_entry(path, header) for path, header in pairs)


def content_digest(entries: Iterable[DiffEntry]) -> str:
    r"""Return the content digest: SHA-256 in hexadecimal over the entries sorted by path bytes.

    After `itil-gate-content-v1\0` come, for each entry, old mode, new mode, old id, new id,
    status and path, each ended by NUL; the path as git stores it.
    """
    digest = hashlib.sha256(CONTENT_MAGIC)
    for path, e in sorted(((to_bytes(e.path), e) for e in entries), key=lambda pair: pair[0]):
        fields = (e.old_mode, e.new_mode, e.old_id, e.new_id, e.status)
        digest.update("\0".join(fields).encode() + b"\0" + path + b"\0")
    return digest.hexdigest()


def _count(record: bytes) -> tuple[str, tuple[int, int] | None]:
    added, one, rest = record.partition(b"\t")
    deleted, other, path = rest.partition(b"\t")
    if not (one and other and path):
        raise HistoryError("git-failed", f"`git diff-tree` said {record[:200]!r}")
    known = added.isdigit() and deleted.isdigit()
    return to_text(path), (int(added), int(deleted)) if known else None


def _is_tree(header: bytes) -> bool:
    """Whether an entry is of a tree; where a file becomes one, git lists the two apart."""
    return header[1:7] == _TREE or header[8:14] == _TREE


def _tree_ids(view: View, entries: Iterable[tuple[bytes, bytes]]) -> Iterator[str]:
    absent = "0" * len(view.empty_tree)
    for path, header in entries:
        entry = _entry(path, header)
        yield from (oid for oid in (entry.old_id, entry.new_id) if oid != absent)


def _rehash(view: View, oids: Iterable[str]) -> None:
    for _ in view.read_many(oid for oid in dict.fromkeys(oids) if oid != view.empty_tree):
        pass


def _entry(path: bytes, header: bytes) -> DiffEntry:
    found = _HEADER.fullmatch(header)
    if found is None:
        raise HistoryError("git-failed", f"`git diff-tree` said {header[:200]!r}")
    old_mode, new_mode, old_id, new_id, status = (word.decode() for word in found.groups())
    return DiffEntry(
        old_mode=old_mode,
        new_mode=new_mode,
        old_id=old_id,
        new_id=new_id,
        status=cast('Literal["A", "D", "M", "T"]', status),
        path=to_text(path),
    )
