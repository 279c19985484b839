"""Entries are believed where the signed root and a good key lead to them, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import log as logs

from itil_gate.log.append import Event, Writers, plan_append
from itil_gate.log.entry import entry_path
from itil_gate.log.merkle import leaf_hash
from itil_gate.log.pins import Pin
from itil_gate.log.reader import LogReader
from itil_gate.log.tiles import bundle_path, tile_path
from itil_gate.model.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PINS = tuple(
    Pin(use=use, public=key.public, fingerprint=key.fingerprint)  # type: ignore[arg-type]
    for use, key in (("checkpoint", logs.CHECKPOINT), ("recorder", logs.RECORDER))
)


def _reader(files: Mapping[str, bytes], pins: tuple[Pin, ...] = PINS) -> LogReader:
    def read_many(paths: Iterable[str]) -> dict[str, bytes | None]:
        return {path: files.get(path) for path in paths}

    return LogReader(read_many, pins=pins, origin=logs.ORIGIN)


@pytest.mark.parametrize("size", [1, 2, 64, 65, 255, 256, 257, 300, 513])
def test_every_entry_is_read_from_the_newest_back(size: int) -> None:
    reader = _reader(logs.log_of(size))
    found = list(reader.backwards())
    assert [entry.index for entry in found] == list(range(size - 1, -1, -1))
    assert all(entry.believed for entry in found)
    assert found[0].predicate["number"] == size - 1


def test_only_what_is_asked_for_is_read() -> None:
    files = logs.log_of(10)
    logs.append(files, [logs.event(100, kind="approval")])
    logs.append(files, [logs.event(101)])
    read: list[str] = []

    def read_many(paths: Iterable[str]) -> dict[str, bytes | None]:
        wanted = list(paths)
        read.extend(wanted)
        return {path: files.get(path) for path in wanted}

    reader = LogReader(read_many, pins=PINS, origin=logs.ORIGIN)
    assert [entry.index for entry in reader.backwards(kinds=("approval",))] == [10]
    assert [path for path in read if path.startswith("entry/")] == [entry_path(10)]


def test_reading_stops_where_it_is_told_to() -> None:
    found = [entry.index for entry in _reader(logs.log_of(100)).backwards(stop=95)]
    assert found == [99, 98, 97, 96, 95]


@pytest.mark.parametrize("size", [5, 256, 300])
def test_a_leaf_that_names_another_kind_is_noticed(size: int) -> None:
    files = logs.log_of(size)
    path = next(path for path in files if path.startswith(bundle_path(0)))
    files[path] = files[path].replace(b'"t":"outcome"', b'"t":"approva"', 1)
    with pytest.raises(LogError) as caught:
        list(_reader(files).backwards(kinds=("approval",)))
    assert caught.value.code == "log-damaged"


def test_a_leaf_and_its_tile_changed_together_are_noticed() -> None:
    files = logs.log_of(300)
    bundle = bundle_path(0)
    old = files[bundle][2 : 2 + int.from_bytes(files[bundle][:2], "big")]
    new = old.replace(b"outcome", b"approva")
    files[bundle] = files[bundle].replace(old, new, 1)
    tile = tile_path(0, 0)
    files[tile] = files[tile].replace(leaf_hash(old), leaf_hash(new), 1)
    with pytest.raises(LogError):
        list(_reader(files).backwards(kinds=("approval",)))


def test_an_entry_of_other_content_is_noticed() -> None:
    files = logs.log_of(5)
    files[entry_path(2)] = files[entry_path(3)]
    with pytest.raises(LogError) as caught:
        list(_reader(files).backwards())
    assert caught.value.code == "log-damaged"


def test_an_entry_whose_file_is_gone_is_told_to_whoever_asks_for_it_and_says_nothing() -> None:
    files = logs.log_of(5)
    del files[entry_path(2)]
    with pytest.raises(LogError) as caught:
        _reader(files).entry(2)
    assert caught.value.code == "entry-missing"
    entry = _reader(files).entry(2, lost=True)
    assert (entry.statement, entry.believed, dict(entry.predicate)) == (None, False, {})


def test_an_entry_under_a_key_that_is_not_good_there_is_not_believed() -> None:
    late = (PINS[0], Pin("recorder", logs.RECORDER.public, logs.RECORDER.fingerprint, since=3))
    reader = _reader(logs.log_of(5), late)
    assert [entry.believed for entry in reader.entries(range(5))] == [False] * 3 + [True] * 2


def test_a_log_without_a_checkpoint_is_none() -> None:
    with pytest.raises(LogError) as caught:
        _reader({})
    assert caught.value.code == "log-not-opened"


def test_a_checkpoint_of_a_key_that_is_not_good_for_its_size_is_refused() -> None:
    ended = (
        Pin("checkpoint", logs.CHECKPOINT.public, logs.CHECKPOINT.fingerprint, until=3),
        PINS[1],
    )
    _reader(logs.log_of(3), ended)
    with pytest.raises(LogError) as caught:
        _reader(logs.log_of(5), ended)
    assert caught.value.code == "checkpoint-unsigned"


@pytest.mark.parametrize("index", [-1, 5])
def test_an_entry_that_is_not_there_is_not_made_up(index: int) -> None:
    with pytest.raises(LogError) as caught:
        _reader(logs.log_of(5)).entry(index)
    assert caught.value.code == "no-such-entry"


def test_a_revocation_counts_from_its_position_and_never_for_its_own_key() -> None:
    files = logs.log_of(4)
    other = Pin("recorder", logs.WITNESS.public, logs.WITNESS.fingerprint)
    _revoke(files, logs.RECORDER.fingerprint, since=2, by=logs.WITNESS)
    found = {e.index: e.believed for e in _reader(files, (*PINS, other)).backwards()}
    assert found == {0: True, 1: True, 2: False, 3: False, 4: True}
    again = logs.log_of(4)
    _revoke(again, logs.RECORDER.fingerprint, since=2, by=logs.RECORDER)
    assert all(e.believed for e in _reader(again, (*PINS, other)).backwards())


def _revoke(files: dict[str, bytes], fingerprint: str, *, since: int, by: object) -> None:
    statement = {
        "_type": logs.STATEMENT_TYPE,
        "subject": [{"name": "key", "digest": {"sha256": "0" * 64}}],
        "predicateType": logs.PREDICATE_TYPES["key-revocation"],
        "predicate": {"key": fingerprint, "since": since, "reason": "it was stolen"},
    }
    plan = plan_append(
        [Event("key-revocation", fingerprint, statement)],
        files.get,
        repository=logs.REPOSITORY,
        origin=logs.ORIGIN,
        keys=logs.KEYS,
        writers=Writers(logs.CHECKPOINT, (by,)),  # type: ignore[arg-type]
    )
    logs.apply(files, plan)
