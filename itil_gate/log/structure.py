"""Whether leaves, tiles and root fit together: every bundle, every tile, and nothing beside them.

Goes from the signed root down: the tiles at the edge lead to it, each full tile to the hash above
it, each bundle to the tile of its leaves. So what is named is the file that was changed, not one
that merely disagrees with it. Whole tiles are hashed at a time and nothing is kept but one row of
the level above, so that a log of any size is read once in the memory of a few tiles.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

from itil_gate.log.merkle import HASH_BYTES, fold
from itil_gate.log.tiles import (
    HEIGHT,
    TILE_BYTES,
    WIDTH,
    bundle_path,
    tile_path,
)
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from itil_gate.log.checkpoint import Checkpoint
    from itil_gate.log.verdict import Check

    ReadMany = Callable[[Iterable[str]], Mapping[str, bytes | None]]

AT_ONCE = 32
"""Bundles that are read together, with their tiles."""
_sha256 = hashlib.sha256
_pairs = struct.Struct("64s").iter_unpack
"""Two hashes at a time; in one call, since there are as many pairs as leaves."""


@frozen
class Watched:
    """Kinds of entries whose places are noted while the bundles go by, and where they stand."""

    places: Mapping[str, list[int]]

    def note(self, first: int, body: bytes) -> None:
        """Note the places in one bundle whose first leaf is number `first`."""
        for kind, found in self.places.items():
            mark = f'"t":"{kind}"}}'.encode()
            if mark in body:
                leaves = leaves_of(body) or ()
                found += [at for at, leaf in enumerate(leaves, first) if leaf.endswith(mark)]


def verify_structure(
    read_many: ReadMany,
    checkpoint: Checkpoint,
    check: Check,
    *,
    start: int = 0,
    watched: Watched | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> None:
    """Hold every bundle and tile from leaf `start` on against the root of a checkpoint.

    What lies before `start` counts as verified, by its own checkpoint with which this one has to
    be consistent. Faults and the number of leaves go to `check`; `done` is told of leaves as they
    are looked at.
    """
    size = checkpoint.size
    tree = _Tree(read_many, size, check)
    edges = tree.edges()
    if not tree.leads(edges, checkpoint.root):
        edges = tree.mended(edges, checkpoint.root)
    rows = tree.upper_rows(edges, start)
    tree.bundles(edges[0] if edges else b"", rows, start, watched=watched, done=done)


def leaf_row(body: bytes) -> bytes | None:
    """Return the hashes of the leaves in a bundle side by side; None if it is cut off."""
    hashes = []
    at, end = 0, len(body)
    while at + 1 < end:
        start = at + 2
        at = start + (body[at] << 8 | body[at + 1])
        hashes.append(_sha256(b"\x00" + body[start:at]).digest())
    return b"".join(hashes) if at == end else None


def row_root(row: bytes) -> bytes:
    """Return the root over hashes side by side; nothing if their number is no power of two."""
    count, rest = divmod(len(row), HASH_BYTES)
    if rest or count & (count - 1):
        return b""
    while len(row) > HASH_BYTES:
        row = b"".join([_sha256(b"\x01" + pair).digest() for (pair,) in _pairs(row)])
    return row


def row_frontier(row: bytes) -> list[bytes]:
    """Return the largest complete subtrees over hashes side by side, from the left."""
    found, low, count = [], 0, len(row) // HASH_BYTES
    while low < count:
        width = 1 << (count - low).bit_length() - 1
        found.append(row_root(row[low * HASH_BYTES : (low + width) * HASH_BYTES]))
        low += width
    return found


class _Tree:
    """The files of one tree, level by level."""

    def __init__(self, read_many: ReadMany, size: int, check: Check) -> None:
        self._read_many = read_many
        self._size = size
        self._check = check

    def edges(self) -> list[bytes]:
        """Return the partial tile at the right edge of every level, empty where there is none."""
        found: list[bytes] = []
        level = 0
        while count := self._size >> HEIGHT * level:
            width = count % WIDTH
            found.append(self._edge(level, count // WIDTH, width) if width else b"")
            level += 1
        return found

    def leads(self, edges: list[bytes], root: bytes) -> bool:
        """Tell whether the tiles at the edge lead to the root."""
        hashes = [one for row in reversed(edges) for one in row_frontier(row)]
        return fold(hashes) == root

    def mended(self, edges: list[bytes], root: bytes) -> list[bytes]:
        """Find out which tiles at the edge are wrong, by what lies below them."""
        before = self._check.bad
        made: list[bytes] = []
        for level, edge in enumerate(edges):
            tile, width = divmod(self._size >> HEIGHT * level, WIDTH)
            again = self._below(level, tile, width) if width else b""
            made.append(edge if again is None else again)
        if not self.leads(made, root):
            if self._check.bad == before:
                self._check.fault(
                    "bundles and tiles lead to another root than the one that was signed",
                    path="checkpoint",
                )
            return made
        for level, (edge, again) in enumerate(zip(edges, made, strict=True)):
            if edge and edge != again:
                tile, width = divmod(self._size >> HEIGHT * level, WIDTH)
                self._wrong(level, tile, width, "it does not lead to the signed root")
        return made

    def upper_rows(self, edges: list[bytes], start: int) -> dict[int, bytes]:
        """Return what each full tile of level 0 must come to, by its number, as level 1 says.

        On the way down every tile of the upper levels is held against the hash above it.
        """
        rows: dict[int, bytes] = {}
        for level in range(len(edges) - 1, 0, -1):
            count = self._size >> HEIGHT * level
            first, full = start >> HEIGHT * (level + 1), count // WIDTH
            below: dict[int, bytes] = {}
            for low in range(first, full, AT_ONCE):
                numbers = range(low, min(full, low + AT_ONCE))
                bodies = self._read_many([tile_path(level, number) for number in numbers])
                for number in numbers:
                    body = self._upper(level, number, bodies[tile_path(level, number)], rows)
                    _spread(below, number, body)
            _spread(below, full, edges[level])
            rows = below
        return rows

    def bundles(
        self,
        edge: bytes,
        expected: dict[int, bytes],
        start: int,
        *,
        watched: Watched | None,
        done: Callable[[int], None],
    ) -> None:
        """Hold every bundle against its tile, and that against what level 1 says."""
        full, width = divmod(self._size, WIDTH)
        for low in range(start // WIDTH, full, AT_ONCE):
            numbers = range(low, min(full, low + AT_ONCE))
            bodies = self._read_many(
                [f(number) for number in numbers for f in (bundle_path, _leaf_tile)]
            )
            for number in numbers:
                body = bodies[bundle_path(number)]
                tile = bodies[_leaf_tile(number)]
                self._full(number, body, tile, expected.get(number))
                if watched is not None and body is not None:
                    watched.note(number * WIDTH, body)
            self._check.looked += len(numbers) * WIDTH
            done(len(numbers) * WIDTH)
        if width and full >= start // WIDTH:
            path, body = self._partial(bundle_path, full, width)
            if body is not None:
                self._last(path, body, edge, full, width)
                if watched is not None:
                    watched.note(full * WIDTH, body)
            self._check.looked += width
            done(width)

    def _full(
        self, number: int, body: bytes | None, tile: bytes | None, expected: bytes | None
    ) -> None:
        row = None if body is None else leaf_row(body)
        if tile is not None and row == tile and row_root(tile) == expected:
            return  # nearly always
        first, path = number * WIDTH, bundle_path(number)
        if tile is not None and len(tile) == TILE_BYTES and row_root(tile) == expected:
            self._wrong_bundle(path, body, row, tile, first)
            return
        self._wrong(0, number, WIDTH, "it does not lead to the hash above it", missing=tile is None)
        if body is None or row is None or len(row) != TILE_BYTES or row_root(row) != expected:
            self._wrong_bundle(path, body, row, None, first)

    def _last(self, path: str, body: bytes, edge: bytes, number: int, width: int) -> None:
        row = leaf_row(body)
        # A full bundle may stand in place of the partial one (tlog-tiles, Partial Tiles).
        held = row[: width * HASH_BYTES] if row is not None and ".p/" not in path else row
        if held != edge:
            self._wrong_bundle(path, body, row, edge or None, number * WIDTH)

    def _wrong_bundle(
        self, path: str, body: bytes | None, row: bytes | None, tile: bytes | None, first: int
    ) -> None:
        if body is None:
            self._check.fault("the bundle of leaves is missing", index=first, path=path)
            return
        index = first
        if row is not None and tile is not None:
            index += next(
                (
                    at // HASH_BYTES
                    for at in range(0, max(len(row), len(tile)), HASH_BYTES)
                    if row[at : at + HASH_BYTES] != tile[at : at + HASH_BYTES]
                ),
                0,
            )
        self._check.fault("the leaves are not those of the tree", index=index, path=path)

    def _upper(
        self, level: int, number: int, body: bytes | None, expected: dict[int, bytes]
    ) -> bytes:
        if body is not None and len(body) == TILE_BYTES and row_root(body) == expected.get(number):
            return body
        self._wrong(
            level, number, WIDTH, "it does not lead to the hash above it", missing=body is None
        )
        return self._below(level, number, WIDTH) or body or b""

    def _edge(self, level: int, number: int, width: int) -> bytes:
        def path(number: int, *, width: int = WIDTH) -> str:
            return tile_path(level, number, width=width)

        found, body = self._partial(path, number, width)
        wanted = (width if ".p/" in found else WIDTH) * HASH_BYTES
        if body is None or len(body) != wanted:
            if body is not None:
                self._wrong(level, number, width, f"it has {len(body)} bytes")
            return self._below(level, number, width) or b""
        return body[: width * HASH_BYTES]

    def _partial(
        self, path: Callable[..., str], number: int, width: int
    ) -> tuple[str, bytes | None]:
        part, whole = path(number, width=width), path(number)
        found = self._read_many([part, whole])
        if found[part] is not None or found[whole] is not None:
            name = part if found[part] is not None else whole
            return name, found[name]
        first = number * WIDTH if part.startswith("tile/entries/") else None
        self._check.fault("the file is missing", index=first, path=part)
        return part, None

    def _below(self, level: int, number: int, width: int) -> bytes | None:
        """Return a tile as what lies below it says; None if that is not there."""
        if level == 0:
            part, whole = bundle_path(number, width=width), bundle_path(number)
            found = self._read_many([part, whole])
            body = found[part] or found[whole]
            row = leaf_row(body) if body else None
            return row[: width * HASH_BYTES] if row and len(row) >= width * HASH_BYTES else None
        names = [tile_path(level - 1, WIDTH * number + at) for at in range(width)]
        bodies = self._read_many(names)
        hashes = []
        for at, name in enumerate(names):
            body = bodies[name]
            if body is None or len(body) != TILE_BYTES:
                body = self._below(level - 1, WIDTH * number + at, WIDTH)
            if body is None or len(body) != TILE_BYTES:
                return None
            hashes.append(row_root(body))
        return b"".join(hashes)

    def _wrong(
        self, level: int, number: int, width: int, what: str, *, missing: bool = False
    ) -> None:
        self._check.fault(
            "the tile is missing" if missing else f"the tile is not that of the tree: {what}",
            index=number << HEIGHT * (level + 1),
            path=tile_path(level, number, width=width),
        )


def _leaf_tile(number: int) -> str:
    return tile_path(0, number)


def _spread(row: dict[int, bytes], number: int, body: bytes) -> None:
    """Add the hashes of a tile under the numbers of the tiles that they stand for."""
    for at in range(0, len(body), HASH_BYTES):
        row[number * WIDTH + at // HASH_BYTES] = body[at : at + HASH_BYTES]


def leaves_of(body: bytes) -> list[bytes] | None:
    """Return the leaves in a bundle; None if it is cut off."""
    found = []
    at, end = 0, len(body)
    while at < end:
        start = at + 2
        at = start + int.from_bytes(body[at:start], "big")
        found.append(body[start:at])
    return found if at == end else None
