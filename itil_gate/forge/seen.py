"""Parts of a forge's answers, and what GitHub and Gitea answer alike.

Gitea's API is modelled on GitHub's: a pull request has the same sides and its comments the same
addresses. What tells of accounts, reviews and pushes differs, and stays with each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from itil_gate.forge.answers import document, read
from itil_gate.forge.protocol import ForgeError
from itil_gate.forge.telling import branch_ref, earlier, marked, ours, part, settled
from itil_gate.forge.values import ForgePull, OpenPull
from itil_gate.model.base import Oid
from itil_gate.model.facts import PullRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from itil_gate.forge.http import Conversation
    from itil_gate.forge.telling import Push
    from itil_gate.model.facts import AccountRef, Review


_UNREADY = ("WIP:", "[WIP]")


class Seen(BaseModel):
    """A part of an answer: strict about what we read, silent about the rest."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Repository(Seen):
    """A repository, by its number and its name."""

    id: int
    full_name: Annotated[str, Field(pattern=r"^[^/\s]+/[^/\s]+$")]


class Side(Seen):
    """Where a pull request comes from or goes to; a fork that was deleted is no repository."""

    ref: Annotated[str, Field(min_length=1)]
    sha: Oid
    repo: Repository | None


class Pull(Seen):
    """A pull request, but for who opened it."""

    number: int
    state: Literal["open", "closed"]
    merged: bool
    draft: bool | None = None
    title: str
    head: Side
    base: Side

    @property
    def unready(self) -> bool:
        """Whether it is a draft; older servers say so in the title only."""
        return self.title.upper().startswith(_UNREADY) if self.draft is None else self.draft


class Author(Seen):
    """Who wrote a comment."""

    id: int


class Comment(Seen):
    """A comment of a pull request."""

    id: int
    user: Author | None
    body: str = ""
    html_url: str


P = TypeVar("P", bound=Pull)


def repository_path(project: str) -> str:
    """Return the path of a repository, given as owner/name."""
    owner, _, name = project.partition("/")
    return f"/repos/{part(owner)}/{part(name)}"


def seen_pull(kind: type[P], talk: Conversation, repo: str, *, number: int, needs: str) -> P:
    """Read a pull request. Raises ForgeError."""
    answer = talk.get(f"{repo}/pulls/{number}", needs=needs)
    pull = read(kind, document(answer), asked=answer.asked)
    if pull.number != number:
        raise ForgeError("forge-answer", f"{answer.asked} answers with another number")
    return pull


def place(seen: Pull) -> OpenPull:
    """Return where a pull request is at."""
    return OpenPull(
        number=seen.number,
        base_ref=branch_ref(seen.base.ref),
        head=seen.head.sha,
        draft=seen.unready,
    )


def noun(
    seen: Pull, *, opener: AccountRef, pushes: Sequence[Push], base_since: datetime | None
) -> PullRequest:
    """Return a pull request as decisions know it; `pushes` are given oldest first."""
    pushers, since = settled(pushes, head=seen.head.sha)
    return PullRequest(
        number=seen.number,
        opener=opener,
        pushers=pushers,
        draft=seen.unready,
        state="merged" if seen.merged else seen.state,
        title=seen.title,
        head=seen.head.sha,
        base_ref=branch_ref(seen.base.ref),
        head_since=since,
        heads=earlier(pushes, head=seen.head.sha),
        base_since=base_since,
    )


def whole(pull: PullRequest, reviews: tuple[Review, ...], seen: Pull, *, at: datetime) -> ForgePull:
    """Return a pull request with its reviews, and where it comes from; `at` is the forge's time."""
    source, target = seen.head.repo, seen.base.repo
    return ForgePull(
        pull=pull,
        reviews=reviews,
        source=source.id if source else None,
        from_fork=source is None or target is None or source.id != target.id,
        server_time=at,
    )


def put_comment(
    talk: Conversation,
    repo: str,
    number: int,
    *,
    text: str,
    marker: str,
    me: int,
    rows: Iterable[object],
    needs: str,
) -> str:
    """Write our one comment for the first time, or anew in its place; return its address.

    `rows` are the comments that are there. Raises ForgeError.
    """
    path = f"{repo}/issues/{number}/comments"
    found = [read(Comment, row, asked=path) for row in rows]
    written = ((one.id, one.user.id if one.user else None, one.body) for one in found)
    own = ours(written, me=me, marker=marker)
    method, where = ("POST", path) if own is None else ("PATCH", f"{repo}/issues/comments/{own}")
    answer = talk.send(method, where, body={"body": marked(text, marker=marker)}, needs=needs)
    return read(Comment, document(answer), asked=answer.asked).html_url
