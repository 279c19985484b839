"""GitLab, REST API v4: merge requests, approvals, pushes, statuses, notes.

Scopes of the token: read_api, and api to post. GitLab tells who approves now, and in system notes,
which nobody can write, who approved or asked for changes when; it does not tell of which commit.
That is taken to be the head of the version in force at that moment, by GitLab's own clock; where
moment or version is not told, the review has no commit and counts for nothing.

A request for changes that somebody else cleared is told as dismissed, with what it said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from itil_gate.forge.answers import document, read
from itil_gate.forge.gitlab_reviews import Approval, Note, Reviewer, Version, told_reviews
from itil_gate.forge.gitlab_rules import protection_of
from itil_gate.forge.open_pulls import of_gitlab
from itil_gate.forge.paging import linked
from itil_gate.forge.protocol import MARKER, STATUS_CONTEXT, ForgeError, StatusState
from itil_gate.forge.seen import Seen
from itil_gate.forge.telling import (
    Push,
    account,
    branch_ref,
    described,
    marked,
    oid,
    ours,
    part,
    settled,
    steady,
)
from itil_gate.forge.values import ForgePull, ForgeRules, ForgeStatus, OpenPull
from itil_gate.model.base import Moment, Oid
from itil_gate.model.facts import PullRequest, Review, SeenHead

if TYPE_CHECKING:
    from datetime import datetime

    from itil_gate.forge.http import Client, Conversation
    from itil_gate.model.facts import AccountRef

_READ = "the scope read_api, and the role Reporter"
_PUSHES = "the scope read_api, on the project of the source branch too"
_WRITE = "the scope api, and the role Developer"
_STATES: dict[str, Literal["open", "closed", "merged"]] = {
    "opened": "open",
    "locked": "open",
    "closed": "closed",
    "merged": "merged",
}
"""GitLab's states; it locks a merge request for the moment of the merge."""
_POSTED = {"success": "success", "failure": "failed", "pending": "pending"}


class _User(Seen):
    id: Annotated[int, Field(ge=1)]
    username: str


class _Merge(Seen):
    iid: int
    author: _User | None
    state: Literal["opened", "locked", "closed", "merged"]
    draft: bool
    title: str
    sha: Oid
    source_branch: Annotated[str, Field(min_length=1)]
    target_branch: Annotated[str, Field(min_length=1)]
    source_project_id: int | None
    target_project_id: int
    created_at: Moment
    web_url: str = ""


class _Approvals(Seen):
    approved_by: tuple[Approval, ...]


class _PushData(Seen):
    action: str
    ref_type: str
    ref: str | None
    commit_to: str | None


class _Event(Seen):
    id: int
    author: _User | None = None
    created_at: Moment
    push_data: _PushData | None = None


class _Status(Seen):
    id: int
    name: str
    status: str
    description: str | None = None
    author: _User | None = None


class _Comment(Seen):
    id: int
    author: _User | None
    body: str
    system: bool = False


