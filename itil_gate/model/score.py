"""What was measured about a change: its likelihood of failing, point by point, and its impact.

Whole numbers only. What is not known is named and never stands for a low value.
"""

from typing import Literal

from pydantic import Field

from itil_gate.model.made import Made

Likelihood = Literal["rare", "unlikely", "possible", "likely", "unknown"]


class LikelihoodPoint(Made):
    """One factor of a likelihood card that gave points to a change."""

    factor: str
    points: int
    reason: str
    known: bool = Field(True, description="False where the most was counted for want of a fact.")


class LikelihoodScore(Made):
    """How likely a change is to be backed out, compared with its repository's usual rate."""

    card: str = Field(description="Name and version of the card, for example change-failure/1.")
    likelihood: Likelihood
    points: int = Field(description="The sum of all contributions.")
    contributions: tuple[LikelihoodPoint, ...] = Field(
        (), description="Every factor that gave points, in the order of the card."
    )
    unknown: tuple[str, ...] = Field((), description="Factors about which no fact was to be had.")
    usual_ppm: int | None = Field(
        None, description="The repository's own failure rate, per million changes."
    )
    expected_ppm: int | None = Field(
        None, description="The failure rate of changes with these points there, per million."
    )


class ImpactReason(Made):
    """One reason why the impact is at least so high."""

    source: str = Field(description="Where it comes from, for example tier:payments-api.")
    impact: int
    reason: str


class ImpactScore(Made):
    """Impact from 1 to 5: the highest of all reasons, which come highest first."""

    impact: int
    reasons: tuple[ImpactReason, ...]
