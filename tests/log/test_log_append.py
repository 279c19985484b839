"""Appends: what is planned, what is refused, and that nothing is added twice."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.log import (
    CHECKPOINT,
    KEYS,
    ORIGIN,
    RECORDER,
    REPOSITORY,
    STRANGER,
    WRITERS,
    append,
    event,
    log_of,
)

from itil_gate.log import proof
from itil_gate.log.append import (
    Event,
    Plan,
    Writers,
    event_ids,
    paths_to_read,
    plan_append,
)
from itil_gate.log.checkpoint import log_key, open_checkpoint
from itil_gate.log.entry import entry_path, event_id, ids_path, parse_entry, parse_leaf
from itil_gate.log.tiles import paths, read_leaf
from itil_gate.model.errors import LogError
from itil_gate.signing import dsse


def plan(files: dict[str, bytes], *events: Event, **changes: object) -> Plan:
    given = {"repository": REPOSITORY, "origin": ORIGIN, "keys": KEYS, "writers": WRITERS}
    return plan_append(events, files.get, **{**given, **changes})  # type: ignore[arg-type]


def refusal(files: dict[str, bytes], *events: Event, **changes: object) -> str:
    with pytest.raises(LogError) as caught:
        plan(files, *events, **changes)
    return caught.value.code


def test_an_append_writes_entry_leaf_id_and_checkpoint() -> None:
    files = log_of(0)
    one = event(7)
    made = append(files, [one])
    (logged,) = made.logged
    assert (logged.index, logged.new, logged.kind) == (0, True, "outcome")
    file = files[entry_path(0)]
    envelope, statement = parse_entry(file)
    assert statement == one.statement
    assert dsse.verify(envelope, dsse.keyring([RECORDER.public])) == {RECORDER.fingerprint}
    leaf = parse_leaf(read_leaf(0, size=1, read=files.get))
    assert (leaf.kind, leaf.sha256) == ("outcome", hashlib.sha256(file).hexdigest())
    assert logged.sha256 == leaf.sha256
    assert files[ids_path(event_id(REPOSITORY, "outcome", "nonce-7"))] == b"0\n"
    assert open_checkpoint(files["checkpoint"], KEYS, origin=ORIGIN).checkpoint == made.checkpoint


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 513])
def test_every_receipt_of_a_plan_is_good(size: int) -> None:
    files = log_of(size)
    made = append(files, [event(size), event(0), event(size + 1), event(size)])
    assert made.indices == (size, 0, size + 1, size)
    assert [one.new for one in made.logged] == [True, False, True, True]
    for one in made.logged:
        receipt = proof.parse(one.proof)
        leaf, opened = proof.verify_entry(
            receipt, KEYS, origin=ORIGIN, entry=files[entry_path(one.index)]
        )
        assert (receipt.index, leaf.sha256) == (one.index, one.sha256)
        assert opened.checkpoint == made.checkpoint


def test_what_was_there_before_changes_nothing() -> None:
    files = log_of(300)
    made = append(files, [event(0), event(299)])
    assert made.indices == (0, 299)
    assert not made.files
    assert made.checkpoint == made.before
    assert made.note == files["checkpoint"]


def test_an_event_is_not_logged_with_another_statement() -> None:
    files = log_of(3)
    assert refusal(files, event(1, said="failed")) == "event-differs"
    assert refusal(files, event(9), event(9, said="failed")) == "event-differs"


def test_another_kind_or_repository_is_another_event() -> None:
    files = log_of(3)
    one = event(1)
    other = event(1, kind="correction")
    assert append(files, [other]).indices == (3,)
    made = plan(files, one, repository="forge.example/org/other")
    assert made.indices == (4,)


def test_an_expunged_entry_keeps_its_index_and_its_proof() -> None:
    files = log_of(5)
    file = files.pop(entry_path(2))
    (again,) = append(files, [event(2)]).logged
    assert (again.index, again.new) == (2, False)
    proof.verify_entry(proof.parse(again.proof), KEYS, origin=ORIGIN, entry=file)
    assert refusal(files, event(2, said="failed")) == "entry-missing"


def test_a_branch_without_checkpoint_is_no_empty_log() -> None:
    assert refusal({}, event(1)) == "log-not-opened"
    assert plan({}, event(1), opening=True).indices == (0,)


def test_opening_an_open_log_goes_on_with_it() -> None:
    assert plan(log_of(4), event(9), opening=True).indices == (4,)


def test_a_key_that_is_not_pinned_signs_nothing() -> None:
    writers = Writers(checkpoint=STRANGER, recorders=(RECORDER,))
    assert refusal(log_of(1), event(5), writers=writers) == "log-key"


def test_a_log_of_a_key_that_is_not_pinned_is_not_continued() -> None:
    writers = Writers(checkpoint=STRANGER, recorders=(RECORDER,))
    keys = (log_key(ORIGIN, STRANGER.public),)
    assert refusal(log_of(1), event(5), writers=writers, keys=keys) == "checkpoint-unsigned"


def test_the_key_of_a_log_can_change_hands() -> None:
    files = log_of(2)
    keys = (*KEYS, log_key(ORIGIN, STRANGER.public))
    writers = Writers(checkpoint=STRANGER, recorders=(RECORDER,))
    made = plan(files, event(2), writers=writers, keys=keys)
    (by,) = open_checkpoint(made.note, keys, origin=ORIGIN).signed
    assert by == keys[1]


def test_every_recorder_signs() -> None:
    writers = Writers(checkpoint=CHECKPOINT, recorders=(RECORDER, STRANGER))
    made = plan(log_of(1), event(1), writers=writers)
    envelope, _ = parse_entry(made.files[entry_path(1)] or b"")
    keys = dsse.keyring([RECORDER.public, STRANGER.public])
    assert dsse.verify(envelope, keys) == keys.keys()


@pytest.mark.parametrize(
    "path",
    ["tile/0/001.p/2", "tile/1/000.p/1", "tile/entries/001.p/2"],
)
@pytest.mark.parametrize("at", [0, 40, -1])
def test_a_bent_edge_is_not_signed(path: str, at: int) -> None:
    files = log_of(258)
    body = bytearray(files[path])
    body[at if at < len(body) else 0] ^= 1
    files[path] = bytes(body)
    assert refusal(files, event(999)) == "log-damaged"
    del files[path]
    assert refusal(files, event(999)) == "log-incomplete"


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"1", "log-damaged"), (b"01\n", "log-damaged"), (b"9\n", "log-damaged"),
     (b"2\n", "event-differs")],
)  # fmt: skip
def test_an_id_that_lies_is_seen(content: bytes, code: str) -> None:
    files = log_of(3)
    files[ids_path(event_id(REPOSITORY, "outcome", "nonce-1"))] = content
    assert refusal(files, event(1)) == code


def test_an_entry_that_was_edited_is_not_taken_for_the_event() -> None:
    files = log_of(3)
    files[entry_path(1)] = files[entry_path(2)]
    assert refusal(files, event(1)) == "log-damaged"


def test_a_bundle_that_was_edited_is_not_proved() -> None:
    files = log_of(300)
    forged = log_of(300)
    swapped = append(forged, [event(1000)])
    files["tile/entries/000"] = files["tile/entries/000"][:-1] + b"]"
    assert refusal(files, event(255)) in {"leaf-malformed", "log-damaged"}
    assert swapped.indices == (300,)


def test_a_statement_of_another_kind_is_a_mistake_of_the_caller() -> None:
    odd = Event("approval", "x", event(1).statement)
    with pytest.raises(ValueError, match="approval"):
        plan(log_of(0), odd)
    with pytest.raises(ValueError, match="no-kind"):
        plan(log_of(0), Event("no-kind", "x", event(1).statement))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 300, 512])
def test_an_append_reads_what_is_announced(size: int) -> None:
    files = log_of(size)
    asked: list[str] = []

    def read(path: str) -> bytes | None:
        asked.append(path)
        return files.get(path)

    events = [event(size), event(size + 1)]
    plan_append(events, read, repository=REPOSITORY, origin=ORIGIN, keys=KEYS, writers=WRITERS)
    announced = paths_to_read(size, event_ids(events, repository=REPOSITORY))
    full = set(asked) - set(announced)
    assert set(announced) <= set(asked)
    assert all(path.startswith("tile/") and ".p/" not in path for path in full)


def test_partial_files_stay_until_the_full_one_is_there() -> None:
    files = log_of(0)
    for number in range(255):
        append(files, [event(number)])
    assert {f"tile/0/000.p/{width}" for width in range(1, 256)} <= files.keys()
    assert {f"tile/entries/000.p/{width}" for width in range(1, 256)} <= files.keys()
    append(files, [event(255)])
    tiles = {path for path in files if path.startswith("tile/")}
    assert tiles == set(paths(256)) == {"tile/0/000", "tile/1/000.p/1", "tile/entries/000"}


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(0, 40), max_size=30), max_size=6))
def test_appends_in_any_order_lose_and_double_nothing(batches: list[list[int]]) -> None:
    files: dict[str, bytes] = {}
    seen: dict[int, int] = {}
    checkpoints = [append(files, [], opening=True).checkpoint]
    for numbers in batches:
        made = append(files, [event(number) for number in numbers])
        for number, index in zip(numbers, made.indices, strict=True):
            assert seen.setdefault(number, index) == index
        checkpoints.append(made.checkpoint)
        for old in checkpoints:
            proof.consistency(old, made.checkpoint, files.get)
    assert sorted(seen.values()) == list(range(len(seen)))
    assert checkpoints[-1].size == len(seen)
