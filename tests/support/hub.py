"""A plain git server: a bare repository with our hooks, pushed to by real `git push`.

The hooks are those that `itil-gate hook install` writes, but for the words that start Python: a
fork of the waiting gate answers, unless a test calls `Hub.start_afresh`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from support.repository import Repo, isolated
from support.shell import knocking, run_gate
from support.world import copy_world

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from support.repository import Keyring
    from support.world import World

APPROVALS = "itil-gate-approvals"
_INSTALLED = f"{shlex.quote(sys.executable)} -I -m itil_gate hook "


@dataclass(frozen=True)
class Pushed:
    """How a push ended, and what the server and git said."""

    code: int
    said: str

    @property
    def taken(self) -> bool:
        """Whether git says that the server took it."""
        return self.code == 0


@dataclass
class Hub:
    """The server's repository, and the world of somebody who pushes there."""

    server: Repo
    world: World

    def push(
        self, *refspecs: str, options: tuple[str, ...] = (), env: Mapping[str, str] | None = None
    ) -> Pushed:
        """Push from the world's repository; variables of `env` reach the server's git too."""
        done = subprocess.run(
            ["git", "push", *options, str(self.server.path), *refspecs],
            cwd=self.world.repo.path,
            env=isolated(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=300,
        )
        return Pushed(done.returncode, done.stderr.decode("utf-8", "replace"))

    def start_afresh(self) -> None:
        """Let the hooks start Python, word for word as they were installed."""
        self._start(_answered(), _INSTALLED)

    def answer_at_once(self) -> None:
        """Let the hooks be answered by the waiting gate, unless all gates are to be fresh."""
        if not os.environ.get("ITIL_GATE_TESTS_FRESH"):
            self._start(_INSTALLED, _answered())

    def _start(self, before: str, after: str) -> None:
        for name in ("pre-receive", "post-receive"):
            hook = self.server.path / "hooks" / name
            if hook.exists():
                hook.write_text(hook.read_text("utf-8").replace(before, after), "utf-8")

    def tip(self, branch: str = "main") -> str:
        """Return what a branch of the server holds, empty where there is none."""
        return self.server.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")

    def objects(self) -> list[str]:
        """Return every file below the objects and refs of the server."""
        return sorted(
            os.path.join(where, name)  # noqa: PTH118 - thousands of names
            for top in ("objects", "refs")
            for where, _, names in os.walk(self.server.path / top)
            for name in names
        )


def open_hub(world: World, path: Path, *arguments: str | Path) -> Hub:
    """Make a server's repository of what the world has, and install the hooks."""
    world.now = datetime.now(tz=UTC).replace(microsecond=0)
    server = Repo(path, bare=True)
    world.repo.git("push", "--quiet", str(path), "main:main")
    names = world.repo.git("for-each-ref", "--format=%(refname)", "refs/heads").splitlines()
    for name in (f"refs/heads/{APPROVALS}", "refs/heads/audit-log"):
        if name in names:
            world.repo.git("push", "--quiet", str(path), f"{name}:{name}")
    done = run_gate("hook", "install", "--repo", path, *arguments, cwd=path.parent)
    assert done.code == 0, done.err
    hub = Hub(server, world)
    hub.answer_at_once()
    return hub


def _answered() -> str:
    return f"{shlex.join(knocking())} hook "


def copy_hub(template: Path, path: Path, keyring: Keyring, *, server: str) -> Hub:
    """Return copies of the folder `repo` and the server's of a template; it is now."""
    world = copy_world(template / "repo", path / "repo", keyring)
    world.now = datetime.now(tz=UTC).replace(microsecond=0)
    shutil.copytree(template / server, path / server, symlinks=True)
    return Hub(Repo(path / server, bare=True), world)
