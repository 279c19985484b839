"""Entries that others refer to, read again by their place and proved under the checkpoint.

A verification keeps little in memory. What an entry refers to is mostly near; what is not is read
once more here, with the proof that its leaf is in the tree, since what was verified before was not
read again this time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.log.entry import Leaf, entry_path, parse_leaf
from itil_gate.log.extract import Extract, extract
from itil_gate.log.merkle import inclusion_proof, leaf_hash, verify_inclusion
from itil_gate.log.structure import leaves_of
from itil_gate.log.tiles import WIDTH, TileReader, bundle_path, read_leaf
from itil_gate.model.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from itil_gate.log.checkpoint import Checkpoint
    from itil_gate.log.structure import ReadMany


class Lookup:
    """Leaves and single entries of one log."""

    def __init__(
        self, read_many: ReadMany, checkpoint: Checkpoint, keys: Mapping[str, bytes]
    ) -> None:
        self._read_many = read_many
        self._checkpoint = checkpoint
        self._keys = keys
        self._nodes = TileReader(checkpoint.size, self._read)

    def bundles(self, numbers: Iterable[int]) -> dict[int, list[bytes] | None]:
        """Return the leaves of bundles, None where one is missing or cut off; nothing is proved."""
        size = self._checkpoint.size
        names: dict[int, list[str]] = {}
        for number in numbers:
            width = min(WIDTH, size - number * WIDTH)
            part, full = bundle_path(number, width=width), bundle_path(number)
            names[number] = [part, full]
        bodies = self._read_many([path for pair in names.values() for path in pair])
        found: dict[int, list[bytes] | None] = {}
        for number, (part, full) in names.items():
            body = bodies[part] if bodies[part] is not None else bodies[full]
            width = min(WIDTH, size - number * WIDTH)
            leaves = None if body is None else leaves_of(body)
            found[number] = leaves[:width] if leaves and len(leaves) >= width else None
        return found

    def entry(self, index: int) -> Extract:
        """Return one entry; it is `altered` where its leaf does not lead to the root."""
        size = self._checkpoint.size
        try:
            data = read_leaf(index, size=size, read=self._read)
            proof = inclusion_proof(index, size=size, node=self._nodes)
            leaf = parse_leaf(data)
        except LogError as error:
            return Extract(index, "", "", there=False, altered=error.message)
        if not verify_inclusion(
            leaf_hash(data), index=index, size=size, proof=proof, root=self._checkpoint.root
        ):
            what = "its leaf does not lead to the root"
            return Extract(index, leaf.kind, leaf.sha256, there=False, altered=what)
        return extract(index, leaf, self._read(entry_path(index)), keys=self._keys)

    def last_update(
        self, ref: str, before: int, *, believes: Callable[[Extract], bool]
    ) -> Extract | None:
        """Return the last believed update of a ref among the entries before one.

        One that rests on a correction only says again what came of an earlier one.
        """
        mark = b'"t":"ref-update"}'
        for number in range((before - 1) // WIDTH, -1, -1):
            leaves = self.bundles([number])[number] or []
            for at in range(len(leaves) - 1, -1, -1):
                index = number * WIDTH + at
                if index < before and leaves[at].endswith(mark):
                    one = self.entry(index)
                    again = one.said.get("correction") is not None
                    if one.said.get("ref") == ref and believes(one) and not again:
                        return one
        return None

    def _read(self, path: str) -> bytes | None:
        return self._read_many([path])[path]


def leaf_of(data: bytes) -> Leaf | None:
    """Return what a leaf says; None if it is none."""
    try:
        return parse_leaf(data)
    except LogError:
        return None
