"""What the gate may ask a forge, and how a forge says that it cannot answer.

A failure is an error (exit code 2); it never reads as "nobody" or "everybody".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from itil_gate.model.errors import GateError

if TYPE_CHECKING:
    from itil_gate.forge.values import ForgePull, ForgeRules, ForgeStatus, OpenPull

STATUS_CONTEXT = "itil-gate"
"""The name under which a forge shows and requires the gate's answer about the default branch."""
MARKER = "itil-gate"
"""What the hidden first line of our comment says."""
StatusState = Literal["success", "failure", "pending"]


def status_context(target: str, *, home: str) -> str:
    """Return the name under which the gate answers about a target branch: two full refs in.

    A status belongs to a commit, and one commit may be proposed for several branches with rules of
    their own: under one name, what is allowed on one of them would be allowed on all.
    """
    branch = target.removeprefix("refs/heads/")
    return STATUS_CONTEXT if target == home else f"{STATUS_CONTEXT}: {branch}"


class ForgeError(GateError):
    """The forge could not be asked, or its answer cannot be used.

    Codes: `forge-unreachable` (no connection, or it answers 5xx), `forge-timeout`,
    `forge-limited` (too many requests), `forge-refused` (401, 403; the message names what is
    missing), `forge-not-found`, `forge-differs` (it changed while it was read), `forge-answer`
    (not the answer that its API describes).
    """


class Forge(Protocol):
    """One repository on a forge. Every function raises ForgeError, and never answers in part."""

    def pull(self, number: int) -> ForgePull:
        """Return a pull request with every review ever submitted, dismissed ones too.

        All pages are read; a page that fails fails the whole.
        """
        ...

    def place_of(self, number: int) -> OpenPull:
        """Return where a pull request is at, its head and its target, in one request.

        So there is a commit to answer about when the rest cannot be read.
        """
        ...

    def open_pulls(self) -> tuple[OpenPull, ...]:
        """Return every pull request that is open, drafts too, the oldest first.

        All pages are read; a page that fails fails the whole.
        """
        ...

    def post_status(
        self,
        commit: str,
        *,
        state: StatusState,
        description: str,
        url: str | None = None,
        context: str = STATUS_CONTEXT,
    ) -> None:
        """Say of a commit that the gate lets it pass, refuses it, or waits.

        The description is cut at 140 characters.
        """
        ...

    def statuses(self, commit: str) -> tuple[ForgeStatus, ...]:
        """Return the statuses of a commit, the newest of every context, with who posted it."""
        ...

    def upsert_comment(self, number: int, *, text: str, marker: str = MARKER) -> str:
        """Write our one comment of a pull request anew, or for the first time; return its address.

        Ours is the first that begins with the marker, as a hidden line, and was written by the
        account of the token. Somebody else's with the marker is left alone.
        """
        ...

    def protection(self, branch: str) -> ForgeRules:
        """Return what guards a branch, given by its name or as refs/heads/….

        What cannot be read with the permissions of the token is None, and `unread` says why.
        """
        ...
