"""A forge's runner as a step sees it: its variables, its event, its files. What runs is real."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from support.repository import Repo
from support.shell import Ran, run_gate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from support.world import World

PULL = 7
_VALUE = re.compile(
    r"^(?P<name>[^\n<]+)<<(?P<mark>[^\n]+)\n(?P<value>.*?)\n(?P=mark)\n", re.MULTILINE | re.DOTALL
)


@dataclass
class Runner:
    """One job: its workspace, its temporary folder, and the variables of every step."""

    workspace: Path
    temp: Path
    variables: dict[str, str] = field(default_factory=dict)
    home: str = "main"

    def event(self, name: str, payload: Any) -> Path:
        """Let the run be started by an event; bytes are written as they are.

        As on a forge every payload tells the default branch, but that of a schedule, which runs
        there.
        """
        self.temp.mkdir(parents=True, exist_ok=True)
        file = self.temp / "event.json"
        if name == "schedule":
            self.variables["GITHUB_REF"] = f"refs/heads/{self.home}"
        elif isinstance(payload, dict):
            payload = {"repository": {"default_branch": self.home}} | payload
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        file.write_bytes(data)
        self.variables |= {"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(file)}
        return file

    def pull_request(
        self, head: str, *, name: str = "pull_request", base: str = "main", draft: bool = False
    ) -> None:
        """Let the run be started by pull request 7."""
        self.event(name, pull_event(head, base=base, draft=draft))

    def act(self, command: str = "check", **inputs: str) -> Ran:
        """Run the step with these inputs; `env` of a workflow goes into `variables`."""
        self.temp.mkdir(parents=True, exist_ok=True)
        for file in (self.output, self.summary):
            file.unlink(missing_ok=True)
        given = {f"ITIL_GATE_ACTION_{name.upper()}": value for name, value in inputs.items()}
        return run_gate(
            "action",
            cwd=self.temp,
            env={
                "GITHUB_WORKSPACE": str(self.workspace),
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_OUTPUT": str(self.output),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                "GITHUB_ACTIONS": "true",
                "ITIL_GATE_ACTION_COMMAND": command,
                **self.variables,
                **given,
            },
        )

    @property
    def output(self) -> Path:
        return self.temp / "output"

    @property
    def summary(self) -> Path:
        return self.temp / "summary.md"

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs as the runner reads them; of one given twice the last one counts."""
        return read_outputs(self.output.read_text(encoding="utf-8"))


def today(world: World) -> World:
    """Return the world at the time that commands see."""
    world.now = datetime.now(tz=UTC).replace(microsecond=0)
    return world


def at_home(world: World) -> World:
    """Return the world today, on main and with nothing proposed."""
    today(world)
    world.repo.checkout("main")
    world.repo.git("branch", "-D", "feature")
    return world


def pull_event(head: str, *, base: str = "main", draft: bool = False, **more: Any) -> Any:
    """Return the payload of an event that carries pull request 7."""
    pull = {
        "number": PULL,
        "draft": draft,
        "base": {"ref": base},
        "head": {"ref": "feature", "sha": head},
    }
    return {"pull_request": pull | more}


def read_outputs(text: str) -> dict[str, str]:
    """Read GITHUB_OUTPUT; anything in it that is no output with a delimiter is a fault."""
    found, place = {}, 0
    while place < len(text):
        one = _VALUE.match(text, place)
        assert one is not None, f"no output: {text[place : place + 80]!r}"
        found[one["name"]] = one["value"]
        place = one.end()
    return found


def forge_of(repo: Repo, path: Path, *, pulls: Mapping[int, str] | None = None) -> Repo:
    """Return a bare repository, named origin, that has all branches and heads of pull requests."""
    server = Repo(path, bare=True)
    bring(
        repo, server, {f"refs/pull/{number}/head": head for number, head in (pulls or {}).items()}
    )
    return server


def bring(repo: Repo, server: Repo, more: Mapping[str, str] | None = None) -> None:
    """Let a forge have every branch, and more refs by what they are to hold, moved by force.

    A push would leave the same, and starts eight programs; where a push itself is what a test is
    about, it pushes.
    """
    theirs = server.git_dir / "objects"
    for folder in (repo.git_dir / "objects").iterdir():
        if folder.name == "info":
            assert not (folder / "alternates").exists()
            continue
        (theirs / folder.name).mkdir(exist_ok=True)
        for file in folder.iterdir():
            if not (theirs / folder.name / file.name).exists():
                shutil.copy(file, theirs / folder.name)
    listed = repo.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")
    refs = dict(line.split() for line in listed.splitlines())
    refs |= {ref: repo.tip(name) for ref, name in (more or {}).items()}
    orders = "".join(f"update {ref} {oid}\n" for ref, oid in refs.items())
    server.git("update-ref", "--stdin", stdin=orders.encode())


def check_out(server: Repo, path: Path, *, branch: str = "main") -> Repo:
    """Return what actions/checkout leaves of one branch: origin, and no other branch."""
    repo = Repo(path, branch="unborn")
    repo.git("remote", "add", "origin", str(server.path))
    repo.git(
        "fetch",
        "--quiet",
        "--no-tags",
        "origin",
        f"+refs/heads/{branch}:refs/remotes/origin/{branch}",
    )
    repo.git("checkout", "--quiet", "--detach", f"refs/remotes/origin/{branch}")
    return repo
