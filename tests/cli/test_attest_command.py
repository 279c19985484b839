"""`attest` and `check --external`, as a scanner's job and the gate's job use them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.shell import run_gate

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

CHECK = """\
apiVersion: itil-gate/v1
kind: ExternalCheck
metadata: {{name: tests, owner: change-authority, reviewBy: 2027-01-01}}
spec:
  format: test-result
  reason: What is untested breaks.
  signed: {{by: [{{id: ci, key: {key}}}]}}
"""
PASSED = {"result": "PASSED", "configuration": [], "passedTests": ["a"]}


@pytest.fixture
def asked(desk: World) -> World:
    """The target asks for tests that Carol's key signed; it stands for the key of a service."""
    key = desk.person("carol").key.with_suffix(".pub").read_text("utf-8")
    words = " ".join(key.split()[:2])
    desk.repo.checkout("main")
    desk.on_main({"policies/tests.yaml": CHECK.format(key=words)})
    desk.propose(branch="asked")
    (desk.repo.path / "r.json").write_text(json.dumps(PASSED), "utf-8")
    return desk


def attest(world: World, *arguments: str | Path, report: str = "r.json") -> Any:
    given = ("--commit", "asked", "--output", "signed.json", *arguments)
    return run_gate("attest", report, *given, cwd=world.repo.path)


def checked(world: World, file: str = "signed.json") -> dict[str, Any]:
    arguments = ("--base", "main", "--head", "asked", "--external", f"tests={file}")
    ran = run_gate("check", *arguments, "--format", "json", cwd=world.repo.path)
    found: dict[str, Any] = json.loads(ran.out)
    return found


def test_what_attest_signs_is_what_check_counts(asked: World) -> None:
    key = asked.person("carol").key
    ran = attest(asked, "--key", key)
    assert ran.code == 0
    assert asked.repo.tip("asked") in ran.err + ran.out
    (report,) = checked(asked)["reports"]
    assert (report["code"], report["signer"]) == ("signed", "ci")
    assert report["key"] == asked.person("carol").fingerprint
    (plain,) = checked(asked, "r.json")["reports"]
    assert plain["code"] == "unsigned"


def test_both_reports_say_why_one_does_not_count(asked: World) -> None:
    attest(asked, "--key", asked.person("dave").key)
    arguments = ("--base", "main", "--head", "asked", "--external", "tests=signed.json")
    text = run_gate("check", *arguments, cwd=asked.repo.path).out
    assert "other-key: no key of ci signed it" in text
    page = run_gate("check", *arguments, "--format", "markdown", cwd=asked.repo.path).out
    assert "**Reports of other tools**" in page
    assert "other-key: no key of ci signed it" in page


def test_a_decision_with_a_signed_report_is_replayed(asked: World) -> None:
    attest(asked, "--key", asked.person("carol").key)
    arguments = ("--base", "main", "--head", "asked", "--external", "tests=signed.json")
    run_gate("check", *arguments, "--output", "d.json", cwd=asked.repo.path)
    (asked.repo.path / "signed.json").unlink()
    replayed = run_gate("audit", "replay", "--decision", "d.json", cwd=asked.repo.path)
    assert replayed.out.startswith("identical")


def test_another_kind_can_be_named(asked: World) -> None:
    attest(asked, "--key", asked.person("carol").key, "--predicate-type", "https://a.example/x")
    (report,) = checked(asked)["reports"]
    assert report["code"] == "other-predicate"


@pytest.mark.parametrize(
    ("text", "words"), [("{}", "no report that the gate reads"), ("", "it is empty")]
)
def test_what_the_gate_could_not_read_is_not_signed(asked: World, text: str, words: str) -> None:
    (asked.repo.path / "r.json").write_text(text, "utf-8")
    ran = attest(asked, "--key", asked.person("carol").key)
    assert ran.code == 2
    assert words in ran.err
    assert not (asked.repo.path / "signed.json").exists()


def test_without_a_key_nothing_is_signed(asked: World) -> None:
    ran = attest(asked)
    assert ran.code == 2
    assert "no-report-key" in ran.err


def test_what_conftest_says_can_be_signed_too(asked: World) -> None:
    """It is a list, and a predicate is an object; what is handed in is read as before."""
    entry = {"filename": "a", "namespace": "main", "successes": 2}
    (asked.repo.path / "r.json").write_text(json.dumps([entry]), "utf-8")
    assert attest(asked, "--key", asked.person("carol").key).code == 0
    arguments = ("--base", "main", "--head", "asked", "--external", "rego=signed.json")
    run_gate("check", *arguments, "--output", "d.json", cwd=asked.repo.path)
    stored = json.loads((asked.repo.path / "d.json").read_text("utf-8"))
    (found,) = stored["inputs"]["facts"]["external"]
    assert (found["format"], found["tests"]) == ("conftest", 2)
    assert found["seal"]["predicateType"] == "https://itil-gate.dev/report/conftest/v1"
