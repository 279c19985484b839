"""explain: a rule, a change and a stored decision, in full."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.shell import Ran, run_gate
from support.world import CHG, OTHER

from itil_gate.decide.rules import GATE_RULES
from itil_gate.report.explanation import explain_rule
from itil_gate.report.rulebook import RULES

if TYPE_CHECKING:
    from support.world import World

BASE = ("--base", "main")


def explain(world: World, *arguments: str) -> Ran:
    return run_gate("explain", *arguments, cwd=world.repo.path)


def test_a_rule_is_told_with_reason_remedy_and_both_examples(desk: World) -> None:
    ran = explain(desk, "uncovered-change")
    rule = GATE_RULES["uncovered-change"]
    assert ran.code == 0
    flat = " ".join(ran.out.split())
    for text in (rule.summary, rule.why, rule.remedy, "with the fault:", "mended:"):
        assert " ".join(text.split()) in flat


@pytest.mark.parametrize("name", RULES)
def test_every_rule_can_be_explained_on_plain_lines(name: str) -> None:
    text = explain_rule(RULES[name], width=80)
    assert text.startswith(f"{name}\n")
    assert all(line == line.rstrip() and line.isprintable() for line in text.splitlines())


def test_a_word_that_is_nothing_suggests_a_rule(desk: World) -> None:
    ran = explain(desk, "uncoverd-change")
    assert ran.code == 2
    assert "Did you mean uncovered-change" in ran.err


def test_a_change_is_decided_as_check_does_and_told_in_full(desk: World) -> None:
    head = desk.propose({"db/schema.sql": "drop table t;\n"})
    ran = explain(desk, CHG, *BASE)
    checked = run_gate("check", *BASE, cwd=desk.repo.path)
    assert ran.code == checked.code == 3
    assert ran.out.splitlines()[:2] == checked.out.splitlines()[:2]
    assert f"itil-gate approve {CHG} --head {head}" in ran.out
    assert "uncovered-change: A governed path changes without a request" in ran.out
    assert f"{head[:12]}  Alice Adler <alice@example.com>; ssh signature: good" in ran.out
    assert "M db/schema.sql" in ran.out
    assert "policies/approvals.yaml" in ran.out


def test_the_branch_of_a_change_is_found_where_the_head_holds_another(desk: World) -> None:
    desk.propose({"src/app.py": "1\n"}, branch="one")
    desk.propose({"src/lib.py": "1\n"}, branch="two", change=OTHER)
    ran = explain(desk, CHG, *BASE)
    assert ran.code == 3
    assert "refs/heads/one" in ran.err
    assert "M src/app.py" in ran.out
    assert "M src/lib.py" not in ran.out


def test_several_versions_of_a_change_are_not_guessed_between(desk: World) -> None:
    desk.propose({"src/app.py": "1\n"}, branch="one")
    desk.propose({"src/app.py": "2\n"}, branch="two")
    desk.repo.checkout("main")
    ran = explain(desk, CHG, *BASE)
    assert ran.code == 2
    assert "refs/heads/one; refs/heads/two" in ran.err
    assert explain(desk, CHG, *BASE, "--head", "two").code == 3


def test_a_change_nobody_proposes_is_an_error(desk: World) -> None:
    desk.propose({"src/app.py": "1\n"})
    ran = explain(desk, OTHER, *BASE)
    assert ran.code == 2
    assert "no-such-change" in ran.err


def test_a_stored_decision_is_told_with_its_facts_and_a_printed_one_without(desk: World) -> None:
    desk.propose({"src/app.py": "1\n"})
    stored = desk.repo.path / "stored.json"
    ran = run_gate("check", *BASE, "--format", "json", "--output", str(stored), cwd=desk.repo.path)
    assert ran.code == 3
    told = explain(desk, "stored.json")
    assert told.code == 0
    assert "M src/app.py" in told.out
    assert "missing-approval" in told.out
    (desk.repo.path / "printed.json").write_text(ran.out)
    told = explain(desk, "printed.json")
    assert told.code == 0
    digests = json.loads(ran.out)["digests"]
    assert f"facts: sha256:{digests['facts']}" in told.out


def test_a_file_that_is_no_decision_is_refused(desk: World) -> None:
    desk.repo.write("x.json", "{}")
    ran = explain(desk, "x.json")
    assert ran.code == 2
    assert "not-a-stored-decision" in ran.err


def test_nothing_a_stranger_wrote_reaches_the_terminal_as_it_is(desk: World) -> None:
    desk.repo.checkout("feature", create=True, at="main")
    desk.people["evil"] = type(desk.keyring.alice)(
        "evil",
        "Eve \x1b[31m",
        "eve@example.com",
        desk.keyring.alice.key,
        desk.keyring.alice.public,
        desk.keyring.alice.fingerprint,
    )
    desk.propose({"src/\x1b[2J.py": "1\n"}, by="evil")
    ran = explain(desk, CHG, *BASE)
    assert ran.code == 1
    assert "\x1b" not in ran.out + ran.err
    assert "\\x1b[2J" in ran.out
