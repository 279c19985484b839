"""The ledger of approvals: all statements and reviews received, counted or not, each with why.

An approval counts when the right person signed the content that would land now, under demands no
weaker than today's. Everything else is listed with what stands in its way.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from itil_gate.decide.chains import Link, resolve
from itil_gate.decide.staleness import carry_over, tightened, what_changed
from itil_gate.model.base import LEVELS
from itil_gate.model.decision import LedgerEntry
from itil_gate.model.frozen import frozen
from itil_gate.model.people import PEER
from itil_gate.reading.times import length

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from itil_gate.decide.contributors import Contributors
    from itil_gate.decide.roster import Roster
    from itil_gate.model.base import Level
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.facts import Facts, StatementFact
    from itil_gate.model.people import Person
    from itil_gate.model.policy import Counting
    from itil_gate.model.statement import (
        ApprovalPredicate,
        BoundAppetite,
        BoundRequirement,
    )

CLOCK_SKEW = timedelta(minutes=5)


@frozen
class Matter:
    """The change request that statements are held against, as it stands now."""

    change: ChangeRequest
    path: str
    """Where the request file is."""
    request: str
    """SHA-256 of the request file's bytes."""
    text: str
    level: Level
    demands: tuple[BoundRequirement, ...]
    counting: Counting
    repository: str


@frozen
class Ledger:
    """All entries, and what follows from them."""

    entries: tuple[LedgerEntry, ...]
    approvals: dict[str, frozenset[str]]
    """Roles by person, for every approval that counts."""
    rejections: tuple[LedgerEntry, ...]
    withdrawn: LedgerEntry | None
    knowing: dict[str, frozenset[BoundAppetite]]
    """By person, of which appetites their signed approval is the exception."""


def keep_ledger(
    matter: Matter, *, facts: Facts, roster: Roster, contributors: Contributors
) -> Ledger:
    """Return the ledger of one change. The order of statements and reviews does not matter."""
    change = matter.change.metadata.id
    own = [item for item in facts.statements if item.path.startswith(f"{change}/")]
    entries: list[LedgerEntry] = []
    approvals: dict[str, frozenset[str]] = {}
    knowing: dict[str, frozenset[BoundAppetite]] = {}
    by_person: dict[str, list[StatementFact]] = {}
    for item in sorted(own, key=lambda one: (one.digest, one.path)):
        refused = _not_for_us(item, matter, facts, roster)
        if refused is not None:
            entries.append(refused)
        else:
            by_person.setdefault(_signer(item, roster).id, []).append(item)
    for person, items in sorted(by_person.items()):
        chain = resolve(links(items))
        for item in items:
            predicate = _predicate(item)
            if item.digest in chain.standing:
                entry = _standing(
                    item, predicate, matter, facts=facts, roster=roster, contributors=contributors
                )
                if entry.counted and entry.verdict == "approve":
                    approvals[person] = approvals.get(person, frozenset()) | set(entry.roles)
                    known = frozenset(one for one in predicate.beyond if one.role in entry.roles)
                    knowing[person] = knowing.get(person, frozenset()) | known
            else:
                entry = _entry(item, predicate, person, chain.void[item.digest], _VOID)
            entries.append(entry)
    ledger = Ledger(
        entries=tuple(entries),
        approvals=approvals,
        rejections=tuple(one for one in entries if one.counted and one.verdict == "reject"),
        withdrawn=next(
            (one for one in entries if one.counted and one.verdict == "withdraw-change"), None
        ),
        knowing=knowing,
    )
    if not facts.reviews:
        return ledger
    from itil_gate.decide.reviews import with_reviews  # noqa: PLC0415 - few checks ask a forge

    return with_reviews(ledger, matter, facts=facts, roster=roster, contributors=contributors)


def links(items: Sequence[StatementFact]) -> tuple[Link, ...]:
    """Return the chain links of statements that carry an approval predicate."""
    return tuple(
        Link(item.digest, item.approval.verdict, item.approval.previous)
        for item in items
        if item.approval is not None
    )


_VOID = {
    "superseded": "a later statement of the same person stands instead",
    "missing-predecessor": "a statement it follows is missing, or a later one is, so what the "
    "signer last said is not known",
    "forked": "the signer made two statements side by side; the more negative one holds",
}


def _not_for_us(
    item: StatementFact, matter: Matter, facts: Facts, roster: Roster
) -> LedgerEntry | None:
    """Return why a statement cannot bear on this change at all, or None if it does."""
    predicate = item.approval
    if item.status != "good" or predicate is None:
        code: str = item.status if item.status != "good" else "malformed"
        return LedgerEntry(
            digest=item.digest, verdict="unknown", counted=False, code=code, detail=item.detail
        )
    person = roster.by_key.get(item.fingerprint or "")
    if person is None:
        detail = f"the key {item.fingerprint} belongs to nobody in people.yaml"
        return _entry(item, predicate, None, "unknown-key", detail)
    if person.id != predicate.signer:
        detail = f"it speaks for {predicate.signer}, but the key belongs to {person.id}"
        return _entry(item, predicate, person.id, "signer-mismatch", detail)
    for code, said, wanted in (
        ("not-this-change", predicate.change, matter.change.metadata.id),
        ("not-this-repository", predicate.repository, matter.repository),
        ("not-this-target", predicate.target, facts.target),
    ):
        if said != wanted:
            return _entry(item, predicate, person.id, code, f"it is about {said}, not {wanted}")
    return None


