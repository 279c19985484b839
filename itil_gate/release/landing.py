"""Say of every update of the target what it rests on, for the log.

Decisions that were logged before the merge come first. Where there is none, because the run that
should have logged it was skipped, the merge is decided now from the evidence of the time it landed:
with the policies of the commit before it, and with a clock that is neither later than now nor
earlier than the newest update that is recorded. Whatever rests on nothing is recorded as
unauthorised: a hole in the record would hide it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from pydantic import ValidationError

from itil_gate.decide.gate import decide
from itil_gate.gather.inputs import gather
from itil_gate.gather.landing import (
    Authority,
    Carried,
    carried,
    first_parents,
    kept_for,
    parents_of,
)
from itil_gate.git.history import is_ancestor, read_commit
from itil_gate.git.tree import entry_at
from itil_gate.model.config import CONFIG_PATH
from itil_gate.model.errors import ConfigError, GateError, LogError
from itil_gate.model.frozen import frozen
from itil_gate.model.record import LogOpened, Manifest, PolicyChange, RefUpdate, WaiverUsed
from itil_gate.policy.places import judge_prefixes
from itil_gate.release.entries import decision_of, plain_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from itil_gate.git.view import View
    from itil_gate.log.append import Event
    from itil_gate.log.reader import LogReader
    from itil_gate.model.config import Config
    from itil_gate.model.decision import Decision
    from itil_gate.model.facts import Facts, Inputs

MOST_DECISIONS = 2000
"""How many logged decisions are looked through for the one that a landing rests on."""


@frozen
class Past:
    """What the log knows of a branch: where its record ends, and what may still land there."""

    end: str
    recorded_at: datetime
    waiting: tuple[Waiting, ...]


@frozen
class Waiting:
    """A logged decision that let something in which is not known to have landed."""

    index: int
    decision: Decision
    facts: Facts


@frozen
class Judged:
    """A merge that was decided when it was recorded, because no decision was logged before."""

    decision: Decision
    inputs: Inputs


@frozen
class Tile:
    """A piece of the target's history as it will be recorded.

    `decision` is what it rests on. `judged` is to be logged first where it is given; the update's
    decision is then its entry.
    """

    update: RefUpdate
    decision: Decision | None = None
    judged: Judged | None = None


def past_of(reader: LogReader, ref: str) -> Past:
    """Return what the log knows of a branch, read from its end.

    An update that rests on a correction says again what came of an earlier one, so the record does
    not end with it. Raises LogError `log-not-opened` where the first entry is missing, and LogError
    `entry-malformed` for entries that this version cannot read.
    """
    end: RefUpdate | None = None
    newest: RefUpdate | None = None
    used: set[int] = set()
    waiting: list[Waiting] = []
    for entry in reader.backwards(kinds=("ref-update", "gate-decision", "log-opened")):
        if entry.statement is None or not entry.believed:
            continue
        try:
            if entry.kind == "ref-update":
                update = RefUpdate.model_validate_json(_json(entry.predicate))
                if update.ref == ref:
                    newest = newest or update
                    end = end or (update if update.correction is None else None)
                    if update.decision is not None:
                        used.add(update.decision)
            elif entry.kind == "gate-decision" and len(waiting) < MOST_DECISIONS:
                said = decision_of(entry.statement)
                if said and said[0].target == ref and said[0].outcome in ("allow", "overridden"):
                    waiting.append(Waiting(entry.index, *said))
            elif entry.kind == "log-opened" and entry.index == 0:
                opened = LogOpened.model_validate_json(_json(entry.predicate))
                return Past(
                    end=end.after if end else opened.adopted,
                    recorded_at=newest.recorded_at if newest else opened.opened_at,
                    waiting=tuple(one for one in waiting if one.index not in used),
                )
        except ValidationError as error:
            raise LogError(
                "entry-malformed",
                f"entry {entry.index} is not as this version writes it",
                hint="use the version that wrote the log, or a later one",
            ) from error
    raise LogError(
        "log-not-opened",
        "the first entry of the log does not say where the history begins",
        hint="`itil-gate log verify` says what is wrong with it",
    )


def trace(
    view: View,
    *,
    ref: str,
    after: str,
    pushed: str | None,
    past: Past,
    repository: str,
    heads: Sequence[str] = (),
    now: datetime,
) -> tuple[Tile, ...]:
    """Return the updates of a branch since its record ends, up to `after`, oldest first.

    `pushed` is where the push began that is recorded now: what lies before it was missed then and
    is marked as late. `heads` are commits that may have been merged there, for landings that name
    no second parent. Raises HistoryError where history does not suffice.
    """
    if past.end == after or _lies_before(view, after, past.end):
        return ()
    steps = first_parents(view, past.end, after)
    if steps is None:
        return (_rewound(ref, after, past=past, repository=repository, now=now),)
    chain = (past.end, *steps)
    late = _before(chain, pushed)
    found = carried(view, chain, [_authority(one) for one in past.waiting])
    known = {str(one.index): one for one in past.waiting}
    tiles: list[Tile] = []
    loose: list[str] = []
    scribe = _Scribe(view, ref=ref, repository=repository, late=late, past=past, now=now)
    for one in found:
        if isinstance(one, Carried):
            tiles += scribe.unexplained(loose, chain, heads=heads)
            loose = []
            waiting = known[one.authority.key]
            tiles.append(scribe.landed(one, waiting.decision, index=waiting.index))
        else:
            loose.append(one)
    return (*tiles, *scribe.unexplained(loose, chain, heads=heads))


def consequences(tile: Tile, *, index: int, config: Config, now: datetime) -> tuple[Event, ...]:
    """Return what is recorded beside an update: waivers it used, policies it changed.

    `index` is the update's own entry.
    """
    update, found = tile.update, []
    verdicts = tile.decision.changes if tile.decision else ()
    used = {
        (rule.waiver, verdict.id): rule.rule
        for verdict in verdicts
        for rule in verdict.rules
        if rule.waiver
    }
    for (waiver, change), rule in sorted(used.items()):
        said = WaiverUsed(
            repository=update.repository,
            waiver=waiver,
            rule=rule,
            change=change,
            update=index,
            recorded_at=now,
        )
        subject = {"gitCommit": update.after}
        found.append(plain_event("waiver-used", (waiver, change), said, subject=subject))
    prefixes = judge_prefixes(config)
    paths = tuple(
        entry.path
        for entry in update.manifest
        if any(entry.path == one or entry.path.startswith(f"{one}/") for one in prefixes)
    )
    if paths:
        changed = PolicyChange(
            repository=update.repository,
            ref=update.ref,
            before=update.before,
            after=update.after,
            update=index,
            paths=paths,
            recorded_at=now,
        )
        key = (update.ref, update.before, update.after)
        subject = {"gitCommit": update.after}
        found.append(plain_event("policy-change", key, changed, subject=subject))
    return tuple(found)


class _Scribe:
    """Writes the updates of one recording; holds what they have in common."""

    def __init__(
        self,
        view: View,
        *,
        ref: str,
        repository: str,
        late: frozenset[str],
        past: Past,
        now: datetime,
    ) -> None:
        self._view = view
        self._ref = ref
        self._repository = repository
        self._late = late
        self._past = past
        self._now = now

    def landed(
        self, one: Carried, decision: Decision, *, index: int | None, judged: Judged | None = None
    ) -> Tile:
        """Return the update of something that was authorised."""
        authority = one.authority
        names = ", ".join(change.id for change in decision.changes) or "no governed path"
        how = {
            "exact": "as it was decided upon",
            "same-content": "with the same content",
            "clean-replay": "replayed without conflict",
        }[one.proof]
        when = "decided after it landed" if judged else "decided before it landed"
        update = RefUpdate(
            repository=self._repository,
            ref=self._ref,
            before=one.before,
            after=one.after,
            standing="overridden" if decision.outcome == "overridden" else "authorised",
            reason=f"{names} landed {how}; {when}",
            proof=one.proof,
            decision=index,
            head=authority.head,
            merge_base=authority.merge_base,
            content=authority.content,
            manifest=tuple(
                Manifest(
                    path=entry.path,
                    old_mode=entry.old_mode,
                    new_mode=entry.new_mode,
                    old_id=entry.old_id,
                    new_id=entry.new_id,
                )
                for entry in authority.diff
            ),
            kept=kept_for(self._view, authority, one.after),
            changes=tuple(change.id for change in decision.changes),
            services=_sorted(name for change in decision.changes for name in change.services),
            environments=_sorted(
                name for change in decision.changes for name in change.environments
            ),
            urgent=bool(decision.changes)
            and all(change.lane == "emergency" for change in decision.changes),
            late=one.after in self._late,
            recorded_at=self._now,
        )
        return Tile(update, decision, judged)

    def unexplained(
        self, loose: Sequence[str], chain: Sequence[str], *, heads: Sequence[str]
    ) -> list[Tile]:
        """Return the updates of steps that no logged decision accounts for."""
        if not loose:
            return []
        start = chain.index(loose[0]) - 1
        line = chain[start : start + len(loose) + 1]
        tiles: list[Tile] = []
        place = 0
        while place < len(line) - 1:
            tile, end = self._explained(line, place, heads=heads)
            tiles.append(tile)
            place = end
        return tiles

    def _explained(
        self, line: Sequence[str], place: int, *, heads: Sequence[str]
    ) -> tuple[Tile, int]:
        before, after = line[place], line[place + 1]
        if entry_at(self._view, before, CONFIG_PATH) is None:
            reason = "the target had not adopted the gate before it"
            return self._plain(before, after, reason, adopted=False), place + 1
        faults: list[str] = []
        seconds = parents_of(self._view, after)[1:]
        for head in dict.fromkeys((*seconds, *heads, line[-1], after)):
            judged = self._decide(before, head, landed=after, faults=faults)
            if judged is None:
                continue
            authority = _authority_of(judged.decision, judged.inputs.facts, key="now")
            (one, *_) = carried(self._view, line[place:], [authority])
            if isinstance(one, Carried):
                tile = self.landed(one, judged.decision, index=None, judged=judged)
                return tile, line.index(one.after)
        reason = "no authorised change carries over to it"
        if faults:
            reason = f"{reason}; {faults[-1]}"
        return self._plain(before, after, reason), place + 1

    def _decide(self, before: str, head: str, *, landed: str, faults: list[str]) -> Judged | None:
        """Decide a merge that has happened; None, and why, where it would not have been allowed."""
        moment = self._moment(landed)
        try:
            if _lies_before(self._view, head, before):
                return None
            inputs = gather(
                self._view,
                target=self._ref,
                base=before,
                head=head,
                now=moment,
                recorded=False,  # that is what is being done here
            )
            decision = decide(inputs)
        except (GateError, ConfigError) as error:
            faults.append(f"deciding about {head[:12]}: {error.message}")
            return None
        if decision.outcome in ("allow", "overridden") and decision.enforced:
            return Judged(decision, inputs)
        why = _first_fault(decision)
        faults.append(f"{head[:12]} would be {decision.outcome}{f': {why}' if why else ''}")
        return None

    def _moment(self, landed: str) -> datetime:
        """Return the time by which a landing is judged: its own, as far as it can be believed."""
        said = read_commit(self._view, landed).committed_at
        try:
            when = datetime.fromtimestamp(said, tz=UTC)
        except (OverflowError, ValueError, OSError):
            return self._now
        return max(self._past.recorded_at, min(when, self._now))

    def _plain(self, before: str, after: str, reason: str, *, adopted: bool = True) -> Tile:
        return Tile(
            RefUpdate(
                repository=self._repository,
                ref=self._ref,
                before=before,
                after=after,
                standing="unauthorised" if adopted else "before-adoption",
                reason=reason[:2000],
                late=after in self._late,
                recorded_at=self._now,
            )
        )


def _rewound(ref: str, after: str, *, past: Past, repository: str, now: datetime) -> Tile:
    return Tile(
        RefUpdate(
            repository=repository,
            ref=ref,
            before=past.end,
            after=after,
            standing="unauthorised",
            reason=f"the branch no longer descends from {past.end[:12]}, where its record ends",
            recorded_at=now,
        )
    )


def _authority(one: Waiting) -> Authority:
    return _authority_of(one.decision, one.facts, key=str(one.index))


def _authority_of(decision: Decision, facts: Facts, *, key: str) -> Authority:
    return Authority(
        key=key,
        head=decision.head,
        head_tree=facts.head_tree,
        merge_base=decision.merge_base or facts.tip,
        content=decision.content,
        diff=facts.diff,
    )


def _lies_before(view: View, one: str, other: str) -> bool:
    return is_ancestor(view, one, other)


def _before(chain: Sequence[str], pushed: str | None) -> frozenset[str]:
    """Return the commits of a chain that lie before the push which is recorded now."""
    if pushed is None or pushed not in chain:
        return frozenset()
    return frozenset(after for _, after in pairwise(chain[: chain.index(pushed) + 1]))


def _first_fault(decision: Decision) -> str:
    rules = (*decision.rules, *(rule for change in decision.changes for rule in change.rules))
    for rule in rules:
        if rule.state in ("UNSATISFIED", "PENDING", "ERROR") and rule.findings:
            return rule.findings[0].message
    return ""


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _json(predicate: object) -> str:
    import json  # noqa: PLC0415 - only where the log is read

    return json.dumps(predicate)
