"""Say of every update of the target what it rests on, for the log.

A decision that was logged before the merge comes first. It is heard again with the time of the
landing: a rejection, an approval that expired, a freeze or a waiver that is used up count as they
stand then. Where there is none, because the run that should have logged it was skipped, the merge
is decided now from the evidence, with the policies of the commit before it. When it landed nobody
knows exactly, so it has to be allowed now, when it was pushed as far as a forge or server says so,
when it was first seen, and by the date of its commit; that date alone never lets anything in.
Nothing is judged by policies that came without authority, be it in this very push. Whatever rests
on nothing is recorded as unauthorised: a hole in the record would hide it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from itil_gate.decide.gate import decide
from itil_gate.gather.again import hear_again
from itil_gate.gather.inputs import gather
from itil_gate.gather.landing import (
    Carried,
    carried,
    first_parents,
    holds,
    lies_on_line,
    never_adopted,
    parents_of,
)
from itil_gate.gather.recorded import Span, line_of, refuse_lost, refuse_standing
from itil_gate.gather.sources import read_judge
from itil_gate.gather.statements import approval_tips
from itil_gate.git.history import is_ancestor, read_commit
from itil_gate.git.tree import tree_id
from itil_gate.model.decision import StoredDecision
from itil_gate.model.errors import ConfigError, GateError, HistoryError
from itil_gate.model.facts import WaiverUse
from itil_gate.model.frozen import replace
from itil_gate.policy.compile import read_config
from itil_gate.release.past import LETS_IN, authority_of, governing
from itil_gate.release.updates import Pen, waivers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from itil_gate.git.view import View
    from itil_gate.model.decision import Decision
    from itil_gate.model.facts import Facts, Inputs
    from itil_gate.release.past import Past, Said
    from itil_gate.release.updates import Tile

AHEAD = timedelta(minutes=5)
"""So far clocks may differ."""
SHORT = 12
_UNEXPLAINED = "no authorised change carries over to it"
_NO_CHANGE = "it changes no file, so nothing has to let it in"


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
    pushed_at: datetime | None = None,
) -> tuple[Tile, ...]:
    """Return the updates of a branch since its record ends, up to `after`, oldest first.

    `pushed` is where the push began that is recorded now: what lies before it was missed then and
    is marked as late. `heads` are commits that may have been merged there, for landings that name
    no second parent. `pushed_at` is when the forge or server received the push, if it says so.
    A branch that was moved away from where its record ends is recorded to have been, without
    authority, up to the last recorded commit that it still holds; what came after that is judged.
    Raises HistoryError where history does not suffice, and `approvals-rewound` where the log saw
    more on the approvals branch than is there, and what was decided before that has landed.
    """
    past = _begun(view, past, after)
    if past.end == after:
        return ()
    if not holds(view, past.end):
        raise _end_missing(past.end, ref)
    stood = after in past.ends and is_ancestor(view, after, past.end)
    if stood or lies_on_line(view, after, past.end):
        return ()
    start, steps = past.end, first_parents(view, past.end, after)
    if steps is None:
        start = _still_held(view, past, after) or after
        steps = first_parents(view, start, after) or ()
    chain = (start, *steps)
    pen = Pen(view, ref=ref, repository=repository, now=now, late=_before(chain, pushed))
    moved = () if start == past.end else (pen.rewound(past.end, start),)
    judge = _Judge(pen, chain=chain, past=past, pushed_at=pushed_at, heads=heads, moved=moved)
    return (*moved, *judge.tiles())


class _Judge:
    """Finds what the updates of one recording rest on; holds what they have in common."""

    def __init__(
        self,
        pen: Pen,
        *,
        chain: Sequence[str],
        past: Past,
        pushed_at: datetime | None,
        heads: Sequence[str],
        moved: Sequence[Tile] = (),
    ) -> None:
        self._pen = pen
        self._view = pen.view
        self._chain = chain
        self._past = past
        self._now = pen.now
        self._pushed_at = pushed_at
        self._heads = heads
        self._spans = list(past.unauthorised)
        self._uses = list(past.uses)
        self._faults: dict[str, list[str]] = {}
        for tile in moved:
            self._take(tile)

    def tiles(self) -> tuple[Tile, ...]:
        """Return the updates, oldest first: each is judged by what those before it left."""
        chain, found = self._chain, []
        said = {str(one.index): one for one in self._past.said}
        carrying = {
            one.before: one
            for one in carried(self._view, chain, governing(chain, self._past.said))
            if isinstance(one, Carried)
        }
        place = 0
        while place < len(chain) - 1:
            one = carrying.get(chain[place])
            tile = self._logged(one, said[one.authority.key]) if one is not None else None
            if tile is None:
                # What a logged decision accounts for further on is not taken in here.
                ends = (at for at in range(place + 1, len(chain)) if chain[at] in carrying)
                tile = self._explained(place, next(ends, len(chain) - 1))
            found.append(tile)
            self._take(tile)
            place = chain.index(tile.update.after, place)
        return tuple(found)

    def _take(self, tile: Tile) -> None:
        """Remember what an update means for those after it."""
        update = tile.update
        if update.standing == "unauthorised":
            self._spans.append(Span(update.before, update.after, "recorded with this"))
        for waiver, change in waivers_of(tile.decision):
            self._uses.append(WaiverUse(waiver=waiver, change=change))

    def _logged(self, one: Carried, said: Said) -> Tile | None:
        """Return the update of what a logged decision let in; None, and why, if it does no more."""
        where = f"entry {said.index} let it in"
        decided = said.decision.now
        if self._pushed_at is not None and decided > self._pushed_at + AHEAD:
            self._fault(one.before, f"{where}, and was made after it was pushed")
            return None
        other = self._own_word(one, said)
        if other is not None:
            self._fault(
                one.before,
                f"{where}, and entry {other.index}, which is about the very head that landed, says "
                f"{other.decision.outcome}",
            )
            return None
        if said.facts.approvals_tips != self._past.tips:
            # What was said since may stand on the branch alone. Where nobody saw more of it than
            # this decision did, the log has all of it.
            refuse_lost(self._view, self._past.tips, approval_tips(self._view))
        try:
            self._refuse_tainted(one.before)
            inputs = hear_again(
                self._view,
                said.stored.inputs,
                before=one.before,
                after=one.after,
                since=self._since(said),
                uses=self._uses,
            )
            moments = {max(at, decided): None for at in self._moments(one.after, lowest=decided)}
            heard = _worst(self._heard_in_time(inputs, known=said.facts), moments)
        except (GateError, ConfigError) as error:
            heard = error.message
        if isinstance(heard, str):
            self._fault(one.before, f"{where}, and heard again {heard}")
            return None
        overridden, waivers = _weight(heard.decision)
        logged = _weight(said.decision)
        if overridden <= logged[0] and waivers <= logged[1]:
            return self._pen.landed(one, said.decision, index=said.index)
        # It was let in by an override, or by waivers, that the logged decision did not need: what
        # it rests on is logged first, so that what is owed and used up follows from the log.
        edits: dict[str, object] = {"tip": one.before}
        if heard.inputs.facts.merged_tree is not None:
            edits["merged_tree"] = tree_id(self._view, one.after)
        inputs = heard.inputs.model_copy(
            update={"facts": heard.inputs.facts.model_copy(update=edits)}
        )
        judged = StoredDecision(decision=decide(inputs), inputs=inputs)
        return self._pen.landed(one, judged.decision, judged=judged)

    def _explained(self, place: int, end: int) -> Tile:
        """Return the update that begins here, of steps that no logged decision accounts for."""
        line = self._chain[place : end + 1]
        before, after = line[0], line[1]
        if never_adopted(self._view, before):
            reason = "the target had not adopted the gate before it"
            return self._pen.plain(before, after, reason, standing="before-adoption")
        if tree_id(self._view, before) == tree_id(self._view, after):
            # A merge of what is there already, or an empty commit that makes CI run again.
            return self._pen.plain(before, after, _NO_CHANGE, standing="unchanged")
        try:
            self._refuse_tainted(before)
        except GateError as error:
            return self._pen.plain(before, after, f"{_UNEXPLAINED}; {error.message}")
        seconds = parents_of(self._view, after)[1:]
        for head in dict.fromkeys((*seconds, *self._heads, line[-1], after)):
            judged = self._decide(before, head, landed=after)
            if judged is None:
                continue
            authority = authority_of(judged, key="now")
            (one, *_) = carried(self._view, line, [authority])
            if isinstance(one, Carried):
                return self._pen.landed(one, judged.decision, judged=judged)
        faults = self._faults.get(before, [])
        told = dict.fromkeys((_UNEXPLAINED, *faults[:1], *faults[-1:]))
        return self._pen.plain(before, after, "; ".join(told))

    def _decide(self, before: str, head: str, *, landed: str) -> StoredDecision | None:
        """Decide a merge that has happened; None, and why, where it would not have been allowed."""
        try:
            if _lies_before(self._view, head, before):
                return None
            inputs = gather(
                self._view,
                target=self._pen.ref,
                base=before,
                head=head,
                now=self._now,
                recorded=False,  # that is what is being done here
                binding=True,
            )
            same = self._last_word(inputs.facts, before)
            if same is not None:
                edits = {"draft": same.draft, "external": same.external}
                inputs = inputs.model_copy(update={"facts": inputs.facts.model_copy(update=edits)})
            facts = inputs.facts.model_copy(update={"waiver_uses": tuple(self._uses)})
            inputs = self._heard_in_time(inputs.model_copy(update={"facts": facts}))
            moments = self._moments(landed, lowest=self._past.recorded_at)
            judged = _worst(inputs, moments)
        except (GateError, ConfigError) as error:
            self._fault(before, f"deciding about {head[:12]}: {error.message}")
            return None
        if isinstance(judged, StoredDecision):
            return judged
        self._fault(before, f"{head[:12]} {judged}")
        return None

    def _moments(self, landed: str, *, lowest: datetime) -> list[datetime]:
        """Return the times by each of which a landing is judged: now first, then others.

        It cannot have landed later than it was pushed or first seen. The date of the commit is what
        its author wrote; one that lies ahead says that it is not to be believed, and `lowest`, the
        earliest time at which it can have landed, stands in for it.
        """
        try:
            said = datetime.fromtimestamp(read_commit(self._view, landed).committed_at, tz=UTC)
        except (OverflowError, ValueError, OSError):
            said = lowest
        if said > self._now + AHEAD:
            said = lowest
        place = self._chain.index(landed)
        seen = [self._past.seen[one] for one in self._chain[place:] if one in self._past.seen]
        pushed = [] if self._pushed_at is None else [self._pushed_at]
        times = (*pushed, *seen, max(lowest, said))
        return list(dict.fromkeys((self._now, *(min(one, self._now) for one in times))))

    def _heard_in_time(self, inputs: Inputs, *, known: Facts | None = None) -> Inputs:
        """Return inputs without the approvals that were given after the push, if its time is known.

        What a decision had heard before the landing is `known` to have been given in time.
        """
        if self._pushed_at is None:
            return inputs
        heard = {one.digest for one in known.statements} if known is not None else frozenset[str]()
        kept = tuple(
            one
            for one in inputs.facts.statements
            if one.digest in heard
            or one.approval is None
            or one.approval.verdict != "approve"
            or one.approval.issued_at <= self._pushed_at
        )
        return inputs.model_copy(
            update={"facts": inputs.facts.model_copy(update={"statements": kept})}
        )

    def _own_word(self, one: Carried, said: Said) -> Said | None:
        """Return the newer decision that refused the very head that landed, if there is one.

        A head that landed as itself does not land by what was decided about another one.
        """
        heads = {one.after, *parents_of(self._view, one.after)[1:]} - {said.decision.head}
        for other in self._about(said.decision.content, one.before):
            if other.index <= said.index:
                return None
            if other.decision.head in heads:
                return None if other.lets_in else other
        return None

    def _last_word(self, facts: Facts, before: str) -> Facts | None:
        """Return what the newest decision about the same content saw that no forge or git tells.

        One about the same head goes before all others.
        """
        about = list(self._about(facts.content, before))
        own = (one.facts for one in about if one.decision.head == facts.head)
        return next(own, about[0].facts if about else None)

    def _about(self, content: str, before: str) -> Iterator[Said]:
        """Yield the decisions about a content that were made before a step, newest first."""
        ahead = self._chain[self._chain.index(before) + 1 :]
        for one in self._past.said:
            if one.decision.content == content and one.decision.tip not in ahead:
                yield one

    def _since(self, said: Said) -> tuple[Facts, ...]:
        """Return what was recorded about the same changes later than a decision, newest first."""
        names = {change.id for change in said.decision.changes}
        return tuple(
            one.facts
            for one in self._past.said
            if one.index > said.index and names & {change.id for change in one.decision.changes}
        )

    def _refuse_tainted(self, before: str) -> None:
        if self._spans:
            judge = read_judge(self._view, before)
            config = read_config({source.path: source for source in judge})
            refuse_standing(self._view, config, self._spans, tip=before)

    def _fault(self, before: str, why: str) -> None:
        self._faults.setdefault(before, []).append(why)


def _worst(inputs: Inputs, moments: Iterable[datetime]) -> StoredDecision | str:
    """Return the decision about a merge at the time when it needs most to be let in.

    An override weighs more than none, and many waivers more than few; of times that are alike the
    first of the list is taken. Where it would not be let in at one of them, it is said why.
    """
    found: list[StoredDecision] = []
    for moment in moments:
        facts = inputs.facts.model_copy(update={"now": moment})
        then = inputs.model_copy(update={"facts": facts})
        decision = decide(then)
        # In audit mode too: it changes what a refusal does, and neither what is refused nor let in.
        if decision.outcome not in LETS_IN:
            why = _first_fault(decision)
            return f"would be {decision.outcome}{f': {why}' if why else ''}"
        found.append(StoredDecision(decision=decision, inputs=then))
    return max(found, key=_needed)


def _needed(judged: StoredDecision) -> tuple[bool, int]:
    overridden, waivers = _weight(judged.decision)
    return overridden, len(waivers)


def _weight(decision: Decision) -> tuple[bool, frozenset[tuple[str, str]]]:
    """Return what a decision let something in with, beyond the rules: an override, and waivers."""
    return decision.outcome == "overridden", frozenset(waivers_of(decision))


def _lies_before(view: View, one: str, other: str) -> bool:
    return is_ancestor(view, one, other)


def _begun(view: View, past: Past, after: str) -> Past:
    """Return what is known of a branch that has no record yet, from where it left another one."""
    if past.home is None:
        return past
    line = line_of(view, after)
    ours = frozenset(line)
    taken = tuple(span for span in past.home.unauthorised if span.after in ours)
    end = next((one for one in line if one in past.home.ends), past.end)
    return replace(past, end=end, unauthorised=taken, ends=frozenset({*past.ends, end}))


def _still_held(view: View, past: Past, after: str) -> str | None:
    """Return the last commit of a line at which the branch was recorded to stand; None if none."""
    return next((one for one in line_of(view, after) if one in past.ends), None)


def _end_missing(end: str, ref: str) -> HistoryError:
    branch = ref.removeprefix("refs/heads/")
    return HistoryError(
        "end-missing",
        f"{end[:SHORT]}, where the record of {ref} ends, is not in this clone",
        hint=f"`git fetch origin {branch}`; where the branch was moved back, "
        f"`git fetch origin {end}`, or fetch it from a clone that has it",
    )


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
