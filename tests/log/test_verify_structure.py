"""Tiles, bundles and root: every flipped byte is seen, and the file that it is in is named."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.log.checkpoint import Checkpoint
from itil_gate.log.commits import Roots
from itil_gate.log.merkle import leaf_hash, root
from itil_gate.log.structure import Watched, verify_structure
from itil_gate.log.tiles import grow
from itil_gate.log.verdict import Check

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.log.verdict import Verdict

SIZES = (0, 1, 2, 255, 256, 257, 511, 512, 600)
LARGE = 256 * 256 + 257


def leaf(number: int) -> bytes:
    kind = "key-revocation" if number % 100 == 99 else "outcome"
    return b'{"sha256":"%064x","t":"%b"}' % (number, kind.encode())


@functools.cache
def tree(size: int) -> tuple[dict[str, bytes], Checkpoint]:
    made = grow(0, [leaf(number) for number in range(size)], lambda _: None)
    files = {path: data for path, data in made.files.items() if data is not None}
    return files, Checkpoint("log", made.size, made.root)


def verified(
    files: dict[str, bytes],
    checkpoint: Checkpoint,
    *,
    start: int = 0,
    watched: Watched | None = None,
) -> Verdict:
    def read_many(paths: Iterable[str]) -> dict[str, bytes | None]:
        return {path: files.get(path) for path in paths}

    check = Check("tree", "entries")
    verify_structure(read_many, checkpoint, check, start=start, watched=watched)
    return check.verdict()


@pytest.mark.parametrize("size", [*SIZES, LARGE])
def test_a_tree_is_well_at_every_size(size: int) -> None:
    found = verified(*tree(size))
    assert (found.state, found.looked) == ("ok", size)


@pytest.mark.parametrize("start", [1, 255, 256, 257, 599, 600])
def test_only_what_is_new_is_looked_at(start: int) -> None:
    found = verified(*tree(600), start=start)
    assert found.state == "ok"
    assert found.looked == 600 - start // 256 * 256


def test_places_of_special_entries_are_noted() -> None:
    watched = Watched({"key-revocation": [], "expunged": []})
    verified(*tree(600), watched=watched)
    assert watched.places == {"key-revocation": [99, 199, 299, 399, 499, 599], "expunged": []}


@pytest.mark.parametrize("size", SIZES[1:])
def test_another_root_is_seen(size: int) -> None:
    files, checkpoint = tree(size)
    other = Checkpoint("log", size, bytes(32))
    assert verified(files, other).state == "bad"
    assert verified(files, checkpoint).state == "ok"


@pytest.mark.parametrize("size", [1, 257, 600, LARGE])
def test_a_missing_file_is_named(size: int) -> None:
    files, checkpoint = tree(size)
    for path in sorted(files)[:: max(1, len(files) // 20)]:
        found = verified({p: d for p, d in files.items() if p != path}, checkpoint)
        assert {fault.path for fault in found.faults} == {path}
        assert "missing" in found.faults[0].message


@given(st.data())
def test_every_flipped_bit_is_seen_in_its_file(data: st.DataObject) -> None:
    files, checkpoint = tree(data.draw(st.sampled_from([1, 3, 256, 300, 513, LARGE])))
    path = data.draw(st.sampled_from(sorted(files)))
    body = bytearray(files[path])
    body[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    found = verified(files | {path: bytes(body)}, checkpoint)
    assert found.state == "bad"
    assert {fault.path for fault in found.faults} == {path}


@given(st.data())
def test_every_cut_and_every_longer_file_is_seen(data: st.DataObject) -> None:
    files, checkpoint = tree(data.draw(st.sampled_from([1, 300, 513])))
    path = data.draw(st.sampled_from(sorted(files)))
    body = files[path]
    cut = data.draw(st.integers(0, len(body) - 1))
    other = body[:cut] if data.draw(st.booleans()) else body + body[: cut + 1]
    assert verified(files | {path: other}, checkpoint).state == "bad"


@pytest.mark.parametrize("size", [300, LARGE])
def test_a_full_file_may_stand_in_place_of_a_partial_one(size: int) -> None:
    """A later state of the log serves an older checkpoint (tlog-tiles, Partial Tiles)."""
    before, checkpoint = tree(size)
    later, _ = tree(size + 300)
    files = {p: d for p, d in before.items() if p.partition(".p/")[0] not in later} | later
    assert files.keys() != before.keys() | later.keys()
    assert verified(files, checkpoint).state == "ok"


def test_a_leaf_and_its_tile_changed_together_are_seen_above() -> None:
    files, checkpoint = tree(600)
    other = grow(0, [leaf(number + (number == 5)) for number in range(600)], lambda _: None)
    for path in ("tile/0/000", "tile/entries/000"):
        files = files | {path: other.files[path] or b""}
    found = verified(files, checkpoint)
    assert {fault.path for fault in found.faults} == {"tile/0/000", "tile/entries/000"}
    assert found.since == 0


@pytest.mark.parametrize("first", [0, 1, 255, 256, 257, 400])
def test_roots_of_all_earlier_sizes_come_from_the_tiles(first: int) -> None:
    files, _ = tree(600)
    hashes = [leaf_hash(leaf(number)) for number in range(600)]
    roots = Roots(lambda paths: {path: files.get(path) for path in paths}, 600)
    for size in (first, first + 1, first + 1, min(600, first + 190), 600):
        assert roots.at(size) == root(hashes[:size])


@pytest.mark.parametrize("kept", [0, 1, 3, 100])
def test_a_bundle_and_its_tile_cut_short_together_are_seen(kept: int) -> None:
    files, checkpoint = tree(600)
    leaves = [leaf(number) for number in range(kept)]
    forged = grow(0, leaves, lambda _: None).files if kept else {}
    short = {
        "tile/0/000": forged.get(f"tile/0/000.p/{kept}") or b"",
        "tile/entries/000": forged.get(f"tile/entries/000.p/{kept}") or b"",
    }
    found = verified(files | short, checkpoint)
    assert found.state == "bad"
    assert {fault.path for fault in found.faults} == set(short)
