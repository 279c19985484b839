"""What is owed, and whether something meets it: an approval after the fact, a review.

An obligation is in the log. What meets it is elsewhere: a signed statement on the approvals branch,
a review on the target branch. Nobody meets with an approval what they overrode themselves, asked
for or worked on: the second pair of eyes comes later, and it comes. Several people are needed where
the requirements that were bent need several.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from itil_gate.decide.coverage import NO_SERVICE, answerable, survey
from itil_gate.decide.requirements import Demand, settle
from itil_gate.decide.roster import build_roster
from itil_gate.gather.sources import read_judge, read_sources
from itil_gate.gather.statements import approval_tips, statements_in
from itil_gate.git.diff import content_digest, raw_diff
from itil_gate.git.tree import ls_tree, tree_id
from itil_gate.model.errors import GateError, LogError
from itil_gate.model.frozen import frozen, replace
from itil_gate.model.people import PEER
from itil_gate.model.review import ChangeReview
from itil_gate.model.statement import RETRO_FOLDER
from itil_gate.policy.compile import compile_policies
from itil_gate.reading.read import read_text
from itil_gate.release.deploying import known_of
from itil_gate.release.entries import copy_event, decision_of, deploy_of
from itil_gate.release.obligations import met_event
from itil_gate.release.overriding import copied

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from itil_gate.decide.deploy_facts import Landed
    from itil_gate.decide.roster import Roster
    from itil_gate.git.view import View
    from itil_gate.log.append import Event
    from itil_gate.log.reader import LogReader
    from itil_gate.model.config import Config, Override
    from itil_gate.model.decision import RequirementState
    from itil_gate.model.facts import DiffEntry, StatementFact
    from itil_gate.model.policy import PolicySet
    from itil_gate.model.record import Obligation, RefUpdate
    from itil_gate.release.books import Books
    from itil_gate.release.deploying import Known
    from itil_gate.release.recorder import Recorded

MOST_BYTES = 1024 * 1024
AHEAD = timedelta(minutes=5)
"""So far clocks may differ."""
_PATH = re.compile(r"[0-9]{4}/(?P<change>[^/]+)\.ya?ml", re.ASCII)


@frozen
class Debt:
    """An open obligation with what is known about its cause."""

    index: int
    """Its entry."""
    obligation: Obligation
    updates: tuple[RefUpdate, ...]
    """What landed under it: each has to be approved."""
    requirements: tuple[RequirementState, ...]
    """What the merge gate asked for."""
    approvals: Mapping[str, frozenset[str]]
    """Roles by person, of the approvals that were there before."""
    barred: Mapping[str, str]
    """Who cannot approve it after the fact, and why."""


@frozen
class Met:
    """What meets an obligation."""

    by: str
    evidence: str
    statements: tuple[StatementFact, ...] = ()
    """The signed statements that meet it, to be kept."""


@frozen
class Account:
    """One open obligation, what meets it if anything does, and who could."""

    debt: Debt
    met: Met | None
    eligible: tuple[str, ...]


def debts_of(reader: LogReader, known: Known, *, repository: str) -> tuple[Debt, ...]:
    """Return every open obligation, oldest first.

    Raises LogError `entry-malformed` where the log does not hold what an obligation names.
    """
    found = []
    by_index = {one.index: one for one in known.updates}
    for obligation in known.debts:
        index = reader.find(repository, "obligation", obligation.id)
        if index is None:
            raise LogError("entry-malformed", f"the log cannot find {obligation.id} again")
        updates = _updates(obligation, known, by_index)
        debt = Debt(index, obligation, tuple(one.update for one in updates), (), {}, {})
        found.append(_with_decisions(reader, debt))
    return tuple(found)


def accounts(
    view: View, reader: LogReader, *, target: str, tip: str, now: datetime
) -> tuple[Account, ...]:
    """Return every open obligation with what meets it, as things are at the target's tip."""
    policies = compile_policies(read_judge(view, tip))
    known = known_of(reader, target)
    debts = debts_of(reader, known, repository=policies.config.repository)
    if not debts:
        return ()
    roster = build_roster(policies.people)
    retros = statements_in(view, RETRO_FOLDER)
    reviews = read_reviews(view, tip, policies.config)
    judge = Judge(view, policies, target, now)
    found = []
    for debt in debts:
        if debt.obligation.duty == "review":
            met = met_by_review(debt, reviews, roster=roster, now=now)
            if met is not None and _was_there(view, tip, debt, path=met.evidence):
                met = None
            found.append(Account(debt, met, ()))
            continue
        found.append(Account(debt, judge.met(debt, retros), judge.eligible(debt)))
    return tuple(found)


