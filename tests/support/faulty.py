"""Machines that fail: a git that dies, lies or dawdles, and what a run of the gate costs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.shell import GATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

REAL_GIT = shutil.which("git") or "git"


@dataclass(frozen=True)
class Measured:
    """How a command ended, and what it took: seconds, and MiB of the largest of its processes."""

    code: int
    out: str
    err: str
    seconds: float
    mebibytes: int


def run_measured(
    *arguments: str | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    before: Sequence[str] = (),
    stdin: str = "",
    timeout: float = 300,
) -> Measured:
    """Run `itil-gate` as `run_gate` does, behind the words of `before`, and measure it."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as told:
        began = time.monotonic()
        process = subprocess.Popen(
            [*before, GATE, *arguments],
            cwd=cwd,
            env=surroundings(cwd, env),
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=told,
        )
        assert process.stdin is not None
        process.stdin.write(stdin.encode())
        process.stdin.close()
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() - began > timeout:
                process.kill()
            time.sleep(0.002)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for stream in (said, told):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "backslashreplace"))
    return Measured(process.returncode, *texts, seconds, used.ru_maxrss >> 10)


def surroundings(home: Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment without git's variables, at home in a directory."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, "NO_COLOR": "1", "HOME": str(home), **(env or {})}


def stand_in(directory: Path, script: str, *, name: str = "git") -> dict[str, str]:
    """Put a program on the PATH before all others; return the environment that does so.

    The script is of /bin/sh; `$REAL` is the real git and `$HERE` the directory.
    """
    directory.mkdir(exist_ok=True)
    file = directory / name
    file.write_text(f"#!/bin/sh\nREAL='{REAL_GIT}'\nHERE='{directory}'\n{script}\n")
    file.chmod(0o755)
    return {"PATH": f"{directory}:{os.environ['PATH']}"}


def counting(fault: str) -> str:
    """Return a script that is git, but for call number `$HERE/nth`, which is `fault`.

    The calls are counted by lines in `$HERE/calls`.
    """
    return (
        'echo "$*" >> "$HERE/calls"\n'
        'if [ "$(wc -l < "$HERE/calls")" -eq "$(cat "$HERE/nth")" ]; then\n'
        f"{fault}\n"
        "fi\n"
        'exec "$REAL" "$@"'
    )


def plain_ending(err: str) -> None:
    """Assert that what was told is for people: no trace of our insides."""
    assert "Traceback" not in err, err
    assert "internal-error" not in err, err
