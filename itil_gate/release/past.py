"""What the log knows of a branch: where its record ends, and what may still land there.

A logged decision is not good for ever. Of those about the same content at the same head the newest
speaks, whichever way it went; when that content has landed, none of the decisions before counts any
more, at whatever head and however often it was decided about. And a decision that was made when
something stood on the branch already says nothing of how that came there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from itil_gate.gather.landing import Authority
from itil_gate.gather.recorded import Span, Spans, recorded_tips
from itil_gate.model.base import Moment
from itil_gate.model.errors import LogError
from itil_gate.model.facts import WaiverUse
from itil_gate.model.frozen import frozen
from itil_gate.model.record import LogOpened, RefUpdate
from itil_gate.release.entries import stored_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from itil_gate.log.reader import Entry, LogReader
    from itil_gate.model.decision import Decision, StoredDecision
    from itil_gate.model.facts import Facts

MOST_DECISIONS = 2000
"""How many logged decisions are looked through for the one that a landing rests on."""
LETS_IN = ("allow", "overridden")
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


@frozen
class Said:
    """A logged decision about a merge; the judge's texts are not with it."""

    index: int
    stored: StoredDecision

    @property
    def decision(self) -> Decision:
        """What was decided."""
        return self.stored.decision

    @property
    def facts(self) -> Facts:
        """What it was decided by."""
        return self.stored.inputs.facts

    @property
    def lets_in(self) -> bool:
        """Whether it let something in."""
        return self.decision.outcome in LETS_IN


@frozen
class Past:
    """What the log knows of a branch.

    `home` is given for another branch than the one the log was opened for that has no record yet:
    what is recorded of that one. Where the branch leaves it, its own record begins.

    `said` are the decisions about what has not landed since, newest first, at most one for each
    content, head and tip of the target. `unauthorised` are updates that came without authority,
    oldest first. `seen` says when a commit was first known to be the target's tip, `ends` are the
    commits at which the branch was recorded to stand, `tips` what the newest decision saw of the
    approvals branch, `size` is that of the log which was read.
    """

    end: str
    recorded_at: datetime
    said: tuple[Said, ...] = ()
    unauthorised: tuple[Span, ...] = ()
    uses: tuple[WaiverUse, ...] = ()
    seen: Mapping[str, datetime] = {}
    ends: frozenset[str] = frozenset()
    tips: tuple[str, ...] = ()
    home: Spans | None = None
    size: int = 0


def past_of(reader: LogReader, ref: str) -> Past:
    """Return what the log knows of a branch, read from its end.

    An update that rests on a correction says again what came of an earlier one, so the record does
    not end with it. Raises LogError `log-not-opened` where the first entry is missing, and LogError
    `entry-malformed` for entries that this version cannot read.
    """
    memory = _Memory(ref, size=reader.size, tips=recorded_tips(reader))
    kinds = ("ref-update", "gate-decision", "waiver-used", "log-opened")
    for entry in reader.backwards(kinds=kinds):
        if entry.statement is None or not entry.believed:
            continue
        try:
            if entry.kind == "log-opened" and entry.index == 0:
                return memory.past(LogOpened.model_validate_json(json.dumps(entry.predicate)))
            memory.take(entry)
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


def governing(chain: Sequence[str], said: Iterable[Said]) -> tuple[Authority, ...]:
    """Return the decisions that let something in, each with the steps it may account for.

    `chain` begins with the commit before the first step, `said` are decisions, newest first. For
    each step the newest decision about a content at a head speaks that was made before the step;
    where that one let nothing in, none does. Another head with the same content is somebody else's
    pull request: what people say against it is heard again with the landing, and what else was
    wrong with it, as who wrote it, is no word about this one.
    """
    places = {commit: place for place, commit in enumerate(chain)}
    found: list[Authority] = []
    until: dict[tuple[str, str], int] = {}
    for one in said:
        first = places.get(one.decision.tip, 0)
        about = (one.decision.content, one.decision.head)
        last = until.get(about)
        if one.lets_in and (last is None or first < last):
            found.append(authority_of(one, key=str(one.index), first=first, last=last))
        until[about] = first if last is None else min(first, last)
    return tuple(found)


def authority_of(
    said: Said | StoredDecision, *, key: str, first: int = 0, last: int | None = None
) -> Authority:
    """Return a decision as something that landings are held against."""
    stored = said.stored if isinstance(said, Said) else said
    decision, facts = stored.decision, stored.inputs.facts
    return Authority(
        key=key,
        head=decision.head,
        head_tree=facts.head_tree,
        merge_base=decision.merge_base or facts.tip,
        content=decision.content,
        diff=facts.diff,
        first=first,
        last=last,
    )


class _Memory:
    """What is known so far, while the log is read from its end."""

    def __init__(self, ref: str, *, size: int, tips: tuple[str, ...]) -> None:
        self._ref = ref
        self._tips = tips
        self._size = size
        self._ends: set[str] = set()
        self._end: RefUpdate | None = None
        self._newest: RefUpdate | None = None
        self._landed: set[str] = set()
        self._known: set[tuple[str, str, str]] = set()
        self._said: list[Said] = []
        self._uses: list[WaiverUse] = []
        self._seen: dict[str, datetime] = {}
        self._every = {ref: Spans(ref)}

    def take(self, entry: Entry) -> None:
        """Take what a believed entry says; newer ones came before."""
        match entry.kind:
            case "ref-update":
                ref = str(entry.predicate.get("ref"))
                self._every.setdefault(ref, Spans(ref)).take(entry)
                self._update(RefUpdate.model_validate_json(json.dumps(entry.predicate)))
            case "gate-decision":
                self._decision(entry)
            case "waiver-used":
                said = entry.predicate
                self._uses.append(
                    WaiverUse(waiver=str(said.get("waiver")), change=str(said.get("change")))
                )
            case _:
                pass

    def past(self, opened: LogOpened) -> Past:
        """Return what is known, when the beginning is reached."""
        end, newest = self._end, self._newest
        away = opened.target != self._ref and newest is None
        return Past(
            end=end.after if end else opened.adopted,
            recorded_at=newest.recorded_at if newest else opened.opened_at,
            said=tuple(self._said),
            unauthorised=self._every[self._ref].unauthorised,
            uses=tuple(self._uses),
            seen=self._seen,
            ends=frozenset({opened.adopted, *self._ends}),
            tips=self._tips,
            home=self._every.get(opened.target) if away else None,
            size=self._size,
        )

    def _update(self, update: RefUpdate) -> None:
        if update.ref != self._ref:
            return
        self._newest = self._newest or update
        self._ends.add(update.after)
        self._end = self._end or (update if update.correction is None else None)
        if update.decision is not None and update.content is not None:
            self._landed.add(update.content)

    def _decision(self, entry: Entry) -> None:
        ours = entry.predicate.get("itilGate", {})
        said = ours.get("decision")
        if not isinstance(said, dict) or said.get("target") != self._ref:
            return
        mark = (str(said.get("content")), str(said.get("head")), str(said.get("tip")))
        # The log is read from its end, so the last word is about the earliest time.
        self._seen[mark[2]] = _MOMENT.validate_python(said.get("now"))
        if mark[0] in self._landed or mark in self._known or len(self._said) >= MOST_DECISIONS:
            return
        self._known.add(mark)
        stored = stored_of(entry.statement or {}, ())
        if stored is not None:
            self._said.append(Said(entry.index, stored))
