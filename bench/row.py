"""A row of the benchmark table: one ratio, its target, and what it was made of.

A ratio compares two things measured in one run on one machine; a bare number of seconds says more
about the machine than about us, so it may stand in `detail` and never in `value`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Row:
    """One ratio against its target; without a target it is only reported."""

    what: str
    value: float
    target: float | None = None
    want: Literal["at most", "at least"] = "at most"
    detail: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.value <= self.target if self.want == "at most" else self.value >= self.target
