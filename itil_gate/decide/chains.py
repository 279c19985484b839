"""The statements of one signer form a chain. Its tip counts; nothing else orders them.

Branch order, dates and file names decide nothing. A hole in a chain takes approvals away but never
a rejection or the withdrawal of a change, so that deleting evidence cannot free one. On a fork the
most negative tip wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from itil_gate.model.statement import Verdict

NEGATIVITY: dict[Verdict, int] = {
    "reject": 0,
    "withdraw-change": 1,
    "withdraw": 2,
    "approve": 3,
}
LASTING: tuple[Verdict, ...] = ("reject", "withdraw-change")
"""What only its signer's later word ends, whatever else of their chain is missing."""


@frozen
class Link:
    """One statement in a signer's chain."""

    digest: str
    verdict: Verdict
    previous: tuple[str, ...]


@frozen
class Chain:
    """What holds of one signer's statements: those in force, and why the others are not."""

    standing: frozenset[str]
    """Digests of statements in force: at most one kind of verdict, and every open rejection."""
    void: Mapping[str, str]
    """Reason code of every other digest: superseded, missing-predecessor or forked."""
    tips: tuple[str, ...]
    """Digests that the signer's next statement names as previous, sorted."""


def resolve(links: Sequence[Link]) -> Chain:
    """Return which statements of one signer stand. The order of `links` does not matter."""
    nodes = {link.digest: link for link in links}
    whole = _whole(nodes)
    replaced = {older for digest in whole for older in nodes[digest].previous if older in nodes}
    holes = set(nodes) - whole
    tips = _most_negative(whole - replaced, nodes)
    # A later word of this signer is missing, so an earlier approval may have been retracted.
    lost = {digest for digest in tips if holes and nodes[digest].verdict == "approve"}
    lasting = {
        digest
        for digest, link in nodes.items()
        if link.verdict in LASTING and digest not in replaced
    }
    standing = _most_negative(lasting, nodes) or tips - lost
    void: dict[str, str] = dict.fromkeys(nodes.keys() - standing, "forked")
    void |= dict.fromkeys(replaced, "superseded")
    void |= dict.fromkeys(holes | lost, "missing-predecessor")
    heads = set(nodes) - {older for link in links for older in link.previous}
    return Chain(
        standing=frozenset(standing),
        void={digest: code for digest, code in sorted(void.items()) if digest not in standing},
        tips=tuple(sorted(heads)),
    )


def _whole(nodes: Mapping[str, Link]) -> set[str]:
    """Return the statements whose predecessors are all there, back to a first one."""
    whole: set[str] = set()
    waiting: dict[str, int] = {}
    followers: dict[str, list[str]] = {}
    ready = []
    for digest, link in nodes.items():
        waiting[digest] = len(set(link.previous))
        for older in set(link.previous):
            followers.setdefault(older, []).append(digest)
        if not link.previous:
            ready.append(digest)
    while ready:
        digest = ready.pop()
        whole.add(digest)
        for later in followers.get(digest, ()):
            waiting[later] -= 1
            if waiting[later] == 0:
                ready.append(later)
    return whole


def _most_negative(tips: set[str], nodes: Mapping[str, Link]) -> set[str]:
    if not tips:
        return set()
    worst = min(NEGATIVITY[nodes[digest].verdict] for digest in tips)
    return {digest for digest in tips if NEGATIVITY[nodes[digest].verdict] == worst}
