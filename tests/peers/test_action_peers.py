"""The real action.yml on a real runner, nektos' act: what it shows, and what it never runs.

What people see is held in tests/golden/action/; after a change: tests/peers/regenerate_action.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.acted_scenes import Stage, build_stage, masked
from support.acting import act_program
from support.repository import Repo
from support.shell import run_gate

from itil_gate.report.action_report import OUTPUTS

if TYPE_CHECKING:
    from support.repository import Keyring

pytestmark = pytest.mark.peer
GOLDEN = Path(__file__).parents[1] / "golden" / "action"
EVENTS = ("pull_request", "pull_request_target", "pull_request_review", "merge_group")
OUTCOMES = {"denied": "deny", "pending": "pending", "allowed": "allow"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Stage:
    act_program()
    return build_stage(tmp_path_factory.mktemp("stage"), keyring)


@pytest.mark.parametrize("name", OUTCOMES)
def test_what_a_person_sees_of_a_pull_request(stage: Stage, name: str) -> None:
    acted = stage.run(name, "pull_request")
    assert masked(acted) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert acted.ended == ("success" if name == "allowed" else "failure")
    assert set(acted.outputs) == set(OUTPUTS)


@pytest.mark.parametrize("event", EVENTS[1:])
def test_every_event_is_judged_alike(stage: Stage, event: str) -> None:
    for name, outcome in OUTCOMES.items():
        acted = stage.run(name, event)
        assert acted.outputs["outcome"] == outcome, acted.log
        assert acted.ended == ("success" if outcome == "allow" else "failure")
        if event == "pull_request_target":
            assert masked(acted) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_a_push_is_traced_by_the_command_merged(stage: Stage) -> None:
    tip = stage.server.tip("main")
    payload = {"ref": "refs/heads/main", "before": "0" * 40, "after": tip}
    acted = stage.send("push", payload, command="merged")
    assert acted.outputs["outcome"] == "undecided"
    assert "section log" in acted.summary
    wrong = stage.send("push", payload)
    assert wrong.ended == "failure"
    assert masked(wrong) == (GOLDEN / "undecided.txt").read_text(encoding="utf-8")


def test_nothing_that_a_pull_request_plants_is_run_or_obeyed(stage: Stage) -> None:
    head = stage.heads["hostile"]
    acted = stage.run("hostile", "pull_request", fresh=True, checked_out=head)
    assert not stage.canary.exists(), stage.canary.read_text()
    alone = run_gate(
        *("check", "--base", "main", "--head", head, "--format", "json"), cwd=stage.world.repo.path
    )
    decision = json.loads(alone.out)
    assert acted.outputs["outcome"] == decision["outcome"] != "allow"
    assert json.loads(acted.outputs["change-ids"]) == [one["id"] for one in decision["changes"]]
    assert acted.outputs["risk-level"] == decision["changes"][0]["risk"]["level"]
    assert set(acted.outputs) == set(OUTPUTS)
    assert "<img" not in acted.summary
    assert not any(line.startswith("::") for line in acted.log.splitlines())
    unlisted = [line for line in acted.annotations if "set-output" in line and "title=" not in line]
    assert unlisted == []


def test_what_it_plants_would_run_where_anybody_looked_there(stage: Stage, tmp_path: Path) -> None:
    clone = Repo(tmp_path / "clone")
    clone.git("fetch", "-q", str(stage.server.path), "refs/pull/8/head")
    clone.git("checkout", "-q", "--detach", stage.heads["hostile"])
    armed = [sys.executable, "-m", "itil_gate", "--version"]
    subprocess.run(armed, cwd=clone.path, capture_output=True, check=False)
    assert stage.canary.exists()
    stage.canary.unlink()


def test_a_key_beside_the_workflow_of_a_pull_request_is_refused(stage: Stage) -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----not-shown"
    acted = stage.run("allowed", "pull_request", **{"log-key": key})
    assert acted.ended == "failure"
    assert acted.outputs["outcome"] == "undecided"
    assert "not-shown" not in acted.log + acted.summary
