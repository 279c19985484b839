"""Files on the branch that the log did not write, or no longer needs, and old partial tiles.

Partial tiles and bundles stay until the full one exists, so those that are there say what the tree
was: each has to be the beginning of what stands there now. Everything else that no tree of this
size has is named: it could be taken for a part of the log by another reader.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from itil_gate.log.checkpoint import PATH
from itil_gate.log.entry import SUFFIX, entry_path
from itil_gate.log.merkle import HASH_BYTES
from itil_gate.log.structure import leaf_row
from itil_gate.log.tiles import HEIGHT, WIDTH, bundle_path, tile_path, tile_width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from itil_gate.log.structure import ReadMany
    from itil_gate.log.verdict import Check

    Walk = Callable[[str], Iterator[str]]
    """Yields the paths of all files below a folder; of the root where the folder is empty."""

PAGES = frozenset({"README.md", ".gitattributes"})
"""Files of the branch that say nothing about the log."""
FOLDERS = frozenset({"tile", "entry", "ids", "timestamps"})
AT_ONCE = 256
_TILE = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<number>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)
_ENTRY = re.compile(rf"entry/([0-9]{{3,}})/([0-9]{{3}})/([0-9]{{3}}){re.escape(SUFFIX)}", re.ASCII)
_TIMESTAMP = re.compile(r"timestamps/(0|[1-9][0-9]{0,18})\.tsr", re.ASCII)
_ID = re.compile(r"ids/([0-9a-f])/([0-9a-f]{2})/\1\2[0-9a-f]{61}", re.ASCII)


def verify_files(
    size: int, walk: Walk, read_many: ReadMany, check: Check, *, top: Iterable[str], whole: bool
) -> None:
    """Name every file that a log of `size` entries does not have.

    `top` are the names at the root of the branch. Entries and ids are listed only if `whole`.
    """
    for name in top:
        check.looked += 1
        if name not in FOLDERS and name not in PAGES and name != PATH:
            check.fault("the log has no such file", path=name)
    _timestamps(size, walk, check)
    old: list[tuple[str, str, str]] = []
    for path in walk("tile"):
        check.looked += 1
        fault, kept = _tile(path, size)
        if fault:
            check.fault(fault, path=path)
        elif kept is not None:
            old.append((path, *kept))
    for low in range(0, len(old), AT_ONCE):
        _beginnings(old[low : low + AT_ONCE], read_many, check)
    if whole:
        _entries(size, walk, check)
        for path in walk("ids"):
            check.looked += 1
            if not _ID.fullmatch(path):
                check.fault("the log has no such file", path=path)


def _timestamps(size: int, walk: Walk, check: Check) -> None:
    for path in walk("timestamps"):
        check.looked += 1
        match = _TIMESTAMP.fullmatch(path)
        if match is None or int(match[1]) > size:
            check.fault("a log of this size has no such time-stamp", path=path)


def _tile(path: str, size: int) -> tuple[str, tuple[str, str] | None]:
    """Return what is wrong with a path, or, for an older partial file, what it must begin."""
    match = _TILE.fullmatch(path)
    if match is None:
        return "the log has no such file", None
    number = int(match["number"].replace("x", "").replace("/", ""))
    leaves = match["level"] == "entries"
    level = 0 if leaves else int(match["level"])
    width = int(match["width"] or WIDTH)
    there = 0 if HEIGHT * level > size.bit_length() else tile_width(level, number, size=size)
    make = bundle_path if leaves else lambda n, *, width=WIDTH: tile_path(level, n, width=width)
    if make(number, width=width) != path or there == 0:
        return "a tree of this size has no such file", None
    if width == there:
        return "", None
    if there == WIDTH:
        return "the partial file was left behind when the full one was written", None
    if width > there:
        full = " in full" if width == WIDTH else ""
        return f"a tree of this size does not have this file{full}", None
    return "", (make(number, width=there), make(number))


def _beginnings(old: list[tuple[str, str, str]], read_many: ReadMany, check: Check) -> None:
    bodies = read_many([path for row in old for path in row])
    for path, part, full in old:
        body, now = bodies[path], bodies[part] or bodies[full]
        width = int(path.rpartition("/")[2])
        if body is None or now is None:
            continue  # a missing file is for the structure to say
        whole = path.startswith("tile/entries/")
        row = leaf_row(body) if whole else body
        if row is None or len(row) != width * HASH_BYTES or not now.startswith(body):
            check.fault("it is not the beginning of what stands there now", path=path)


def _entries(size: int, walk: Walk, check: Check) -> None:
    for path in walk("entry"):
        check.looked += 1
        match = _ENTRY.fullmatch(path)
        index = (int(match[1]) << 16) + (int(match[2]) << 8) + int(match[3]) if match else size
        if index >= size or entry_path(index) != path:
            check.fault("a log of this size has no such entry", path=path)
