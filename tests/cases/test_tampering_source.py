"""Where the judge's data come from: the tip of the target, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.casting import listed, requiring
from support.judging import EVERYTHING, undecided
from support.repository import Repo
from support.shell import run_gate
from support.world import (
    CHG,
    CONFIG,
    MACHINES,
    RISK,
    SERVICES,
    World,
    broken,
    entry,
    findings,
    only,
    people_file,
    request_file,
    stranger,
)

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.model.decision import Decision

POLICY = "policies/approvals.yaml"
ANY = requiring("id: any, levels: [low, medium, high, critical], role: peer")


def asked(decision: Decision) -> dict[str, set[str]]:
    """Return the ids of the requirements by side."""
    found: dict[str, set[str]] = {}
    for state in only(decision).requirements:
        found.setdefault(state.side, set()).add(state.id)
    return found


@case("106")
def test_the_policy_at_the_tip_of_the_target_judges_and_not_that_of_the_fork(world: World) -> None:
    world.on_main({POLICY: ANY})
    fork = world.repo.tip("main")
    world.propose(at=fork)
    world.on_main({POLICY: requiring("id: late, levels: [low], role: change-authority")})
    decision = world.check()
    assert asked(decision) == {"target": {"late"}}
    assert decision.tip == world.repo.tip("main") != fork


@case("106", "111")
def test_a_branch_that_loosens_its_policy_is_asked_what_the_target_asks(world: World) -> None:
    world.propose({POLICY: ANY, "src/app.py": "1\n"}, scope=EVERYTHING)
    world.approve("erin")
    decision = world.check()
    assert decision.outcome == "pending"
    assert asked(decision) == {"target": {"owner", "authority"}, "proposed": {"any"}}
    assert only(decision).risk.level == "high"


@case("111")
def test_a_branch_with_a_history_of_its_own_does_not_bring_its_rules(world: World) -> None:
    """A fork may hold any policies in earlier commits; only what is proposed is looked at."""
    world.repo.checkout("feature", create=True)
    world.commit({POLICY: ANY}, message="as I like it")
    world.repo.git("checkout", "--quiet", "main", "--", POLICY)
    world.commit(message="as it was")
    world.propose(at="feature")
    world.approve("erin")
    decision = world.check()
    assert decision.digests.proposed is None
    assert asked(decision) == {"target": {"review"}}


@case("107")
def test_the_author_does_not_become_an_owner_by_naming_herself(world: World) -> None:
    roles = {"service-owner": ["alice"], "change-authority": ["alice"]}
    world.propose(
        {
            "people.yaml": people_file(world.keyring, roles=roles),
            "deploy/app.yaml": "replicas: 9\n",
        },
        scope=EVERYTHING,
    )
    world.file(world.state("approve", "alice", roles=["service-owner", "change-authority"]))
    decision = world.check()
    assert decision.outcome == "deny"
    assert not entry(decision, "alice").counted
    assert "unsatisfiable-requirement" in broken(decision)


@case("107")
def test_the_author_does_not_make_a_friend_an_owner(world: World) -> None:
    roles = {"service-owner": ["erin"], "change-authority": ["erin"]}
    world.propose({"people.yaml": people_file(world.keyring, roles=roles)}, scope=EVERYTHING)
    world.approve("erin")
    decision = world.check()
    assert decision.outcome != "allow"
    counted = {one.id: one.counted for one in only(decision).requirements if one.side == "target"}
    assert counted == {"owner": (), "authority": ()}


@case("110")
@pytest.mark.parametrize("where", ["only on the target", "only proposed"])
def test_a_policy_on_one_side_only_is_asked_all_the_same(world: World, where: str) -> None:
    more = requiring("id: more, levels: [high], role: peer").replace(
        "name: approvals", "name: more"
    )
    if where == "only on the target":
        world.commit({"policies/more.yaml": more}, by="carol")
        world.propose(scope=EVERYTHING)
        world.repo.remove("policies/more.yaml")
        world.commit()
    else:
        world.propose({"policies/more.yaml": more}, scope=EVERYTHING)
    world.approve("bob", "carol")
    decision = world.check()
    assert decision.outcome == "pending"
    side = "target" if where == "only on the target" else "proposed"
    assert "more" in asked(decision)[side]
    world.approve("erin")
    assert world.check().outcome == "allow"


@case("110")
def test_owners_of_a_service_on_one_side_only_are_asked_all_the_same(world: World) -> None:
    """Who is renamed, moved or newly described answers under its old and its new name."""
    world.propose(
        {"services/payments.yaml": SERVICES.replace("payments-api", "billing-api")},
        scope=EVERYTHING,
        services="payments-api, billing-api",
    )
    decision = world.check()
    messages = " ".join(one.message for one in findings(decision, "unknown-service"))
    assert decision.outcome == "deny"
    assert "billing-api" in messages
    assert "payments-api" in messages


@case("113")
@pytest.mark.parametrize(
    "extra",
    [
        "  approvals: []\n",
        "  requirements: []\n",
        "  approvedBy: [bob, carol]\n",
        "  lane: registration\n",
        "  policy: none\n",
        "  skip: [missing-approval]\n",
        "  waivers: [{rule: missing-approval, reason: Trust me.}]\n",
    ],
)
def test_a_request_cannot_say_which_rules_apply_to_it(world: World, extra: str) -> None:
    world.propose(extra=extra)
    decision = world.check()
    assert decision.outcome == "deny"
    key = extra.strip().partition(":")[0]
    (found,) = findings(decision, "unknown-key")
    assert f'"{key}" is not known' in found.message
    assert found.place is not None
    assert found.place.line


@case("113")
def test_a_request_cannot_lower_its_risk(world: World) -> None:
    world.propose({"db/schema.sql": "drop table t;\n"}, extra="  risk: low\n")
    decision = world.check()
    assert only(decision).risk.level == "high"
    assert findings(decision, "under-declared-risk")
    assert asked(decision) == {"target": {"owner", "authority"}}


@case("141")
def test_a_pull_request_cannot_adopt_the_gate_for_itself(world: World, tmp_path: Path) -> None:
    """The first roster is brought by whoever may write to the target; nobody judges their own."""
    fresh = World(Repo(tmp_path / "fresh"), world.keyring)
    fresh.repo.commit(files={"README.md": "hello\n"})
    frank = stranger(tmp_path, "frank")
    people = people_file(
        world.keyring,
        roles={"service-owner": ["frank"], "change-authority": ["frank"]},
        machines=MACHINES + listed(frank),
    )
    fresh.propose(
        {
            "itil-gate.yaml": CONFIG,
            "people.yaml": people,
            POLICY: ANY,
            "policies/risk.yaml": RISK,
            "services/payments.yaml": SERVICES,
        },
        scope=EVERYTHING,
    )
    ran = run_gate("check", "--base", "main", "--head", "feature", cwd=fresh.repo.path)
    assert ran.code == 2
    assert "not-adopted: the target branch has no itil-gate.yaml" in ran.err
    assert "administrator" in ran.err


@case("141")
def test_a_key_that_only_the_pull_request_pins_signs_nothing(world: World, tmp_path: Path) -> None:
    mallory = stranger(tmp_path, "mallory")
    world.people["mallory"] = mallory
    theirs = people_file(world.keyring).replace(world.keyring.carol.public, mallory.public)
    assert theirs != people_file(world.keyring)
    world.propose({"people.yaml": theirs}, scope=EVERYTHING)
    world.approve("bob")
    world.file(world.state("approve", "mallory", roles=["change-authority"]))
    decision = world.check()
    assert decision.outcome == "pending"
    codes = {one.code for one in only(decision).ledger if not one.counted}
    assert codes == {"unknown-key"}


@case("144")
@pytest.mark.parametrize("path", ["itil-gate.yaml", "people.yaml", POLICY])
def test_a_policy_that_cannot_be_read_on_the_target_is_named(world: World, path: str) -> None:
    world.propose()
    blob = world.repo.tip(f"main:{path}")
    (world.repo.git_dir / "objects" / blob[:2] / blob[2:]).unlink()
    error = undecided(world)
    assert error.code == "object-missing"
    assert error.message.startswith(f"{path}: ")
    assert blob in error.message


@case("144")
def test_a_target_that_was_not_fetched_is_named(world: World) -> None:
    world.propose()
    ran = run_gate("check", "--base", "origin/release", "--head", "feature", cwd=world.repo.path)
    assert ran.code == 2
    assert "'origin/release' names no commit here" in ran.err
    assert "git fetch origin" in ran.err


@case("144")
def test_a_target_without_the_set_does_not_fall_back_to_another_branch(world: World) -> None:
    empty = world.repo.git("mktree", stdin=b"")
    bare = world.repo.commit_tree(empty, world.repo.tip("main"))
    world.repo.branch("release", bare)
    world.repo.checkout("feature", create=True, at="release")
    world.commit({f"changes/2026/{CHG}.yaml": request_file(), "src/app.py": "1\n"})
    assert undecided(world, base="release").code == "not-adopted"
