"""GitLab's external status checks: what the gate answers about one merge request (Ultimate).

An answer is of a merge request, of its head and of one check. GitLab refuses it for a commit that
is not the head by now. It keeps it when the merge request is pointed at another branch, so a check
has to be of one branch; whoever configures it sees to that. `pending` needs GitLab 16.5, which
turns it into `failed` after two minutes.
https://docs.gitlab.com/api/status_checks/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.forge.answers import document, read, unusable
from itil_gate.forge.seen import Seen
from itil_gate.forge.telling import part

if TYPE_CHECKING:
    from itil_gate.forge.http import Client
    from itil_gate.forge.protocol import StatusState

_NEEDS = (
    "the scope api and the role Developer, from somebody who may approve the merge request; "
    "GitLab without the tier Ultimate answers so too"
)
_SAID = {"success": "passed", "failure": "failed", "pending": "pending"}


class _Check(Seen):
    id: int


class _Answered(Seen):
    id: int
    external_status_check: _Check


class StatusChecks:
    """The external status checks of one project."""

    def __init__(self, client: Client, *, project: str) -> None:
        self._client = client
        self._project = f"/projects/{part(project)}"

    def answer(self, number: int, *, check: int, commit: str, state: StatusState) -> None:
        """Say of a merge request's head what the gate found. Raises ForgeError."""
        path = f"{self._project}/merge_requests/{number}/status_check_responses"
        body = {"sha": commit, "external_status_check_id": check, "status": _SAID[state]}
        told = self._client.conversation().send("POST", path, body=body, needs=_NEEDS)
        answered = read(_Answered, document(told), asked=told.asked).external_status_check.id
        if answered != check:
            raise unusable(told, f"is about the external status check {answered}, not {check}")
