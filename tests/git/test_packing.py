"""Packs written at once: git reads every object back as it was, whatever its size."""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING

import pytest
from support.repository import Repo

from itil_gate.git.discover import discover
from itil_gate.git.packing import MOST_LOOSE, pack_stream, write_objects
from itil_gate.git.refs import open_store
from itil_gate.git.tree import FILE, join_tree, make_record

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.git.objects import ObjectType

SIZES = (0, 1, 15, 16, 127, 128, 129, 2047, 2048, 8191, 8192, 8193, 70_000)


def blobs(count: int) -> list[tuple[ObjectType, bytes]]:
    """Contents of every size, half of them of a kind that compresses."""
    chance = random.Random(7)  # noqa: S311 - nothing secret
    return [
        ("blob", chance.randbytes(size) if number % 2 else b"%d " % number * (size // 2))
        for number in range(count)
        for size in [SIZES[number % len(SIZES)] + number // len(SIZES)]
    ]


@pytest.mark.parametrize("count", [len(SIZES), MOST_LOOSE, MOST_LOOSE + 40])
def test_git_reads_every_object_back(tmp_path: Path, count: int) -> None:
    repo = Repo(tmp_path / "r")
    given = blobs(count)
    with open_store(discover(repo.path)) as store:
        ids = write_objects(store, given)
    repo.git("fsck", "--strict", "--no-dangling")
    for oid, (kind, data) in zip(ids, given, strict=True):
        assert repo.raw("cat-file", kind, oid) == data


def test_git_takes_trees_that_are_not_compressed(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "r")
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"x")
    trees: list[tuple[ObjectType, bytes]] = []
    for count in (*range(1, MOST_LOOSE + 2), 5000):  # the last takes several stored blocks
        rows = {b"%05d" % at: make_record(b"%05d" % at, FILE, blob) for at in range(count)}
        trees.append(("tree", join_tree(rows)))
    with open_store(discover(repo.path)) as store:
        ids = write_objects(store, trees)
    repo.git("fsck", "--strict", "--no-dangling")
    assert [repo.raw("cat-file", "tree", oid) for oid in ids] == [data for _, data in trees]


def test_what_is_written_twice_has_one_id(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "r")
    with open_store(discover(repo.path)) as store:
        assert len({*write_objects(store, [("blob", b"a"), ("blob", b"a")])}) == 1
        assert write_objects(store, []) == []


@pytest.mark.parametrize("size", SIZES)
def test_every_object_is_one_whole_zlib_stream(size: int) -> None:
    data = random.Random(size).randbytes(size)  # noqa: S311 - nothing secret
    body = pack_stream([("blob", data)], algorithm="sha1")[12:-20]
    start = next(at for at, byte in enumerate(body) if not byte & 0x80) + 1
    reader = zlib.decompressobj()
    assert reader.decompress(body[start:]) == data
    assert reader.eof
    assert not reader.unused_data