class GitLab:
    """One project on gitlab.com or a server of one's own; see `protocol.Forge`."""

    def __init__(self, client: Client, *, host: str, project: str) -> None:
        self._client, self._host = client, host
        self._project = f"/projects/{part(project)}"

    def pull(self, number: int) -> ForgePull:
        """Return a merge request with its reviews and pushes. Raises ForgeError."""
        talk = self._client.conversation()
        seen = self._seen(talk, number)
        versions = self._versions(talk, number)
        reviews = self._reviews(talk, seen, versions)
        pushers, pushed = self._pushes(talk, seen)
        since = _head_since(versions, head=seen.sha, pushed=pushed)
        pull = self._noun(seen, pushers, since, versions=versions)
        again = self._noun(self._seen(talk, number), pushers, since, versions=versions)
        steady(pull, again, asked=f"merge request {number}")
        return ForgePull(
            pull=pull,
            reviews=reviews,
            source=seen.source_project_id,
            from_fork=seen.source_project_id != seen.target_project_id,
            server_time=talk.server_time,
        )

    def place_of(self, number: int) -> OpenPull:
        """Return head and target of one, in one request. Raises ForgeError."""
        seen = self._seen(self._client.conversation(), number)
        return OpenPull(
            number=seen.iid,
            base_ref=branch_ref(seen.target_branch),
            head=seen.sha,
            draft=seen.draft,
        )

    def open_pulls(self) -> tuple[OpenPull, ...]:
        """Return every one that is open. Raises ForgeError."""
        return of_gitlab(self._client.conversation(), self._project, needs=_READ)

    def post_status(
        self,
        commit: str,
        *,
        state: StatusState,
        description: str,
        url: str | None = None,
        context: str = STATUS_CONTEXT,
    ) -> None:
        """Post a commit status; one that says what is there already is fine. Raises ForgeError."""
        posted = _POSTED[state]
        body = {"state": posted, "name": context, "description": described(description)}
        if url is not None:
            body["target_url"] = url
        talk = self._client.conversation()
        try:
            talk.send("POST", f"{self._project}/statuses/{part(commit)}", body=body, needs=_WRITE)
        except ForgeError as error:
            if "transition" not in error.message:
                raise
            if not any(
                one.context == context and one.state == posted for one in self.statuses(commit)
            ):
                raise

    def statuses(self, commit: str) -> tuple[ForgeStatus, ...]:
        """Return the newest status of every name. Raises ForgeError."""
        talk = self._client.conversation()
        path = f"{self._project}/repository/commits/{part(commit)}/statuses"
        newest: dict[str, _Status] = {}
        for row in linked(talk, path, query=(("all", "true"),), needs=_READ):
            status = read(_Status, row, asked=path)
            if status.name not in newest or status.id > newest[status.name].id:
                newest[status.name] = status
        return tuple(
            ForgeStatus(
                context=name,
                state=status.status,
                creator=self._account(status.author) if status.author else None,
                description=status.description or "",
            )
            for name, status in sorted(newest.items())
        )

    def upsert_comment(self, number: int, *, text: str, marker: str = MARKER) -> str:
        """Write our note of a merge request. Raises ForgeError."""
        talk = self._client.conversation()
        body = {"body": marked(text, marker=marker)}
        user = talk.get("/user", needs="the scope api; a job token has no account to ask for")
        me = read(_User, document(user), asked=user.asked).id
        seen = self._seen(talk, number)
        path = f"{self._merge(number)}/notes"
        found = [read(_Comment, row, asked=path) for row in linked(talk, path, needs=_READ)]
        own = ours(
            (
                (one.id, one.author.id if one.author else None, one.body)
                for one in found
                if not one.system
            ),
            me=me,
            marker=marker,
        )
        if own is None:
            answer = talk.send("POST", path, body=body, needs=_WRITE)
        else:
            answer = talk.send("PUT", f"{path}/{own}", body=body, needs=_WRITE)
        note = read(_Comment, document(answer), asked=answer.asked)
        return f"{seen.web_url}#note_{note.id}"

    def protection(self, branch: str) -> ForgeRules:
        """Return protected branches and settings of the project. Raises ForgeError."""
        talk = self._client.conversation()
        return protection_of(talk, self._project, branch=branch_ref(branch))

    def _merge(self, number: int) -> str:
        return f"{self._project}/merge_requests/{number}"

    def _seen(self, talk: Conversation, number: int) -> _Merge:
        answer = talk.get(self._merge(number), needs=_READ)
        seen = read(_Merge, document(answer), asked=answer.asked)
        if seen.iid != number:
            raise ForgeError("forge-answer", f"{answer.asked} answers with another number")
        return seen

    def _noun(
        self,
        seen: _Merge,
        pushers: tuple[AccountRef, ...],
        since: datetime | None,
        *,
        versions: tuple[Version, ...],
    ) -> PullRequest:
        return PullRequest(
            number=seen.iid,
            opener=self._account(seen.author),
            pushers=pushers,
            draft=seen.draft,
            state=_STATES[seen.state],
            title=seen.title,
            head=seen.sha,
            base_ref=branch_ref(seen.target_branch),
            head_since=since,
            heads=tuple(
                SeenHead(commit=one.head_commit_sha, since=one.created_at)
                for one in versions
                if since is not None and oid(one.head_commit_sha) not in (None, seen.sha)
            ),
            # Pointing it at another branch makes another version.
            base_since=max((seen.created_at, *(one.created_at for one in versions[-1:]))),
        )

    def _account(self, user: _User | None) -> AccountRef:
        return account(self._host, user.id if user else None, user.username if user else None)

    def _versions(self, talk: Conversation, number: int) -> tuple[Version, ...]:
        """Return every version the merge request had, the oldest first."""
        path = f"{self._merge(number)}/versions"
        found = [read(Version, row, asked=path) for row in linked(talk, path, needs=_READ)]
        return tuple(sorted(found, key=lambda one: (one.created_at, one.id)))

    def _reviews(
        self, talk: Conversation, seen: _Merge, versions: tuple[Version, ...]
    ) -> tuple[Review, ...]:
        path = self._merge(seen.iid)
        notes = [
            read(Note, row, asked=f"{path}/notes")
            for row in linked(talk, f"{path}/notes", needs=_READ)
        ]
        answer = talk.get(f"{path}/approvals", needs=_READ)
        approvals = read(_Approvals, document(answer), asked=answer.asked).approved_by
        reviewers = [
            read(Reviewer, row, asked=f"{path}/reviewers")
            for row in linked(talk, f"{path}/reviewers", needs=_READ)
        ]
        return told_reviews(
            notes,
            approvals,
            reviewers,
            versions=versions,
            host=self._host,
            opened=seen.created_at,
            now=talk.server_time,
        )

    def _pushes(
        self, talk: Conversation, seen: _Merge
    ) -> tuple[tuple[AccountRef, ...], datetime | None]:
        if seen.source_project_id is None:  # the fork is gone, and with it what is known of it
            return (), None
        path = f"/projects/{seen.source_project_id}/events"
        pushes: list[Push] = []
        for row in linked(talk, path, query=(("action", "pushed"),), needs=_PUSHES):
            one = read(_Event, row, asked=path)
            data = one.push_data
            if data is None or data.ref_type != "branch" or data.ref != seen.source_branch:
                continue
            deletion = data.action == "removed"
            pushes.append(
                Push(self._account(one.author), one.created_at, oid(data.commit_to), deletion)
            )
            if deletion or data.action == "created":  # newest first: the branch began here
                break
        return settled(tuple(reversed(pushes)), head=seen.sha)


def _head_since(
    versions: tuple[Version, ...], *, head: str, pushed: datetime | None
) -> datetime | None:
    """Return since when the merge request is at this head; None unless its pusher is known."""
    if pushed is None or not versions or versions[-1].head_commit_sha != head:
        return None
    return max(versions[-1].created_at, pushed)


def client_headers(token: str | None) -> dict[str, str]:
    """Return the headers of every request."""
    return {"Authorization": f"Bearer {token}"} if token else {}
