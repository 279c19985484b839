"""Judge one change request under one policy set: risk, rules, schedule, approvals.

The gate calls this once for the policies of the target and, where a pull request proposes others,
once more for those. Nothing here combines the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from itil_gate.decide.coverage import environments_of, scope_paths, services_of
from itil_gate.decide.lane import lane_of
from itil_gate.decide.ledger import Matter, keep_ledger
from itil_gate.decide.rejections import inherited_rejections
from itil_gate.decide.requirements import UNPROVED_ID, counting, demands, settle
from itil_gate.decide.schedule import blast_radius, check_schedule, planned_interval
from itil_gate.model.base import LEVELS
from itil_gate.model.decision import (
    Action,
    ChangeVerdict,
    LedgerEntry,
    RequirementState,
    RuleState,
)
from itil_gate.model.finding import Finding, Place
from itil_gate.reading.extensions import check_extensions
from itil_gate.risk.classify import assess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.decide.contributors import Contributors
    from itil_gate.decide.coverage import Territory
    from itil_gate.decide.requirements import Demand, Settled
    from itil_gate.decide.roster import Roster
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.decision import Outcome, RiskAssessment, RuleOutcome, Side
    from itil_gate.model.facts import Facts
    from itil_gate.model.policy import PolicySet, Source
    from itil_gate.reading.document import Document

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


@dataclass(frozen=True)
class Asked:
    """A request as it was read: the change, its file and the place of every key."""

    change: ChangeRequest
    source: Source
    digest: str
    document: Document
    advice: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Bench:
    """One policy set with what follows from it for the whole pull request."""

    side: Side
    policies: PolicySet
    roster: Roster
    contributors: Contributors
    territory: Territory


@dataclass(frozen=True)
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
        *_claims(asked, bench, paths=paths, footprint=footprint, risk=risk),
        *_unproved(bench.contributors, risk),
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
        *(_rejected(entry) for entry in ledger.rejections),
        *_inherited(asked, bench, facts=facts, own=own),
        *_withdrawn(ledger.withdrawn),
        *_approvals(change, settled, risk, facts=facts),
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


def _claims(
    asked: Asked,
    bench: Bench,
    *,
    paths: tuple[str, ...],
    footprint: frozenset[str],
    risk: RiskAssessment,
) -> list[Finding]:
    """Compare what the request claims with the roster, the catalogue and the diff."""
    change, policies = asked.change, bench.policies
    spec, at = change.spec, asked.document.place
    found = []
    named = (
        (change.metadata.requester, ("metadata", "requester")),
        (spec.implementer, ("spec", "implementer")),
    )
    found += [
        Finding(
            rule="unknown-person",
            message=f"{where[-1]} {person} is not in people.yaml",
            remedy="use a person id from people.yaml on the target branch",
            place=at(where),
        )
        for person, where in named
        if person is not None and person not in bench.roster.persons
    ]
    known = {service.name for service in policies.services}
    found += [
        Finding(
            rule="unknown-service",
            message=f"the service {service} is not in the catalogue",
            remedy=f"use one of: {', '.join(sorted(known)) or 'none is described yet'}",
            place=at(("spec", "services", index)),
        )
        for index, service in enumerate(spec.services)
        if service not in known
    ]
    if spec.model is not None or spec.type == "standard":
        found.append(
            Finding(
                rule="unknown-model",
                message=f"the change model {spec.model or '(none)'} is not published",
                remedy="use a published model, or `type: normal` without a model",
                place=at(("spec", "model")) if spec.model else at(("spec", "type")),
            )
        )
    found += [
        Finding(
            rule="undeclared-service",
            message=f"paths of the service {service} change, but spec.services does not name it",
            remedy=f"add {service} to spec.services",
            place=at(("spec", "services")),
        )
        for service in sorted(footprint - set(spec.services))
    ]
    found += [
        Finding(
            rule="undeclared-environment",
            message=f"the change takes effect in {name}, but spec.environments does not name it",
            remedy=f"add {name} to spec.environments",
            place=at(("spec", "environments")),
        )
        for name in environments_of(paths, policies.config)
        if name not in spec.environments
    ]
    if spec.risk is not None and LEVELS.index(spec.risk) < LEVELS.index(risk.level):
        found.append(
            Finding(
                rule="under-declared-risk",
                message=f"the request says {spec.risk}; assessed is {risk.level}, which holds",
                remedy="leave spec.risk out, or raise it",
                effect="advise",
                place=at(("spec", "risk")),
            )
        )
    if policies.extension_schema is not None or spec.extensions:
        found += check_extensions(spec.extensions, policies.extension_schema, asked.document)
    return found


def _unproved(contributors: Contributors, risk: RiskAssessment) -> list[Finding]:
    if not contributors.unproved:
        return []
    low = risk.level == "low"
    commits = ", ".join(commit[:12] for commit in contributors.unproved[:5])
    more = f" and {len(contributors.unproved) - 5} more" if contributors.unproved[5:] else ""
    cost = "one approval more is needed" if low else f"at {risk.level} risk that is refused"
    return [
        Finding(
            rule="unproved-contributor",
            message=f"nothing proves who made commit {commits}{more}: {cost}",
            remedy="sign the commits with an SSH key listed in people.yaml, or vouch for your own "
            "with `itil-gate vouch COMMIT`",
            effect="advise" if low else "deny",
        )
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
    change: ChangeRequest, settled: Settled, risk: RiskAssessment, *, facts: Facts
) -> list[Finding]:
    if not settled.states:
        return [
            Finding(
                rule="no-applicable-policy",
                message=f"no approval requirement applies to {risk.level} risk",
                remedy="add one to an ApprovalPolicy on the target branch",
                place=Place(file="policies"),
            )
        ]
    found = [
        Finding(
            rule="unsatisfiable-requirement",
            message=_impossible(demand),
            remedy="name more people in the role on the target, or give the requirement a "
            "fallback role",
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


def _impossible(demand: Demand) -> str:
    of = f" for {demand.service}" if demand.service else ""
    if not demand.holders:
        return f"{demand.id} needs {demand.needed} {demand.role}{of}, and nobody holds that role"
    barred = sorted(demand.holders - demand.eligible)
    because = f"; {', '.join(barred)} took part in the change" if barred else ""
    left = ", ".join(sorted(demand.eligible)) or "nobody"
    return f"{demand.id} needs {demand.needed} {demand.role}{of}; left: {left}{because}"


def _whose(state: RequirementState) -> str:
    return f"{state.role} of {state.service}" if state.service else state.role


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
