"""The commits of the log's branch: each signed, each adding only, and each telling the same tree.

The tree proves what the log holds; the commits prove how it came to hold it. A commit is signed by
a checkpoint key that is good for the size it made, its trailers and the checkpoint in it agree, and
that root is the one that the first entries of the tree verified today come to. So every state that
was ever published is held against the present one. A cosignature is a commit of its own, which a
witness signs and which changes nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from itil_gate.log.checkpoint import PATH, Checkpoint, parse_text
from itil_gate.log.entry import entry_path
from itil_gate.log.merkle import HASH_BYTES, fold, node_hash
from itil_gate.log.strays import PAGES
from itil_gate.log.tiles import WIDTH, TileReader, tile_path
from itil_gate.model.errors import LogError
from itil_gate.model.frozen import frozen
from itil_gate.signing.commit import commit_signature
from itil_gate.signing.note import NoteError, parse_note

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from itil_gate.log.pins import Pin
    from itil_gate.log.structure import ReadMany
    from itil_gate.log.verdict import Check

FILE = "100644"
_TRAILER = re.compile(r"(?m)^Log-(Size|Root): (\S+)$")
_ENTRY = re.compile(r"entry/(\d+)/(\d+)/(\d+)\.intoto\.json", re.ASCII)
_OURS = ("tile/", "entry/", "ids/", "timestamps/")


class Change(NamedTuple):
    """One path that a commit changed against its parent: A, M, D or T, and its mode now."""

    status: str
    path: str
    mode: str


class LogCommit(NamedTuple):
    """A commit as git stores it; `checkpoint` are the bytes of that file where it changed."""

    id: str
    parents: tuple[str, ...]
    raw: bytes
    changes: tuple[Change, ...]
    checkpoint: bytes | None


class Step(NamedTuple):
    """What one commit says and did, as far as it can be told from it alone."""

    id: str
    parents: tuple[str, ...]
    signature: str
    detail: str
    fingerprint: str | None
    size: int | None
    """Size in its Log-Size trailer."""
    root: str | None
    checkpoint: Checkpoint | None
    """The checkpoint in its tree where it changed."""
    touched: bool
    added: tuple[int, ...]
    removed: tuple[int, ...]
    """Indices of the entries that it added and removed."""
    faults: tuple[tuple[str, str], ...]
    """What it did that no commit of the log does, with the path."""
    plain: bool
    """Whether it changed nothing but the checkpoint or the pages for people."""


@frozen
class Signers:
    """Who may commit: the checkpoint keys of the log, and witnesses what they cosign."""

    pins: tuple[Pin, ...]
    witnesses: frozenset[str]

    def may(self, fingerprint: str | None, size: int) -> bool:
        """Tell whether a key may sign a commit that makes the log this size."""
        at = max(size - 1, 0)
        return any(
            pin.use == "checkpoint" and pin.fingerprint == fingerprint and pin.good_at(at)
            for pin in self.pins
        )


def steps(commits: Sequence[LogCommit]) -> list[Step]:
    """Return what each commit says and did. Raises nothing, whatever the bytes."""
    return [_step(one) for one in commits]


class Chain:
    """The commits while they go by, oldest first."""

    def __init__(
        self,
        check: Check,
        *,
        signers: Signers,
        origin: str,
        expunged: Mapping[int, str],
        read_many: ReadMany,
        size: int,
    ) -> None:
        self._check = check
        self._signers = signers
        self._origin = origin
        self._expunged = expunged
        self._roots = Roots(read_many, size)
        self._size = size
        self._before: Checkpoint | None = None
        self._last: str | None = None

    def begin(self, base: Step | None, checkpoint: Checkpoint | None = None) -> None:
        """Go on behind a commit that is taken as it is: one verified before, or a clone's edge."""
        if base is not None:
            self._last = base.id
            self._before = base.checkpoint or checkpoint

    def take(self, one: Step) -> None:
        """Judge the next commit."""
        self._check.looked += 1
        wanted = (self._last,) if self._last else ()
        if one.parents != wanted:
            what = "it is a merge" if len(one.parents) > 1 else "it does not follow the one before"
            self._fault(one, f"{what}; the log only goes forward, one commit at a time")
        for message, path in one.faults:
            self._fault(one, message, path=path)
        now = one.checkpoint or self._before
        if now is None or (one.touched and one.checkpoint is None):
            self._fault(one, "it holds no checkpoint that can be read", path=PATH)
        else:
            self._follows(one, now)
        self._signed(one, now)
        self._before, self._last = now, one.id

    def end(self, present: Checkpoint | None) -> None:
        """Hold the last commit against the checkpoint that was verified."""
        if present is not None and self._before is not None and self._before != present:
            self._check.fault("the last commit holds another checkpoint", commit=self._last)

    def _follows(self, one: Step, now: Checkpoint) -> None:
        before = self._before.size if self._before else 0
        first = max(before, 0)
        if now.origin != self._origin:
            self._fault(one, f"its checkpoint is of {now.origin[:100]}", path=PATH)
        if now.size < before:
            self._fault(one, f"it makes the log smaller: from {before} entries to {now.size}")
        elif one.added != tuple(range(first, now.size)):
            self._fault(one, f"it does not add the entries from {first} to {now.size}")
        if any(index not in self._expunged for index in one.removed):
            self._fault(
                one, "it removes an entry, and none says that it was expunged",
                path=entry_path(one.removed[0]),
            )  # fmt: skip
        wanted = now.text.splitlines()[2]
        cosigned = one.plain and self._before is not None
        if one.size != now.size or one.root not in ({wanted, None} if cosigned else {wanted}):
            self._fault(one, "its trailers do not say what its checkpoint says", path=PATH)
        if now.size > self._size:
            self._fault(one, f"the log had {now.size} entries then, and has fewer now")
        elif now.size >= self._roots.size and self._roots.at(now.size) not in (now.root, None):
            self._fault(
                one,
                f"its checkpoint of {now.size} entries is not one of this log: it was rewritten or "
                "forked",
                path=PATH,
            )

    def _signed(self, one: Step, now: Checkpoint | None) -> None:
        size = now.size if now else 0
        if one.signature != "good":
            said = one.detail or "it is not signed"
            self._fault(one, f"its signature is not good: {said}")
        elif not self._signers.may(one.fingerprint, size) and not (
            one.plain and one.touched and one.fingerprint in self._signers.witnesses
            and now == self._before
        ):  # fmt: skip
            self._fault(
                one, f"{one.fingerprint} signed it, which is no checkpoint key for {size} entries"
            )

    def _fault(self, one: Step, message: str, *, path: str | None = None) -> None:
        index = one.added[0] if one.added else None
        self._check.fault(message, index=index, path=path, commit=one.id)


