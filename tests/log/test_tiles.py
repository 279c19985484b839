"""Tiles and bundles: their paths, how they grow, and what is refused of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itil_gate.log.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from itil_gate.log.tiles import (
    MAX_LEAF_BYTES,
    TileReader,
    bundle,
    bundle_path,
    edge_paths,
    grow,
    parse_bundle,
    paths,
    read_leaf,
    tile_path,
    tile_width,
)
from itil_gate.model.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = [0, 1, 2, 3, 127, 128, 255, 256, 257, 511, 512, 513, 1000]


def leaves(count: int, *, first: int = 0) -> list[bytes]:
    return [b"leaf %d" % number for number in range(first, first + count)]


def grown(batches: Sequence[int]) -> dict[str, bytes]:
    """Give the files of a tree that grew by batches."""
    files: dict[str, bytes] = {}
    size = 0
    for count in batches:
        new = grow(size, leaves(count, first=size), files.get)
        assert new.before == root([leaf_hash(leaf) for leaf in leaves(size)])
        write(files, new.files)
        size = new.size
        assert new.root == root([leaf_hash(leaf) for leaf in leaves(size)])
    return files


def write(files: dict[str, bytes], changes: object) -> None:
    for path, data in changes.items():  # type: ignore[attr-defined]
        if data is not None:
            files[path] = data
        else:
            assert path.endswith(".p")
            for gone in [one for one in files if one.startswith(f"{path}/")]:
                del files[gone]


def refusal(size: int, files: dict[str, bytes]) -> str:
    with pytest.raises(LogError) as caught:
        grow(size, [b"new"], files.get)
    return caught.value.code


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 0, 1, "tile/0/000.p/1"),
        (3, 999, 255, "tile/3/999.p/255"),
        (1, 1000, 256, "tile/1/x001/000"),
        (0, 1234067, 112, "tile/0/x001/x234/067.p/112"),
    ],
)
def test_paths_are_those_of_the_specification(
    level: int, index: int, width: int, path: str
) -> None:
    assert tile_path(level, index, width=width) == path
    expected = path.replace(f"tile/{level}", "tile/entries")
    assert bundle_path(index, width=width) == expected


def test_a_tree_of_70_000_leaves_has_the_tiles_of_the_specification() -> None:
    found = paths(70_000)
    zero = [path for path in found if path.startswith("tile/0/")]
    assert len(zero) == 274
    assert zero[-1] == "tile/0/273.p/112"
    rest = [path for path in found if not path.startswith(("tile/0/", "tile/entries/"))]
    assert rest == ["tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]
    assert sum(path.startswith("tile/entries/") for path in found) == 274
    assert paths(256) == ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
    assert paths(0) == []
    assert edge_paths(70_000) == [
        "tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1",
    ]  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
def test_what_is_needed_is_there(size: int) -> None:
    files = grown([size])
    assert files.keys() == set(paths(size))
    for path, data in files.items():
        width = int(path.partition(".p/")[2] or 256)
        if path.startswith("tile/entries/"):
            assert len(parse_bundle(data)) == width
        else:
            assert len(data) == 32 * width
    assert edge_paths(size) == [path for path in paths(size) if ".p/" in path]


@settings(max_examples=40)
@given(st.lists(st.integers(0, 700), max_size=6))
def test_growing_in_any_batches_gives_the_same_files(batches: list[int]) -> None:
    files, whole = grown(batches), grown([sum(batches)])
    assert {path: files[path] for path in whole} == whole
    other = files.keys() - whole.keys()
    assert all(".p/" in path for path in other)
    for path in other:  # what remains of earlier sizes is the beginning of what is there now
        level, _, number = path.removeprefix("tile/").partition("/")
        index = int(number.partition(".p/")[0])
        width = tile_width(0 if level == "entries" else int(level), index, size=sum(batches))
        now = f"tile/{level}/{index:03d}" + ("" if width == 256 else f".p/{width}")
        assert whole[now].startswith(files[path])
        assert width < 256, "partial files go when the full one comes"


def test_a_large_batch_grows_the_upper_levels() -> None:
    whole = grown([65_537])
    assert whole["tile/1/000"]
    assert len(whole["tile/2/000.p/1"]) == 32
    stepped = grown([65_535, 1, 1])
    assert {path: stepped[path] for path in whole} == whole
    assert not [path for path in stepped if "tile/1/000.p" in path]


@pytest.mark.parametrize("size", [size for size in SIZES if size])
def test_tiles_give_every_proof(size: int) -> None:
    files = grown([size])
    hashed = [leaf_hash(leaf) for leaf in leaves(size)]
    node, top = TileReader(size, files.get), root(hashed)
    assert tree_root(size, node) == top
    for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
        leaf = read_leaf(index, size=size, read=files.get)
        assert leaf == b"leaf %d" % index
        proof = inclusion_proof(index, size=size, node=node)
        hash_ = leaf_hash(leaf)
        assert verify_inclusion(hash_, index=index, size=size, proof=proof, root=top)
    for old in {0, 1, size // 3, size - 1, size}:
        path = consistency_proof(old, size=size, node=node)
        before = root(hashed[:old])
        assert verify_consistency(old, size, old_root=before, root=top, proof=path)


def test_a_single_append_reads_and_writes_little() -> None:
    files = grown([65_536 * 2 + 256 * 3 + 7])
    asked: list[str] = []

    def read(path: str) -> bytes | None:
        asked.append(path)
        return files.get(path)

    new = grow(65_536 * 2 + 256 * 3 + 7, [b"x"], read)
    assert sorted(asked) == sorted(edge_paths(65_536 * 2 + 256 * 3 + 7))
    assert len(asked) == 4
    assert set(new.files) == {"tile/0/515.p/8", "tile/entries/515.p/8"}


def test_a_proof_reads_few_tiles_and_each_once() -> None:
    size = 65_536 + 256 * 2 + 5
    files = grown([size])
    asked: list[str] = []

    def read(path: str) -> bytes | None:
        asked.append(path)
        return files.get(path)

    node = TileReader(size, read)
    for index in (300, 301, 302):
        inclusion_proof(index, size=size, node=node)
    assert len(asked) == len(set(asked)) <= 6


def test_a_full_tile_stands_in_for_a_partial_one() -> None:
    files = grown([300, 300])
    assert "tile/0/001.p/44" not in files
    node = TileReader(300, files.get)
    assert tree_root(300, node) == root([leaf_hash(leaf) for leaf in leaves(300)])
    assert read_leaf(299, size=300, read=files.get) == b"leaf 299"


def test_growing_by_nothing_changes_nothing() -> None:
    assert grow(0, [], {}.get).root == EMPTY_ROOT == grow(0, [], {}.get).before
    new = grow(257, [], grown([257]).get)
    assert not new.files
    assert new.root == new.before


@pytest.mark.parametrize("path", edge_paths(257))
def test_a_missing_or_cut_edge_is_refused(path: str) -> None:
    files = grown([257])
    body = files.pop(path)
    assert refusal(257, files) == "log-incomplete"
    for other in (b"", body[:-1], body + b"\0", body * 2):
        assert refusal(257, files | {path: other}) == "log-damaged"


def test_a_partial_bundle_of_other_leaves_is_refused() -> None:
    files = grown([3])
    assert refusal(3, files | {"tile/entries/000.p/3": bundle([b"a", b"b", b"c"])}) == "log-damaged"


def test_what_is_not_in_the_log_is_not_read() -> None:
    for index in (-1, 3, 300):
        with pytest.raises(LogError) as caught:
            read_leaf(index, size=3, read=grown([3]).get)
        assert caught.value.code == "no-such-entry"


def test_a_leaf_may_be_as_long_as_its_length_can_say() -> None:
    longest = bytes(MAX_LEAF_BYTES)
    assert parse_bundle(bundle([b"", longest])) == [b"", longest]
    with pytest.raises(LogError) as caught:
        bundle([longest + b"x"])
    assert caught.value.code == "leaf-too-long"


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_every_bundle_comes_back(parts: list[bytes]) -> None:
    assert parse_bundle(bundle(parts)) == parts


@given(st.binary(max_size=600))
def test_any_bytes_are_a_bundle_or_refused(data: bytes) -> None:
    try:
        found = parse_bundle(data)
    except LogError as error:
        assert error.code == "log-damaged"  # noqa: PT017
    else:
        assert bundle(found) == data


def test_a_bundle_of_more_than_256_leaves_is_refused() -> None:
    with pytest.raises(LogError):
        parse_bundle(bytes(2 * 257))
