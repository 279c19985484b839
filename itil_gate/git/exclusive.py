"""One writer at a time on one machine, and locks whose owners are gone.

Races are settled by compare-and-swap; this only spares those of processes on one machine, so it
goes without a lock where none can be had. The kernel lets go of a lock when its process ends,
however it ends. Lock files of git do not go by themselves: those of a killed git are removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STALE = 60.0
"""Seconds after which a lock file that nobody holds open is taken for forgotten; git's own are
held for milliseconds."""
PATIENCE = 60.0
"""Seconds to wait for another process of ours before going on beside it."""
_STEP = 0.01


@contextmanager
def exclusive(lock: Path, *, patience: float = PATIENCE) -> Iterator[bool]:
    """Hold a lock for as long as the block runs; yields whether it could be had in time."""
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:
        yield False
        return
    try:
        yield _taken(descriptor, time.monotonic() + patience)
    finally:
        os.close(descriptor)


def remove_stale_lock(file: Path, *, guard: Path) -> bool:
    """Remove a forgotten lock file of git; whether it was one.

    It is, if it was written more than a minute ago and no process has it open. Two that see it so
    at once remove it once: `guard` is a lock of ours.
    """
    with exclusive(guard) as held:
        try:
            status = file.stat()
            # Touched to learn what time it is by the clock that dates these files.
            os.utime(guard)
            age = guard.stat().st_mtime - status.st_mtime
        except OSError:
            return False
        if not held or age < STALE or _is_open(status):
            return False
        with contextlib.suppress(FileNotFoundError):
            file.unlink()
        return True


def _taken(descriptor: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_STEP)
        except OSError:  # a file system without locks
            return False
        else:
            return True


def _is_open(status: os.stat_result) -> bool:
    """Whether a process that we can look into has this file open, where the system says so."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            there = link.stat()
        except OSError:
            continue
        if (there.st_dev, there.st_ino) == (status.st_dev, status.st_ino):
            return True
    return False
