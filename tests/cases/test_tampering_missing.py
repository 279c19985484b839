"""Policies that are missing, empty, moved away, or that nobody reads: never a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.casting import requiring, set_requirements
from support.judging import EVERYTHING, on_target, refused, undecided
from support.shell import run_gate
from support.world import (
    APPROVALS,
    CONFIG,
    RISK,
    SERVICES,
    broken,
    findings,
    only,
)

if TYPE_CHECKING:
    from support.world import World

POLICY = "policies/approvals.yaml"
MODEL = "policies/risk.yaml"
SERVICE = "services/payments.yaml"
MORE = requiring("id: authority-too, levels: [low], role: change-authority").replace(
    "name: approvals", "name: more"
)


def remove_on_main(world: World, *paths: str) -> None:
    """Let files be deleted on main, whatever the gate thinks of it."""
    world.repo.checkout("main")
    for path in paths:
        world.repo.remove(path)
    world.commit(by="carol", message="clean up")


@case("114")
@pytest.mark.parametrize(
    ("paths", "code", "word"),
    [
        ((POLICY,), "no-policy", "no ApprovalPolicy in policies/"),
        ((MODEL,), "no-policy", "no RiskModel in policies/"),
        ((POLICY, MODEL), "no-policy", "no ApprovalPolicy in policies/"),
        (("people.yaml",), "invalid-policy-set", "people.yaml, the roster of people"),
        (("itil-gate.yaml",), "not-adopted", "has no itil-gate.yaml"),
    ],
)
def test_a_target_without_a_policy_file_decides_nothing(
    world: World, paths: tuple[str, ...], code: str, word: str
) -> None:
    world.propose()
    remove_on_main(world, *paths)
    error = undecided(world)
    assert error.code == code
    assert word in error.message
    assert error.hint
    ran = run_gate("check", "--base", "main", "--head", "feature", cwd=world.repo.path)
    assert ran.code == 2
    assert f"itil-gate: {code}: " in ran.err
    assert ran.out == ""


@case("114")
@pytest.mark.parametrize(
    "path",
    ["policies/approvals.yaml.off", "policies/approvals.txt", "archive/approvals.yaml", "Policies"],
)
def test_a_pull_request_that_puts_the_policy_out_of_reach_is_denied(
    world: World, path: str
) -> None:
    world.propose({path: APPROVALS}, scope=EVERYTHING)
    world.repo.remove(POLICY)
    world.commit()
    world.approve("bob", "carol")
    assert "no ApprovalPolicy in policies/" in refused(world.check()).message


@case("114")
def test_a_policy_moved_within_the_folder_is_the_same_policy(world: World) -> None:
    world.propose({"policies/deeper/who.yml": APPROVALS}, scope=EVERYTHING)
    world.repo.remove(POLICY)
    world.commit()
    decision = world.check()
    assert {(one.side, one.id) for one in only(decision).requirements} == {
        (side, name) for side in ("target", "proposed") for name in ("owner", "authority")
    }


@case("114", "126")
def test_taking_away_one_of_several_policies_is_judged_by_all_of_them(world: World) -> None:
    world.commit({"policies/more.yaml": MORE.replace("[low]", "[high]")}, by="carol")
    world.propose(scope=EVERYTHING)
    world.repo.remove("policies/more.yaml")
    world.commit()
    world.approve("bob", "carol")
    decision = world.check()
    assert decision.outcome == "pending"
    assert only(decision).risk.level == "high"
    (state,) = (one for one in only(decision).requirements if one.id == "authority-too")
    assert (state.side, state.counted) == ("target", ())
    world.approve("dave")
    assert world.check().outcome == "allow"


@case("114")
@pytest.mark.parametrize(
    "path", ["policies/more.YAML", "policies/more.Yml", "calendar/end.ICS", "services/x.YAML"]
)
def test_a_file_that_only_capitals_keep_from_being_read_is_refused(world: World, path: str) -> None:
    error, said = on_target(world, {path: MORE})
    assert error.code == "irregular-file"
    assert f"{path} would not be read" in said
    assert f"rename it to {path.rpartition('.')[0]}.{path.rpartition('.')[2].lower()}" in said
    world.repo.checkout("main")
    ran = run_gate("lint", cwd=world.repo.path)
    assert ran.code == 1
    assert f"{path} would not be read" in " ".join(ran.out.split())


@case("114")
def test_a_pull_request_cannot_hide_a_policy_behind_capitals(world: World) -> None:
    world.commit({"policies/more.yaml": MORE}, by="carol")
    world.propose({"policies/more.YAML": MORE}, scope=EVERYTHING)
    world.repo.remove("policies/more.yaml")
    world.commit()
    found = refused(world.check())
    assert "policies/more.YAML would not be read" in found.message
    assert "rename it to policies/more.yaml" in found.remedy


ICS = """\
BEGIN:VCALENDAR
BEGIN:VEVENT
SUMMARY:Freeze
DTSTART;VALUE=DATE:20260301
DTEND;VALUE=DATE:20260401
END:VEVENT
END:VCALENDAR
"""
NAMING = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {name: freezes, owner: change-authority, reviewBy: 2027-01-01}
spec:
  files: [{path: calendar/freeze.ics, means: freeze}]
"""


