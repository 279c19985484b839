"""Judge one change request under one policy set: risk, rules, schedule, approvals.

The gate calls this once for the policies of the target and, where a pull request proposes others,
once more for those. Nothing here combines the two.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from itil_gate.decide.claims import check_claims, check_proof
from itil_gate.decide.consent import check_consent, or_review
from itil_gate.decide.coverage import answerable, scope_paths, services_of
from itil_gate.decide.ledger import Matter, keep_ledger
from itil_gate.decide.requirements import counting, demands, review_host, settle
from itil_gate.decide.route import assess_risk, find_route
from itil_gate.decide.schedule import blast_radius, check_schedule, planned_interval
from itil_gate.decide.values import values_of
from itil_gate.model.decision import (
    Action,
    ChangeVerdict,
    RuleState,
)
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.decide.matter import Asked, Bench
    from itil_gate.decide.requirements import Settled
    from itil_gate.decide.values import Values
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.decision import BeyondAppetite, Outcome, RuleOutcome, Side
    from itil_gate.model.facts import Facts
    from itil_gate.model.finding import Finding

CHANGE_RULES: tuple[str, ...] = (
    "unknown-person",
    "unknown-service",
    "unknown-model",
    "model-type",
    "model-expired",
    "outside-model",
    "model-limit",
    "model-field",
    "model-check",
    "invalid-request",
    "undeclared-service",
    "undeclared-environment",
    "under-declared-risk",
    "beyond-appetite",
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


def judge_change(
    asked: Asked, *, bench: Bench, facts: Facts, own: frozenset[str], declared: frozenset[str]
) -> Judged:
    """Return the verdict on one change request under one policy set.

    `own` are the ids of all requests of the pull request, `declared` the services that any of them
    names. Risk, limits and conditions read the whole of it, so that nothing is made smaller by
    spreading it over several requests; calendars and approvals read what lies in this one's scope.
    """
    change, policies = asked.change, bench.policies
    paths = scope_paths(change, bench.territory)
    footprint = frozenset(change.spec.services) | services_of(paths, policies.services)
    touched = answerable(paths, policies.services)
    whole = declared | footprint | services_of(bench.territory.governed, policies.services)
    reached = blast_radius(footprint, policies.services)
    values = values_of(asked, bench=bench, facts=facts, footprint=whole)
    risk = assess_risk(
        change,
        bench=bench,
        facts=facts,
        footprint=whole,
        reached=reached if whole == footprint else blast_radius(whole, policies.services),
        values=values,
    )
    values.add_risk(risk)
    route = find_route(
        asked,
        bench=bench,
        facts=facts,
        footprint=whole,
        risk=risk,
        values=values,
    )
    values.add_lane(route.lane)
    findings = [
        *asked.advice,
        *route.findings,
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
            urgent=route.lane == "emergency",
        ),
    ]
    host = review_host(policies, level=risk.level)
    wanted = demands(
        policies.approvals,
        change=change,
        level=risk.level,
        footprint=sorted(footprint),
        touched=touched,
        roster=bench.roster,
        contributors=bench.contributors,
        now=facts.now,
        lane=route.lane,
        host=host,
        holds=lambda policy, name: bench.conditions.requirements[policy, name].evaluate(values.all),
    )
    matter = Matter(
        change=change,
        path=asked.source.path,
        request=asked.digest,
        text=asked.source.text,
        level=risk.level,
        demands=tuple(demand.bound() for demand in wanted if not demand.built_in),
        counting=counting(policies.approvals, level=risk.level),
        repository=policies.config.repository,
    )
    ledger = keep_ledger(matter, facts=facts, roster=bench.roster, contributors=bench.contributors)
    settled = settle(wanted, ledger.approvals, side=bench.side)
    findings += check_consent(
        asked,
        bench,
        ledger=ledger,
        settled=settled,
        level=risk.level,
        lane=route.lane,
        facts=facts,
        own=own,
    )
    beyond: tuple[BeyondAppetite, ...] = ()
    if any(model.spec.appetite is not None for model in policies.risk_models):
        from itil_gate.decide.appetites import (  # noqa: PLC0415 - few risk models state one
            judge_appetite,
        )

        beyond, refused = judge_appetite(
            risk, bench, ledger, footprint=footprint | touched, now=facts.now
        )
        findings += refused
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
            paths=_matter(facts, bench),
            footprint=footprint,
            now=facts.now,
            uses=facts.waiver_uses,
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
        lane=route.lane,
        model=route.model,
        risk=risk,
        beyond=beyond,
        services=tuple(sorted(footprint)),
        environments=tuple(sorted(change.spec.environments)),
        interval=planned_interval(change),
        requirements=settled.states,
        ledger=ledger.entries,
        rules=rules,
    )
    return Judged(verdict, _actions(change, settled, findings, facts, host=host), values)


def _matter(facts: Facts, bench: Bench) -> tuple[str, ...]:
    """Return every changed path but those of the requests, which are about the others."""
    requests = {entry.path for entry in bench.territory.requests}
    return tuple(entry.path for entry in facts.diff if entry.path not in requests)


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
    found: dict[str, list[Finding]] = {rule: [] for rule in rules}
    for finding in findings:
        found.setdefault(finding.rule, []).append(finding)
    states = []
    for rule, mine in found.items():
        if not mine:
            states.append(_passed(rule, side))
            continue
        advised = all(finding.effect == "advise" for finding in mine)
        state = "ADVISORY" if advised else words[outcome_of(mine)]
        states.append(RuleState(rule=rule, side=side, state=state, findings=tuple(mine)))
    return tuple(states)


@cache
def _passed(rule: str, side: Side) -> RuleState:
    """Return the state of a rule that found nothing; each of the gate's own is made once."""
    return RuleState(rule=rule, side=side, state="SATISFIED")


def _actions(
    change: ChangeRequest,
    settled: Settled,
    findings: Sequence[Finding],
    facts: Facts,
    *,
    host: str | None,
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
            command=f"itil-gate approve {name} --head {facts.head}{or_review(facts, host)}",
            why=f"{demand.id}: {demand.role}" + (f" of {demand.service}" if demand.service else ""),
        )
        for demand, people in settled.missing
    ]
    return tuple(steps)
