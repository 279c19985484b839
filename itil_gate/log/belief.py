"""Which keys are believed where, once the log itself was asked, and what answers for what is gone.

A revocation may reach back to entries before it, so all of them are read before anything is judged,
the newest first: a key that a later entry revokes from before an earlier one has no say there. The
same holds for entries that say that another was expunged, or that correct one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.log.pins import revoke
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from itil_gate.log.extract import Extract
    from itil_gate.log.pins import Pin

WATCHED = ("key-revocation", "expunged", "correction")
"""Kinds of entries that say something about others, before or behind them."""
NOTED = (*WATCHED, "release-record")
"""Kinds whose places are known after a verification: those, and what tags are held against."""


@frozen
class Belief:
    """The keys of a log, with what it says itself about them and about its entries.

    `expunged` gives the digests of entries that were lawfully removed, `corrected` the entries
    that a later one corrects.
    """

    pins: tuple[Pin, ...]
    expunged: Mapping[int, str]
    corrected: Mapping[int, int]

    def believes(self, one: Extract) -> bool:
        """Tell whether a recorder's key that is good at its position signed an entry."""
        return any(
            pin.use == "recorder" and pin.fingerprint in one.signers and pin.good_at(one.index)
            for pin in self.pins
        )


def belief_of(pins: Sequence[Pin], special: Iterable[Extract]) -> Belief:
    """Return what is believed, from the pinned keys and the entries of the kinds in WATCHED."""
    belief = Belief(tuple(pins), {}, {})
    rows = sorted((one for one in special if one.said), key=lambda one: -one.index)
    for one in rows:
        key = one.said.get("key")
        if one.kind == "key-revocation" and belief.believes(one) and key not in one.keyids:
            belief = Belief(revoke(belief.pins, str(key), since=one.said["since"]), {}, {})
    expunged: dict[int, str] = {}
    corrected: dict[int, int] = {}
    for one in rows:
        if one.kind == "expunged" and belief.believes(one):
            expunged[one.said["entry"]] = one.said["sha256"]
        if one.kind == "correction" and belief.believes(one):
            about = one.said.get("corrects")
            if isinstance(about, int) and about < one.index:
                corrected[about] = one.index
    return Belief(belief.pins, expunged, corrected)
