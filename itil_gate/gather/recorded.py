"""What the audit log remembers of the approvals branch, held against what is there now.

A statement that was on the branch when a decision was logged is still on it: the branch only grows.
Where it does not hold what it held, a rejection may have been taken away with it, and nothing is
decided. Without a log, or before the first decision is logged, nobody can tell.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from itil_gate.gather.landing import lies_on_line
from itil_gate.gather.pinned import proved_reader
from itil_gate.git.diff import raw_diff
from itil_gate.git.history import is_ancestor
from itil_gate.git.names import branch_tips
from itil_gate.git.objects import listed_ids
from itil_gate.git.paths import to_bytes
from itil_gate.git.tree import entry_at, tree_id
from itil_gate.log.extract import TIMED, recorded_at
from itil_gate.model.errors import HistoryError, LogError
from itil_gate.model.facts import WaiverUse
from itil_gate.model.frozen import frozen, replace
from itil_gate.model.record import AUDIT_BRANCH
from itil_gate.policy.places import judge_prefixes

CLOCKS = 300
"""Seconds by which the clocks of two hosts may differ."""

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.git.tree import TreeEntry
    from itil_gate.git.view import View
    from itil_gate.log.reader import Entry, LogReader
    from itil_gate.model.config import Config


@frozen
class Span:
    """An update of a branch, and where it is written down."""

    before: str
    after: str
    where: str


def open_copy(view: View, config: Config) -> LogReader | None:
    """Return the newest copy of the log that is here, proved; None where none is configured.

    One that is configured and not here may have been removed, with what speaks in it against what
    is to be decided. What this clone, its release tags or its requests remember of the log has to
    be in it. Raises LogError as `LogReader` does, `log-missing`, `log-rewound` or `log-forked`, and
    `log-copies-differ` where two copies do not follow one another.
    """
    if config.log is None:
        return None
    tips = branch_tips(view, AUDIT_BRANCH)
    if not tips:
        raise LogError(
            "log-missing",
            f"itil-gate.yaml of the target names an audit log, and no copy of {AUDIT_BRANCH} is "
            "here",
            hint="`git fetch origin audit-log:refs/remotes/origin/audit-log`; where it was never "
            "opened, `itil-gate log init` opens it; where it was removed, restore it from a copy",
        )
    from itil_gate.gather.remembered import (  # noqa: PLC0415 - few checks have a log
        open_reader,
        remembered_in,
    )
    from itil_gate.git.snapshot import Snapshot  # noqa: PLC0415

    newest = next((tip for tip in tips if _holds_all(view, tip, tips)), None)
    if newest is None:
        raise LogError(
            "log-copies-differ",
            f"the copies of {AUDIT_BRANCH} here do not follow one another: {', '.join(tips)}",
            hint="look at both: one may be rewritten, or begun anew",
        )
    return open_reader(
        view.repository,
        Snapshot(view, newest),
        config.log,
        name=config.repository,
        notes=remembered_in(view, config),
    )


def refuse_early(reader: LogReader, now: datetime) -> None:
    """Refuse to decide at a moment before the newest entry of the log, by a clock that is behind.

    Before it is what it seems to be, a freeze has not begun, an approval has not expired, and
    nothing is overdue. Entries without a good signature say nothing about the time. Raises
    HistoryError `clock-behind`.
    """
    for entry in reader.backwards(kinds=TIMED):
        moment = recorded_at(entry.kind, entry.predicate) if entry.believed else None
        if moment is None:
            continue
        if now.timestamp() + CLOCKS < moment:
            then = datetime.fromtimestamp(moment, tz=UTC)
            raise HistoryError(
                "clock-behind",
                f"it is {now:%Y-%m-%d %H:%M} here, and entry {entry.index} of the audit log was "
                f"recorded at {then:%Y-%m-%d %H:%M}",
                hint="set the clock of this host; if it is right, that of the recorder was ahead: "
                "set it, and wait, or expunge that entry",
            )
        return


def refuse_rewound(view: View, reader: LogReader, tips: Sequence[str]) -> None:
    """Refuse an approvals branch that lacks what the last logged decision saw on it.

    `tips` are the copies of the branch that are read. Raises HistoryError `approvals-rewound`.
    """
    refuse_lost(view, recorded_tips(reader), tips)


def refuse_lost(view: View, seen: Sequence[str], tips: Sequence[str]) -> None:
    """Refuse an approvals branch that lacks what was `seen` on it; see `refuse_rewound`."""
    for tip in seen:
        if not any(_descends(view, one, tip) for one in tips):
            raise HistoryError(
                "approvals-rewound",
                f"the approvals branch no longer holds {tip[:12]}, which the audit log saw on it",
                hint="fetch itil-gate-approvals; if it was rewritten, restore it from a copy "
                "before anything is decided",
            )


def refuse_unrecorded(
    view: View, config: Config, reader: LogReader, *, target: str, tip: str
) -> None:
    """Refuse judge's data that came onto the target without authority, or without a record.

    Whoever may push to the target could otherwise weaken the policies for everybody after, and
    have it noticed only by an audit. What was recorded as unauthorised is asked about until its
    files are what they were before it; a later record of the same update stands in for it.

    Raises HistoryError `policies-unrecorded` or `policies-unauthorised`, `target-behind` for a tip
    from before what was recorded, with other policies, `pins-unauthorised` where the keys of the
    log came so, under which this would be looked up.
    """
    refuse_unaccounted(
        view,
        config,
        proved_reader(view, config, reader, target=target),
        target=target,
        tip=tip,
    )


def refuse_unaccounted(
    view: View, config: Config, reader: LogReader, *, target: str, tip: str
) -> None:
    """Refuse judge's data as `refuse_unrecorded` does, by a log whose keys are believed.

    Another branch than the one that the log was opened for begins where it leaves the line of that
    one: up to there it was accounted for on it.
    """
    end = adopted = home = None
    every: dict[str, Spans] = {target: Spans(target)}
    for entry in reader.backwards(kinds=("ref-update", "log-opened")):
        if not entry.believed:
            continue
        if entry.kind == "log-opened":
            adopted, home = (str(entry.predicate.get(name)) for name in ("adopted", "target"))
            break
        ref = str(entry.predicate.get("ref"))
        every.setdefault(ref, Spans(ref)).take(entry)
        if ref == target and entry.predicate.get("correction") is None:
            # One with a correction says again what came of an earlier one, which is met later.
            end = end or str(entry.predicate.get("after"))
    spans = every[target]
    if home is not None and home != target and home in every:
        spans, adopted = spans.since(every[home], line=line_of(view, tip), start=adopted)
    end = end or adopted
    refuse_standing(view, config, spans.unauthorised, tip=tip)
    if end is None:
        raise HistoryError(
            "policies-unrecorded",
            f"the audit log says nothing of {target} that can be believed, not even where it began",
            hint="`itil-gate log verify` says which of its entries are good under the pinned keys",
        )
    if tip == end:
        return
    if _here(view, end) and is_ancestor(view, tip, end):
        _refuse_behind(view, config, spans, target=target, tip=tip, adopted=adopted or end)
        return
    ahead = _here(view, end) and is_ancestor(view, end, tip)
    if not ahead or _judge_paths(view, config, end, tip):
        raise HistoryError(
            "policies-unrecorded",
            f"the policies of {target} changed since {end[:12]}, where the audit log's account "
            "of it ends",
            hint=f"run `itil-gate check --merged {end}..{tip} --record` where the log is kept, "
            "then fetch audit-log",
        )


def _refuse_behind(
    view: View,
    config: Config,
    spans: Spans,
    *,
    target: str,
    tip: str,
    adopted: str,
) -> None:
    """Refuse a tip from before updates that changed the judge's data lawfully.

    Whoever moves a branch back would be judged by what was in force then. To before an update
    without authority it may be moved: that puts right what that did. A tip at which the branch was
    never recorded to stand, as inside a branch that was merged, is judged by what the record before
    it holds, or not at all: nobody let in what is there. `adopted` is where the record begins.
    """
    line = line_of(view, tip)
    ends = {adopted, *spans.ends}
    below = next((commit for commit in line if commit in ends), None)
    if below is None and _here(view, adopted) and lies_on_line(view, tip, adopted):
        below = adopted
    if below is None or _judge_paths(view, config, below, tip):
        raise _behind(
            target, tip, "which the audit log never saw it stand at, with policies of its own"
        )
    passed = frozenset(line)
    for span in spans.others:
        if span.after in passed or not _here(view, span.after):
            return
        if _judge_paths(view, config, span.before, span.after):
            raise _behind(
                target,
                tip,
                f"from before {span.after[:12]}, which changed its policies ({span.where})",
            )


def _behind(target: str, tip: str, why: str) -> HistoryError:
    branch = target.removeprefix("refs/heads/")
    return HistoryError(
        "target-behind",
        f"{target} is at {tip[:12]} here, {why}",
        hint=f"`git fetch origin {branch}`; if it is no further there, it was moved back: "
        "bring it forward again, and find out who did",
    )


def line_of(view: View, tip: str) -> list[str]:
    """Return the line of first parents of a commit, newest first, as far as it is here."""
    done = view.git("rev-list", "--first-parent", "--end-of-options", tip)
    return listed_ids(done.out, "rev-list")


def waiver_uses(reader: LogReader) -> tuple[WaiverUse, ...]:
    """Return which changes landed by which waivers, as the log counts them."""
    return tuple(
        WaiverUse(
            waiver=str(entry.predicate.get("waiver")), change=str(entry.predicate.get("change"))
        )
        for entry in reader.backwards(kinds=("waiver-used",))
        if entry.believed
    )


def recorded_tips(reader: LogReader) -> tuple[str, ...]:
    """Return the tips of the approvals branch that the last logged decision about a merge saw."""
    for entry in reader.backwards(kinds=("gate-decision",)):
        if entry.believed:
            facts = entry.predicate.get("itilGate", {}).get("facts")
            if isinstance(facts, dict):
                return tuple(map(str, facts.get("approvalsTips", ())))
    return ()


class Spans:
    """The updates of a branch, while the log is read from its end."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._settled: set[tuple[str, str]] = set()
        self._found: list[Span] = []
        self._others: list[Span] = []

    def since(
        self, home: Spans, *, line: Sequence[str], start: str | None
    ) -> tuple[Spans, str | None]:
        """Return these updates with those of the branch that this one left, and where that was.

        `line` is that of the tip, newest first, `start` where the record begins if the two have
        nothing of it in common. Only what this branch took along counts.
        """
        ours = frozenset(line)
        whole = Spans(self._target)
        for name in ("_found", "_others"):
            theirs = [span for span in getattr(home, name) if span.after in ours]
            setattr(whole, name, [*getattr(self, name), *theirs])
        ends = home.ends
        return whole, next((commit for commit in line if commit in ends), start)

    def take(self, entry: Entry) -> bool:
        """Take a believed `ref-update`; True for the newest record of an update of the branch."""
        said = entry.predicate
        before, after = str(said.get("before")), str(said.get("after"))
        if said.get("ref") != self._target or (before, after) in self._settled:
            return False
        self._settled.add((before, after))
        span = Span(before, after, f"entry {entry.index} of the audit log")
        lawless = said.get("standing") == "unauthorised"
        (self._found if lawless else self._others).append(span)
        return True

    @property
    def unauthorised(self) -> tuple[Span, ...]:
        """The updates that came without authority and were not corrected since, oldest first."""
        return tuple(self._found[::-1])

    @property
    def ends(self) -> frozenset[str]:
        """The commits at which the branch was recorded to stand."""
        return frozenset(span.after for span in (*self._found, *self._others))

    @property
    def others(self) -> tuple[Span, ...]:
        """The other updates, newest first."""
        return tuple(self._others)


