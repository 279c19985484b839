"""What the audit log remembers, and somebody would rather have forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.books import Bookish, git, open_books
from support.cases import case
from support.world import APPROVALS, CHG, OTHER, only

from itil_gate.gather.remembered import memory_file
from itil_gate.git.discover import discover
from itil_gate.model.errors import GateError

if TYPE_CHECKING:
    from support.world import World

LENIENT = """\
apiVersion: itil-gate/v1
kind: ApprovalPolicy
metadata: {name: approvals, owner: change-authority, reviewBy: 2027-01-01}
spec:
  requirements:
    - {id: review, levels: [low, medium, high, critical], role: peer, min: 1}
"""


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world)


@case("308")
def test_the_approvals_branch_is_rewound_to_before_a_rejection(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    before = world.repo.tip("itil-gate-approvals")
    world.reject("carol")
    books.decide()
    assert world.check().outcome == "deny"
    git(world, "update-ref", "refs/heads/itil-gate-approvals", before)
    assert world.refusal() == "approvals-rewound"


@case("308")
def test_the_approvals_branch_grew_on_another_line(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.reject("carol")
    books.decide()
    git(world, "update-ref", "-d", "refs/heads/itil-gate-approvals")
    with pytest.raises(GateError) as caught:
        world.approve("bob")
    assert caught.value.code == "approvals-rewound"


@case("308")
def test_of_two_copies_of_the_log_the_newer_is_read(books: Bookish) -> None:
    world = books.world
    old = world.repo.tip("audit-log")
    world.propose()
    world.approve("bob")
    before = world.repo.tip("itil-gate-approvals")
    world.reject("carol")
    books.decide()
    new = world.repo.tip("audit-log")
    git(world, "update-ref", "refs/heads/itil-gate-approvals", before)
    for here, fetched in ((old, new), (new, old), (new, new)):
        git(world, "update-ref", "refs/heads/audit-log", here)
        git(world, "update-ref", "refs/remotes/origin/audit-log", fetched)
        assert world.refusal() == "approvals-rewound"


@case("308")
def test_two_copies_of_the_log_that_do_not_follow_one_another_are_refused(
    books: Bookish,
) -> None:
    world = books.world
    start = world.repo.tip("audit-log")
    world.propose()
    books.decide()
    here = world.repo.tip("audit-log")
    git(world, "update-ref", "refs/heads/audit-log", start)
    memory_file(discover(world.repo.path)).unlink()  # somebody else records, from elsewhere
    world.later(minutes=5)
    books.decide()
    git(world, "update-ref", "refs/remotes/origin/audit-log", here)
    assert world.refusal() == "log-copies-differ"


@case("308")
def test_every_copy_of_the_approvals_branch_counts_against_the_log(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    before = world.repo.tip("itil-gate-approvals")
    world.reject("carol")
    books.decide()
    whole = world.repo.tip("itil-gate-approvals")
    git(world, "update-ref", "refs/remotes/origin/itil-gate-approvals", whole)
    git(world, "update-ref", "refs/heads/itil-gate-approvals", before)
    assert world.check().outcome == "deny"


@pytest.mark.heavy
@case("140")
def test_policies_that_were_added_without_authority_are_refused_until_they_are_gone(
    books: Bookish,
) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    world.on_main({"policies/more.yaml": LENIENT.replace("name: approvals", "name: more")})
    books.landed()
    assert world.refusal() == "policies-unauthorised"
    git(world, "checkout", "--quiet", "main")
    git(world, "rm", "--quiet", "policies/more.yaml")
    world.commit(message="take it back")
    books.landed()
    assert world.check().outcome == "allow"


@pytest.mark.heavy
@case("140")
def test_policies_that_went_back_and_forth_without_authority_are_as_good_as_at_first(
    books: Bookish,
) -> None:
    """What the second push left is what the first one found."""
    world = books.world
    world.propose()
    world.approve("bob")
    world.on_main({"policies/approvals.yaml": LENIENT}, by="alice")
    books.landed()
    world.on_main({"policies/approvals.yaml": APPROVALS}, by="alice")
    books.landed()
    assert world.check().outcome == "allow"
    world.on_main({"policies/approvals.yaml": LENIENT}, by="alice")
    books.landed()
    assert world.refusal() == "policies-unauthorised"


@pytest.mark.heavy
@case("140")
def test_policies_on_a_target_that_went_back_do_not_judge(books: Bookish) -> None:
    """The record ends at a commit that the target no longer holds."""
    world = books.world
    adopted = world.repo.tip("main")
    world.on_main({"src/lib.py": "1\n"})
    books.landed()
    git(world, "checkout", "--quiet", "main")
    git(world, "reset", "--quiet", "--hard", adopted)
    world.propose()
    world.approve("bob")
    assert world.check().outcome == "allow"  # an earlier state of what is recorded
    world.on_main({"src/other.py": "2\n"})
    assert world.refusal() == "policies-unrecorded"


@case("140")
def test_policies_that_nobody_recorded_do_not_judge(books: Bookish) -> None:
    world = books.world
    world.propose({"deploy/app.yaml": "replicas: 9\n"})
    assert world.check().outcome == "pending"
    world.on_main({"policies/approvals.yaml": LENIENT}, by="alice")
    assert world.refusal() == "policies-unrecorded"


@case("140")
def test_policies_that_came_without_authority_do_not_judge_until_they_are_gone(
    books: Bookish,
) -> None:
    world = books.world
    world.propose({"deploy/app.yaml": "replicas: 9\n"})
    world.on_main({"policies/approvals.yaml": LENIENT}, by="alice")
    (tile,) = books.landed()
    assert tile.update.standing == "unauthorised"
    assert world.refusal() == "policies-unauthorised"
    world.on_main({"src/app.py": "print('later')\n"}, by="alice")
    books.landed()
    assert world.refusal() == "policies-unauthorised"
    world.on_main({"policies/approvals.yaml": APPROVALS}, by="alice")
    books.landed()
    assert world.check().outcome == "pending"


def test_what_else_nobody_recorded_does_not_stop_the_gate(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    world.on_main({"src/lib.py": "print('straight in')\n"}, by="alice")
    assert world.check().outcome == "allow"


def test_policies_that_were_authorised_and_recorded_judge(books: Bookish) -> None:
    world = books.world
    world.propose(
        {"policies/approvals.yaml": LENIENT}, branch="policy", scope='"policies/**"', change=OTHER
    )
    world.approve("carol", "dave", head="policy", change=OTHER)
    assert only(world.check("policy")).outcome == "allow"
    books.decide("policy")
    before, _ = books.merge("policy")
    world.propose({"deploy/app.yaml": "replicas: 9\n"})
    assert world.refusal() == "policies-unrecorded"
    books.landed(before)
    world.approve("erin")
    assert world.check().outcome == "allow"


@case("63")
def test_a_rebase_does_not_hide_who_made_what_is_rebased(books: Bookish) -> None:
    world = books.world
    world.propose(by="bob")
    books.decide()
    tree = world.repo.git("rev-parse", "feature^{tree}")
    parent = world.repo.tip("main")
    world.repo.checkout("feature")
    git(world, "reset", "--quiet", "--hard", parent)
    git(world, "read-tree", "-u", "--reset", tree)
    world.commit(by="alice", message="the same, in another name")
    assert world.repo.git("rev-parse", "feature^{tree}") == tree
    world.approve("bob")
    decision = world.check()
    assert decision.outcome == "pending"
    (entry,) = only(decision).ledger
    assert (entry.person, entry.counted, entry.code) == ("bob", False, "contributor")


@case("27")
def test_the_head_moves_between_the_decision_and_the_merge(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    books.decide()
    world.commit({"src/more.py": "print('more')\n"})
    before, _ = books.merge()
    (tile,) = books.landed(before)
    assert tile.update.standing == "unauthorised"


@pytest.mark.heavy
@case("222")
def test_ten_runs_record_one_landing_once(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    books.decide()
    before, _ = books.merge()
    found = [books.landed(before) for _ in range(10)]
    assert [len(tiles) for tiles in found] == [1] + [0] * 9
    assert books.kinds().count("ref-update") == 1


def test_a_change_of_another_id_is_not_held_against_anybody(books: Bookish) -> None:
    world = books.world
    world.propose(by="bob", branch="other", change=OTHER)
    books.decide("other")
    world.propose({"src/lib.py": "print('mine')\n"}, change=CHG)
    world.approve("bob")
    assert world.check().outcome == "allow"
