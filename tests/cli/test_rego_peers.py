"""conftest and opa judge the exported facts, and what conftest says comes back to the gate."""

from __future__ import annotations

import json
import subprocess
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from support.peers import CONFTEST, OPA, program
from support.shell import run_gate

from itil_gate.decide.external import check_external
from itil_gate.model.base import PolicyMetadata
from itil_gate.model.external import ExternalCheck, ExternalSpec
from itil_gate.reading.external import read_external

if TYPE_CHECKING:
    from support.world import World

    from itil_gate.model.finding import Finding

pytestmark = pytest.mark.peer
SCHEMA = Path(__file__).parents[2] / "schemas" / "input.json"
POLICY = """\
package main

deny contains {"msg": msg, "rule": "backout-missing"} if {
    some change in input.changes
    not change.document.spec.plans.backout
    msg := sprintf("%s has no backout plan", [change.document.metadata.id])
}

deny_foreign_target contains msg if {
    input.facts.target != "refs/heads/main"
    msg := "only main is released"
}

warn contains "the change is not signed by its author" if {
    some commit in input.facts.commits
    commit.signature.status != "good"
}
"""
BACKOUT = "  plans: {backout: {steps: Run it again.}}\n"
EXCEPTION = 'exception contains [""] if input.facts.target == "refs/heads/main"\n'
CHECK = ExternalCheck(
    api_version="itil-gate/v1",
    kind="ExternalCheck",
    metadata=PolicyMetadata(name="rego", owner="carol", review_by=date(2027, 1, 1)),
    spec=ExternalSpec(format="conftest", reason="Our cloud rules are written in Rego."),
)


@pytest.fixture(scope="session")
def conftest() -> Path:
    return program(CONFTEST)


@pytest.fixture(scope="session")
def opa() -> Path:
    return program(OPA)


def exported(world: World, **request: str) -> Path:
    """Propose a change and let the gate export what it stands on."""
    world.repo.checkout("main")
    world.propose(branch="asked", **request)
    ran = run_gate("check", "--base", "main", "--export-input", "input.json", cwd=world.repo.path)
    assert ran.code == 3
    return world.repo.path / "input.json"


def conftest_says(conftest: Path, file: Path, *arguments: str, policy: str = POLICY) -> bytes:
    """Let conftest judge a file; return what it prints."""
    folder = file.parent / "rego"
    folder.mkdir(exist_ok=True)
    (folder / "policy.rego").write_text(policy, encoding="utf-8")
    done = subprocess.run(
        [conftest, "test", "--policy", folder, "--output", "json", *arguments, file.name],
        cwd=file.parent,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr.decode()
    return done.stdout


def judged(results: bytes) -> list[Finding]:
    """Hold results against an external check that is asked for."""
    found = check_external([CHECK], [read_external(results, name="rego")], asked=lambda _: True)
    return list(found)


def test_what_is_exported_is_valid_by_the_published_schema(desk: World) -> None:
    document = json.loads(exported(desk).read_text("utf-8"))
    Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(document)


def test_conftest_allows_what_its_policy_allows(desk: World, conftest: Path) -> None:
    results = conftest_says(conftest, exported(desk, extra=BACKOUT))
    assert read_external(results, name="rego").tests == 3
    assert judged(results) == []


def test_what_conftest_denies_comes_back_under_its_own_rules(desk: World, conftest: Path) -> None:
    file = exported(desk)
    results = conftest_says(conftest, file)
    (found,) = judged(results)
    assert (found.rule, found.effect) == ("external:rego:backout-missing", "deny")
    assert found.message.endswith("has no backout plan")
    (file.parent / "results.json").write_bytes(results)
    arguments = ("--external", "rego=results.json", "--output", "decision.json")
    run_gate("check", "--base", "main", *arguments, cwd=file.parent)
    stored = json.loads((file.parent / "decision.json").read_text("utf-8"))
    (sealed,) = stored["inputs"]["facts"]["external"]
    assert (sealed["tests"], sealed["format"], sealed["fault"]) == (3, "conftest", "")
    assert [one["rule"] for one in sealed["failures"]] == ["backout-missing"]


def test_a_warning_and_a_query_without_a_name_come_back_too(desk: World, conftest: Path) -> None:
    file = exported(desk, extra=BACKOUT, signed=False)  # type: ignore[arg-type]
    document = json.loads(file.read_text("utf-8"))
    document["facts"]["target"] = "refs/heads/release"
    file.write_text(json.dumps(document), "utf-8")
    assert [(one.rule, one.effect) for one in judged(conftest_says(conftest, file))] == [
        ("external:rego:main.deny_foreign_target", "deny"),
        ("external:rego:main.warn", "advise"),
    ]


def test_a_namespace_without_rules_is_no_pass(desk: World, conftest: Path) -> None:
    (found,) = judged(conftest_says(conftest, exported(desk), "--namespace", "typo"))
    assert (found.rule, found.effect) == ("no-external-results", "deny")


@pytest.mark.parametrize("arguments", [("--output", "sarif"), ("--output", "junit")])
def test_other_outputs_of_conftest_are_no_pass(
    desk: World, conftest: Path, arguments: tuple[str, ...]
) -> None:
    (found,) = judged(conftest_says(conftest, exported(desk, extra=BACKOUT), *arguments))
    assert found.rule == "no-external-results"


def test_an_exception_of_conftests_own_is_no_pass(desk: World, conftest: Path) -> None:
    results = conftest_says(conftest, exported(desk), policy=POLICY + EXCEPTION)
    (found,) = judged(results)
    assert found.rule == "no-external-results"
    assert "excused" in found.message


def test_opa_evaluates_the_exported_facts(desk: World, opa: Path) -> None:
    file = exported(desk)
    (file.parent / "policy.rego").write_text(POLICY, encoding="utf-8")
    done = subprocess.run(
        [opa, "eval", "--input", file, "--data", file.parent / "policy.rego", "data.main.deny"],
        capture_output=True,
        timeout=120,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    (denied,) = answer["result"][0]["expressions"][0]["value"]
    assert denied["rule"] == "backout-missing"


def test_opa_types_the_policy_by_the_published_schema(opa: Path, tmp_path: Path) -> None:
    sound = tmp_path / "sound.rego"
    sound.write_text(f"# METADATA\n# schemas: [input: schema.input]\n{POLICY}", "utf-8")
    typo = tmp_path / "typo.rego"
    typo.write_text(sound.read_text("utf-8").replace("facts.target", "facts.tarjet"), "utf-8")
    schemas = tmp_path / "schemas"
    schemas.mkdir()
    (schemas / "input.json").write_text(SCHEMA.read_text("utf-8"), "utf-8")
    codes = [
        subprocess.run(
            [opa, "check", "--schema", schemas, file],
            capture_output=True,
            timeout=120,
            check=False,
        )
        for file in (sound, typo)
    ]
    assert codes[0].returncode == 0, codes[0].stderr.decode()
    assert b"tarjet" in codes[1].stderr
    assert codes[1].returncode != 0
