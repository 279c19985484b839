"""Attacks on the workflows that run the gate: the shown ones as text, their runs as a runner's."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.acted_scenes import plants
from support.cases import case
from support.forge_server import ForgeServer, forge_server
from support.github_answers import REPO, on_its_runner, posted, told
from support.runner import PULL, Runner, bring, check_out, forge_of, today
from support.world import CHG

from itil_gate.report.adoption import WORKFLOW, Adoption, adoption_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.repository import Repo
    from support.world import World

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "github"
BINDING = ("required.yml", "binding.yml")
STATUS = {"status": "true"}


def workflow(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))


class Job:
    """A world whose pull request 7 a runner of its forge is told of."""

    def __init__(self, world: World, api: ForgeServer, tmp_path: Path) -> None:
        self.world, self.api = today(world), api
        self.head = world.propose()
        self.server: Repo = forge_of(world.repo, tmp_path / "forge.git")
        self.runner = Runner(check_out(self.server, tmp_path / "work").path, tmp_path / "temp")
        on_its_runner(self.runner, api)
        self.started()

    def started(self, event: str = "pull_request_target") -> None:
        """Let the forge have what the world has, and start a run about the pull request."""
        bring(self.world.repo, self.server, {f"refs/pull/{PULL}/head": self.head})
        told(self.api, self.head)
        self.runner.pull_request(self.head, name=event)

    def states(self) -> list[str]:
        """Return the states that were posted, in order."""
        return [said[0] for kind, said in posted(self.api) if kind == "status"]


@pytest.fixture
def job(world: World, tmp_path: Path) -> Iterator[Job]:
    with forge_server() as api:
        yield Job(world, api, tmp_path)


@case("227")
@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yml")), ids=lambda path: path.name)
def test_no_shown_workflow_runs_what_the_head_brings(path: Path) -> None:
    for job in workflow(path.name)["jobs"].values():
        for step in job["steps"]:
            ref = str(step.get("with", {}).get("ref", ""))
            assert not re.search(r"head|merge_commit|workflow_run|refs/pull", ref)
            # What a step runs is written here: no script of the repository, no tool that reads it.
            run = step.get("run", "")
            assert "${{" not in run
            assert not re.search(r"\./|\b(npm|make|pip|uv|cargo|gradle|source|bash|sh) ", run)


@case("227")
def test_nothing_planted_in_a_check_out_of_the_head_is_run(world: World, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    with forge_server() as api:
        job = Job(world, api, tmp_path)
        world.repo.checkout("main")
        world.repo.git("branch", "-D", "feature")
        job.head = world.propose(plants(canary), scope='"**"')
        job.started()
        clone = job.runner.workspace
        world.repo.git("push", "-q", "-f", str(job.server.path), "feature")
        for command in (("fetch", "-q", "origin", "feature"), ("checkout", "-q", "FETCH_HEAD")):
            world.repo.git("-C", clone, *command)
        assert (clone / "click.py").exists()
        ran = job.runner.act()
    assert ran.code in {1, 3}, ran.err
    assert not canary.exists()


@case("166")
def test_a_status_that_somebody_else_posted_counts_for_nothing_and_is_replaced(job: Job) -> None:
    mallory = {"id": 66, "login": "mallory"}
    status = {"id": 9, "context": "itil-gate", "state": "success", "creator": mallory}
    statuses = f"{REPO}/commits/{job.head}/statuses"
    job.api.on("GET", statuses, [status])
    assert job.runner.act(**STATUS).code == 3
    assert job.states() == ["pending"]
    assert statuses not in {one.path for one in job.api.asked}


@case("169")
@pytest.mark.parametrize("name", BINDING)
def test_no_filter_lets_a_binding_workflow_be_skipped(name: str) -> None:
    events = workflow(name)[True]
    for event in events.values():
        filters = set(event) if isinstance(event, dict) else set()
        assert not {"paths", "paths-ignore", "branches-ignore"} & filters


@case("169")
@pytest.mark.parametrize("name", BINDING)
def test_a_run_that_binds_is_not_cancelled_by_the_next_one(name: str) -> None:
    """Whoever edits a title again and again would keep an earlier success standing."""
    binding = workflow(name)
    whole = [binding, *binding["jobs"].values()]
    held = [one["concurrency"] for one in whole if "concurrency" in one]
    assert held
    assert not any(one.get("cancel-in-progress") for one in held)


@pytest.mark.parametrize(
    ("name", "event"), [("required.yml", "pull_request"), ("binding.yml", "pull_request_target")]
)
def test_what_is_pointed_at_another_branch_is_judged_anew(name: str, event: str) -> None:
    """What passed on a branch with laxer rules would otherwise stand on the stricter one."""
    assert {"opened", "synchronize", "reopened", "edited"} <= set(
        workflow(name)[True][event]["types"]
    )


def test_a_release_that_waits_drops_no_landing_that_waits() -> None:
    groups = [workflow(name)["concurrency"]["group"] for name in ("landed.yml", "release.yml")]
    assert len(set(groups)) == 2
    assert "inputs.environment" in groups[1]


@case("169")
def test_the_required_job_itself_has_no_condition() -> None:
    (job,) = workflow("required.yml")["jobs"].values()
    assert not {"if", "needs", "continue-on-error"} & set(job)
    assert not any({"if", "continue-on-error"} & set(step) for step in job["steps"])


@case("169")
def test_a_run_that_comes_to_nothing_still_says_so(job: Job) -> None:
    job.world.on_main({"itil-gate.yaml": "kind: Nonsense\n"})
    job.started()
    ran = job.runner.act(**STATUS)
    assert ran.code == 2
    assert job.runner.outputs["outcome"] == "undecided"
    assert job.states() == ["failure"]


@case("170")
def test_what_a_run_says_is_about_its_own_commit_only(job: Job) -> None:
    job.world.approve("erin")
    job.started()
    assert job.runner.act(**STATUS).code == 0
    first = job.head
    job.world.repo.checkout("feature")
    job.head = job.world.commit({"src/app.py": "print('another')\n"})
    job.started()
    assert job.runner.act(**STATUS).code == 3
    paths = [one.path for one in job.api.asked if one.body]
    assert paths == [f"{REPO}/statuses/{first}", f"{REPO}/statuses/{job.head}"]
    assert job.states() == ["success", "pending"]


@case("FO-29")
def test_an_approval_that_goes_takes_the_status_with_it(job: Job) -> None:
    job.world.approve("erin")
    job.started()
    assert job.runner.act(**STATUS).code == 0
    job.world.file(job.world.state("withdraw", "erin"))
    job.started(event="pull_request_review")
    assert job.runner.act(**STATUS).code == 3
    assert job.states() == ["success", "pending"]
    contexts = {one.body["context"] for one in job.api.asked if one.body}
    assert contexts == {"itil-gate"}


@case("FO-29")
def test_reviews_and_merge_groups_start_the_workflow_that_binds() -> None:
    noticed, binding = workflow("noticed.yml"), workflow("binding.yml")
    assert {"submitted", "dismissed"} <= set(noticed[True]["pull_request_review"]["types"])
    assert "merge_group" in noticed[True]
    assert binding[True]["workflow_run"]["workflows"] == [noticed["name"]]
    assert {"pull_request_target", "schedule"} <= set(binding[True])
    assert "merge_group" in workflow("required.yml")[True]


@case("FO-17")
@pytest.mark.parametrize("event", ["merge_group", "workflow_run"])
def test_the_candidate_of_a_forges_queue_is_judged(job: Job, event: str) -> None:
    repo = job.world.repo
    repo.checkout("queue", create=True, at="main")
    queued = job.world.commit({"src/lib.py": "print('slipped in')\n"})
    repo.git("push", "-q", str(job.server.path), "queue")
    branch = f"gh-readonly-queue/main/pr-{PULL}-{repo.tip('main')}"
    payload = {
        "merge_group": {"base_ref": "refs/heads/main", "head_sha": queued},
        "workflow_run": {"event": "merge_group", "head_branch": branch, "head_sha": queued},
    }
    job.runner.event(event, payload)
    job.api.on("POST", f"{REPO}/statuses/{queued}", {"id": 1})
    assert job.runner.act(**STATUS).code == 1
    assert job.states() == ["failure"]


@case("227", "FO-29")
def test_the_workflow_that_init_writes_says_that_it_binds_nobody() -> None:
    first = Adoption("example.com/x", "refs/heads/main", None, CHG, date(2026, 1, 1))
    text = adoption_files(first, {})[WORKFLOW]
    assert "Advisory" in text
    assert "binds nobody" in text
    assert "pull_request_target" not in text
    assert "-I -m venv" in text


@pytest.mark.parametrize(
    ("number", "head", "numbers"),
    [
        ("7", "", "[7]"),
        ("", "abc", "[1,2]"),
        ("", "", "[1,2]"),
        ("0", "", None),
        ("7; touch canary", "", None),
        ("$(touch canary)", "", None),
        ("7\nnumbers=[1]", "", None),
        ("[7]", "", None),
    ],
)
def test_which_pull_requests_are_judged_is_not_for_an_event_to_script(
    tmp_path: Path, number: str, head: str, numbers: str | None
) -> None:
    (step,) = workflow("binding.yml")["jobs"]["which"]["steps"]
    forge_program = tmp_path / "bin" / "gh"  # GitHub's own, which lists what is open
    forge_program.parent.mkdir()
    forge_program.write_text("#!/bin/sh\necho '[1,2]'\n", encoding="utf-8")
    forge_program.chmod(0o755)
    output = tmp_path / "output"
    output.touch()
    path = f"{forge_program.parent}:{os.environ['PATH']}"
    given = {"NUMBER": number, "HEAD": head, "GITHUB_OUTPUT": str(output), "PATH": path}
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(shell, env=given, cwd=tmp_path, capture_output=True, check=False)
    assert output.read_text() == ("" if numbers is None else f"numbers={numbers}\n")
    assert (done.returncode == 0) == (numbers is not None)
    assert not (tmp_path / "canary").exists()
