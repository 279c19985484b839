"""Break-glass at the deploy gate: which overrides bind this commit in this environment.

An override covers a piece of the target's history if it names every change of it, or if all paths
that the piece changes lie in its scope. A piece that nobody recorded has no changes to name. The
role must be held for every service whose paths change, and where nobody authorised a piece, for all
services if paths of none change. Whoever made a commit of a piece took part in it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from itil_gate.decide.contributors import parts_in
from itil_gate.decide.coverage import NO_SERVICE, services_of, survey, unowned
from itil_gate.decide.deploy import UNBENDING
from itil_gate.decide.override import Glass, hear, scope_of
from itil_gate.decide.roster import build_roster
from itil_gate.gather.inputs import commit_fact
from itil_gate.gather.landing import holds
from itil_gate.gather.statements import approval_tips, list_statements, overrides_for
from itil_gate.git.diff import raw_diff
from itil_gate.git.history import commits_between
from itil_gate.git.tree import tree_id
from itil_gate.model.frozen import frozen
from itil_gate.model.record import Copied, Overriding
from itil_gate.release.signing_desk import held_roles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from itil_gate.decide.deploy_facts import DeployFacts, DeployFindings
    from itil_gate.decide.roster import Roster
    from itil_gate.git.view import View
    from itil_gate.model.facts import CommitFact, DiffEntry, StatementFact
    from itil_gate.model.policy import PolicySet
    from itil_gate.model.record import DeployDecision, RefUpdate
    from itil_gate.model.statement import OverridePredicate


AUTHORISED = frozenset({"authorised", "overridden"})
"""How an update stands whose head somebody let in."""


def overrides_of(view: View, commit: str) -> tuple[StatementFact, ...]:
    """Return the override statements on the approvals branch that name a commit."""
    return overrides_for(view, list_statements(view, approval_tips(view)), [commit])


def hear_release(
    view: View,
    statements: Sequence[StatementFact],
    *,
    facts: DeployFacts,
    found: DeployFindings,
    policies: PolicySet,
    target: str,
) -> tuple[Overriding, ...]:
    """Return an entry for every override that names the commit; those counted stand in."""
    attempt = facts.attempt
    pieces = _pieces(view, facts, found)
    asking = {
        person: part
        for request in facts.requests
        for part, person in (
            ("implementer", request.spec.implementer),
            ("requester", request.metadata.requester),
        )
        if person is not None
    }
    roster = build_roster(policies.people)

    @cache
    def parts() -> dict[str, tuple[str, ...]]:
        return parts_in(_commits(view, pieces), roster)

    def part(person: str) -> tuple[str, ...]:
        asks = (asking[person],) if person in asking else ()
        return (*asks, *parts().get(person, ()))

    entries = hear(
        statements,
        Glass(
            stage="deploy",
            bound=(attempt.commit, attempt.environment),
            repository=policies.config.repository,
            target=target,
            now=attempt.now,
            terms=policies.config.override,
            roster=roster,
            part=part,
            services=tuple(sorted({name for one in pieces for name in _services(one, policies)})),
            changes=frozenset(found.changes),
            uncovered=lambda said: _uncovered(said, pieces),
            unbending=tuple(one.rule for one in found.failed if one.rule in UNBENDING),
            failing=bool(found.failed),
        ),
    )
    return tuple(Overriding(**entry.__dict__) for entry in entries)


def with_overrides(decision: DeployDecision, entries: Sequence[Overriding]) -> DeployDecision:
    """Return a denied decision with what its overrides make of it; never `allow`."""
    heard = decision.model_copy(update={"overrides": tuple(entries)})
    standing = next((entry.digest for entry in entries if entry.counted), None)
    if standing is None or decision.outcome != "deny":
        return heard
    reasons = tuple(
        one if one.passed else one.model_copy(update={"overridden": True})
        for one in decision.reasons
    )
    return heard.model_copy(
        update={"outcome": "overridden", "override": standing, "reasons": reasons}
    )


def copied(
    statements: Sequence[StatementFact], *, repository: str, roster: Roster, tip: str, now: datetime
) -> tuple[Copied, ...]:
    """Return the good ones of these statements as the log keeps them.

    `tip` is that of the approvals branch. Roles are those that the signer holds at `now`.
    """
    found = []
    for item in statements:
        if item.status != "good":
            continue
        person = roster.by_key.get(item.fingerprint or "")
        found.append(
            Copied(
                repository=repository,
                statement=item.digest,
                path=item.path,
                text=item.text,
                fingerprint=item.fingerprint,
                person=person.id if person else None,
                roles=held_roles(roster, person, now=now) if person else (),
                tip=tip,
                recorded_at=now,
            )
        )
    return tuple(found)


@frozen
class Piece:
    """A piece of history: its changes, what differs, where it begins and ends.

    `head` is what was authorised to land, None where nothing was; `services` are those it names.
    """

    changes: tuple[str, ...]
    diff: tuple[DiffEntry, ...]
    before: str
    after: str
    head: str | None
    services: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that it changes."""
        return tuple(entry.path for entry in self.diff)


def _pieces(view: View, facts: DeployFacts, found: DeployFindings) -> tuple[Piece, ...]:
    def piece(before: str, after: str, update: RefUpdate | None = None) -> Piece:
        return Piece(
            changes=update.changes if update else (),
            diff=raw_diff(view, tree_id(view, before), tree_id(view, after)),
            before=before,
            after=after,
            head=update.head if update and update.standing in AUTHORISED else None,
            services=update.services if update else (),
        )

    tiles = [one.update for one in facts.updates if one.index in found.updates]
    return (
        *(piece(one.before, one.after, one) for one in tiles),
        *(piece(before, after) for before, after in found.gaps),
    )


def _services(piece: Piece, policies: PolicySet) -> set[str]:
    """Return the services for which a role must be held to bend the rules for a piece."""
    governed = survey(piece.diff, policies.config).governed
    found = {*piece.services, *services_of(governed, policies.services)}
    if piece.head is None and unowned(governed, policies.services):
        found.add(NO_SERVICE)
    return found


def _commits(view: View, pieces: Sequence[Piece]) -> tuple[CommitFact, ...]:
    """Return the commits of these pieces, but for the merges by which authorised ones landed."""
    found: dict[str, CommitFact] = {}
    for piece in pieces:
        head = piece.head if piece.head and holds(view, piece.head) else piece.after
        for commit in commits_between(view, piece.before, head):
            found[commit.id] = commit_fact(view, commit, piece.before)
    return tuple(found.values())


def _uncovered(said: OverridePredicate, pieces: Sequence[Piece]) -> tuple[str, ...]:
    """Return the changes, or the commits without one, that an override does not cover."""
    own = scope_of(said)
    missing: list[str] = []
    for piece in pieces:
        bare = [name for name in piece.changes if name not in said.changes]
        if piece.changes and not bare:
            continue
        if not piece.paths or not all(own(path) for path in piece.paths):
            missing += bare or [piece.after[:12]]
    return tuple(dict.fromkeys(missing))
