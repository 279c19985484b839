"""The base moves, the branch is rebased, squashed or merged: what is proved to be the same content.

Alice proposes to rewrite line 30 of src/lib.py on the branch feature, and Erin has approved it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.binding import (
    approved_world,
    counts,
    force,
    lines,
    merge,
    rebase,
    squash,
    stale,
)
from support.cases import case
from support.world import (
    APPROVALS,
    CHG,
    OTHER,
    World,
    broken,
    copy_world,
    entry,
    findings,
    only,
    people_file,
    request_file,
    stranger,
)

from itil_gate.decide.gate import decide

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.repository import Keyring

LIB = "src/lib.py"
PROPOSED = lines(_30="thirty")
ELSEWHERE = {"src/other.py": "print('unrelated')\n"}
NEARBY = {LIB: lines(_2="two")}
BOTH = lines(_2="two", _30="thirty")
COUNTING = (
    "  counting:\n    - {{levels: [low, medium, high, critical], maxAge: 30d, carryOver: [{}]}}\n"
)


@pytest.fixture(scope="module")
def approved(template: Path, tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    path = tmp_path_factory.mktemp("approved") / "repo"
    return approved_world(template, path, keyring, files={LIB: PROPOSED}).repo.path


@pytest.fixture
def world(tmp_path: Path, approved: Path, keyring: Keyring) -> World:
    return copy_world(approved, tmp_path / "repo", keyring)


def amend(world: World) -> None:
    """Commit the same tree again with other words and another date."""
    world.repo.git("reset", "--quiet", "--soft", "HEAD~1")
    world.commit(message="a better subject")


def split(world: World) -> None:
    """Make two commits of what was one, and take a wrong turn between them."""
    world.repo.git("reset", "--quiet", "--hard", "main")
    world.commit({f"changes/2026/{CHG}.yaml": request_file(), LIB: "a wrong turn\n"})
    world.commit({LIB: PROPOSED})


def onto_main(world: World) -> None:
    squash(world, onto="main")


def update(world: World) -> None:
    """Merge main into the branch."""
    merge(world, "main")


def restart(world: World) -> None:
    """Merge the approved branch into the newer main: the first parent is another."""
    approved = world.repo.tip()
    force(world, "main")
    merge(world, approved)


def more(world: World) -> None:
    """Rebase, and slip something in."""
    rebase(world)
    world.commit({LIB: lines(_2="two", _30="thirty", _31="and more")})


def less(world: World) -> None:
    """Rebase, and take back what landed on main meanwhile."""
    rebase(world)
    world.commit({LIB: PROPOSED})


def nothing(_: World) -> None:
    """Leave the branch as it is."""


@case("8", "9", "33", "48")
@pytest.mark.parametrize(
    ("landed", "act", "level"),
    [
        pytest.param({}, nothing, "exact", id="NO_CHANGE"),
        pytest.param({}, amend, "same-content", id="NO_CODE_CHANGE"),
        pytest.param({}, squash, "same-content", id="squash"),
        pytest.param({}, split, "same-content", id="split"),
        pytest.param(ELSEWHERE, nothing, "exact", id="only the base moved"),
        pytest.param(ELSEWHERE, rebase, "same-content", id="TRIVIAL_REBASE elsewhere"),
        pytest.param(ELSEWHERE, update, "same-content", id="update merge elsewhere"),
        pytest.param(ELSEWHERE, onto_main, "same-content", id="squash elsewhere"),
        pytest.param(ELSEWHERE, restart, "same-content", id="MERGE_FIRST_PARENT_UPDATE"),
        pytest.param(NEARBY, nothing, "exact", id="only the base moved, in the same file"),
        pytest.param(NEARBY, rebase, "clean-replay", id="TRIVIAL_REBASE in the same file"),
        pytest.param(NEARBY, update, "clean-replay", id="update merge in the same file"),
        pytest.param(NEARBY, onto_main, "clean-replay", id="squash in the same file"),
        pytest.param(NEARBY, restart, "clean-replay", id="first parent update, same file"),
    ],
)
def test_the_same_change_keeps_its_approval_at_a_level_that_is_named(
    world: World, landed: dict[str, str], act: Callable[[World], object], level: str
) -> None:
    if landed:
        world.on_main(landed)
    act(world)
    inputs = world.inputs()
    decision = decide(inputs)
    assert decision.outcome == "allow"
    counts(decision, level)
    (said,) = inputs.facts.statements
    assert said.approval is not None
    assert said.approved is not None
    same = said.approval.content == decision.content
    assert same == (level != "clean-replay")
    assert (said.approved.replay_tree == decision.merged_tree) == (level == "clean-replay")


@case("33")
@pytest.mark.parametrize(
    ("landed", "act"),
    [
        pytest.param({}, lambda world: world.commit({LIB: lines(_30="3O")}), id="REWORK"),
        pytest.param(NEARBY, more, id="rebase with more"),
        pytest.param(NEARBY, less, id="rebase that takes back what landed"),
        pytest.param(ELSEWHERE, more, id="rebase elsewhere with more"),
    ],
)
def test_another_change_needs_another_approval(
    world: World, landed: dict[str, str], act: Callable[[World], object]
) -> None:
    before = world.repo.tip()
    if landed:
        world.on_main(landed)
    act(world)
    decision = world.check()
    assert decision.outcome == "pending"
    stale(decision, f"{LIB} changed after approval: {before[:12]} was approved")


@case("33", "52")
def test_a_conflict_after_the_approval_denies_until_it_is_resolved_and_approved(
    world: World,
) -> None:
    world.on_main({LIB: lines(_30="somebody else's thirty")})
    decision = world.check()
    assert decision.outcome == "deny"
    assert broken(decision) == {"merge-conflict", "missing-approval"}
    stale(decision, "the target moved in a way that changes the result of the merge")
    force(world, "main")
    world.commit(
        {f"changes/2026/{CHG}.yaml": request_file(), LIB: lines(_30="a thirty for everybody")}
    )
    decision = world.check()
    assert decision.outcome == "pending"
    stale(decision, f"{LIB} changed after approval")


@case("52")
def test_the_approved_side_of_a_conflict_is_not_approved_by_itself(world: World) -> None:
    # The tree is the one that was approved, but it now overwrites what has landed.
    world.on_main({LIB: lines(_30="somebody else's thirty")})
    force(world, "main")
    world.commit({f"changes/2026/{CHG}.yaml": request_file(), LIB: PROPOSED})
    decision = world.check()
    assert decision.outcome == "pending"
    stale(decision, f"{LIB} changed after approval")


@case("34")
def test_another_second_parent_voids_the_approval(world: World) -> None:
    base = world.repo.tip()
    world.repo.checkout("topic", create=True)
    world.commit({"src/topic.py": "one\n"})
    world.repo.checkout("feature")
    merge(world, "topic")
    world.approve("erin")
    assert world.check().outcome == "allow"
    world.repo.checkout("topic")
    world.commit({"src/topic.py": "two\n"})
    force(world, base)
    merge(world, "topic")
    decision = world.check()
    assert decision.outcome == "pending"
    assert {(one.code, one.counted) for one in only(decision).ledger} == {
        ("superseded", False),
        ("stale", False),
    }
    said = next(one.detail for one in only(decision).ledger if one.code == "stale")
    assert said.startswith("src/topic.py changed after approval")


@case("17")
def test_whoever_merges_the_target_in_may_approve(world: World) -> None:
    world.on_main(NEARBY)
    merge(world, "main", by="erin")
    decision = world.check()
    assert decision.outcome == "allow"
    counts(decision, "clean-replay")
    assert [one.person for one in decision.contributors] == ["alice"]


@case("17")
@pytest.mark.parametrize("sly", ["more content", "a third line of history"])
def test_whoever_adds_content_in_a_merge_may_not(world: World, sly: str) -> None:
    if sly == "more content":
        world.on_main(ELSEWHERE)
        world.repo.git("merge", "--quiet", "--no-commit", "--no-ff", "main")
        world.commit({LIB: lines(_30="thirty", _31="more")}, by="erin")
    else:
        world.repo.checkout("aside", create=True, at="main")
        world.commit({"src/aside.py": "x\n"}, by="bob")
        world.repo.checkout("feature")
        merge(world, "aside", by="erin")
    decision = world.check()
    assert decision.outcome == "pending"
    stale(decision, "committer", code="contributor")


@case("44")
@pytest.mark.parametrize("landed", [{}, NEARBY], ids=["alone", "after another"])
def test_a_queue_candidate_of_nothing_else_is_what_was_approved(
    world: World, tmp_path: Path, landed: dict[str, str]
) -> None:
    world.people["queue"] = stranger(tmp_path, "queue")
    if landed:
        world.on_main(landed)
    world.repo.checkout("queue", create=True, at="main")
    merge(world, "feature", by="queue", signed=False)
    decision = world.check("queue")
    assert decision.outcome == "allow"
    counts(decision, "clean-replay" if landed else "same-content")
    assert decision.head == world.repo.tip("queue")


@case("44")
def test_a_queue_candidate_with_another_change_is_judged_as_a_whole(world: World) -> None:
    world.propose({"src/other.py": "x\n"}, branch="other", change=OTHER)
    world.approve("bob", head="other", change=OTHER)
    assert world.check("other").outcome == "allow"
    world.repo.checkout("queue", create=True, at="main")
    merge(world, "feature", by="carol")
    merge(world, "other", by="carol")
    decision = world.check("queue")
    assert decision.outcome == "pending"
    said = {change.id: [one.detail for one in change.ledger] for change in decision.changes}
    assert said.keys() == {CHG, OTHER}
    assert all("changed after approval" in one for (one,) in said.values())
    assert "src/other.py" in said[CHG][0]
    assert LIB in said[OTHER][0]


@case("44")
def test_a_queue_candidate_that_says_more_than_its_head_is_stale(world: World) -> None:
    world.repo.checkout("queue", create=True, at="main")
    world.repo.git("merge", "--quiet", "--no-commit", "--no-ff", "feature")
    world.commit({LIB: lines(_30="thirty", _31="more")})
    decision = world.check("queue")
    assert decision.outcome == "pending"
    stale(decision, f"{LIB} changed after approval")


@case("48")
@pytest.mark.parametrize(
    ("accepted", "landed", "act", "level"),
    [
        ("exact", ELSEWHERE, rebase, "same-content"),
        ("exact, same-content", NEARBY, rebase, "clean-replay"),
        ("exact, clean-replay", {}, squash, "same-content"),
    ],
)
def test_what_policy_does_not_carry_over_is_to_be_approved_again(
    world: World, accepted: str, landed: dict[str, str], act: Callable[[World], object], level: str
) -> None:
    world.on_main({"policies/approvals.yaml": APPROVALS + COUNTING.format(accepted), **landed})
    act(world)
    decision = world.check()
    assert decision.outcome == "pending"
    said = stale(decision, code="carry-over-forbidden")
    assert said == f"the content is the same by {level}, which policy does not accept here"
    (step,) = decision.unblock
    assert "erin" in step.who
    assert step.command == f"itil-gate approve {CHG} --head {decision.head}"


@case("48")
def test_a_base_that_moved_alone_leaves_the_approval_exact(world: World) -> None:
    world.on_main({"policies/approvals.yaml": APPROVALS + COUNTING.format("exact"), **NEARBY})
    decision = world.check()
    assert decision.outcome == "allow"
    counts(decision, "exact")


@case("53")
def test_a_bot_that_squashes_keeps_the_approval(world: World, tmp_path: Path) -> None:
    world.people["robo"] = stranger(tmp_path, "robo")
    keys = f"keys: ['{world.person('robo').public}'], emails: [robo@example.com]"
    people = people_file(world.keyring).replace("emails: [robo@example.com]", keys)
    world.on_main({"people.yaml": people})
    squash(world, committer="robo")
    decision = world.check()
    assert decision.outcome == "allow"
    counts(decision, "same-content")


@case("53")
def test_a_bot_that_squashes_without_a_key_keeps_the_approval_and_costs_one_more(
    world: World, tmp_path: Path
) -> None:
    world.people["robo"] = stranger(tmp_path, "robo")
    squash(world, committer="robo", signed=False)
    decision = world.check()
    assert decision.outcome == "pending"
    counts(decision, "same-content")
    assert [found.effect for found in findings(decision, "unproved-contributor")] == ["advise"]
    world.approve("bob")
    assert world.check().outcome == "allow"


def test_a_replay_never_brings_back_what_the_target_has_left(world: World) -> None:
    # Erin approves a line on top of a commit that is then taken off main by force. A squash that
    # holds both would replay to exactly the tree proposed, but nobody approved the first of them.
    start = world.repo.tip("main")
    left = world.on_main({"src/evil.py": "print('left behind')\n"})
    rebase(world)
    world.approve("erin")
    assert world.check().outcome == "allow"
    world.repo.branch("main", start)
    squash(world, onto="main")
    decision = world.check()
    assert left not in world.repo.git("rev-list", "feature")
    assert "src/evil.py" in {item.path for item in world.inputs().facts.diff}
    assert decision.outcome == "pending"
    assert not [one for one in only(decision).ledger if one.counted]


@pytest.mark.parametrize("lie", ["request", "content"])
def test_a_replay_proves_nothing_for_a_statement_that_contradicts_itself(
    world: World, lie: str
) -> None:
    world.approve("bob", **{lie: "0" * 64})
    world.on_main(NEARBY)
    rebase(world)
    decision = world.check()
    counts(decision, "clean-replay")
    found = entry(decision, "bob")
    assert (found.counted, found.code) == (False, "stale")


def test_the_same_head_is_not_exact_under_another_merge_base(world: World) -> None:
    world.approve("bob", merge_base=world.repo.tip("feature"))
    assert entry(world.check(), "bob").carry_over == "same-content"


def test_several_merge_bases_are_undecided(world: World) -> None:
    landed = world.on_main(ELSEWHERE)
    head = world.repo.tip("feature")
    merge(world, "main")
    world.repo.checkout("main")
    merge(world, head, by="carol")
    assert world.repo.git("merge-base", "--all", "main", "feature").split() in (
        [landed, head],
        [head, landed],
    )
    assert world.refusal() == "ambiguous-merge-base"


def test_approvals_of_different_versions_are_never_added_up(world: World) -> None:
    world.on_main({"policies/approvals.yaml": APPROVALS.replace("peer, min: 1", "peer, min: 2")})
    rebase(world)
    world.approve("erin", "bob")
    assert world.check().outcome == "allow"
    world.commit({LIB: lines(_30="other")})
    world.approve("bob")
    decision = world.check()
    assert decision.outcome == "pending"
    (state,) = only(decision).requirements
    assert (state.counted, state.needed) == (("bob",), 2)


def test_one_approval_may_carry_over_where_another_is_exact(world: World) -> None:
    # Both stand for the content that would land; that is what is added up, not the commits.
    world.on_main({"policies/approvals.yaml": APPROVALS.replace("peer, min: 1", "peer, min: 2")})
    rebase(world)
    world.approve("erin")
    squash(world)
    world.approve("bob")
    decision = world.check()
    assert decision.outcome == "allow"
    counts(decision, "exact", person="bob")
    assert "same-content" in {one.carry_over for one in only(decision).ledger}
