"""Break-glass at the deploy gate: which overrides bind this commit in this environment.

An override covers a piece of the target's history if it names every change of it, or if all paths
that the piece changes lie in its scope. A piece that nobody recorded has no changes to name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide.deploy import UNBENDING
from itil_gate.decide.override import Glass, hear, scope_of
from itil_gate.decide.roster import build_roster
from itil_gate.gather.statements import approval_tips, list_statements, overrides_for
from itil_gate.git.diff import raw_diff
from itil_gate.git.tree import tree_id
from itil_gate.model.record import Copied, Overriding
from itil_gate.release.signing_desk import held_roles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from itil_gate.decide.deploy_facts import DeployFacts, DeployFindings
    from itil_gate.decide.roster import Roster
    from itil_gate.git.view import View
    from itil_gate.model.facts import StatementFact
    from itil_gate.model.policy import PolicySet
    from itil_gate.model.record import DeployDecision
    from itil_gate.model.statement import OverridePredicate


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
    touched = [one.update for one in facts.updates if one.index in found.updates]
    entries = hear(
        statements,
        Glass(
            stage="deploy",
            bound=(attempt.commit, attempt.environment),
            repository=policies.config.repository,
            target=target,
            now=attempt.now,
            terms=policies.config.override,
            roster=build_roster(policies.people),
            part=lambda person: (asking[person],) if person in asking else (),
            services=tuple(sorted({name for one in touched for name in one.services})),
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


Piece = tuple[tuple[str, ...], tuple[str, ...], str]
"""The changes of a piece of history, the paths it changes, and the commit where it ends."""


def _pieces(view: View, facts: DeployFacts, found: DeployFindings) -> tuple[Piece, ...]:
    tiles = [one.update for one in facts.updates if one.index in found.updates]
    ends = [(one.changes, one.before, one.after) for one in tiles]
    ends += [((), before, after) for before, after in found.gaps]
    return tuple(
        (
            changes,
            tuple(entry.path for entry in raw_diff(view, *(tree_id(view, c) for c in span))),
            span[1],
        )
        for changes, *span in ends
    )


def _uncovered(said: OverridePredicate, pieces: Sequence[Piece]) -> tuple[str, ...]:
    """Return the changes, or the commits without one, that an override does not cover."""
    own = scope_of(said)
    missing: list[str] = []
    for changes, paths, after in pieces:
        bare = [name for name in changes if name not in said.changes]
        if changes and not bare:
            continue
        if not paths or not all(own(path) for path in paths):
            missing += bare or [after[:12]]
    return tuple(dict.fromkeys(missing))