def met_events(found: Sequence[Account], *, now: datetime) -> tuple[Event, ...]:
    """Return the events that record which obligations are met."""
    return tuple(
        met_event(
            one.debt.obligation,
            index=one.debt.index,
            by=one.met.by,
            evidence=one.met.evidence,
            at=now,
        )
        for one in found
        if one.met is not None
    )


def record_met(books: Books, view: View, found: Sequence[Account], *, tip: str) -> Recorded | None:
    """Record which obligations are met, with the statements that meet them; None if none is.

    `tip` is that of the target. Raises as `record` does.
    """
    events = met_events(found, now=books.now)
    if not events:
        return None
    items = {item.digest: item for one in found if one.met for item in one.met.statements}
    if items:
        name, tips = books.config.repository, approval_tips(view)
        with books.reading() as reader:
            fresh = [
                item
                for digest, item in sorted(items.items())
                if reader.find(name, "approval", digest) is None
            ]
        roster = build_roster(compile_policies(read_judge(view, tip)).people)
        kept = copied(
            fresh, repository=name, roster=roster, tip=tips[0] if tips else tip, now=books.now
        )
        events = (*(copy_event(one) for one in kept), *events)
    return books.write(events)


def met_by_review(
    debt: Debt, reviews: Mapping[str, ChangeReview], *, roster: Roster, now: datetime
) -> Met | None:
    """Return the review that meets an obligation: of its change, later than what it is about.

    One that says it was made at a time to come may have been written before anything happened.
    """
    for path, review in sorted(reviews.items()):
        said = review.metadata
        person = roster.persons.get(said.reviewer)
        if (
            said.change == debt.obligation.change
            and debt.obligation.opened_at <= said.reviewed_at <= now + AHEAD
            and person is not None
            and person.kind == "human"
        ):
            return Met(said.reviewer, path)
    return None


def _was_there(view: View, tip: str, debt: Debt, *, path: str) -> bool:
    """Tell whether a review came as it is with what it is about, so that it says nothing of it."""
    now = {entry.oid for entry in ls_tree(view, tip, [path])}
    return any(
        entry.oid in now for update in debt.updates for entry in ls_tree(view, update.after, [path])
    )


def read_reviews(view: View, tip: str, config: Config) -> dict[str, ChangeReview]:
    """Return the reviews on the target by path; what cannot be read as one is none."""
    folder = config.locations.reviews
    wanted = [
        entry
        for entry in ls_tree(view, tip, [folder])
        if entry.is_file and _PATH.fullmatch(entry.path.removeprefix(f"{folder}/"))
    ]
    found = {}
    for entry in wanted:
        try:
            (source,) = read_sources(view, [entry], limit=MOST_BYTES)
        except GateError:
            continue
        review = read_text(source.text, source.path, ChangeReview)
        name = entry.path.rpartition("/")[2].rpartition(".")[0]
        if isinstance(review, ChangeReview) and review.metadata.change == name:
            found[source.path] = review
    return found


