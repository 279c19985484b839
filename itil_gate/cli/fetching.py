"""Fetch what judging needs as objects: branches and records, and heads of pull requests.

Nothing that is fetched is checked out or run. A repository without a remote has what it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.git.discover import Repository

REMOTE = "origin"
_HEADS = "refs/heads/"
_PROPOSED = {
    "github": "refs/pull/{}/head",
    "gitea": "refs/pull/{}/head",
    "gitlab": "refs/merge-requests/{}/head",
}


def fetch_branches(repository: Repository, branches: Iterable[str]) -> None:
    """Fetch branches, given by full names, and the records; raises HistoryError.

    A branch that has to be there and is not is an error; records may not have begun.
    """
    from itil_gate.git.remote import fetch, remote_tip
    from itil_gate.git.user import has_remote
    from itil_gate.model.record import AUDIT_BRANCH
    from itil_gate.model.statement import APPROVALS_BRANCH

    if not has_remote(repository, REMOTE):
        return
    books = (APPROVALS_BRANCH, AUDIT_BRANCH)
    begun = [ref for ref in books if remote_tip(repository, REMOTE, ref) is not None]
    places = [
        f"+{ref}:refs/remotes/{REMOTE}/{ref.removeprefix(_HEADS)}"
        for ref in sorted({*branches, *begun})
    ]
    fetch(repository, REMOTE, places)


def fetch_proposed(repository: Repository, number: int, *, kind: str) -> None:
    """Fetch the head of a pull request; `kind` is that of the forge. Raises HistoryError."""
    from itil_gate.git.remote import fetch
    from itil_gate.git.user import has_remote

    if has_remote(repository, REMOTE):
        source = _PROPOSED[kind].format(number)
        fetch(repository, REMOTE, [f"+{source}:refs/itil-gate/head"])
