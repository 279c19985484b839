"""What is judged and before whom: a request as it was read, and a policy set at work.

Only values pass from stage to stage; nothing here decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from itil_gate.decide.contributors import Contributors
    from itil_gate.decide.coverage import Territory
    from itil_gate.decide.roster import Roster
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.decision import Side
    from itil_gate.model.finding import Finding
    from itil_gate.model.policy import PolicySet, Source
    from itil_gate.policy.conditions import Conditions
    from itil_gate.reading.document import Document


@frozen
class Asked:
    """A request as it was read: the change, its file and the place of every key."""

    change: ChangeRequest
    source: Source
    digest: str
    document: Document
    advice: tuple[Finding, ...] = ()


@frozen
class Bench:
    """One policy set with what follows from it for the whole pull request."""

    side: Side
    policies: PolicySet
    roster: Roster
    contributors: Contributors
    territory: Territory
    conditions: Conditions
    """The expressions of the policy set."""