class Judge:
    """Judges approvals after the fact; holds what all of them are judged by."""

    def __init__(self, view: View, policies: PolicySet, target: str, now: datetime) -> None:
        self._view = view
        self._config = policies.config
        self._catalogue = policies.services
        self._roster = build_roster(policies.people)
        self._target = target
        self._now = now

    def eligible(self, debt: Debt) -> tuple[str, ...]:
        """Return who could still approve after the fact.

        Where nobody was passed over, because it was a freeze or a window that was, somebody who
        may override it will do as well.
        """
        may = {who for one in self._demands(debt) for who in one.eligible}
        terms = self._config.override
        if terms is not None and self._settled(debt, debt.approvals):
            may |= self._bending(debt, terms)
        return tuple(sorted(may - debt.barred.keys()))

    def _bending(self, debt: Debt, terms: Override) -> frozenset[str]:
        """Return who may override what it is about: for every service, for all where it has none.

        As at the gates: whoever could not have overridden it settles nothing in that role.
        """
        return frozenset.intersection(
            *(
                frozenset(self._roster.holders(terms.role, service=name, now=self._now))
                for name in {*_services(debt), *self._touched(debt)}
            )
        )

    def _touched(self, debt: Debt) -> frozenset[str]:
        """Return for what a role is held by who answers for what landed; see `answerable`."""
        if not debt.updates:
            return frozenset(debt.obligation.services) or frozenset({NO_SERVICE})
        try:
            paths = [
                path
                for update in debt.updates
                for path in survey(self._diff(update), self._config).governed
            ]
        except GateError:
            return frozenset({NO_SERVICE})
        return answerable(paths, self._catalogue)

    def met(self, debt: Debt, retros: Sequence[StatementFact]) -> Met | None:
        """Return what meets an obligation: enough people who may, for each update."""
        mine: dict[str, StatementFact] = {}
        people: list[set[str]] = []
        for update in debt.updates:
            content = self._content(update)
            said = {
                who: item
                for item in retros
                if (who := self._signer(item, debt, update, content)) is not None
            }
            mine |= said
            people.append(set(said))
        both = set.intersection(*people) if people else set()
        if not both:
            return None
        roles = {who: self._roles(who, debt) for who in sorted(both)}
        if not self._settled(debt, {**debt.approvals, **roles}):
            return None
        last = max(both)
        return Met(last, mine[last].digest, tuple(mine[who] for who in sorted(both)))

    def _settled(self, debt: Debt, approvals: Mapping[str, frozenset[str]]) -> bool:
        """Tell whether these approvals are all that was asked for."""
        states = settle(self._demands(debt), approvals, side="target").states
        return all(state.state == "SATISFIED" for state in states)

    def why_not(self, debt: Debt, person: str) -> str:
        """Return why somebody cannot approve after the fact; nothing if they can."""
        known = self._roster.persons.get(person)
        if known is None or known.kind != "human":
            return f"{person} is no human of people.yaml"
        if person in debt.barred:
            return f"{person}: {debt.barred[person]}"
        if person not in self.eligible(debt):
            roles = ", ".join(sorted({one.role for one in self._demands(debt)}))
            all_of_them = NO_SERVICE in self._touched(debt)
            where = "all services" if all_of_them else ", ".join(_services(debt))
            return f"{person} holds none of the roles that were passed over: {roles}, for {where}"
        return ""

    def content_of(self, update: RefUpdate) -> str:
        """Return the content digest of what an update changed on the target."""
        content = self._content(update)
        if content is None:
            raise GateError("history-gone", f"{update.after[:12]} is no longer here")
        return content

    def _content(self, update: RefUpdate) -> str | None:
        try:
            return content_digest(self._diff(update))
        except GateError:
            return None

    def _diff(self, update: RefUpdate) -> tuple[DiffEntry, ...]:
        trees = (tree_id(self._view, one) for one in (update.before, update.after))
        return raw_diff(self._view, *trees)

    def _signer(
        self, item: StatementFact, debt: Debt, update: RefUpdate, content: str | None
    ) -> str | None:
        said = item.retro
        if item.status != "good" or said is None or content is None:
            return None
        person = self._roster.by_key.get(item.fingerprint or "")
        wanted = (
            self._config.repository, self._target, debt.obligation.change,
            update.before, update.after, content,
        )  # fmt: skip
        bound = (
            said.repository, said.target, said.change, said.before, said.after, said.content,
        )  # fmt: skip
        if person is None or person.id != said.signer or bound != wanted:
            return None
        if said.issued_at < debt.obligation.opened_at or said.issued_at > self._now + AHEAD:
            return None
        return None if self.why_not(debt, person.id) else person.id

    def _roles(self, person: str, debt: Debt) -> frozenset[str]:
        wanted = {one.role for one in self._demands(debt)}
        held = {role for role in wanted if self._roster.holds(person, role, now=self._now)}
        return frozenset(held)

    def _demands(self, debt: Debt) -> tuple[Demand, ...]:
        """Return what was asked for at the merge gate; else one who may override, but another."""
        if debt.requirements:
            return tuple(
                self._demand(debt, one.role, one.service, one) for one in debt.requirements
            )
        terms = self._config.override
        if terms is None:
            return (self._demand(debt, PEER, None, None),)
        left = self._bending(debt, terms)
        bare = self._demand(debt, terms.role, None, None)
        eligible = bare.eligible & left
        return (replace(bare, holders=left, eligible=eligible, by_role={terms.role: eligible}),)

    def _demand(
        self, debt: Debt, role: str, service: str | None, state: RequirementState | None
    ) -> Demand:
        # Whoever holds the role for a part of this change only answers for no more, as at the gate.
        about = self._touched(debt) if service is None else (service,)
        holders = frozenset.intersection(
            *(frozenset(self._roster.holders(role, service=name, now=self._now)) for name in about)
        )
        eligible = holders - debt.barred.keys()
        return Demand(
            id=state.id if state else "retro-approval",
            policy=state.policy if state else "",
            role=role,
            service=service,
            needed=state.needed if state else 1,
            min=state.min if state else 1,
            percent=state.percent if state else None,
            distinct=state.distinct if state else True,
            holders=holders,
            eligible=eligible | (debt.approvals.keys() & holders),
            by_role={role: eligible | (debt.approvals.keys() & holders)},
        )


