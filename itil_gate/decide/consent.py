"""Consent: what approvals, rejections and withdrawals mean for a change, in findings.

Rejections come last in time and first in weight; what is merely missing is waiting, not refusal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide.lane import UNASKED
from itil_gate.decide.rejections import inherited_rejections
from itil_gate.model.finding import Finding, Place

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
    return Finding(
        rule="open-rejection",
        message=f"{entry.person} rejected the change: {entry.detail}",
        remedy=f"settle it with {entry.person}, who can run `itil-gate withdraw` or approve",
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
            message=_impossible(demand, bench),
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
            f"`itil-gate approve {change.metadata.id} --head {facts.head}`",
            effect="pending",
        )
        for state in settled.states
        if state.state == "PENDING"
    ]
    return found


def _impossible(demand: Demand, bench: Bench) -> str:
    of = f" for {demand.service}" if demand.service else ""
    if not demand.holders:
        return f"{demand.id} needs {demand.needed} {demand.role}{of}, and nobody holds that role"
    barred = sorted(demand.holders - demand.eligible)
    mute = [person for person in barred if not bench.roster.persons[person].keys]
    took_part = [person for person in barred if person not in mute]
    because = f"; {', '.join(took_part)} took part in the change" if took_part else ""
    hinted = {one.person for one in bench.contributors.people if not one.proved}
    unproved = [person for person in took_part if person in hinted]
    because += f", which nothing proves of {', '.join(unproved)}" if unproved else ""
    because += f"; without a key in people.yaml: {', '.join(mute)}" if mute else ""
    left = ", ".join(sorted(demand.eligible)) or "nobody"
    return f"{demand.id} needs {demand.needed} {demand.role}{of}; left: {left}{because}"


def _whose(state: RequirementState) -> str:
    return f"{state.role} of {state.service}" if state.service else state.role
