"""Classify the risk of a change by the paths it touches; every contribution is kept.

The level is the highest of all contributions (the first match never decides). The whole diff is
read, also where a pull request spreads it over several requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.base import LEVELS
from itil_gate.model.decision import Contribution, RiskAssessment
from itil_gate.reading.globs import compile_globs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.model.base import Level
    from itil_gate.model.risk import RiskModel

SHOWN_PATHS = 20
JUDGE_LEVEL: Level = "high"


def highest(levels: Sequence[Level]) -> Level:
    """Return the highest of one or more risk levels."""
    return max(levels, key=LEVELS.index)


def assess(
    declared: Level | None,
    *,
    paths: Sequence[str],
    models: Sequence[RiskModel],
    judge_paths: Sequence[str],
) -> RiskAssessment:
    """Return the risk of a diff with every reason for it.

    `paths` are all changed paths, `judge_paths` those of them that belong to the judge's data or
    to the workflows. All risk models are read and the highest contribution holds.
    """
    contributions = [
        Contribution(
            source=f"{model.metadata.name}:default",
            level=model.spec.default,
            reason="every change starts here",
        )
        for model in models
    ]
    contributions += [found for model in models for found in _floors(model, paths)]
    if judge_paths:
        contributions.append(
            Contribution(
                source="built-in:judge-data",
                level=JUDGE_LEVEL,
                reason="the change touches policies, people, configuration or workflows",
                paths=tuple(judge_paths[:SHOWN_PATHS]),
            )
        )
    assessed = highest([item.level for item in contributions])
    if declared is not None and LEVELS.index(declared) > LEVELS.index(assessed):
        contributions.append(
            Contribution(source="declared", level=declared, reason="the requester raised it")
        )
        assessed = declared
    return RiskAssessment(level=assessed, declared=declared, contributions=tuple(contributions))


def _floors(model: RiskModel, paths: Sequence[str]) -> list[Contribution]:
    found = []
    for floor in model.spec.floors:
        matches = compile_globs(floor.paths)
        touched = [path for path in paths if matches(path)]
        if touched:
            found.append(
                Contribution(
                    source=f"{model.metadata.name}:{floor.id}",
                    level=floor.level,
                    reason=floor.reason,
                    paths=tuple(touched[:SHOWN_PATHS]),
                )
            )
    return found
