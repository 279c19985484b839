"""Programs of other people, built from their own sources: for the tests marked `peer`.

They are built once by `go install`, at pinned versions, into a cache outside of the repository
(~/.cache/itil-gate-peers, or $ITIL_GATE_PEERS). Building takes some minutes and is done once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CONFTEST = ("conftest", "github.com/open-policy-agent/conftest", "v0.68.2")
OPA = ("opa", "github.com/open-policy-agent/opa", "v1.15.2")
"""The version that this conftest is built with."""
ACTIONLINT = ("actionlint", "github.com/rhysd/actionlint/cmd/actionlint", "v1.7.12")
FSCK = ("fsck", "github.com/transparency-dev/tessera/cmd/fsck", "v1.0.4")
PROGRAMS = {tool[0]: tool for tool in (CONFTEST, OPA)}
BUILD_LIMIT = 1500
"""Seconds a build may take."""


class MissingPeerError(Exception):
    """A program cannot be had here; the text says why."""


def go_tool(name: str, module: str, version: str) -> Path:
    """Return the program that a Go module holds, built unless it was before.

    Raises MissingPeerError without Go, without its sources, or where they do not build.
    """
    folder = _cache() / f"{name}-{version}"
    program = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:  # several workers of pytest may ask at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _build(f"{module}@{version}", folder)
    return program


def program(tool: tuple[str, str, str]) -> Path:
    """Return a program for a test; where it cannot be had, CI fails and other machines skip."""
    return needed(lambda: go_tool(*tool))


def on_path(name: str) -> Path:
    """Return a program of the system for a test, as `needed` says."""

    def find() -> Path:
        found = shutil.which(name)
        if found is None:
            raise MissingPeerError(f"{name} is not installed")
        return Path(found)

    return needed(find)


def built(sources: Path) -> Path:
    """Return the program of a Go module in the repository, its own modules pinned by go.sum."""
    folder = _cache() / f"{sources.name}-{_digest(sources)}"
    command = ("go", "build", "-mod=readonly", "-o", str(folder / "made"), ".")
    return _once(folder, "made", command, where=sources)


def installed(sources: Path) -> Path:
    """Return the folder of a Node program of the repository with what its lock file pins."""
    folder = _cache() / f"{sources.name}-{_digest(sources)}"
    folder.mkdir(parents=True, exist_ok=True)
    for file in sources.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    command = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    return _once(folder, "node_modules", command, where=folder).parent


def needed(make: Callable[[], Path]) -> Path:
    """Return what `make` makes; where it cannot be had, CI fails and other machines skip."""
    import pytest  # noqa: PLC0415 - benchmarks use this file without it

    try:
        return make()
    except MissingPeerError as error:
        if in_ci():
            pytest.fail(str(error))
        pytest.skip(str(error))


def in_ci() -> bool:
    """Tell whether a missing program is a failure: CI has to have what the tests need."""
    return bool(os.environ.get("CI"))


def _build(package: str, folder: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise MissingPeerError(f"{package} is built with Go, which is not installed")
    try:
        done = subprocess.run(
            [go, "install", package],
            env={**os.environ, "GOBIN": str(folder / "built")},
            capture_output=True,
            text=True,
            timeout=BUILD_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise MissingPeerError(f"{package} was not built in {BUILD_LIMIT} s") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise MissingPeerError(f"`go install {package}` failed: {last}")
    for program in (folder / "built").iterdir():  # moved when whole: a build may be broken off
        program.rename(folder / program.name)


def _once(folder: Path, made: str, command: Sequence[str], *, where: Path) -> Path:
    """Run a command that makes something, unless it was run to its end before."""
    if shutil.which(command[0]) is None:
        raise MissingPeerError(f"{command[0]} is not installed, which {where.name} needs")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".whole").exists():
            done = subprocess.run(
                command, cwd=where, capture_output=True, text=True, timeout=BUILD_LIMIT, check=False
            )
            if done.returncode != 0:
                last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
                raise MissingPeerError(f"`{' '.join(command)}` failed: {last}")
            (folder / ".whole").touch()
    return folder / made


def _digest(sources: Path) -> str:
    files = sorted(path for path in sources.iterdir() if path.is_file())
    content = b"".join(path.name.encode() + b"\0" + path.read_bytes() for path in files)
    return hashlib.sha256(content).hexdigest()[:16]


def _cache() -> Path:
    told = os.environ.get("ITIL_GATE_PEERS")
    return Path(told) if told else Path.home() / ".cache" / "itil-gate-peers"
