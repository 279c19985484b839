"""Replay a stored decision: the same inputs must give the same bytes, years later, offline.

Another engine version compares outcomes only and says so. Nothing is read but what is handed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from itil_gate.decide.gate import ENGINE, decide
from itil_gate.model.canonical import canonical
from itil_gate.model.decision import StoredDecision
from itil_gate.model.errors import GateError
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from itil_gate.model.decision import Decision

Result = Literal["identical", "engine-differs", "differs"]


@frozen
class Replay:
    """What came of a replay."""

    result: Result
    stored: Decision
    recomputed: Decision
    differences: tuple[str, ...]
    """Names of the top-level fields that differ."""

    @property
    def holds(self) -> bool:
        """Whether the stored decision stands: identical, or the same outcome by another engine."""
        if self.result == "engine-differs":
            return self.stored.outcome == self.recomputed.outcome
        return self.result == "identical"


def load_stored(text: str, *, file: str) -> StoredDecision:
    """Return a stored decision. Raises GateError `not-a-stored-decision` for anything else."""
    try:
        return StoredDecision.model_validate_json(text)
    except ValueError as error:
        raise GateError(
            "not-a-stored-decision",
            f"{file} is not a stored decision",
            hint="`itil-gate check --output FILE` writes one",
        ) from error


def replay(stored: StoredDecision) -> Replay:
    """Decide again on the stored inputs and compare.

    Raises what `decide` raises where the inputs do not even load.
    """
    again = decide(stored.inputs)
    if canonical(again) == canonical(stored.decision):
        return Replay("identical", stored.decision, again, ())
    differences = tuple(
        name
        for name in type(again).model_fields
        if getattr(again, name) != getattr(stored.decision, name)
    )
    result: Result = "engine-differs" if stored.decision.engine != ENGINE else "differs"
    return Replay(result, stored.decision, again, differences)
