"""What commands say about the organisation's own policies: rules, models and lanes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from support.shell import Ran, run_gate
from support.world import CHG

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

HEAD = (
    "apiVersion: itil-gate/v1\n"
    "metadata: {name: NAME, owner: change-authority, reviewBy: 2099-01-01}\n"
)
RULES = (
    HEAD.replace("NAME", "house")
    + "kind: RuleSet\nspec:\n  rules:\n"
    + "    - {id: tested, when: \"lane != 'express'\",\n"
    + "       expect: has(change.spec.plans.test), message: Nobody tried it.,\n"
    + "       remedy: Try it., rationale: The untried fails., controls: ['NIST:CM-4'],\n"
    + "       docs: 'https://example.com/tested'}\n"
    + "    - {id: calm, expect: '!schedule.inFreeze', message: It is frozen.,\n"
    + "       docs: 'javascript:alert(1)'}\n"
)
MODEL = (
    HEAD.replace("NAME", "text") + "kind: ChangeModel\nspec:\n  type: standard\n"
    "  description: Texts that users read.\n  paths: ['src/texts/**']\n"
    "  limits: {files: 2, environments: [production]}\n"
    "  recognise: true\n  expires: 2098-12-31\n"
)


@pytest.fixture
def house(desk: World) -> World:
    """Alice's desk in an organisation with rules and a standard model."""
    desk.on_main({"policies/house.yaml": RULES, "policies/text.yaml": MODEL, "src/texts/a": "1\n"})
    desk.repo.git("reset", "-q", "--hard", "main")
    return desk


def gate(world: World, *arguments: str | Path) -> Ran:
    return run_gate(*arguments, "--base", "main", cwd=world.repo.path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tested", "tested, a soft rule of house"),
        ("tested", "because    The untried fails."),
        ("owner", "owner, a requirement of approvals"),
        ("deployment", "deployment, a floor of the risk model paths"),
        ("text", "text, a standard change model"),
    ],
)
def test_an_entry_of_the_policies_is_explained_by_its_id(
    house: World, name: str, said: str
) -> None:
    ran = gate(house, "explain", name)
    assert ran.code == 0
    assert said in ran.out


def test_a_slip_in_the_id_of_an_entry_is_answered_with_its_neighbour(house: World) -> None:
    ran = gate(house, "explain", "testd")
    assert ran.code == 2
    assert "Did you mean tested or text?" in ran.err


def test_a_rule_of_the_organisation_links_to_its_own_page_and_to_no_script(house: World) -> None:
    house.propose()
    ran = gate(house, "check", "--head", "feature")
    assert ran.code == 1
    assert "https://example.com/tested" in ran.out
    assert "itil-gate.dev/rules/tested" not in ran.out
    for form in ("markdown", "sarif", "junit"):
        told = gate(house, "check", "--head", "feature", "--format", form).out
        assert "https://example.com/tested" in told
        assert "javascript:" not in told


def test_new_says_that_a_recognised_change_needs_no_request(house: World) -> None:
    house.commit({"src/texts/a": "2\n"})
    ran = gate(house, "new", "--yes")
    assert (ran.code, ran.out) == (0, ""), ran.err
    found = re.search(r"STD-text-[0-9a-f]{12}", ran.err)
    assert found is not None
    assert gate(house, "check").code == 0
    told = gate(house, "explain", found[0])
    assert told.code == 0
    assert "express" in told.out
    log: Any = json.loads(gate(house, "check", "--format", "sarif").out)
    assert log["runs"][0]["results"] == []


def test_new_takes_the_type_from_the_model_and_tells_the_lane(house: World) -> None:
    house.commit({"src/texts/a": "2\n"})
    ran = gate(house, "new", "--model", "text", "--title", "A word", "--reason", "It was wrong.")
    assert ran.code == 0, ran.err
    assert "lane: express, following the model text" in ran.err
    assert "it will take no approval" in ran.err
    written = (house.repo.path / ran.out.strip()).read_text("utf-8")
    assert "type: standard" in written
    assert "model: text" in written


def test_new_tells_which_rules_are_still_in_the_way(house: World) -> None:
    house.commit({"src/app.py": "2\n"})
    ran = gate(house, "new", "--title", "A word", "--reason", "It was wrong.", "--yes")
    assert ran.code == 0, ran.err
    assert "tested: Nobody tried it." in ran.err


def test_explain_shows_what_a_broken_rule_read_and_where_it_stands(house: World) -> None:
    asked = (
        "'has(change.spec.plans.test) || (has(change.spec.expectedOutcome)"
        " && change.spec.expectedOutcome == lane)'"
    )
    rules = RULES.replace("has(change.spec.plans.test)", asked)
    house.on_main({"policies/house.yaml": rules})
    house.propose({"src/app.py": "2\n"}, extra="  expectedOutcome: none\n")
    told = gate(house, "explain", CHG, "--head", "feature").out
    shown = told[told.index("What the rules read of") :].split("\n\n")[0].splitlines()
    assert shown[1] == "  tested"
    assert [line.split("  (")[0].strip() for line in shown[2:]] == [
        'change.spec.expectedOutcome = "none"',
        "change.spec.plans.test = missing",
        'lane = "peer"',
    ]
    assert f"(changes/2026/{CHG}.yaml:11:" in shown[2]
