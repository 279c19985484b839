"""A log in memory: every flipped byte of every file is noticed, or is in a page for people."""

from __future__ import annotations

import functools
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.attacks import harmless
from support.log import (
    CHECKPOINT,
    KEYS,
    ORIGIN,
    RECORDER,
    REPOSITORY,
    STRANGER,
    WRITERS,
    append,
    apply,
)

from itil_gate.log.append import Event, plan_append
from itil_gate.log.checkpoint import open_checkpoint
from itil_gate.log.entry import Leaf
from itil_gate.log.extract import Chunk, extracts
from itil_gate.log.pins import Pin
from itil_gate.log.strays import PAGES
from itil_gate.log.verify import CHECKS, Seen, Terms, verify_log
from itil_gate.model.record import LogOpened, statement_of
from itil_gate.model.statement import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from itil_gate.log.verify import Found

NOW = 1_800_000_000.0
TERMS = Terms(
    ORIGIN,
    REPOSITORY,
    (
        Pin("checkpoint", CHECKPOINT.public, CHECKPOINT.fingerprint),
        Pin("recorder", RECORDER.public, RECORDER.fingerprint),
    ),
    KEYS,
)


class Held:
    """The files of a log in memory."""

    absent = ""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.read = 0

    def read_many(self, paths: Iterable[str], /) -> dict[str, bytes | None]:
        found = {path: self.files.get(path) for path in paths}
        self.read += len(found)
        return found

    def top(self) -> Iterable[str]:
        return sorted({path.partition("/")[0] for path in self.files})

    def walk(self, folder: str, /) -> Iterator[str]:
        yield from (path for path in sorted(self.files) if path.startswith(f"{folder}/"))


def opening() -> Event:
    said = LogOpened(
        repository=REPOSITORY,
        origin=ORIGIN,
        target="refs/heads/main",
        adopted="a" * 40,
        opened_at=datetime(2026, 1, 1, tzinfo=UTC),
        keys=(),
    )
    subject = (Subject(name="main", digest={"gitCommit": "a" * 40}),)
    return Event("log-opened", ORIGIN, statement_of("log-opened", said, subject))


@functools.cache
def log(size: int) -> dict[str, bytes]:
    files: dict[str, bytes] = {"README.md": b"A log.\n", ".gitattributes": b"* -text\n"}
    plan = plan_append(
        [opening()], files.get, repository=REPOSITORY, origin=ORIGIN, keys=KEYS, writers=WRITERS,
        opening=True,
    )  # fmt: skip
    apply(files, plan)
    for low in range(1, size, 100):
        append(
            files, [harmless(n, repository=REPOSITORY) for n in range(low, min(size, low + 100))]
        )
    return files


def verified(files: dict[str, bytes], **given: Any) -> Found:
    return verify_log(Held(files), TERMS, now=NOW, full=given.pop("full", True), **given)


def bad(files: dict[str, bytes], **given: Any) -> set[str]:
    found = verified(files, **given).verification
    return {one.check for one in found.verdicts if one.state == "bad"}


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 300])
def test_a_log_is_well_and_every_check_is_told(size: int) -> None:
    found = verified(log(size)).verification
    assert not found.tampered
    assert [one.check for one in found.verdicts] == list(CHECKS)
    assert found.verdict("ids").looked == 2 * size - (size - 1)


@pytest.mark.heavy
@given(st.data())
def test_every_flipped_byte_of_every_file_is_noticed(data: st.DataObject) -> None:
    files = log(data.draw(st.sampled_from([1, 3, 257])))
    path = data.draw(st.sampled_from(sorted(files)))
    body = bytearray(files[path])
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    assert bool(bad(files | {path: bytes(body)})) == (path not in PAGES)


@pytest.mark.heavy
@given(st.data())
def test_every_file_that_is_gone_is_noticed(data: st.DataObject) -> None:
    files = log(data.draw(st.sampled_from([1, 3, 257])))
    path = data.draw(st.sampled_from(sorted(files)))
    kept = {name: body for name, body in files.items() if name != path}
    seen = bad(kept)
    older = path.startswith("tile/") and ".p/" in path  # partial files may go
    assert seen or path in PAGES or older


def test_only_new_entries_are_read_again_where_the_log_extends_what_was_verified() -> None:
    first = verified(log(200))
    assert first.seen is not None
    files = Held(log(300))
    found = verify_log(files, TERMS, now=NOW, seen=first.seen)
    assert not found.verification.tampered
    assert found.start == 200
    assert found.verification.verdict("entries").looked == 100
    whole = Held(log(300))
    verify_log(whole, TERMS, now=NOW, full=True)
    assert files.read < whole.read


def test_what_was_verified_counts_for_nothing_where_the_log_does_not_extend_it() -> None:
    seen = verified(log(200)).seen
    assert seen is not None
    forged = Seen(type(seen.checkpoint)(ORIGIN, 200, bytes(32)), seen.places)
    found = verify_log(Held(log(300)), TERMS, now=NOW, seen=forged)
    assert found.start == 0
    assert found.verification.verdict("entries").looked == 300


def test_a_checkpoint_that_is_not_extended_is_bad_and_everything_is_verified() -> None:
    old = open_checkpoint(log(200)["checkpoint"], KEYS, origin=ORIGIN).checkpoint
    other = type(old)(ORIGIN, 200, bytes(32))
    found = verify_log(Held(log(300)), TERMS, now=NOW, since=other)
    assert found.verification.verdict("remembered").state == "bad"
    assert found.verification.since is None
    assert found.verification.verdict("entries").looked == 300


def test_without_a_checkpoint_nothing_else_is_judged() -> None:
    files = {path: body for path, body in log(3).items() if path != "checkpoint"}
    found = verified(files).verification
    assert found.verdict("checkpoint").state == "bad"
    states = {one.state for one in found.verdicts if one.check != "checkpoint"}
    assert states == {"not checked"}


def test_progress_is_told_for_tree_and_entries() -> None:
    told: list[tuple[str, int, int]] = []
    verified(log(300), done=lambda *said: told.append(said))
    for what in ("tree", "entries"):
        assert sum(more for name, more, _ in told if name == what) == 300
        assert {length for name, _, length in told if name == what} == {300}


def test_faults_are_counted_beyond_those_that_are_shown() -> None:
    files = dict(log(100))
    for number in range(1, 90):
        del files[f"entry/000/000/{number:03d}.intoto.json"]
    verdict = verified(files).verification.verdict("entries")
    assert (verdict.bad, verdict.since, len(verdict.faults)) == (89, 1, 20)


@given(st.binary(max_size=400), st.sampled_from(["outcome", "gate-decision", "later", ""]))
def test_no_bytes_make_the_look_at_an_entry_fail(data: bytes, kind: str) -> None:
    chunk = Chunk(0, [Leaf(kind, hashlib.sha256(data).hexdigest())], [data], {})
    (one,) = extracts(chunk)
    assert one.there
    assert one.malformed
    assert not one.signers


def test_a_signature_of_another_key_under_a_known_name_is_not_believed() -> None:
    files = dict(log(3))
    path = "entry/000/000/001.intoto.json"
    forged = files[path].replace(RECORDER.fingerprint.encode(), STRANGER.fingerprint.encode())
    chunk = Chunk(1, [None], [forged], {})
    assert extracts(chunk)[0].altered
