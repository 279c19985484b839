"""The Merkle tree of RFC 6962: hashes, roots, inclusion and consistency proofs.

A tree is known by its size and by a `Node` function: `node(level, index)` gives the hash of the
complete subtree over the leaves index·2^level up to (index+1)·2^level. Proofs are made as RFC 6962
section 2.1 defines them and verified by the algorithms of RFC 9162 (2.1.3.2 and 2.1.4.2).
Verification answers True or False for any bytes and any numbers.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Node = Callable[[int, int], bytes]

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves (RFC 6962 section 2.1)."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256 behind a zero byte."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256 of its children behind a one byte."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes, all of them in memory."""
    row = list(leaf_hashes)
    while len(row) > 1:
        pairs = [node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
        row = pairs + row[len(row) & ~1 :]  # a node without a sibling moves up as it is
    return row[0] if row else EMPTY_ROOT


def tree_root(size: int, node: Node) -> bytes:
    """Return the root of a tree of `size` leaves."""
    return _range_hash(0, size, node) if size else EMPTY_ROOT


def inclusion_proof(index: int, *, size: int, node: Node) -> tuple[bytes, ...]:
    """Return the hashes from the leaf's sibling to the root's child (RFC 6962 section 2.1.1).

    Raises ValueError if the tree has no leaf `index`.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    ranges = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    return tuple(_range_hash(*one, node) for one in reversed(ranges))


def consistency_proof(old: int, *, size: int, node: Node) -> tuple[bytes, ...]:
    """Return the hashes that prove a tree of `size` to extend its first `old` leaves.

    RFC 6962 section 2.1.2; empty for equal sizes and for an old tree without leaves, of which
    there is nothing to prove. Raises ValueError if `old` is larger than `size`.
    """
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} leaves does not extend one of {old}")
    if old in {0, size}:
        return ()
    ranges = []
    low, high = 0, size
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    if low:
        ranges.append((low, high))
    return tuple(_range_hash(*one, node) for one in reversed(ranges))


def verify_inclusion(
    leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether `proof` leads from a leaf hash at `index` to the root of a tree of `size` leaves."""
    if not 0 <= index < size or not _are_hashes(leaf, root, *proof):
        return False
    place, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(step, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, step)
        place, last = place >> 1, last >> 1
    return last == 0 and hmac.compare_digest(found, root)


def verify_consistency(
    old: int, size: int, *, old_root: bytes, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether `proof` shows that the tree of `size` leaves begins with the `old` ones.

    Of equal sizes the roots have to be equal; from an empty tree every tree follows, if the old
    root is that of an empty one. Both take no proof.
    """
    if not 0 <= old <= size or not _are_hashes(old_root, root, *proof):
        return False
    if old == size:
        return not proof and hmac.compare_digest(old_root, root)
    if old == 0:
        return not proof and hmac.compare_digest(old_root, EMPTY_ROOT)
    steps = list(proof) if old & (old - 1) else [old_root, *proof]
    if not steps:
        return False
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, step)
        place, last = place >> 1, last >> 1
    same = hmac.compare_digest(before, old_root) and hmac.compare_digest(after, root)
    return last == 0 and same


def fold(frontier: Sequence[bytes]) -> bytes:
    """Return the root over complete subtrees that stand side by side, the largest first."""
    if not frontier:
        return EMPTY_ROOT
    found = frontier[-1]
    for left in reversed(frontier[:-1]):
        found = node_hash(left, found)
    return found


def _range_hash(low: int, high: int, node: Node) -> bytes:
    """Return MTH(D[low:high]) of a range that is a node of the tree."""
    count = high - low
    if not count & (count - 1):  # most of them are complete
        level = count.bit_length() - 1
        return node(level, low >> level)
    return fold([node(level, index) for level, index in _subtrees(low, high)])


def _subtrees(low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield the complete subtrees of a range that begins where its largest one may begin."""
    while low < high:
        level = (high - low).bit_length() - 1
        yield level, low >> level
        low += 1 << level


def _split(count: int) -> int:
    """Return the largest power of two below `count`, which is at least 2."""
    return 1 << (count - 1).bit_length() - 1


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
