"""What doctor says of one thing it looked at, and how grave that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

Status = Literal["OK", "NOT KNOWN", "ATTENTION", "FAIL"]
"""NOT KNOWN is what could not be looked at: it is never OK."""
RANK: dict[Status, int] = {"OK": 0, "NOT KNOWN": 1, "ATTENTION": 1, "FAIL": 2}


@frozen
class Check:
    """One thing looked at: how it is, what is so, and the command or edit that mends it."""

    name: str
    status: Status
    message: str
    mend: str = ""


def worst(checks: Sequence[Check]) -> Status:
    """Return the gravest status among checks; OK for none."""
    return max((check.status for check in checks), key=RANK.__getitem__, default="OK")
