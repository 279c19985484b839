"""The sweep: each open pull request is judged again by what is so now, and told so on the forge."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.forge_server import ForgeServer, Say, forge_server
from support.github_answers import REPO, on_its_runner, posted, user
from support.runner import Runner, at_home, bring, check_out, forge_of, read_outputs
from support.world import OTHER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.world import World

SWEEP = """\
import os, sys
from itil_gate.cli.action_run import Run
from itil_gate.cli.runner import step_of
from itil_gate.cli.sweeping import sweep
sys.exit(sweep(Run(dict(os.environ), step_of(os.environ))))
"""
"""What a command of the action does with it: the function alone, as the runner's environment is."""


@pytest.fixture
def api() -> Iterator[ForgeServer]:
    with forge_server() as server:
        yield server


class Scene:
    """A repository with two open pull requests, 7 and 8, and a job that a schedule started."""

    def __init__(self, world: World, api: ForgeServer, tmp_path: Path) -> None:
        self.world, self.api = world, api
        self.heads = {7: world.propose(branch="one")}
        world.repo.checkout("main")
        self.heads[8] = world.propose({"src/b.py": "b\n"}, branch="two", change=OTHER)
        self.server = forge_of(world.repo, tmp_path / "forge.git", pulls=self.heads)
        self.runner = Runner(check_out(self.server, tmp_path / "work").path, tmp_path / "temp")
        on_its_runner(self.runner, api)
        self.runner.event("schedule", {"schedule": "*/30 * * * *"})
        for number, head in self.heads.items():
            self.tell(number, head)
        self.list(*self.heads)

    def tell(self, number: int, head: str) -> None:
        """Let the forge know a pull request and take its status."""
        whole: dict[str, Any] = {
            "number": number,
            "user": user("alice"),
            "state": "open",
            "merged": False,
            "draft": False,
            "title": "A change",
            "created_at": "2026-01-01T00:00:00Z",
            "head": {"ref": "x", "sha": head, "repo": {"id": 5, "full_name": "acme/payments"}},
            "base": {"ref": "main", "sha": "0" * 40, "repo": None},
        }
        self.api.on("POST", f"{REPO}/statuses/{head}", {"id": 1})
        self.api.on("GET", f"{REPO}/pulls/{number}", whole)
        push = {
            "after": head,
            "ref": "refs/heads/x",
            "timestamp": "2026-01-01T00:00:00Z",
            "activity_type": "push",
            "actor": user("alice"),
        }
        self.api.on("GET", f"{REPO}/activity", [push])
        for part in (f"pulls/{number}/reviews", f"issues/{number}/timeline"):
            self.api.on("GET", f"{REPO}/{part}", [])

    def list(self, *numbers: int, into: str = "main") -> None:
        rows = [
            {
                "id": number,
                "number": number,
                "head": {"ref": "x", "sha": self.heads.get(number, "a" * 40)},
                "base": {"ref": into if number > 8 else "main", "sha": "0" * 40},
            }
            for number in numbers
        ]
        self.api.on("GET", f"{REPO}/pulls", rows)

    def approve(self, change: str, head: str) -> None:
        self.world.approve("erin", change=change, head=head)
        bring(self.world.repo, self.server)

    def sweep(self) -> tuple[int, list[tuple[str, str]], str]:
        """Sweep; return exit code, the states that were posted since, and what was said."""
        self.runner.temp.mkdir(parents=True, exist_ok=True)
        before = len(posted(self.api))
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            "HOME": str(self.runner.temp),
            "GITHUB_WORKSPACE": str(self.runner.workspace),
            "RUNNER_TEMP": str(self.runner.temp),
            "GITHUB_OUTPUT": str(self.runner.output),
            "GITHUB_STEP_SUMMARY": str(self.runner.summary),
            "ITIL_GATE_ACTION_STATUS": "true",
            **self.runner.variables,
        }
        done = subprocess.run(
            [sys.executable, "-c", SWEEP],
            cwd=self.runner.temp,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, [said for _, said in posted(self.api)[before:]], done.stderr


@pytest.fixture
def scene(desk: World, api: ForgeServer, tmp_path: Path) -> Scene:
    return Scene(at_home(desk), api, tmp_path)


def states(said: list[tuple[str, str]]) -> list[str]:
    return [state for state, _ in said]


def test_what_changed_without_an_event_is_seen_and_posted(scene: Scene) -> None:
    code, said, _ = scene.sweep()
    assert (code, states(said)) == (0, ["pending", "pending"])
    scene.approve(OTHER, "two")
    code, said, err = scene.sweep()
    assert (code, states(said)) == (0, ["pending", "success"]), err
    outputs = read_outputs(scene.runner.output.read_text(encoding="utf-8"))
    assert outputs["outcome"] == "pending"  # the worst of them


def test_one_that_cannot_be_decided_keeps_no_other_from_being_judged(scene: Scene) -> None:
    lost = "f" * 40  # nobody has this commit
    scene.heads[7] = lost
    scene.tell(7, lost)
    scene.list(7, 8)
    code, said, err = scene.sweep()
    assert (code, said[-1][0]) == (2, "pending")
    assert set(states(said[:-1])) == {"failure"}
    assert "pull request 7: undecided" in err
    assert "pull request 8: pending" in err


def test_one_that_the_forge_does_not_tell_of_loses_an_earlier_success(scene: Scene) -> None:
    scene.api.on("GET", f"{REPO}/pulls/7", Say({"message": "Not Found"}, status=404))
    code, said, err = scene.sweep()
    assert (code, said[0], said[-1][0]) == (
        2,
        ("failure", "could not decide: forge-not-found"),
        "pending",
    )
    assert "pull request 7: undecided" in err


def test_pull_requests_into_branches_that_nobody_guards_are_left_alone(scene: Scene) -> None:
    scene.list(7, 9, into="playground")
    code, said, err = scene.sweep()
    assert (code, states(said)) == (0, ["pending"]), err
    assert "pull request 9" not in err


def test_a_list_that_cannot_be_read_is_no_empty_sweep(scene: Scene) -> None:
    scene.api.on("GET", f"{REPO}/pulls", Say({"message": "no"}, status=403))
    code, said, err = scene.sweep()
    assert code != 0
    assert said == []
    assert "refused (403)" in err


def test_a_run_that_a_pull_request_started_sweeps_nothing(scene: Scene) -> None:
    scene.runner.pull_request(scene.heads[7], name="pull_request_target")
    code, said, err = scene.sweep()
    assert code != 0
    assert said == []
    assert "a sweep is about all of them" in err
