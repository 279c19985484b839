"""Distribute people over requirements: k approvals are k distinct persons.

Bipartite matching by augmenting paths (Kuhn 1955; Hopcroft and Karp 1973, section 1): a person
already placed is moved aside where that helps, and is never dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@frozen
class Need:
    """How many people a requirement needs and who may fill it."""

    key: str
    count: int
    who: frozenset[str]


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
    slots = {need.key: list((placed or {}).get(need.key, ())) for need in needs}
    taken = {person for members in slots.values() for person in members}
    by_key = {need.key: need for need in needs}
    for person in sorted(set(people) - taken):
        _place(person, by_key, slots)
    return {key: tuple(sorted(members)) for key, members in slots.items()}


def _place(person: str, needs: Mapping[str, Need], slots: dict[str, list[str]]) -> bool:
    """Find room for a person by breadth-first search over needs; move others along the path."""
    came: dict[str, tuple[str, str | None]] = {}
    queue: list[str] = []
    for key, need in needs.items():
        if person in need.who and need.count > 0:
            came[key] = (person, None)
            queue.append(key)
    for key in queue:
        if len(slots[key]) < needs[key].count:
            _shift(key, came, slots)
            return True
        for member in slots[key]:
            for other, need in needs.items():
                if other not in came and member in need.who and need.count > 0:
                    came[other] = (member, key)
                    queue.append(other)
    return False


def _shift(
    key: str, came: Mapping[str, tuple[str, str | None]], slots: dict[str, list[str]]
) -> None:
    step: str | None = key
    while step is not None:
        person, source = came[step]
        slots[step].append(person)
        if source is not None:
            slots[source].remove(person)
        step = source