def _services(debt: Debt) -> tuple[str, ...]:
    """Return the services that what is owed for touched."""
    touched = (name for one in debt.updates for name in one.services)
    return tuple(sorted({*debt.obligation.services, *touched}))


def judge_of(view: View, *, target: str, tip: str, now: datetime) -> Judge:
    """Return what judges approvals after the fact by the policies at the target's tip."""
    policies = compile_policies(read_judge(view, tip))
    return Judge(view, policies, target, now)


def _updates(
    obligation: Obligation, known: Known, by_index: Mapping[int, Landed]
) -> tuple[Landed, ...]:
    """Return the update that an obligation comes from, or the last one of its change."""
    own = by_index.get(obligation.source)
    if own is not None:
        return (own,)
    name = obligation.change
    mine = [one for one in known.updates if name in one.update.changes or name == one.update.after]
    return tuple(mine[-1:])


def _with_decisions(reader: LogReader, debt: Debt) -> Debt:
    """Add what the decisions behind an obligation say: requirements, approvals, who took part."""
    barred: dict[str, str] = {debt.obligation.owner: "owes it"}
    approvals: dict[str, frozenset[str]] = {}
    requirements: tuple[RequirementState, ...] = ()
    cause = reader.entry(debt.obligation.source)
    indices = [one.decision for one in debt.updates if one.decision is not None]
    if cause.kind == "release-record" and isinstance(cause.predicate.get("decision"), int):
        indices.append(cause.predicate["decision"])
    for index in indices:
        statement = reader.entry(index).statement or {}
        merge = decision_of(statement)
        if merge is not None:
            decision = merge[0]
            barred |= {one.person: "took part in the change" for one in decision.contributors}
            for change in decision.changes:
                barred[change.requester] = "asked for the change"
                if change.id != debt.obligation.change:
                    continue
                requirements = tuple(one for one in change.requirements if one.side == "target")
                approvals |= {
                    entry.person: frozenset(entry.roles)
                    for entry in change.ledger
                    if entry.counted and entry.verdict == "approve" and entry.person
                }
                barred |= dict.fromkeys(approvals, "approved it before")
            entries = [(one.person, one.counted) for one in decision.overrides]
        else:
            deploy = deploy_of(statement)
            entries = [(one.person, one.counted) for one in deploy.overrides] if deploy else []
        barred |= {who: "overrode it" for who, counted in entries if who and counted}
    return Debt(debt.index, debt.obligation, debt.updates, requirements, approvals, barred)
