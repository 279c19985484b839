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
from itil_gate.decide.requirements import BUILT_IN, counting, demands, settle
from itil_gate.decide.schedule import blast_radius, check_schedule, planned_interval
from itil_gate.model.decision import (
    Action,
    ChangeVerdict,
    RuleState,
)
from itil_gate.model.frozen import frozen
from itil_gate.risk.classify import assess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from itil_gate.decide.matter import Asked, Bench
    from itil_gate.decide.requirements import Settled
    from itil_gate.expressions.environment import Bindings
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.decision import Outcome, RiskAssessment, RuleOutcome, Side
    from itil_gate.model.environment import RiskView
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
    values: Values


def judge_change(asked: Asked, *, bench: Bench, facts: Facts, own: frozenset[str]) -> Judged:
    """Return the verdict on one change request under one policy set."""
    change, policies = asked.change, bench.policies
    paths = scope_paths(change, bench.territory)
    footprint = frozenset(change.spec.services) | services_of(paths, policies.services)
    reached = blast_radius(footprint, policies.services)
    values = _values(asked, bench=bench, facts=facts, footprint=footprint)
    risk = _assess(
        change, bench=bench, facts=facts, footprint=footprint, reached=reached, values=values
    )
    values.add(lambda: {"risk": _risk_view(risk)})
    lane = lane_of(risk.level)
    values.add(lambda: {"lane": lane})
    findings = [
        *asked.advice,
        *check_claims(asked, bench, paths=paths, footprint=footprint, risk=risk),
        *check_proof(bench.contributors, risk),
        *check_schedule(
            change,
            services=policies.services,
            footprint=footprint,
            blast_radius=reached,
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
        lane=lane,
        holds=lambda policy, name: bench.conditions.requirements[policy, name].evaluate(values.all),
    )
    matter = Matter(
        change=change,
        request=asked.digest,
        text=asked.source.text,
        level=risk.level,
        demands=tuple(demand.bound() for demand in wanted if demand.id not in BUILT_IN),
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
    if bench.conditions.rules:
        from itil_gate.decide.rule_sets import (  # noqa: PLC0415 - few sets have rules
            findings_of,
            judge_rules,
        )

        own_rules = judge_rules(
            bench.conditions.rules,
            values.all,
            asked=asked,
            bench=bench,
            paths=[entry.path for entry in facts.diff],
            footprint=footprint,
            now=facts.now,
        )
        rules += own_rules
        findings += findings_of(own_rules)
    verdict = ChangeVerdict(
        id=change.metadata.id,
        path=asked.source.path,
        digest=asked.digest,
        title=change.metadata.title,
        requester=change.metadata.requester,
        outcome=outcome_of(findings),
        lane=lane,
        risk=risk,
        services=tuple(sorted(footprint)),
        environments=tuple(sorted(change.spec.environments)),
        interval=planned_interval(change),
        requirements=settled.states,
        ledger=ledger.entries,
        rules=rules,
    )
    return Judged(verdict, _actions(change, settled, findings, facts), values)


class Values:
    """What expressions are shown of one change, stage by stage; made only where they are."""

    def __init__(self, first: Callable[[], Bindings] | None) -> None:
        self._first = first
        self._later: list[Callable[[], Mapping[str, object]]] = []
        self._made: Bindings | None = None

    def add(self, more: Callable[[], Mapping[str, object]]) -> None:
        """Note what a stage adds."""
        self._later.append(more)

    @property
    def all(self) -> Bindings:
        """Everything that is known so far. Raises TypeError where the set has no expression."""
        if self._first is None:
            raise TypeError("there is no expression to be shown anything")
        if self._made is None:
            self._made = self._first()
        while self._later:
            self._made = self._made.also(self._later.pop(0)())
        return self._made


def _values(asked: Asked, *, bench: Bench, facts: Facts, footprint: frozenset[str]) -> Values:
    environment = bench.conditions.environment
    if environment is None:
        return Values(None)

    def first() -> Bindings:
        from itil_gate.decide.views import bind_facts  # noqa: PLC0415 - few sets have expressions

        return bind_facts(environment, asked.change, facts=facts, bench=bench, footprint=footprint)

    return Values(first)


def _assess(
    change: ChangeRequest,
    *,
    bench: Bench,
    facts: Facts,
    footprint: frozenset[str],
    reached: frozenset[str],
    values: Values,
) -> RiskAssessment:
    policies = bench.policies
    known = {service.name for service in policies.services}
    impact = change.spec.impact
    return assess(
        change.spec.risk,
        paths=[entry.path for entry in facts.diff],
        models=policies.risk_models,
        judge_paths=bench.territory.judge,
        met=lambda *key: bench.conditions.risk[key].evaluate(values.all),
        services=[service for service in policies.services if service.name in footprint],
        unknown=sorted(footprint - known),
        reached=len(reached),
        irreversible=impact is not None and impact.reversible is False,
        history=facts.history,
    )


def _risk_view(risk: RiskAssessment) -> RiskView:
    from itil_gate.decide.views import risk_view  # noqa: PLC0415 - few sets have expressions

    return risk_view(risk)


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