@case("114")
def test_a_calendar_file_that_nobody_names_is_not_passed_over(world: World) -> None:
    """Whoever put it there believes that its freeze holds."""
    error, said = on_target(world, {"calendar/freeze.ics": ICS})
    assert error.code == "invalid-policy-set"
    assert "no Calendar names calendar/freeze.ics, so nothing in it holds" in said
    world.on_main({"calendar/names.yaml": NAMING})
    assert "in-freeze" in broken(world.check())


@case("114")
def test_a_pull_request_cannot_unname_a_calendar_file(world: World) -> None:
    world.commit({"calendar/freeze.ics": ICS, "calendar/names.yaml": NAMING}, by="carol")
    world.propose(scope=EVERYTHING)
    world.repo.remove("calendar/names.yaml")
    world.commit()
    assert "no Calendar names calendar/freeze.ics" in refused(world.check()).message


@case("115")
@pytest.mark.parametrize(
    "text",
    [
        APPROVALS.partition("  requirements:")[0] + "  requirements: []\n",
        APPROVALS.partition("spec:")[0] + "spec: {}\n",
        APPROVALS.partition("spec:")[0],
        APPROVALS.partition("  requirements:")[0] + "  requirements:\n",
        APPROVALS.replace("levels: [low]", "levels: []"),
        "",
        "# approvals: []\n",
        "[]\n",
    ],
    ids=["no requirement", "no list", "no spec", "blank", "no level", "nothing", "comment", "list"],
)
def test_a_policy_that_asks_for_nothing_does_not_load(world: World, text: str) -> None:
    _, said = on_target(world, {POLICY: text})
    assert POLICY in said


@case("115", "116")
@pytest.mark.parametrize(
    ("change", "level"), [("src/app.py", "low"), ("deploy/app.yaml", "medium"), ("db/x", "high")]
)
def test_where_no_requirement_applies_the_change_is_denied_with_a_hint(
    world: World, change: str, level: str
) -> None:
    set_requirements(world, "id: rare, levels: [critical], role: peer")
    world.propose({change: "1\n"})
    decision = world.check()
    assert decision.outcome == "deny"
    assert "no-applicable-policy" in broken(decision)
    (found,) = findings(decision, "no-applicable-policy")
    assert found.message.startswith(f"no approval requirement applies to {level} risk")
    assert "ApprovalPolicy on the target" in found.remedy


@case("116")
def test_lint_says_beforehand_which_level_nobody_thought_of(world: World) -> None:
    set_requirements(world, "id: rare, levels: [critical], role: peer")
    ran = run_gate("lint", cwd=world.repo.path)
    assert "level-without-requirement" in ran.out
    assert "low and medium and high risk" in ran.out


@case("126")
def test_deleting_who_owns_a_service_is_a_change_of_policy(world: World) -> None:
    world.commit({"services/other.yaml": SERVICES.replace("payments-api", "other")}, by="carol")
    world.propose(scope=EVERYTHING)
    world.repo.remove(SERVICE)
    world.commit()
    decision = world.check()
    assert decision.outcome == "deny"
    assert only(decision).risk.level == "high"
    (found,) = findings(decision, "unknown-service")
    assert "payments-api" in found.message


@case("126")
def test_unsaying_what_belongs_to_a_service_needs_its_owners(world: World) -> None:
    """Coverage that shrinks is judged by the coverage that there was."""
    world.propose(
        {SERVICE: SERVICES.replace("src/** deploy/** db/**", "src/**"), "db/x": "1\n"},
        scope=EVERYTHING,
    )
    world.approve("erin", "carol")
    decision = world.check()
    assert decision.outcome == "pending"
    assert {one.side for one in only(decision).requirements if one.id == "owner"} == {
        "target",
        "proposed",
    }


@case("126")
@pytest.mark.parametrize(
    "config",
    [
        CONFIG.replace("exempt:", 'governed: ["docs/**"]\nexempt:'),
        CONFIG.replace('["docs/**"]', '["**"]'),
        CONFIG + "locations: {changes: docs}\n",
    ],
    ids=["governs less", "exempts all", "requests elsewhere"],
)
def test_governing_less_is_itself_judged_as_before(world: World, config: str) -> None:
    world.propose({"itil-gate.yaml": config, "src/app.py": "1\n"}, scope="itil-gate.yaml")
    world.approve("bob", "carol")
    decision = world.check()
    assert decision.outcome == "deny"
    (found, *_) = findings(decision, "uncovered-change")
    assert "src/app.py" in found.message


@case("126")
def test_a_model_that_sees_less_risk_is_judged_by_the_one_that_sees_more(world: World) -> None:
    blind = RISK.partition("  floors:")[0]
    world.propose({MODEL: blind, "db/x": "1\n"}, scope=EVERYTHING)
    decision = world.check()
    assert only(decision).risk.level == "high"
    assert "schema" in " ".join(one.source for one in only(decision).risk.contributions)
