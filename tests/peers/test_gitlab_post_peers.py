"""The component that posts, run by gitlab-ci-local beside a server that answers as GitLab does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from support.forge_server import ForgeServer, forge_server
from support.gitlab_answers import CHECKS, TOKEN, config, job, posted, told
from support.gitlab_local import Ran, run_pipeline
from support.peers import on_path
from support.repository import Repo
from support.world import OTHER, World, adopt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.repository import Keyring

TEMPLATE = Path(__file__).resolve().parents[2] / "templates" / "post.yml"
JOB = "itil-gate-post"
PIPELINE = """\
stages: [test]
include:
  - local: templates/post.yml
    inputs:
      image: registry.example.com/itil-gate@sha256:{digest}
      post: comment status external-check
default:
  before_script: ['itil-gate() {{ true; }}', 'git() {{ true; }}']
variables: {{ITIL_GATE_POST: comment}}
elsewhere:
  stage: test
  script: ["true"]
"""

pytestmark = pytest.mark.peer


class Project:
    """A project on GitLab with two open merge requests, and a clone in which pipelines run."""

    def __init__(self, api: ForgeServer, keyring: Keyring, tmp_path: Path) -> None:
        repo = Repo(tmp_path / "project")
        repo.write("templates/post.yml", TEMPLATE.read_text("utf-8"))
        repo.write(".gitlab-ci.yml", PIPELINE.format(digest="0" * 64))
        repo.write(".gitignore", ".gitlab-ci-local/\n")
        adopt(repo, keyring, config=config(api.url, checks=CHECKS))
        self.api = api
        self.world = World(repo, keyring, now=datetime.now(tz=UTC).replace(microsecond=0))
        self.heads = {7: self.world.propose(branch="one")}
        repo.checkout("main")
        self.heads[8] = self.world.propose({"src/b.py": "b\n"}, branch="two", change=OTHER)
        self.world.approve("erin", change=OTHER, head="two")
        origin = Repo(tmp_path / "origin.git", bare=True)
        repo.git("remote", "add", "origin", str(origin.path))
        repo.git("push", "-q", "origin", "refs/heads/*:refs/heads/*")
        for number, head in self.heads.items():
            repo.git("push", "-q", "origin", f"{head}:refs/merge-requests/{number}/head")
        repo.checkout("main")
        repo.git("branch", "-D", "one", "two", "itil-gate-approvals")
        told(api, self.heads)

    def run(self, **other: str) -> Ran:
        """Run the pipeline of a schedule, or of something else."""
        variables = job(self.api.url, **other)
        return run_pipeline(self.world.repo, variables, job=JOB)


@pytest.fixture
def project(tmp_path: Path, keyring: Keyring) -> Iterator[Project]:
    on_path("rsync")
    with forge_server() as api:
        yield Project(api, keyring, tmp_path)


def test_a_schedule_tells_every_open_merge_request(project: Project) -> None:
    ran = project.run()
    assert ran.status == "PASS", ran.said
    assert "7: pending, into main" in ran.said
    assert "8: allow, into main" in ran.said
    assert [one for one in posted(project.api) if one[0] != "comment"] == [
        ("status", "itil-gate", "pending"),
        ("check", 12, "pending"),
        ("status", "itil-gate", "success"),
        ("check", 12, "passed"),
    ]
    assert TOKEN not in ran.said


def test_a_trigger_may_name_one(project: Project) -> None:
    ran = project.run(CI_PIPELINE_SOURCE="trigger", ITIL_GATE_PULL="8")
    assert ran.status == "PASS", ran.said
    assert {one[-1] for one in posted(project.api)[1:]} == {"success", "passed"}


@pytest.mark.parametrize("odd", ["8; touch pwned", "$(touch${IFS}pwned)", "--help", "x"])
def test_what_a_trigger_names_is_a_number_and_never_run(project: Project, odd: str) -> None:
    ran = project.run(CI_PIPELINE_SOURCE="trigger", ITIL_GATE_PULL=odd)
    assert ran.status == "FAIL 2", ran.said
    assert posted(project.api) == []
    assert not list(project.world.repo.path.parent.rglob("pwned"))


def test_what_cannot_be_decided_is_red_and_told(project: Project) -> None:
    project.api.on("GET", "/api/v4/projects/acme%2Fpayments/merge_requests/7/versions", {})
    ran = project.run()
    assert ran.status == "FAIL 2", ran.said
    said = [one[-1] for one in posted(project.api) if one[0] == "status"]
    assert said == ["failed", "success"]


def test_a_token_that_is_not_there_is_red(project: Project) -> None:
    ran = project.run(ITIL_GATE_FORGE_TOKEN="")
    assert ran.status == "FAIL 2", ran.said
    assert "no-token" in ran.said


@pytest.mark.parametrize(
    "other",
    [
        {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_BRANCH": ""},
        {"CI_PIPELINE_SOURCE": "push"},
        {"CI_COMMIT_BRANCH": "feature"},
        {"CI_COMMIT_REF_PROTECTED": "false"},
    ],
)
def test_other_pipelines_have_no_such_job(project: Project, other: dict[str, str]) -> None:
    ran = project.run(**other)
    assert ran.status == "", ran.said
    assert "elsewhere" in ran.said
    assert project.api.asked == []


def test_no_input_reaches_the_shell() -> None:
    spec, jobs = yaml.safe_load_all(TEMPLATE.read_text("utf-8"))
    (only,) = jobs.values()
    assert "$[[" not in str(only["script"])
    assert spec["spec"]["inputs"]["post"]["default"] == "comment"
