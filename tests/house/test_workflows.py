"""What other people's tools say of the house: workflows and action, read by zizmor."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


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


@pytest.mark.peer
def test_zizmor_finds_nothing_in_the_workflows_and_the_action() -> None:
    inputs = [path for path in (ROOT / ".github", ROOT / "action.yml") if path.exists()]
    done = zizmor(*inputs)
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


def test_the_workflow_runs_the_same_script_as_everybody() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "run: bash .ci/run" in workflow
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for stage in ("make test", "make bench", "make wheel", "make peer", "make heavy"):
        assert f"\n{stage}" in script
    assert "set -euo pipefail" in script
