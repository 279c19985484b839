"""The first-parent record of a branch: who landed what and when, streamed newest first.

Whoever reads it says when it is enough, and git is stopped. Dates are passed on as they are
written, for git's own `--since` stops at the first forged one. Nothing in a message or in the name
of a file can be taken for the start of another commit.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import select
import subprocess
import tempfile
import time
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from itil_gate.git.objects import is_oid
from itil_gate.git.run import MOST_OUTPUT, TIMEOUT, Result, bound, git_program, patience
from itil_gate.model.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
    from typing import IO

    from itil_gate.git.view import View

_READ = 1 << 20
_BIG = "1m"
"""Files above this size are taken for binary where lines are counted."""
_LOG = ("log", "--first-parent", "--diff-merges=first-parent", "--no-renames", "-z")
_PLAIN = ("--no-ext-diff", "--no-textconv", "--ignore-submodules=none", "--no-relative")
# No field is ever empty, so that two NULs in a row are always the end of a commit.
_FORMAT = "--format=tformat:%x00%H %ct %P%x00:%ae%x00:%an%x00:%B"
_FIELDS, _WORDS = 4, 3
_ERROR = re.compile(rb"^(?:error|fatal): ", re.MULTILINE)


class Landing(NamedTuple):
    """A commit, and what it changed against its first parent, as git's bytes."""

    id: str
    at: int
    """Seconds since 1970 by its committer; 0 where that is no date."""
    parents: tuple[str, ...]
    email: bytes
    name: bytes
    message: bytes
    paths: tuple[bytes, ...]


def landings(view: View, tip: str, *, timeout: float = TIMEOUT) -> Generator[Landing]:
    """Yield the first-parent commits from `tip` back, in one pass of `git log`.

    Close the generator to stop git. Raises HistoryError `object-missing` where the clone lacks a
    commit or tree, after those before it except, perhaps, the last; `git-timeout` if git says
    nothing for `timeout` seconds; else `git-failed`.
    """
    arguments = (*_LOG, *_PLAIN, "-O/dev/null", "--name-only", _FORMAT, "--encoding=UTF-8")
    everything = (*arguments, "--end-of-options", tip, "--")
    with contextlib.closing(records(view, everything, timeout=timeout)) as stream:
        for batch in stream:
            yield from map(_landing, batch)


