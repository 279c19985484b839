"""The deciding line from end to end, before any attack: the case that all others vary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.world import CHG, broken, entry, only

if TYPE_CHECKING:
    from support.world import World


def test_a_change_without_a_request_is_denied(world: World) -> None:
    world.repo.checkout("feature", create=True)
    world.commit({"src/app.py": "print('sneaky')\n"})
    decision = world.check()
    assert decision.outcome == "deny"
    assert broken(decision) == {"uncovered-change"}


def test_a_change_waits_for_its_approval(world: World) -> None:
    world.propose()
    decision = world.check()
    assert decision.outcome == "pending"
    assert broken(decision) == {"missing-approval"}
    (step,) = decision.unblock
    assert step.who == ("bob", "carol", "dave", "erin")
    assert step.command == f"itil-gate approve {CHG} --head {decision.head}"


def test_a_signed_approval_of_a_colleague_allows_it(world: World) -> None:
    world.propose()
    world.approve("erin")
    decision = world.check()
    assert decision.outcome == "allow"
    assert entry(decision, "erin").carry_over == "exact"
    assert only(decision).lane == "peer"


def test_high_risk_needs_the_owner_and_the_authority(world: World) -> None:
    world.propose({"db/schema.sql": "drop table t;\n"})
    world.approve("bob")
    assert world.check().outcome == "pending"
    world.approve("carol")
    decision = world.check()
    assert decision.outcome == "allow"
    assert only(decision).risk.level == "high"
    assert only(decision).lane == "board"
