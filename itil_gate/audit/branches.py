"""Reconcile every governed branch with the log: whole, from a commit on, or since the last time.

The branch that the log was opened for comes first. Another governed branch ends where it meets the
line of that one: what is there was accounted for on it. Going on from the last audit is refused by
itself wherever something older may come out otherwise; then all of it is done again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from itil_gate.audit.audited import (
    MOST_PROBLEMS,
    as_waiting,
    keep,
    kept_waiting,
    recall,
)
from itil_gate.audit.reconcile import Branch, Line, before_adoption, follows, lost_statements
from itil_gate.audit.recorded import decision_fault, refuse_reuse, scan
from itil_gate.audit.rows import BAD, ORDER, Audited, Lost, Totals
from itil_gate.decide.gate import ENGINE
from itil_gate.gather.inputs import find_target_tip
from itil_gate.gather.statements import approval_tips
from itil_gate.git.history import is_ancestor
from itil_gate.git.line import count_line, line_ids
from itil_gate.git.tree import ls_tree
from itil_gate.git.view import missing_hint
from itil_gate.log.checkpoint import open_checkpoint
from itil_gate.log.pins import note_keys, pins_of
from itil_gate.log.proof import consistency
from itil_gate.model.canonical import digest
from itil_gate.model.errors import GateError, HistoryError, LogError
from itil_gate.model.frozen import frozen, replace
from itil_gate.model.record import LogOpened
from itil_gate.model.statement import APPROVALS_BRANCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from itil_gate.audit.recorded import Claim, Recorded
    from itil_gate.audit.rows import Row
    from itil_gate.decide.roster import Roster
    from itil_gate.git.view import View
    from itil_gate.log.reader import LogReader
    from itil_gate.model.config import Config

    ReadMany = Callable[[Iterable[str]], Mapping[str, bytes | None]]

LAST = "last"


@frozen
class Scope:
    """What is reconciled: one branch or all governed ones, since a commit, since `last`, or all.

    `every` lists updates before adoption one by one as well.
    """

    ref: str | None = None
    since: str | None = None
    every: bool = False


class Audit:
    """One reconciliation; `rows` is asked for once, the rest holds when it is exhausted."""

    def __init__(
        self,
        view: View,
        reader: LogReader,
        read_many: ReadMany,
        *,
        config: Config,
        roster: Roster,
        progress: Callable[[str, int], None] | None = None,
    ) -> None:
        self.totals = Totals()
        self.notes: list[str] = []
        self.earlier = 0
        """Updates that an earlier audit looked at."""
        self._view = view
        self._reader = reader
        self._read_many = read_many
        self._config = config
        self._roster = roster
        self._progress = progress or (lambda _what, _number: None)
        log = [] if config.log is None else [config.log]
        self._judge = digest([*log, roster.people])

    def rows(self, scope: Scope) -> Iterator[Row]:
        """Yield the rows of every branch, newest first, then earlier ones that are still bad.

        Raises HistoryError, LogError and GateError where it cannot be told.
        """
        opened = self._opened()
        if next(self._view.reader.info([opened.adopted]), None) is None:
            raise HistoryError(
                "history-too-shallow",
                f"{opened.adopted[:12]}, where the record begins, is not in this clone",
                hint=missing_hint(self._view.repository, bool(self._view.shallow)).format(
                    oid=opened.adopted
                ),
            )
        home = opened.target
        refs = [scope.ref] if scope.ref else list(dict.fromkeys((home, *self._config.targets)))
        branches = [branch for ref in refs if (branch := self._branch(ref, opened)) is not None]
        kept = self._kept(branches) if scope.since == LAST else {}
        recorded = self._scan(stop=min((one.size for one in kept.values()), default=0))
        if kept and (why := self._stale(recorded, branches, kept)):
            self.notes.append(f"all of it is looked at again: {why}")
            kept, recorded = {}, self._scan(stop=0)
        elif scope.since == LAST and not kept:
            self.notes.append("all of it is looked at: there is no earlier audit to go on from")
        if kept:
            recorded = _with_kept(recorded, next(iter(kept.values())))
        for branch in branches:
            here = self._from(branch, scope, kept.get(branch.ref))
            rows = self._branch_rows(here, recorded, kept.get(branch.ref), keeps=_keeps(scope))
            for row in rows:
                self.totals.add(row.found)
                yield row
            yield from self._older(here, scope, kept.get(branch.ref))
        for row in lost_statements(
            self._view,
            ref=APPROVALS_BRANCH,
            tips=approval_tips(self._view),
            seen=recorded.seen,
            lost=recorded.lost,
        ):
            self.totals.add(row.found)
            yield row

    def _opened(self) -> LogOpened:
        entry = self._reader.entry(0)
        if entry.kind != "log-opened" or not entry.believed:
            raise LogError(
                "log-not-opened",
                "the first entry of the log does not say where the history begins",
                hint="`itil-gate log verify` says what is wrong with it",
            )
        return LogOpened.model_validate_json(json.dumps(entry.predicate))

    def _branch(self, ref: str, opened: LogOpened) -> Branch | None:
        home = ref == opened.target
        try:
            tip = find_target_tip(self._view, ref)
        except GateError as error:
            if error.code != "unknown-revision" or home:
                raise
            self.notes.append(f"{ref} is governed, and is not in this clone")
            return None
        others: frozenset[str] = frozenset()
        if not home:
            # What the log was opened for; its line ends every other one.
            line = line_ids(
                self._view, find_target_tip(self._view, opened.target), since=opened.adopted
            )
            others = line | {opened.adopted}
            if tip in others:
                self.notes.append(f"{ref} has nothing of its own: it stands on {opened.target}")
                return None
        return Branch(ref, tip, opened.adopted, opened.adopted, home, others)

    def _kept(self, branches: Sequence[Branch]) -> dict[str, Audited]:
        """Return what is kept of every branch; nothing unless all of it still applies."""
        found: dict[str, Audited] = {}
        tips = approval_tips(self._view)
        for branch in branches:
            one = recall(self._view.repository, branch.ref, judge=self._judge)
            if one is None or not self._extends(one) or not self._leads(branch, one.commit):
                return {}
            if not all(any(follows(self._view, tip, old) for tip in tips) for old in one.approvals):
                return {}
            found[branch.ref] = one
        return found

    def _extends(self, kept: Audited) -> bool:
        """Tell whether the log extends the one that was read then. Raises LogError if it cannot."""
        settings = self._config.log
        if settings is None:
            return False
        now = self._reader.checkpoint
        keys = note_keys(pins_of(settings), origin=now.origin)
        old = open_checkpoint(kept.checkpoint.encode(), keys, origin=now.origin).checkpoint
        consistency(old, now, lambda path: self._read_many([path])[path])
        return old.size == kept.size

    def _leads(self, branch: Branch, commit: str) -> bool:
        if commit == branch.tip:
            return True
        if next(self._view.reader.info([commit]), None) is None:
            return False
        if not is_ancestor(self._view, commit, branch.tip):
            return False
        done = self._view.git(
            *("rev-list", "--first-parent", "--reverse", "--parents", "--end-of-options"),
            *(branch.tip, f"^{commit}"),
        )
        return done.out.partition(b"\n")[0].split()[1:2] == [commit.encode()]

    def _scan(self, *, stop: int) -> Recorded:
        statements = {
            entry.path for tip in approval_tips(self._view) for entry in ls_tree(self._view, tip)
        }
        return scan(
            self._reader,
            self._read_many,
            repository=self._config.repository,
            statements=statements,
            stop=stop,
            progress=lambda number: self._progress("entries", number),
        )

    def _stale(
        self, recorded: Recorded, branches: Sequence[Branch], kept: Mapping[str, Audited]
    ) -> str:
        """Return why what was found earlier may come out otherwise now; empty if it cannot."""
        if recorded.revoked:
            return "a key was revoked since"
        for branch in branches:
            old = kept[branch.ref]
            claims = recorded.claims.get(branch.ref, {})
            since = line_ids(self._view, branch.tip, since=old.commit)
            if any(after.decode() not in since for after in claims):
                return "the log has new entries about older updates"
            waiting = {one.index for one in old.waiting}
            if not self._settles(recorded.used, waiting, ref=branch.ref):
                return "the log has new entries that rest on decisions which counted no more"
        return ""

    def _settles(self, used: Mapping[int, Sequence[Claim]], waiting: set[int], *, ref: str) -> bool:
        """Look up decisions that new updates rest on and that came before this part of the log.

        False where one of them was not waiting any more when that was read.
        """
        for index, claims in used.items():
            mine = [claim for claim in claims if claim.ref == ref]
            if not mine:
                continue
            entry = self._reader.entry(index)
            for claim in mine:
                claim.fault = decision_fault(entry, claim, repository=self._config.repository)
                if not claim.fault and index not in waiting:
                    return False
            refuse_reuse(mine, decision=index)
        return True

    def _from(self, branch: Branch, scope: Scope, kept: Audited | None) -> Branch:
        since = branch.start
        if kept is not None:
            since = kept.commit
        elif scope.since not in (None, LAST):
            since = str(scope.since)
            if not self._leads(branch, since) or not is_ancestor(self._view, branch.start, since):
                raise HistoryError(
                    "not-on-line",
                    f"{since[:12]} is not on the first-parent line of {branch.ref} since adoption",
                    hint=f"`git log --first-parent {branch.ref}` lists it",
                )
        return Branch(branch.ref, branch.tip, branch.start, since, branch.home, branch.others)

    def _branch_rows(
        self, branch: Branch, recorded: Recorded, kept: Audited | None, *, keeps: bool
    ) -> Iterator[Row]:
        waiting = [one for one in recorded.waiting if one.ref == branch.ref]
        if kept is not None:
            waiting += [
                as_waiting(one, ref=branch.ref)
                for one in kept.waiting
                if recorded.spoken.isdisjoint(
                    ((branch.ref, one.content), (branch.ref, one.content, one.head))
                )
            ]
        line = Line(
            self._view,
            self._reader,
            branch,
            claims=recorded.claims.get(branch.ref, {}),
            waiting=waiting,
            roster=self._roster,
            progress=lambda number: self._progress("commits", number),
        )
        final, tail = branch.tip, True
        totals = _totals_of(kept)
        problems = list(kept.problems if kept else ())
        for row in line.rows():
            tail = tail and row.entry is None and row.found != "rewritten"
            if tail:
                # Somebody may still record these; the next audit looks at them again.
                final = row.before or branch.start
            else:
                totals.add(row.found)
                if row.found in BAD and len(problems) < MOST_PROBLEMS:
                    problems.append(row)
            yield row
        if keeps:
            keep(
                self._view.repository,
                Audited(
                    engine=ENGINE,
                    judge=self._judge,
                    ref=branch.ref,
                    commit=final,
                    size=self._reader.size,
                    checkpoint=self._reader.note.decode("utf-8"),
                    totals={str(found): number for found, number in totals.counts.items()},
                    problems=tuple(problems),
                    waiting=tuple(map(kept_waiting, waiting)),
                    approvals=approval_tips(self._view),
                    seen=recorded.seen,
                    lost=tuple(Lost(entry=index, path=path) for index, path in recorded.lost),
                ),
            )

    def _older(self, branch: Branch, scope: Scope, kept: Audited | None) -> Iterator[Row]:
        """Yield what is known of older updates: earlier audits' bad ones, those before adoption."""
        if kept is not None:
            for found, number in _totals_of(kept).counts.items():
                self.totals.add(found, number)
                self.earlier += number
            yield from kept.problems
        if not branch.home:
            return
        if scope.every:
            for row in before_adoption(
                self._view, branch.start, ref=branch.ref, roster=self._roster
            ):
                self.totals.add(row.found)
                yield row
        else:
            self.totals.add("before-adoption", count_line(self._view, branch.start))


def _totals_of(kept: Audited | None) -> Totals:
    """Return what an earlier audit counted."""
    known = kept.totals if kept is not None else {}
    return Totals((found, known.get(found, 0)) for found in ORDER)


def _with_kept(recorded: Recorded, kept: Audited) -> Recorded:
    """Return what a part of the log says about approvals, with what was known before it."""
    return replace(
        recorded,
        seen=recorded.seen or kept.seen,
        lost=(*recorded.lost, *((one.entry, one.path) for one in kept.lost)),
    )


def _keeps(scope: Scope) -> bool:
    """Tell whether the next audit may go on from this one: not from one that left something out."""
    return scope.since in (None, LAST)
