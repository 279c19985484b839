"""What is owed, for people and for programs: the overdue first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from itil_gate.report.escape import terminal
from itil_gate.report.phrases import either, moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from itil_gate.release.debts import Account

DEBT_VERSION = "itil-gate/debt/v1"
_WIDTH = 9


def debt_text(found: Sequence[Account], *, now: datetime, recorded: bool = False) -> str:
    """Return open obligations for a terminal, by due date, ending with a newline.

    `recorded` says that what is met has just been written down.
    """
    if not found:
        return "Nobody owes anything.\n"
    lines = []
    for one in _sorted(found):
        owed = one.debt.obligation
        lines.append(
            f"{_state(one, now).upper():{_WIDTH}}{owed.duty} of {terminal(owed.change)}, "
            f"owed by {owed.owner}, due {moment(owed.due)}"
        )
        lines.append(f"{'':{_WIDTH}}{owed.id}: {terminal(owed.because)}")
        if one.met is None:
            lines.append(f"{'':{_WIDTH}}met by: {what_meets(one)}")
        else:
            said = "recorded" if recorded else "not recorded yet: `itil-gate debt --record`"
            lines.append(
                f"{'':{_WIDTH}}met by {one.met.by} with {terminal(one.met.evidence)}; {said}"
            )
    late = sum(_state(one, now) == "overdue" for one in found)
    many = "obligation" if len(found) == 1 else "obligations"
    lines += ["", f"{len(found)} {many}, {late} overdue"]
    return "\n".join(lines) + "\n"


def debt_json(found: Sequence[Account], *, now: datetime) -> dict[str, Any]:
    """Return open obligations as JSON, by due date."""
    return {
        "apiVersion": DEBT_VERSION,
        "now": now.isoformat().replace("+00:00", "Z"),
        "debts": [
            {
                **one.debt.obligation.model_dump(mode="json", by_alias=True),
                "entry": one.debt.index,
                "state": _state(one, now),
                "metBy": (
                    {"person": one.met.by, "evidence": one.met.evidence} if one.met else None
                ),
                "eligible": list(one.eligible),
                "command": what_meets(one),
            }
            for one in _sorted(found)
        ],
    }


def what_meets(one: Account) -> str:
    """Return the command that meets an obligation, and who can run it."""
    owed = one.debt.obligation
    if owed.duty == "review":
        return f"itil-gate review {terminal(owed.change)}"
    people = either(one.eligible) if one.eligible else "nobody who is left"
    return f"itil-gate approve {terminal(owed.change)} --retro, by {people}"


def _state(one: Account, now: datetime) -> str:
    if one.met is not None:
        return "met"
    return "overdue" if one.debt.obligation.due <= now else "open"


def _sorted(found: Sequence[Account]) -> list[Account]:
    return sorted(found, key=lambda one: (one.debt.obligation.due, one.debt.index))
