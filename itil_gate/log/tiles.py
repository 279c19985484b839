"""Tiles and entry bundles: the files in which a tree stands on the branch, and how they grow.

C2SP tlog-tiles: a tile holds up to 256 hashes of one level in eight, a bundle the leaves of a
tile of level 0, each behind its length. A file that is only partly full carries its width in its
name and stays until the full one exists. Files are read by their path through a function of the
caller; a file that is missing, of another length, or that does not lead to the hashes above it
is refused and never mended.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from itil_gate.log.merkle import HASH_BYTES, fold, leaf_hash, node_hash
from itil_gate.model.errors import LogError
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Read = Callable[[str], bytes | None]

WIDTH = 256
"""Hashes in a full tile, and leaves in a full bundle."""
HEIGHT = 8
"""Levels of the tree between one level of tiles and the next."""
TILE_BYTES = WIDTH * HASH_BYTES
MAX_LEAF_BYTES = 0xFFFF
_THOUSAND = 1000
_LENGTH_BYTES = 2


@frozen
class Growth:
    """What a tree becomes by new leaves.

    `files` are the changed paths; None removes a path with all that lies below it: the folder of
    partial files, once the full one exists. `before` is the root that the files on the branch
    had, to be held against the checkpoint before anything is signed.
    """

    files: Mapping[str, bytes | None]
    size: int
    root: bytes
    before: bytes


def tile_path(level: int, index: int, *, width: int = WIDTH) -> str:
    """Return the path of a tile, full or partial (tlog-tiles, Merkle Tree)."""
    return f"tile/{level}/{_numbered(index, width)}"


def bundle_path(index: int, *, width: int = WIDTH) -> str:
    """Return the path of an entry bundle, full or partial (tlog-tiles, Log entries)."""
    return f"tile/entries/{_numbered(index, width)}"


def tile_width(level: int, index: int, *, size: int) -> int:
    """Return how many hashes a tile holds in a tree of `size` leaves; 0 if it does not exist."""
    return max(0, min(WIDTH, (size >> HEIGHT * level) - WIDTH * index))


def paths(size: int) -> list[str]:
    """Return every tile and bundle that a tree of `size` leaves needs, level by level."""
    found = [bundle_path(index, width=width) for index, width in _widths(0, size)]
    level = 0
    while size >> HEIGHT * level:
        found += [tile_path(level, index, width=width) for index, width in _widths(level, size)]
        level += 1
    return found


def edge_paths(size: int) -> list[str]:
    """Return what `grow` reads at this size: the partial bundle and the partial tiles."""
    found = []
    if width := size % WIDTH:
        found.append(bundle_path(size // WIDTH, width=width))
    level = 0
    while count := size >> HEIGHT * level:
        if width := count % WIDTH:
            found.append(tile_path(level, count // WIDTH, width=width))
        level += 1
    return found


def bundle(leaves: Iterable[bytes]) -> bytes:
    """Return the bytes of leaves in a bundle. Raises LogError for one above 65,535 bytes."""
    parts = []
    for leaf in leaves:
        if len(leaf) > MAX_LEAF_BYTES:
            raise LogError(
                "leaf-too-long", f"a leaf has {len(leaf)} bytes; it may have {MAX_LEAF_BYTES}"
            )
        parts += [len(leaf).to_bytes(_LENGTH_BYTES, "big"), leaf]
    return b"".join(parts)


def parse_bundle(data: bytes, *, path: str = "the bundle") -> list[bytes]:
    """Return the leaves of a bundle: at most 256; LogError if the lengths do not come out even."""
    leaves, at, end = [], 0, len(data)
    while at < end:
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(data[at:start], "big")
        leaves.append(data[start:at])
        if len(leaves) > WIDTH:
            raise _damaged(path, f"it holds more than {WIDTH} leaves")
    if at != end:
        raise _damaged(path, "its last leaf is cut off")
    return leaves


def grow(size: int, leaves: Sequence[bytes], read: Read) -> Growth:
    """Return the files that change when `leaves` follow the first `size` ones.

    Reads nothing but `edge_paths(size)`. Raises LogError if one of them is missing or damaged, or
    if the partial bundle does not hold the leaves of the partial tile; that the tiles are those of
    the checkpoint is seen by comparing `before` with its root.
    """
    new = [leaf_hash(leaf) for leaf in leaves]
    files: dict[str, bytes | None] = {}
    before: list[bytes] = []
    after: list[bytes] = []
    level, start = 0, size
    while start or new:
        first, held = divmod(start, WIDTH)
        edge = _read_tile(read, level, first, held)
        if level == 0:
            files |= _bundles(first, read=read, edge=edge, leaves=leaves)
        whole = edge + b"".join(new)
        before, after = _frontier(edge) + before, _frontier(whole) + after
        up = []
        for index, body in enumerate(_chunks(whole) if new else (), first):
            width = len(body) // HASH_BYTES
            files[tile_path(level, index, width=width)] = body
            if width == WIDTH:
                up.append(_complete(_hashes(body)))
                if index == first and held:
                    files[tile_path(level, index) + ".p"] = None
        level, start, new = level + 1, first, up
    return Growth(files, size + len(leaves), fold(after), fold(before))


class TileReader:
    """The hashes of a tree of known size, read from its tiles when they are asked for.

    `reader(level, index)` is the `Node` of `merkle`. Tiles are read once; hashes between their
    levels are computed once. Raises LogError for tiles that are missing or of another length.
    What it gives is no more true than the files: hold a root or a proof against a checkpoint.
    """

    def __init__(self, size: int, read: Read) -> None:
        self.size = size
        self._read = read
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._nodes: dict[tuple[int, int], bytes] = {}

    def __call__(self, level: int, index: int) -> bytes:
        """Return the hash of the complete subtree `index` of 2^level leaves."""
        if level % HEIGHT == 0:
            tile, at = divmod(index, WIDTH)
            body = self._tile(level // HEIGHT, tile)
            return body[at * HASH_BYTES : (at + 1) * HASH_BYTES]
        found = self._nodes.get((level, index))
        if found is None:
            found = node_hash(self(level - 1, 2 * index), self(level - 1, 2 * index + 1))
            self._nodes[level, index] = found
        return found

    def _tile(self, level: int, index: int) -> bytes:
        found = self._tiles.get((level, index))
        if found is None:
            width = tile_width(level, index, size=self.size)
            found = _read_tile(self._read, level, index, width)
            self._tiles[level, index] = found
        return found


def read_bundle(index: int, *, size: int, read: Read) -> list[bytes]:
    """Return the leaves of a bundle of a log of `size` entries. Raises LogError if it is not there.

    They are no more true than the file: hold them against the tile above.
    """
    if not 0 <= index * WIDTH < size:
        raise LogError("no-such-entry", f"the log has {size} entries and no bundle {index}")
    width = min(WIDTH, size - index * WIDTH)
    path, body = _present(read, bundle_path(index, width=width), full=bundle_path(index))
    return _parsed(body, width, path=path)


def read_leaf(index: int, *, size: int, read: Read) -> bytes:
    """Return the leaf at `index` from its bundle. Raises LogError if it is not there.

    It is no more true than the file: prove its inclusion.
    """
    if not 0 <= index < size:
        raise LogError(
            "no-such-entry",
            f"the log has {size} entries, and none is number {index}",
            hint="they are numbered from 0; `itil-gate log show` lists the newest",
        )
    at, offset = divmod(index, WIDTH)
    return read_bundle(at, size=size, read=read)[offset]


def _bundles(
    first: int, *, read: Read, edge: bytes, leaves: Sequence[bytes]
) -> dict[str, bytes | None]:
    """Return the bundles that hold the new leaves, the first one behind what it held."""
    files: dict[str, bytes | None] = {}
    held = len(edge) // HASH_BYTES
    body = b""
    if held:
        path = bundle_path(first, width=held)
        path, body = _present(read, path, full=path)
        if [leaf_hash(leaf) for leaf in _parsed(body, held, path=path)] != _hashes(edge):
            raise _damaged(path, "its leaves are not those of the tile above it")
    if not leaves:
        return files
    total = held + len(leaves)
    cuts = [0, *range(WIDTH - held, len(leaves), WIDTH), len(leaves)]
    for index, (low, high) in enumerate(pairwise(cuts), first):
        width = min(WIDTH, total - (index - first) * WIDTH)
        inner = bundle(leaves[low:high])
        files[bundle_path(index, width=width)] = body + inner if index == first else inner
        if index == first and held and width == WIDTH:
            files[bundle_path(index) + ".p"] = None
    return files


def _parsed(body: bytes, width: int, *, path: str) -> list[bytes]:
    leaves = parse_bundle(body, path=path)
    if len(leaves) != (width if _is_partial(path) else WIDTH):
        raise _damaged(path, f"it holds {len(leaves)} leaves")
    return leaves


def _read_tile(read: Read, level: int, index: int, width: int) -> bytes:
    if width <= 0:
        return b""
    full = tile_path(level, index)
    path, body = _present(read, tile_path(level, index, width=width), full=full)
    if len(body) != (width * HASH_BYTES if _is_partial(path) else TILE_BYTES):
        raise _damaged(path, f"it has {len(body)} bytes")
    return body[: width * HASH_BYTES]


def _present(read: Read, path: str, *, full: str) -> tuple[str, bytes]:
    """Return a file, or the full one in its place as tlog-tiles (Partial Tiles) allows."""
    body, found = read(path), path
    if body is None and full != path:
        body, found = read(full), full
    if body is None:
        raise LogError(
            "log-incomplete",
            f"the log has no file {path}",
            hint="fetch the whole branch; if it is not there either, restore it from another copy",
        )
    return found, body


def _is_partial(path: str) -> bool:
    return ".p/" in path


def _damaged(path: str, what: str) -> LogError:
    return LogError("log-damaged", f"{path} is not what the log wrote: {what}")


def _frontier(edge: bytes) -> list[bytes]:
    """Return the largest complete subtrees over the hashes of a partial tile, from the left.

    Of more than one tile only what is left behind the full ones belongs to this level.
    """
    hashes = _hashes(edge[len(edge) - len(edge) % TILE_BYTES :])
    found, low = [], 0
    while low < len(hashes):
        count = 1 << (len(hashes) - low).bit_length() - 1
        found.append(_complete(hashes[low : low + count]))
        low += count
    return found


def _complete(row: list[bytes]) -> bytes:
    """Return the root over a number of hashes that is a power of two."""
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def _hashes(body: bytes) -> list[bytes]:
    return [body[at : at + HASH_BYTES] for at in range(0, len(body), HASH_BYTES)]


def _chunks(body: bytes) -> list[bytes]:
    return [body[at : at + TILE_BYTES] for at in range(0, len(body), TILE_BYTES)]


def _widths(level: int, size: int) -> list[tuple[int, int]]:
    count = size >> HEIGHT * level
    whole = [(index, WIDTH) for index in range(count // WIDTH)]
    return [*whole, (count // WIDTH, count % WIDTH)] if count % WIDTH else whole


def _numbered(index: int, width: int) -> str:
    """Spell an index in groups of three digits, all but the last marked with x."""
    groups = [f"{index % _THOUSAND:03d}"]
    while index := index // _THOUSAND:
        groups.append(f"x{index % _THOUSAND:03d}")
    suffix = "" if width == WIDTH else f".p/{width}"
    return "/".join(reversed(groups)) + suffix
