"""Whether requirements can be met at all, and what happens when any one person is the author.

Asked of a policy set before any change is, with the very functions that judge changes: who holds
a role, who is excluded, how people are distributed. Facts of a real change are never guessed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide.calendars import expand
from itil_gate.decide.contributors import Contributors
from itil_gate.decide.coverage import NO_SERVICE
from itil_gate.decide.intervals import HORIZON
from itil_gate.decide.lane import LANES
from itil_gate.decide.requirements import can_speak, demands, review_host, settle
from itil_gate.decide.roster import build_roster
from itil_gate.model.base import LEVELS
from itil_gate.model.calendar import Interval
from itil_gate.model.change import ChangeMetadata, ChangeRequest, ChangeSpec
from itil_gate.model.decision import Contributor
from itil_gate.model.errors import ConfigError, GateError
from itil_gate.model.finding import Finding
from itil_gate.model.frozen import frozen
from itil_gate.policy.lint import requirement_place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from itil_gate.decide.requirements import Demand
    from itil_gate.decide.roster import Roster
    from itil_gate.model.base import Level
    from itil_gate.model.policy import PolicySet
    from itil_gate.reading.document import Document

NOBODY = "nobody"
ELSEWHERE = "files of no service"
"""Stands among services for files that belong to none, where others answer for those."""
_NO_SERVICE = "service"


@frozen
class Obstacle:
    """What cannot be met when a certain person is the author."""

    author: str | None
    """Person id; None where nobody need be excluded for it to fail."""
    demands: tuple[Demand, ...]


@frozen
class Prospect:
    """How a level stands for services that the same people answer for."""

    level: Level
    services: tuple[str, ...]
    """Sorted names, or ELSEWHERE; empty where the catalogue holds no service."""
    demands: tuple[Demand, ...]
    """What is asked when a stranger is the author; empty where nothing applies to the level."""
    obstacles: tuple[Obstacle, ...]

    @property
    def possible(self) -> bool:
        """Whether anybody's change of this level can be approved."""
        return bool(self.demands) and all(one.author is not None for one in self.obstacles)

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The people whose own changes nobody is left to approve, sorted."""
        return tuple(sorted(one.author for one in self.obstacles if one.author is not None))


def survey_prospects(
    policies: PolicySet, *, now: datetime, unable: Collection[str] = ()
) -> tuple[Prospect, ...]:
    """Return how every level stands for every service, services of equal standing together.

    `unable` are people who cannot approve whoever the author is, such as those without a key; where
    reviews count, those of them without a key who have an account on the forge can.
    Only people whose exclusion can matter are tried as authors: a requirement with more holders
    than all requirements together need stays satisfiable without any one of them (Hall 1935).
    """
    roster = build_roster(policies.people)
    return tuple(
        _prospect(
            policies,
            roster,
            level=level,
            services=services,
            now=now,
            unable=frozenset(unable) - _reviewers(policies, level=level),
        )
        for level in LEVELS
        for services in _alike(policies, roster, level=level, now=now)
    )


def _reviewers(policies: PolicySet, *, level: Level) -> frozenset[str]:
    """Return the people without a key who can approve a change of a level all the same."""
    host = review_host(policies, level=level)
    if host is None:
        return frozenset()
    return frozenset(
        one.id for one in policies.people.persons if not one.keys and can_speak(one, host=host)
    )


def prospect_findings(
    policies: PolicySet, documents: Sequence[Document], *, now: datetime
) -> tuple[Finding, ...]:
    """Return a finding for each requirement that some author's change could never meet.

    `documents` are the policy documents of the set, so that findings can name a place.
    """
    stuck: dict[tuple[str, str], list[tuple[Prospect, Obstacle, Demand]]] = {}
    for prospect in survey_prospects(policies, now=now):
        for obstacle in prospect.obstacles:
            for demand in obstacle.demands:
                stuck.setdefault((demand.policy, demand.id), []).append(
                    (prospect, obstacle, demand)
                )
    return tuple(
        Finding(
            rule="unsatisfiable-requirement",
            message=_stuck_message(cases),
            remedy="name more people in the role in people.yaml, or give the requirement a "
            "fallback role",
            place=requirement_place(documents, policy, requirement),
        )
        for (policy, requirement), cases in stuck.items()
    )


def calendar_findings(policies: PolicySet, *, now: datetime) -> tuple[Finding, ...]:
    """Return what keeps the freezes and windows of the next 90 days from being worked out."""
    ahead = Interval(start=now, end=now + HORIZON)
    try:
        expand(policies.calendars, policies.calendar_texts, within=ahead)
    except ConfigError as error:
        if error.findings:
            return error.findings
        return (_unreadable(error),)
    except GateError as error:
        if error.code != "calendar-too-large":
            raise
        return (_unreadable(error),)
    return ()


def _unreadable(error: GateError) -> Finding:
    return Finding(rule="calendar-invalid", message=error.message, remedy=error.hint)


def _stuck_message(cases: Sequence[tuple[Prospect, Obstacle, Demand]]) -> str:
    demand = cases[0][2]
    levels = [level for level in LEVELS if any(one.level == level for one, _, _ in cases)]
    authors = sorted({one.author for _, one, _ in cases if one.author is not None})
    services = sorted(
        {
            name
            for one, _, each in cases
            if each.service or one.services == (ELSEWHERE,)
            for name in one.services
        }
    )
    about = f" for {some(services)}" if services else ""
    whose = f"changes by {some(authors)}" if authors else "anybody's changes"
    if any(one.author is None for _, one, _ in cases):
        whose = "anybody's changes"
    return (
        f"{demand.id} needs {demand.needed} {demand.role}{about}, and at {' and '.join(levels)} "
        f"risk too few people are left to approve {whose}"
    )


def some(names: Sequence[str], *, most: int = 5) -> str:
    """Return a few names and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _alike(
    policies: PolicySet, roster: Roster, *, level: Level, now: datetime
) -> Iterable[tuple[str, ...]]:
    """Group services for which the same people hold the roles that are asked."""
    roles = {
        role
        for policy in policies.approvals
        for requirement in policy.spec.requirements
        if level in requirement.levels
        for role in (requirement.role, requirement.fallback)
        if role is not None
    }
    groups: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for service in sorted(policies.services, key=lambda item: item.name):
        key = tuple(roster.holders(role, service=service.name, now=now) for role in sorted(roles))
        groups.setdefault(key, []).append(service.name)
    if not groups:
        return [()]
    # The policies themselves belong to no service, as a rule, so that somebody has to answer there.
    whole = [
        requirement.role
        for policy in policies.approvals
        for requirement in policy.spec.requirements
        if level in requirement.levels and requirement.of == "anyone"
    ]
    same = any(
        all(
            roster.holders(role, service=names[0], now=now)
            == roster.holders(role, service=NO_SERVICE, now=now)
            for role in whole
        )
        for names in groups.values()
    )
    return [*map(tuple, groups.values()), *([] if same else [(ELSEWHERE,)])]