def refuse_standing(view: View, config: Config, spans: Sequence[Span], *, tip: str) -> None:
    """Refuse judge's data of a commit that something without authority had a hand in.

    `spans` are updates that came without authority, oldest first. A file that one of them touched
    is tainted, however often it is edited after that, until it is what it was before: whoever edits
    and approves it meanwhile is judged by what nobody let in. A recorded correction of the update
    settles it too; such an update is not among the spans.

    Raises HistoryError `policies-unauthorised`.
    """
    tainted: dict[str, _Taint] = {}
    for span in spans:
        if not _here(view, span.before):
            raise _standing("what it removed", span)
        for path in _judge_paths(view, config, span.before, span.after):
            taint = tainted.get(path)
            if taint is None or _restored(view, path, taint, until=span.before):
                taint = _Taint(entry_at(view, span.before, path), span, span)
            if entry_at(view, span.after, path) == taint.good:
                tainted.pop(path, None)
            else:
                tainted[path] = replace(taint, last=span)
    for path, taint in sorted(tainted.items()):
        if not _restored(view, path, taint, until=tip):
            raise _standing(path, taint.first)


@frozen
class _Taint:
    """What a file was before it was tainted, by which update first, and by which last."""

    good: TreeEntry | None
    first: Span
    last: Span


