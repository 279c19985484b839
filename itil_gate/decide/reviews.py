"""Reviews of a forge in the ledger: whose they are, which of them stands, what it proves.

A review is evidence of rank b. It counts as an approval only where policy takes reviews for the
level of risk, and by what its commit holds: the commit that a forge names is no proof, because some
forges move it to the new head on a force-push, so the review must be younger than the commit's
place at the head. Requested changes reject, whatever rank is asked for. Dismissing a review takes
an approval away; it neither brings an earlier one back nor ends a rejection.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from itil_gate.decide.ledger import CLOCK_SKEW, Ledger, exclusions
from itil_gate.decide.staleness import SHORT, Bound, carried, differs
from itil_gate.model.canonical import digest
from itil_gate.model.decision import LedgerEntry
from itil_gate.model.facts import AccountRef
from itil_gate.model.frozen import frozen, replace
from itil_gate.model.people import PEER
from itil_gate.reading.times import length

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from itil_gate.decide.contributors import Contributors
    from itil_gate.decide.ledger import Matter
    from itil_gate.decide.roster import Roster
    from itil_gate.model.facts import Facts, PullRequest, Review
    from itil_gate.model.people import Person

VERDICTS = {
    "approved": "approve",
    "changes-requested": "reject",
    "commented": "comment",
    "unknown": "unknown",
}
"""What the states of a review are called in the ledger."""
_NEGATIVITY = {"approved": 0, "unknown": 1, "changes-requested": 2}
_TAKEN_BACK = ("reject", "withdraw", "withdraw-change")
"""Signed words that keep their signer's review from counting."""


@frozen
class _Bench:
    """What reviews are held against."""

    matter: Matter
    facts: Facts
    roster: Roster
    contributors: Contributors


def with_reviews(
    ledger: Ledger,
    matter: Matter,
    *,
    facts: Facts,
    roster: Roster,
    contributors: Contributors,
) -> Ledger:
    """Return the ledger of signed statements with the reviews entered; their order is nothing.

    Who said no in one of the two ways has not said yes in the other: the negative stands until it
    is taken back where it was said.
    """
    bench = _Bench(matter, facts, roster, contributors)
    unwilling = {one.person for one in ledger.entries if one.counted and one.verdict in _TAKEN_BACK}
    entries: list[LedgerEntry] = []
    for person, reviews in _by_person(facts.reviews, roster):
        entries += _heard(person, reviews, bench, unwilling=person.id in unwilling)
    entries += [
        _entry(one, None, "unknown-account", _nobody(one))
        for one in _ordered(facts.reviews)
        if whose(one, roster) is None
    ]
    rejections = tuple(one for one in entries if one.counted and one.verdict == "reject")
    rejecting = {one.person for one in rejections}
    approvals = {who: roles for who, roles in ledger.approvals.items() if who not in rejecting}
    for one in entries:
        if one.counted and one.verdict == "approve" and one.person is not None:
            approvals[one.person] = approvals.get(one.person, frozenset()) | set(one.roles)
    return replace(
        ledger,
        entries=(*(_overruled(one, rejecting) for one in ledger.entries), *entries),
        approvals=approvals,
        rejections=(*ledger.rejections, *rejections),
    )


def unseen(review: Review) -> Review:
    """Return a review without what git says about its commit: as the forge told of it."""
    return review.model_copy(update={"approved": ()})


@lru_cache(maxsize=1 << 15)
def _mark(review: Review) -> str:
    """Return the digest of a review, made once however many changes it is held against."""
    return digest(review)


def whose(review: Review, roster: Roster) -> Person | None:
    """Return whose account reviewed: by its number, for logins are renamed and taken over."""
    account = AccountRef(forge=review.forge, id=review.account, login=review.login)
    return roster.by_reference(account)


