"""Write many objects at once: as a pack that git reads from standard input and checks.

One program takes a whole commit with its trees and files, where `hash-object` would be one for
each kind. Few objects become loose ones, which git packs when it sees fit; many stay a pack. Both
are on the disk before the program ends, so that a ref never names what is not there.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

from itil_gate.git.objects import hash_object

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from itil_gate.git.objects import ObjectType
    from itil_gate.git.view import View

MOST_LOOSE = 60
"""So many objects are written loose; above that one file with an index is faster and smaller."""
_KINDS: dict[ObjectType, int] = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
_FAST = 1
_WINDOW = 1 << 13
_SMALL_TABLES = 5
_SHORT = 128
"""Bytes up to which an object is stored as it is: to set a compressor up takes longer."""


def write_objects(store: View, objects: Sequence[tuple[ObjectType, bytes]]) -> list[str]:
    """Write objects into the store, have them on the disk, and return their ids in this order.

    Raises HistoryError `git-failed`, as where the disk is full; nothing then names what was
    written.
    """
    ids = [hash_object(kind, data, algorithm=store.algorithm) for kind, data in objects]
    write_named(store, dict(zip(ids, objects, strict=True)))
    return ids


def write_named(store: View, objects: Mapping[str, tuple[ObjectType, bytes]]) -> None:
    """Write objects under the ids that `hash_object` gave them; see `write_objects`."""
    if not objects:
        return
    pack = pack_stream(objects.values(), algorithm=store.algorithm)
    if len(objects) <= MOST_LOOSE:
        fast = ("-c", "core.fsyncMethod=batch", "-c", "core.looseCompression=1")
        store.git(*fast, "unpack-objects", "-q", stdin=pack)
    else:
        store.git("index-pack", "--stdin", stdin=pack)


def pack_stream(objects: Collection[tuple[ObjectType, bytes]], *, algorithm: str) -> bytes:
    """Return a pack of whole objects (gitformat-pack), without deltas.

    Trees are not compressed: half of a tree is hashes, and the next version of it is close to
    this one, so that git has all of its gain when it makes deltas.
    """
    parts = [b"PACK", (2).to_bytes(4, "big"), len(objects).to_bytes(4, "big")]
    for kind, data in objects:
        parts += [_header(_KINDS[kind], len(data)), _deflated(data, plain=kind == "tree")]
    body = b"".join(parts)
    return body + hashlib.new(algorithm, body, usedforsecurity=False).digest()


def _deflated(data: bytes, *, plain: bool = False) -> bytes:
    """Return a zlib stream (RFC 1950); of stored blocks where that is `plain` or data is short."""
    size = len(data)
    if plain or size <= _SHORT:
        return zlib.compress(data, 0)
    if size > _WINDOW:
        return zlib.compress(data, _FAST)
    # A window that is no larger than the data, and small tables: less to be cleared first.
    deflate = zlib.compressobj(_FAST, zlib.DEFLATED, _WINDOW.bit_length() - 1, _SMALL_TABLES)
    return deflate.compress(data) + deflate.flush()


@lru_cache(maxsize=4096)
def _header(kind: int, size: int) -> bytes:
    """Return type and size of an object: four bits of size first, then seven a byte."""
    byte, size = kind << 4 | size & 0x0F, size >> 4
    out = bytearray()
    while size:
        out.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    out.append(byte)
    return bytes(out)
