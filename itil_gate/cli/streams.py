"""The standard streams and signals of the process, put in order before anything is said.

A stream that the caller closed must not be taken by a file that is opened later, and what is
written to it must fail as a full disk does: a result that nobody could read is no pass.
"""

from __future__ import annotations

import io
import os
import signal
import sys

_STREAMS = (
    ("stdin", os.O_RDONLY, "r"),
    # Open for reading only, so that every write fails.
    ("stdout", os.O_RDONLY, "w"),
    ("stderr", os.O_WRONLY, "w"),
)


def settle() -> None:
    """Open the streams that were closed, write UTF-8 whatever the locale, end orderly if told to.

    A result is the same bytes in every locale; git and the files of a repository are UTF-8 too.
    """
    for number, (name, flags, mode) in enumerate(_STREAMS):
        if getattr(sys, name) is None:
            _hold(number, flags)
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    for told in (signal.SIGTERM, signal.SIGHUP):
        # As on Ctrl-C: what was begun is taken back, and the end is neither pass nor refusal.
        if signal.getsignal(told) is signal.SIG_DFL:
            signal.signal(told, signal.default_int_handler)


def _hold(number: int, flags: int) -> None:
    """Let a descriptor be the null device, unless something else has it by now."""
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, flags)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
