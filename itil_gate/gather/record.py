"""The record of the target, as far as it bears on a proposed change.

History that is missing is reported and never made up: where the clone ends within the year, the
facts say so. Git is asked for the names of what changed, and for the contents of few changes only.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from itil_gate.git.paths import to_bytes
from itil_gate.git.record import commits_by_id, landings, lines_added, lines_added_between
from itil_gate.model.errors import HistoryError
from itil_gate.risk.outcomes import BODY, TITLE, Landed, read_message
from itil_gate.risk.record import YEAR, Proposal, history_facts, percentile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from itil_gate.git.diff import Counts
    from itil_gate.git.history import RawCommit
    from itil_gate.git.record import Landing
    from itil_gate.git.view import View
    from itil_gate.model.facts import DiffEntry, HistoryFacts
    from itil_gate.risk.outcomes import Said

GRACE = 30 * 86_400
"""Seconds by which a clone that ends just within the year is still taken for a whole year."""
OLD_IN_A_ROW = 200
"""So many changes in a row from before the year end it: a single one may bear a forged date."""
MOST_CHANGES = 200_000
MERGED = 2
"""Parents of a merge."""
COUNTED = 100
"""How many changes are read with their contents, to know what a large change is here."""
_MESSAGE = TITLE + BODY


def read_history(
    view: View,
    *,
    tip: str,
    base: str,
    head: str,
    diff: Sequence[DiffEntry],
    commits: Sequence[RawCommit],
    now: datetime,
    apart: str | None = None,
    counts: Counts | None = None,
) -> HistoryFacts:
    """Return what the last year of the target says about a proposed change.

    `tip` is the commit at the tip of the target, `base` the merge base with `head`, `diff` what
    differs between the two and `commits` what `head` adds. A clone that ends too early gives facts
    that are not `complete`. Files below the folder `apart` are not looked at: a request is about a
    change and no part of it. Raises HistoryError `git-failed` or `git-timeout`.
    """
    kept = [entry for entry in diff if apart is None or not entry.path.startswith(f"{apart}/")]
    seconds = int(now.timestamp())
    landed, complete = _read(view, tip, now=seconds)
    own = [commit for commit in commits if len(commit.parents) < MERGED] or commits
    proposal = Proposal(
        paths=frozenset(to_bytes(entry.path) for entry in kept),
        titles=tuple(dict.fromkeys(read_message(commit.message).title for commit in own)),
        authors=frozenset(_author(commit.author.email, commit.author.name) for commit in own),
        lines_added_percentile=_lines_percentile(
            view,
            tip,
            base=base,
            head=head,
            changes=min(len(landed), COUNTED),
            apart=to_bytes(apart) if apart else None,
            counted=None if counts is None else [counts.get(entry.path, (0, 0)) for entry in kept],
        ),
    )
    return history_facts(landed, proposal=proposal, now=seconds, complete=complete)


def _read(view: View, tip: str, *, now: int) -> tuple[list[Landed], bool]:
    """Return the changes of the last year, newest first, and whether that was all of them."""
    found: list[Landed] = []
    merges: dict[int, str] = {}
    complete = _collect(view, tip, now=now, into=found, merges=merges)
    commits = commits_by_id(view, merges.values())
    for position, oid in merges.items():
        if oid in commits:
            found[position] = _merged(found[position], commits[oid])
    return found, complete


def _collect(view: View, tip: str, *, now: int, into: list[Landed], merges: dict[int, str]) -> bool:
    """Collect the changes of the last year, newest first; return whether that was all of them.

    `merges` takes, by position, what was merged. Messages are read while git goes on, and not kept.
    """
    old = 0
    stream = landings(view, tip)
    try:
        for change in stream:
            if change.id in view.shallow:
                # Without its parent, nobody can say what it changed.
                return now - change.at >= YEAR - GRACE
            old = old + 1 if now - change.at > YEAR else 0
            if old == OLD_IN_A_ROW:
                return True
            if not old:
                if len(change.parents) == MERGED:
                    merges[len(into)] = change.parents[1]
                into.append(_landed(change))
            if len(into) == MOST_CHANGES:
                return False
    except HistoryError as error:
        if error.code != "object-missing":
            raise
        return False
    finally:
        stream.close()
    return True


def _landed(change: Landing) -> Landed:
    author = _signed(change.email, change.name)
    return Landed(change.id, "", change.at, author, _said(change), change.paths)


def _merged(change: Landed, merged: Landing) -> Landed:
    """Return a change as it counts: by whom the merged commit is, for forges sign merges."""
    said = change.said
    if not said.reversal:
        said = said._replace(reversal=_said(merged).reversal)
    author = _signed(merged.email, merged.name)
    return change._replace(also=merged.id, author=author, said=said)


def _said(commit: Landing) -> Said:
    return read_message(commit.message[:_MESSAGE].decode("utf-8", "replace"))


@functools.lru_cache(maxsize=4096)
def _signed(email: bytes, name: bytes) -> str:
    return _author(email.decode("utf-8", "replace"), name.decode("utf-8", "replace"))


def _author(email: str, name: str) -> str:
    return (email or name).strip().casefold()


def _lines_percentile(
    view: View,
    tip: str,
    *,
    base: str,
    head: str,
    changes: int,
    apart: bytes | None,
    counted: Sequence[tuple[int, int] | None] | None,
) -> int | None:
    """Return how many of the newest changes added fewer lines, in percent; None if not known."""
    if not changes:
        return None
    try:
        if counted is None:
            own = lines_added_between(view, base, head, apart=apart)
        else:
            known = [lines[0] for lines in counted if lines is not None]
            own = sum(known) if len(known) == len(counted) else None
        if own is None:
            return None
        return percentile(own, lines_added(view, tip, changes=changes, apart=apart))
    except HistoryError as error:
        if error.code != "object-missing":
            raise
        return None
