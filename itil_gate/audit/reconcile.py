"""Hold every update of a governed branch against what the log says let it in.

The branch's first-parent line is streamed from its tip back to adoption, and each update that the
log records is looked for on it. That it is recorded as authorised is not enough: what changed from
its first commit to its last is digested, or merged again, and must be what its decision let in.
What nobody recorded, what was recorded otherwise and what is recorded and gone are told apart.
Nothing here is believed for its message, its author or its date.
"""

from __future__ import annotations

import json
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

from pydantic import ValidationError

from itil_gate.audit.recorded import GOOD
from itil_gate.audit.rows import Row
from itil_gate.audit.who import who_of
from itil_gate.gather.landing import (
    REBASED,
    Authority,
    Carried,
    carried,
    never_adopted,
    parents_of,
)
from itil_gate.git.history import LIMIT, is_ancestor, refuse_shallow
from itil_gate.git.line import landed_digest, line_ids, steps, touched
from itil_gate.model.frozen import frozen
from itil_gate.model.record import Kept
from itil_gate.release.entries import decision_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from itil_gate.audit.recorded import Claim, Waiting
    from itil_gate.audit.rows import Found, Who
    from itil_gate.decide.roster import Roster
    from itil_gate.git.line import Step
    from itil_gate.git.view import View
    from itil_gate.log.reader import LogReader

AT_ONCE = 200
"""Commits that are read together."""
MOST_LOOSE = 1000
"""Unrecorded steps that are held against waiting decisions together."""
_RESTORE = "find out who forced the branch; restore it, or record why it was moved"
_GOOD_OUTCOMES = frozenset(GOOD.values())
_GOOD: dict[str, Found] = {"authorised": "authorised", "overridden": "overridden"}


@frozen
class Branch:
    """A branch and the part of its line that is looked at.

    `start` is where the record of it begins, `since` where looking begins: `start` or a commit on
    the line above it. `home` says that the log was opened for this branch, so that `start` must be
    on its line; `others` are commits that belong to another branch's line and end this one.
    """

    ref: str
    tip: str
    start: str
    since: str
    home: bool = True
    others: frozenset[str] = frozenset()


@frozen
class _Seen:
    step: Step
    who: Who


