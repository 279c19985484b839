"""How what landed on the target came from what was authorised.

The target's first-parent history is walked step by step. A step, or several steps in a row where a
forge rebased, rests on an authority if merging the difference that was authorised into the commit
before gives exactly the tree after: that holds for merges, squashes, rebases, queues and
fast-forwards alike, and needs no commit of the branch to be kept. Nothing else is believed; a
title, a number or a trailer that names a pull request proves nothing.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from itil_gate.git.diff import content_digest, raw_diff
from itil_gate.git.history import is_ancestor, read_commit, refuse_shallow
from itil_gate.git.merge import clean_replay
from itil_gate.git.objects import listed_ids
from itil_gate.git.rebuild import rebuild_tree
from itil_gate.git.tree import entry_at, tree_id
from itil_gate.model.config import CONFIG_PATH
from itil_gate.model.errors import GateError, HistoryError
from itil_gate.model.frozen import frozen
from itil_gate.model.record import Kept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from itil_gate.git.view import View
    from itil_gate.model.facts import DiffEntry
    from itil_gate.model.record import Proof

MOST_STEPS = 100_000
REBASED = 250
"""So many commits a forge may have made of one pull request."""
MOST_KEPT = 1024 * 1024
_UNFIT = frozenset(
    {
        *("object-missing", "object-too-large", "tree-damaged", "history-too-shallow"),
        *("not-a-commit", "unrelated-histories", "path-text", "path-taken", "bad-path"),
    }
)
"""What an authority may fail by: it then carries nothing, and is no error of the recording."""


@frozen
class Authority:
    """A decision that let a difference in, as far as a landing is held against it."""

    key: str
    """What tells it from others: the digest of the decision."""
    head: str
    head_tree: str
    merge_base: str
    content: str
    diff: tuple[DiffEntry, ...]
    kept: tuple[Kept, ...] = ()
    first: int = 0
    """The first place of the chain at which something may have landed by it."""
    last: int | None = None
    """The place from which on it speaks no more; None for never."""


@frozen
class Carried:
    """Steps that an authority accounts for."""

    before: str
    after: str
    authority: Authority
    proof: Proof


def first_parents(view: View, before: str, after: str) -> tuple[str, ...] | None:
    """Return the first-parent commits after `before` up to `after`, oldest first.

    None if `before` does not lie on that line: the branch was rewound, or never held it. Raises
    HistoryError `history-too-shallow` or `range-too-long`.
    """
    if before == after:
        return ()
    if not is_ancestor(view, before, after):
        return None
    refuse_shallow(view, before, after)
    done = view.git(
        *("rev-list", "--first-parent", f"--max-count={MOST_STEPS + 1}", "--parents"),
        *("--end-of-options", after, f"^{before}"),
    )
    lines = [line.split() for line in done.out.decode("ascii").splitlines()]
    if len(lines) > MOST_STEPS:
        raise HistoryError(
            "range-too-long",
            f"more than {MOST_STEPS:,} updates lie between {before[:12]} and {after[:12]}",
            hint="record them in parts",
        )
    if not lines or lines[-1][1:2] != [before]:
        return None
    return tuple(line[0] for line in reversed(lines))


def lies_on_line(view: View, before: str, after: str) -> bool:
    """Tell whether one commit is another, or lies on its line of first parents.

    That a commit is an ancestor is less: whoever merges a branch into an old commit makes it one,
    and has put history of their own in its place. Raises HistoryError `history-too-shallow`.
    """
    if before == after:
        return True
    if not is_ancestor(view, before, after):
        return False
    refuse_shallow(view, before, after)
    done = view.git(
        *("rev-list", "--first-parent", "--parents", "--end-of-options", after, f"^{before}")
    )
    oldest = done.out.decode("ascii").rstrip("\n").rpartition("\n")[2].split()
    return oldest[1:2] == [before]


def carried(
    view: View, chain: Sequence[str], authorities: Sequence[Authority]
) -> tuple[Carried | str, ...]:
    """Return, in order, what each step of a chain rests on; a commit id where it is nothing.

    `chain` begins with the commit before the first step. An authority accounts for one landing, and
    uses up those about the same content; of several that fit, the first of the list is taken.
    """
    trees = [tree_id(view, commit) for commit in chain]
    left = list(authorities)
    found: list[Carried | str] = []
    place = 0
    while place < len(chain) - 1:
        match = _match(view, chain, trees, place, left)
        if match is None:
            found.append(chain[place + 1])
            place += 1
            continue
        authority, end = match
        left = [
            other
            for other in left
            if other is not authority and (other.content != authority.content or other.first >= end)
        ]
        found.append(
            Carried(
                before=chain[place],
                after=chain[end],
                authority=authority,
                proof=_proof(view, chain[place], chain[end], authority),
            )
        )
        place = end
    return tuple(found)


def kept_for(view: View, authority: Authority, after: str) -> tuple[Kept, ...]:
    """Return the authorised contents that what landed does not hold as they were.

    Without them nobody could merge again once the branch is gone. What is larger than a mebibyte
    in all is left out, largest first; who verifies then needs the branch.
    """
    kept: list[Kept] = []
    left = MOST_KEPT
    for entry in authority.diff:
        if entry.status == "D" or entry.new_mode == "160000":
            continue
        there = entry_at(view, after, entry.path)
        if there is not None and there.oid == entry.new_id:
            continue
        try:
            data = view.read(entry.new_id, limit=min(left, 256 * 1024)).data
        except GateError:
            continue
        left -= len(data)
        kept.append(Kept(oid=entry.new_id, base64=base64.b64encode(data).decode("ascii")))
    return tuple(kept)


def parents_of(view: View, commit: str) -> tuple[str, ...]:
    """Return the parents of a commit, first parent first."""
    return read_commit(view, commit).parents


def holds(view: View, oid: str) -> bool:
    """Tell whether an object is in the repository."""
    return next(view.reader.info([oid])) is not None


def _match(
    view: View,
    chain: Sequence[str],
    trees: Sequence[str],
    place: int,
    authorities: Sequence[Authority],
) -> tuple[Authority, int] | None:
    if not authorities:
        return None
    step = {entry.path for entry in raw_diff(view, trees[place], trees[place + 1])}
    ahead: dict[str, list[int]] = {}
    for end in range(place + 1, min(len(chain), place + REBASED + 1)):
        ahead.setdefault(trees[end], []).append(end)
    for authority in authorities:
        if place < authority.first or (authority.last is not None and place >= authority.last):
            continue
        if not step or not step <= {entry.path for entry in authority.diff}:
            continue
        tree = _replayed(view, authority, onto=chain[place])
        if tree is not None and tree != trees[place] and tree in ahead:
            return authority, _end(chain, ahead[tree], authority)
    return None


def _end(chain: Sequence[str], ends: Sequence[int], authority: Authority) -> int:
    """Return where a landing ends, of the places at which the tree is what was authorised.

    That is the head itself where it stands on the line, with whatever its branch tried and took
    back on the way; otherwise the first, since nobody knows whose the steps after that are.
    """
    return next((end for end in ends if chain[end] == authority.head), ends[0])


def _replayed(view: View, authority: Authority, *, onto: str) -> str | None:
    """Return the tree of merging what was authorised into a commit; None if it cannot be.

    The authorised tree itself may be gone with its branch, in whole or in part; then it is put
    together again from what was written down.
    """
    try:
        if not is_ancestor(view, authority.merge_base, onto):
            # From a merge base that the target has left, a replay would bring back what it left.
            return None
    except GateError as error:
        if error.code not in _UNFIT:
            raise
        return None
    for tree_of in (_still_there, _rebuilt):
        try:
            tree = tree_of(view, authority)
            if tree is None:
                continue
            if authority.merge_base == onto:
                return tree
            return clean_replay(
                view, approved_tree=tree, approved_merge_base=authority.merge_base, onto=onto
            )
        except GateError as error:
            if error.code not in _UNFIT:
                raise
    return None


def _still_there(view: View, authority: Authority) -> str | None:
    return authority.head_tree if holds(view, authority.head_tree) else None


def _rebuilt(view: View, authority: Authority) -> str | None:
    """Return the authorised tree put together again; None if it does not come out the same."""
    blobs: Mapping[str, bytes] = {one.oid: base64.b64decode(one.base64) for one in authority.kept}
    tree = rebuild_tree(view, authority.merge_base, authority.diff, blobs=blobs)
    return tree if tree == authority.head_tree else None


def _proof(view: View, before: str, after: str, authority: Authority) -> Proof:
    if after == authority.head or authority.head in parents_of(view, after)[1:]:
        return "exact"
    landed = raw_diff(view, tree_id(view, before), tree_id(view, after))
    return "same-content" if content_digest(landed) == authority.content else "clean-replay"


def never_adopted(view: View, commit: str) -> bool:
    """Tell whether a line of first parents up to a commit has never held the configuration.

    A branch adopts the gate once: who takes the configuration away and brings it back has not
    undone that. Raises HistoryError `history-too-shallow` where the line is not all here.
    """
    if entry_at(view, commit, CONFIG_PATH) is not None:
        return False
    refuse_shallow(view, None, commit)
    done = view.git(
        *("rev-list", "--first-parent", "--max-count=1", "--end-of-options", commit, "--"),
        CONFIG_PATH,
    )
    return not listed_ids(done.out, "rev-list")