def _by_person(
    reviews: Iterable[Review], roster: Roster
) -> list[tuple[Person, tuple[Review, ...]]]:
    """Return the reviews of each person, of all their accounts, in the server's order."""
    known = [
        (person.id, one) for one in _ordered(reviews) if (person := whose(one, roster)) is not None
    ]
    known.sort(key=lambda pair: pair[0])
    return [
        (roster.persons[name], tuple(one for _, one in pairs))
        for name, pairs in groupby(known, key=lambda pair: pair[0])
    ]


def _ordered(reviews: Iterable[Review]) -> list[Review]:
    """Return reviews by the server's sequence; of two at one place the more negative is later."""
    return sorted(
        reviews,
        key=lambda one: (
            *(one.sequence, _NEGATIVITY.get(one.state, 0), one.dismissed),
            *(one.forge, one.account, one.id, _mark(one)),
        ),
    )


def _nobody(review: Review) -> str:
    return f"account {review.account} of {review.forge} belongs to nobody in people.yaml"


def _heard(
    person: Person, reviews: Sequence[Review], bench: _Bench, *, unwilling: bool
) -> list[LedgerEntry]:
    """Return the entries of one person's reviews, of which at most one counts."""
    spoken = [one for one in reviews if one.state != "commented"]
    last = spoken[-1] if spoken else None
    rejection = _open_rejection(spoken)
    entries = []
    for one in reviews:
        if one.state == "commented":
            entries.append(_entry(one, person, "commented", "a comment grants and takes nothing"))
        elif one is rejection:
            entries.append(_rejected(one, person))
        elif one.dismissed or one.state == "unknown":
            entries.append(_entry(one, person, "dismissed", "it was dismissed"))
        elif one is not last or rejection is not None:
            detail = "another review of the same person stands instead"
            entries.append(_entry(one, person, "superseded", detail))
        elif unwilling:
            detail = "a signed statement of the same person says no; it stands until they sign anew"
            entries.append(_entry(one, person, "negative-elsewhere", detail))
        else:
            entries.append(_approval(one, person, bench))
    return entries


def _open_rejection(spoken: Sequence[Review]) -> Review | None:
    """Return the last request for changes that its author has not followed by an approval.

    An approval was its author's own word also where somebody dismissed it later. Where a forge no
    longer says what was dismissed, that ends nothing.
    """
    rejection = None
    for one in spoken:
        if one.state == "changes-requested":
            rejection = one
        elif one.state == "approved":
            rejection = None
    return rejection


def _rejected(review: Review, person: Person) -> LedgerEntry:
    detail = f"requested changes on {review.forge}"
    if review.dismissed:
        detail += "; that it was dismissed does not settle it"
    return _entry(review, person, "rejected", detail, counted=True)


def _approval(review: Review, person: Person, bench: _Bench) -> LedgerEntry:
    """Judge an approving review that is its author's latest word."""
    facts, matter = bench.facts, bench.matter
    held = _held_roles(bench.roster, person, now=facts.now)
    refused = (
        _barred(review, person, bench)
        or _when_given(review, matter, facts.now)
        or _bound_elsewhere(review, facts.pull_request)
    )
    if refused is not None:
        return _entry(review, person, *refused, roles=held)
    seen = next((one for one in review.approved if one.path == matter.path), None)
    if seen is None or review.commit is None:
        detail = f"commit {(review.commit or '')[:SHORT]} does not tell what it changes here"
        return _entry(review, person, "stale", detail, roles=held)
    bound = Bound(review.commit, seen.merge_base, seen.proof.content, seen.proof.request)
    how = carried(bound, seen.proof, facts=facts, request=matter.request)
    if how is None:
        changed = differs(bound, seen.proof, facts=facts, text=matter.text)
        return _entry(review, person, "stale", changed, roles=held)
    if how not in matter.counting.carry_over:
        detail = f"the content is the same by {how}, which policy does not accept here"
        return _entry(review, person, "carry-over-forbidden", detail, roles=held)
    detail = _on_behalf(bench.roster, person, held, now=facts.now)
    return _entry(review, person, "approved", detail, counted=True, roles=held, how=how)


