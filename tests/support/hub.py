"""A plain git server: a bare repository with our hooks, pushed to by real `git push`."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from support.repository import Repo, isolated
from support.shell import run_gate
from support.world import copy_world

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from support.repository import Keyring
    from support.world import World

APPROVALS = "itil-gate-approvals"


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
    return Hub(server, world)


def copy_hub(template: Path, path: Path, keyring: Keyring, *, server: str) -> Hub:
    """Return copies of the folder `repo` and the server's of a template; it is now."""
    world = copy_world(template / "repo", path / "repo", keyring)
    world.now = datetime.now(tz=UTC).replace(microsecond=0)
    shutil.copytree(template / server, path / server, symlinks=True)
    return Hub(Repo(path / server, bare=True), world)
