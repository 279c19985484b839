"""Risk appetite: whether a change is riskier than what the organisation takes.

It says only that a change is above, and whose exception would be needed; who approved is known
elsewhere. An appetite whose review is overdue still holds, for nobody has allowed more since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.base import LEVELS
from itil_gate.model.finding import Finding
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from itil_gate.model.base import Level
    from itil_gate.model.risk import Appetite, RiskModel

BEYOND = "beyond-appetite"
OVERDUE = "review-overdue"


@frozen
class Excess:
    """An appetite that a change is above, and the name of the risk model that states it."""

    model: str
    level: Level
    appetite: Appetite


def beyond_appetite(level: Level, *, models: Sequence[RiskModel]) -> tuple[Excess, ...]:
    """Return every appetite that a change of this risk is above; none where none is stated."""
    return tuple(
        Excess(model.metadata.name, level, appetite)
        for model in models
        if (appetite := model.spec.appetite) is not None
        and LEVELS.index(level) > LEVELS.index(appetite.maximum)
    )


def refuse_excess(excess: Excess, *, approved: bool, unaware: Sequence[str] = ()) -> Finding | None:
    """Return why a change above the appetite cannot go on as it is; None if an exception was made.

    `approved` says whether somebody who holds the role of the exception approved this change as
    such, and means nothing where the appetite names no role. `unaware` approved it in that role,
    and nothing says that they knew of the appetite.
    """
    appetite = excess.appetite
    if appetite.exception is not None and approved:
        return None
    remedy = f"make it less risky, or split it until no part is above {appetite.maximum}"
    if appetite.exception is not None:
        remedy += f"; or let a {appetite.exception} approve the exception, by a signature made now"
    message = (
        f"the risk is {excess.level}, and {appetite.sponsor} takes at most"
        f" {appetite.maximum} (appetite of the risk model {excess.model})"
    )
    if appetite.exception is not None and unaware:
        message += f"; what {', '.join(unaware)} approved does not name this appetite"
    return Finding(
        rule=BEYOND,
        message=message,
        remedy=remedy,
        effect="pending" if appetite.exception is not None else "deny",
    )


def overdue_appetites(models: Sequence[RiskModel], *, today: date) -> tuple[Finding, ...]:
    """Return advice about the appetites that should have been looked at before today."""
    return tuple(
        Finding(
            rule=OVERDUE,
            message=f"the appetite of the risk model {model.metadata.name} was to be looked at by"
            f" {appetite.review_by}",
            remedy=f"let {appetite.sponsor} confirm or change it, and move reviewBy",
            effect="advise",
        )
        for model in models
        if (appetite := model.spec.appetite) is not None and appetite.review_by < today
    )
