"""Risk above an appetite: what it means for a change, and whose approval is the exception.

Whoever approves an exception has to have known that it is one. So an approval counts as such only
if it names the appetite, as signed approvals do; one that was given before the appetite was stated
or lowered does not, nor does a review on a forge, which names a commit and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.base import LEVELS
from itil_gate.model.decision import BeyondAppetite
from itil_gate.model.statement import BoundAppetite
from itil_gate.risk.appetite import Excess, beyond_appetite, refuse_excess

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from itil_gate.decide.ledger import Ledger
    from itil_gate.decide.matter import Bench
    from itil_gate.model.decision import RiskAssessment
    from itil_gate.model.finding import Finding


def judge_appetite(
    risk: RiskAssessment, bench: Bench, ledger: Ledger, *, footprint: frozenset[str], now: datetime
) -> tuple[tuple[BeyondAppetite, ...], tuple[Finding, ...]]:
    """Return the appetites that a change is above, and what stands in its way for that.

    An exception is given by people who hold the role, between them for everything that changes or
    is named: `footprint`, with NO_SERVICE where files of no service change.
    """
    beyond: list[BeyondAppetite] = []
    found: list[Finding] = []
    for excess in beyond_appetite(risk.level, models=bench.policies.risk_models):
        said = excess.appetite
        beyond.append(
            BeyondAppetite(
                model=excess.model,
                side=bench.side,
                maximum=said.maximum,
                exception=said.exception,
            )
        )
        in_role = {who for who, roles in ledger.approvals.items() if said.exception in roles}
        knowing = {who for who in in_role if _names(ledger.knowing.get(who, frozenset()), excess)}
        given = said.exception is not None and all(
            not knowing.isdisjoint(bench.roster.holders(said.exception, service=name, now=now))
            for name in footprint
        )
        refused = refuse_excess(excess, approved=given, unaware=sorted(in_role - knowing))
        if refused is not None:
            found.append(refused)
    return tuple(beyond), tuple(found)


def bound_appetites(beyond: Iterable[BeyondAppetite]) -> tuple[BoundAppetite, ...]:
    """Return what an approval that is given now says of the appetites that a change is above."""
    named = {
        (one.model, one.maximum, one.exception): BoundAppetite(
            model=one.model, maximum=one.maximum, role=one.exception
        )
        for one in beyond
        if one.exception is not None
    }
    return tuple(named[key] for key in sorted(named))


def _names(known: frozenset[BoundAppetite], excess: Excess) -> bool:
    """Tell whether what was known is this appetite, and it has not been lowered since."""
    said = excess.appetite
    return any(
        (one.model, one.role) == (excess.model, said.exception)
        and LEVELS.index(one.maximum) <= LEVELS.index(said.maximum)
        for one in known
    )
