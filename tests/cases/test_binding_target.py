"""An approval is for one repository, one target branch, one change and one landing.

Alice proposes a change of deploy/app.yaml, at medium risk, and Bob has approved it as an owner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.binding import approved_world, counts, merge, squash, stale
from support.cases import case
from support.repository import START
from support.world import (
    CHG,
    OTHER,
    ROLES,
    World,
    broken,
    copy_world,
    entry,
    only,
    people_file,
    request_file,
)

from itil_gate.decide.gate import decide
from itil_gate.release.signing_desk import Filed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.repository import Keyring

APP = {"deploy/app.yaml": "replicas: 4\n"}


@pytest.fixture(scope="module")
def approved(template: Path, tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    path = tmp_path_factory.mktemp("approved") / "repo"
    return approved_world(template, path, keyring, by="bob", files=APP).repo.path


@pytest.fixture
def world(tmp_path: Path, approved: Path, keyring: Keyring) -> World:
    return copy_world(approved, tmp_path / "repo", keyring)


def pick(world: World, text: str = "") -> None:
    """Cherry-pick the feature for the branch release, reworked to `text` if there is one."""
    alice = world.person("alice")
    feature = world.repo.tip("feature")
    world.repo.checkout("pick", create=True, at="release")
    world.repo.git(
        *("-c", f"user.signingKey={alice.key}", "cherry-pick", "--gpg-sign", feature),
        env=world.repo._people(alice.who, None, START + 999),
    )
    if text:
        world.commit({"deploy/app.yaml": text})


@case("20")
def test_a_pull_request_that_is_retargeted_loses_its_approval(world: World) -> None:
    world.repo.branch("release", "main")
    decision = world.check(base="release")
    assert decision.outcome == "pending"
    stale(
        decision,
        "it is about refs/heads/main, not refs/heads/release",
        person="bob",
        code="not-this-target",
    )
    assert world.check().outcome == "allow"
    world.approve("bob", base="release")
    assert world.check(base="release").outcome == "allow"
    assert world.check().outcome == "allow"


@case("21")
def test_after_retargeting_the_owners_are_those_of_the_new_target(world: World) -> None:
    people = people_file(world.keyring, roles={**ROLES, "service-owner": ["dave"]})
    world.repo.checkout("release", create=True, at="main")
    world.commit({"people.yaml": people}, by="carol")
    world.approve("bob", base="release", roles=["service-owner"])
    decision = world.check(base="release")
    assert decision.outcome == "pending"
    assert [state.eligible for state in only(decision).requirements] == [("dave",)]
    assert {(one.person, one.code) for one in only(decision).ledger} == {
        ("bob", "not-this-target"),
        ("bob", "role-not-held"),
    }
    world.approve("dave", base="release")
    assert world.check(base="release").outcome == "allow"


@case("36")
@pytest.mark.parametrize("text", ["", "replicas: 5\n"], ids=["TRIVIAL_REBASE", "REWORK"])
def test_a_cherry_pick_to_another_branch_asks_for_its_own_approval(world: World, text: str) -> None:
    world.repo.checkout("release", create=True, at="main")
    world.commit({"src/only_here.py": "x\n"}, by="carol")
    pick(world, text)
    decision = world.check("pick", base="release")
    assert decision.outcome == "pending"
    stale(decision, person="bob", code="not-this-target")
    assert (decision.content == world.check().content) == (not text)


def land_by_merge(world: World) -> None:
    world.repo.checkout("main")
    merge(world, "feature", by="carol")


def land_by_squash(world: World) -> None:
    world.repo.checkout("main")
    world.repo.git("merge", "--quiet", "--squash", "feature")
    world.commit(by="carol")


def revert(world: World, to: str) -> None:
    """Put the whole tree of main back to what it was at a commit, by a new commit."""
    world.repo.checkout("main")
    world.repo.git("read-tree", "-u", "--reset", to)
    world.commit(message="revert", by="carol")


def hide(world: World) -> None:
    """Make main a fast-forward to a branch that merged main: its first parent is the branch."""
    world.repo.checkout("innocent", create=True, at="main~2")
    world.commit({"docs/more.md": "more\n"})
    merge(world, "main")
    world.repo.branch("main", "innocent")


@case("38")
@pytest.mark.parametrize("land", [land_by_merge, land_by_squash])
@pytest.mark.parametrize("hidden", [False, True], ids=["", "behind a second parent"])
def test_an_approval_does_not_bring_back_what_landed_and_was_reverted(
    world: World, land: Callable[[World], None], *, hidden: bool
) -> None:
    before = world.repo.tip("main")
    feature = world.repo.tip("feature")
    land(world)
    revert(world, before)
    reverted = world.repo.tip("main")
    if hidden:
        hide(world)
    world.repo.checkout("again", create=True, at="main")
    world.repo.git("checkout", "--quiet", feature, "--", ".")
    if hidden:
        world.repo.git("checkout", "--quiet", "main", "--", "docs")
    world.commit(message="once more")
    inputs = world.inputs("again")
    (said,) = inputs.facts.statements
    assert said.approval is not None
    assert said.approval.content == inputs.facts.content
    decision = decide(inputs)
    assert decision.outcome == "pending"
    stale(
        decision,
        f"the request changed on the target after approval, with {reverted[:12]}",
        person="bob",
    )
    world.approve("bob", head="again")
    decision = world.check("again")
    assert decision.outcome == "allow"
    assert entry(decision, "bob", counted=True).carry_over == "exact"


@case("38")
def test_a_squashed_branch_is_not_approved_to_land_twice(world: World) -> None:
    # Squashed, the branch itself never reached main: after the revert, head and merge base are
    # those that Bob signed.
    before = world.repo.tip("main")
    land_by_squash(world)
    revert(world, before)
    inputs = world.inputs()
    (said,) = inputs.facts.statements
    assert said.approval is not None
    assert (said.approval.head, said.approval.merge_base) == (
        inputs.facts.head,
        inputs.facts.merge_base,
    )
    decision = decide(inputs)
    assert decision.outcome == "pending"
    stale(decision, "the request changed on the target after approval", person="bob")


@case("38")
def test_a_clone_too_shallow_to_tell_what_landed_counts_no_approval(
    world: World, tmp_path: Path
) -> None:
    before, feature = world.repo.tip("main"), world.repo.tip("feature")
    land_by_squash(world)
    revert(world, before)
    world.repo.checkout("again", create=True)
    world.repo.git("checkout", "--quiet", feature, "--", ".")
    world.commit(message="once more")
    world.repo.git("branch", "--quiet", "-D", "feature")
    shallow = World(
        world.repo.clone(tmp_path / "shallow", "--depth=2", "--no-single-branch"), world.keyring
    )
    shallow.repo.branch("main", "refs/remotes/origin/main")
    decision = shallow.check("origin/again")
    assert decision.outcome == "pending"
    stale(decision, f"on {before[:12]}, which are not both to be had here", person="bob")


@case("38")
def test_work_on_top_of_an_approved_change_is_not_covered_by_it(world: World) -> None:
    before = world.repo.tip("main")
    land_by_merge(world)
    revert(world, before)
    world.repo.checkout("feature")
    world.commit({"deploy/app.yaml": "replicas: 40\n"})
    decision = world.check()
    assert decision.outcome == "deny"
    assert broken(decision) >= {"uncovered-change"}


@case("38")
def test_a_branch_stacked_on_an_approved_one_needs_its_own_approval(world: World) -> None:
    world.repo.checkout("stacked", create=True, at="feature")
    world.commit(
        {
            f"changes/2026/{OTHER}.yaml": request_file(OTHER, scope='"src/**"'),
            "src/app.py": "print('stacked')\n",
        }
    )
    decision = world.check("stacked")
    assert decision.outcome == "pending"
    changes = {one.id: one for one in decision.changes}
    assert [one.code for one in changes[CHG].ledger] == ["stale"]
    assert changes[OTHER].ledger == ()


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ({"repository": "example.com/acme/payments2"}, "not-this-repository"),
        ({"repository": "Example.com/acme/payments"}, "not-this-repository"),
        ({"target": "refs/heads/release"}, "not-this-target"),
        ({"target": "refs/heads/main2"}, "not-this-target"),
    ],
)
def test_an_approval_for_elsewhere_does_not_count(
    world: World, edit: dict[str, str], code: str
) -> None:
    world.file(world.state("approve", "dave", **edit))  # type: ignore[arg-type]
    decision = world.check()
    found = entry(decision, "dave")
    assert (found.counted, found.code) == (False, code)
    assert found.detail.startswith(f"it is about {next(iter(edit.values()))}, not ")
    counts(decision, "exact", person="bob")


def test_an_approval_filed_under_another_change_is_malformed(world: World) -> None:
    world.propose({"src/other.py": "x\n"}, branch="other", change=OTHER)
    mine = world.state("approve", "erin")
    world.file(Filed(mine.path.replace(CHG, OTHER), mine.data))
    decision = world.check("other")
    assert decision.outcome == "pending"
    (found,) = only(decision).ledger
    assert (found.code, found.counted, found.person) == ("malformed", False, None)
    assert f"belongs at {mine.path}" in found.detail


def test_each_request_of_a_pull_request_is_approved_by_itself(world: World) -> None:
    world.commit(
        {
            f"changes/2026/{OTHER}.yaml": request_file(OTHER, scope='"src/**"'),
            "src/app.py": "print('both')\n",
        }
    )
    world.approve("bob", change=OTHER)
    decision = world.check()
    assert decision.outcome == "pending"
    assert {one.id: one.outcome for one in decision.changes} == {CHG: "pending", OTHER: "allow"}
    world.approve("bob", change=CHG)
    assert world.check().outcome == "allow"


def test_an_approval_of_the_same_content_under_another_request_is_another(world: World) -> None:
    # The whole pull request is bound, requests included; and so is the one request by itself.
    before = world.check()
    world.commit({f"changes/2026/{CHG}.yaml": request_file(title="Another")})
    assert world.check().content != before.content
    stale(world.check(), "metadata.title changed after approval", person="bob")
    squash(world)
    world.file(world.state("approve", "dave", request="0" * 64))
    stale(world.check(), "the request it names is not that of commit", person="dave")
    world.file(world.state("approve", "carol", content="0" * 64))
    stale(world.check(), "the content it names is not that of commit", person="carol")


def test_the_approval_itself_is_whole(world: World) -> None:
    decision = world.check()
    assert decision.outcome == "allow"
    counts(decision, "exact", person="bob")
