"""Record decisions, landings and releases: from what was found out to entries with receipts.

Everything here can be done again: what is recorded keeps its place, and where two recorders meet,
the one that comes second looks again at what is left to record. A recording that fails leaves the
log as it was, and its caller without a result to act on.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from itil_gate.decide.reviews import unseen, whose
from itil_gate.decide.roster import build_roster
from itil_gate.gather.recorded import refuse_early, refuse_rewound
from itil_gate.gather.remembered import open_reader, remembered_here
from itil_gate.git.audit_log import open_branch
from itil_gate.git.names import ref_tip
from itil_gate.git.release_tags import TagDraft, tag_exists, tag_ref
from itil_gate.log.release_tag import tag_message
from itil_gate.model.canonical import canonical, digest
from itil_gate.model.errors import ConfigError, LogError
from itil_gate.model.frozen import frozen, replace
from itil_gate.model.record import REVIEW_FOLDER, Copied, ReleaseOutcome
from itil_gate.policy.compile import compile_policies
from itil_gate.release.attesting import package_url
from itil_gate.release.catching_up import BACK, missed
from itil_gate.release.deploying import Known, account_of, examine, record_of
from itil_gate.release.entries import (
    attestation_event,
    copy_event,
    decision_event,
    deploy_event,
    outcome_event,
    release_event,
    update_event,
    update_key,
)
from itil_gate.release.landing import trace
from itil_gate.release.obligations import obligations_for
from itil_gate.release.past import past_of
from itil_gate.release.recorder import record
from itil_gate.release.signing_desk import held_roles
from itil_gate.release.updates import consequences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from itil_gate.decide.deploy_facts import Attempt, Released
    from itil_gate.git.discover import Repository
    from itil_gate.git.view import View
    from itil_gate.log.append import Event, Plan
    from itil_gate.log.reader import LogReader
    from itil_gate.model.config import Config, LogSettings
    from itil_gate.model.decision import Decision
    from itil_gate.model.facts import Inputs
    from itil_gate.model.record import Incident, Kind, ReleaseRecord
    from itil_gate.release.deploying import Examined
    from itil_gate.release.keys import LogKeys
    from itil_gate.release.recorder import Making, Recorded, Tagging
    from itil_gate.release.updates import Tile

AGAIN = 4
"""How often what is left to record is looked at again, because somebody else recorded."""


@frozen
class Books:
    """One repository's log, and with what it is written."""

    repository: Repository
    config: Config
    settings: LogSettings
    keys: LogKeys | None
    remote: str | None
    now: datetime
    remembered: tuple[str, ...] = ()

    def write(
        self,
        events: Sequence[Event] | Making,
        *,
        removing: Sequence[int] = (),
        tagging: Tagging | None = None,
    ) -> Recorded:
        """Append events; see `record`. Raises LogError `no-log-key` for books opened to read."""
        if self.keys is None:
            raise LogError("no-log-key", "these books were opened to read only")
        return record(
            self.repository,
            events,
            keys=self.keys,
            settings=self.settings,
            name=self.config.repository,
            remote=self.remote,
            now=self.now,
            remembered=self.remembered,
            removing=removing,
            tagging=tagging,
        )

    def reading(self) -> AbstractContextManager[LogReader]:
        """Open the log where it is kept, proved under the pinned keys."""
        return _reading(self)


def books_of(
    repository: Repository,
    config: Config,
    *,
    keys: LogKeys | None,
    remote: str | None,
    now: datetime,
    remembered: Sequence[str] = (),
) -> Books:
    """Return the books of a repository; to write, with what release tags and requests remember.

    Raises ConfigError `no-log` where none is configured.
    """
    if config.log is None:
        raise ConfigError(
            "no-log",
            "itil-gate.yaml on the target branch has no section log",
            hint="`itil-gate log init` opens the audit log and prints the section",
        )
    found = remembered_here(repository, config) if keys is not None else ()
    return Books(repository, config, config.log, keys, remote, now, (*remembered, *found))


