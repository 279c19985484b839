"""A no stays a no, and an exception is for what it names: under other names and in other hands."""

from __future__ import annotations

import pytest
from support.rules import rule, rule_set, waiver
from support.world import CHG, OTHER, World, broken, findings

TEXTS = """\
apiVersion: itil-gate/v1
kind: ChangeModel
metadata: {name: text, owner: change-authority, reviewBy: 2027-01-01}
spec:
  type: standard
  description: Texts that users read.
  paths: ["src/texts/**"]
  limits: {files: 2, environments: [production], risk: low}
  recognise: true
  expires: 2026-12-31
"""
BY_ALICE = "Co-authored-by: Alice <alice@example.com>"


def rejected(world: World) -> None:
    """Let Carol reject what Bob asks for."""
    world.on_main({"policies/text.yaml": TEXTS})
    world.propose({"src/texts/a": "buy\n"}, by="bob")
    world.reject("carol")


def again(world: World, files: dict[str, str | bytes]) -> None:
    """Let Bob do nearly the same on a branch of its own, and name Alice as helping."""
    world.repo.checkout("again", create=True, at="main")
    world.commit(files, by="bob", trailers=[BY_ALICE])


def test_what_was_rejected_is_not_recognised_for_somebody_who_helped(world: World) -> None:
    rejected(world)
    again(world, {"src/texts/a": "buy now\n"})
    decision = world.check("again")
    assert decision.changes[0].requester == "alice"
    assert decision.outcome == "deny"
    assert "open-rejection" in broken(decision)


def test_what_was_rejected_does_not_come_back_in_a_colleagues_name(world: World) -> None:
    rejected(world)
    world.repo.checkout("again", create=True, at="main")
    world.propose({"src/texts/a": "buy now\n"}, by="bob", branch="again", change=OTHER)
    file = f"changes/2026/{OTHER}.yaml"
    text = (world.repo.path / file).read_text().replace("requester: bob", "requester: erin")
    world.commit({file: text}, by="bob")
    decision = world.check("again")
    assert decision.changes[0].requester == "erin"
    assert "open-rejection" in broken(decision)


def test_somebody_elses_work_on_the_same_paths_is_not_rejected_with_it(world: World) -> None:
    rejected(world)
    world.repo.checkout("again", create=True, at="main")
    world.commit({"src/texts/a": "leave\n"}, by="erin")
    assert world.check("again").outcome == "allow"


def test_a_waiver_for_some_paths_is_not_lost_over_the_request_itself(world: World) -> None:
    world.on_main(
        {
            "policies/house.yaml": rule_set(rule("diff.files < 0")),
            "policies/once.yaml": waiver().replace(
                f"{{change: {CHG}}}", f'{{change: {CHG}, paths: ["src/**"]}}'
            ),
        }
    )
    world.propose()
    world.approve("erin")
    assert world.check().outcome == "allow"
    world.commit({"deploy/app.yaml": "replicas: 4\n"})
    assert findings(world.check(), "house-rule")[0].effect == "deny"


@pytest.mark.parametrize("part", ["requester", "implementer"])
def test_what_an_agent_asks_for_or_carries_out_is_seen_by_a_human(world: World, part: str) -> None:
    world.on_main({"policies/text.yaml": TEXTS})
    extra = "  implementer: helper\n" if part == "implementer" else ""
    world.propose({"src/texts/a": "buy\n"}, kind="standard", model="text", extra=extra)
    if part == "requester":
        file = f"changes/2026/{CHG}.yaml"
        text = (world.repo.path / file).read_text()
        world.commit({file: text.replace("requester: alice", "requester: helper")})
    decision = world.check()
    assert decision.changes[0].lane == "express"
    assert decision.outcome == "pending"
    (asked,) = decision.changes[0].requirements
    assert asked.id == "agent-contributor"
    assert "bob" not in asked.eligible
