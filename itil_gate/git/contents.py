"""How much there is to read of each changed path: lines, bytes, and whether it is text at all.

Lines come from git's own count, which is part of the diff. Whether something is text is found in
the bytes of the objects and nowhere else: git looks for a NUL in the first 8,000 bytes only, which
are the author's to choose, and attributes, which can hide a text or a binary file from every
viewer, are not read. No file above 1 MiB is read, and never more than a few at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from itil_gate.model.facts import ContentFact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Literal

    from itil_gate.git.diff import Counts
    from itil_gate.git.view import View
    from itil_gate.model.facts import DiffEntry

LARGE = 1 << 20
"""Bytes above which a file is not read."""
MOST_READ = 64 << 20
"""Bytes of all files that are read, in the order of their paths."""
_HELD = 4 << 20
"""Bytes that are held at once."""
LONG = 200
"""Bytes of a line that is compared with the content before: shorter ones are nobody's trouble."""
CONTROL = bytes({*range(0x20), 0x7F} - {*b"\t\n\r\f\x1b"})
"""Bytes that no text has, in any encoding that extends ASCII; pages and colours may be in some."""
SUBMODULE = "160000"
# Git LFS writes pointer files, git-annex these and links: the content is somewhere else.
_POINTER = re.compile(
    rb"version https://(?:git-lfs\.github\.com|hawser\.github\.com)/spec/v[0-9]+\n"
    rb"|/annex/objects/|(?:\.\./)*\.git/annex/objects/"
)


def measure(view: View, diff: Sequence[DiffEntry], counts: Counts) -> tuple[ContentFact, ...]:
    """Return what there is to read of each path, in the order of the diff.

    `counts` are those of the same diff. Raises HistoryError `object-missing` where the clone lacks
    a content, and `object-damaged` for one that is not what its id says.
    """
    sizes = _sizes(view, diff)
    facts: dict[str, ContentFact] = {}
    todo: list[DiffEntry] = []
    total = 0
    for entry in diff:
        lines = counts.get(entry.path, (0, 0))
        before, after = sizes.get(entry.old_id, 0), sizes.get(entry.new_id, 0)
        if entry.new_mode == SUBMODULE:
            facts[entry.path] = _fact(entry, "elsewhere", lines)
        elif max(before, after) > LARGE:
            facts[entry.path] = _fact(entry, "large", None)
        elif lines is None:
            facts[entry.path] = _fact(entry, "binary", None)
        elif not after:
            facts[entry.path] = _fact(entry, "text", lines)
        elif total + after > MOST_READ:
            facts[entry.path] = _fact(entry, "unread", lines)
        else:
            total += after
            todo.append(entry)
    for some in _batches(todo, sizes):
        things = view.read_many([entry.new_id for entry in some], limit=LARGE)
        for entry, thing in zip(some, things, strict=True):
            facts[entry.path] = _read(view, entry, thing.data, counts.get(entry.path, (0, 0)))
    return tuple(facts[entry.path] for entry in diff)


def _sizes(view: View, diff: Sequence[DiffEntry]) -> dict[str, int]:
    """Return the size of every blob before and after; what is not a blob here has none."""
    oids = dict.fromkeys(
        oid
        for entry in diff
        for mode, oid in ((entry.old_mode, entry.old_id), (entry.new_mode, entry.new_id))
        if mode not in (SUBMODULE, "000000")
    )
    infos = view.reader.info(oids)
    # One that is missing has the size of what is too large: nobody can read it.
    return {
        oid: LARGE + 1 if one is None else one.size for oid, one in zip(oids, infos, strict=True)
    }


def _batches(entries: Iterable[DiffEntry], sizes: dict[str, int]) -> Iterator[list[DiffEntry]]:
    some: list[DiffEntry] = []
    held = 0
    for entry in entries:
        if some and held + sizes[entry.new_id] > _HELD:
            yield some
            some, held = [], 0
        some.append(entry)
        held += sizes[entry.new_id]
    if some:
        yield some


def _read(view: View, entry: DiffEntry, data: bytes, lines: tuple[int, int] | None) -> ContentFact:
    if len(data.translate(None, CONTROL)) < len(data):
        return _fact(entry, "binary", None)
    if _POINTER.match(data):
        return _fact(entry, "elsewhere", lines)
    now = data.split(b"\n")
    longest = max(map(len, now))
    if longest > LONG and entry.old_mode not in (SUBMODULE, "000000"):
        before = frozenset(view.read(entry.old_id, limit=LARGE).data.split(b"\n"))
        longest = max((len(line) for line in now if line not in before), default=0)
    return _fact(entry, "text", lines, longest)


def _fact(
    entry: DiffEntry,
    kind: Literal["text", "binary", "large", "elsewhere", "unread"],
    lines: tuple[int, int] | None,
    longest: int = 0,
) -> ContentFact:
    added, deleted = lines if lines is not None else (None, None)
    return ContentFact(path=entry.path, kind=kind, added=added, deleted=deleted, longest=longest)