def record_decision(books: Books, view: View, decision: Decision, inputs: Inputs) -> Recorded:
    """Record a decision about a merge, whichever way it went, with all that it saw said of it.

    Raises HistoryError `approvals-rewound` where the log saw more on the approvals branch.
    """
    catch_up(books, back=1)

    def events() -> list[Event]:
        with books.reading() as reader:
            refuse_early(reader, books.now)
            refuse_rewound(view, reader, inputs.facts.approvals_tips)
            known = {
                item.digest
                for kind, items in (
                    ("approval", inputs.facts.statements),
                    ("override", inputs.facts.overrides),
                )
                for item in items
                if reader.find(books.config.repository, kind, item.digest) is not None
            }
            known |= {
                mark
                for mark in (digest(unseen(review)) for review in inputs.facts.reviews)
                if reader.find(books.config.repository, "approval", mark) is not None
            }
        copies = [
            copy_event(copied, kind=kind)
            for kind, copied in _copies(inputs, books.config.repository, now=books.now)
            if copied.statement not in known
        ]
        return [decision_event(decision, inputs), *copies]

    return _patiently(books, events)


def record_landing(
    books: Books,
    view: View,
    *,
    ref: str,
    after: str,
    pushed: str | None,
    heads: Sequence[str] = (),
    pushed_at: datetime | None = None,
) -> tuple[tuple[Tile, ...], Recorded | None]:
    """Record how a branch came to `after` since its record ends; see `trace` for what is given.

    Returns the updates, oldest first, and where they stand; nothing and None where all of it was
    recorded before. Raises HistoryError where history does not suffice.
    """
    catch_up(books)
    for attempt in range(AGAIN):
        with books.reading() as reader:
            past = past_of(reader, ref)
        tiles = trace(
            view,
            ref=ref,
            after=after,
            pushed=pushed,
            past=past,
            repository=books.config.repository,
            heads=heads,
            now=books.now,
            pushed_at=pushed_at,
        )
        if not tiles:
            return (), None
        try:
            return _write_tiles(books, tiles)
        except LogError as error:
            if error.code != "event-differs" or attempt == AGAIN - 1:
                raise
    raise AssertionError("the last attempt returns or raises")  # pragma: no cover


def start_release(
    books: Books,
    view: View,
    attempt: Attempt,
    *,
    target: str,
    tip: str,
    nonce: str,
    deployer: str,
    purl: str | None,
    provenance: bytes | None,
    tag: str | None = None,
    file: str | None = None,
) -> tuple[Examined, Recorded, ReleaseRecord | None]:
    """Judge an attempt to release and record it; a denied one is recorded too, without a release.

    Decision and release are one append, and so is the signed tag of that name, if one is asked for
    and the release may begin: all of it arrives, or nothing does. Where a purl is given, the
    artefact, on disk called `file`, is attested as that release for other tools. Raises
    HistoryError, ConfigError and LogError where it cannot be judged, GateError `bad-tag`,
    `tag-exists` and `bad-purl`; nothing is recorded then.
    """
    package = package_url(purl)[0] if purl else ""
    ref = tag_ref(tag) if tag else None
    if ref and ref_tip(view, ref) is not None:
        raise tag_exists(ref, where="here")
    catch_up(books)
    with books.reading() as reader:
        known = account_of(view, books.config, reader, attempt, target=target, tip=tip)
    examined = examine(
        view,
        target=target,
        tip=tip,
        attempt=attempt,
        known=known,
        nonce=nonce,
        deployer=deployer,
        provenance=provenance,
    )
    overridden_by = _keep_overrides(books, view, examined)
    decided = deploy_event(examined.decision, judge=examined.judge)
    if examined.decision.outcome == "deny":
        return examined, books.write([decided]), None
    name = ref.removeprefix("refs/tags/") if ref else None

    def release_at(index: int) -> ReleaseRecord:
        return record_of(examined, index=index, purl=purl, overridden_by=overridden_by, tag=name)

    def tagging(plan: Plan) -> TagDraft:
        message = tag_message(release_at(plan.indices[0]), index=plan.indices[1], note=plan.note)
        return TagDraft(ref or "", examined.decision.commit, message)

    def made_at(size: int) -> list[Event]:
        begun = release_at(size)
        events = [decided, release_event(begun)]
        if package:
            events.append(attestation_event(begun, index=size + 1, file=file or package))
        return events

    recorded = books.write(made_at, tagging=tagging if ref else None)
    release = release_at(recorded.indices[0])
    _follow(
        books,
        obligations_for(
            release,
            source=recorded.indices[1],
            config=books.config,
            decision=examined.decision,
            owners=_owners(examined),
            services=_services(examined),
        ),
    )
    return examined, recorded, release


