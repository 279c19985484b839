"""What must be approved by whom, how far that is met, and who could still act.

Requirements of all policies are added up. People who contributed never count, neither towards a
requirement nor towards the hope of meeting it: what nobody is left to meet is a refusal. Nor does
anybody answer for what they do not hold the role for: what a request names beside what it changes
asks for more, and chooses nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from itil_gate.decide.coverage import NO_SERVICE
from itil_gate.decide.lane import UNASKED
from itil_gate.decide.ledger import exclusions
from itil_gate.decide.matching import Need, match
from itil_gate.model.decision import RequirementState
from itil_gate.model.frozen import frozen
from itil_gate.model.people import PEER
from itil_gate.model.policy import CARRY_OVERS, Counting
from itil_gate.model.statement import BoundRequirement
from itil_gate.reading.times import length

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from itil_gate.decide.contributors import Contributors
    from itil_gate.decide.roster import Roster
    from itil_gate.model.base import Level
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.decision import RuleOutcome, Side
    from itil_gate.model.people import Person
    from itil_gate.model.policy import ApprovalPolicy, Lane, PolicySet, Requirement

UNPROVED_ID = "unproved-contributor"
AGENT_ID = "agent-contributor"


@dataclass(frozen=True)
class Demand:
    """One requirement made concrete: for one service where owners are asked."""

    id: str
    policy: str
    role: str
    service: str | None
    needed: int
    min: int | None
    percent: int | None
    distinct: bool
    holders: frozenset[str]
    """Humans who hold the role, contributors included."""
    eligible: frozenset[str]
    """Those of them, and of a fallback role where one stands in, who may approve."""
    by_role: Mapping[str, frozenset[str]]
    """Eligible people by the role in which they may approve."""
    stand_ins: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By people who have the role only because it was lent to them: who lent it."""
    built_in: bool = False
    """Whether the gate asks it by itself: nobody signs it, and it voids no earlier approval."""
    for_all: bool = False
    """Whether files that belong to no service change: then the role is held for all services."""

    def voices(self, people: Collection[str]) -> frozenset[str]:
        """Return as many of these people as count side by side, lenders before delegates.

        Whoever lends a role and whoever it is lent to are one authority, not two.
        """
        if self.stand_ins.keys().isdisjoint(people):
            return frozenset(people)
        need = self.need(people, count=len(people))
        own = match([need], [one for one in people if one not in self.stand_ins])
        return frozenset(match([need], list(people), placed=own)[need.key])

    def need(self, people: Collection[str], *, count: int | None = None) -> Need:
        """Return the need of some of these people, or of `count` if that is given."""
        wanted = self.needed if count is None else count
        return Need(self.key, wanted, frozenset(people), self.stand_ins)

    @property
    def key(self) -> str:
        """A name that is unique among the demands of one change."""
        kind = "gate" if self.built_in else "policy"
        return f"{kind}/{self.policy}/{self.id}/{self.service or ''}"

    def bound(self) -> BoundRequirement:
        """Return what an approver signs of it."""
        return BoundRequirement(
            role=self.role,
            service=self.service,
            min=self.min,
            percent=self.percent,
            distinct=self.distinct,
        )