class Line:
    """One branch while it is reconciled; `rows` may be asked for once."""

    def __init__(
        self,
        view: View,
        reader: LogReader,
        branch: Branch,
        *,
        claims: Mapping[bytes, Sequence[Claim]],
        waiting: Iterable[Waiting],
        roster: Roster,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._view = view
        self._reader = reader
        self._branch = branch
        self._claims = {after: list(some) for after, some in claims.items()}
        self._waiting = [one for one in waiting if one.ref == branch.ref]
        self._roster = roster
        self._progress = progress
        self._open: list[Claim] = []
        self._tile: list[_Seen] = []
        self._loose: list[_Seen] = []
        self._gone: list[Claim] = []
        self._last: Step | None = None

    def rows(self) -> Iterator[Row]:
        """Yield a row for each update, newest first, then what is recorded and gone.

        Raises HistoryError `history-too-shallow` or `object-missing` where history does not
        suffice.
        """
        branch, number = self._branch, 0
        refuse_shallow(self._view, branch.since, branch.tip)
        with closing(steps(self._view, branch.tip, since=branch.since)) as stream:
            ended = False
            while not ended and (some := list(islice(stream, AT_ONCE))):
                ended = any(step.id in branch.others for step in some)
                some = [step for step in some if step.id not in branch.others]
                things = self._view.read_many([step.id for step in some], limit=LIMIT)
                for step, thing in zip(some, things, strict=True):
                    self._last = step
                    yield from self._take(_Seen(step, who_of(thing, self._roster)))
                number += len(some)
                if self._progress is not None:
                    self._progress(number)
        yield from self._broken()
        yield from self._unrecorded()
        yield from self._beginning()
        yield from self._rewritten()

    def _take(self, seen: _Seen) -> Iterator[Row]:
        own = self._claims.pop(seen.step.id.encode(), [])
        if own:
            yield from self._broken()
            self._open = own
        elif not self._open:
            self._loose.append(seen)
            if not self._waiting or len(self._loose) >= MOST_LOOSE:
                yield from self._unrecorded()
            return
        self._tile.append(seen)
        ending = [claim for claim in self._open if claim.before == seen.step.before]
        if ending:
            claim = max(ending, key=lambda one: (one.believed, one.index))
            self._gone += [one for one in self._open if one not in ending]
            tile, self._tile, self._open = self._tile, [], []
            yield from self._unrecorded()
            yield self._judged(claim, tile)
        elif len(self._tile) >= REBASED:
            yield from self._broken()

    def _broken(self) -> Iterator[Row]:
        """Let go of an update whose first commit was not met: its steps are nobody's."""
        self._gone += self._open
        self._loose += self._tile
        self._open, self._tile = [], []
        if self._loose and (not self._waiting or len(self._loose) >= MOST_LOOSE):
            yield from self._unrecorded()

    def _judged(self, claim: Claim, tile: Sequence[_Seen]) -> Row:
        """Return what an update on the line comes to, whatever the log calls it."""
        said = f"entry {claim.index} says {claim.standing}"
        if not claim.believed:
            return self._row("unauthorised", tile, f"{said}, and no pinned key signed it", claim)
        if claim.standing == "before-adoption":
            if never_adopted(self._view, claim.before):
                return self._row("before-adoption", tile, f"{said}: {claim.reason}", claim)
            how = f"{said}, and the branch had adopted the gate before it"
            return self._row("unauthorised", tile, how, claim)
        if claim.standing == "unchanged":
            if touched([seen.step for seen in tile]):
                return self._row("unauthorised", tile, f"{said}, and it changes files", claim)
            how = f"{said}: {claim.reason}; recomputed: no file changed"
            return self._row("authorised", tile, how, claim)
        found = _GOOD.get(claim.standing)
        if found is None:
            return self._row("unauthorised", tile, f"{said}: {claim.reason}", claim)
        if fault := claim.fault or claim.spent or self._overtaken(claim):
            return self._row("unauthorised", tile, f"{said}, and {fault}", claim)
        if claim.correction:
            return self._corrected(claim, tile, said)
        way = self._recomputed(claim, tile)
        if way is None:
            how = f"{said}, and what landed is not what entry {claim.decision} let in"
            return self._row("unauthorised", tile, how, claim)
        how = f"entry {claim.index} rests on entry {claim.decision}; recomputed: {way}"
        return self._row(found, tile, how, claim)

    def _corrected(self, claim: Claim, tile: Sequence[_Seen], said: str) -> Row:
        """Return an update that nothing let in, and that the recovery role stands for."""
        from itil_gate.release.correcting import correction_fault  # noqa: PLC0415 - rare

        fault = correction_fault(self._view, self._reader, entry=claim.index)
        if fault:
            return self._row("unauthorised", tile, f"{said}, and {fault}", claim)
        how = f"NOTHING LET IT IN; {claim.reason} (entry {claim.index})"
        return self._row("overridden", tile, how, claim)

    def _overtaken(self, claim: Claim) -> str:
        """Return which decision spoke otherwise after the one that an update rests on.

        One that was made when the update stood on the branch already says nothing of it, nor does
        one about another head than was authorised or landed.
        """
        heads: frozenset[str] | None = None
        for index, outcome, tip, head in claim.newer:
            if heads is None:
                merged = parents_of(self._view, claim.after)[1:]
                heads = frozenset({claim.head, claim.after, *merged})
            if head in heads and not follows(self._view, tip, claim.after):
                if outcome in _GOOD_OUTCOMES:
                    return ""
                return f"entry {index}, which is newer than the one it rests on, says {outcome}"
        return ""

    def _recomputed(self, claim: Claim, tile: Sequence[_Seen]) -> str | None:
        """Return how what landed carries over from the decision; None if it does not."""
        line = [seen.step for seen in tile]
        if landed_digest(line) == claim.content:
            return "same content"
        if claim.decision is None:
            return None
        kept = self._reader.entry(claim.index).predicate.get("kept", ())
        authority = self._authority(claim.decision, kept=kept)
        if authority is None:
            return None
        chain = [claim.before, *(step.id for step in reversed(line))]
        first = next(iter(carried(self._view, chain, [authority])), None)
        holds = isinstance(first, Carried) and first.after == claim.after
        return "merged again, the same tree" if holds else None

    def _authority(self, index: int, *, kept: Sequence[object] = ()) -> Authority | None:
        """Return a logged decision as something that landings are held against."""
        try:
            said = decision_of(self._reader.entry(index).statement or {})
            blobs = tuple(Kept.model_validate_json(json.dumps(one)) for one in kept)
        except ValidationError:
            # Another version wrote it; without its facts nothing can be computed again.
            return None
        if said is None:
            return None
        decision, facts = said
        return Authority(
            key=str(index),
            head=decision.head,
            head_tree=facts.head_tree,
            merge_base=decision.merge_base or facts.tip,
            content=decision.content,
            diff=facts.diff,
            kept=blobs,
        )

    def _unrecorded(self) -> Iterator[Row]:
        """Yield steps that no entry is about; those that a waiting decision explains as such."""
        loose, self._loose = self._loose, []
        if not loose:
            return
        at = {seen.step.id: seen for seen in loose}
        for some in reversed(self._derived(loose)):
            if isinstance(some, Carried):
                tile = [seen for seen in loose if seen.step.id in self._within(some, loose)]
                index = int(some.authority.key)
                yield Row(
                    found="unrecorded",
                    ref=self._branch.ref,
                    before=some.before,
                    after=some.after,
                    how=f"entry {index} let it in ({some.proof}), and nobody recorded the landing",
                    who=tuple(seen.who for seen in tile),
                    decision=index,
                    remedy=_record(some.before, some.after),
                )
            else:
                seen = at[some]
                below = seen.step.before
                if not self._branch.home and (below is None or never_adopted(self._view, below)):
                    how = "this branch had not adopted the gate before it"
                    yield self._row("before-adoption", [seen], how)
                    continue
                found: Found = "unauthorised" if touched([seen.step]) else "unrecorded"
                why = "no logged decision carries over to it"
                if found == "unrecorded":
                    why = "it changes no file"
                yield self._row(
                    found,
                    [seen],
                    f"nobody recorded it, and {why}",
                    remedy=_record(seen.step.before, seen.step.id),
                )

    def _derived(self, loose: Sequence[_Seen]) -> tuple[Carried | str, ...]:
        """Return what unrecorded steps rest on, oldest first; a commit id where it is nothing."""
        line = [seen.step for seen in loose]
        plain = tuple(step.id for step in reversed(line))
        before, paths = line[-1].before, touched(line)
        near = [one for one in self._waiting if one.paths and one.paths <= paths]
        if not near or before is None:
            return plain
        authorities = [one for item in near if (one := self._authority(item.index)) is not None]
        found = carried(self._view, (before, *plain), authorities)
        used = {int(one.authority.key) for one in found if isinstance(one, Carried)}
        self._waiting = [one for one in self._waiting if one.index not in used]
        return found

    @staticmethod
    def _within(one: Carried, loose: Sequence[_Seen]) -> frozenset[str]:
        ids = [seen.step.id for seen in loose]
        first = ids.index(one.after)
        last = next(at for at, seen in enumerate(loose) if seen.step.before == one.before)
        return frozenset(ids[first : last + 1])

    def _beginning(self) -> Iterator[Row]:
        """Yield a row if the line does not begin where its record does."""
        branch = self._branch
        below = self._last.before if self._last else branch.tip
        if branch.since != branch.start or not branch.home or below == branch.start:
            return
        if below in branch.others:
            return
        yield Row(
            found="rewritten",
            ref=branch.ref,
            before=branch.start,
            after=branch.tip,
            how=f"the record begins at {branch.start[:12]}, which is not on the branch's line",
            remedy="find out who moved the branch, and restore it",
        )

    def _rewritten(self) -> Iterator[Row]:
        """Yield what was recorded and is not on the line any more, updates in a row as one."""
        branch = self._branch
        # Moved back to where the record begins, which is no step of the line.
        self._gone += self._claims.pop(branch.start.encode(), [])
        for claim in self._gone:
            if claim.believed:
                where = self._whereabouts(claim.before)
                yield Row(
                    found="rewritten",
                    ref=branch.ref,
                    before=claim.before,
                    after=claim.after,
                    how=f"entry {claim.index} says that the branch came here from "
                    f"{claim.before[:12]}, which was on it, is gone{where}",
                    who=self._who(claim.after),
                    entry=claim.index,
                    remedy=_RESTORE,
                )
        left = [claim for some in self._claims.values() for claim in some if claim.believed]
        if left and branch.since != branch.start:
            below = line_ids(self._view, branch.since, since=branch.start)
            left = [claim for claim in left if claim.after not in below]
        left = [claim for claim in left if claim.after not in branch.others]
        for run in reversed(_runs(left)):
            first, last = run[0], run[-1]
            many = f"{len(run)} updates" if len(run) > 1 else "an update"
            yield Row(
                found="rewritten",
                ref=branch.ref,
                before=first.before,
                after=last.after,
                how=f"entry {last.index} recorded {many} up to {last.after[:12]}, which was on the "
                f"branch, is gone{self._whereabouts(last.after)}",
                who=self._who(last.after),
                entry=last.index,
                decision=last.decision,
                changes=tuple(dict.fromkeys(name for one in run for name in one.changes)),
                remedy=_RESTORE,
            )

    def _whereabouts(self, commit: str) -> str:
        there = next(self._view.reader.info([commit]), None) is not None
        return "" if there else "; its commits are not even in this clone"

    def _who(self, commit: str) -> tuple[Who, ...]:
        if next(self._view.reader.info([commit]), None) is None:
            return ()
        return (who_of(self._view.read(commit, limit=LIMIT), self._roster),)

    def _row(
        self,
        found: Found,
        tile: Sequence[_Seen],
        how: str,
        claim: Claim | None = None,
        *,
        remedy: str = "",
    ) -> Row:
        return Row(
            found=found,
            ref=self._branch.ref,
            before=tile[-1].step.before,
            after=tile[0].step.id,
            how=how,
            who=tuple(seen.who for seen in tile),
            entry=claim.index if claim else None,
            decision=claim.decision if claim else None,
            changes=claim.changes if claim else (),
            late=claim.late if claim else False,
            remedy=remedy,
        )


def _runs(claims: Iterable[Claim]) -> list[list[Claim]]:
    """Return updates that follow one another as one list each, by their places in the log."""
    runs: list[list[Claim]] = []
    for claim in sorted(claims, key=lambda one: one.index):
        if runs and runs[-1][-1].after == claim.before:
            runs[-1].append(claim)
        else:
            runs.append([claim])
    return runs


def before_adoption(view: View, tip: str, *, ref: str, roster: Roster) -> Iterator[Row]:
    """Yield a row for every update up to and with `tip`, newest first: nothing judged them."""
    with closing(steps(view, tip)) as stream:
        while some := list(islice(stream, AT_ONCE)):
            things = view.read_many([step.id for step in some], limit=LIMIT)
            for step, thing in zip(some, things, strict=True):
                yield Row(
                    found="before-adoption",
                    ref=ref,
                    before=step.before,
                    after=step.id,
                    how="the log was opened after it",
                    who=(who_of(thing, roster),),
                )


def lost_statements(
    view: View,
    *,
    ref: str,
    tips: Sequence[str],
    seen: Sequence[str],
    lost: Sequence[tuple[int, str]],
) -> Iterator[Row]:
    """Yield a row for each thing that the log saw on the approvals branch and that is not there."""
    for old in seen:
        if not any(follows(view, tip, old) for tip in tips):
            yield Row(
                found="rewritten",
                ref=ref,
                before=None,
                after=old,
                how=f"was {old[:12]} when the newest decision was made, is gone",
                remedy="fetch the branch; if it was rewritten, restore it from a copy",
            )
    for index, path in lost:
        yield Row(
            found="rewritten",
            ref=ref,
            before=None,
            after=tips[0] if tips else "0" * 40,
            how=f"the statement {path} that entry {index} copied is not on the branch",
            entry=index,
            remedy=f"`itil-gate log show {index}` has its text: import it again",
        )


def follows(view: View, tip: str, old: str) -> bool:
    """Tell whether a tip descends from an older one; from what is not here it does not."""
    if next(view.reader.info([old]), None) is None:
        return False
    return is_ancestor(view, old, tip)


def _record(before: str | None, after: str) -> str:
    return f"run `itil-gate check --merged {before or '0' * 40}..{after} --record`"