def _barred(review: Review, person: Person, bench: _Bench) -> tuple[str, str] | None:
    """Return code and detail of what keeps this person, or any review, from counting."""
    if person.kind != "human":
        return person.kind, f"{person.id} is a {person.kind}; only humans approve"
    reasons = exclusions(person.id, bench.matter.change, bench.contributors)
    if reasons:
        return "contributor", "; ".join(reasons)
    if bench.matter.counting.rank != "forge-review":
        level = bench.matter.level
        return "signature-needed", f"at {level} risk policy takes signed statements only"
    if review.commit is None:
        return "no-commit", f"{review.forge} does not say which commit it was given for"
    return None


def _when_given(review: Review, matter: Matter, now: datetime) -> tuple[str, str] | None:
    given = f"{review.submitted_at:%Y-%m-%d %H:%M}Z"
    if review.submitted_at > now + CLOCK_SKEW:
        return "issued-in-future", f"given at {given}, after now"
    ends = review.submitted_at + length(matter.counting.max_age)
    if ends <= now:
        return "expired", f"it was good until {ends:%Y-%m-%d %H:%M}Z"
    return None


def _bound_elsewhere(review: Review, pull: PullRequest | None) -> tuple[str, str] | None:
    """Return why the commit that a review names may not be the one that its author saw.

    A forge tells whole seconds, so what happened in the same second may have come before or after.
    """
    commit = review.commit or ""
    since = None
    if pull is not None:
        times = [one.since for one in pull.heads if one.commit == commit]
        if pull.head == commit and pull.head_since is not None:
            times.append(pull.head_since)
        elif pull.head == commit:
            times = []
        since = max(times, default=None)
    if pull is None or since is None:
        detail = f"since when {commit[:SHORT]} was the head is not known, so it may have been moved"
        return "push-time-unknown", detail
    if review.submitted_at <= since:
        detail = f"given before {commit[:SHORT]} was pushed, at {since:%Y-%m-%d %H:%M:%S}Z"
        return "given-before-push", detail
    if pull.base_since is None:
        detail = f"since when the pull request is to be merged into {pull.base_ref} is not known"
        return "target-time-unknown", detail
    if review.submitted_at <= pull.base_since:
        until = f"{pull.base_since:%Y-%m-%d %H:%M:%S}Z"
        detail = f"given before {until}; until then the target may not have been {pull.base_ref}"
        return "not-this-target", detail
    return None


def _held_roles(roster: Roster, person: Person, *, now: datetime) -> tuple[str, ...]:
    """Return every role that somebody holds now: whoever reviews speaks in all of them."""
    names = {grant.role for grant in roster.people.roles}
    names |= {entry.role for entry in roster.people.delegations}
    return (PEER, *sorted(name for name in names if roster.holds(person.id, name, now=now)))


def _on_behalf(roster: Roster, person: Person, roles: Iterable[str], *, now: datetime) -> str:
    lent = {
        role: lenders
        for role in roles
        if role != PEER and (lenders := roster.lenders(person.id, role, now=now))
    }
    return "; ".join(f"{role} on behalf of {', '.join(names)}" for role, names in lent.items())


def _overruled(entry: LedgerEntry, rejecting: set[str | None]) -> LedgerEntry:
    """Return a signed approval as it stands beside requested changes of the same person."""
    if not (entry.counted and entry.verdict == "approve" and entry.person in rejecting):
        return entry
    return entry.model_copy(
        update={
            "counted": False,
            "code": "negative-elsewhere",
            "detail": "a review of the same person requests changes; it stands until they approve "
            "on the forge",
            "carry_over": None,
        }
    )


def _entry(
    review: Review,
    person: Person | None,
    code: str,
    detail: str,
    *,
    counted: bool = False,
    roles: tuple[str, ...] = (),
    how: str | None = None,
) -> LedgerEntry:
    told = unseen(review)
    return LedgerEntry(
        digest=_mark(told),
        rank="forge-review",
        person=person.id if person else None,
        verdict=VERDICTS[review.state],
        counted=counted,
        code=code,
        detail=detail,
        carry_over=how,
        roles=roles,
        issued_at=review.submitted_at,
        review=told,
    )
