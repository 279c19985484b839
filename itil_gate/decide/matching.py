"""Distribute people over requirements: k approvals are k distinct persons.

Bipartite matching by augmenting paths (Kuhn 1955; Hopcroft and Karp 1973, section 1): a person
already placed is moved aside where that helps, and is never dropped. Who speaks for others takes
the seat of one of them, so that a lender and their delegate never count side by side.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Chair = tuple[str, str]
    """A seat of a need: the need's key and whose authority counts there."""

_OWN: Mapping[str, frozenset[str]] = MappingProxyType({})


@frozen
class Need:
    """How many people a requirement needs and who may fill it."""

    key: str
    count: int
    who: frozenset[str]
    speaks_for: Mapping[str, frozenset[str]] = _OWN
    """By people who speak for others: for whom. Everybody else speaks for themselves."""


def match(
    needs: Sequence[Need],
    people: Sequence[str],
    *,
    placed: Mapping[str, tuple[str, ...]] | None = None,
) -> dict[str, tuple[str, ...]]:
    """Return the people placed with each need, each at most once, as many as possible in all.

    `placed` is an earlier result to extend; everybody in it stays placed. The result does not
    depend on the order of `people`.
    """
    taken: dict[Chair, str] = {}
    for need in needs:
        for person in (placed or {}).get(need.key, ()):
            _place(person, {need.key: need}, taken)
    by_key = {need.key: need for need in needs}
    for person in sorted(set(people) - set(taken.values())):
        _place(person, by_key, taken)
    found: dict[str, list[str]] = {need.key: [] for need in needs}
    for (key, _), person in taken.items():
        found[key].append(person)
    return {key: tuple(sorted(members)) for key, members in found.items()}


def _place(person: str, needs: Mapping[str, Need], taken: dict[Chair, str]) -> bool:
    """Find a chair for a person by breadth-first search; move others along the path."""
    came: dict[Chair, tuple[str, Chair | None, Chair | None]] = {}
    queue: list[Chair] = []

    def offer(member: str, *, leaves: Chair | None, wanted: Chair | None) -> None:
        for key, need in needs.items():
            if member in need.who and need.count > 0:
                for seat in sorted(need.speaks_for.get(member, (member,))):
                    if (key, seat) not in came:
                        came[key, seat] = (member, leaves, wanted)
                        queue.append((key, seat))

    offer(person, leaves=None, wanted=None)
    for chair in queue:
        beside = [other for other in taken if other[0] == chair[0]]
        if chair not in taken and len(beside) < needs[chair[0]].count:
            _shift(chair, came, taken)
            return True
        # An empty chair of a full need is free as soon as anybody there moves elsewhere.
        for other in [chair] if chair in taken else beside:
            offer(taken[other], leaves=other, wanted=chair)
    return False


def _shift(
    chair: Chair,
    came: Mapping[Chair, tuple[str, Chair | None, Chair | None]],
    taken: dict[Chair, str],
) -> None:
    step: Chair | None = chair
    while step is not None:
        member, leaves, wanted = came[step]
        if leaves is not None:
            del taken[leaves]
        taken[step] = member
        step = wanted