def _restored(view: View, path: str, taint: _Taint, *, until: str) -> bool:
    """Tell whether a commit has a file untainted: as it was, or as made of what it was again.

    Only what the branch itself pointed to counts as having been restored, so its line of first
    parents; a merge can have any history beside that.
    """
    if entry_at(view, until, path) == taint.good:
        return True
    since = taint.last.after
    if not _here(view, since) or not lies_on_line(view, since, until):
        return is_ancestor(view, until, taint.first.before)  # it had not come there yet
    done = view.git(
        *("rev-list", "--first-parent", "--end-of-options", until, f"^{since}", "--"),
        to_bytes(path),
    )
    return any(entry_at(view, one, path) == taint.good for one in listed_ids(done.out, "rev-list"))


def _standing(what: str, span: Span) -> HistoryError:
    return HistoryError(
        "policies-unauthorised",
        f"{what} rests on what {span.after[:12]} made of it, which came onto the target without "
        f"authority ({span.where})",
        hint="put it back as it was, or let the recovery role sign a correction; until then "
        "nothing is decided by it",
    )


def _judge_paths(view: View, config: Config, before: str, after: str) -> list[str]:
    """Return the judge's data that differ between two commits."""
    diff = raw_diff(view, tree_id(view, before), tree_id(view, after))
    prefixes = judge_prefixes(config)
    return [
        entry.path
        for entry in diff
        if any(entry.path == one or entry.path.startswith(f"{one}/") for one in prefixes)
    ]


def _here(view: View, oid: str) -> bool:
    return next(view.reader.info([oid])) is not None


def _holds_all(view: View, tip: str, others: Sequence[str]) -> bool:
    return all(is_ancestor(view, other, tip) for other in others)


def _descends(view: View, tip: str, old: str) -> bool:
    """Tell whether a tip follows another; what is not here at all it does not follow."""
    return _here(view, old) and is_ancestor(view, old, tip)
