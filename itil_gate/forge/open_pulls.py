"""Which pull requests are open: the lists of GitHub, GitLab and Gitea, whole or not at all.

Of each only what is needed to judge it anew is read; whoever judges asks about it by its number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from itil_gate.forge.answers import read
from itil_gate.forge.paging import counted, linked
from itil_gate.forge.seen import Seen
from itil_gate.forge.telling import branch_ref
from itil_gate.forge.values import OpenPull
from itil_gate.model.base import Oid

if TYPE_CHECKING:
    from itil_gate.forge.http import Conversation

_Number = Annotated[int, Field(ge=1)]
_Name = Annotated[str, Field(min_length=1)]


class _Side(Seen):
    ref: _Name
    sha: Oid


class _Pull(Seen):
    number: _Number
    head: _Side
    base: _Side


class _Merge(Seen):
    iid: _Number
    sha: Oid | None
    target_branch: _Name


def of_github(talk: Conversation, repo: str, *, needs: str) -> tuple[OpenPull, ...]:
    """Return the open pull requests of a repository on GitHub. Raises ForgeError."""
    path = f"{repo}/pulls"
    query = (("state", "open"), ("sort", "created"), ("direction", "asc"))
    rows = linked(talk, path, query=query, needs=needs)
    return tuple(_pull(read(_Pull, row, asked=path)) for row in rows)


def of_gitea(talk: Conversation, repo: str, *, needs: str) -> tuple[OpenPull, ...]:
    """Return the open pull requests of a repository on Gitea. Raises ForgeError."""
    path = f"{repo}/pulls"
    query = (("state", "open"), ("sort", "oldest"))
    rows = counted(talk, path, query=query, needs=needs)
    return tuple(_pull(read(_Pull, row, asked=path)) for row in rows)


def of_gitlab(talk: Conversation, project: str, *, needs: str) -> tuple[OpenPull, ...]:
    """Return the open merge requests of a project on GitLab. Raises ForgeError."""
    path = f"{project}/merge_requests"
    query = (("state", "opened"), ("order_by", "created_at"), ("sort", "asc"))
    found = [read(_Merge, row, asked=path) for row in linked(talk, path, query=query, needs=needs)]
    return tuple(
        OpenPull(number=one.iid, base_ref=branch_ref(one.target_branch), head=one.sha)
        for one in found
    )


def _pull(seen: _Pull) -> OpenPull:
    return OpenPull(number=seen.number, base_ref=branch_ref(seen.base.ref), head=seen.head.sha)
