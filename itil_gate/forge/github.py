"""GitHub, its REST API of 2022-11-28: pull requests, reviews, pushes, statuses, comments.

Permissions of a fine-grained token: pull requests and contents read; statuses write to post one,
pull requests write for the comment. What `commit_id` of a review says is what GitHub says now: it
moves with a force-push, so the time of the last push is read from the repository's activity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from itil_gate.forge.answers import document, read
from itil_gate.forge.github_rules import protection_of
from itil_gate.forge.open_pulls import of_github
from itil_gate.forge.paging import linked
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

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_READ = "Pull requests: read"
_CONTENTS = "Contents: read, on the repository of the head too"
_STATUSES = "Commit statuses: write"
_COMMENTS = "Pull requests: write"
_VIEWER = "query { viewer { databaseId login } }"
_SAID: dict[str, Literal["approved", "changes-requested", "commented"]] = {
    "approved": "approved",
    "changes_requested": "changes-requested",
    "commented": "commented",
}
_DISMISSED, _PENDING = "dismissed", "pending"
_BASE_MOVED = frozenset(
    {"base_ref_changed", "automatic_base_change_succeeded", "base_ref_force_pushed"}
)


class _User(Seen):
    id: Annotated[int, Field(ge=1)]
    login: str


class _Pull(Pull):
    user: _User | None
    created_at: Moment


class _Review(Seen):
    id: int
    user: _User | None
    state: str
    commit_id: str | None
    submitted_at: Moment | None = None


class _Dismissed(Seen):
    state: str
    review_id: int


class _Dismissal(Seen):
    dismissed_review: _Dismissed


class _Event(Seen):
    created_at: Moment


class _Activity(Seen):
    after: str
    ref: str
    timestamp: Moment
    activity_type: str
    actor: _User | None


class _Status(Seen):
    id: int
    context: str
    state: str
    description: str | None
    creator: _User | None


class _Viewer(Seen):
    databaseId: int  # noqa: N815 - GitHub's name


class _ViewerData(Seen):
    viewer: _Viewer


class _ViewerAnswer(Seen):
    data: _ViewerData


class GitHub:
    """One repository on github.com or a GitHub Enterprise Server; see `protocol.Forge`."""

    def __init__(self, client: Client, *, host: str, project: str) -> None:
        self._client, self._host = client, host
        self._repo = repository_path(project)

    def pull(self, number: int) -> ForgePull:
        """Return a pull request with its reviews and pushes. Raises ForgeError."""
        talk = self._client.conversation()
        seen = self._seen(talk, number)
        events = self._events(talk, number)
        reviews = self._reviews(talk, number, events)
        pushes = self._pushes(talk, seen)
        pull = self._noun(seen, pushes, events)
        again = self._noun(self._seen(talk, number), pushes, events)
        steady(pull, again, asked=f"pull request {number}")
        return whole(pull, reviews, seen, at=talk.server_time)

    def place_of(self, number: int) -> OpenPull:
        """Return head and target of one, in one request. Raises ForgeError."""
        return place(self._seen(self._client.conversation(), number))

    def open_pulls(self) -> tuple[OpenPull, ...]:
        """Return every one that is open. Raises ForgeError."""
        return of_github(self._client.conversation(), self._repo, needs=_READ)

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
        talk.send("POST", f"{self._repo}/statuses/{part(commit)}", body=body, needs=_STATUSES)

    def statuses(self, commit: str) -> tuple[ForgeStatus, ...]:
        """Return the newest status of every context. Raises ForgeError."""
        talk = self._client.conversation()
        path = f"{self._repo}/commits/{part(commit)}/statuses"
        newest: dict[str, _Status] = {}
        for row in linked(talk, path, needs="Commit statuses: read"):
            status = read(_Status, row, asked=path)
            known = newest.get(status.context.lower())
            if known is None or status.id > known.id:
                newest[status.context.lower()] = status
        return tuple(
            ForgeStatus(
                context=status.context,
                state=status.state,
                creator=self._account(status.creator) if status.creator else None,
                description=status.description or "",
            )
            for _, status in sorted(newest.items())
        )

    def upsert_comment(self, number: int, *, text: str, marker: str = MARKER) -> str:
        """Write our comment of a pull request. Raises ForgeError."""
        talk = self._client.conversation()
        path = f"{self._repo}/issues/{number}/comments"
        return put_comment(
            talk,
            self._repo,
            number,
            text=text,
            marker=marker,
            me=self._me(talk),
            rows=linked(talk, path, needs=_COMMENTS),
            needs=_COMMENTS,
        )

    def protection(self, branch: str) -> ForgeRules:
        """Return rulesets and branch protection. Raises ForgeError."""
        talk = self._client.conversation()
        return protection_of(talk, self._repo, branch=branch_ref(branch))

    def _seen(self, talk: Conversation, number: int) -> _Pull:
        return seen_pull(_Pull, talk, self._repo, number=number, needs=_READ)

    def _noun(self, seen: _Pull, pushes: Sequence[Push], events: Sequence[Any]) -> PullRequest:
        based = max((seen.created_at, *_moved_bases(events)))
        opener = self._account(seen.user)
        return noun(seen, opener=opener, pushes=pushes, base_since=based)

    def _account(self, user: _User | None) -> AccountRef:
        return account(self._host, user.id if user else None, user.login if user else None)

    def _reviews(
        self, talk: Conversation, number: int, events: Sequence[Any]
    ) -> tuple[Review, ...]:
        path = f"{self._repo}/pulls/{number}/reviews"
        found = [read(_Review, row, asked=path) for row in linked(talk, path, needs=_READ)]
        submitted = [one for one in found if one.state.lower() != _PENDING]
        before = _dismissed(events)
        return ordered(self._review(one, before, asked=path) for one in submitted)

    def _review(
        self, seen: _Review, before: dict[int, str], *, asked: str
    ) -> tuple[datetime, Review]:
        said, dismissed = seen.state.lower(), seen.state.lower() == _DISMISSED
        if seen.submitted_at is None or not (dismissed or said in _SAID):
            raise ForgeError(
                "forge-answer", f"{asked} has a review {seen.id} of state {seen.state[:40]!r}"
            )
        who = self._account(seen.user)
        review = Review(
            id=str(seen.id),
            forge=self._host,
            account=who.id,
            login=who.login,
            state=_SAID.get(before.get(seen.id, "") if dismissed else said, "unknown"),
            dismissed=dismissed,
            commit=oid(seen.commit_id),
            submitted_at=seen.submitted_at,
            sequence=0,
        )
        return seen.submitted_at, review

    def _events(self, talk: Conversation, number: int) -> tuple[Any, ...]:
        """Return the timeline: what was dismissed, and when the target branch was another."""
        return tuple(linked(talk, f"{self._repo}/issues/{number}/timeline", needs=_READ))

    def _pushes(self, talk: Conversation, seen: _Pull) -> tuple[Push, ...]:
        """Return what the repository of the branch knows of pushes to it, oldest first."""
        if seen.head.repo is None:  # the fork is gone, and with it what is known of it
            return ()
        path, ref = (
            f"{repository_path(seen.head.repo.full_name)}/activity",
            branch_ref(seen.head.ref),
        )
        pushes = []
        for row in linked(talk, path, query=(("ref", ref),), needs=_CONTENTS):
            one = read(_Activity, row, asked=path)
            if one.ref != ref:
                raise ForgeError("forge-answer", f"{path} answers for {one.ref[:100]!r}")
            deletion = one.activity_type == "branch_deletion"
            after = None if deletion else oid(one.after)
            pushes.append(Push(self._account(one.actor), one.timestamp, after, deletion))
            if deletion:  # newest first: what is older was another branch of this name
                break
        return tuple(reversed(pushes))

    def _me(self, talk: Conversation) -> int:
        """Return the number of the token's own account; an app has one too, its bot."""
        answer = talk.get("/user", needs="a valid sign-in", accept=frozenset({403}))
        if answer.status != 403:  # noqa: PLR2004 - the status of HTTP
            return read(_User, document(answer), asked=answer.asked).id
        told = talk.send("POST", _graphql(talk.base), body={"query": _VIEWER}, needs=_COMMENTS)
        return read(_ViewerAnswer, document(told), asked=told.asked).data.viewer.databaseId


def _dismissed(events: Sequence[Any]) -> dict[int, str]:
    """Return what dismissed reviews said before, by their numbers."""
    before: dict[int, str] = {}
    for row in events:
        if row.get("event") == "review_dismissed":
            gone = read(_Dismissal, row, asked="the timeline").dismissed_review
            before.setdefault(gone.review_id, gone.state.lower())
    return before


def _moved_bases(events: Sequence[Any]) -> tuple[datetime, ...]:
    """Return when the pull request was pointed elsewhere, or its target branch rewritten."""
    return tuple(
        read(_Event, row, asked="the timeline").created_at
        for row in events
        if row.get("event") in _BASE_MOVED
    )


def _graphql(base: str) -> str:
    """Return the address of GraphQL: beside the API, and on an Enterprise Server beside v3."""
    return f"{base.removesuffix('/v3')}/graphql"


def client_headers(token: str | None) -> dict[str, Any]:
    """Return the headers of every request."""
    return HEADERS | ({"Authorization": f"Bearer {token}"} if token else {})
