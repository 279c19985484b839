"""Record events in the audit log: sign, append, push, and come back with receipts.

Before anything is signed, the log has to be the one that is remembered: its checkpoint signed by a
pinned key and consistent with every checkpoint that the caller or this clone remembers. An event
that is recorded already keeps its index, so whatever was interrupted can be done again. A log that
nobody opened is not begun in passing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from itil_gate.gather.remembered import given, own_memory, refuse_inconsistent, remember
from itil_gate.git.audit_log import Addition, append
from itil_gate.log.append import Event, Writers, paths_to_read, plan_append
from itil_gate.log.append import event_ids as ids_of
from itil_gate.log.checkpoint import PATH
from itil_gate.log.entry import entry_path
from itil_gate.log.pins import note_keys, origin_of, pins_of
from itil_gate.log.reader import LogReader, revocation_paths
from itil_gate.log.tiles import HEIGHT, WIDTH, edge_paths, tile_path, tile_width
from itil_gate.model.errors import LogError
from itil_gate.model.frozen import frozen
from itil_gate.model.record import LogOpened, statement_of
from itil_gate.model.statement import Subject
from itil_gate.release.keys import LogKeys, refuse_unpinned
from itil_gate.release.log_page import GIT_ATTRIBUTES, log_page
from itil_gate.signing.ed25519 import public_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from itil_gate.git.audit_log import Landed
    from itil_gate.git.discover import Repository
    from itil_gate.git.release_tags import TagDraft
    from itil_gate.git.snapshot import Snapshot
    from itil_gate.log.append import Logged, Plan
    from itil_gate.log.checkpoint import Checkpoint
    from itil_gate.log.pins import Pin
    from itil_gate.model.config import LogSettings

    Making = Callable[[int], Sequence[Event]]
    """From the size of the log to what is added there, for events that name one another."""
    Tagging = Callable[[Plan], TagDraft]
    """From an append as it is planned to the tag that comes to be with it."""

BATCH = 256
"""Entries of one commit, at most: one tile of the log."""
RECORDER = ("itil-gate", "itil-gate")
"""Who commits: the signature says more than a name."""
MOST_TRAILERS = 40
_CHANGE = re.compile(r"[A-Z]{2,5}-[A-Za-z0-9-]{1,60}", re.ASCII)


@frozen
class Recorded:
    """Where the events stand in the log.

    `logged` has index, digest and receipt (`.tlog-proof` bytes) of each, in the order given;
    `note` is the signed checkpoint that the last receipt rests on, `tip` the tip of the branch.
    `fetched` and `sent` are bytes, `tries` counts the appends that were planned.
    """

    logged: tuple[Logged, ...]
    note: bytes
    checkpoint: Checkpoint
    tip: str
    tries: int
    fetched: int
    sent: int

    @property
    def indices(self) -> tuple[int, ...]:
        """The index of each event."""
        return tuple(one.index for one in self.logged)

    @property
    def proofs(self) -> tuple[bytes, ...]:
        """The receipt of each event."""
        return tuple(one.proof for one in self.logged)


def record(
    repository: Repository,
    events: Sequence[Event] | Making,
    *,
    keys: LogKeys,
    settings: LogSettings,
    name: str,
    remote: str | None,
    now: datetime,
    remembered: Sequence[str] = (),
    timeout: float | None = None,
    removing: Sequence[int] = (),
    tagging: Tagging | None = None,
) -> Recorded:
    """Append events to the audit log of the repository `name` and return where they stand.

    `settings` are those of the target branch, `remote` says where the log is kept (None: only
    here), `remembered` are signed checkpoints from elsewhere beside that of this clone; events
    that are there already change nothing. Up to 256 make one commit. The files of the entries
    `removing` are taken away in the commit that adds the first of the events, if it adds any.
    Events that are made from the log's size are one commit; so is what comes with a tag, and the
    tag is made with that commit or not at all.

    Raises LogError `log-rewound` or `log-forked` where the log is not the remembered one,
    `log-not-opened`, `event-differs` and what `plan_append` says; SigningError `key-not-pinned` or
    `key-revoked`; and what `git.audit_log.append` says. Nothing is signed then, but for batches
    that landed.
    """
    if not events:
        raise ValueError("there is nothing to record")
    scribe = _Scribe(repository, keys, settings, name, tuple(remembered))
    if tagging is not None or not isinstance(events, Sequence):
        made = scribe.write(events, remote, now=now, timeout=timeout, more={}, tagging=tagging)
        return _recorded([made[0]], [made[1]])
    plans: list[Plan] = []
    landings: list[Landed] = []
    for low in range(0, len(events), BATCH):
        gone = {entry_path(index): None for index in removing} if low == 0 else {}
        plan, landed = scribe.write(
            events[low : low + BATCH], remote, now=now, timeout=timeout, more=gone
        )
        plans.append(plan)
        landings.append(landed)
    return _recorded(plans, landings)


def open_new_log(
    repository: Repository,
    *,
    keys: LogKeys,
    settings: LogSettings,
    name: str,
    target: str,
    adopted: str,
    remote: str | None,
    now: datetime,
    timeout: float | None = None,
) -> Recorded:
    """Begin the audit log of the repository `name` with an entry that says whose it is.

    `adopted` is the tip of `target` from which on the log accounts for its history. Raises
    LogError `log-exists`, `log-rewound` where a log is remembered here, and as `record` does.
    """
    every = (*keys.checkpoints, *keys.recorders)
    lines = dict.fromkeys(public_line(key.public) for key in every)
    opened = LogOpened(
        repository=name,
        origin=origin_of(settings, name),
        target=target,
        adopted=adopted,
        opened_at=now,
        keys=tuple(lines),
    )
    subject = (Subject(name=target, digest={"gitCommit": adopted}),)
    event = Event("log-opened", opened.origin, statement_of("log-opened", opened, subject))
    pages = {
        "README.md": log_page(opened.origin, name).encode(),
        ".gitattributes": GIT_ATTRIBUTES.encode(),
    }
    scribe = _Scribe(repository, keys, settings, name, ())
    plan, landed = scribe.write([event], remote, now=now, timeout=timeout, more=pages, opening=True)
    return _recorded([plan], [landed])


class _Scribe:
    """Plans and writes appends to one log."""

    def __init__(
        self,
        repository: Repository,
        keys: LogKeys,
        settings: LogSettings,
        name: str,
        remembered: tuple[str, ...],
    ) -> None:
        self._repository = repository
        self._keys = keys
        self._name = name
        self._pins = pins_of(settings)
        self._origin = origin_of(settings, name)
        self._known = note_keys(self._pins, origin=self._origin)
        held = own_memory(repository)
        self._remembered = given(remembered, self._known, origin=self._origin)
        self._remembered += (held,) if held is not None else ()

    def write(
        self,
        events: Sequence[Event] | Making,
        remote: str | None,
        *,
        now: datetime,
        timeout: float | None,
        more: Mapping[str, bytes | None],
        opening: bool = False,
        tagging: Tagging | None = None,
    ) -> tuple[Plan, Landed]:
        """Append events in one commit; `more` are other files to write or to remove in it."""
        made: list[Plan] = []

        def plan(at: Snapshot) -> Addition | None:
            planned, added = self._plan(events, at, opening=opening)
            made.append(planned)
            if not planned.files:
                return None
            tag = tagging(planned) if tagging else None
            return Addition({**planned.files, **more}, _message(planned, added), tag)

        landed = append(
            self._repository,
            plan,
            remote=remote,
            signer=self._keys.checkpoint,
            identity=RECORDER,
            when=now,
            timeout=timeout,
        )
        remember(self._repository, made[-1].note)
        # The next batch has to extend this one, wherever it is written.
        self._remembered = (made[-1].checkpoint,)
        return made[-1], landed

    def _plan(
        self, asked: Sequence[Event] | Making, at: Snapshot, *, opening: bool
    ) -> tuple[Plan, Sequence[Event]]:
        present, pins = self._believed(at)
        if opening and present is not None:
            raise LogError(
                "log-exists",
                f"the log {present.origin} is open and has {present.size} entries",
                hint="`itil-gate log show` lists them",
            )
        size = present.size if present else 0
        events = asked if isinstance(asked, Sequence) else asked(size)
        bring(at, events, size=size, name=self._name, old=self._remembered)
        refuse_inconsistent(present, self._remembered, at.read)
        refuse_unpinned(self._keys, pins, size=size, more=len(events))
        plan = plan_append(
            events,
            at.read,
            repository=self._name,
            origin=self._origin,
            keys=self._known,
            writers=Writers(
                self._keys.checkpoint, self._keys.recorders, self._keys.checkpoints[1:]
            ),
            opening=opening,
        )
        return plan, events

    def _believed(self, at: Snapshot) -> tuple[Checkpoint | None, tuple[Pin, ...]]:
        """Return the checkpoint, None in a new log, and the keys with what the log revokes."""
        at.locate([PATH, *revocation_paths(self._pins, self._name)])
        if at.read(PATH) is None:
            return None, self._pins
        reader = LogReader(
            at.read_many,
            pins=self._pins,
            origin=self._origin,
            repository=self._name,
            scan=False,  # nothing is decided here
        )
        return reader.checkpoint, reader.pins


def bring(
    at: Snapshot, events: Sequence[Event], *, size: int, name: str, old: Sequence[Checkpoint]
) -> None:
    """Have all that is read and written here at once, level by level: each is one fetch."""
    read = paths_to_read(size, ids_of(events, repository=name))
    for one in old:
        read += _edge_of(one.size, size=size)
    grown = size + len(events)
    at.locate(
        [
            *read,
            *edge_paths(grown),
            *(entry_path(index) for index in (size, grown - 1)),
        ]
    )
    at.read_many(read)


def _edge_of(old: int, *, size: int) -> list[str]:
    """Return the tiles of a log that a consistency proof from an older size reads besides."""
    found, level = [], 0
    while old >> HEIGHT * level and old < size:
        index = (old >> HEIGHT * level) // WIDTH
        if width := tile_width(level, index, size=size):
            found.append(tile_path(level, index, width=width))
        level += 1
    return found


def _message(plan: Plan, events: Sequence[Event]) -> str:
    """Return the message of the commit: what was added, and how the log then stands."""
    fresh = [one for one in plan.logged if one.new]
    many = len({one.index for one in fresh})
    subject = f"Append {fresh[0].kind} {fresh[0].index}" if many == 1 else f"Append {many} entries"
    changes = dict.fromkeys(change for event in events for change in change_ids(event.statement))
    lines = log_trailers(plan.checkpoint)
    lines += [f"Change-Id: {change}" for change in list(changes)[:MOST_TRAILERS]]
    return "\n".join([subject, "", *lines])


def log_trailers(checkpoint: Checkpoint) -> list[str]:
    """Return the trailers by which every commit of the log says how it stands."""
    root = base64.b64encode(checkpoint.root).decode("ascii")
    return [f"Log-Size: {checkpoint.size}", f"Log-Root: {root}"]


def change_ids(statement: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the changes that a statement of the log names, as they can be trailers."""
    predicate = statement.get("predicate", {})
    ours = predicate.get("itilGate", {})
    named: list[Any] = [predicate.get("change"), *_listed(predicate.get("changes"))]
    named += _listed(ours.get("deploy", {}).get("changes"))
    decided = _listed(ours.get("decision", {}).get("changes"))
    named += [one.get("id") for one in decided if isinstance(one, dict)]
    return tuple(one for one in named if isinstance(one, str) and _CHANGE.fullmatch(one))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _recorded(plans: Sequence[Plan], landings: Sequence[Landed]) -> Recorded:
    return Recorded(
        tuple(one for plan in plans for one in plan.logged),
        plans[-1].note,
        plans[-1].checkpoint,
        landings[-1].tip,
        sum(one.tries for one in landings),
        sum(one.fetched for one in landings),
        sum(one.sent for one in landings),
    )