def records(
    view: View, arguments: Sequence[str], *, timeout: float = TIMEOUT
) -> Generator[list[bytes]]:
    """Yield what a `git log -z` says about each commit, without the NULs around it, many at a time.

    The format begins with a NUL and has no field that may be empty. Raises as `landings` does.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - a list, no shell
            [git_program(), *arguments],
            cwd=view.directory,
            # Else git flushes after every commit, and most of the time goes into waking up.
            env=dict(view.env) | {"GIT_FLUSH": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        bound(process)
        pipe = process.stdout
        if pipe is None:  # pragma: no cover - Popen was given a pipe
            raise HistoryError("git-failed", "`git log` has no output")
        _widen(pipe)
        try:
            timeout = patience(timeout)
            held: list[bytes] = []
            for batch in _batches(_reads(pipe, timeout=timeout)):
                yield held
                held = batch
            yield held[:-1]
            result = Result(process.wait(timeout=timeout), b"", _said(errors))
            # Only now is it certain that git wrote the last one to its end.
            if result.status != 0 or _ERROR.search(result.err):
                raise view.failure("log", result)
            yield list(filter(None, held[-1:]))
        finally:
            pipe.close()
            process.kill()
            process.wait()


def commits_by_id(view: View, oids: Collection[str]) -> dict[str, Landing]:
    """Return these commits, those that are not here left out; what they changed is not read.

    Raises HistoryError `git-failed` for what are no ids of commits.
    """
    if not oids:
        return {}
    done = view.git(
        *("log", "--no-walk=unsorted", "--ignore-missing", "--no-patch", "-z", _FORMAT),
        *("--encoding=UTF-8", "--stdin"),
        stdin="".join(f"{oid}\n" for oid in oids).encode(),
    )
    records = filter(None, chain.from_iterable(_batches([done.out])))
    return {commit.id: commit for commit in map(_landing, records)}


def lines_added(
    view: View, tip: str, *, changes: int, apart: bytes | None = None
) -> tuple[int, ...]:
    """Return how many lines each of the newest first-parent commits added, newest first.

    Binary files count nothing, nor do files below the folder `apart`. Reads the contents of files,
    so it costs more than their names do.
    Raises HistoryError `object-missing` in a clone without them.
    """
    done = view.git(
        *("-c", f"core.bigFileThreshold={_BIG}", "-c", "log.showRoot=false"),
        *(*_LOG, *_PLAIN, "--numstat", f"--max-count={changes}", "--format=tformat:%x00:"),
        *("--end-of-options", tip, "--"),
    )
    return tuple(
        sum(_added(line, apart) or 0 for line in record.split(b"\0"))
        for record in done.out.split(b"\0:\0")[1:]
    )


def lines_added_between(
    view: View, base: str, head: str, *, apart: bytes | None = None
) -> int | None:
    """Return how many lines a change adds from one commit or tree to another.

    Files below the folder `apart` are not counted. None where another file is binary or too large
    to count, for then nobody can say. Raises HistoryError `object-missing`.
    """
    done = view.git(
        *("-c", f"core.bigFileThreshold={_BIG}", "diff-tree", "-r", "-z", "--numstat"),
        *("--no-renames", *_PLAIN, "--end-of-options", base, head),
    )
    added = [_added(line, apart) for line in done.out.split(b"\0") if line]
    known = [number for number in added if number is not None]
    return sum(known) if len(known) == len(added) else None


def _added(line: bytes, apart: bytes | None) -> int | None:
    """Return how many lines a line of `--numstat` says were added; None for a binary file."""
    number, _, rest = line.lstrip(b"\n").partition(b"\t")
    if apart is not None and rest.partition(b"\t")[2].startswith(apart + b"/"):
        return 0
    return int(number) if number.isdigit() else None


def _landing(record: bytes) -> Landing:
    fields = record.split(b"\0")
    words = fields[0].decode("ascii", "replace").split(" ")
    if len(fields) < _FIELDS or len(words) < _WORDS or not is_oid(words[0]):
        raise HistoryError("git-failed", f"`git log` said {record[:200]!r}")
    oid, at, *parents = words
    _, email, name, message, *paths = fields
    if paths:
        # Git sets the names off from the message by one line end.
        paths[0] = paths[0].removeprefix(b"\n")
    return Landing(
        oid,
        int(at) if at.isdigit() else 0,
        tuple(parents) if parents[0] else (),
        email[1:],
        name[1:],
        message[1:],
        tuple(paths),
    )


def _batches(reads: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield what git writes about each commit, without the NULs around it, many at a time.

    The last list holds one record, or an empty one where git wrote nothing.
    """
    held = [b""]
    first = True
    size = 0
    for read in reads:
        # A pair of NULs may be parted by two reads; a long record is joined once, at its end.
        ended = b"\0\0" in read or (read[:1] == b"\0" and held[-1][-1:] == b"\0")
        held.append(read.removeprefix(b"\0") if first else read)
        first = False
        size += len(read)
        if ended:
            *whole, rest = b"".join(held).split(b"\0\0")
            held = [rest]
            size = len(rest)
            yield whole
        elif size > MOST_OUTPUT:
            raise HistoryError(
                "git-endless", f"`git log` wrote more than {MOST_OUTPUT >> 20} MiB of one commit"
            )
    yield [b"".join(held).removesuffix(b"\0")]


def _widen(pipe: IO[bytes]) -> None:
    """Let git write ahead while what it wrote is being read; where that is refused, it waits."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _READ)


def _reads(pipe: IO[bytes], *, timeout: float) -> Iterator[bytes]:
    poll = select.poll()
    poll.register(pipe, select.POLLIN | select.POLLHUP)
    while True:
        deadline = time.monotonic() + timeout
        while not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            if time.monotonic() >= deadline:
                raise HistoryError("git-timeout", f"`git log` said nothing for {timeout:g} seconds")
        read = pipe.read1(_READ)  # type: ignore[attr-defined] # a BufferedReader
        if not read:
            return
        yield read


def _said(errors: IO[bytes]) -> bytes:
    errors.seek(0)
    return errors.read(20_000)
