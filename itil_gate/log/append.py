"""An append as a plan: from the files of the branch and new events to the files that change.

Nothing is written here. A plan is made only on a log that a pinned key signed and whose tiles lead
to the signed root. An event that is in the log with the same statement keeps its index; with
another statement it is refused, because nothing in the log is edited. The plan is good for the
branch as it was read: whoever writes it has to compare and swap, and plan again on a new tip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from itil_gate.log import entry as entries
from itil_gate.log.checkpoint import PATH, Checkpoint, log_key, open_checkpoint, sign_checkpoint
from itil_gate.log.merkle import EMPTY_ROOT
from itil_gate.log.proof import prove
from itil_gate.log.tiles import TileReader, edge_paths, grow, read_leaf
from itil_gate.model.errors import LogError
from itil_gate.model.frozen import frozen
from itil_gate.signing import dsse, jcs
from itil_gate.signing.dsse import IN_TOTO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from itil_gate.log.tiles import Read
    from itil_gate.signing.ed25519 import Signer
    from itil_gate.signing.note import VerifierKey


@frozen
class Event:
    """Something to be logged; `key` tells it from others of its kind in the same repository."""

    kind: str
    key: str | tuple[str, ...]
    statement: Mapping[str, Any]


@frozen
class Logged:
    """Where an event stands in the log.

    `new` is False for one that was there before. `sha256` is that of the entry's file, in
    hexadecimal.
    """

    event: str
    kind: str
    index: int
    new: bool
    sha256: str
    prove: Callable[[], bytes]

    @property
    def proof(self) -> bytes:
        """The bytes of its receipt under the checkpoint of the plan, made when it is asked for."""
        return self.prove()


@frozen
class Plan:
    """The files of an append, and what they say.

    `files` are all paths to write, checkpoint included; None removes a path with all below it.
    They are empty if every event was there before: then `note` is the checkpoint as it was.
    `before` is None for the first append.
    """

    files: Mapping[str, bytes | None]
    before: Checkpoint | None
    checkpoint: Checkpoint
    note: bytes
    logged: tuple[Logged, ...]

    @property
    def indices(self) -> tuple[int, ...]:
        """The indices of the events, in the order in which they were given."""
        return tuple(one.index for one in self.logged)


@frozen
class Writers:
    """The keys of an append: `checkpoint` signs the tree, `recorders` sign every entry.

    `also` sign the tree beside it, as while one key takes over from another.
    """

    checkpoint: Signer
    recorders: tuple[Signer, ...]
    also: tuple[Signer, ...] = ()


def event_ids(events: Sequence[Event], *, repository: str) -> list[str]:
    """Return the ids of events, in their order."""
    return [entries.event_id(repository, event.kind, event.key) for event in events]


def paths_to_read(size: int, ids: Sequence[str]) -> list[str]:
    """Return what `plan_append` reads on a log of `size` entries, to fetch it in one batch.

    For events that are there already it reads, besides, the entry's file, its bundle and tiles.
    """
    return [PATH, *edge_paths(size), *map(entries.ids_path, ids)]


def plan_append(
    events: Sequence[Event],
    read: Read,
    *,
    repository: str,
    origin: str,
    keys: Sequence[VerifierKey],
    writers: Writers,
    opening: bool = False,
) -> Plan:
    """Return the plan that adds events to the log `origin`, in their order.

    `read` gives a file of the branch by its path, None where there is none; `keys` are those
    under which the present checkpoint is believed. Only `opening` takes a branch without a
    checkpoint for an empty log.

    Raises LogError: as `open_checkpoint` and `grow` do; `log-key` if the key that is to sign is
    not among `keys`; `log-not-opened`; `log-damaged` if the
    files do not lead to the signed root; `event-differs` if the log has one of the events with
    another statement; `entry-missing` if that cannot be told because its file is gone. Raises
    ValueError for an event that is no in-toto Statement of its kind.
    """
    ids = event_ids(events, repository=repository)
    _check_pinned(writers, keys=keys, origin=origin)
    old = _present(read, keys=keys, origin=origin, opening=opening)
    size = old[0].size if old else 0
    made: dict[str, _Made] = {}
    fresh: list[_Made] = []
    for event, name in zip(events, ids, strict=True):
        payload = _payload(event)
        if name in made:
            _check_same(event, made[name], payload)
            continue
        index = _index(read, name, size=size)
        if index is None:
            made[name] = _make(event, payload, index=size + len(fresh), writers=writers)
            fresh.append(made[name])
        else:
            gone = entries.ids_path(entries.event_id(repository, "expunged", str(index)))
            made[name] = _found(
                event, payload, index=index, size=size, read=read, writers=writers, gone=gone
            )
    return _plan(read, old=old, origin=origin, made=made, fresh=fresh, ids=ids, writers=writers)


@frozen
class _Made:
    """An entry, there before or made now; `file` is None if it was there."""

    leaf: entries.Leaf
    index: int
    payload: bytes
    file: bytes | None


def _check_pinned(writers: Writers, *, keys: Sequence[VerifierKey], origin: str) -> None:
    """Refuse to sign what the next append, under the same pinned keys, would not believe."""
    for signer in (writers.checkpoint, *writers.also):
        if log_key(origin, signer.public) not in keys:
            raise LogError(
                "log-key",
                f"the checkpoint key {signer.fingerprint} is not pinned for {origin}",
                hint="pin its public key in itil-gate.yaml of the target branch",
            )


def _present(
    read: Read, *, keys: Sequence[VerifierKey], origin: str, opening: bool
) -> tuple[Checkpoint, bytes] | None:
    data = read(PATH)
    if data is not None:
        return open_checkpoint(data, keys, origin=origin).checkpoint, data
    if opening:
        return None
    raise LogError(
        "log-not-opened",
        "the branch holds no checkpoint",
        hint="open the log with `itil-gate log init`; if it was open, find out who emptied it",
    )


def _payload(event: Event) -> bytes:
    expected = entries.PREDICATE_TYPES.get(event.kind)
    statement = dict(event.statement)
    if expected is None or statement.get("predicateType") != expected:
        raise ValueError(f"an event of kind {event.kind} has a statement of {expected}")
    if fault := entries.statement_fault(statement):
        raise ValueError(fault)
    return jcs.encode(statement)


def _index(read: Read, name: str, *, size: int) -> int | None:
    path = entries.ids_path(name)
    data = read(path)
    if data is None:
        return None
    index = entries.parse_index(data, path=path)
    if index >= size:
        raise LogError("log-damaged", f"{path} names entry {index} in a log of {size}")
    return index


def _make(event: Event, payload: bytes, *, index: int, writers: Writers) -> _Made:
    file = dsse.compose(payload, payload_type=IN_TOTO, signers=writers.recorders).data
    return _Made(entries.leaf(event.kind, file), index, payload, file)


def _found(
    event: Event,
    payload: bytes,
    *,
    index: int,
    size: int,
    read: Read,
    writers: Writers,
    gone: str,
) -> _Made:
    """Return the entry that the log has of an event; its leaf is proved with the others' later.

    `gone` is the path of the file that names the entry that says it was expunged, if one does.
    """
    leaf = entries.parse_leaf(read_leaf(index, size=size, read=read))
    path = entries.entry_path(index)
    file = read(path)
    if file is None:
        again = _make(event, payload, index=index, writers=writers)
        if again.leaf == leaf:  # Ed25519 signs the same bytes the same way
            return _Made(leaf, index, payload, None)
        by = read(gone)
        why = (
            "is gone"
            if by is None
            else f"was expunged by entry {entries.parse_index(by, path=gone)}"
        )
        raise LogError(
            "entry-missing",
            f"the event stands in the log as entry {index}, whose file {path} {why}",
            hint="the log takes no event twice; `itil-gate log show` tells what is known of it",
        )
    if entries.leaf(event.kind, file) != leaf:
        raise LogError("log-damaged", f"{path} is not what the log wrote: its digest is another")
    there = entries.parse_entry(file, path=path)[0].payload
    found = _Made(leaf, index, there, None)
    _check_same(event, found, payload)
    return found


def _check_same(event: Event, made: _Made, payload: bytes) -> None:
    if made.payload != payload:
        raise LogError(
            "event-differs",
            f"entry {made.index} of the log says something else about the same {event.kind}",
            hint="nothing in the log is edited; record a correction that points to it",
        )


def _plan(
    read: Read,
    *,
    old: tuple[Checkpoint, bytes] | None,
    origin: str,
    made: Mapping[str, _Made],
    fresh: Sequence[_Made],
    ids: Sequence[str],
    writers: Writers,
) -> Plan:
    before = old[0] if old else None
    size, root = (before.size, before.root) if before else (0, EMPTY_ROOT)
    edge: dict[str, bytes | None] = {}
    growth = grow(size, [one.leaf.data for one in fresh], _kept(read, edge))
    if growth.before != root:
        raise LogError("log-damaged", "the tiles of the log do not lead to the root it signed")
    files: dict[str, bytes | None] = {}
    if old and not fresh:
        checkpoint, note = old
    else:
        checkpoint = Checkpoint(origin, growth.size, growth.root)
        note = sign_checkpoint(checkpoint, writers.checkpoint, *writers.also)
        files = {PATH: note, **growth.files}
        for name, one in made.items():
            if one.file is not None:
                files[entries.entry_path(one.index)] = one.file
                files[entries.ids_path(name)] = entries.index_file(one.index)
    receipts = _Receipts(note, checkpoint, read=_over(files, read), edge=_over(files, edge.get))
    logged = {
        name: Logged(
            name, one.leaf.kind, one.index, one.file is not None, one.leaf.sha256, receipts.of(one)
        )
        for name, one in made.items()
    }
    return Plan(files, before, checkpoint, note, tuple(logged[name] for name in ids))


class _Receipts:
    """The receipts of a plan: of what is new when asked for, of what was there before at once.

    Those of new entries rest on the files of the plan and the right edge of the log, which were
    read; those of older ones on any tile, which may be damaged, and cannot be read later.
    """

    def __init__(self, note: bytes, checkpoint: Checkpoint, *, read: Read, edge: Read) -> None:
        self._note = note
        self._checkpoint = checkpoint
        self._read = TileReader(checkpoint.size, read)
        self._edge = TileReader(checkpoint.size, edge)

    def of(self, one: _Made) -> Callable[[], bytes]:
        """Return what makes the receipt of an entry."""
        if one.file is not None:
            return lambda: self._prove(one, self._edge)
        data = self._prove(one, self._read)
        return lambda: data

    def _prove(self, one: _Made, nodes: TileReader) -> bytes:
        note, checkpoint = self._note, self._checkpoint
        made = prove(one.index, leaf=one.leaf.data, note=note, checkpoint=checkpoint, nodes=nodes)
        return made.data


def _kept(read: Read, into: dict[str, bytes | None]) -> Read:
    def reading(path: str) -> bytes | None:
        into[path] = read(path)
        return into[path]

    return reading


def _over(files: Mapping[str, bytes | None], read: Read) -> Read:
    return lambda path: files[path] if path in files else read(path)
