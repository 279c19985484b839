"""The lane a change takes: who has authority over it, by its risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from itil_gate.model.base import Level
    from itil_gate.model.decision import Lane

LANES: dict[Level, Lane] = {
    "low": "peer",
    "medium": "team",
    "high": "board",
    "critical": "board",
}


def lane_of(level: Level) -> Lane:
    """Return the lane of a change by its assessed risk level."""
    return LANES[level]
