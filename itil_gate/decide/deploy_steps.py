"""What a release brings: the recorded updates of the steps it takes, and what none accounts for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide.deploy_facts import (
    Landed,
    changing,
    in_force,
)
from itil_gate.model.record import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.decide.deploy_facts import DeployFacts

SHOWN = 10


def tiled(
    steps: Sequence[tuple[str, str]], ranges: dict[tuple[str, str], Landed]
) -> tuple[tuple[Landed, ...], tuple[tuple[str, str], ...]]:
    """Return the updates that tile these steps, and the steps that none of them holds.

    Of several updates that begin at a commit the one recorded last holds; one that ends elsewhere
    tells nothing about this history.
    """
    ends = {after: number for number, (_, after) in enumerate(steps)}
    begins: dict[str, list[Landed]] = {}
    for (before, after), one in ranges.items():
        if after in ends:
            begins.setdefault(before, []).append(one)
    found: list[Landed] = []
    gaps: list[tuple[str, str]] = []
    place = 0
    while place < len(steps):
        before = steps[place][0]
        fits = [one for one in begins.get(before, ()) if ends[one.update.after] >= place]
        if not fits:
            gaps.append(steps[place])
            place += 1
            continue
        latest = max(fits, key=lambda one: one.index)
        found.append(latest)
        place = ends[latest.update.after] + 1
    return tuple(found), tuple(gaps)


def moved_back(
    facts: DeployFacts, ranges: dict[tuple[str, str], Landed], tiles: Sequence[Landed]
) -> tuple[Landed, ...]:
    """Return how the branch was moved to a commit of these steps where it had stood before.

    What came after that commit is gone without anybody's leave, and the steps do not show it.
    """
    known: set[str] = set()
    moves: dict[tuple[str, str], None] = {}
    for one in facts.updates:
        ends = (one.update.before, one.update.after)
        if one.update.after in known and one.update.correction is None:
            moves[ends] = None
        known.update(ends)
    before = in_force(facts.releases, facts.attempt.environment)
    start = facts.steps[0][0] if facts.steps else None
    line = {start, *(after for _, after in facts.steps)}
    return tuple(
        one
        for one in map(ranges.__getitem__, moves)
        if one.update.after in line
        and one.update.standing == "unauthorised"
        and one not in tiles
        and (one.update.after != start or before is None or one.index > before.index)
    )


def answered(rule: str, fault: str, *, well: str, remedy: str) -> Reason:
    """Return the answer to a question: what is wrong, or `well` where nothing is."""
    return Reason(rule=rule, passed=not fault, message=fault or well, remedy=remedy or None)


def bearing(tiles: Sequence[Landed]) -> Sequence[Landed]:
    """Return the updates that change something; all of them where none does."""
    return [one for one in tiles if changing([one.update])] or tiles
