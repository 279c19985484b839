"""The way a change takes: its risk, the model it follows and the lane they lead to.

Risk comes first and knows neither model nor lane; a model limits, and only what fits it without
any doubt may leave the lanes of ordinary changes.
"""

from __future__ import annotations

from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING

from itil_gate.decide.coverage import environments_of, unowned, unplaced
from itil_gate.decide.lane import lane_of
from itil_gate.model.finding import Finding
from itil_gate.model.frozen import frozen
from itil_gate.policy.places import is_request_path
from itil_gate.risk.classify import assess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.decide.matter import Asked, Bench
    from itil_gate.decide.values import Values
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.change_model import ChangeModel
    from itil_gate.model.config import Config
    from itil_gate.model.decision import RiskAssessment
    from itil_gate.model.facts import Facts
    from itil_gate.model.policy import ApprovalPolicy, Lane
    from itil_gate.model.risk import Unreviewable
    from itil_gate.risk.reviewable import Unread


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
        unread=partial(_unread, facts=facts, config=policies.config),
    )


def _unread(terms: Unreviewable, *, facts: Facts, config: Config) -> Unread | None:
    """Return what of a change nobody can review; its requests are about it and no part of it."""
    from itil_gate.risk.reviewable import find_unread  # noqa: PLC0415 - not every model asks

    diff = [entry for entry in facts.diff if not is_request_path(config, entry.path)]
    return find_unread(terms, diff=diff, contents=facts.contents)


def find_route(
    asked: Asked,
    *,
    bench: Bench,
    facts: Facts,
    footprint: frozenset[str],
    risk: RiskAssessment,
    values: Values,
) -> Route:
    """Return the way a change takes; `footprint` is of the whole diff, `values` know the risk."""
    change, policies = asked.change, bench.policies
    lanes, judge = lanes_of(policies.approvals), bool(bench.territory.judge)
    plain = change.spec.type not in ("standard", "emergency") or not policies.change_models
    if change.spec.model is None and plain and change.spec.type != "standard":
        lane = lane_of(change, level=risk.level, fit=None, policies_lanes=lanes, judge=judge)
        return Route(lane, None, ())
    from itil_gate.decide.models import Fit, fit_model  # noqa: PLC0415 - few follow a model

    fit = fit_model(
        change,
        models=policies.change_models,
        entries=[one for one in facts.diff if not is_request_path(policies.config, one.path)],
        services=footprint,
        environments=tuple(
            sorted(
                {
                    *change.spec.environments,
                    *environments_of(bench.territory.governed, policies.config),
                }
            )
        ),
        level=risk.level,
        today=facts.now.astimezone(UTC).date(),
        judge_paths=bench.territory.judge,
        place=asked.document.place,
        checks=lambda model: _checks(model, asked=asked, bench=bench, values=values),
    )
    if fit.model is not None and not fit.findings and change.spec.type == "standard":
        fit = Fit(fit.model, tuple(_claimed(asked, fit.model, bench=bench)))
    return Route(
        lane_of(change, level=risk.level, fit=fit, policies_lanes=lanes, judge=judge),
        fit.model.metadata.name if fit.model else None,
        fit.findings,
    )


def _claimed(asked: Asked, model: ChangeModel, *, bench: Bench) -> Iterator[Finding]:
    """Yield advice where only the request says what changes and where, so that somebody looks.

    Risk and freezes hang on services and environments. Where nobody is asked, they are measured as
    those of a change that was recognised without a request.
    """
    from itil_gate.decide.models import few  # noqa: PLC0415 - few follow a model

    territory, policies = bench.territory, bench.policies
    strangers = bench.contributors.strangers
    if strangers:
        yield Finding(
            rule="outside-model",
            message=f"nobody in people.yaml is {few(strangers)}, who took part: it is approved as "
            "usual",
            remedy="list who took part in people.yaml on the target, an agent with its sponsor",
            effect="advise",
            place=asked.document.place(("spec", "model")),
        )
    limits = model.spec.limits.environments
    lost = unowned(territory.governed, policies.services)
    if lost:
        yield Finding(
            rule="outside-model",
            message=f"no service of the catalogue owns {few(lost)}, so that only the request says "
            "what changes: it is approved as usual",
            remedy="let a service of the catalogue name these paths on the target",
            effect="advise",
            place=asked.document.place(("spec", "services")),
        )
    elsewhere = unplaced(territory.governed, policies.config)
    if elsewhere and not (limits and set(limits) <= set(asked.change.spec.environments)):
        named = f"the environments of {model.metadata.name}: {few(limits)}" if limits else ""
        yield Finding(
            rule="outside-model",
            message=f"the configuration does not say where {few(elsewhere)} takes effect, so that "
            "only the request does: it is approved as usual",
            remedy=f"name all {named}"
            if named
            else "let itil-gate.yaml name the environment of these paths, or the model its "
            "limits.environments",
            effect="advise",
            place=asked.document.place(("spec", "environments")),
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
