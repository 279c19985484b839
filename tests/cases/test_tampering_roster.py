"""A roster with a fault: it identifies nobody, so nobody can approve by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.casting import requiring
from support.judging import EVERYTHING, in_proposal, on_target, refused
from support.shell import run_gate
from support.world import APPROVALS, ROLES, broken, findings, only, people_file

if TYPE_CHECKING:
    from support.world import World

PEOPLE = "people.yaml"
OWNERS = "{role: service-owner, members: [bob, dave]}"

ROSTERS = [
    pytest.param(
        OWNERS, "{role: service-owner, members: []}", "members", id="no members", marks=case("123")
    ),
    pytest.param(
        OWNERS, "{role: service-owner, members: }", "members", id="blank members",
        marks=case("123"),
    ),
    pytest.param(
        OWNERS, "{role: service-owner}", "members", id="members left out", marks=case("123")
    ),
    pytest.param(
        OWNERS, "{role: service-owner, members: [bob", "people.yaml", id="not closed",
        marks=case("123", "127"),
    ),
    pytest.param(
        OWNERS, "{role: service-owner, members: bob}", "members", id="no list", marks=case("123")
    ),
    pytest.param(
        OWNERS, "{role: service-owner, members: [bob, mallory]}", "mallory",
        id="a member nobody knows", marks=case("124"),
    ),
    pytest.param(
        OWNERS, "{role: service-owner, members: [bob, acme/owners]}", "acme/owners",
        id="a team of a forge", marks=case("124"),
    ),
    pytest.param(
        OWNERS, "{role: service-owner, members: [bob, change-authority]}", "change-authority",
        id="a role as a member", marks=case("124"),
    ),
    pytest.param(
        OWNERS, OWNERS + "\n  - {rol: reviewer, members: [erin]}", '"rol"', id="a slip in a key",
        marks=case("127"),
    ),
    pytest.param(
        "emails: [erin@example.com]", "emails: [erin at example.com]", "emails",
        id="an address that is none", marks=case("127"),
    ),
    pytest.param(
        "  - {id: robo,", "  - {id: ro bo,", "id", id="an id that is none", marks=case("127")
    ),
    pytest.param(
        OWNERS, "{role: service-owner, members: [bob dave]}", "bob dave", id="two by a blank",
        marks=case("128"),
    ),
    pytest.param(
        OWNERS, '{role: service-owner, members: ["@bob@dave"]}', "@bob@dave", id="two by signs",
        marks=case("128"),
    ),
    pytest.param(
        OWNERS, '{role: service-owner, members: ["bob,dave"]}', "bob,dave", id="two by a comma",
        marks=case("128"),
    ),
    pytest.param(
        "emails: [erin@example.com]", 'emails: ["erin@example.com@example.org"]', "emails",
        id="two addresses in one", marks=case("128"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "word"), ROSTERS)
def test_a_target_with_a_faulty_roster_decides_nothing_and_says_where(
    world: World, old: str, new: str, word: str
) -> None:
    people = people_file(world.keyring)
    assert old in people
    error, said = on_target(world, {PEOPLE: people.replace(old, new)})
    assert error.code == "invalid-policy-set"
    assert f"{PEOPLE}:" in said
    assert word in said


@pytest.mark.parametrize(("old", "new", "word"), ROSTERS)
def test_a_pull_request_with_a_faulty_roster_is_denied_and_lint_says_why(
    world: World, old: str, new: str, word: str
) -> None:
    decision = in_proposal(world, {PEOPLE: people_file(world.keyring).replace(old, new)})
    found = refused(decision)
    assert found.place is not None
    assert found.place.file == PEOPLE
    ran = run_gate("lint", cwd=world.repo.path)
    assert ran.code == 1
    assert f"{PEOPLE}:" in ran.out
    assert word in ran.out


@case("124")
def test_whoever_comes_with_a_role_is_judged_as_a_change_of_policy(world: World) -> None:
    """Erin is listed; making her an owner is no slip, but it is for the others to say."""
    roles = {**ROLES, "service-owner": ["bob", "dave", "erin"]}
    world.propose({PEOPLE: people_file(world.keyring, roles=roles)}, scope=EVERYTHING)
    decision = world.check()
    assert only(decision).risk.level == "high"
    world.approve("erin", "carol")
    decision = world.check()
    assert decision.outcome == "pending"
    counted = {(one.side, one.id): one.counted for one in only(decision).requirements}
    assert counted["target", "owner"] == ()


@case("125")
def test_removing_a_role_that_is_asked_for_is_denied(world: World) -> None:
    roles = {"change-authority": ROLES["change-authority"]}
    decision = in_proposal(world, {PEOPLE: people_file(world.keyring, roles=roles)})
    assert decision.outcome == "deny"
    assert "unsatisfiable-requirement" in broken(decision)
    messages = [one.message for one in findings(decision, "unsatisfiable-requirement")]
    assert any("service-owner" in text and "nobody holds that role" in text for text in messages)


@case("125")
def test_a_role_that_is_gone_on_the_target_is_denied_and_listed(world: World) -> None:
    roles = {"change-authority": ROLES["change-authority"]}
    world.commit({PEOPLE: people_file(world.keyring, roles=roles)}, by="carol")
    ran = run_gate("lint", cwd=world.repo.path)
    assert ran.code == 1
    assert "owner asks for the role service-owner, which no human holds" in ran.out
    world.propose({"deploy/app.yaml": "replicas: 9\n"})
    world.approve("bob", "carol")
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "unsatisfiable-requirement")
    assert "nobody holds that role" in found.message


@case("118", "125")
@pytest.mark.parametrize("key", ["role", "fallback"])
def test_a_requirement_for_a_role_that_does_not_exist_cannot_be_met(world: World, key: str) -> None:
    asked = {"role": "role: chnge-authority", "fallback": "role: none, fallback: chnge-authority"}
    world.commit(
        {"policies/approvals.yaml": requiring(f"id: one, levels: [low], {asked[key]}")}, by="carol"
    )
    world.propose()
    decision = world.check()
    assert decision.outcome == "deny"
    assert "unsatisfiable-requirement" in broken(decision)
    assert "chnge-authority" in run_gate("lint", cwd=world.repo.path).out


@case("131")
def test_a_service_that_nobody_owns_is_not_free_for_all(world: World) -> None:
    people = people_file(world.keyring).replace(
        OWNERS, "{role: service-owner, members: [bob, dave], services: [other-api]}"
    )
    world.commit({PEOPLE: people}, by="carol")
    world.propose({"deploy/app.yaml": "replicas: 9\n"})
    world.approve("bob", "dave", "carol")
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "unsatisfiable-requirement")
    assert "service-owner for payments-api, and nobody holds that role" in found.message


@case("131")
def test_a_path_that_no_service_claims_still_needs_a_request_and_its_approvals(
    world: World,
) -> None:
    world.repo.checkout("feature", create=True)
    world.commit({"nowhere/x": "1\n"})
    assert broken(world.check()) == {"uncovered-change"}
    world.propose({"nowhere/x": "1\n"}, scope='"nowhere/**"')
    assert "role: peer" in APPROVALS
    assert broken(world.check()) == {"missing-approval"}
