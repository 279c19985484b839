"""The lane a change takes: who has authority over it, by its type, its model and its risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from itil_gate.decide.models import Fit
    from itil_gate.model.base import Level
    from itil_gate.model.change import ChangeRequest, ChangeType
    from itil_gate.model.decision import Lane

LANES: dict[Level, Lane] = {
    "low": "peer",
    "medium": "team",
    "high": "board",
    "critical": "board",
}
UNASKED: frozenset[Lane] = frozenset({"express", "registration"})
"""Lanes in which nobody is asked unless a requirement names them."""
BOARD_LEVELS = frozenset(level for level, lane in LANES.items() if lane == "board")
MODEL_LANES: dict[ChangeType, Lane] = {"standard": "express", "registration": "registration"}
"""The lanes that a fitting published model opens, by the type of both model and request."""


def lane_of(
    change: ChangeRequest,
    *,
    level: Level,
    fit: Fit | None,
    policies_lanes: frozenset[Lane],
    judge: bool = False,
) -> Lane:
    """Return the lane of a change; `policies_lanes` are those that some requirement lists.

    `judge` tells whether policies, people, configuration or what runs the gate change: they always
    go by risk, for nobody changes them in a hurry or unasked. High and critical risk is never
    express, and registered only where the model itself says so. An emergency takes its lane only
    where somebody is asked in it. A model opens its lane only if nothing at all was found against
    the fit, advice included. Everything else goes by risk.
    """
    kind = change.spec.type
    if judge:
        return LANES[level]
    if kind == "emergency" and "emergency" in policies_lanes:
        return "emergency"
    model = fit.model if fit is not None and not fit.findings else None
    if model is not None and model.spec.type == kind:
        open_to = MODEL_LANES.get(kind, LANES[level])
        # A model was authorised for what is done often and well, not for what may break much.
        if open_to in UNASKED and level in BOARD_LEVELS:
            said_so = open_to == "registration" and model.spec.limits.risk is not None
            return open_to if said_so else LANES[level]
        return open_to
    return LANES[level]
