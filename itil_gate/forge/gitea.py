"""Gitea and Forgejo, API v1: pull requests, reviews, pushes, statuses, comments.

Scopes of the token: read:repository and read:issue; write:repository to post a status,
write:issue and read:user for the comment. A reviewer names any commit in `commit_id`, and `stale`
and `official` are computed some seconds late: the first is handed on as a claim, the others are
not read. When a branch was pushed is read from the feed of its repository, which survives a
change of target, as the entries in the timeline do not. That is why those tell since when the
target is what it is, on servers that take them away: Gitea from 1.24.6 on (pull request 35386 of
its repository). Others may have a change of target that cannot be seen, so they are not believed.

A draft review keeps the time it was begun: where it asks for changes it has the place of its last
update instead, so that it cannot slip in before an approval that it came after.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from itil_gate.forge.answers import document, read, rows
from itil_gate.forge.gitea_rules import protection_of
from itil_gate.forge.open_pulls import of_gitea
from itil_gate.forge.paging import counted, visible
from itil_gate.forge.protocol import MARKER, STATUS_CONTEXT, ForgeError, StatusState
from itil_gate.forge.seen import (
    Pull,
    Seen,
    noun,
    place,
    put_comment,
    repository_path,
    seen_pull,
    whole,
)
from itil_gate.forge.telling import (
    Push,
    account,
    branch_ref,
    described,
    oid,
    ordered,
    part,
    steady,
)
from itil_gate.forge.values import ForgePull, ForgeRules, ForgeStatus, OpenPull
from itil_gate.model.base import Moment
from itil_gate.model.facts import PullRequest, Review

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from itil_gate.forge.http import Client, Conversation
    from itil_gate.model.facts import AccountRef

_READ = "the scope read:repository"
_TIMELINE = "the scope read:issue"
_ISSUES = "the scope write:issue"
_STATUSES = "the scope write:repository, and write access to the repository"
_SAID: dict[str, Literal["approved", "changes-requested", "commented"]] = {
    "APPROVED": "approved",
    "REQUEST_CHANGES": "changes-requested",
    "COMMENT": "commented",
}
_RELEASE = re.compile(r"v?(1)\.(\d{1,4})\.(\d{1,4})(?=$|[^0-9])")
_TELLING = (1, 24, 6)
_NO_REVIEWS = frozenset({"PENDING", "REQUEST_REVIEW"})
"""A draft, which only its author sees, and a request to review."""


class _Version(Seen):
    version: str


class _User(Seen):
    id: int
    login: str


class _Pull(Pull):
    user: _User | None


class _Review(Seen):
    id: int
    user: _User | None
    state: str
    commit_id: str
    dismissed: bool
    submitted_at: Moment
    updated_at: Moment


class _Activity(Seen):
    id: int
    op_type: str
    act_user: _User | None
    ref_name: str
    created: Moment
    content: str


class _Commit(Seen):
    sha: str = Field(alias="Sha1")


class _Entry(Seen):
    id: int
    type: str
    created_at: Moment


class _Content(Seen):
    head: _Commit | None = Field(None, alias="HeadCommit")


class _Status(Seen):
    id: int
    context: str
    status: str
    description: str = ""
    creator: _User | None = None


class Gitea:
    """One repository on a Gitea or Forgejo server; see `protocol.Forge`."""

    def __init__(self, client: Client, *, host: str, project: str, trusting: bool = False) -> None:
        """Ask about a project; `trusting` believes in the history of targets as far as it goes."""
        self._client, self._host, self._trusting = client, host, trusting
        self._repo = repository_path(project)

    def pull(self, number: int) -> ForgePull:
        """Return a pull request with its reviews and pushes. Raises ForgeError."""
        talk = self._client.conversation()
        seen = self._seen(talk, number)
        reviews = self._reviews(talk, number)
        pushes = self._pushes(talk, seen)
        based = self._base_since(talk, number)  # after the reviews, which it may take away
        pull = self._noun(seen, pushes, based)
        again = self._noun(self._seen(talk, number), pushes, based)
        steady(pull, again, asked=f"pull request {number}")
        return whole(pull, reviews, seen, at=talk.server_time)

    def place_of(self, number: int) -> OpenPull:
        """Return head and target of one, in one request. Raises ForgeError."""
        return place(self._seen(self._client.conversation(), number))

    def open_pulls(self) -> tuple[OpenPull, ...]:
        """Return every one that is open. Raises ForgeError."""
        return of_gitea(self._client.conversation(), self._repo, needs=_READ)

    def post_status(
        self,
        commit: str,
        *,
        state: StatusState,
        description: str,
        url: str | None = None,
        context: str = STATUS_CONTEXT,
    ) -> None:
        """Post a commit status. Raises ForgeError."""
        body = {"state": state, "context": context, "description": described(description)}
        if url is not None:
            body["target_url"] = url
        talk = self._client.conversation()
        path = f"{self._repo}/statuses/{part(commit)}"
        answer = talk.send("POST", path, body=body, needs=_STATUSES)
        posted = read(_Status, document(answer), asked=answer.asked)
        if posted.status != state or posted.context != context:  # it takes unknown states as well
            raise ForgeError("forge-answer", f"{answer.asked} took the status as {posted.status!r}")

    def statuses(self, commit: str) -> tuple[ForgeStatus, ...]:
        """Return the newest status of every context: times are whole seconds, ids are not."""
        talk = self._client.conversation()
        path = f"{self._repo}/commits/{part(commit)}/statuses"
        newest: dict[str, _Status] = {}
        for row in counted(talk, path, needs=_READ):
            status = read(_Status, row, asked=path)
            if status.context not in newest or status.id > newest[status.context].id:
                newest[status.context] = status
        return tuple(
            ForgeStatus(
                context=context,
                state=status.status,
                creator=self._account(status.creator) if status.creator else None,
                description=status.description,
            )
            for context, status in sorted(newest.items())
        )

    def upsert_comment(self, number: int, *, text: str, marker: str = MARKER) -> str:
        """Write our comment of a pull request. Raises ForgeError."""
        talk = self._client.conversation()
        user = talk.get("/user", needs="the scope read:user")
        path = f"{self._repo}/issues/{number}/comments"
        return put_comment(
            talk,
            self._repo,
            number,
            text=text,
            marker=marker,
            me=read(_User, document(user), asked=user.asked).id,
            rows=rows(talk.get(path, needs="the scope read:issue")),  # this list has no pages
            needs=_ISSUES,
        )

    def protection(self, branch: str) -> ForgeRules:
        """Return the branch protection. Raises ForgeError."""
        talk = self._client.conversation()
        return protection_of(talk, self._repo, branch=branch_ref(branch))

    def _seen(self, talk: Conversation, number: int) -> _Pull:
        return seen_pull(_Pull, talk, self._repo, number=number, needs=_READ)

    def _noun(self, seen: _Pull, pushes: Sequence[Push], based: datetime | None) -> PullRequest:
        opener = self._account(seen.user)
        return noun(seen, opener=opener, pushes=pushes, base_since=based)

    def _tells_targets(self, talk: Conversation) -> bool:
        """Tell whether a change of target takes pushes from the timeline on this server.

        Forgejo has numbers of its own, from 7 on, and names Gitea's behind them.
        """
        answer = talk.get("/version", needs="nothing: every server tells its version")
        version = _RELEASE.match(read(_Version, document(answer), asked=answer.asked).version)
        return version is not None and tuple(map(int, version.groups())) >= _TELLING

    def _base_since(self, talk: Conversation, number: int) -> datetime | None:
        """Return a time after which nobody pointed the pull request elsewhere; None if not told.

        The timeline has no end that can be told from a page of entries that the token may not
        see, so a change of target may stay unseen behind one. But a change of target deletes all
        pushes from the timeline, and adds one of its own: the oldest that is still there is
        younger than every change of target. A force-push may delete older ones too, so the time
        may be later than need be, and never earlier.
        """
        if not (self._trusting or self._tells_targets(talk)):
            return None
        path = f"{self._repo}/issues/{number}/timeline"
        pushed, moved = None, []
        for row in visible(talk, path, needs=_TIMELINE):
            entry = read(_Entry, row, asked=path)
            if entry.type == "pull_push" and pushed is None:
                pushed = entry.created_at
            if entry.type == "change_target_branch":
                moved.append(entry.created_at)
        return None if pushed is None else max([pushed, *moved])

    def _account(self, user: _User | None) -> AccountRef:
        return account(self._host, user.id if user else None, user.login if user else None)

    def _reviews(self, talk: Conversation, number: int) -> tuple[Review, ...]:
        path = f"{self._repo}/pulls/{number}/reviews"
        found = [read(_Review, row, asked=path) for row in counted(talk, path, needs=_READ)]
        return ordered(
            self._review(one, asked=path) for one in found if one.state not in _NO_REVIEWS
        )

    def _review(self, seen: _Review, *, asked: str) -> tuple[datetime, Review]:
        if seen.state not in _SAID:
            raise ForgeError(
                "forge-answer", f"{asked} has a review {seen.id} of state {seen.state[:40]!r}"
            )
        who, state = self._account(seen.user), _SAID[seen.state]
        review = Review(
            id=str(seen.id),
            forge=self._host,
            account=who.id,
            login=who.login,
            state=state,
            dismissed=seen.dismissed,
            commit=oid(seen.commit_id),
            submitted_at=seen.submitted_at,
            sequence=0,
        )
        standing = state == "changes-requested" and not seen.dismissed
        return max(seen.submitted_at, seen.updated_at) if standing else seen.submitted_at, review

    def _pushes(self, talk: Conversation, seen: _Pull) -> tuple[Push, ...]:
        """Return what the feed of the branch's repository knows of pushes to it, oldest first."""
        if seen.head.repo is None:  # the fork is gone, and with it what is known of it
            return ()
        path, ref = (
            f"{repository_path(seen.head.repo.full_name)}/activities/feeds",
            branch_ref(seen.head.ref),
        )
        found, ended = [], None
        for row in counted(talk, path, needs=_READ):
            if ended is not None and row.get("created") != ended:
                break
            if row.get("ref_name") != ref or row.get("op_type") not in _MOVES:
                continue
            found.append(read(_Activity, row, asked=path))
            if row["op_type"] == "delete_branch":  # newest first: what is older was another branch,
                ended = row.get("created")  # but within a second there is no order
        found.sort(key=lambda one: (one.created, one.id))
        return tuple(self._push(one, asked=path) for one in found)

    def _push(self, seen: _Activity, *, asked: str) -> Push:
        deletion = seen.op_type == "delete_branch"
        content = _Content()
        if seen.content and not deletion:
            try:
                content = read(_Content, json.loads(seen.content), asked=asked)
            except ValueError as error:
                raise ForgeError("forge-answer", f"{asked} has a push that is no JSON") from error
        after = oid(content.head.sha) if content.head else None
        return Push(self._account(seen.act_user), seen.created, after, deletion)


_MOVES = frozenset({"commit_repo", "delete_branch", "mirror_sync_push"})


def client_headers(token: str | None) -> dict[str, str]:
    """Return the headers of every request."""
    return {"Authorization": f"token {token}"} if token else {}
