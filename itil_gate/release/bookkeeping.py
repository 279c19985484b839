"""Record decisions and landings: from what was found out to entries with receipts.

Everything here can be done again: what is recorded keeps its place, and where two recorders meet,
the one that comes second looks again at what is left to record. A recording that fails leaves the
log as it was, and its caller without a result to act on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from itil_gate.decide.reviews import unseen, whose
from itil_gate.decide.roster import build_roster
from itil_gate.gather.recorded import refuse_early, refuse_rewound
from itil_gate.model.canonical import canonical, digest
from itil_gate.model.errors import LogError
from itil_gate.model.frozen import replace
from itil_gate.model.record import REVIEW_FOLDER, Copied
from itil_gate.policy.compile import compile_policies
from itil_gate.release.books import catch_up, follow
from itil_gate.release.entries import (
    copy_event,
    decision_event,
    update_event,
    update_key,
)
from itil_gate.release.landing import trace
from itil_gate.release.obligations import obligations_for
from itil_gate.release.past import past_of
from itil_gate.release.signing_desk import held_roles
from itil_gate.release.updates import consequences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from itil_gate.git.view import View
    from itil_gate.log.append import Event
    from itil_gate.model.decision import Decision
    from itil_gate.model.facts import Inputs
    from itil_gate.model.record import Kind
    from itil_gate.release.books import Books
    from itil_gate.release.recorder import Recorded
    from itil_gate.release.updates import Tile

AGAIN = 4
"""How often what is left to record is looked at again, because somebody else recorded."""


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
            return _write_tiles(books, tiles, size=past.size)
        except LogError as error:
            if error.code != "event-differs" or attempt == AGAIN - 1:
                raise
    raise AssertionError("the last attempt returns or raises")  # pragma: no cover


def _write_tiles(
    books: Books, tiles: Sequence[Tile], *, size: int
) -> tuple[tuple[Tile, ...], Recorded]:
    """Record decisions that are not logged yet, then the updates that rest on them.

    `size` is that of the log by which it was found out what there is to record.
    """
    events = [
        decision_event(tile.judged.decision, tile.judged.inputs, recorded_at=books.now)
        for tile in tiles
        if tile.judged
    ]
    indices = iter(books.write(events).indices if events else ())
    whole = [
        tile
        if tile.judged is None
        else replace(tile, update=tile.update.model_copy(update={"decision": next(indices)}))
        for tile in tiles
    ]
    whole = _replacing(books, whole, size=size)
    recorded = books.write([update_event(tile.update) for tile in whole])
    follow(
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


def _replacing(books: Books, tiles: Sequence[Tile], *, size: int) -> list[Tile]:
    """Let updates replace entries about the same that count no more and were corrected.

    An entry that lost its only signature stays in the log under its name; until a correction says
    that it does not count, nothing takes its place. One that is believed gives way where the record
    went on from it, and what it says happened once more: a branch can be moved back twice. What
    stands in the log only since `size` entries were looked at, somebody else recorded.
    """
    name, found = books.config.repository, []
    with books.reading() as reader:
        corrected: set[Any] | None = None
        for tile in tiles:
            update = tile.update
            while (place := reader.find(name, "ref-update", update_key(update))) is not None:
                if reader.entry(place).believed:
                    if place >= size:
                        break
                    update = update.model_copy(update={"replaces": place})
                    continue
                if corrected is None:
                    entries = reader.backwards(kinds=("correction",))
                    corrected = {one.predicate.get("corrects") for one in entries if one.believed}
                if place not in corrected:
                    break
                update = update.model_copy(update={"replaces": place})
            found.append(replace(tile, update=update))
    return found


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
