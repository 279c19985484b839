"""Run the installed command as a user does, and keep what it printed.

Most runs are forks of a gate that has loaded everything already, which takes a fifth of the time.
Where the start itself matters it is a fresh one: `fresh=True`, a variable that Python reads while
it starts, or ITIL_GATE_TESTS_FRESH=1 for all tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support.ready import Ready, same_start

if TYPE_CHECKING:
    from collections.abc import Mapping

GATE = Path(sys.executable).with_name("itil-gate")
_KNOCK = Path(__file__).with_name("knock.py")


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


_ready: list[Ready] = []


def run_gate(
    *arguments: str | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    fresh: bool = False,
) -> Ran:
    """Run `itil-gate` in a directory; nothing of the caller's git configuration applies."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    given = {**kept, "NO_COLOR": "1", "HOME": str(cwd), **(env or {})}
    if fresh or os.environ.get("ITIL_GATE_TESTS_FRESH") or not same_start(given):
        done = subprocess.run(
            [GATE, *arguments],
            cwd=cwd,
            env=given,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Ran(done.returncode, done.stdout, done.stderr)
    code, out, err = waiting_gate().run(
        GATE,
        [str(one) for one in arguments],
        cwd=cwd,
        env=given,
        stdin=stdin.encode(),
        timeout=120,
    )
    return Ran(code, _text(out), _text(err))


def waiting_gate() -> Ready:
    """Return the waiting gate of this process, started when it is first asked for."""
    if not _ready or _ready[-1].owner != os.getpid():
        _ready.append(Ready())
    return _ready[-1]


def knocking() -> list[str]:
    """Return the words with which another program starts the gate; see `knock.py`.

    Those are the installed command itself where all are to be fresh.
    """
    if os.environ.get("ITIL_GATE_TESTS_FRESH"):
        return [str(GATE)]
    return [sys.executable, "-IS", str(_KNOCK), str(waiting_gate().door), str(GATE)]


def end_waiting() -> None:
    """End the waiting gate, if there is one."""
    while _ready:
        _ready.pop().end()


def _text(said: bytes) -> str:
    """Return what was said as `subprocess` does."""
    return said.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
