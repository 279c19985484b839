"""Attacks by whoever can write files of the log's branch: which check sees each of them.

Commits are signed with the checkpoint key unless a test says otherwise, so that what is seen is
seen in the files, and not only because a stranger committed.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from support.attacks import entry_event, harmless
from support.log import STRANGER, event

from itil_gate.git.refs import open_store
from itil_gate.git.snapshot import Snapshot
from itil_gate.log.entry import entry_path, ids_path
from itil_gate.log.proof import parse as parse_proof
from itil_gate.log.proof import prove, verify_entry
from itil_gate.log.tiles import TileReader, read_leaf
from itil_gate.model.record import AUDIT_BRANCH, Expunged

if TYPE_CHECKING:
    from support.attacks import Victim

SIZE = 13
EDGE = f"tile/0/000.p/{SIZE}"
BUNDLE = f"tile/entries/000.p/{SIZE}"


def flipped(data: bytes | None, at: int = -1) -> bytes:
    assert data
    body = bytearray(data)
    body[at] ^= 1
    return bytes(body)


def names(victim: Victim, folder: str) -> list[str]:
    listed = victim.world.repo.git("ls-tree", "-r", "--name-only", AUDIT_BRANCH, f"{folder}/")
    return listed.splitlines()


def test_a_log_that_nobody_attacked_is_well(victim: Victim) -> None:
    found = victim.verify(full=True)
    assert not found.tampered
    assert found.checkpoint is not None
    assert found.checkpoint.size == SIZE
    skipped = {one.check: one.detail for one in found.verdicts if one.state == "not checked"}
    assert skipped.keys() == {"witnesses", "remembered", "tags"}
    assert "whoever holds the log's key" in skipped["remembered"]
    looked = {one.check: one.looked for one in found.verdicts}
    assert (looked["tree"], looked["entries"], looked["meaning"]) == (SIZE, SIZE, SIZE)


def test_an_edited_entry_is_seen_against_its_leaf(victim: Victim) -> None:
    path = entry_path(3)
    victim.commit({path: flipped(victim.read(path), 40)})
    assert victim.bad() == {"entries", "commits"}
    (fault,) = victim.verify().verdict("entries").faults
    assert (fault.index, fault.path) == (3, path)
    assert victim.verify().verdict("entries").since == 3


def test_an_edited_tile_is_seen_against_the_root(victim: Victim) -> None:
    victim.commit({EDGE: flipped(victim.read(EDGE))})
    assert victim.bad() == {"tree", "commits"}
    (fault,) = victim.verify().verdict("tree").faults
    assert fault.path == EDGE


def test_an_edited_bundle_is_seen_against_its_tile(victim: Victim) -> None:
    body = victim.read(BUNDLE)
    assert body
    at = body.rindex(b'"sha256":"') + 12
    victim.commit(
        {BUNDLE: body[:at] + (b"0" if body[at : at + 1] != b"0" else b"1") + body[at + 1 :]}
    )
    assert victim.bad() == {"tree", "entries", "commits"}
    (fault,) = victim.verify().verdict("tree").faults
    assert (fault.path, fault.index) == (BUNDLE, 12)


def test_tile_bundle_and_entry_edited_together_are_seen_against_the_root(victim: Victim) -> None:
    note = victim.note
    victim.move(f"{victim.tip}~1")
    victim.append([event(1)])
    forged = {path: victim.read(path) for path in names(victim, "tile") + names(victim, "entry")}
    victim.commit({"checkpoint": note} | {p: d for p, d in forged.items() if d})
    assert {"tree", "commits"} <= victim.bad()


@pytest.mark.parametrize("kind", ["lies", "gone", "twice", "not a number", "beyond"])
def test_files_below_ids_are_held_against_the_entries(victim: Victim, kind: str) -> None:
    path = next(path for path in names(victim, "ids") if victim.read(path) == b"5\n")
    change = {
        "lies": {path: b"4\n"},
        "gone": {path: None},
        "twice": {ids_path("ab" * 32): b"5\n"},
        "not a number": {path: b"five\n"},
        "beyond": {path: b"13\n"},
    }[kind]
    victim.commit(change)
    assert victim.bad() == ({"ids"} if kind == "twice" else {"ids", "commits"})


def test_an_expunged_entry_is_well_and_every_proof_still_holds(victim: Victim) -> None:
    path = entry_path(2)
    file = victim.read(path)
    assert file
    with open_store(victim.repository) as store:
        at = Snapshot(store, victim.tip)
        leaf, nodes = read_leaf(2, size=SIZE, read=at.read), TileReader(SIZE, at.read)
        proof = prove(2, leaf=leaf, note=victim.note, checkpoint=victim.checkpoint, nodes=nodes)
        sha256 = hashlib.sha256(file).hexdigest()
    said = Expunged(
        repository=victim.config.repository,
        entry=2,
        sha256=sha256,
        reason="A court asked for it.",
        ordered_by="carol",
    )
    victim.append([entry_event("expunged", "2", said)])
    victim.commit({path: None}, message=_trailers(victim))
    found = victim.verify(full=True)
    assert not found.tampered
    assert "1 were expunged" in found.verdict("entries").detail
    verify_entry(parse_proof(proof.data), victim.terms.keys, origin=victim.terms.origin, entry=file)


def test_an_entry_that_is_gone_without_a_word_is_seen(victim: Victim) -> None:
    victim.commit({entry_path(2): None})
    assert victim.bad() == {"entries", "commits"}


def test_an_expunged_entry_of_a_stranger_excuses_nothing(victim: Victim) -> None:
    sha256 = hashlib.sha256(victim.read(entry_path(2)) or b"").hexdigest()
    said = Expunged(
        repository=victim.config.repository, entry=2, sha256=sha256, reason="So.", ordered_by="m"
    )
    victim.append([entry_event("expunged", "2", said)], recorder=STRANGER)
    victim.commit({entry_path(2): None})
    assert victim.bad() == {"entries", "signatures", "commits"}


@pytest.mark.parametrize("lost", ["entry", "tile", "bundle", "id", "checkpoint"])
def test_a_partial_push_is_seen(victim: Victim, lost: str) -> None:
    def forget(files: dict[str, bytes | None]) -> None:
        start = {"bundle": "tile/entries/", "tile": "tile/0/", "id": "ids/"}.get(lost, lost)
        for path in [path for path in files if path.startswith(start)]:
            del files[path]

    victim.append([victim.said(12, nonce="REL-2026-ZZZZZZZZ", release=11)], extra=forget)
    seen = {
        "entry": {"entries", "commits"},
        "tile": {"tree"},
        "bundle": {"tree"},
        "id": {"ids"},
        "checkpoint": {"files", "commits"},
    }[lost]
    assert seen <= victim.bad()


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/001",
        "tile/2/000",
        "tile/0/000.p/200",
        "tile/0/000",
        "tile/entries/000.p/14",
        "tile/x/000",
        "entry/000/000/013.intoto.json",
        "entry/000/000/3.intoto.json",
        "notes.txt",
        "ids/ab/cd",
    ],
)
def test_a_file_that_no_log_of_this_size_has_is_seen(victim: Victim, path: str) -> None:
    victim.commit({path: b"x" * 32})
    assert "files" in victim.bad()


def test_an_older_partial_tile_has_to_be_a_beginning(victim: Victim) -> None:
    victim.commit({"tile/0/000.p/4": flipped(victim.read("tile/0/000.p/4"))})
    assert victim.bad() == {"files", "commits"}


def test_a_partial_tile_that_is_left_behind_is_seen(victim: Victim) -> None:
    left = victim.read(EDGE)
    assert left
    events = [harmless(number) for number in range(256 - SIZE)]
    victim.append(events)
    assert not victim.bad(full=True)
    victim.commit({EDGE: left})
    assert victim.bad() == {"files"}


def test_a_missing_edge_is_seen(victim: Victim) -> None:
    victim.commit({EDGE: None})
    assert victim.bad() == {"tree", "commits"}


def test_a_link_in_place_of_an_entry_is_as_good_as_missing(victim: Victim) -> None:
    repo = victim.world.repo
    blob = repo.git("rev-parse", f"{AUDIT_BRANCH}:{entry_path(4)}")
    index = repo.path / "index.attack"
    env = {"GIT_INDEX_FILE": str(index)}
    repo.git("read-tree", AUDIT_BRANCH, env=env)
    repo.git("update-index", "--add", "--cacheinfo", f"120000,{blob},{entry_path(4)}", env=env)
    tree = repo.git("write-tree", env=env)
    victim.move(repo.commit_tree(tree, victim.tip))
    assert victim.bad() == {"entries", "commits"}


def _trailers(victim: Victim) -> str:
    lines = victim.note.decode().splitlines()
    return f"Expunge 2\n\nLog-Size: {lines[1]}\nLog-Root: {lines[2]}\n"


@pytest.mark.parametrize("path", ["tile/1/000.p/1", "tile/0/000", "tile/entries/000"])
def test_a_damaged_log_gets_verdicts_all_the_same(victim: Victim, path: str) -> None:
    events = [harmless(number) for number in range(300 - SIZE)]
    victim.append(events)
    since = victim.checkpoint
    victim.append([harmless(999)])
    assert not victim.verify(full=True).tampered
    victim.commit({path: None})
    for given in ({"full": True}, {"since": since}, {"again": True}):
        found = victim.verify(**given)
        assert found.verdict("tree").faults[0].path == path
        told = " ".join(fault.message for fault in found.verdict("commits").faults)
        assert "rewritten or forked" not in told
