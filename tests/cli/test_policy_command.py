"""policy lint, test and doc: on a work tree, on a shipped profile, and how they end."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING
from xml.etree.ElementTree import fromstring

import pytest
from support.proving import POLICIES, THOROUGH
from support.shell import GATE, Ran, run_gate

from itil_gate.cli.shipped import profiles

if TYPE_CHECKING:
    from pathlib import Path

TEST = "policies/tests/sample.yaml"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with policies and their test, and nothing else."""
    for path, text in (POLICIES | {TEST: THOROUGH}).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / ".git").mkdir()
    return tmp_path


def policy(tree: Path, *arguments: str) -> Ran:
    return run_gate("policy", *arguments, cwd=tree)


def test_tests_that_pass_end_with_0(tree: Path) -> None:
    ran = policy(tree, "test")
    assert (ran.code, ran.out) == (0, "7 case(s) passed, 0 failed\n")


def test_a_failing_test_ends_with_1_and_says_what_differs_where(tree: Path) -> None:
    (tree / TEST).write_text(THOROUGH.replace("missing: [peer]", "missing: [authority]", 1))
    ran = policy(tree, "test")
    assert ran.code == 1
    assert "FAILED sample: a small change waits for one colleague" in ran.out
    assert f"{TEST}:12:67:" in ran.out
    assert "missing approvals: peer; expected were: authority" in ran.out
    assert "the decision says missing-approval: review: 0 of 1 peer" in ran.out


@pytest.mark.parametrize(
    ("path", "text", "code"),
    [
        (TEST, None, "no-policy-tests"),
        (TEST, THOROUGH.replace("cases:", "casse:"), "invalid-policy-test"),
        ("policies/risk.yaml", "kind: RiskModel\n", "invalid-policy-set"),
        ("policies/risk.yaml", "a: [", "invalid-policy-set"),
        ("policies/risk.yaml", "", "invalid-policy-set"),
    ],
)
def test_tests_that_cannot_be_run_end_with_2(
    tree: Path, path: str, text: str | None, code: str
) -> None:
    if text is None:
        (tree / path).unlink()
    else:
        (tree / path).write_text(text)
    ran = policy(tree, "test")
    assert ran.code == 2, ran.out
    assert code in ran.err
    assert ran.out == ""


def test_an_empty_folder_is_no_pass(tmp_path: Path) -> None:
    for command in ("test", "lint", "doc"):
        ran = policy(tmp_path, command)
        assert ran.code == 2, command
        assert "no-policy" in ran.err


def test_coverage_says_what_no_test_shows_and_can_be_asked_for(tree: Path) -> None:
    assert policy(tree, "test", "--fail-under", "100").code == 0
    short = THOROUGH.split("    - name: a reason of nine", maxsplit=1)[0]
    (tree / TEST).write_text(short)
    ran = policy(tree, "test", "--coverage")
    assert ran.code == 0
    assert "no test in which the rule reason-too-short is broken" in ran.out
    ran = policy(tree, "test", "--fail-under", "100")
    assert ran.code == 1
    assert "at least 100 % is asked for" in ran.err


def test_mutation_names_the_test_that_is_missing(tree: Path) -> None:
    ran = policy(tree, "test", "--mutate", "--fail-under", "100")
    assert ran.code == 0, ran.out
    assert "mutation score: 100 %" in ran.out
    (tree / TEST).write_text(THOROUGH.replace("missing: [authority, authority]", "missing: []"))
    ran = policy(tree, "test", "--mutate")
    assert ran.code == 1
    assert "mutation" not in ran.out
    assert "mutation was left out" in ran.err
    (tree / TEST).write_text(THOROUGH.split("    - name: two of the", maxsplit=1)[0])
    ran = policy(tree, "test", "--mutate", "--fail-under", "90")
    assert ran.code == 1
    assert "missing is a case that breaks reason-too-short" in ran.out


