"""What the log says about every update of every branch, gathered in one pass from its end.

An update that is recorded as authorised is believed as far as its decision goes: the entry exists,
came earlier, was signed by a key that was good there, is about merging into this branch, lets the
same content in, and has let in nothing else; nor has that content landed since, or been decided
otherwise. Whether that content landed is for `reconcile`. Some
400 bytes are kept for each update; entries themselves go by.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from itil_gate.git.paths import to_bytes
from itil_gate.log.pins import revoke
from itil_gate.log.tiles import WIDTH, bundle_path, parse_bundle
from itil_gate.model.errors import LogError
from itil_gate.model.frozen import frozen
from itil_gate.model.record import REVIEW_FOLDER, LogOpened

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from itil_gate.log.reader import Entry, LogReader

    ReadMany = Callable[[Iterable[str]], Mapping[str, bytes | None]]

MOST_WAITING = 2000
"""Decisions that let something in and are not known to have landed: the newest are looked at."""
GOOD = {"authorised": "allow", "overridden": "overridden"}
_BUNDLES = 32


class Claim:
    """An update as the log records it; `fault` says why its decision does not carry it."""

    __slots__ = (
        *("after", "before", "believed", "changes", "content", "correction", "decision", "fault"),
        *("head", "index", "late", "newer", "reason", "ref", "spent", "standing"),
    )

    def __init__(self, entry: Entry) -> None:
        said = entry.predicate
        self.index = entry.index
        self.believed = entry.believed
        self.ref = str(said.get("ref", ""))
        self.before = str(said.get("before", ""))
        self.after = str(said.get("after", ""))
        self.standing = str(said.get("standing", ""))
        self.content = str(said.get("content", ""))
        self.head = str(said.get("head", ""))
        self.changes = tuple(map(str, said.get("changes", ())))
        self.late = said.get("late") is True
        decision = said.get("decision")
        self.decision = decision if isinstance(decision, int) else None
        self.correction = isinstance(said.get("correction"), int)
        self.newer: list[tuple[int, str, str, str]] = []
        """Decisions about the same since the one it rests on, newest first: outcome, tip, head."""
        self.spent = ""
        # What was let in needs no more words than its changes.
        plain = self.standing in GOOD and not self.correction
        self.reason = "" if plain else str(said.get("reason", ""))
        self.fault = ""
        if plain:
            self.fault = "it names no decision"
            if self.decision is not None:
                self.fault = f"entry {self.decision}, which it rests on, is no earlier decision"


@frozen
class Waiting:
    """A logged decision that let something in which has not landed: the newest about it."""

    index: int
    ref: str
    content: str
    head: str
    paths: frozenset[bytes]


@frozen
class Recorded:
    """What one pass over the log found, from its end back to entry `stop`.

    `claims` are by branch and commit. `opened` is None where the pass stopped before entry 0.
    `used` are the decisions before `stop` that updates rest on; `spoken` are the branches and
    contents that landed, or with a head were decided about; `lost` are entries whose statement is
    no longer on the approvals branch; `seen` the tips of that branch that the newest decision saw.
    `revoked` says whether a key was revoked in this part.
    """

    opened: LogOpened | None
    claims: dict[str, dict[bytes, list[Claim]]]
    waiting: tuple[Waiting, ...]
    used: Mapping[int, Sequence[Claim]]
    spoken: frozenset[tuple[str, ...]]
    lost: tuple[tuple[int, str], ...]
    seen: tuple[str, ...]
    revoked: bool


def scan(
    reader: LogReader,
    read_many: ReadMany,
    *,
    repository: str,
    statements: Collection[str],
    stop: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Recorded:
    """Read the log from its end to entry `stop`.

    `statements` are the paths on the approvals branch now. Raises LogError where an entry is not
    what the log wrote, or where the first entry does not open it.
    """
    revoked = heed_revocations(reader, read_many, since=stop)
    pass_ = _Pass(repository, statements)
    for number, entry in enumerate(reader.backwards(stop=stop), 1):
        pass_.take(entry)
        if progress is not None and number % 64 == 0:
            progress(number)
    if stop == 0 and pass_.opened is None:
        raise LogError(
            "log-not-opened",
            "the first entry of the log does not say where the history begins",
            hint="`itil-gate log verify` says what is wrong with it",
        )
    return Recorded(
        opened=pass_.opened,
        claims=pass_.claims,
        waiting=tuple(pass_.waiting),
        used=pass_.wanted,
        spoken=frozenset(pass_.spoken),
        lost=tuple(pass_.lost),
        seen=pass_.seen,
        revoked=revoked,
    )


def heed_revocations(reader: LogReader, read_many: ReadMany, *, since: int = 0) -> bool:
    """Believe no key after a revocation of it, however late in the log that stands.

    Kinds are looked for in the bundles; each entry found is proved as every other.
    """
    mark = b'"t":"key-revocation"}'
    found: list[int] = []
    size = reader.size
    numbers = range(since // WIDTH, -(-size // WIDTH))
    for low in range(0, len(numbers), _BUNDLES):
        some = {
            bundle_path(number, width=min(WIDTH, size - number * WIDTH)): number
            for number in numbers[low : low + _BUNDLES]
        }
        for path, data in read_many(some).items():
            if data is not None and mark in data:
                leaves = enumerate(parse_bundle(data, path=path), some[path] * WIDTH)
                found += [at for at, leaf in leaves if leaf.endswith(mark) and at >= since]
    for entry in reader.entries(found):
        key, first = entry.predicate.get("key"), entry.predicate.get("since")
        known = entry.believed and isinstance(key, str) and isinstance(first, int)
        if known and key not in entry.signers:
            reader.pins = revoke(reader.pins, str(key), since=int(str(first)))
    return bool(found)


def decision_fault(entry: Entry, claim: Claim, *, repository: str) -> str:
    """Return why an entry is not the decision that let an update in; empty if it is."""
    name = f"entry {entry.index}, which it rests on,"
    if entry.kind != "gate-decision":
        return f"{name} is a {entry.kind}"
    if entry.statement is None:
        return f"{name} was expunged, so nobody can tell what it let in"
    if not entry.believed:
        return f"{name} is signed by no pinned key"
    said = _decision(entry)
    if said is None:
        return f"{name} is no decision about a merge"
    if said.get("repository") != repository or said.get("target") != claim.ref:
        return f"{name} is about {said.get('repository')} {said.get('target')}"
    if said.get("outcome") != GOOD.get(claim.standing):
        return f"{name} says {said.get('outcome')}"
    if said.get("content") != claim.content:
        return f"{name} is about other content"
    return ""


class _Pass:
    def __init__(self, repository: str, statements: Collection[str]) -> None:
        self.opened: LogOpened | None = None
        self.claims: dict[str, dict[bytes, list[Claim]]] = {}
        self.waiting: list[Waiting] = []
        self.wanted: dict[int, list[Claim]] = {}
        self.lost: list[tuple[int, str]] = []
        self.seen: tuple[str, ...] = ()
        self.spoken: set[tuple[str, ...]] = set()
        self._resting: dict[tuple[str, str], list[Claim]] = {}
        self._repository = repository
        self._statements = statements
        self._decided = False

    def take(self, entry: Entry) -> None:
        """Take what one entry says; newer ones came before."""
        match entry.kind:
            case "ref-update" if entry.statement is not None:
                claim = Claim(entry)
                # An entry of another repository's log, signed by the same key, says nothing here.
                claim.believed &= entry.predicate.get("repository") == self._repository
                self._update(claim)
            case "gate-decision":
                self._decision(entry)
            case "approval" if entry.believed and entry.statement is not None:
                path = str(entry.predicate.get("path", ""))
                reviewed = path.startswith(f"{REVIEW_FOLDER}/")
                if not reviewed and path not in self._statements:
                    self.lost.append((entry.index, path))
            case "log-opened" if entry.index == 0 and entry.believed:
                try:
                    self.opened = LogOpened.model_validate_json(json.dumps(entry.predicate))
                except ValidationError as error:
                    raise LogError(
                        "entry-malformed",
                        "entry 0 is not as this version writes it",
                        hint="use the version that wrote the log, or a later one",
                    ) from error
            case _:
                pass

    def _update(self, claim: Claim) -> None:
        at = self.claims.setdefault(claim.ref, {})
        at.setdefault(claim.after.encode(), []).append(claim)
        if claim.believed and claim.decision is not None and claim.decision < claim.index:
            self.wanted.setdefault(claim.decision, []).append(claim)
            self._land(claim)

    def _land(self, claim: Claim) -> None:
        """Let a landing use up what was decided about its content before."""
        about = (claim.ref, claim.content)
        self.spoken.add(about)
        resting = self._resting.setdefault(about, [])
        for later in resting:
            if (later.before, later.after) != (claim.before, claim.after):
                later.spent = (
                    f"entry {claim.index} has landed the same since entry {later.decision}, "
                    "which it rests on"
                )
        resting.append(claim)

    def _decision(self, entry: Entry) -> None:
        claims = self.wanted.pop(entry.index, [])
        for claim in claims:
            claim.fault = decision_fault(entry, claim, repository=self._repository)
        refuse_reuse(claims, decision=entry.index)
        said = _decision(entry) if entry.believed else None
        if said is None:
            return
        about = (str(said.get("target")), str(said.get("content")))
        spoken = not self.spoken.isdisjoint((about, (*about, str(said.get("head")))))
        self._speak(about, said, index=entry.index)
        facts = entry.predicate["itilGate"].get("facts", {})
        if not self._decided:
            self._decided = True
            self.seen = tuple(map(str, facts.get("approvalsTips", ())))
        lets = said.get("outcome") in GOOD.values() and said.get("repository") == self._repository
        if lets and not spoken and len(self.waiting) < MOST_WAITING:
            self.waiting.append(waiting_of(entry))

    def _speak(self, about: tuple[str, str], said: Mapping[str, Any], *, index: int) -> None:
        """Tell landings that rest on older decisions what a decision about the same said."""
        outcome, tip, head = (str(said.get(name)) for name in ("outcome", "tip", "head"))
        self.spoken.add((*about, head))
        resting = self._resting.get(about, [])
        for claim in resting:
            if claim.decision is not None and claim.decision < index:
                claim.newer.append((index, outcome, tip, head))
        resting[:] = [claim for claim in resting if claim.decision != index]


def waiting_of(entry: Entry) -> Waiting:
    """Return a decision about a merge as something that may still land."""
    said = entry.predicate["itilGate"]
    return Waiting(
        index=entry.index,
        ref=str(said["decision"].get("target", "")),
        content=str(said["decision"].get("content", "")),
        head=str(said["decision"].get("head", "")),
        paths=frozenset(
            to_bytes(str(one["path"])) for one in said.get("facts", {}).get("diff", ())
        ),
    )


def refuse_reuse(claims: Sequence[Claim], *, decision: int) -> None:
    """Let one update rest on a decision: the first that did; the others rest on nothing."""
    first = min(claims, key=lambda claim: claim.index, default=None)
    for claim in claims:
        if first is not None and (claim.before, claim.after) != (first.before, first.after):
            claim.fault = f"entry {decision}, which it rests on, has let in entry {first.index}"


def _decision(entry: Entry) -> Mapping[str, Any] | None:
    """Return what a decision about a merge says; None for any other entry."""
    ours = entry.predicate.get("itilGate")
    said = ours.get("decision") if isinstance(ours, dict) else None
    return said if isinstance(said, dict) else None