def _prospect(
    policies: PolicySet,
    roster: Roster,
    *,
    level: Level,
    services: tuple[str, ...],
    now: datetime,
    unable: Collection[str],
) -> Prospect:
    service = services[0] if services else _NO_SERVICE
    elsewhere = services == (ELSEWHERE,)
    if elsewhere:
        service = _NO_SERVICE

    def wanted(author: str | None) -> tuple[Demand, ...]:
        return demands(
            policies.approvals,
            change=_change_by(author or NOBODY, service),
            level=level,
            footprint=() if elsewhere else (service,),
            touched=(NO_SERVICE if elsewhere else service,),
            roster=roster,
            contributors=_barring(author, unable),
            now=now,
            lane=LANES[level],
            # A condition may hold for some change, so it must be possible to meet what it asks.
            holds=lambda _policy, _requirement: True,
            on_paper=True,
        )

    usual = wanted(None)
    missing = settle(usual, {}, side="target").impossible
    if missing:
        return Prospect(level, services, usual, (Obstacle(None, missing),))
    obstacles = []
    total = sum(demand.needed for demand in usual)
    groups = _role_holders(policies, roster, level=level, service=service, now=now)
    able = [holders - set(unable) for holders in groups]
    scarce = [holders for holders in able if len(holders) <= total]
    for author in sorted(frozenset().union(*scarce)):
        missing = settle(wanted(author), {}, side="target").impossible
        if missing:
            obstacles.append(Obstacle(author, missing))
    return Prospect(level, services, usual, tuple(obstacles))


def _role_holders(
    policies: PolicySet, roster: Roster, *, level: Level, service: str, now: datetime
) -> list[frozenset[str]]:
    """Return who holds each role, fallbacks too, that the requirements of a level ask for."""
    return [
        frozenset(roster.holders(role, service=service, now=now))
        for policy in policies.approvals
        for requirement in policy.spec.requirements
        if level in requirement.levels
        for role in (requirement.role, requirement.fallback)
        if role is not None
    ]


def _change_by(author: str, service: str) -> ChangeRequest:
    return ChangeRequest(
        api_version="itil-gate/v1",
        kind="ChangeRequest",
        metadata=ChangeMetadata(id="CHG-2000-00000000", title="any change", requester=author),
        spec=ChangeSpec(
            type="normal", services=(service,), environments=("any",), scope=("**",), reason="any"
        ),
    )


def _barring(author: str | None, unable: Collection[str]) -> Contributors:
    reasons = dict.fromkeys(unable, "cannot sign") | ({author: "author"} if author else {})
    return Contributors(
        people=tuple(
            Contributor(person=person, reasons=(reason,), proved=True)
            for person, reason in sorted(reasons.items())
        ),
        unattributable=(),
        unproved=(),
        by_agent=False,
    )
