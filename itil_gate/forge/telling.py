"""What every forge's answers are turned into in the same way: accounts, pushes, reviews, comments.

Order is the server's time. Lists of some forges tell whole seconds, and a review that was begun
earlier can be handed in later, so reviews of one second share a place; a decision then lets the
negative one win.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from itil_gate.forge.protocol import ForgeError
from itil_gate.forge.values import NOBODY
from itil_gate.model.facts import AccountRef, SeenHead
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from itil_gate.model.facts import PullRequest, Review

_OID = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})")
_DESCRIPTION = 140
COMMENT_LIMIT = 65_000
"""Characters; GitHub takes 65,536, the others more."""
_HEADS = "refs/heads/"


@frozen
class Push:
    """Somebody moved the branch; `after` is None where it was deleted or that is not told."""

    by: AccountRef
    at: datetime
    after: str | None
    deletion: bool = False


def account(host: str, number: int | None, login: str | None) -> AccountRef:
    """Return an account; one that is gone is nobody's."""
    if number is None or number < 1:
        return AccountRef(forge=host, id=NOBODY, login=login or "ghost")
    return AccountRef(forge=host, id=number, login=login or "")


def oid(text: str | None) -> str | None:
    """Return a commit's id if the text is one: some forges hand out what a reviewer sent."""
    return text if text is not None and _OID.fullmatch(text) else None


def settled(pushes: Sequence[Push], *, head: str) -> tuple[tuple[AccountRef, ...], datetime | None]:
    """Return who pushed to a branch, the last one last, and since when it is at `head`.

    `pushes` is oldest first. What was pushed before the branch was last deleted is not part of
    it. Where the last push does not lead to `head` the forge has not told all: the time is None,
    so that no review counts on it.
    """
    deletions = [place for place, push in enumerate(pushes) if push.deletion]
    own = pushes[deletions[-1] + 1 :] if deletions else pushes
    last: dict[int, AccountRef] = {}
    for push in own:
        last.pop(push.by.id, None)
        last[push.by.id] = push.by
    known = bool(own) and own[-1].after == head
    return tuple(last.values()), own[-1].at if known else None


def earlier(pushes: Sequence[Push], *, head: str) -> tuple[SeenHead, ...]:
    """Return the heads a branch had before this one, and when each was pushed, oldest first.

    There are none where the last push does not lead to `head`: the forge has not told all.
    """
    deletions = [place for place, push in enumerate(pushes) if push.deletion]
    own = pushes[deletions[-1] + 1 :] if deletions else pushes
    if not own or own[-1].after != head:
        return ()
    return tuple(SeenHead(commit=one.after, since=one.at) for one in own[:-1] if one.after)


def ordered(found: Iterable[tuple[datetime, Review]]) -> tuple[Review, ...]:
    """Put reviews in the order of these moments and number them; equal moments share a number."""
    placed = sorted(found, key=lambda one: (one[0], one[1].id))
    places = {moment: n for n, moment in enumerate(sorted({at for at, _ in placed}), start=1)}
    return tuple(review.model_copy(update={"sequence": places[at]}) for at, review in placed)


def steady(before: PullRequest, after: PullRequest, *, asked: str) -> None:
    """Check that a pull request did not move while it was read. Raises ForgeError."""
    for name in ("head", "base_ref", "state", "draft"):
        if getattr(before, name) != getattr(after, name):
            raise ForgeError(
                "forge-differs",
                f"{asked} changed while it was read: {name.replace('_', ' ')}",
                hint="check again; nothing was decided",
            )


def described(text: str) -> str:
    """Cut a description to what every forge shows."""
    line = " ".join(text.split())
    return line if len(line) <= _DESCRIPTION else line[: _DESCRIPTION - 1] + "…"


def marked(text: str, *, marker: str) -> str:
    """Return the text of our comment: the hidden line, then the text, cut where it is too long."""
    first = hidden(marker)
    if len(text) > COMMENT_LIMIT:
        text = text[:COMMENT_LIMIT].rpartition("\n")[0] + "\n\n…"
    return f"{first}\n{text}"


def hidden(marker: str) -> str:
    """Return the line, hidden when it is shown, that our comment begins with."""
    if not re.fullmatch(r"[A-Za-z0-9._/-]+", marker) or "--" in marker:
        raise ValueError(f"{marker!r} would not stay hidden in a comment")
    return f"<!-- {marker} -->"


def ours(comments: Iterable[tuple[Any, int | None, str]], *, me: int, marker: str) -> Any:
    """Return the id of the first comment, given as id, author and text, that we wrote; or None."""
    first = hidden(marker)
    found = [
        number
        for number, author, text in comments
        if author == me and text.partition("\n")[0].rstrip("\r") == first
    ]
    return min(found, default=None)


def branch_ref(branch: str) -> str:
    """Return the full name of a branch, given by its name or its full name."""
    return branch if branch.startswith(_HEADS) else f"{_HEADS}{branch}"


def part(text: str) -> str:
    """Quote a name as one part of a path."""
    return quote(text, safe="")