def finish_release(
    books: Books,
    known: Known,
    nonce: str,
    *,
    outcome: str,
    started: datetime | None,
    finished: datetime | None,
    incidents: Sequence[Incident] = (),
    remarks: str | None = None,
) -> tuple[ReleaseOutcome, Recorded]:
    """Record how a release ended. It ends once.

    Raises LogError `event-differs` for one that ended otherwise, GateError `no-such-release`.
    """
    catch_up(books)
    release: Released = known.release(nonce)
    ended: Any = outcome
    said = ReleaseOutcome(
        repository=books.config.repository,
        nonce=nonce,
        release=release.index,
        environment=release.record.environment,
        outcome=ended,
        started_at=started or release.record.started_at,
        finished_at=finished or books.now,
        incidents=tuple(incidents),
        remarks=remarks,
        recorded_at=books.now,
    )
    recorded = books.write([outcome_event(said, artifact=release.record.artifact)])
    updates = {*release.record.updates, *release.record.backs_out}
    touched = [one.update for one in known.updates if one.index in updates]
    _follow(
        books,
        obligations_for(
            said,
            source=recorded.indices[0],
            config=books.config,
            release=release.record,
            services=[name for update in touched for name in update.services],
        ),
    )
    return said, recorded


def _keep_overrides(books: Books, view: View, examined: Examined) -> int | None:
    """Copy the overrides that were heard into the log; return the entry of the one that counts."""
    if not examined.overrides:
        return None
    from itil_gate.gather.statements import approval_tips  # noqa: PLC0415 - few have any
    from itil_gate.release.overriding import copied  # noqa: PLC0415

    name, standing = books.config.repository, examined.decision.override
    tips = approval_tips(view)
    kept = copied(
        examined.overrides,
        repository=name,
        roster=build_roster(examined.policies.people),
        tip=tips[0] if tips else examined.decision.tip,
        now=books.now,
    )
    with books.reading() as reader:
        places = {one.statement: reader.find(name, "override", one.statement) for one in kept}
    fresh = [one for one in kept if places[one.statement] is None]
    if fresh:
        indices = books.write([copy_event(one, kind="override") for one in fresh]).indices
        places |= {one.statement: index for one, index in zip(fresh, indices, strict=True)}
    return places.get(standing) if standing else None


def _owners(examined: Examined) -> dict[str, str]:
    return {one.metadata.id: one.metadata.requester for one in examined.facts.requests}


def _services(examined: Examined) -> list[str]:
    return [name for one in examined.facts.requests for name in one.spec.services]


def _write_tiles(books: Books, tiles: Sequence[Tile]) -> tuple[tuple[Tile, ...], Recorded]:
    """Record decisions that are not logged yet, then the updates that rest on them."""
    events = [
        decision_event(tile.judged.decision, tile.judged.inputs) for tile in tiles if tile.judged
    ]
    indices = iter(books.write(events).indices if events else ())
    whole = [
        tile
        if tile.judged is None
        else replace(tile, update=tile.update.model_copy(update={"decision": next(indices)}))
        for tile in tiles
    ]
    whole = _replacing(books, whole)
    recorded = books.write([update_event(tile.update) for tile in whole])
    _follow(
        books,
        [
            event
            for tile, index in zip(whole, recorded.indices, strict=True)
            for event in (
                *consequences(tile, index=index, config=books.config, now=books.now),
                *obligations_for(
                    tile.update, source=index, config=books.config, decision=tile.decision
                ),
            )
        ],
    )
    return tuple(whole), recorded