class Roots:
    """The roots of a tree at growing sizes, each leaf read once.

    Where a tile is not there no root is told from there on; that the tree is damaged is said by the
    check of the tree.
    """

    def __init__(self, read_many: ReadMany, size: int) -> None:
        self._read_many = read_many
        self._whole = size
        self._stack: list[tuple[int, bytes]] = []
        self._tile: tuple[int, bytes] = (-1, b"")
        self._broken = False
        self.size = 0

    def start(self, size: int) -> None:
        """Begin at a size, from the hashes that the tiles hold of it."""
        node = TileReader(self._whole, lambda path: self._read_many([path])[path])
        self._stack, low = [], 0
        while low < size:
            level = (size - low).bit_length() - 1
            self._stack.append((level, node(level, low >> level)))
            low += 1 << level
        self.size = size

    def at(self, size: int) -> bytes | None:
        """Return the root of the first `size` leaves; sizes only grow."""
        try:
            if self.size == 0 and size > WIDTH:
                self.start(size)
        except LogError:
            self._broken = True
        while self.size < size and not self._broken:
            level, found = 0, self._leaf(self.size)
            if len(found) != HASH_BYTES:
                self._broken = True
                break
            while self._stack and self._stack[-1][0] == level:
                found = node_hash(self._stack.pop()[1], found)
                level += 1
            self._stack.append((level, found))
            self.size += 1
        return None if self._broken else fold([found for _, found in self._stack])

    def _leaf(self, index: int) -> bytes:
        number, at = divmod(index, WIDTH)
        if self._tile[0] != number:
            width = min(WIDTH, self._whole - number * WIDTH)
            part, full = tile_path(0, number, width=width), tile_path(0, number)
            found = self._read_many([part, full])
            self._tile = (number, found[part] or found[full] or b"")
        return self._tile[1][at * HASH_BYTES : (at + 1) * HASH_BYTES]


def _step(one: LogCommit) -> Step:
    fact = commit_signature(one.raw)
    trailers = dict(_TRAILER.findall(one.raw.partition(b"\n\n")[2].decode("utf-8", "replace")))
    size = trailers.get("Size", "")
    added, removed, faults = _sorted(one.changes)
    paths = {change.path for change in one.changes}
    return Step(
        id=one.id,
        parents=one.parents,
        signature="good" if fact.kind == "ssh" and fact.status == "good" else str(fact.kind),
        detail=fact.detail or ("" if fact.kind == "none" else f"{fact.kind}, {fact.status}"),
        fingerprint=fact.fingerprint,
        size=int(size) if size.isascii() and size.isdigit() and len(size) < 20 else None,  # noqa: PLR2004
        root=trailers.get("Root"),
        checkpoint=_checkpoint(one.checkpoint),
        touched=PATH in paths,
        added=added,
        removed=removed,
        faults=faults,
        plain=paths <= {PATH, *PAGES},
    )


def _checkpoint(data: bytes | None) -> Checkpoint | None:
    try:
        return None if data is None else parse_text(parse_note(data)[0])
    except (NoteError, LogError):
        return None


def _sorted(
    changes: Iterable[Change],
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[str, str], ...]]:
    """Return the entries that a commit added and removed, and what else it did that none does."""
    rows = tuple(changes)
    now = {change.path for change in rows if change.status == "A"}
    added, removed, faults = [], [], []
    for status, path, mode in rows:
        if path in PAGES or (path == PATH and status in "AM" and mode == FILE):
            continue
        entry = _ENTRY.fullmatch(path)
        if status == "A" and mode == FILE and path.startswith(_OURS):
            if entry:
                added.append((int(entry[1]) << 16) + (int(entry[2]) << 8) + int(entry[3]))
        elif status == "D" and entry:
            removed.append((int(entry[1]) << 16) + (int(entry[2]) << 8) + int(entry[3]))
        elif not (status == "D" and path.startswith("tile/") and path.partition(".p/")[0] in now):
            what = {"A": "adds", "M": "changes", "D": "removes"}.get(status, "retypes")
            faults.append((f"it {what} a file, which no commit of the log does", path))
    return tuple(sorted(added)), tuple(sorted(removed)), tuple(faults)
