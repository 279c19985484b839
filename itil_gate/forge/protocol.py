"""What the gate may ask a forge, and how a forge says that it cannot answer.

A failure is an error (exit code 2); it never reads as "nobody" or "everybody".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from itil_gate.model.errors import GateError

if TYPE_CHECKING:
    from datetime import datetime

    from itil_gate.model.facts import PullRequest, Review


class ForgeError(GateError):
    """The forge could not be asked, or its answer cannot be used."""


class EvidenceSource(Protocol):
    """Evidence of rank b: what a forge's API says about one pull request, read by the gate."""

    def pull_request(self) -> PullRequest:
        """Return opener, pushers, state and title, accounts by number. Raises ForgeError."""
        ...

    def reviews(self) -> tuple[Review, ...]:
        """Return every review ever submitted, dismissed ones too, in the server's order.

        All pages are read; a page that fails fails the whole. Raises ForgeError.
        """
        ...

    def server_time(self) -> datetime:
        """Return the server's clock, for the cross-check with ours. Raises ForgeError."""
        ...
