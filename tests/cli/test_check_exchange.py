"""`check --external` and `--export-input`, as a pipeline uses them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.shell import run_gate

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

BASE = ("--base", "main")
PASSED = '[{"filename": "input.json", "namespace": "main", "successes": 2}]'


@pytest.fixture
def asked(desk: World) -> World:
    desk.repo.checkout("main")
    desk.propose(branch="asked")
    return desk


def stored(path: Path, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    ran = run_gate("check", *BASE, "--output", "d.json", *arguments, cwd=path)
    return ran.code, json.loads((path / "d.json").read_text("utf-8"))


def test_exporting_the_facts_changes_neither_exit_code_nor_decision(asked: World) -> None:
    path = asked.repo.path
    plain, before = stored(path)
    code, after = stored(path, "--export-input", "out/input.json")
    assert (code, plain) == (3, 3)
    assert after["decision"]["outcome"] == before["decision"]["outcome"]
    document = json.loads((path / "out/input.json").read_text("utf-8"))
    assert document["facts"] == after["inputs"]["facts"]


def test_results_are_sealed_with_their_digest_sorted_by_name(asked: World) -> None:
    path = asked.repo.path
    (path / "r.json").write_text(PASSED, "utf-8")
    (path / "empty.json").write_text("", "utf-8")
    arguments = ("--external", "zeta=r.json", "--external", "alpha=empty.json")
    _, document = stored(path, *arguments)
    alpha, zeta = document["inputs"]["facts"]["external"]
    assert (alpha["name"], alpha["tests"], alpha["fault"]) == ("alpha", 0, "it is empty")
    assert (zeta["name"], zeta["tests"], zeta["format"]) == ("zeta", 2, "conftest")
    assert len(zeta["digest"]) == 64
    replayed = run_gate("audit", "replay", "--decision", "d.json", cwd=path)
    assert replayed.out.startswith("identical")


@pytest.mark.parametrize(
    "pairs",
    [
        ("rego",),
        ("=r.json",),
        ("rego=",),
        ("Rego=r.json",),
        ("rego=absent.json",),
        ("rego=.",),
        ("rego=r.json", "rego=r.json"),
    ],
)
def test_a_wrong_pair_ends_with_two(asked: World, pairs: tuple[str, ...]) -> None:
    path = asked.repo.path
    (path / "r.json").write_text(PASSED, "utf-8")
    arguments = [part for pair in pairs for part in ("--external", pair)]
    ran = run_gate("check", *BASE, *arguments, cwd=path)
    assert ran.code == 2
    assert "--external" in ran.err


def test_no_environment_variable_hands_results_in(asked: World) -> None:
    path = asked.repo.path
    (path / "r.json").write_text(PASSED, "utf-8")
    variables = dict.fromkeys(("ITIL_GATE_EXTERNAL", "ITIL_GATE_CHECK_EXTERNAL"), "rego=r.json")
    ran = run_gate("check", *BASE, "--output", "d.json", cwd=path, env=variables)
    assert ran.code == 3
    facts = json.loads((path / "d.json").read_text("utf-8"))["inputs"]["facts"]
    assert facts["external"] == []


def test_reports_are_written_beside_what_is_printed(asked: World) -> None:
    path = asked.repo.path
    wanted = ("--report", "junit=out/junit.xml", "--report", "gitlab=quality.json")
    ran = run_gate("check", *BASE, *wanted, cwd=path)
    assert ran.code == 3
    assert ran.out.startswith("PENDING")
    assert (path / "out/junit.xml").read_text("utf-8").startswith("<?xml")
    (entry, *_) = json.loads((path / "quality.json").read_text("utf-8"))
    assert entry["severity"] == "minor"
    whole = run_gate("check", *BASE, "--format", "gitlab", cwd=path)
    assert whole.code == 3
    assert json.loads(whole.out)[0]["check_name"] == entry["check_name"]


@pytest.mark.parametrize("pair", ["junit", "nothing=x", "junit=", "junit=."])
def test_a_report_that_cannot_be_written_ends_with_two(asked: World, pair: str) -> None:
    ran = run_gate("check", *BASE, "--report", pair, cwd=asked.repo.path)
    assert ran.code == 2
    twice = ("--report", "junit=x", "--report", "sarif=x")
    assert run_gate("check", *BASE, *twice, cwd=asked.repo.path).code == 2