def _standing(
    item: StatementFact,
    predicate: ApprovalPredicate,
    matter: Matter,
    *,
    facts: Facts,
    roster: Roster,
    contributors: Contributors,
) -> LedgerEntry:
    """Judge a statement that is its signer's latest word."""
    person = _signer(item, roster)
    held = tuple(role for role in predicate.roles if roster.holds(person.id, role, now=facts.now))
    if predicate.verdict == "reject":
        if held or not predicate.roles:
            detail = predicate.reason or "no reason given"
            return _entry(item, predicate, person.id, "rejected", detail, counted=True, roles=held)
        detail = "the signer no longer holds a role they rejected in"
        return _entry(item, predicate, person.id, "role-lost", detail)
    if predicate.verdict == "withdraw-change":
        if person.id == matter.change.metadata.requester:
            detail = "the requester withdrew the change"
            return _entry(item, predicate, person.id, "change-withdrawn", detail, counted=True)
        detail = f"only the requester, {matter.change.metadata.requester}, can withdraw the change"
        return _entry(item, predicate, person.id, "not-the-requester", detail)
    if predicate.verdict == "withdraw":
        detail = "the signer took their earlier statement back"
        return _entry(item, predicate, person.id, "withdrawn", detail, counted=True)
    barred = _barred(
        person, predicate, matter=matter, now=facts.now, contributors=contributors, held=held
    )
    if barred is not None:
        return _entry(item, predicate, person.id, *barred)
    entry = _content(item, predicate, matter=matter, facts=facts, person=person.id, held=held)
    if not entry.counted:
        return entry
    return entry.model_copy(update={"detail": _capacity(predicate, person, roster, facts.now)})


def _barred(
    person: Person,
    predicate: ApprovalPredicate,
    *,
    matter: Matter,
    now: datetime,
    contributors: Contributors,
    held: tuple[str, ...],
) -> tuple[str, str] | None:
    """Return code and detail of what keeps this person or this moment from counting."""
    if person.kind != "human":
        return person.kind, f"{person.id} is a {person.kind}; only humans approve"
    reasons = exclusions(person.id, matter.change, contributors)
    if reasons:
        return "contributor", "; ".join(reasons)
    if predicate.issued_at > now + CLOCK_SKEW:
        return "issued-in-future", f"issued at {predicate.issued_at:%Y-%m-%d %H:%M}Z, after now"
    ends = min(predicate.expires_at, predicate.issued_at + length(matter.counting.max_age))
    if ends <= now:
        return "expired", f"it was good until {ends:%Y-%m-%d %H:%M}Z"
    if LEVELS.index(matter.level) > LEVELS.index(predicate.risk):
        return "stale", f"the risk was {predicate.risk} when approved and is {matter.level} now"
    tighter = tightened(matter.demands, predicate.requirements)
    if tighter is not None:
        return "stale", f"the requirement {tighter} was not there, or was weaker, when approved"
    if not held:
        claimed = ", ".join(predicate.roles) or "none"
        return "role-not-held", f"claimed roles: {claimed}; the signer holds none of them now"
    return None


def _content(
    item: StatementFact,
    predicate: ApprovalPredicate,
    *,
    matter: Matter,
    facts: Facts,
    person: str,
    held: tuple[str, ...],
) -> LedgerEntry:
    """Hold the signed content against what would land now."""
    carried = carry_over(item, facts=facts, request=matter.request)
    if carried is None:
        changed = what_changed(item, facts=facts, text=matter.text)
        return _entry(item, predicate, person, "stale", changed)
    if carried not in matter.counting.carry_over:
        detail = f"the content is the same by {carried}, which policy does not accept here"
        return _entry(item, predicate, person, "carry-over-forbidden", detail)
    return _entry(
        item, predicate, person, "approved", "", counted=True, roles=held, carried=carried
    )


def _capacity(predicate: ApprovalPredicate, person: Person, roster: Roster, now: datetime) -> str:
    """Say on whose behalf somebody approved, and which of the claimed roles they lack by now."""
    words = []
    for role in predicate.roles:
        if not roster.holds(person.id, role, now=now):
            words.append(f"the signer does not hold {role} now")
        elif role != PEER and (lenders := roster.lenders(person.id, role, now=now)):
            words.append(f"{role} on behalf of {', '.join(lenders)}")
    return "; ".join(words)


def exclusions(person: str, change: ChangeRequest, contributors: Contributors) -> tuple[str, ...]:
    """Return every reason why a person may not approve a change; empty if there is none."""
    named = (("requester", change.metadata.requester), ("implementer", change.spec.implementer))
    return (
        *(part for part, name in named if name == person),
        *(
            f"sponsor of {name}, the {part}"
            for part, name in named
            if name is not None and contributors.sponsors.get(name) == person
        ),
        *contributors.reasons(person),
    )


def _signer(item: StatementFact, roster: Roster) -> Person:
    return roster.by_key[item.fingerprint or ""]


def _predicate(item: StatementFact) -> ApprovalPredicate:
    if item.approval is None:  # pragma: no cover - such statements never reach a chain
        raise TypeError(item.path)
    return item.approval


def _entry(
    item: StatementFact,
    predicate: ApprovalPredicate,
    person: str | None,
    code: str,
    detail: str | dict[str, str],
    *,
    counted: bool = False,
    roles: tuple[str, ...] = (),
    carried: str | None = None,
) -> LedgerEntry:
    return LedgerEntry(
        digest=item.digest,
        person=person,
        verdict=predicate.verdict,
        counted=counted,
        code=code,
        detail=detail if isinstance(detail, str) else detail[code],
        carry_over=carried,
        roles=roles or predicate.roles,
        issued_at=predicate.issued_at,
    )
