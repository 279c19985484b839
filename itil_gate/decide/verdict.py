"""Judge one change request under one policy set: risk, rules, schedule, approvals.

The gate calls this once for the policies of the target and, where a pull request proposes others,
once more for those. Nothing here combines the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide.claims import check_claims, check_proof
from itil_gate.decide.consent import check_consent
from itil_gate.decide.coverage import scope_paths, services_of
from itil_gate.decide.lane import lane_of
from itil_gate.decide.ledger import Matter, keep_ledger
from itil_gate.decide.requirements import UNPROVED_ID, counting, demands, settle
from itil_gate.decide.schedule import blast_radius, check_schedule, planned_interval
from itil_gate.model.decision import (
    Action,
    ChangeVerdict,
    RuleState,
)
from itil_gate.model.frozen import frozen
from itil_gate.risk.classify import assess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.decide.matter import Asked, Bench
    from itil_gate.decide.requirements import Settled
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.decision import Outcome, RuleOutcome, Side
    from itil_gate.model.facts import Facts
    from itil_gate.model.finding import Finding

CHANGE_RULES: tuple[str, ...] = (
    "unknown-person",
    "unknown-service",
    "unknown-model",
    "invalid-request",
    "undeclared-service",
    "undeclared-environment",
    "under-declared-risk",
    "unproved-contributor",
    "window-past",
    "in-freeze",
    "outside-maintenance-window",
    "open-rejection",
    "withdrawn-change",
    "no-applicable-policy",
    "unsatisfiable-requirement",
    "missing-approval",
)
"""The rules judged for each request, in the order of the process."""


@frozen
class Judged:
    """The verdict on one request under one set, and what would unblock it."""

    verdict: ChangeVerdict
    actions: tuple[Action, ...]


def judge_change(asked: Asked, *, bench: Bench, facts: Facts, own: frozenset[str]) -> Judged:
    """Return the verdict on one change request under one policy set."""
    change, policies = asked.change, bench.policies
    risk = assess(
        change.spec.risk,
        paths=[entry.path for entry in facts.diff],
        models=policies.risk_models,
        judge_paths=bench.territory.judge,
    )
    paths = scope_paths(change, bench.territory)
    footprint = frozenset(change.spec.services) | services_of(paths, policies.services)
    findings = [
        *asked.advice,
        *check_claims(asked, bench, paths=paths, footprint=footprint, risk=risk),
        *check_proof(bench.contributors, risk),
        *check_schedule(
            change,
            services=policies.services,
            footprint=footprint,
            blast_radius=blast_radius(footprint, policies.services),
            calendars=policies.calendars,
            calendar_texts=policies.calendar_texts,
            now=facts.now,
        ),
    ]
    wanted = demands(
        policies.approvals,
        change=change,
        level=risk.level,
        footprint=sorted(footprint),
        roster=bench.roster,
        contributors=bench.contributors,
        now=facts.now,
    )
    matter = Matter(
        change=change,
        request=asked.digest,
        text=asked.source.text,
        level=risk.level,
        # What unproved commits cost is asked on top; it takes nothing from who approved already.
        demands=tuple(demand.bound() for demand in wanted if demand.id != UNPROVED_ID),
        counting=counting(policies.approvals, level=risk.level),
        repository=policies.config.repository,
    )
    ledger = keep_ledger(matter, facts=facts, roster=bench.roster, contributors=bench.contributors)
    settled = settle(wanted, ledger.approvals, side=bench.side)
    findings += [
        *check_consent(
            asked, bench, ledger=ledger, settled=settled, level=risk.level, facts=facts, own=own
        ),
    ]
    rules = rule_states(CHANGE_RULES, findings, side=bench.side)
    verdict = ChangeVerdict(
        id=change.metadata.id,
        path=asked.source.path,
        digest=asked.digest,
        title=change.metadata.title,
        requester=change.metadata.requester,
        outcome=outcome_of(findings),
        lane=lane_of(risk.level),
        risk=risk,
        services=tuple(sorted(footprint)),
        environments=tuple(sorted(change.spec.environments)),
        interval=planned_interval(change),
        requirements=settled.states,
        ledger=ledger.entries,
        rules=rules,
    )
    return Judged(verdict, _actions(change, settled, findings, facts))


def outcome_of(findings: Sequence[Finding]) -> Outcome:
    """Return the outcome that findings lead to: a refusal outweighs waiting."""
    effects = {finding.effect for finding in findings}
    if "deny" in effects:
        return "deny"
    return "pending" if "pending" in effects else "allow"


def rule_states(
    rules: Sequence[str], findings: Sequence[Finding], *, side: Side
) -> tuple[RuleState, ...]:
    """Return the state of every rule, those that passed too."""
    words: dict[str, RuleOutcome] = {
        "allow": "SATISFIED",
        "pending": "PENDING",
        "deny": "UNSATISFIED",
    }
    states = []
    for rule in dict.fromkeys((*rules, *(finding.rule for finding in findings))):
        mine = tuple(finding for finding in findings if finding.rule == rule)
        advised = bool(mine) and all(finding.effect == "advise" for finding in mine)
        state = "ADVISORY" if advised else words[outcome_of(mine)]
        states.append(RuleState(rule=rule, side=side, state=state, findings=mine))
    return tuple(states)


def _actions(
    change: ChangeRequest, settled: Settled, findings: Sequence[Finding], facts: Facts
) -> tuple[Action, ...]:
    name = change.metadata.id
    steps = [
        Action(who=(change.metadata.requester,), command=finding.remedy, why=finding.rule)
        for finding in findings
        if finding.effect == "deny"
    ]
    steps += [
        Action(
            who=people,
            command=f"itil-gate approve {name} --head {facts.head}",
            why=f"{demand.id}: {demand.role}" + (f" of {demand.service}" if demand.service else ""),
        )
        for demand, people in settled.missing
    ]
    return tuple(steps)
