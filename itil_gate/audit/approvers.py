"""Count who approves how often, how fast and for whom; the judgement is left to whoever reads it.

Words come one after the other and are not kept. Nothing here reads git, the log or a clock. A time
that somebody may have made up never makes an approval look slower than a better one does: what was
dated after the log held it is as old as that, and what was dated before anybody could see the
content is not measured at all. No person is left out, named or not, and nothing is told as a share
of few.
"""

from __future__ import annotations

from collections import Counter
from heapq import nsmallest
from statistics import median_low
from typing import TYPE_CHECKING, Literal

from itil_gate.audit.approver_rows import (
    FEW,
    LEAST_LINES,
    MANY,
    Approver,
    Asked,
    Latency,
    Lead,
    Pair,
)
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from itil_gate.audit.approver_rows import Seen, Terms, Unmeasured

MINUTE, HOUR = 60, 3600
MOST_LEADS = 20
MOST_ASKED = 5
MOST_PAIRS = 100
SKEW = 5 * MINUTE
"""How far clocks may be apart before it is told, as for approvals at the gate."""

Verdict = Literal["approve", "reject", "withdraw", "withdraw-change", "comment", "unknown"]


@frozen
class Moments:
    """When content could be seen and when somebody spoke about it; seconds since 1970.

    `pushed` is when the forge first saw the content, `recorded` when the log first recorded it,
    `committed` what its commit says. `dated` is what the statement says, or the forge of a review;
    `heard` is when the log first recorded that it was there.
    """

    dated: int
    heard: int | None = None
    pushed: int | None = None
    recorded: int | None = None
    committed: int | None = None

    @property
    def given(self) -> int:
        """When it was said, at the latest."""
        return self.dated if self.heard is None else min(self.dated, self.heard)

    @property
    def at(self) -> int:
        """When it is taken for said where periods are asked about: not its author's choice."""
        return self.dated if self.heard is None else self.heard


@frozen
class Word:
    """One thing that somebody said about a change.

    `code` is the reason of the newest decision for not counting it, None where one counted it or
    none judged it. `lines` are those of the content, where they are known.
    """

    who: str
    verdict: Verdict
    moments: Moments
    changes: tuple[str, ...]
    requesters: tuple[str, ...]
    digest: str
    name: str = ""
    kind: str | None = None
    key: str | None = None
    review: bool = False
    remark: bool = False
    level: str | None = None
    counted: bool = False
    code: str | None = None
    lines: int | None = None


def latency(moments: Moments) -> tuple[int, Seen] | Unmeasured:
    """Return how many seconds lay between seeing and saying, and from where they are counted.

    The forge's time of the push is best; then the log's, which may be late, so that the seconds
    are the least there were; then the date in the commit, which its author wrote. That hint stands
    in only where the log came too late to say anything: where it knew the content and not yet the
    statement, and the statement is dated before that, somebody's clock is wrong.
    """
    given = moments.given
    if moments.pushed is not None:
        return (given - moments.pushed, "forge") if given >= moments.pushed else "dated-before"
    if moments.recorded is not None:
        if given >= moments.recorded:
            return given - moments.recorded, "log"
        if moments.heard is None or moments.heard > moments.recorded:
            return "dated-before"
    if moments.committed is None:
        return "not-known"
    if given < moments.committed:
        return "dated-before"
    return given - moments.committed, "commit"


class Tally:
    """Counts words; `approvers` and `pairs` may be asked for at any time."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.not_in_period = 0
        self.not_at_level = 0
        self.level_not_known = 0
        self.changes_withdrawn = 0
        self._people: dict[str, _Person] = {}

    def add(self, word: Word) -> None:
        """Count one word, or that it was left out."""
        terms, at = self.terms, word.moments.at
        early = terms.since is not None and at < terms.since.timestamp()
        if early or (terms.until is not None and at >= terms.until.timestamp()):
            self.not_in_period += 1
        elif terms.levels and word.level is None:
            self.level_not_known += 1
        elif terms.levels and word.level not in terms.levels:
            self.not_at_level += 1
        elif word.verdict == "withdraw-change":
            self.changes_withdrawn += 1
        else:
            person = self._people.get(word.who)
            if person is None:
                person = self._people[word.who] = _Person(word, terms)
            person.add(word)

    def approvers(self) -> tuple[Approver, ...]:
        """Return what each of them did, who approved most first."""
        found = [person.told() for person in self._people.values()]
        return tuple(sorted(found, key=lambda one: (-one.approvals, one.who)))

    def pairs(self) -> tuple[Pair, ...]:
        """Return who approves each other's changes, most both ways first."""
        found = []
        for one, person in self._people.items():
            for other, changes in person.asked.items():
                back = self._people[other].asked.get(one) if other in self._people else None
                if one < other and back:
                    found.append(
                        Pair(
                            one=one,
                            other=other,
                            one_approved=len(changes),
                            other_approved=len(back),
                        )
                    )
        found.sort(
            key=lambda pair: (
                -min(pair.one_approved, pair.other_approved),
                -(pair.one_approved + pair.other_approved),
                *(pair.one, pair.other),
            )
        )
        return tuple(found[:MOST_PAIRS])


