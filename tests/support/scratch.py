"""Where the tests make their repositories: in memory, where there is room for them.

The gate waits until what it has written is on the disk, and rightly so; a few thousand throw-away
repositories need not. Nor need the folders that every look at a repository makes and removes.
ITIL_GATE_TESTS_ON_DISK=1 leaves everything where pytest puts it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - only ever a folder of our own below it
_PREFIX = "itil-gate-tests-"
_DAY = 86_400
_LEAST = 4 << 30
_CHOSEN = ("PYTEST_DEBUG_TEMPROOT", "ITIL_GATE_TESTS_ON_DISK")


def settle_in_memory() -> None:
    """Let temporary folders be in memory, pytest's and all others, unless it cannot be.

    What somebody chose stays. Workers have what was settled from whoever started them.
    """
    if any(os.environ.get(name) for name in _CHOSEN) or not _fit(_MEMORY):
        return
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(_MEMORY)
    if not os.environ.get("TMPDIR"):
        _remove_old()
        ours = tempfile.mkdtemp(prefix=_PREFIX, dir=_MEMORY)
        os.environ["TMPDIR"] = tempfile.tempdir = ours
        atexit.register(_remove, ours, os.getpid())


def _remove_old() -> None:
    """Remove what runs left that were killed: nothing was made in it for a day."""
    for folder in _MEMORY.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _DAY:
                shutil.rmtree(folder, ignore_errors=True)


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def _fit(folder: Path) -> bool:
    """Say whether there is room, and programs that tests write there can be run."""
    try:
        if shutil.disk_usage(folder).free < _LEAST or _free_memory() < 2 * _LEAST:
            return False
        with tempfile.TemporaryDirectory(dir=folder) as name:
            program = Path(name) / "true"
            program.write_text("#!/bin/sh\n")
            program.chmod(0o700)
            subprocess.run([program], check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _free_memory() -> int:
    """Return the bytes that can still be taken; none where nobody says."""
    for line in Path("/proc/meminfo").read_text("ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) << 10
    return 0
