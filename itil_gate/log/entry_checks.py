"""The pass over the entries: they are read in chunks, and what is found goes to its check.

A missing file is bad, unless an entry that is believed says that it was expunged. An entry by a key
that is not good at its position is bad, unless it is corrected: nothing in the log can be edited,
so without a way to say that an entry is known not to count no log would ever be well again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.log.entry import entry_path
from itil_gate.log.extract import Chunk, Extract, path_of
from itil_gate.log.lookup import leaf_of
from itil_gate.log.tiles import WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from itil_gate.log.belief import Belief
    from itil_gate.log.lookup import Lookup
    from itil_gate.log.meaning import Meaning
    from itil_gate.log.structure import ReadMany
    from itil_gate.log.verdict import Check

BUNDLES = 4
"""Bundles of a chunk of entries that are looked at together."""


class Chunks:
    """Entries in chunks of whole bundles, and how many were lost with theirs."""

    def __init__(self, read_many: ReadMany, lookup: Lookup, keys: Mapping[str, bytes]) -> None:
        self._read_many = read_many
        self._lookup = lookup
        self._keys = keys
        self.lost = 0

    def between(self, start: int, size: int) -> Iterator[Chunk]:
        """Yield the entries from `start` to `size`, but for those whose bundle is not there."""
        last = -(-size // WIDTH)
        for low in range(start // WIDTH, last, BUNDLES):
            found = self._lookup.bundles(range(low, min(last, low + BUNDLES)))
            leaves: list[bytes] = []
            first = max(start, low * WIDTH)
            for number, row in found.items():
                begin = max(start, number * WIDTH)
                if row is None:
                    self.lost += min(size, (number + 1) * WIDTH) - begin
                    yield from self._chunk(first, leaves)
                    leaves, first = [], (number + 1) * WIDTH
                else:
                    leaves += row[begin - number * WIDTH :]
            yield from self._chunk(first, leaves)

    def _chunk(self, first: int, leaves: Sequence[bytes]) -> Iterator[Chunk]:
        if leaves:
            paths = [entry_path(index) for index in range(first, first + len(leaves))]
            files = self._read_many(paths)
            yield Chunk(first, [leaf_of(x) for x in leaves], [files[p] for p in paths], self._keys)


class Judge:
    """Sorts what was found about entries into the checks that it belongs to."""

    def __init__(self, belief: Belief, checks: Mapping[str, Check], meaning: Meaning) -> None:
        self._belief = belief
        self._entries, self._signatures = checks["entries"], checks["signatures"]
        self._check = checks["meaning"]
        self._meaning = meaning
        self._expunged = 0
        self._corrected = 0

    def begin(self, before: Extract | None) -> None:
        """Go on behind an entry that was verified before."""
        self._meaning.begin(before)

    def take(self, one: Extract) -> None:
        """Judge the next entry."""
        path = path_of(one)
        self._entries.looked += 1
        if not one.there and self._belief.expunged.get(one.index) == one.sha256 != "":
            self._expunged += 1
            self._meaning.miss(one)
            return
        if not one.there or one.altered:
            what = "its file is missing, and no entry says that it was expunged"
            self._entries.fault(one.altered or what, index=one.index, path=path)
            self._meaning.miss(one)
            return
        self._signatures.looked += 1
        if not self._belief.believes(one):
            if one.signers and one.index in self._belief.corrected:
                self._corrected += 1
            else:
                self._signatures.fault(_disbelief(one), index=one.index, path=path)
        elif one.malformed:
            self._check.looked += 1
            self._check.fault(one.malformed, index=one.index, path=path)
            self._meaning.miss(one)
        else:
            self._meaning.step(one)

    def end(self, start: int, *, lost: int) -> None:
        """Say what concerns all entries, and how many of them were not judged."""
        self._meaning.end()
        said = [f"{start} earlier ones were not looked at again"] if start else []
        said += [f"{self._expunged} were expunged"] if self._expunged else []
        said += [f"{lost} could not be read with their bundle"] if lost else []
        self._entries.detail = "; ".join(said)
        if self._corrected:
            self._signatures.detail = (
                f"{self._corrected} by a key that is not good there are corrected by later entries"
            )
        if self._meaning.unknown:
            self._check.detail = (
                f"{self._meaning.unknown} are of kinds that this version does not know"
            )


def _disbelief(one: Extract) -> str:
    if one.signers:
        return f"{', '.join(one.signers)} signed it, which is not good at this position"
    if not one.keyids:
        return f"it is no signed entry: {one.malformed}"
    return "the signature of no pinned recorder's key holds"