class _Person:
    """What one person said, in numbers."""

    __slots__ = (
        *("asked", "_changes", "_counts", "_dated_after", "_hinted", "_keys", "_kind", "_leads"),
        *("_measured", "_name", "_terms", "_unmeasured", "_void", "_who"),
    )

    def __init__(self, word: Word, terms: Terms) -> None:
        self.asked: dict[str, set[str]] = {}
        """By requester, the changes of theirs that this person approved."""
        self._who, self._name, self._kind, self._terms = word.who, word.name, word.kind, terms
        self._changes: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._dated_after = 0
        self._hinted: list[int] = []
        self._keys: set[str] = set()
        self._leads: list[Lead] = []
        self._measured: list[int] = []
        self._unmeasured: Counter[Unmeasured] = Counter()
        self._void: Counter[str] = Counter()

    def add(self, word: Word) -> None:
        if word.key is not None:
            self._keys.add(word.key)
        self._counts["remark"] += word.remark
        moments = word.moments
        if moments.heard is not None and moments.dated > moments.heard + SKEW:
            self._dated_after += 1
        if word.verdict == "approve" and word.code is not None:
            self._void[word.code] += 1
            return
        self._counts[word.verdict] += 1
        if word.verdict not in ("approve", "reject"):
            return
        self._changes.update(word.changes)
        if word.verdict == "approve":
            self._approved(word)

    def _approved(self, word: Word) -> None:
        self._counts["counted"] += word.counted
        self._counts["review"] += word.review
        for requester in word.requesters:
            self.asked.setdefault(requester, set()).update(word.changes)
        took = latency(word.moments)
        if isinstance(took, str):
            self._unmeasured[took] += 1
            return
        seconds, seen = took
        self._counts["at-least"] += seen == "log"
        (self._hinted if seen == "commit" else self._measured).append(seconds)
        too_fast = False
        if seen != "commit" and word.lines is not None and word.lines >= LEAST_LINES:
            too_fast = seconds * self._terms.lines_per_hour < word.lines * HOUR
            self._counts["sized"] += 1
            self._counts["too-fast"] += too_fast
        self._keep(
            Lead(
                changes=word.changes,
                digest=word.digest,
                seconds=seconds,
                seen=seen,
                lines=word.lines,
                too_fast=too_fast,
            )
        )

    def _keep(self, lead: Lead) -> None:
        self._leads.append(lead)
        if len(self._leads) >= 4 * MOST_LEADS:
            self._leads = _foremost(self._leads)

    def told(self) -> Approver:
        counts = self._counts
        approvals, rejections = counts["approve"], counts["reject"]
        said = approvals + rejections
        for_whom = sorted(self.asked.items(), key=lambda pair: (-len(pair[1]), pair[0]))
        return Approver(
            who=self._who,
            name=self._name,
            kind=self._kind,
            keys=tuple(sorted(self._keys)),
            approvals=approvals,
            counted=counts["counted"],
            reviews=counts["review"],
            rejections=rejections,
            withdrawals=counts["withdraw"],
            remarks=counts["remark"],
            changes=len(self._changes),
            approved_percent=100 * approvals // said if said >= FEW else None,
            few=said < FEW,
            never_counted=dict(sorted(self._void.items())),
            latency=_latency(self._measured, self._terms, at_least=counts["at-least"]),
            hinted=_latency(self._hinted, self._terms, at_least=0),
            unmeasured=dict(sorted(self._unmeasured.items())),
            dated_after=self._dated_after,
            sized=counts["sized"],
            too_fast=counts["too-fast"],
            only_approves=approvals > MANY and not rejections and not counts["remark"],
            for_whom=tuple(
                Asked(requester=who, changes=len(changes)) for who, changes in for_whom[:MOST_ASKED]
            ),
            leads=tuple(_foremost(self._leads)),
        )


def _foremost(leads: Iterable[Lead]) -> list[Lead]:
    """Return the approvals to look at first: too fast for their size, then the fastest."""
    return nsmallest(
        MOST_LEADS,
        leads,
        key=lambda one: (not one.too_fast, one.seen == "commit", one.seconds, one.digest),
    )


def _latency(seconds: Sequence[int], terms: Terms, *, at_least: int) -> Latency:
    return Latency(
        measured=len(seconds),
        at_least=at_least,
        median_seconds=median_low(seconds) if seconds else None,
        fastest_seconds=min(seconds, default=None),
        within=sum(one <= terms.within_minutes * MINUTE for one in seconds),
    )
