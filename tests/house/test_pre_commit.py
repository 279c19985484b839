"""The hooks for pre-commit, run by pre-commit itself from a repository of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from support.repository import Repo, isolated
from support.world import adopt, request_file

if TYPE_CHECKING:
    from support.repository import Keyring

ROOT = Path(__file__).resolve().parents[2]
NEEDED = (
    *("itil_gate", "policies", "schemas", "pyproject.toml", "README.md", "LICENSE"),
    ".pre-commit-hooks.yaml",
)
REQUEST = "changes/2026/CHG-2026-AAAA0001.yaml"

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Commit what the checkout would ship, as the repository that people name in their hooks."""
    repo = Repo(tmp_path_factory.mktemp("source") / "itil-gate")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *NEEDED], cwd=ROOT, capture_output=True, check=True
    ).stdout
    for name in listed.decode().split("\0"):
        if name and (ROOT / name).exists():
            repo.write(name, (ROOT / name).read_bytes())
    repo.commit("ship")
    return repo.path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps the environment that it installs once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def sample(tmp_path: Path, keyring: Keyring) -> Repo:
    """A repository that adopted the gate, with a change request."""
    repo = Repo(tmp_path / "sample")
    adopt(repo, keyring)
    repo.commit(files={REQUEST: request_file()})
    return repo


def try_hooks(sample: Repo, source: Path, cache: Path, *arguments: str) -> tuple[int, str]:
    """Run the hooks on every file of a sample; return how it ended and what was said."""
    env = {"PRE_COMMIT_HOME": str(cache), "PRE_COMMIT_COLOR": "never"}
    done = subprocess.run(
        [Path(sys.executable).with_name("pre-commit"), "try-repo", source, *arguments],
        cwd=sample.path,
        env={**isolated(env), "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_good_files_pass_and_each_bad_one_is_named(sample: Repo, source: Path, cache: Path) -> None:
    code, said = try_hooks(sample, source, cache, "--all-files")
    assert code == 0, said
    assert said.count("Passed") == 2

    sample.commit(files={REQUEST: request_file().replace("type: normal", "type: whatever")})
    code, said = try_hooks(sample, source, cache, "itil-gate-requests", "--all-files")
    assert code == 1, said
    assert f"{REQUEST}:5" in said
    assert "exit code: 1" in said

    sample.commit(files={"policies/approvals.yaml": "kind: ApprovalPolicy\n"})
    code, said = try_hooks(sample, source, cache, "itil-gate-policies", "--all-files")
    assert code == 1, said
    assert "policies/approvals.yaml" in said

    # Neither looks where nothing of theirs changed.
    code, said = try_hooks(sample, source, cache, "--files", "src/app.py")
    assert code == 0, said
    assert said.count("(no files to check)Skipped") == 2


def test_the_page_shows_every_hook() -> None:
    page = (ROOT / "docs" / "how-to" / "lint-before-committing.md").read_text("utf-8")
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert [hook["id"] for hook in hooks if f"id: {hook['id']}" not in page] == []
