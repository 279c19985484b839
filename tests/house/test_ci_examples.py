"""The examples for other CI systems: their commands are run, their files read by other tools."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
import yaml
from support.peers import MissingPeerError, needed
from support.pulls import forge_section
from support.repository import Repo, isolated
from support.shell import GATE
from support.world import CONFIG, World, adopt

if TYPE_CHECKING:
    from support.repository import Keyring

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ODD = "main$(touch${IFS}pwned)`touch${IFS}pwned`;touch${IFS}pwned"


def jenkins() -> str:
    """Return what the Jenkinsfile gives to sh, as Groovy reads it."""
    text = (EXAMPLES / "Jenkinsfile").read_text("utf-8")
    (script,) = re.findall(r"script: '''(.*?)'''", text, re.DOTALL)
    # Between ''' Groovy only heeds backslashes: one before a line end joins the lines, as sh would.
    assert not re.search(r"\\[^\n]", script)
    return script.replace("\\\n", "")


def azure() -> str:
    """Return what the Azure pipeline gives to bash."""
    (job,) = yaml.safe_load((EXAMPLES / "azure-pipelines.yml").read_text("utf-8"))["jobs"]
    (script,) = [step["bash"] for step in job["steps"] if "bash" in step]
    # What Azure itself would put in before bash sees it.
    assert "$(" not in script
    return str(script)


@dataclass
class Pipeline:
    """A clone as a pipeline has it, made for a pull request."""

    world: World
    clone: Repo

    def run(self, kind: str, *, target: str = "main") -> tuple[int, str]:
        """Run the script of a kind of pipeline; return its exit code and what it said."""
        env = {
            "PATH": f"{GATE.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.clone.path),
            "CHANGE_TARGET": target,
            "CHANGE_ID": "7",
            "TARGET": f"refs/heads/{target}",
            "HEAD_COMMIT": self.world.repo.tip("feature"),
            "REPORTS": str(self.clone.path),
        }
        shell, script = ("sh", jenkins()) if kind == "jenkins" else ("bash", azure())
        done = subprocess.run(
            [shell, "-e", "-c", script],
            cwd=self.clone.path,
            env=isolated(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def pipeline(tmp_path: Path, keyring: Keyring) -> Pipeline:
    """A repository with a pull request, and the clone of a pipeline."""
    repo = Repo(tmp_path / "repo")
    adopt(repo, keyring)
    world = World(repo, keyring, now=datetime.now(tz=UTC).replace(microsecond=0))
    world.propose()
    repo.git("update-ref", "refs/pull/7/head", "feature")
    return Pipeline(world, repo.clone(tmp_path / "clone"))


@pytest.mark.parametrize("kind", ["jenkins", "azure"])
def test_the_command_of_the_pipeline_decides_and_writes_both_reports(
    pipeline: Pipeline, kind: str
) -> None:
    code, said = pipeline.run(kind)
    assert code == 3, said
    assert "PENDING" in said
    pipeline.world.approve("bob")
    code, said = pipeline.run(kind)
    assert code == 0, said
    (sarif,) = pipeline.clone.path.rglob("itil-gate.sarif")
    assert '"version": "2.1.0"' in sarif.read_text("utf-8")
    junit = pipeline.clone.path / "itil-gate-junit.xml"
    assert ET.parse(junit).getroot().tag == "testsuites"  # noqa: S314 - what we wrote ourselves
    pipeline.world.reject("carol")
    code, said = pipeline.run(kind)
    assert code == 1, said


@pytest.mark.parametrize("kind", ["jenkins", "azure"])
def test_a_branch_that_only_guards_itself_is_undecided(pipeline: Pipeline, kind: str) -> None:
    repo = pipeline.world.repo
    repo.checkout("evil", create=True, at="main")
    both = "[refs/heads/main, refs/heads/release]"
    assert both in CONFIG
    mine = CONFIG.replace(both, "[refs/heads/evil]").replace('["docs/**"]', '["**"]')
    pipeline.world.commit({"itil-gate.yaml": mine})
    repo.checkout("main")
    code, said = pipeline.run(kind, target="evil")
    assert code == 2, said
    assert "target-not-governed" in said


@pytest.mark.parametrize("kind", ["jenkins", "azure"])
def test_no_build_passes_where_nobody_asked_the_forge_that_is_named(
    pipeline: Pipeline, kind: str
) -> None:
    pipeline.world.on_main({"itil-gate.yaml": CONFIG + forge_section()})
    pipeline.world.approve("bob")
    code, said = pipeline.run(kind)
    assert code == 2, said
    assert "forge-not-asked" in said


@pytest.mark.parametrize("kind", ["jenkins", "azure"])
def test_a_target_that_cannot_be_fetched_is_undecided(pipeline: Pipeline, kind: str) -> None:
    pipeline.world.approve("bob")
    assert pipeline.run(kind, target=ODD)[0] == 2
    assert not list(pipeline.clone.path.parent.rglob("pwned"))


def test_the_azure_pipeline_names_nothing_that_a_stranger_writes_in_a_script() -> None:
    (job,) = yaml.safe_load((EXAMPLES / "azure-pipelines.yml").read_text("utf-8"))["jobs"]
    assert [next(iter(step)) for step in job["steps"]] == ["checkout", "bash", "task", "task"]
    assert job["steps"][0]["fetchDepth"] == 0


def test_the_image_is_made_of_what_the_gate_declares_each_by_hash() -> None:
    text = (EXAMPLES / "requirements.txt").read_text("utf-8")
    entries = re.findall(
        r"(?m)^([a-z0-9-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}.*\n)+)", text
    )
    listed = {name: version for name, version, _ in entries}
    assert len(entries) == len(re.findall(r"(?m)^[a-z]", text))
    project = tomllib.loads((EXAMPLES.parent / "pyproject.toml").read_text("utf-8"))["project"]
    for dependency in project["dependencies"]:
        name, _, wanted = re.split(r"(==|>=)", dependency)
        version = listed[name.lower()]
        if "==" in dependency:
            assert version == wanted
        assert [int(part) for part in version.split(".")] >= [int(p) for p in wanted.split(".")]


def test_the_image_runs_as_nobody_on_a_base_named_by_digest() -> None:
    text = (EXAMPLES / "Containerfile").read_text("utf-8")
    assert [line for line in text.splitlines() if line.startswith("FROM ")] == [
        "FROM ${BASE} AS build",
        "FROM ${BASE}",
    ]
    assert '*@sha256:*) ;; *) echo "name BASE by digest" >&2; exit 1' in text
    assert text.rindex("USER 65532:65532") > text.rindex("COPY ")
    assert "--require-hashes" in text


@pytest.mark.peer
def test_hadolint_finds_nothing_in_the_recipe(tmp_path: Path) -> None:
    def find() -> Path:
        here = Path(sys.executable).with_name("hadolint")
        found = here if here.exists() else shutil.which("hadolint")
        if found is None:
            raise MissingPeerError("hadolint is not installed")
        return Path(found)

    program = needed(find)
    (tmp_path / "Containerfile").write_text("FROM python\nRUN cd /tmp && sudo apt-get install x\n")
    bad = subprocess.run(
        [program, "--no-color", tmp_path / "Containerfile"], capture_output=True, check=False
    )
    assert bad.returncode == 1
    done = subprocess.run(
        [program, "--no-color", "--failure-threshold", "style", EXAMPLES / "Containerfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
