"""Rule sets: each rule of the organisation judged for one change, passes too.

A rule that is only announced (`effectiveFrom` ahead, `mode: audit`) or advisory advises; a soft one
refuses unless it is waived; a hard one refuses. A condition without a value stops the decision.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from itil_gate.decide.waivers import find_waiver
from itil_gate.model.decision import RuleState
from itil_gate.model.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime

    from itil_gate.decide.matter import Asked, Bench
    from itil_gate.expressions.environment import Bindings
    from itil_gate.model.decision import RuleOutcome
    from itil_gate.model.facts import WaiverUse
    from itil_gate.model.finding import Effect
    from itil_gate.policy.conditions import CompiledRule, CompiledRules


def judge_rules(
    sets: Sequence[CompiledRules],
    values: Bindings,
    *,
    asked: Asked,
    bench: Bench,
    paths: Sequence[str],
    footprint: frozenset[str],
    now: datetime,
    uses: Sequence[WaiverUse] | None = None,
) -> tuple[RuleState, ...]:
    """Return the state of every rule for one change.

    `values` bind all that is known, risk and lane included; `paths` are the whole diff but for
    request files. Raises PolicyError for an expression without a value.
    """
    return tuple(
        _judge(
            rule,
            own,
            asked=asked,
            bench=bench,
            paths=paths,
            footprint=footprint,
            now=now,
            uses=uses,
        )
        for rules in sets
        for own in (with_variables(rules, values),)
        for rule in rules.rules
    )


def findings_of(states: Sequence[RuleState]) -> Iterator[Finding]:
    """Yield the findings of all states."""
    for state in states:
        yield from state.findings


def with_variables(rules: CompiledRules, values: Bindings) -> Bindings:
    """Return the values bound in the rule set's own environment, shared names included."""
    if rules.environment is values.environment:
        return values
    shared = {name: variable.evaluate(values) for name, variable in rules.variables.items()}
    return values.also(shared, environment=rules.environment)


def _judge(
    compiled: CompiledRule,
    values: Bindings,
    *,
    asked: Asked,
    bench: Bench,
    paths: Sequence[str],
    footprint: frozenset[str],
    now: datetime,
    uses: Sequence[WaiverUse] | None,
) -> RuleState:
    rule = compiled.rule

    used = ""

    def state(outcome: RuleOutcome, detail: str = "", *found: Finding) -> RuleState:
        return RuleState(
            rule=rule.id,
            side=bench.side,
            state=outcome,
            findings=found,
            policy=compiled.policy,
            enforcement=rule.enforcement,
            detail=detail,
            docs=rule.docs or "",
            waiver=used,
        )

    if compiled.when is not None and not compiled.when.evaluate(values):
        return state("NOT_APPLICABLE")
    if compiled.expect.evaluate(values):
        return state("SATISFIED")
    effect, detail = _effect(compiled, now.astimezone(UTC).date())
    outcome: RuleOutcome = "ADVISORY" if effect == "advise" else "UNSATISFIED"
    if effect == "deny" and rule.enforcement == "soft":
        waived = find_waiver(
            rule.id,
            asked=asked,
            bench=bench,
            paths=paths,
            footprint=footprint,
            now=now,
            uses=uses,
        )
        if waived.waiver is not None:
            effect, outcome, used = "advise", "ADVISORY", waived.waiver.metadata.name
        detail = waived.detail
    place = asked.document.place(tuple(rule.at.split("."))) if rule.at else None
    message = compiled.message.render(values)
    remedy = compiled.remedy.render(values) if compiled.remedy else ""
    return state(
        outcome,
        detail,
        Finding(
            rule=rule.id,
            message=f"{message} ({detail})" if detail else message,
            remedy=remedy or rule.rationale or f"see the rule {rule.id} of {compiled.policy}",
            effect=effect,
            place=place or asked.document.place(),
        ),
    )


def _effect(compiled: CompiledRule, today: date) -> tuple[Effect, str]:
    """Return what the rule does to a change that fails it, and why if that is less than it says."""
    rule = compiled.rule
    if rule.enforcement == "advisory":
        return "advise", ""
    if rule.effective_from is not None and today < rule.effective_from:
        return "advise", f"in force from {rule.effective_from}"
    if rule.mode == "audit":
        return "advise", "only watched for now"
    return "deny", ""
