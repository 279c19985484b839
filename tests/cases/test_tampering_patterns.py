"""Patterns that mean more, or less, than they look like: order, case, parts of names."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.casting import requiring
from support.judging import on_target, undecided
from support.world import CHG, CONFIG, RISK, broken, findings, only, request_file

if TYPE_CHECKING:
    from support.world import World

MODEL = "policies/risk.yaml"
POLICY = "policies/approvals.yaml"
SET = "itil-gate.yaml"
EXEMPT = '{paths: ["docs/**"], reason: Prose runs nowhere., reviewBy: 2027-01-01}'


def floors(*entries: str) -> str:
    """Return the risk model with these floors, each the inside of a flow mapping."""
    return (
        RISK.partition("  floors:\n")[0]
        + "  floors:\n"
        + "".join(f"    - {{{entry}, reason: So.}}\n" for entry in entries)
    )


def level_of(world: World, path: str) -> str:
    """Return the risk of a change of one path."""
    world.propose({path: "1\n"}, scope='"**"')
    return only(world.check()).risk.level


@case("131")
@pytest.mark.parametrize(
    "entry",
    [
        '{paths: ["src/**"]}',
        '{paths: ["src/**"], reviewBy: 2027-01-01}',
        '{paths: ["src/**"], reason: Trust me.}',
        '{paths: ["src/**"], reason: "", reviewBy: 2027-01-01}',
        '{paths: ["src/**"], reason: " ", reviewBy: 2027-01-01}',
        '{paths: ["src/**"], reason: Trust me., reviewBy: never}',
        "{paths: [], reason: Trust me., reviewBy: 2027-01-01}",
        '"src/**"',
    ],
)
def test_an_exemption_says_why_and_until_when(world: World, entry: str) -> None:
    assert EXEMPT in CONFIG
    error, said = on_target(world, {SET: CONFIG.replace(EXEMPT, entry)})
    assert error.code == "invalid-config"
    assert f"{SET}:6:" in said
    assert "exempt[0]" in said


@case("132")
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_order_of_floors_does_not_matter_and_the_highest_holds(
    world: World, order: tuple[int, ...]
) -> None:
    entries = (
        'id: narrow, paths: ["src/pay/**"], level: high',
        'id: broad, paths: ["src/**"], level: medium',
        'id: all, paths: ["**"], level: low',
    )
    world.commit({MODEL: floors(*(entries[place] for place in order))}, by="carol")
    assert level_of(world, "src/pay/x") == "high"


@case("132")
@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
def test_the_order_of_requirements_does_not_matter_and_all_are_asked(
    world: World, order: tuple[int, ...]
) -> None:
    entries = (
        "id: strict, levels: [low], role: change-authority",
        "id: loose, levels: [low, medium, high, critical], role: peer",
    )
    world.commit({POLICY: requiring(*(entries[place] for place in order))}, by="carol")
    world.propose()
    assert {one.id for one in only(world.check()).requirements} == {"strict", "loose"}


@case("132")
def test_a_broad_exemption_does_not_undo_that_the_judge_is_governed(world: World) -> None:
    world.commit({SET: CONFIG.replace('["docs/**"]', '["**"]')}, by="carol")
    world.repo.checkout("feature", create=True)
    world.commit({POLICY: requiring("id: any, levels: [low], role: peer"), "src/x": "1\n"})
    decision = world.check()
    (found, *_) = findings(decision, "uncovered-change")
    assert POLICY in found.message
    assert "src/x" not in found.message


CASES = ("Deploy/app.yaml", "deploy/App.yaml", "DEPLOY/APP.YAML")


@case("133")
@pytest.mark.parametrize("path", CASES)
def test_a_scope_in_another_case_covers_nothing(world: World, path: str) -> None:
    world.propose({path: "1\n"}, scope='"deploy/app.yaml"')
    (found,) = findings(world.check(), "uncovered-change")
    assert path in found.message


@case("133")
@pytest.mark.parametrize("path", ["Docs/index.md", "DOCS/index.md"])
def test_an_exemption_in_another_case_frees_nothing(world: World, path: str) -> None:
    world.repo.checkout("feature", create=True)
    world.commit({path: "1\n"})
    (found,) = findings(world.check(), "uncovered-change")
    assert path in found.message


@case("133")
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("People.yaml", "apiVersion: itil-gate/v1\nkind: People\npersons: []\n"),
        ("ITIL-GATE.yaml", "mode: off\n"),
        ("Policies/approvals.yaml", requiring("id: any, levels: [low], role: peer")),
        (f"Changes/2026/{CHG}.yaml", request_file()),
    ],
)
def test_a_judge_in_another_case_judges_nothing(world: World, path: str, text: str) -> None:
    world.repo.checkout("feature", create=True)
    world.commit({path: text, "src/app.py": "1\n"})
    decision = world.check()
    assert decision.changes == ()
    assert decision.digests.proposed is None
    (found,) = findings(decision, "uncovered-change")
    assert path in found.message


@case("134")
@pytest.mark.parametrize("branch", ["not-main", "main2", "dev/main", "maintenance"])
def test_a_branch_whose_name_holds_that_of_a_target_is_no_target(world: World, branch: str) -> None:
    world.repo.branch(branch, "main")
    world.propose()
    error = undecided(world, base=branch)
    assert error.code == "target-not-governed"
    assert f"refs/heads/{branch} is not among the targets" in error.message
    assert "refs/heads/main" in error.hint


@case("134")
@pytest.mark.parametrize(
    ("glob", "path", "level"),
    [
        ("pay", "src/pay/x", "low"),
        ("pay/**", "src/pay/x", "low"),
        ("src/pay", "src/pay/x", "low"),
        ("*.sql", "db2/x.sql", "low"),
        ("src/*", "src/pay/x", "low"),
        ("src/p.y/x", "src/pay/x", "low"),
        ("src/(pay|play)/x", "src/pay/x", "low"),
        ("**/pay/**", "src/pay/x", "high"),
        ("**/*.sql", "db2/x.sql", "high"),
        ("src/pa?/*", "src/pay/x", "high"),
    ],
)
def test_a_glob_means_the_whole_path(world: World, glob: str, path: str, level: str) -> None:
    world.commit({MODEL: floors(f'id: one, paths: ["{glob}"], level: high')}, by="carol")
    assert level_of(world, path) == level


@case("134")
@pytest.mark.parametrize("glob", ["app.py", "rc/app.py", "src/app", "src/app.p", "src/app.py/**"])
def test_a_scope_that_is_only_a_part_of_the_path_covers_nothing(world: World, glob: str) -> None:
    world.propose(scope=f'"{glob}"')
    assert "uncovered-change" in broken(world.check())


@case("135")
@pytest.mark.parametrize("pattern", ["(", "[a", "*", "(?<x"])
def test_an_invalid_regular_expression_in_the_own_schema_is_refused(
    world: World, pattern: str
) -> None:
    schema = f'{{"properties": {{"x-team": {{"type": "string", "pattern": "{pattern}"}}}}}}'
    _, said = on_target(
        world, {SET: f"{CONFIG}extensions: policies/own.json\n", "policies/own.json": schema}
    )
    assert "policies/own.json" in said
    assert "pattern" in said
