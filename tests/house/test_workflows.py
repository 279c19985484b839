"""What other people's tools say of workflows, action and examples: zizmor and actionlint."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import peers

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = tuple(sorted((ROOT / "docs" / "examples" / "github").glob("*.yml")))


def zizmor(*inputs: Path) -> subprocess.CompletedProcess[str]:
    """Audit offline, pedantically; a file that does not parse is a failure, not a warning."""
    program = Path(sys.executable).parent / "zizmor"
    return subprocess.run(
        [program, "--offline", "--pedantic", "--strict-collection", "--no-progress", *inputs],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def actionlint(*inputs: Path) -> subprocess.CompletedProcess[str]:
    """Check syntax, expressions and inputs; programs that may be missing here are not asked."""
    program = peers.program(peers.ACTIONLINT)
    return subprocess.run(
        [program, "-shellcheck=", "-pyflakes=", *inputs],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.peer
def test_zizmor_finds_nothing_in_workflows_action_and_examples() -> None:
    done = zizmor(ROOT / ".github", ROOT / "action.yml", *EXAMPLES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.peer
def test_zizmor_finds_a_fault_where_there_is_one(tmp_path: Path) -> None:
    workflow = tmp_path / ".github" / "workflows" / "bad.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(
        "on: pull_request_target\njobs:\n  run:\n    runs-on: ubuntu-24.04\n"
        "    steps:\n      - run: echo ${{ github.event.pull_request.title }}\n",
        encoding="utf-8",
    )
    assert zizmor(workflow).returncode != 0


@pytest.mark.peer
def test_zizmor_is_silenced_only_where_a_reason_stands(tmp_path: Path) -> None:
    silenced = re.compile(r"# zizmor: ignore\[dangerous-triggers\] \w+ \w+")
    found = [path for path in EXAMPLES if "zizmor: ignore" in path.read_text("utf-8")]
    assert [path.name for path in found] == ["binding.yml"]
    text, count = silenced.subn("#", found[0].read_text("utf-8"))
    assert count == text.count("pull_request_target:") + text.count("workflow_run:") == 2
    assert "zizmor: ignore" not in text
    workflow = tmp_path / ".github" / "workflows" / "binding.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(text, encoding="utf-8")
    assert "dangerous-triggers" in zizmor(workflow).stdout


@pytest.mark.peer
def test_actionlint_finds_nothing_in_workflows_and_examples() -> None:
    workflows = [*(ROOT / ".github" / "workflows").glob("*.yml"), *EXAMPLES]
    done = actionlint(*workflows)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.peer
def test_actionlint_finds_a_fault_where_there_is_one(tmp_path: Path) -> None:
    workflow = tmp_path / "bad.yml"
    workflow.write_text(
        "on: push\njobs:\n  run:\n    runs-on: ubuntu-24.04\n"
        "    steps:\n      - run: echo ${{ steps.nowhere.outputs.x }}\n",
        encoding="utf-8",
    )
    assert actionlint(workflow).returncode != 0


def test_the_workflow_runs_the_same_script_as_everybody() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "run: bash .ci/run" in workflow
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for stage in ("make test", "make bench", "make wheel", "make peer", "make heavy"):
        assert f"\n{stage}" in script
    assert "set -euo pipefail" in script
