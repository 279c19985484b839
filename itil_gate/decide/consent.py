"""Consent: what approvals, rejections and withdrawals mean for a change, in findings.

Rejections come last in time and first in weight; what is merely missing is waiting, not refusal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide.lane import UNASKED
from itil_gate.decide.rejections import inherited_rejections
from itil_gate.decide.requirements import can_speak, review_host
from itil_gate.model.finding import Finding, Place
from itil_gate.model.people import PEER

if TYPE_CHECKING:
    from itil_gate.decide.ledger import Ledger
    from itil_gate.decide.matter import Asked, Bench
    from itil_gate.decide.requirements import Demand, Settled
    from itil_gate.model.base import Level
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.decision import LedgerEntry, RequirementState
    from itil_gate.model.facts import Facts
    from itil_gate.model.policy import Lane


def check_consent(
    asked: Asked,
    bench: Bench,
    *,
    ledger: Ledger,
    settled: Settled,
    level: Level,
    lane: Lane,
    facts: Facts,
    own: frozenset[str],
) -> list[Finding]:
    """Return what rejections, a withdrawal and missing approvals mean for a change."""
    return [
        *(_rejected(entry) for entry in ledger.rejections),
        *_inherited(asked, bench, facts=facts, own=own),
        *_withdrawn(ledger.withdrawn),
        *_approvals(asked.change, settled, (level, lane), bench=bench, facts=facts),
    ]


def _rejected(entry: LedgerEntry) -> Finding:
    way = "can run `itil-gate withdraw` or approve"
    if entry.review is not None:
        way = f"can approve the pull request on {entry.review.forge}"
    return Finding(
        rule="open-rejection",
        message=f"{entry.person} rejected the change: {entry.detail}",
        remedy=f"settle it with {entry.person}, who {way}",
    )


def _inherited(asked: Asked, bench: Bench, *, facts: Facts, own: frozenset[str]) -> list[Finding]:
    return [
        Finding(
            rule="open-rejection",
            message=f"{person} rejected {item.approval.change if item.approval else 'it'}, "
            "which asked for the same work",
            remedy=f"settle it with {person}, who can run `itil-gate withdraw` for that change",
        )
        for person, item in inherited_rejections(
            asked.change,
            own=own,
            people=bench.contributors.ids,
            paths=bench.territory.governed,
            facts=facts,
            roster=bench.roster,
            config=bench.policies.config,
        )
    ]


def _withdrawn(entry: LedgerEntry | None) -> list[Finding]:
    if entry is None:
        return []
    return [
        Finding(
            rule="withdrawn-change",
            message=f"{entry.person} withdrew the change",
            remedy=f"{entry.person} can take that back with `itil-gate withdraw`",
        )
    ]


def _approvals(
    change: ChangeRequest,
    settled: Settled,
    sort: tuple[Level, Lane],
    *,
    bench: Bench,
    facts: Facts,
) -> list[Finding]:
    level, lane = sort
    host = review_host(bench.policies, level=level)
    if not settled.states and lane not in UNASKED:
        return [
            Finding(
                rule="no-applicable-policy",
                message=f"no approval requirement applies to {level} risk in the lane {lane}",
                remedy="add one to an ApprovalPolicy on the target branch",
                place=Place(file="policies"),
            )
        ]
    found = [
        Finding(
            rule="unsatisfiable-requirement",
            message=_impossible(demand, bench, host=host),
            remedy="name more people in the role on the target, or give the requirement a "
            "fallback role, which stands in for those who are proved to have taken part",
        )
        for demand in settled.impossible
    ]
    found += [
        Finding(
            rule="missing-approval",
            message=f"{state.id}: {len(state.counted)} of {state.needed} {_whose(state)}",
            remedy=f"one of {', '.join(state.eligible)} can run "
            f"`itil-gate approve {change.metadata.id} --head {facts.head}`"
            f"{or_review(facts, host)}",
            effect="pending",
        )
        for state in settled.states
        if state.state == "PENDING"
    ]
    return found


def or_review(facts: Facts, host: str | None) -> str:
    """Return how a review would do as well, where reviews on the forge `host` count."""
    if host is None:
        return ""
    pull = facts.pull_request
    named = f"pull request {pull.number}" if pull is not None else "the pull request"
    return f", or approve {named} on {host}"


def _impossible(demand: Demand, bench: Bench, *, host: str | None) -> str:
    of = f" for {demand.service}" if demand.service else ""
    if demand.for_all and demand.role != PEER:
        of = " for all services, because files change that belong to none"
    if not demand.holders:
        return f"{demand.id} needs {demand.needed} {demand.role}{of}, and nobody holds that role"
    barred = sorted(demand.holders - demand.eligible)
    persons = bench.roster.persons
    mute = [person for person in barred if not can_speak(persons[person], host=host)]
    took_part = [person for person in barred if person not in mute]
    because = f"; {', '.join(took_part)} took part in the change" if took_part else ""
    hinted = {one.person for one in bench.contributors.people if not one.proved}
    unproved = [person for person in took_part if person in hinted]
    because += f", which nothing proves of {', '.join(unproved)}" if unproved else ""
    lacking = "a key" if host is None else f"a key or an account on {host}"
    because += f"; without {lacking} in people.yaml: {', '.join(mute)}" if mute else ""
    left = ", ".join(sorted(demand.eligible)) or "nobody"
    return f"{demand.id} needs {demand.needed} {demand.role}{of}; left: {left}{because}"


def _whose(state: RequirementState) -> str:
    return f"{state.role} of {state.service}" if state.service else state.role
