"""The way a change takes: its risk, the model it follows and the lane they lead to.

Risk comes first and knows neither model nor lane; a model limits, and only what fits it without
any doubt may leave the lanes of ordinary changes.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from itil_gate.decide.coverage import environments_of
from itil_gate.decide.lane import lane_of
from itil_gate.model.finding import Finding
from itil_gate.model.frozen import frozen
from itil_gate.policy.places import is_request_path
from itil_gate.risk.classify import assess

if TYPE_CHECKING:
    from itil_gate.decide.matter import Asked, Bench
    from itil_gate.decide.values import Values
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.change_model import ChangeModel
    from itil_gate.model.decision import RiskAssessment
    from itil_gate.model.facts import Facts
    from itil_gate.model.policy import ApprovalPolicy, Lane


@frozen
class Route:
    """Model and lane of a change, and what keeps it from its model."""

    lane: Lane
    model: str | None
    findings: tuple[Finding, ...]


def assess_risk(
    change: ChangeRequest,
    *,
    bench: Bench,
    facts: Facts,
    footprint: frozenset[str],
    reached: frozenset[str],
    values: Values,
) -> RiskAssessment:
    """Return the risk of a change that touches these services and reaches those."""
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


def find_route(
    asked: Asked,
    *,
    bench: Bench,
    facts: Facts,
    footprint: frozenset[str],
    paths: tuple[str, ...],
    risk: RiskAssessment,
    values: Values,
) -> Route:
    """Return the way a change takes; `paths` are those in its scope, `values` know its risk."""
    change, policies = asked.change, bench.policies
    lanes = lanes_of(policies.approvals)
    if change.spec.model is None and change.spec.type != "standard":
        return Route(lane_of(change, level=risk.level, fit=None, policies_lanes=lanes), None, ())
    from itil_gate.decide.models import fit_model  # noqa: PLC0415 - few changes follow a model

    fit = fit_model(
        change,
        models=policies.change_models,
        entries=[one for one in facts.diff if not is_request_path(policies.config, one.path)],
        services=footprint,
        environments=tuple(
            sorted({*change.spec.environments, *environments_of(paths, policies.config)})
        ),
        level=risk.level,
        today=facts.now.astimezone(UTC).date(),
        judge_paths=bench.territory.judge,
        place=asked.document.place,
        checks=lambda model: _checks(model, asked=asked, bench=bench, values=values),
    )
    return Route(
        lane_of(change, level=risk.level, fit=fit, policies_lanes=lanes),
        fit.model.metadata.name if fit.model else None,
        fit.findings,
    )


def lanes_of(policies: tuple[ApprovalPolicy, ...]) -> frozenset[Lane]:
    """Return the lanes that some requirement names."""
    return frozenset(
        lane
        for policy in policies
        for requirement in policy.spec.requirements
        for lane in requirement.lanes
    )


def _checks(
    model: ChangeModel, *, asked: Asked, bench: Bench, values: Values
) -> tuple[Finding, ...]:
    """Return what the model's own conditions find."""
    name = model.metadata.name
    return tuple(
        Finding(
            rule="model-check",
            message=f"{name} asks for {check.id}: {check.message.render(values.all)}",
            remedy="satisfy it, or make it `type: normal` without a model",
            place=asked.document.place(("spec", "model")),
        )
        for check in bench.conditions.checks.get(name, ())
        if not check.expect.evaluate(values.all)
    )
