"""The GitLab component, run by gitlab-ci-local on real repositories: red, amber, green."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from support.gitlab_local import Ran, run_pipeline
from support.peers import on_path
from support.pulls import forge_section
from support.repository import Repo
from support.world import CONFIG, World, adopt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.repository import Keyring

HERE = Path(__file__).resolve().parent
TEMPLATE = HERE.parents[1] / "templates" / "check.yml"
IMAGE = f"registry.example.com/itil-gate@sha256:{'0' * 64}"
PIPELINE = """\
stages: [test]
include:
  - local: templates/check.yml
    inputs: {{image: "{image}", pending: {pending}}}
"""

pytestmark = pytest.mark.peer


def quality(ran: Ran) -> list[dict[str, Any]]:
    """Return the Code Quality report."""
    text = (ran.reports / "gl-code-quality-report.json").read_text("utf-8")
    found: list[dict[str, Any]] = json.loads(text)
    return found


def junit(ran: Ran) -> ET.Element:
    """Return the JUnit report."""
    file = ran.reports / "itil-gate-junit.xml"
    return ET.parse(file).getroot()  # noqa: S314 - what we wrote ourselves


@dataclass
class Project:
    """A clone in which a pipeline runs; its origin is a repository of its own."""

    world: World
    origin: Repo

    def run(self, variables: Mapping[str, str] | None = None) -> Ran:
        """Push what there is, then run the pipeline of a merge request for what is checked out."""
        repo = self.world.repo
        repo.git("push", "--quiet", "--force", "origin", "refs/heads/*:refs/heads/*")
        given = {
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_PROJECT_ID": "7",
            "CI_MERGE_REQUEST_PROJECT_ID": "7",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_COMMIT_SHA": repo.tip("HEAD"),
            **(variables or {}),
        }
        return run_pipeline(repo, given)


@pytest.fixture
def project(tmp_path: Path, keyring: Keyring, request: pytest.FixtureRequest) -> Project:
    """A project with the component, and a merge request that nobody approved yet."""
    on_path("rsync")
    repo = Repo(tmp_path / "project")
    repo.write("templates/check.yml", TEMPLATE.read_text("utf-8"))
    pending = getattr(request, "param", "red")
    repo.write(".gitlab-ci.yml", PIPELINE.format(image=IMAGE, pending=pending))
    repo.write(".gitignore", ".gitlab-ci-local/\n")
    adopt(repo, keyring)
    origin = Repo(tmp_path / "origin.git", bare=True)
    repo.git("remote", "add", "origin", str(origin.path))
    world = World(repo, keyring, now=datetime.now(tz=UTC).replace(microsecond=0))
    world.propose()
    return Project(world, origin)


def test_an_approved_change_is_green(project: Project) -> None:
    project.world.approve("bob")
    ran = project.run()
    assert ran.status == "PASS", ran.said
    assert "ALLOWED" in ran.said
    assert {entry["severity"] for entry in quality(ran)} <= {"info"}
    assert int(junit(ran).get("failures", "0")) == 0


@pytest.mark.parametrize("project", ["amber"], indirect=True)
def test_waiting_is_amber_where_that_is_asked_for(project: Project) -> None:
    ran = project.run()
    assert ran.status == "WARN 3", ran.said
    assert "minor" in {entry["severity"] for entry in quality(ran)}


@pytest.mark.parametrize("project", ["amber"], indirect=True)
def test_a_denied_change_is_red_even_where_waiting_is_amber(project: Project) -> None:
    project.world.commit({"elsewhere/app.py": "x\n"})
    ran = project.run()
    assert ran.status == "FAIL 1", ran.said
    assert "critical" in {entry["severity"] for entry in quality(ran)}
    for entry in quality(ran):
        assert entry.keys() >= {"description", "check_name", "fingerprint", "severity", "location"}
        assert (project.world.repo.path / entry["location"]["path"]).exists()
        assert entry["location"]["lines"]["begin"] >= 1
    assert junit(ran).findall(".//failure")


@pytest.mark.parametrize("project", ["amber"], indirect=True)
def test_what_nobody_asked_the_forge_about_is_red_even_where_waiting_is_amber(
    project: Project,
) -> None:
    project.world.on_main({"itil-gate.yaml": CONFIG + forge_section()})
    project.world.approve("bob")
    ran = project.run()
    assert ran.status == "FAIL 2", ran.said
    assert "forge-not-asked" in ran.said


def test_waiting_is_red_by_default(project: Project) -> None:
    ran = project.run()
    assert ran.status == "FAIL 3", ran.said


def test_a_pipeline_beside_a_key_or_in_a_fork_is_red(project: Project) -> None:
    project.world.approve("bob")
    ran = project.run({"ITIL_GATE_LOG_KEY": "secret"})
    assert ran.status == "FAIL 2"
    assert "a key of the audit log is in reach of a merge request" in ran.said
    ran = project.run({"CI_PROJECT_ID": "8"})
    assert ran.status == "FAIL 2"
    assert "this runs in a fork" in ran.said


def test_a_server_that_does_not_answer_is_red(project: Project) -> None:
    project.world.approve("bob")
    assert project.run().status == "PASS"
    project.world.repo.git("remote", "set-url", "--push", "origin", str(project.origin.path))
    project.world.repo.git("remote", "set-url", "origin", "/nowhere")
    ran = project.run()
    assert ran.status == "FAIL 2"


def test_a_branch_name_is_never_run(project: Project) -> None:
    odd = "main$(touch${IFS}pwned)`touch${IFS}pwned`;touch${IFS}pwned"
    ran = project.run({"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": odd})
    assert ran.status == "FAIL 2"
    assert not list(project.world.repo.path.parent.rglob("pwned"))


def test_what_is_set_for_all_jobs_does_not_reach_the_gate(project: Project) -> None:
    file = project.world.repo.path / ".gitlab-ci.yml"
    file.write_text(
        f"{file.read_text('utf-8')}\n"
        "default:\n  before_script: ['itil-gate() { true; }', 'git() { true; }']\n"
        "variables: {CI_MERGE_REQUEST_TARGET_BRANCH_NAME: feature, PATH: /nowhere}\n"
    )
    ran = project.run()
    assert ran.status == "FAIL 3", ran.said


def test_no_input_reaches_the_shell() -> None:
    spec, job = yaml.safe_load_all(TEMPLATE.read_text("utf-8"))
    for name, one in job.items():
        assert "$[[" not in str(one.get("script", "")), name
        assert one.get("dependencies", []) == []
    assert "dependencies" in next(one for one in job.values() if "script" in one)
    assert spec["spec"]["inputs"]["pending"]["default"] == "red"
