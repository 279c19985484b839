"""gitlab-ci-local, which runs pipelines of GitLab in a clone, with the shell executor."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support.peers import installed, needed
from support.repository import isolated
from support.shell import GATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.repository import Repo

SOURCES = Path(__file__).resolve().parents[1] / "peers" / "gitlab"


@dataclass(frozen=True)
class Ran:
    """What a pipeline said, and the reports that its job left.

    The exit code of gitlab-ci-local itself says nothing: it holds any job that may fail by some
    exit code for one that may fail by all.
    """

    said: str
    reports: Path
    job: str

    @property
    def status(self) -> str:
        """How the job ended: PASS, or WARN or FAIL with its exit code; empty where it was none."""
        ended = rf"(?m)^{self.job} +finished in [\d.]+ m?s *(.*?) *$"
        found = re.findall(ended, self.said)
        if re.search(rf"(?m)^ PASS  {self.job}$", self.said):
            return "PASS"
        return str(found[-1]) if found else ""


def run_pipeline(repo: Repo, variables: Mapping[str, str], *, job: str = "itil-gate") -> Ran:
    """Run the pipeline of what is checked out; `job` is the one that is asked about."""
    program = needed(lambda: installed(SOURCES))
    done = subprocess.run(
        [
            *("node", program / "node_modules" / "gitlab-ci-local" / "src" / "index.js"),
            *("--force-shell-executor", "--no-color", "--no-artifacts-to-source"),
            *(f"--variable={name}={value}" for name, value in variables.items()),
        ],
        cwd=repo.path,
        env=isolated(
            {
                "PATH": f"{GATE.parent}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(repo.path.parent),
            }
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Ran(done.stdout + done.stderr, repo.path / ".gitlab-ci-local" / "artifacts" / job, job)