def demands(
    policies: Sequence[ApprovalPolicy],
    *,
    change: ChangeRequest,
    level: Level,
    footprint: Sequence[str],
    touched: Collection[str],
    roster: Roster,
    contributors: Contributors,
    now: datetime,
    lane: Lane,
    holds: Callable[[str, str], bool],
    host: str | None = None,
    on_paper: bool = False,
) -> tuple[Demand, ...]:
    """Return every requirement that applies to a change of this level and lane, made concrete.

    `footprint` are the services that change or are named, each of which asks its owners; `touched`
    is that for which whoever answers for all of it must hold a role, see `answerable`.
    `holds` says of a policy's name and a requirement's id whether its condition holds; it is asked
    only where there is one. `host` is the forge whose reviews count, see `review_host`. People who
    can neither sign nor review there cannot meet a requirement; `on_paper` lets them.
    """
    barred = {person for person in roster.persons if exclusions(person, change, contributors)}
    # Anybody can write a name into a commit: a hint excludes, and opens no fallback.
    hinted = {one.person for one in contributors.people if not one.proved}
    hinted -= {change.metadata.requester, change.spec.implementer}
    if not on_paper:
        mute = {one.id for one in roster.people.persons if not can_speak(one, host=host)}
        barred, hinted = barred | mute, hinted - mute

    def concrete(
        requirement: Requirement, policy: str, service: str | None, about: Collection[str]
    ) -> Demand:
        return _concrete(
            requirement,
            policy=policy,
            service=service,
            about=sorted(about),
            roster=roster,
            barred=barred,
            hinted=hinted,
            now=now,
        )

    def asked(requirement: Requirement, policy: str) -> Iterator[Demand]:
        if requirement.of == "footprint":
            for name in sorted(footprint):
                yield concrete(requirement, policy, name, (name,))
            return
        whole = concrete(requirement, policy, None, touched)
        if len(touched) == 1 or len(whole.voices(whole.eligible)) >= whole.needed:
            yield whole
            return
        # Too few answer for all of it, so those who do for each part are asked.
        for name in sorted(touched):
            yield concrete(requirement, policy, None if name == NO_SERVICE else name, (name,))

    found = [
        demand
        for policy in policies
        for requirement in policy.spec.requirements
        if level in requirement.levels and lane in requirement.lanes
        if requirement.when is None or holds(policy.metadata.name, requirement.id)
        for demand in asked(requirement, policy.metadata.name)
    ]
    people = frozenset(roster.holders(PEER, service=None, now=now))
    more = {
        # Where nothing applies the change is refused; one approval more must not hide that.
        UNPROVED_ID: bool(found or lane in UNASKED)
        and bool(contributors.unproved)
        and level == "low",
        AGENT_ID: bool(found or lane in UNASKED)
        and (contributors.by_agent or _is_for_agent(change, roster)),
    }
    found += [
        _one_more(name, people=people, left=people - barred)
        for name, asked in more.items()
        if asked
    ]
    return tuple(found)


def review_host(policies: PolicySet, *, level: Level) -> str | None:
    """Return the host of the forge whose reviews count as approvals at a level; None if none do."""
    forge = policies.config.forge
    if forge is None or counting(policies.approvals, level=level).rank != "forge-review":
        return None
    return forge.host


def can_speak(person: Person, *, host: str | None) -> bool:
    """Tell whether somebody has a key to sign with, or an account where reviews count."""
    return bool(person.keys) or any(
        host is not None and account.forge.casefold() == host.casefold()
        for account in person.accounts
    )


def _is_for_agent(change: ChangeRequest, roster: Roster) -> bool:
    """Tell whether an agent asks for a change or carries it out, whoever made the commits."""
    named = (change.metadata.requester, change.spec.implementer)
    people = (roster.persons.get(name) for name in named if name is not None)
    return any(person is not None and person.kind == "agent" for person in people)


def _one_more(name: str, *, people: frozenset[str], left: frozenset[str]) -> Demand:
    """Return what the gate asks by itself: one human more, whoever that is."""
    return Demand(
        id=name,
        policy="built-in",
        role=PEER,
        service=None,
        needed=1,
        min=1,
        percent=None,
        distinct=True,
        holders=people,
        eligible=left,
        by_role={PEER: left},
        built_in=True,
    )


