"""Join what was judged twice: under the target's policies and under those that are proposed.

The stricter always holds. Nothing here judges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.base import LEVELS
from itil_gate.model.decision import SEVERITY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.decide.verdict import Judged
    from itil_gate.model.decision import ChangeVerdict, LedgerEntry


def both(sides: Sequence[Judged]) -> ChangeVerdict:
    """Join the verdicts on one change under the old and the new policies: the stricter holds."""
    verdicts = [one.verdict for one in sides]
    first = verdicts[0]
    if len(verdicts) == 1:
        return first
    worst = max(verdicts, key=lambda one: SEVERITY.index(one.outcome))
    riskier = max(verdicts, key=lambda one: LEVELS.index(one.risk.level))
    return first.model_copy(
        update={
            "outcome": worst.outcome,
            "lane": riskier.lane,
            "risk": riskier.risk,
            "beyond": tuple(excess for one in verdicts for excess in one.beyond),
            "services": tuple(sorted({name for one in verdicts for name in one.services})),
            "requirements": tuple(state for one in verdicts for state in one.requirements),
            "ledger": _ledger(first.ledger, verdicts[1].ledger),
            "rules": tuple(state for one in verdicts for state in one.rules),
        }
    )


def unwritten(change: ChangeVerdict) -> ChangeVerdict:
    """Return the verdict on a change that nobody wrote a request for: nothing points at a file."""
    rules = tuple(
        state.model_copy(
            update={
                "findings": tuple(one.model_copy(update={"place": None}) for one in state.findings)
            }
        )
        for state in change.rules
    )
    return change.model_copy(update={"path": "", "rules": rules})


def _ledger(old: Sequence[LedgerEntry], new: Sequence[LedgerEntry]) -> tuple[LedgerEntry, ...]:
    """Join two ledgers: a statement counts only if it counts under both sets."""
    proposed = {entry.digest: entry for entry in new}
    joined = []
    for entry in old:
        other = proposed.get(entry.digest)
        if entry.verdict == "approve" and entry.counted and other and not other.counted:
            detail = f"under the proposed policies: {other.detail}"
            joined.append(other.model_copy(update={"detail": detail}))
        else:
            joined.append(entry)
    return tuple(joined)
