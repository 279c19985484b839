"""The error of an expression that has no value: the gate then cannot decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.errors import GateError
from itil_gate.reading.wording import quoted

if TYPE_CHECKING:
    from itil_gate.model.finding import Place

_REASONS: tuple[tuple[str, str, str], ...] = (
    (
        "Iteration budget exceeded",
        "it takes more than 10,000 steps",
        "ask touches(glob) or count(glob) instead of going through a list",
    ),
    ("overflow", "a number or moment leaves the range of 64 bits", "write smaller numbers"),
    (
        "PyCelArena",
        "its values were first used in another thread",
        "bind the values in the thread that evaluates",
    ),
)
_SHOWN = 200


class Failure(Exception):  # noqa: N818  # becomes a PolicyError as soon as the place is known
    """An evaluation gave no value; the message says why, in the engine's words or in ours."""


class PolicyError(GateError):
    """An expression gave no value of its type; never a pass, never a refusal, but undecided."""

    def __init__(self, why: str, *, expression: str, place: Place) -> None:
        said, hint = explained(why)
        super().__init__(
            "policy-error", f"{place}: {quoted(expression)} has no value: {said}", hint=hint
        )
        self.expression = expression
        self.place = place


def explained(why: str) -> tuple[str, str]:
    """Return why there is no value, and what to do about it, from what the engine or we say."""
    for part, reason, remedy in _REASONS:
        if part in why:
            return reason, remedy
    return why[:_SHOWN], "correct the expression; nothing is decided without it"
