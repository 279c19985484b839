"""What the audit log remembers of the approvals branch, held against what is there now.

A statement that was on the branch when a decision was logged is still on it: the branch only grows.
Where it does not hold what it held, a rejection may have been taken away with it, and nothing is
decided. Without a log, or before the first decision is logged, nobody can tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.git.history import is_ancestor
from itil_gate.git.names import branch_tips
from itil_gate.model.errors import HistoryError, LogError
from itil_gate.model.record import AUDIT_BRANCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.git.view import View
    from itil_gate.log.reader import LogReader
    from itil_gate.model.config import Config


def open_copy(view: View, config: Config) -> LogReader | None:
    """Return the newest copy of the log that is here, proved; None if none is.

    Raises LogError as `LogReader` does, and `log-copies-differ` where two copies do not follow one
    another.
    """
    if config.log is None:
        return None
    tips = branch_tips(view, AUDIT_BRANCH)
    if not tips:
        return None
    from itil_gate.git.snapshot import Snapshot  # noqa: PLC0415 - few checks have a log
    from itil_gate.log.pins import origin_of, pins_of  # noqa: PLC0415
    from itil_gate.log.reader import LogReader  # noqa: PLC0415

    newest = next((tip for tip in tips if _holds_all(view, tip, tips)), None)
    if newest is None:
        raise LogError(
            "log-copies-differ",
            f"the copies of {AUDIT_BRANCH} here do not follow one another: {', '.join(tips)}",
            hint="look at both: one may be rewritten, or begun anew",
        )
    return LogReader(
        Snapshot(view, newest).read_many,
        pins=pins_of(config.log),
        origin=origin_of(config.log, config.repository),
    )


def refuse_rewound(view: View, reader: LogReader, tips: Sequence[str]) -> None:
    """Refuse an approvals branch that lacks what the last logged decision saw on it.

    `tips` are the copies of the branch that are read. Raises HistoryError `approvals-rewound`.
    """
    for tip in recorded_tips(reader):
        if not any(_descends(view, one, tip) for one in tips):
            raise HistoryError(
                "approvals-rewound",
                f"the approvals branch no longer holds {tip[:12]}, which the audit log saw on it",
                hint="fetch itil-gate-approvals; if it was rewritten, restore it from a copy "
                "before anything is decided",
            )


def recorded_tips(reader: LogReader) -> tuple[str, ...]:
    """Return the tips of the approvals branch that the last logged decision about a merge saw."""
    for entry in reader.backwards(kinds=("gate-decision",)):
        if entry.believed:
            facts = entry.predicate.get("itilGate", {}).get("facts")
            if isinstance(facts, dict):
                return tuple(map(str, facts.get("approvalsTips", ())))
    return ()


def _holds_all(view: View, tip: str, others: Sequence[str]) -> bool:
    return all(is_ancestor(view, other, tip) for other in others)


def _descends(view: View, tip: str, old: str) -> bool:
    """Tell whether a tip follows another; what is not here at all it does not follow."""
    if next(view.reader.info([old])) is None:
        return False
    return is_ancestor(view, old, tip)
