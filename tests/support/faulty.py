"""Machines that fail: a git that dies, lies or dawdles, and what a run of the gate costs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.shell import GATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# A process is charged with the memory of whoever started it, and the tests have plenty.
_LAUNCHER = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "w") as peak:
    peak.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code if code >= 0 else 128 - code)
"""

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
    with tempfile.NamedTemporaryFile("r") as peak:
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-IS", "-c", _LAUNCHER, peak.name, *before, GATE, *arguments],
            cwd=cwd,
            env=surroundings(cwd, env),
            input=stdin.encode(),
            capture_output=True,
            check=False,
            timeout=timeout,
        )
        seconds = time.monotonic() - began
        mebibytes = int(peak.read()) >> 10
    texts = (stream.decode("utf-8", "backslashreplace") for stream in (done.stdout, done.stderr))
    return Measured(done.returncode, *texts, seconds, mebibytes)


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
