"""status: every state comes from evidence, on branches, on the target, or signed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.repository import Repo
from support.shell import run_gate
from support.world import CHG, NOW, OTHER, World, request_file

from itil_gate.audit.proposals import merged_changes, open_changes
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.audit.state import DerivedState

WINDOW = '  window: {start: "2026-03-03T22:00", end: "2026-03-03T23:00", timezone: UTC}\n'


def states(world: World, *, at: datetime = NOW, only: str | None = None) -> list[DerivedState]:
    with open_view(discover(world.repo.path)) as view:
        target, tip = "refs/heads/main", world.repo.tip("main")
        found = open_changes(view, target=target, tip=tip, now=at, only=only)
        merged = merged_changes(view, target=target, tip=tip, now=at, only=only)
    assert not found.unread
    return [*found.states, *merged]


def state(world: World, *, at: datetime = NOW) -> DerivedState:
    (one,) = states(world, at=at)
    return one


def test_a_valid_request_that_waits_is_proposed_with_what_it_waits_for(desk: World) -> None:
    head = desk.propose()
    found = state(desk)
    assert (found.change, found.state, found.head) == (CHG, "proposed", head)
    assert found.refs == ("refs/heads/feature",)
    assert found.evidence == ("missing-approval: review: 0 of 1 peer",)
    assert any(CHG in step.command for step in found.next)


def test_a_denied_request_is_proposed_with_what_denies_it(desk: World) -> None:
    desk.propose({"src/app.py": "1\n"}, scope="docs/**")
    found = state(desk)
    assert found.state == "proposed"
    assert any(line.startswith("uncovered-change: ") for line in found.evidence)


def test_an_approved_request_is_authorised_by_the_statement(desk: World) -> None:
    desk.propose()
    desk.approve("erin")
    found = state(desk)
    assert found.state == "authorised"
    assert found.evidence[0].startswith("erin approved (")


def test_a_rejection_and_a_withdrawal_are_states_of_their_own(desk: World) -> None:
    desk.propose()
    desk.reject("carol")
    found = state(desk)
    assert found.state == "rejected"
    assert "carol rejected the change" in found.evidence[0]
    desk.file(desk.state("withdraw-change", "alice"))
    assert state(desk).state == "withdrawn"


def test_a_request_that_cannot_be_read_is_a_draft(desk: World) -> None:
    desk.commit({f"changes/2026/{CHG}.yaml": request_file().replace("reason", "raeson")})
    found = state(desk)
    assert (found.change, found.state) == (CHG, "draft")
    assert any(line.startswith("unknown-key: ") for line in found.evidence)


def test_a_window_that_ended_before_the_merge_is_expired(desk: World) -> None:
    desk.propose(extra=WINDOW)
    assert state(desk).state == "proposed"
    found = state(desk, at=NOW + timedelta(days=3))
    assert found.state == "expired"
    assert found.evidence[0].startswith("window-past: ")


def test_a_merged_request_is_scheduled_until_its_window_and_then_only_merged(desk: World) -> None:
    desk.propose(extra=WINDOW)
    desk.repo.checkout("main")
    desk.repo.merge("feature")
    found = state(desk)
    assert found.state == "scheduled"
    assert "its window begins 2026-03-03 22:00 UTC" in found.evidence
    for later in (timedelta(days=1, hours=10, minutes=30), timedelta(days=9)):
        found = state(desk, at=NOW + later)
        assert found.state == "merged"
        assert "no log of releases is kept" in found.evidence[-1]


def test_one_merged_change_names_the_commit_that_brought_it(desk: World) -> None:
    desk.propose()
    desk.repo.checkout("main")
    merge = desk.repo.merge("feature")
    (found,) = states(desk, only=CHG)
    assert found.state == "merged"
    assert f"commit {merge[:12]} brought" in found.evidence[0]


def test_a_squashed_branch_proposes_nothing_any_more(desk: World) -> None:
    desk.propose()
    desk.repo.checkout("main")
    desk.repo.git("merge", "--squash", "--quiet", "feature")
    desk.commit(by="carol")
    assert [one.state for one in states(desk)] == ["merged"]


def test_a_branch_that_went_on_hides_where_it_came_from(desk: World) -> None:
    desk.propose(branch="one")
    desk.repo.checkout("two", create=True, at="one")
    head = desk.commit({"src/lib.py": "1\n"})
    found = state(desk)
    assert (found.head, found.refs) == (head, ("refs/heads/two",))


def test_two_versions_of_a_change_are_both_told(desk: World) -> None:
    desk.propose({"src/app.py": "1\n"}, branch="one")
    desk.propose({"src/app.py": "2\n"}, branch="two")
    assert [one.refs for one in states(desk)] == [("refs/heads/one",), ("refs/heads/two",)]


def test_branches_of_origin_and_pull_requests_are_read_too(desk: World, tmp_path: Path) -> None:
    desk.propose(branch="one")
    two = desk.propose(branch="two", change=OTHER)
    desk.repo.git("update-ref", "refs/pull/7/head", two)
    desk.repo.git("update-ref", "refs/pull/7/merge", two)
    desk.repo.git("branch", "-D", "--quiet", "one", ok=(0, 1))
    desk.repo.checkout("main")
    desk.repo.git("branch", "-D", "--quiet", "two")
    clone = desk.repo.clone(tmp_path / "clone")
    clone.git("fetch", "--quiet", "origin", "refs/pull/*/head:refs/pull/*/head")
    found = states(World(clone, desk.keyring))
    assert [(one.change, one.refs) for one in found] == [(OTHER, ("refs/pull/7/head",))]
    desk.repo.branch("one", two)
    clone.git("fetch", "--quiet", "origin")
    assert states(World(clone, desk.keyring))[0].refs == (
        "refs/pull/7/head",
        "refs/remotes/origin/one",
    )


def test_branches_without_a_request_or_without_common_history_are_passed_over(
    desk: World,
) -> None:
    desk.commit({"src/app.py": "1\n"})
    tree = desk.repo.tree("feature")
    desk.repo.branch("pages", desk.repo.commit_tree(tree))
    desk.propose(branch="approved")
    desk.approve("erin", head="approved")
    assert {one.refs for one in states(desk)} == {("refs/heads/approved",)}


def test_a_branch_that_cannot_be_judged_is_undecided_and_says_why(desk: World) -> None:
    desk.propose()
    blob = desk.repo.tip(f"feature:changes/2026/{CHG}.yaml")
    (desk.repo.git_dir / "objects" / blob[:2] / blob[2:]).unlink()
    found = state(desk)
    assert (found.change, found.state) == (CHG, "undecided")
    assert found.evidence[0].startswith("object-missing: ")


def test_a_branch_whose_extent_is_ambiguous_is_told_and_hides_no_other(desk: World) -> None:
    desk.propose(branch="clear")
    desk.repo.checkout("cross", create=True, at="main")
    desk.commit({"src/x.py": "1\n"})
    desk.on_main({"src/y.py": "1\n"})
    side = desk.repo.tip("main")
    desk.repo.checkout("main")
    desk.repo.merge("cross")
    desk.repo.checkout("cross")
    desk.repo.merge(side)
    desk.propose(branch="cross", at="cross", change=OTHER)
    ran = run_gate("status", "--base", "main", cwd=desk.repo.path)
    assert ran.code == 0
    assert CHG in ran.out
    assert OTHER not in ran.out
    assert "not looked at: refs/heads/cross" in ran.err
    assert "several merge bases" in ran.err


def test_policies_of_the_target_that_do_not_load_are_an_error(desk: World) -> None:
    desk.propose()
    desk.on_main({"policies/risk.yaml": "kind: Wish\n"})
    ran = run_gate("status", "--base", "main", cwd=desk.repo.path)
    assert ran.code == 2
    assert "invalid-policy-set" in ran.err


def test_the_command_tells_open_changes_and_one_in_full(desk: World) -> None:
    desk.propose()
    ran = run_gate("status", "--base", "main", cwd=desk.repo.path)
    assert ran.code == 0
    assert ran.out.startswith(f"proposed    {CHG}  A change\n")
    assert "next:" not in ran.out
    ran = run_gate("status", CHG, "--base", "main", cwd=desk.repo.path)
    assert "next: bob, carol, dave or erin: itil-gate approve" in ran.out
    data: Any = json.loads(
        run_gate("status", "--format", "json", "--base", "main", cwd=desk.repo.path).out
    )
    assert data["apiVersion"] == "itil-gate/status/v1"
    assert [(one["change"], one["state"]) for one in data["changes"]] == [(CHG, "proposed")]


def test_nothing_open_is_said_and_an_unknown_change_is_an_error(desk: World) -> None:
    ran = run_gate("status", "--base", "main", cwd=desk.repo.path)
    assert (ran.code, ran.out) == (0, "no change is open\n")
    ran = run_gate("status", CHG, "--base", "main", cwd=desk.repo.path)
    assert ran.code == 2
    assert "no-such-change" in ran.err


@pytest.mark.parametrize("text", ["", "apiVersion: itil-gate/v1\nkind: Config\n"])
def test_a_target_that_has_not_adopted_the_gate_is_an_error(tmp_path: Path, text: str) -> None:
    repo = Repo(tmp_path / "repo")
    repo.commit(files={"a": "1\n", **({"itil-gate.yaml": text} if text else {})})
    assert run_gate("status", cwd=repo.path).code == 2


def test_times_are_those_of_the_clock_in_utc(desk: World) -> None:
    desk.propose(extra=WINDOW.replace("UTC", "America/New_York"))
    desk.repo.checkout("main")
    desk.repo.merge("feature")
    found = state(desk, at=datetime(2026, 3, 4, 2, 59, tzinfo=UTC))
    assert found.state == "scheduled"
    assert "its window begins 2026-03-04 03:00 UTC" in found.evidence
