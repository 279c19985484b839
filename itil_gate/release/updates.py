"""Write down the updates of a branch as the log keeps them, and what is recorded beside each.

What an update rests on was found out before; here it is only put into the log's words. Whatever
nothing authorised is written down too: a hole in the record would hide it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.gather.landing import kept_for
from itil_gate.model.frozen import frozen
from itil_gate.model.record import Manifest, PolicyChange, RefUpdate, WaiverUsed
from itil_gate.policy.places import judge_prefixes
from itil_gate.release.entries import plain_event

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from itil_gate.gather.landing import Carried
    from itil_gate.git.view import View
    from itil_gate.log.append import Event
    from itil_gate.model.config import Config
    from itil_gate.model.decision import Decision, StoredDecision
    from itil_gate.model.record import Standing


@frozen
class Tile:
    """A piece of the target's history as it will be recorded.

    `decision` is what it rests on. `judged` is to be logged first where it is given; the update's
    decision is then its entry.
    """

    update: RefUpdate
    decision: Decision | None = None
    judged: StoredDecision | None = None


@frozen
class Pen:
    """Writes the updates of one recording of a branch; `late` are the commits missed before it."""

    view: View
    ref: str
    repository: str
    now: datetime
    late: frozenset[str]

    def landed(
        self,
        one: Carried,
        decision: Decision,
        *,
        index: int | None = None,
        judged: StoredDecision | None = None,
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
            repository=self.repository,
            ref=self.ref,
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
            kept=kept_for(self.view, authority, one.after),
            changes=tuple(change.id for change in decision.changes),
            services=_sorted(name for change in decision.changes for name in change.services),
            environments=_sorted(
                name for change in decision.changes for name in change.environments
            ),
            urgent=bool(decision.changes)
            and all(change.lane == "emergency" for change in decision.changes),
            late=one.after in self.late,
            recorded_at=self.now,
        )
        return Tile(update, decision, judged)

    def plain(
        self, before: str, after: str, reason: str, *, standing: Standing = "unauthorised"
    ) -> Tile:
        """Return the update of something that nothing authorised, or nothing had to."""
        return Tile(
            RefUpdate(
                repository=self.repository,
                ref=self.ref,
                before=before,
                after=after,
                standing=standing,
                reason=reason[:2000],
                late=after in self.late,
                recorded_at=self.now,
            )
        )

    def rewound(self, end: str, after: str) -> Tile:
        """Return the update of a branch that lost what was recorded of it, from `end` on."""
        return Tile(
            RefUpdate(
                repository=self.repository,
                ref=self.ref,
                before=end,
                after=after,
                standing="unauthorised",
                reason=f"the branch no longer descends from {end[:12]}, where its record ends",
                recorded_at=self.now,
            )
        )


def consequences(tile: Tile, *, index: int, config: Config, now: datetime) -> tuple[Event, ...]:
    """Return what is recorded beside an update: waivers it used, policies it changed.

    `index` is the update's own entry.
    """
    update, found = tile.update, []
    for (waiver, change), rule in sorted(waivers_of(tile.decision).items()):
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


def waivers_of(decision: Decision | None) -> dict[tuple[str, str], str]:
    """Return the rules that waivers waived, by waiver and change."""
    return {
        (rule.waiver, verdict.id): rule.rule
        for verdict in (decision.changes if decision else ())
        for rule in verdict.rules
        if rule.waiver
    }


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
