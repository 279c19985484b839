"""Policies that take themselves out of sight: kept as tests, outside the folder, or by a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.casting import requiring
from support.judging import EVERYTHING, in_proposal, refused
from support.rules import rule, rule_set
from support.shell import run_gate
from support.world import CONFIG, RISK, broken, findings, only

if TYPE_CHECKING:
    from support.world import World

HOUSE = "policies/house.yaml"
MORE = requiring("id: more, levels: [low, high], role: change-authority").replace(
    "name: approvals", "name: more"
)
MODEL = """\
apiVersion: itil-gate/v1
kind: ChangeModel
metadata: {name: anything, owner: change-authority, reviewBy: 2027-01-01}
spec:
  type: standard
  description: Whatever I do.
  paths: ["src/**"]
  limits: {files: 100, deletions: 100, environments: [production], risk: high}
  recognise: true
  expires: 2026-12-31
"""
FREEZE = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {name: freezes, owner: change-authority, reviewBy: 2027-01-01}
spec:
  freezes:
    - {id: spring, reason: Audit week., start: "2026-03-01T00:00", end: "2026-03-08T00:00",
       timezone: UTC}
"""


@case("114", "126")
def test_a_policy_that_is_moved_among_the_tests_still_judges_its_own_move(world: World) -> None:
    world.commit({"policies/more.yaml": MORE}, by="carol")
    world.propose({"policies/tests/more.yaml": MORE}, scope=EVERYTHING)
    world.repo.remove("policies/more.yaml")
    world.commit()
    world.approve("bob", "carol")
    decision = world.check()
    assert decision.outcome == "pending"
    states = {(one.side, one.id): one.state for one in only(decision).requirements}
    assert states["target", "more"] == "PENDING"
    assert ("proposed", "more") not in states
    ran = run_gate("policy", "lint", cwd=world.repo.path)
    assert ran.code == 1
    assert "policies/tests/more.yaml" in ran.out


@case("114")
def test_only_a_folder_of_tests_among_the_policies_is_left_unread(world: World) -> None:
    """A repository may keep its calendar below a folder of that name; its freezes hold."""
    files = {
        "itil-gate.yaml": f"{CONFIG}locations: {{calendar: tests/calendar}}\n",
        "tests/calendar/freezes.yaml": FREEZE,
    }
    world.commit({**files}, by="carol")
    world.propose()
    assert "in-freeze" in broken(world.check())


@case("113", "FO-14")
def test_a_pull_request_cannot_bring_the_model_that_lets_it_pass(world: World) -> None:
    world.propose({"policies/models.yaml": MODEL, "src/app.py": "1\n"}, scope=EVERYTHING)
    decision = world.check()
    assert decision.outcome == "pending"
    assert only(decision).lane == "board"


@case("113", "FO-14")
def test_a_model_for_everything_does_not_load(world: World) -> None:
    text = MODEL.replace('["src/**"]', '["**"]')
    found = refused(in_proposal(world, {"policies/models.yaml": text}))
    assert "which is every path" in found.message


@case("113", "FO-14", "FO-03")
def test_a_model_that_is_only_proposed_recognises_nothing(world: World) -> None:
    world.repo.checkout("feature", create=True)
    world.commit({"policies/models.yaml": MODEL, "src/app.py": "1\n"})
    decision = world.check()
    assert decision.outcome == "deny"
    (found, *_) = findings(decision, "uncovered-change")
    assert "src/app.py" in found.message
    assert "policies/models.yaml" in found.message


@case("113")
@pytest.mark.parametrize("kind", ["standard", "registration", "emergency"])
def test_a_type_of_change_alone_opens_no_other_lane(world: World, kind: str) -> None:
    world.propose(extra="  model: anything\n" if kind != "emergency" else "")
    path = world.repo.path / "changes/2026"
    (file,) = path.glob("*.yaml")
    text = file.read_text().replace("type: normal", f"type: {kind}")
    world.commit({str(file.relative_to(world.repo.path)): text})
    decision = world.check()
    assert decision.outcome in ("deny", "pending")
    if decision.changes:
        assert only(decision).lane == "peer"
        assert only(decision).requirements


@case("132")
def test_lint_says_which_glob_stands_behind_another(world: World) -> None:
    config = CONFIG.replace('["docs/**"]', '["docs/api/**", "docs/**"]')
    world.commit({"itil-gate.yaml": config}, by="carol")
    ran = run_gate("lint", cwd=world.repo.path)
    assert "shadowed-glob" in ran.out
    assert "docs/api/**" in ran.out


@case("132")
def test_lint_says_which_floor_never_matters(world: World) -> None:
    floors = RISK.replace('"db/**"], level: high', '"deploy/x/**"], level: low')
    world.commit({"policies/risk.yaml": floors}, by="carol")
    ran = run_gate("lint", cwd=world.repo.path)
    assert "shadowed-floor" in ran.out
    assert "schema" in ran.out


@case("133")
def test_lint_says_which_globs_differ_only_in_case(world: World) -> None:
    config = CONFIG.replace('["docs/**"]', '["docs/**", "Docs/**"]')
    world.commit({"itil-gate.yaml": config}, by="carol")
    ran = run_gate("lint", cwd=world.repo.path)
    assert "path-case-collision" in ran.out
    assert "differ only in case" in " ".join(ran.out.split())


@case("FO-21")
def test_lint_says_which_condition_can_never_be_false(world: World) -> None:
    world.commit({HOUSE: rule_set(rule("diff.files >= 0 || true"))}, by="carol")
    ran = run_gate("lint", cwd=world.repo.path)
    assert "constant-condition" in ran.out or "always" in ran.out