def _replacing(books: Books, tiles: Sequence[Tile]) -> list[Tile]:
    """Let updates replace entries about the same that count no more and were corrected.

    An entry that lost its only signature stays in the log under its name; until a correction says
    that it does not count, nothing takes its place.
    """
    name, found = books.config.repository, []
    with books.reading() as reader:
        corrected: set[Any] | None = None
        for tile in tiles:
            update = tile.update
            while (place := reader.find(name, "ref-update", update_key(update))) is not None:
                if reader.entry(place).believed:
                    break
                if corrected is None:
                    entries = reader.backwards(kinds=("correction",))
                    corrected = {one.predicate.get("corrects") for one in entries if one.believed}
                if place not in corrected:
                    break
                update = update.model_copy(update={"replaces": place})
            found.append(replace(tile, update=update))
    return found


def catch_up(books: Books, *, back: int = BACK) -> None:
    """Record what follows from the newest causes and was missed, because a run was cut off."""
    with books.reading() as reader:
        refuse_early(reader, books.now)
        events = missed(reader, books.config, back=back)
    if events:
        books.write(events)


def _follow(books: Books, events: Sequence[Event]) -> None:
    """Record what follows from something, such as what somebody owes now; mostly nothing does.

    What is recorded already stands: a change that lands in two parts uses its waiver once.
    """
    if not events:
        return
    with books.reading() as reader:
        name = books.config.repository
        fresh = [one for one in events if reader.find(name, one.kind, one.key) is None]
    if fresh:
        books.write(fresh)


def _patiently(books: Books, events: Callable[[], Sequence[Event]]) -> Recorded:
    """Record events that are made anew where somebody else recorded one of them meanwhile."""
    for _ in range(AGAIN - 1):
        try:
            return books.write(events())
        except LogError as error:
            if error.code != "event-differs":
                raise
    return books.write(events())


def _copies(inputs: Inputs, repository: str, *, now: datetime) -> Iterator[tuple[Kind, Copied]]:
    """Yield the statements and reviews that a decision saw, with the roles their authors held."""
    facts = inputs.facts
    roster = build_roster(compile_policies(inputs.judge).people)
    for item in (*facts.statements, *facts.overrides):
        said = item.approval or item.override
        if item.status != "good" or said is None or not facts.approvals_tips:
            continue
        person = roster.by_key.get(item.fingerprint or "")
        yield (
            "approval" if item.approval else "override",
            Copied(
                repository=repository,
                statement=item.digest,
                path=item.path,
                text=item.text,
                fingerprint=item.fingerprint,
                person=person.id if person else None,
                roles=held_roles(roster, person, now=facts.now) if person else (),
                tip=facts.approvals_tips[0],
                recorded_at=now,
            ),
        )
    for mark, review in {digest(one): one for one in map(unseen, facts.reviews)}.items():
        person = whose(review, roster)
        yield (
            "approval",
            Copied(
                repository=repository,
                statement=mark,
                path=f"{REVIEW_FOLDER}/{review.forge}/{review.id}",
                text=canonical(review).decode(),
                person=person.id if person else None,
                roles=held_roles(roster, person, now=facts.now) if person else (),
                tip=facts.tip,
                recorded_at=now,
            ),
        )


@contextmanager
def _reading(books: Books) -> Iterator[LogReader]:
    with open_branch(books.repository, remote=books.remote) as at:
        name, notes = books.config.repository, books.remembered
        yield open_reader(books.repository, at, books.settings, name=name, notes=notes)
