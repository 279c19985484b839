"""Verify a log: its whole, or what is new since a checkpoint that was verified or remembered.

Each check sees another attack, and none stands in for another: the note and its cosignatures, the
consistency with what is remembered elsewhere, bundles and tiles against the root, files that do
not belong there, entries against their leaves, signatures by keys good at their position, what the
entries mean, and the ids by which none is added twice. The commits of the branch are judged in
`commits`. What was verified before counts only where the tree is proved to extend it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from itil_gate.log.belief import NOTED, WATCHED, belief_of
from itil_gate.log.checkpoint import PATH, open_checkpoint
from itil_gate.log.entry_checks import Chunks, Judge
from itil_gate.log.extract import Chunk, Extract, extracts
from itil_gate.log.ids import ALL_BELOW, SAMPLE, Ids
from itil_gate.log.lookup import Lookup
from itil_gate.log.meaning import BACKWARDS, Meaning, Whose
from itil_gate.log.pins import note_keys, origin_of, pins_of, signed_well
from itil_gate.log.proof import consistency
from itil_gate.log.strays import verify_files
from itil_gate.log.structure import Watched, verify_structure
from itil_gate.log.verdict import Check, Verification
from itil_gate.model.errors import LogError
from itil_gate.model.frozen import frozen
from itil_gate.signing.note import COSIGNATURE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from itil_gate.log.belief import Belief
    from itil_gate.log.checkpoint import Checkpoint, Opened
    from itil_gate.log.pins import Pin
    from itil_gate.log.verdict import Verdict
    from itil_gate.model.config import LogSettings
    from itil_gate.signing.note import VerifierKey

    Spread = Callable[[Callable[[Chunk], list[Extract]], Iterable[Chunk]], Iterable[list[Extract]]]
    """Applies a function to chunks, in their order; perhaps in several processes."""
    Done = Callable[[str, int, int], None]
    """Told what is being checked, how many entries more are done, and how many there are."""

LISTED = 20_000
"""Up to so many entries all files are listed, also without being asked to."""


CHECKS = {
    "checkpoint": "checkpoints",
    "witnesses": "cosignatures",
    "remembered": "checkpoints",
    "tree": "entries",
    "files": "files",
    "entries": "entries",
    "signatures": "entries",
    "meaning": "entries",
    "ids": "events",
}
"""Every check, in the order in which it is told, and what it counts."""


class Files(Protocol):
    """The files of a log, on its branch or exported."""

    absent: str
    """Why files that the branch has are not here; empty where all of it is."""

    def read_many(self, paths: Iterable[str], /) -> Mapping[str, bytes | None]:
        """Return the bytes of regular files, None where none is."""
        ...

    def top(self) -> Iterable[str]:
        """Return the names at the root."""
        ...

    def walk(self, folder: str, /) -> Iterator[str]:
        """Yield the paths of all files below a folder."""
        ...


@frozen
class Terms:
    """Under which name and keys a log is believed, and how many witnesses must have signed."""

    origin: str
    repository: str
    pins: tuple[Pin, ...]
    keys: tuple[VerifierKey, ...]
    cosignatures: int = 0


@frozen
class Seen:
    """What was verified before: a checkpoint, and where the kinds in NOTED stand below it."""

    checkpoint: Checkpoint
    places: Mapping[str, Sequence[int]]


@frozen
class Found:
    """What a verification came to, and what it found out on the way.

    `belief` are the keys as the log leaves them; None where the checkpoint is not believed. `seen`
    is to be remembered where nothing is bad. `tagged` are the releases that name a tag, in order.
    """

    verification: Verification
    belief: Belief | None
    seen: Seen | None
    start: int
    tagged: tuple[Extract, ...] = ()
    adopted: str | None = None
    """Tip of the target branch when the log was opened."""


def terms_of(settings: LogSettings, repository: str) -> Terms:
    """Return the terms that a configuration sets. Raises LogError `log-key`."""
    origin = origin_of(settings, repository)
    pins = pins_of(settings)
    keys = note_keys(pins, origin=origin, settings=settings)
    return Terms(origin, repository, pins, keys, settings.cosignatures)


def verify_log(
    files: Files,
    terms: Terms,
    *,
    now: float,
    remembered: Sequence[Checkpoint] = (),
    since: Checkpoint | None = None,
    seen: Seen | None = None,
    full: bool = False,
    spread: Spread = map,
    done: Done = lambda _what, _more, _all: None,
) -> Found:
    """Verify a log and return a verdict for every check.

    `now` is POSIX time. With `since`, a remembered checkpoint, only what is new is verified below
    the tree; `seen` spares the tree as well. Both count only if the log is consistent with them,
    and neither if `full`.
    """
    run = _Run(files, terms, now, spread, done)
    opened = run.open()
    if opened is None:
        run.skip_from("remembered", "no checkpoint is believed, so nothing says what must be there")
        return Found(Verification(terms.origin, None, since, run.verdicts()), None, None, 0)
    present = opened.checkpoint
    held = run.consistent(present, [*([since] if since else []), *remembered])
    trusted = not full and (since is None or since in held)
    base = seen if seen and trusted and run.extends(present, seen.checkpoint) else None
    places = run.tree(present, base)
    belief = run.believe(present, places)
    run.signed(opened, belief)
    run.strays(present.size, full=full)
    start = base.checkpoint.size if base else 0
    if since is not None and trusted:
        start = max(start, since.size)
    run.entries(present, belief, start, full=full)
    known = since if since in held else None
    verification = Verification(terms.origin, present, known, run.verdicts())
    tagged = run.tagged(belief, places["release-record"], start)
    return Found(verification, belief, Seen(present, places), start, tagged, run.adopted(belief))


class _Run:
    """One verification: its checks, in the order in which they are told."""

    def __init__(self, files: Files, terms: Terms, now: float, spread: Spread, done: Done) -> None:
        self._files = files
        self._terms = terms
        self._now = now
        self._spread = spread
        self._done = done
        self._checks = {name: Check(name, unit) for name, unit in CHECKS.items()}
        self._tagged: list[Extract] = []
        self._recorders = {
            pin.fingerprint: pin.public for pin in terms.pins if pin.use == "recorder"
        }

    def verdicts(self) -> tuple[Verdict, ...]:
        """Return the verdicts of all checks."""
        return tuple(check.verdict() for check in self._checks.values())

    def skip_from(self, name: str, why: str) -> None:
        """Say of this check and all that follow why they are not made."""
        names = list(self._checks)
        for one in names[names.index(name) :]:
            self._checks[one].skip(why)

    def open(self) -> Opened | None:
        """Return the checkpoint if a pinned key of the log signed it."""
        check, witnesses = self._checks["checkpoint"], self._checks["witnesses"]
        check.looked = 1
        data = self._files.read_many([PATH])[PATH]
        if data is None:
            check.fault("there is no checkpoint", path=PATH)
            witnesses.skip("there is no checkpoint")
            return None
        origin, ours = self._terms.origin, [k for k in self._terms.keys if k.kind != COSIGNATURE]
        try:
            opened = open_checkpoint(data, ours, origin=origin)
        except LogError as error:
            check.fault(error.message, path=PATH)
            witnesses.skip("the checkpoint is not believed")
            return None
        try:
            opened = open_checkpoint(data, self._terms.keys, origin=origin)
        except LogError as error:
            witnesses.fault(error.message, path=PATH)
            return opened
        self._witnesses(opened, witnesses)
        return opened

    def _witnesses(self, opened: Opened, check: Check) -> None:
        names = {one.key.public for one in opened.cosigned}
        check.looked = len(opened.cosigned)
        for one in opened.cosigned:
            if one.time is not None and one.time > self._now + BACKWARDS:
                check.fault(f"{one.key.name} says that it signed in the future", path=PATH)
        if len(names) < self._terms.cosignatures:
            check.fault(
                f"{len(names)} witnesses signed, and itil-gate.yaml asks for "
                f"{self._terms.cosignatures}",
                path=PATH,
            )
        elif not any(key.kind == COSIGNATURE for key in self._terms.keys):
            check.skip("no witness is configured")

    def consistent(self, present: Checkpoint, old: Sequence[Checkpoint]) -> tuple[Checkpoint, ...]:
        """Return those of the remembered checkpoints that the log extends."""
        check = self._checks["remembered"]
        held = []
        for one in dict.fromkeys(old):
            check.looked += 1
            if one.size > present.size:
                check.fault(
                    f"the log has {present.size} entries and is remembered with {one.size}: it was "
                    "cut off or moved back",
                    index=present.size,
                )
            elif (why := self._broken(present, one)) is None:
                held.append(one)
            elif why.code == "log-inconsistent":
                check.fault(
                    f"the log is not the one that is remembered with {one.size} entries: it was "
                    "rewritten or forked"
                )
            else:
                check.fault(
                    f"whether the log extends the {one.size} entries it is remembered with cannot "
                    f"be told: {why.message}"
                )
        if not old:
            check.skip(
                "nobody gave or remembers an earlier checkpoint; whoever holds the log's key could "
                "have rewritten all of it"
            )
        return tuple(held)

    def extends(self, present: Checkpoint, old: Checkpoint) -> bool:
        """Tell whether the log is proved to extend an older checkpoint."""
        return self._broken(present, old) is None

    def _broken(self, present: Checkpoint, old: Checkpoint) -> LogError | None:
        """Return what keeps the log from being proved to extend an older checkpoint."""
        try:
            consistency(old, present, self._read)
        except LogError as error:
            return error
        return None

    def tree(self, present: Checkpoint, base: Seen | None) -> dict[str, list[int]]:
        """Verify the tree, and return where entries of the kinds in NOTED stand."""
        places = {kind: list(base.places.get(kind, ()) if base else ()) for kind in NOTED}
        first = base.checkpoint.size if base else 0
        check = self._checks["tree"]
        watched = Watched(places)
        verify_structure(
            self._files.read_many,
            present,
            check,
            start=first,
            watched=watched,
            done=lambda more: self._done("tree", more, present.size - first),
        )
        for kind, found in places.items():
            places[kind] = sorted(set(found))
        if first:
            check.detail = f"{first} entries were verified before, and the tree extends them"
        return places

    def believe(self, present: Checkpoint, places: Mapping[str, Sequence[int]]) -> Belief:
        """Read what the log says about its keys and about entries that are gone."""
        self._lookup = Lookup(self._files.read_many, present, self._recorders)
        special = (
            self._lookup.entry(index)
            for kind in WATCHED
            for index in places[kind]
            if index < present.size
        )
        return belief_of(self._terms.pins, (one for one in special if not one.malformed))

    def signed(self, opened: Opened, belief: Belief) -> None:
        """Say whether the key that signed the checkpoint is good for a tree of its size."""
        size = opened.checkpoint.size
        if not signed_well(belief.pins, opened.signed, size=size):
            self._checks["checkpoint"].fault(
                f"the key that signed it is not good for a log of {size} entries: it was replaced "
                "or revoked",
                path=PATH,
            )

    def strays(self, size: int, *, full: bool) -> None:
        """Name files that do not belong there."""
        whole = full or size <= LISTED
        check = self._checks["files"]
        verify_files(
            size,
            self._files.walk,
            self._files.read_many,
            check,
            top=self._files.top(),
            whole=whole,
        )
        if not whole:
            check.detail = "entries and ids were not listed; --full lists them"

    def entries(self, present: Checkpoint, belief: Belief, start: int, *, full: bool) -> None:
        """Verify entries from `start` on: digests, signatures, meaning and ids."""
        lookup, size = self._lookup, present.size

        def fetch(index: int) -> Extract | None:
            one = lookup.entry(index)
            unknown = not one.there or one.altered
            return one if unknown or belief.believes(one) else None

        every = 1 if full or size - start <= ALL_BELOW else SAMPLE
        judge = Judge(
            belief,
            self._checks,
            Meaning(
                Whose(self._terms.repository, self._terms.origin, self._terms.pins),
                self._checks["meaning"],
                now=self._now,
                fetch=fetch,
                last_update=lambda ref: (
                    lookup.last_update(ref, start, believes=belief.believes) if start else None
                ),
            ),
        )
        judge.begin(fetch(start - 1) if start else None)
        ids = Ids(self._files.read_many, self._checks["ids"], every=every)
        chunks = Chunks(self._files.read_many, lookup, self._recorders)
        for rows in self._spread(extracts, chunks.between(start, size)):
            for one in rows:
                judge.take(one)
                if one.said.get("tag"):
                    self._tagged.append(one)
            if not self._files.absent:
                ids.look(rows)
            self._done("entries", len(rows), size - start)
        judge.end(start, lost=chunks.lost)
        if self._files.absent:
            self._checks["ids"].skip(self._files.absent)
        elif full or size <= LISTED:
            ids.whole(size, self._files.walk)
        elif every > 1:
            self._checks["ids"].detail = f"one in {every} was looked up; --full looks up all"

    def adopted(self, belief: Belief) -> str | None:
        """Return the commit at which the log was opened, by its first entry."""
        first = self._lookup.entry(0)
        return first.said.get("adopted") if belief.believes(first) else None

    def tagged(self, belief: Belief, places: Sequence[int], start: int) -> tuple[Extract, ...]:
        """Return the believed releases that name a tag; those before `start` are read again."""
        earlier = [self._lookup.entry(index) for index in places if index < start]
        every = (*earlier, *self._tagged)
        return tuple(one for one in every if one.said.get("tag") and belief.believes(one))

    def _read(self, path: str) -> bytes | None:
        return self._files.read_many([path])[path]
