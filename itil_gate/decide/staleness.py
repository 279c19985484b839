"""Whether what somebody approved is what would land now: proved, or stale.

Content is compared by object ids, modes and paths, never by patch text: white space and moved
hunks are changes. A carry-over is named in the decision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide.matching import Need, match
from itil_gate.model.errors import SourceError
from itil_gate.model.frozen import frozen
from itil_gate.model.people import PEER
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from itil_gate.model.facts import ApprovedContent, Facts, StatementFact
    from itil_gate.model.policy import CarryOver
    from itil_gate.model.statement import ApprovalPredicate, BoundRequirement

SHOWN = 5
SHORT = 12


@frozen
class Bound:
    """The content that somebody spoke about: as they signed, or as their review's commit holds."""

    head: str
    merge_base: str
    content: str | None
    request: str | None


def carry_over(item: StatementFact, *, facts: Facts, request: str) -> CarryOver | None:
    """Return how an approval is proved to hold for the present head, or None if it is stale."""
    if item.approval is None or item.approved is None:
        return None
    return carried(_bound(item.approval), item.approved, facts=facts, request=request)


def carried(
    bound: Bound, proof: ApprovedContent, *, facts: Facts, request: str
) -> CarryOver | None:
    """Return how what was bound is proved to be what would land now, or None if it is stale.

    `exact`: same head and merge base. `same-content`: equal content digest. `clean-replay`:
    merging the target with the approved tree gives exactly the tree that would land now. None of
    them holds once the request has changed on the target: what was approved has landed there, and
    to land it again after a revert is another change.
    """
    if facts.merged_tree is None or not proof.untouched:
        return None
    if bound.content == facts.content and bound.request == request:
        same = bound.head == facts.head and bound.merge_base == facts.merge_base
        return "exact" if same else "same-content"
    if (
        proof.known
        and proof.content == bound.content
        and proof.request == bound.request == request
        and proof.replay_tree is not None
        and proof.replay_tree == facts.merged_tree
    ):
        return "clean-replay"
    return None


def tightened(demands: Sequence[BoundRequirement], bound: Sequence[BoundRequirement]) -> str | None:
    """Return the first demand of today that what was signed under does not cover, in words.

    Each requirement that was signed covers one demand of today for people of their own, so two
    alike ask for more than one did.
    """
    numbered = {str(number): demand for number, demand in enumerate(demands)}
    shared = {
        key
        for key, demand in numbered.items()
        if not demand.distinct and any(_covers(old, demand) for old in bound)
    }
    cover = match(
        [
            Need(
                f"bound-{number}",
                1,
                frozenset(key for key, demand in numbered.items() if _covers(old, demand)),
            )
            for number, old in enumerate(bound)
        ],
        [key for key, demand in numbered.items() if demand.distinct],
    )
    covered = shared.union(*cover.values())
    for key, demand in numbered.items():
        if key not in covered:
            of = f" of {demand.service}" if demand.service else ""
            amount = f"{demand.percent} % of" if demand.percent else f"{demand.min or 1}"
            return f"{amount} {demand.role}{of}"
    return None


def _covers(old: BoundRequirement, new: BoundRequirement) -> bool:
    # Whoever holds any role is a peer too, so a number of peers asks for less than any role did.
    peers = new.role == PEER and new.percent is None
    if not peers and (old.role, old.service) != (new.role, new.service):
        return False
    if (old.percent is None) != (new.percent is None):
        return False
    return (
        (old.min or 1) >= (new.min or 1)
        and (old.percent or 0) >= (new.percent or 0)
        and (old.distinct or not new.distinct)
    )


def what_changed(item: StatementFact, *, facts: Facts, text: str) -> str:
    """Say in one line what differs between what was approved and what is proposed now."""
    if item.approval is None or item.approved is None:
        return "it binds no content"
    return differs(_bound(item.approval), item.approved, facts=facts, text=text)


def differs(bound: Bound, proof: ApprovedContent, *, facts: Facts, text: str) -> str:
    """Say in one line what differs between what was bound and what is proposed now."""
    head = bound.head[:SHORT]
    if proof.landed is not None:
        return f"the request changed on the target after approval, with {proof.landed[:SHORT]}"
    if not proof.known:
        base = bound.merge_base[:SHORT]
        return f"it is bound to commit {head} on {base}, which are not both to be had here"
    pushed = f": {head} was approved, {facts.head[:SHORT]} is proposed"
    where = pushed if bound.head != facts.head else ""
    if not proof.in_history:
        where += f"; commit {head} is not part of this pull request"
    changed = _changed_fields(proof.request_text, text) or proof.changed
    if changed:
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        return f"{', '.join(changed[:SHOWN])}{more} changed after approval{where}"
    if proof.content != bound.content:
        return f"the content it names is not that of commit {head}"
    if proof.request != bound.request:
        return f"the request it names is not that of commit {head}"
    return f"the target moved in a way that changes the result of the merge{where}"


def _bound(said: ApprovalPredicate) -> Bound:
    return Bound(said.head, said.merge_base, said.content, said.request)


def _changed_fields(before: str | None, after: str) -> list[str]:
    if before is None:
        return []
    try:
        old = dict(_leaves(parse(before, file="before").data))
        new = dict(_leaves(parse(after, file="after").data))
    except SourceError:
        return []
    return sorted(
        key.removeprefix("spec.") for key in old.keys() | new.keys() if old.get(key) != new.get(key)
    )


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    else:
        yield path, value
