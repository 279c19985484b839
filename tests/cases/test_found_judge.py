"""Whoever proposes another judge is judged by the old one and by the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.casting import listed, requiring, set_requirements
from support.world import (
    APPROVALS,
    CONFIG,
    MACHINES,
    RISK,
    ROLES,
    broken,
    entry,
    findings,
    only,
    people_file,
    stranger,
)

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

    from itil_gate.model.decision import Decision

EVERYTHING = '"**"'


def counted(decision: Decision, side: str) -> dict[str, tuple[str, ...]]:
    """Return who counts towards which requirement under one of the two sets."""
    return {one.id: one.counted for one in only(decision).requirements if one.side == side}


def sides(decision: Decision, rule: str) -> dict[str, str]:
    """Return the state of a rule by side."""
    states = [*decision.rules, *(state for one in decision.changes for state in one.rules)]
    return {state.side: state.state for state in states if state.rule == rule}


@pytest.mark.parametrize(
    "path",
    [
        *("people.yaml", "services/payments.yaml", "policies/risk.yaml", "itil-gate.yaml"),
        *(".github/workflows/ci.yml", ".gitattributes"),
    ],
)
def test_editing_the_judge_is_high_risk_at_least(world: World, path: str) -> None:
    file = world.repo.path / path
    text = (file.read_text() if file.exists() else "") + "# one line more\n"
    world.propose({path: text}, scope=f'"{path}"')
    verdict = only(world.check())
    assert verdict.risk.level == "high"
    assert "built-in:judge-data" in {one.source for one in verdict.risk.contributions}
    assert {one.id for one in verdict.requirements} == {"owner", "authority"}


def test_a_looser_policy_is_approved_under_the_stricter_one_it_replaces(world: World) -> None:
    loose = requiring("id: any, levels: [low, medium, high, critical], role: peer")
    world.propose({"policies/approvals.yaml": loose}, scope=EVERYTHING)
    world.approve("erin")
    decision = world.check()
    assert decision.outcome == "pending"
    assert sides(decision, "missing-approval") == {"target": "PENDING", "proposed": "SATISFIED"}
    world.approve("bob", "carol")
    assert world.check().outcome == "allow"


def test_a_stricter_policy_already_applies_to_the_change_that_brings_it(world: World) -> None:
    strict = APPROVALS.replace("role: change-authority, min: 1", "role: change-authority, min: 2")
    world.propose({"policies/approvals.yaml": strict}, scope=EVERYTHING)
    world.approve("bob", "carol")
    decision = world.check()
    assert decision.outcome == "pending"
    assert sides(decision, "missing-approval") == {"target": "SATISFIED", "proposed": "PENDING"}
    assert [step.who for step in decision.unblock] == [("dave",)]


def test_people_who_come_with_a_pull_request_cannot_approve_it(
    world: World, tmp_path: Path
) -> None:
    frank = stranger(tmp_path, "frank")
    world.people["frank"] = frank
    roles = {role: [*members, "frank"] for role, members in ROLES.items()}
    people = people_file(world.keyring, roles=roles, machines=MACHINES + listed(frank))
    world.propose({"people.yaml": people}, scope=EVERYTHING)
    world.approve("bob")
    world.file(world.state("approve", "frank", roles=["change-authority"]))
    decision = world.check()
    assert decision.outcome == "pending"
    assert counted(decision, "target") == {"owner": ("bob",), "authority": ()}
    assert [one.code for one in only(decision).ledger if one.person is None] == ["unknown-key"]


def test_people_who_go_with_a_pull_request_do_not_count_for_it(world: World) -> None:
    roles = {"service-owner": ["bob"], "change-authority": ["carol"]}
    left = people_file(world.keyring, roles=roles, only=["alice", "bob", "carol", "erin"])
    world.propose({"people.yaml": left}, scope=EVERYTHING)
    world.approve("bob", "dave")
    decision = world.check()
    assert decision.outcome == "pending"
    assert counted(decision, "target") == {"owner": ("bob",), "authority": ("dave",)}
    assert counted(decision, "proposed") == {"owner": ("bob",), "authority": ()}
    (line,) = (one for one in only(decision).ledger if one.code == "unknown-key")
    assert line.detail.startswith("under the proposed policies: ")
    world.approve("carol")
    assert world.check().outcome == "allow"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("people.yaml", "kind: People\n"),
        ("people.yaml", "persons: [\n"),
        ("people.yaml", b"\xff\xfe"),
        ("policies/approvals.yaml", "kind: Nothing\n"),
        ("policies/risk.yaml", RISK.replace("default:", "defualt:")),
        ("policies/twice.yaml", RISK),
        ("itil-gate.yaml", CONFIG.replace("targets:", "target:")),
        ("services/payments.yaml", "kind: Component\n"),
    ],
)
def test_a_proposed_set_that_does_not_load_is_refused(
    world: World, path: str, text: str | bytes
) -> None:
    world.propose({path: text}, scope=EVERYTHING)
    world.approve("bob", "carol")
    decision = world.check()
    assert decision.outcome == "deny"
    assert broken(decision) == {"proposed-policy-invalid"}
    (found,) = findings(decision, "proposed-policy-invalid")
    assert found.place is not None


@pytest.mark.parametrize(
    "paths",
    [
        ["people.yaml"],
        ["itil-gate.yaml"],
        ["policies/risk.yaml"],
        ["policies/approvals.yaml", "policies/risk.yaml"],
    ],
)
def test_deleting_the_judge_is_refused(world: World, paths: list[str]) -> None:
    world.propose(scope=EVERYTHING)
    for path in paths:
        world.repo.remove(path)
    world.commit()
    world.approve("bob", "carol")
    decision = world.check()
    assert decision.outcome == "deny"
    assert broken(decision) == {"proposed-policy-invalid"}


@pytest.mark.parametrize("path", ["people.yaml", "itil-gate.yaml", "policies/risk.yaml"])
def test_a_link_in_the_place_of_the_judge_is_refused(world: World, path: str) -> None:
    world.propose({"docs/mine.yaml": "free: text\n"}, scope=EVERYTHING)
    world.repo.write(path, "docs/mine.yaml", mode=0o120000)
    world.commit()
    assert "proposed-policy-invalid" in broken(world.check())


def test_a_folder_of_policies_that_becomes_a_link_is_refused(world: World) -> None:
    world.propose({"docs/policies/mine.yaml": "free: text\n"}, scope=EVERYTHING)
    for path in ("policies/risk.yaml", "policies/approvals.yaml"):
        world.repo.remove(path)
    (world.repo.path / "policies").rmdir()
    world.repo.write("policies", "docs/policies", mode=0o120000)
    world.commit()
    assert "proposed-policy-invalid" in broken(world.check())


def test_a_proposed_set_that_nobody_could_satisfy_is_refused(world: World) -> None:
    people = people_file(world.keyring, roles={"service-owner": ["bob", "dave"]})
    world.propose({"people.yaml": people}, scope=EVERYTHING)
    world.approve("bob", "carol")
    decision = world.check()
    assert decision.outcome == "deny"
    assert sides(decision, "unsatisfiable-requirement")["proposed"] == "UNSATISFIED"


def test_a_proposed_set_that_asks_nothing_of_a_level_is_refused(world: World) -> None:
    nothing = requiring("id: review, levels: [low], role: peer")
    world.propose({"policies/approvals.yaml": nothing}, scope=EVERYTHING)
    world.approve("bob", "carol")
    decision = world.check()
    assert decision.outcome == "deny"
    assert sides(decision, "no-applicable-policy")["proposed"] == "UNSATISFIED"


def test_an_exemption_does_not_free_the_change_that_brings_it(world: World) -> None:
    config = CONFIG.replace('["docs/**"]', '["docs/**", "src/**"]')
    world.propose({"itil-gate.yaml": config, "src/app.py": "1\n"}, scope="itil-gate.yaml")
    decision = world.check()
    assert sides(decision, "uncovered-change") == {"target": "UNSATISFIED", "proposed": "SATISFIED"}


def test_a_path_that_becomes_governed_is_covered_at_once(world: World) -> None:
    config = CONFIG.replace('["docs/**"]', '["nothing/**"]')
    world.propose({"itil-gate.yaml": config, "docs/index.md": "1\n"}, scope="itil-gate.yaml")
    decision = world.check()
    assert sides(decision, "uncovered-change") == {"target": "SATISFIED", "proposed": "UNSATISFIED"}
    assert any(step.why == "uncovered-change" for step in decision.unblock)


def test_a_pull_request_cannot_switch_enforcement_off_for_itself(world: World) -> None:
    config = CONFIG + "mode: audit\nauditUntil: 2026-03-20\n"
    world.propose({"itil-gate.yaml": config}, scope=EVERYTHING)
    decision = world.check()
    assert decision.enforced
    assert decision.outcome == "pending"


def test_a_pull_request_cannot_move_the_roster_to_one_of_its_own(
    world: World, tmp_path: Path
) -> None:
    frank = stranger(tmp_path, "frank")
    world.people["frank"] = frank
    roles = {"service-owner": ["frank"], "change-authority": ["frank"]}
    mine = people_file(world.keyring, roles=roles, machines=MACHINES + listed(frank))
    config = CONFIG + "locations: {people: docs/people.yaml}\n"
    world.propose({"itil-gate.yaml": config, "docs/people.yaml": mine}, scope=EVERYTHING)
    world.file(world.state("approve", "frank", roles=["service-owner"]))
    decision = world.check()
    assert decision.outcome != "allow"
    assert counted(decision, "target") == {"owner": (), "authority": ()}


def test_the_name_of_the_repository_can_be_changed_like_anything_else(world: World) -> None:
    config = CONFIG.replace("acme/payments", "acme/renamed")
    world.propose({"itil-gate.yaml": config}, scope=EVERYTHING)
    world.approve("bob", "carol")
    decision = world.check()
    assert entry(decision, "bob").counted
    assert decision.outcome == "allow"


def test_a_target_whose_set_does_not_load_decides_nothing(world: World) -> None:
    world.propose({"src/app.py": "1\n"})
    world.on_main({"policies/approvals.yaml": "kind: Nothing\n"})
    assert world.refusal() == "invalid-policy-set"


def test_mending_the_judge_by_pull_request_waits_for_the_judge(world: World) -> None:
    """A target that does not load cannot decide, not even on its own repair."""
    set_requirements(world, "id: review, levels: [low], role: peer, min: 0")
    world.propose({"policies/approvals.yaml": APPROVALS}, scope=EVERYTHING)
    assert world.refusal() == "invalid-policy-set"
