"""Whether an update of the log rests on the decision that it names.

Whoever may sign one entry could call an update authorised; the decision beside it says by what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from itil_gate.log.reader import Entry, LogReader

WELL = {"authorised": "allow", "overridden": "overridden"}
"""How a decision went on which an update of this standing rests."""


def fits(reader: LogReader, update: Entry) -> bool:
    """Tell whether a decision before an update, believed and about the same, lets it in.

    A decision whose content was expunged says nothing against it. What a correction stands in for
    rests on that.
    """
    said = update.predicate
    corrected = said.get("correction")
    if corrected is not None:
        if not isinstance(corrected, int) or not 0 <= corrected < update.index:
            return False
        correction = reader.entry(corrected)
        return correction.believed and correction.kind == "correction"
    at, wanted = said.get("decision"), WELL.get(str(said.get("standing")))
    if wanted is None or not isinstance(at, int) or not 0 <= at < update.index:
        return False
    entry = reader.entry(at)
    if entry.kind != "gate-decision":
        return False
    if entry.expunged_by is not None:
        return True
    decision = entry.predicate.get("itilGate", {}).get("decision")
    if not entry.believed or not isinstance(decision, dict):
        return False
    return (wanted, said.get("ref"), said.get("content"), said.get("head")) == tuple(
        decision.get(name) for name in ("outcome", "target", "content", "head")
    )