def _concrete(
    requirement: Requirement,
    *,
    policy: str,
    service: str | None,
    about: Sequence[str],
    roster: Roster,
    barred: set[str],
    hinted: set[str],
    now: datetime,
) -> Demand:
    # Whoever holds the role for other services only is a stranger to this change.
    groups = [frozenset(roster.holders(requirement.role, service=one, now=now)) for one in about]
    holders = frozenset.intersection(*groups)
    minimum = requirement.min
    if requirement.percent is not None:
        # The ceiling: 51 % of two people is two people. Fewer hold a role for more services, and
        # that makes it none the less.
        most = max(map(len, groups))
        needed = max(1, -(-requirement.percent * most // 100))
    else:
        needed = minimum = minimum or 1
    by_role = {requirement.role: holders - barred}
    if requirement.fallback is not None and len(holders - (barred - hinted)) < needed:
        others = (roster.holders(requirement.fallback, service=one, now=now) for one in about)
        by_role[requirement.fallback] = frozenset.intersection(*map(frozenset, others)) - barred
    return Demand(
        id=requirement.id,
        policy=policy,
        role=requirement.role,
        service=service,
        needed=needed,
        min=minimum,
        percent=requirement.percent,
        distinct=requirement.distinct,
        holders=holders,
        eligible=frozenset().union(*by_role.values()),
        by_role=by_role,
        stand_ins={
            person: frozenset(lenders)
            for role, people in by_role.items()
            for person in sorted(people)
            if (lenders := roster.lenders(person, role, now=now))
        },
        for_all=NO_SERVICE in about,
    )


def counting(policies: Sequence[ApprovalPolicy], *, level: Level) -> Counting:
    """Return the strictest of all ways of counting that apply to a level."""
    rules = [
        entry for policy in policies for entry in policy.spec.counting if level in entry.levels
    ]
    if not rules:
        return Counting(levels=(level,))
    return Counting(
        levels=(level,),
        rank="signed" if any(rule.rank == "signed" for rule in rules) else "forge-review",
        max_age=min((rule.max_age for rule in rules), key=length),
        carry_over=tuple(
            kind for kind in CARRY_OVERS if all(kind in rule.carry_over for rule in rules)
        ),
    )


@frozen
class Settled:
    """How far demands are met, and the smallest set of people that would meet the rest."""

    states: tuple[RequirementState, ...]
    missing: tuple[tuple[Demand, tuple[str, ...]], ...]
    """Per approval still needed: the demand, and the people any one of whom would do."""
    impossible: tuple[Demand, ...]


def settle(
    wanted: Sequence[Demand], approvals: Mapping[str, frozenset[str]], *, side: Side
) -> Settled:
    """Distribute the people who approved over the demands; k approvals are k people.

    `approvals` maps each approver to the roles they claimed and hold. Demands with
    `distinct: false` may count somebody who is counted elsewhere as well.
    """
    may = {demand.key: _counted(demand, approvals) for demand in wanted}
    eligible = {demand.key: demand.eligible for demand in wanted}
    shared = [demand for demand in wanted if not demand.distinct]
    for demand in wanted:
        if demand.built_in:
            # One human more is somebody whom nothing else rests on, shared places included.
            eligible[demand.key] = _spared(eligible[demand.key], shared, eligible)
            may[demand.key] = _spared(may[demand.key], shared, may)
    apart = [demand for demand in wanted if demand.distinct]
    people = sorted(frozenset().union(*(demand.eligible for demand in apart)) if apart else ())
    # Where both would do, who holds a role counts before those who stand in for somebody.
    delegates = frozenset().union(*(demand.stand_ins for demand in apart)) if apart else frozenset()
    needs = [demand.need(may[demand.key]) for demand in apart]
    placed = match(needs, [person for person in approvals if person not in delegates])
    placed = match(needs, list(approvals), placed=placed)
    # Among equally good ways to place those who approved, take one that leaves room for the rest.
    fitting = match(
        [
            demand.need((eligible[demand.key] - approvals.keys()) | may[demand.key])
            for demand in apart
        ],
        people,
        placed=placed,
    )
    hoped = match(
        [demand.need(eligible[demand.key] | may[demand.key]) for demand in apart],
        people,
        placed=fitting,
    )
    states: list[RequirementState] = []
    missing: list[tuple[Demand, tuple[str, ...]]] = []
    impossible: list[Demand] = []
    for demand in wanted:
        there = (
            fitting[demand.key]
            if demand.distinct
            else tuple(sorted(demand.voices(may[demand.key])))
        )
        have = tuple(person for person in there if person in approvals)
        reach = hoped[demand.key] if demand.distinct else tuple(demand.voices(demand.eligible))
        lacking = demand.needed - len(have)
        possible = len(reach) >= demand.needed
        # Whoever approved already is asked again only where nobody else is left.
        free = {
            one
            for one in eligible[demand.key].difference(have)
            if len(demand.voices({one, *have})) > len(have)
        }
        others = tuple(sorted(free - approvals.keys() or free))
        state: RuleOutcome = "SATISFIED"
        if lacking > 0:
            state = "PENDING" if possible else "UNSATISFIED"
            missing += [(demand, others)] * (lacking if possible else 0)
            impossible += [] if possible else [demand]
        states.append(
            RequirementState(
                id=demand.id,
                side=side,
                policy=demand.policy,
                role=demand.role,
                service=demand.service,
                needed=demand.needed,
                min=demand.min,
                percent=demand.percent,
                distinct=demand.distinct,
                state=state,
                counted=have,
                eligible=others,
            )
        )
    return Settled(tuple(states), tuple(missing), tuple(impossible))


def _spared(
    people: frozenset[str], shared: Sequence[Demand], pool: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """Return those without whom every shared demand has as many voices as it needs, or has now."""
    kept = set(people)
    for demand in shared:
        there = pool[demand.key]
        voices = len(demand.voices(there))
        if voices > demand.needed:  # one fewer is still enough
            continue
        kept -= {one for one in kept & there if len(demand.voices(there - {one})) < voices}
    return frozenset(kept)


def _counted(demand: Demand, approvals: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset(
        person
        for person, roles in approvals.items()
        for role, people in demand.by_role.items()
        if role in roles and person in people
    )
