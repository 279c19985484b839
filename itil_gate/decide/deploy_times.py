"""When an artefact may go into an environment: windows, freezes, and the changes they bind."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from itil_gate.decide import schedule
from itil_gate.decide.calendars import expand
from itil_gate.decide.coverage import services_of
from itil_gate.decide.deploy_facts import (
    Landed,
    runs_already,
)
from itil_gate.decide.deploy_steps import SHOWN, answered, bearing
from itil_gate.model.calendar import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.decide.deploy_facts import DeployFacts
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.policy import PolicySet
    from itil_gate.model.record import Reason

INSTANT = timedelta(seconds=1)


def bound_here(facts: DeployFacts) -> tuple[ChangeRequest, ...]:
    """Return the requests that name the environment."""
    here = facts.attempt.environment
    return tuple(one for one in facts.requests if here in one.spec.environments)


def scheduled(
    facts: DeployFacts,
    policies: PolicySet,
    tiles: Sequence[Landed],
    gaps: Sequence[tuple[str, str]],
) -> list[Reason]:
    """Hold changes to their windows, and whatever comes there to its freezes.

    A window binds in the environments that its request names; a freeze binds all that is released,
    whether a request names the environment or there is none.
    """
    now = facts.attempt.now
    outside: list[str] = []
    for change in bound_here(facts):
        interval = schedule.window_of(change)
        if interval is not None and not interval.start <= now < interval.end:
            side = "begins" if now < interval.start else "ended"
            moment = interval.start if now < interval.start else interval.end
            outside.append(
                f"{change.metadata.id}: its window {side} at {moment:%Y-%m-%d %H:%M} UTC"
            )
    met = unfrozen(facts, policies, tiles, gaps)
    return [
        answered(
            "outside-window",
            "; ".join(outside[:SHOWN]),
            well="every change for this environment is in its window or has none",
            remedy="wait for the window, or amend it in a change",
        ),
        answered(
            "in-freeze",
            "; ".join(met[:SHOWN]),
            well="no freeze is in force for what changes",
            remedy="wait for the end of the freeze",
        ),
    ]


def unfrozen(
    facts: DeployFacts,
    policies: PolicySet,
    tiles: Sequence[Landed],
    gaps: Sequence[tuple[str, str]],
) -> list[str]:
    """Return which freezes are met by what; an emergency meets none."""
    now = facts.attempt.now
    instant = Interval(start=now, end=now + INSTANT)
    occurrences = expand(policies.calendars, policies.calendar_texts, within=instant)
    declared = {one.metadata.id: one.spec.services for one in facts.requests}
    touched: dict[str, frozenset[str]] = {after[:12]: frozenset() for _, after in gaps}
    if not tiles and not gaps and not runs_already(facts.attempt, facts.releases):
        touched[facts.attempt.commit[:12]] = frozenset()
    for update in (one.update for one in bearing(tiles) if not one.update.urgent):
        for name in update.changes or (update.after[:12],):
            said = (*update.services, *declared.get(name, ()))
            touched[name] = touched.get(name, frozenset()).union(said)
    tiers = {one.name: one.tier for one in policies.services if one.tier is not None}
    changed = services_of(facts.paths, policies.services)
    met: list[str] = []
    for name, services in touched.items():
        footprint = services | changed
        exposure = schedule.Exposure(
            footprint=footprint,
            blast_radius=schedule.blast_radius(footprint, policies.services),
            environments=frozenset({facts.attempt.environment}),
            tiers=tiers,
        )
        met += [
            f"{name} meets {item.id}"
            for item in schedule.freezes_met(instant, occurrences, exposure=exposure)
        ]
    return met


def is_urgent(tiles: Sequence[Landed]) -> bool:
    """Tell whether a release brings emergencies and nothing else."""
    return bool(tiles) and all(one.update.urgent for one in bearing(tiles))