def test_results_can_be_read_by_programs(tree: Path) -> None:
    (tree / TEST).write_text(THOROUGH.replace("lane: peer", "lane: team"))
    whole = json.loads(policy(tree, "test", "--format", "json", "--coverage").out)
    assert whole["apiVersion"] == "itil-gate/policy-test-report/v1"
    assert (whole["passed"], whole["failed"]) == (6, 1)
    (failed,) = [one for one in whole["cases"] if not one["passed"]]
    assert failed["differences"][0]["message"] == "the lane is peer, expected was team"
    assert failed["differences"][0]["place"]["file"] == TEST
    assert whole["coverage"]["percent"] == 100
    assert "mutation" not in whole
    root = fromstring(policy(tree, "test", "--format", "junit").out)  # noqa: S314 - our own
    assert (root.get("tests"), root.get("failures")) == ("7", "1")
    assert len(root.findall(".//failure")) == 1


def test_lint_finds_what_never_matters_and_ends_with_0(tree: Path) -> None:
    ran = policy(tree, "lint")
    assert (ran.code, "No findings" in ran.out) == (0, True)
    (tree / TEST).write_text(THOROUGH.replace("reason-too-short", "in-freeze"))
    ran = policy(tree, "lint")
    assert ran.code == 0
    assert "untested-rule (advice)" in ran.out


@pytest.mark.parametrize(
    ("path", "old", "new", "rule"),
    [
        (TEST, "cases:", "casse:", "unknown-key"),
        (TEST, "by: bob", "by: bo", "unknown-person"),
        ("policies/rules.yaml", "risk.rank", "risk.rnak", "unknown-field"),
        ("policies/risk.yaml", "kind: RiskModel", "kind: RiksModel", "unknown-kind"),
    ],
)
def test_lint_ends_with_1_for_what_cannot_load(
    tree: Path, path: str, old: str, new: str, rule: str
) -> None:
    (tree / path).write_text((tree / path).read_text().replace(old, new))
    ran = policy(tree, "lint")
    assert ran.code == 1, ran.out
    assert rule in ran.out
    assert path in ran.out


def test_lint_of_everything_knows_tests_and_does_not_take_them_for_policies(tree: Path) -> None:
    ran = run_gate("lint", TEST, cwd=tree)
    assert ran.code == 0, ran.out
    (tree / TEST).write_text(POLICIES["policies/risk.yaml"])
    ran = run_gate("lint", TEST, cwd=tree)
    assert ran.code == 1
    assert "stands in a folder of policy tests" in ran.out


def test_the_page_is_printed_or_written(tree: Path) -> None:
    ran = policy(tree, "doc", "--title", "Our <rules>")
    assert ran.code == 0
    assert ran.out.startswith("# Our &lt;rules&gt;\n")
    assert policy(tree, "doc", "--title", "Our <rules>", "--output", "docs/page.md").code == 0
    assert (tree / "docs/page.md").read_text() == ran.out


@pytest.mark.parametrize("name", profiles())
def test_a_shipped_profile_passes_lint_and_has_a_page(name: str, tmp_path: Path) -> None:
    assert policy(tmp_path, "lint", "--profile", name).code == 0
    ran = policy(tmp_path, "doc", "--profile", name)
    assert ran.code == 0, ran.err
    assert f"# The profile {name}" in ran.out


def test_a_profile_that_does_not_exist_is_no_pass(tmp_path: Path) -> None:
    for command in ("test", "lint", "doc"):
        ran = policy(tmp_path, command, "--profile", "teem")
        assert ran.code == 2
        assert "unknown-profile" in ran.err


def test_help_shows_the_commands_without_running_them(tmp_path: Path) -> None:
    ran = policy(tmp_path, "--help")
    assert ran.code == 0
    assert all(f"  {name} " in ran.out for name in ("lint", "test", "doc"))
    assert policy(tmp_path, "tets").code == 2


def test_progress_is_shown_on_a_terminal_only(tree: Path) -> None:
    leader, follower = pty.openpty()
    command = [GATE, "policy", "test"]
    done = subprocess.run(
        command, cwd=tree, stderr=follower, stdout=subprocess.PIPE, text=True, check=False
    )
    os.close(follower)
    shown = os.read(leader, 10_000).decode()
    os.close(leader)
    assert done.stdout == "7 case(s) passed, 0 failed\n"
    assert "7 of 7 cases" in shown
