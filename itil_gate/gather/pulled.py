"""What a forge told of a pull request, made facts: held against what is checked, and proved by git.

Nothing here asks a forge; the rim hands in what it read. A review names no more than a commit: what
that commit changes against the target, and which request it holds, is read from git.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from itil_gate.gather.statements import UNFIT, Named
from itil_gate.git.history import merge_base
from itil_gate.model.errors import ConfigError, GateError
from itil_gate.model.facts import ApprovedContent, ReviewedContent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from itil_gate.forge.values import ForgePull
    from itil_gate.git.view import View
    from itil_gate.model.config import Config
    from itil_gate.model.facts import Review

SKEW = timedelta(minutes=5)
"""So far the clocks of gate and forge may differ."""
MOST_COMMITS = 200
"""Of so many commits, the last ones reviewed, it is read what they hold; strangers review too."""
_UNFIT = UNFIT | {"ambiguous-merge-base"}


def refuse_other(
    pulled: ForgePull, *, config: Config, target: str, head: str, now: datetime
) -> None:
    """Refuse what the forge told of anything but what is checked, or by another clock.

    Raises ConfigError `no-forge` where the target names no forge, GateError `forge-differs` where
    the pull request has another head or is pointed at another branch, and GateError `forge-clock`
    where its clock and ours are more than five minutes apart.
    """
    if config.forge is None:
        raise no_forge()
    pull = pulled.pull
    for what, theirs, ours in (
        ("has the head", pull.head, head),
        ("is to be merged into", pull.base_ref, target),
    ):
        if theirs != ours:
            raise GateError(
                "forge-differs",
                f"pull request {pull.number} on {config.forge.host} {what} {theirs}, and checked "
                f"is {ours}",
                hint="fetch both branches and check again; somebody may have pushed meanwhile",
            )
    foreign = sorted({one.forge for one in pulled.reviews} - {config.forge.host})
    if foreign:
        raise GateError(
            "forge-differs",
            f"reviews of {', '.join(foreign)} were handed in for {config.forge.host}",
        )
    apart = abs(now - pulled.server_time)
    if apart > SKEW:
        raise GateError(
            "forge-clock",
            f"the clock here and that of {config.forge.host} are {apart} apart",
            hint="set the clock of this machine by NTP; what is good until when depends on it",
        )


def no_forge() -> ConfigError:
    """Return the error of asking for a pull request where the target names no forge."""
    return ConfigError(
        "no-forge",
        "itil-gate.yaml on the target branch has no section forge",
        hint="name the forge there: kind, url, host and project",
    )


def proved_reviews(
    view: View,
    reviews: Sequence[Review],
    *,
    tip: str,
    paths: Sequence[str],
    look: Callable[[Named], ApprovedContent],
) -> tuple[Review, ...]:
    """Return reviews in the server's order, approvals with what git says about their commits.

    `paths` are the requests of the pull request.
    """
    ordered = sorted(reviews, key=lambda one: (one.sequence, one.id))
    wanted = dict.fromkeys(
        one.commit
        for one in reversed(ordered)
        if one.commit is not None and one.state == "approved" and not one.dismissed
    )
    commits = list(wanted)[:MOST_COMMITS]
    known = {commit: _content(view, commit, tip=tip, paths=paths, look=look) for commit in commits}
    return tuple(
        one.model_copy(update={"approved": known.get(one.commit or "", ())})
        if one.state == "approved" and not one.dismissed
        else one
        for one in ordered
    )


def _content(
    view: View,
    commit: str,
    *,
    tip: str,
    paths: Sequence[str],
    look: Callable[[Named], ApprovedContent],
) -> tuple[ReviewedContent, ...]:
    """Return what a commit holds; one that is not here, or not related, proves nothing, no more."""
    fork = tip
    lost = True
    (thing,) = view.reader.info([commit])
    if thing is not None and thing.type == "commit":
        try:
            fork = merge_base(view, tip, commit)
            lost = False
        except GateError as error:
            if error.code not in _UNFIT:
                raise
    return tuple(
        ReviewedContent(
            path=path,
            merge_base=fork,
            proof=ApprovedContent(known=False)
            if lost
            else look(Named(merge_base=fork, head=commit, request_path=path, content=None)),
        )
        for path in paths
    )
