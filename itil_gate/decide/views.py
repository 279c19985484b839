"""What expressions are shown of a change: values made of facts, none of them a judgement of ours.

Made only where a policy has expressions. A value that is not known is missing, never a harmless
one in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide.coverage import REGULAR, services_of
from itil_gate.decide.schedule import blast_radius, freeze_names, planned_interval
from itil_gate.expressions.functions import Scene, business_days
from itil_gate.model.base import LEVELS
from itil_gate.model.environment import (
    DiffView,
    EvidenceView,
    PeopleView,
    RiskView,
    ScheduleView,
    ServiceView,
)
from itil_gate.policy.places import is_judge_path, is_request_path
from itil_gate.reading.globs import compile_globs
from itil_gate.reading.times import length

if TYPE_CHECKING:
    from collections.abc import Collection

    from itil_gate.decide.matter import Bench
    from itil_gate.expressions.environment import Bindings, Environment
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.decision import RiskAssessment
    from itil_gate.model.facts import Facts
    from itil_gate.model.services import Service

MINUTE = 60
EMPTY = frozenset(
    {
        "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
        "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
    }
)
"""What git calls a file without a byte, by SHA-1 and by SHA-256."""


def bind_facts(
    environment: Environment,
    change: ChangeRequest,
    *,
    facts: Facts,
    bench: Bench,
    footprint: Collection[str],
) -> Bindings:
    """Return what is known of a change before its risk: see `policy.conditions.FACTS`."""
    values = {
        "change": change,
        "diff": _diff(facts, bench),
        "services": _services(change, facts, bench, footprint),
        "schedule": _schedule(change, facts, bench, frozenset(footprint)),
        "evidence": _evidence(change, facts, bench),
        "people": PeopleView(
            contributors=len(bench.contributors.people),
            agents=bench.contributors.by_agent,
            unproved=len(bench.contributors.unproved),
        ),
        "now": facts.now,
    }
    paths = tuple(entry.path for entry in facts.diff)
    return environment.bind(values, scene=Scene(paths=paths, now=facts.now))


def risk_view(risk: RiskAssessment) -> RiskView:
    """Return what expressions see of an assessed risk; what was not measured is missing."""
    likelihood = risk.likelihood
    return RiskView(
        level=risk.level,
        rank=LEVELS.index(risk.level),
        score=risk.score,
        impact=risk.impact.impact if risk.impact else None,
        likelihood=likelihood.likelihood if likelihood else "unknown",
        points=likelihood.points if likelihood else None,
        declared=risk.declared or "",
    )


def _diff(facts: Facts, bench: Bench) -> DiffView:
    kinds = [entry.status for entry in facts.diff]
    territory = bench.territory
    judge = frozenset(territory.judge)
    others = [path for path in territory.governed if path not in judge]
    placed = compile_globs(
        [glob for entry in bench.policies.config.environments for glob in entry.paths]
    )
    return DiffView(
        paths=tuple(entry.path for entry in facts.diff),
        files=len(facts.diff),
        added=kinds.count("A"),
        modified=kinds.count("M") + kinds.count("T"),
        deleted=kinds.count("D"),
        requests=len(territory.requests),
        judge=bool(judge),
        judge_only=bool(judge) and not others,
        placed=all(map(placed, others)),
    )


def _services(
    change: ChangeRequest, facts: Facts, bench: Bench, footprint: Collection[str]
) -> tuple[ServiceView, ...]:
    catalogue = bench.policies.services
    known = {service.name: service for service in catalogue}
    owned = services_of([entry.path for entry in facts.diff], catalogue)
    return tuple(
        _service(
            name,
            known.get(name),
            declared=name in change.spec.services,
            owned=name in owned,
            dependents=len(blast_radius(frozenset((name,)), catalogue, depth=len(catalogue))) - 1,
        )
        for name in sorted(footprint)
    )


def _service(
    name: str, service: Service | None, *, declared: bool, owned: bool, dependents: int
) -> ServiceView:
    return ServiceView(
        name=name,
        tier=(service.tier or 0) if service else 0,
        lifecycle=(service.lifecycle or "") if service else "",
        data_class=(service.data_class or "") if service else "",
        declared=declared,
        owned=owned,
        known=service is not None,
        dependents=dependents,
        annotations=dict(service.annotations) if service else {},
    )


def _schedule(
    change: ChangeRequest, facts: Facts, bench: Bench, footprint: frozenset[str]
) -> ScheduleView:
    policies, planned, window = bench.policies, planned_interval(change), change.spec.window
    freezes = freeze_names(
        change,
        services=policies.services,
        footprint=footprint,
        calendars=policies.calendars,
        calendar_texts=policies.calendar_texts,
        now=facts.now,
    )
    if planned is None or window is None:
        return ScheduleView(planned=False, in_freeze=bool(freezes), freezes=freezes)
    soak = length(window.soak)
    return ScheduleView(
        planned=True,
        start=planned.start,
        end=planned.end,
        minutes=int((planned.end - soak - planned.start).total_seconds()) // MINUTE,
        notice_days=max(0, business_days(facts.now, planned.start)),
        in_freeze=bool(freezes),
        freezes=freezes,
    )


def _present(change: ChangeRequest, facts: Facts, bench: Bench) -> tuple[str, ...]:
    """Return the kinds of evidence of which a file comes with the change, sorted.

    It has to be added for it: whatever was there before, or is the change itself, tells nothing of
    it. A file has one format, so one that is named as two kinds is neither.
    """
    config = bench.policies.config
    added = {
        entry.path
        for entry in facts.diff
        if entry.status == "A"
        and entry.new_mode == REGULAR
        and entry.new_id not in EMPTY
        and not is_request_path(config, entry.path)
        and not is_judge_path(config, entry.path)
    }
    named: dict[str, set[str]] = {}
    for link in change.spec.evidence:
        named.setdefault(link.path, set()).add(link.kind)
    return tuple(
        sorted({min(kinds) for path, kinds in named.items() if path in added and len(kinds) == 1})
    )


def _evidence(change: ChangeRequest, facts: Facts, bench: Bench) -> EvidenceView:
    unsealed: set[str] = set()
    if facts.external:
        from itil_gate.decide.reports import reports_of  # noqa: PLC0415 - few are handed any

        entries = reports_of(bench.policies.external_checks, facts, side=bench.side)
        unsealed = {one.name for one in entries if not one.counted and one.code != "undeclared"}
    # A report that holds no test is no report: an empty one must not look like a clean one.
    told = {
        one.name
        for one in facts.external
        if not one.fault and one.tests > 0 and one.name not in unsealed
    }
    failed = {one.name for one in facts.external if one.failures or one.name not in told}
    return EvidenceView(
        kinds=tuple(sorted({link.kind for link in change.spec.evidence})),
        present=_present(change, facts, bench),
        checks=tuple(sorted(told)),
        failed=tuple(sorted(failed)),
    )
