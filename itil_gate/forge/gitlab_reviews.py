"""Reviews as GitLab tells of them: in system notes, in who approves now, and in reviewers' states.

Each is believed for what it is. An approval stands only where GitLab counts it now, and is the
last that this person gave; earlier ones, and those that were taken back or reset, are told as
dismissed. A request for changes stands while its reviewer's state says so; one that GitLab noted
and did not take, from somebody who is no reviewer, is told as dismissed too: it was said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from itil_gate.forge.seen import Seen
from itil_gate.forge.telling import account, oid, ordered
from itil_gate.model.base import Moment
from itil_gate.model.facts import Review

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

_APPROVED = "approved this merge request"
_CHANGES = "requested changes"
_REQUESTED = "requested_changes"
_State = Literal["approved", "changes-requested"]


class User(Seen):
    """An account."""

    id: int
    username: str


class Note(Seen):
    """A note; GitLab writes the system notes, nobody else can."""

    id: int
    author: User
    body: str
    system: bool
    created_at: Moment


class Approval(Seen):
    """An approval that GitLab counts now; newer versions tell its time."""

    user: User
    approved_at: Moment | None = None


class Reviewer(Seen):
    """Somebody who was asked to review, and what of it came."""

    user: User
    state: str


class Version(Seen):
    """What the merge request was from a moment on."""

    id: int
    head_commit_sha: str
    created_at: Moment


def told_reviews(
    notes: Iterable[Note],
    approvals: Sequence[Approval],
    reviewers: Sequence[Reviewer],
    *,
    versions: Sequence[Version],
    host: str,
    opened: datetime,
    now: datetime,
) -> tuple[Review, ...]:
    """Return the reviews of a merge request in the order of their times.

    An approval without a known time is as old as the merge request and has no commit; a request
    for changes without one is of this moment, so that nothing takes it back unseen.
    """
    said = [(note, state) for note in notes if (state := _said(note)) is not None]
    last = {(note.author.id, state): note.id for note, state in sorted(said, key=_by_id)}
    approving = {one.user.id for one in approvals}
    asking = {one.user.id for one in reviewers if one.state == _REQUESTED}
    standing = {("approved", who) for who in approving} | {
        ("changes-requested", who) for who in asking
    }
    found = []
    for note, state in said:
        who = note.author
        stands = (state, who.id) in standing and last[who.id, state] == note.id
        found.append(
            _review(
                f"note-{note.id}",
                who,
                state,
                host=host,
                at=note.created_at,
                commit=_head_at(versions, note.created_at),
                dismissed=not stands,
            )
        )
    for one in approvals:
        if (one.user.id, "approved") not in last:
            at = one.approved_at
            commit = _head_at(versions, at) if at else None
            name = f"approval-{one.user.id}"
            found.append(
                _review(name, one.user, "approved", host=host, at=at or opened, commit=commit)
            )
    for other in reviewers:
        if other.user.id in asking and (other.user.id, "changes-requested") not in last:
            name = f"reviewer-{other.user.id}"
            found.append(
                _review(name, other.user, "changes-requested", host=host, at=now, commit=None)
            )
    return ordered((review.submitted_at, review) for review in found)


def _said(note: Note) -> _State | None:
    if not note.system:
        return None
    if note.body.strip() == _APPROVED:
        return "approved"
    return "changes-requested" if note.body.strip().startswith(_CHANGES) else None


def _by_id(one: tuple[Note, _State]) -> int:
    return one[0].id


def _head_at(versions: Sequence[Version], at: datetime) -> str | None:
    """Return the head of the version in force at a moment; None before the first."""
    earlier = [one for one in versions if one.created_at <= at]
    return oid(earlier[-1].head_commit_sha) if earlier else None


def _review(
    name: str,
    who: User,
    state: _State,
    *,
    host: str,
    at: datetime,
    commit: str | None,
    dismissed: bool = False,
) -> Review:
    ref = account(host, who.id, who.username)
    return Review(
        id=name,
        forge=host,
        account=ref.id,
        login=ref.login,
        state=state,
        dismissed=dismissed,
        commit=commit,
        submitted_at=at,
        sequence=0,
    )
