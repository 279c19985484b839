"""Break-glass in the world of the cases: Carol and Dave, the change authority, may override."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from itil_gate.model.statement import OverridePredicate
from itil_gate.release.signing_desk import sign_statement
from itil_gate.signing.statement import override_statement
from support.world import CHG, CONFIG

if TYPE_CHECKING:
    from itil_gate.model.decision import Decision, OverrideEntry
    from itil_gate.release.signing_desk import Filed
    from support.world import World

REPOSITORY = "example.com/acme/payments"
GLASS = f"{CONFIG}override: {{role: change-authority}}\n"
"""The configuration with break-glass switched on."""
STRICT = f"{CONFIG}override: {{role: change-authority, ownChanges: false}}\n"


def switch_on(world: World, config: str = GLASS) -> None:
    """Let main say who may override."""
    world.on_main({"itil-gate.yaml": config})


def signed(world: World, by: str, **edits: object) -> Filed:
    """Return an override of what feature proposes, for an hour; `edits` change the predicate."""
    said: dict[str, object] = {
        "repository": REPOSITORY,
        "target": "refs/heads/main",
        "stage": "merge",
        "changes": (CHG,),
        "head": edits["head"] if "head" in edits else world.repo.tip("feature"),
        "reason": "Payments are down.",
        "incident": "INC-42",
        "signer": by,
        "issued_at": world.now,
        "expires_at": world.now + timedelta(hours=1),
    }
    predicate = OverridePredicate.model_validate(said | edits, by_name=True)
    key = str(world.person(by).key)
    return sign_statement(override_statement(predicate), key=key, interactive=False)


def override(world: World, by: str = "carol", **edits: object) -> Filed:
    """Let somebody override; see `signed`."""
    filed = signed(world, by, **edits)
    world.file(filed)
    return filed


def heard(decision: Decision) -> OverrideEntry:
    """Return the one override of a decision."""
    (entry,) = decision.overrides
    return entry


def stands(decision: Decision) -> OverrideEntry:
    """Assert that the one override stands in; return its entry."""
    entry = heard(decision)
    assert (decision.outcome, entry.counted, entry.code) == ("overridden", True, "overrides")
    return entry


def refused(decision: Decision, code: str) -> OverrideEntry:
    """Assert that the one override does not count, with this code, and bends nothing."""
    entry = heard(decision)
    assert (entry.counted, entry.code) == (False, code), entry
    assert decision.outcome in ("deny", "pending")
    states = [*decision.rules, *(rule for one in decision.changes for rule in one.rules)]
    assert not [state.rule for state in states if state.state == "OVERRIDDEN"]
    return entry
