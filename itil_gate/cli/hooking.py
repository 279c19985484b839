"""What both hooks share: what git tells them, and an end to their time."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from itil_gate.cli.screen import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.release.pushing import Push

MOST_BYTES = 64 * 1024 * 1024
LONGEST = 86_400
PATIENCE = 300


def pushed() -> tuple[Push, ...]:
    """Return what git says on standard input. Raises GateError `bad-push`."""
    from itil_gate.model.errors import GateError
    from itil_gate.release.pushing import read_pushes

    said = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(said) > MOST_BYTES:
        raise GateError("bad-push", "more refs are pushed at once than anybody judges")
    return read_pushes(said)


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Stop what runs in the block after so many seconds, as Ctrl-C would: undecided."""

    def stop(*_: object) -> None:
        say(f"itil-gate: hook-timeout: no answer in {seconds} seconds, so there is none")
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
