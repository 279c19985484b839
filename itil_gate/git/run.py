"""Start a program: the only place in the gate that does.

Lists of arguments, never a shell; always a time-out, a limit on what may be written, and a checked
status. Every `GIT_*` variable of the caller is dropped, because any of them can point git at
another repository, configuration or program; relative entries of `PATH` are dropped, because they
may lie in a checkout.
"""

from __future__ import annotations

import functools
import os
import re
import resource
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from itil_gate.model.errors import GateError, HistoryError
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import IO

TIMEOUT = 120.0
"""Seconds that a program may take unless the caller says otherwise."""

TIMEOUT_VARIABLE = "ITIL_GATE_TIMEOUT"
"""Seconds for every program instead of what is written here; it can only lead to exit 2."""

MOST_OUTPUT = 256 * 1024 * 1024
"""Bytes that a program may write before it is stopped; a tree of a kilobyte can list terabytes."""

MOST_MEMORY = 2 << 30
"""Bytes of data that a program may hold. Packs do not count: git maps them and only reads."""

OLDEST_GIT = (2, 38)
"""`merge-tree --write-tree` and `cat-file -z` came with this version."""

QUARANTINE = (
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
)
"""What a pre-receive hook is given to see the objects pushed but not yet accepted."""

_LEAST, _DAY = 0.1, 86_400
_READ = 1 << 18
_GRACE = 1.0
_SHOWN = 2000

_HARDENED = {
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
}


@frozen
class Result:
    """What a finished program left behind."""

    status: int
    out: bytes
    err: bytes

    @property
    def complaint(self) -> str:
        """The first lines of standard error, as text, for a message."""
        said = self.err[:_SHOWN].decode("utf-8", "backslashreplace")
        return "\n".join(said.strip().splitlines()[:5])


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for programs: the caller's, without `GIT_*`, then `extra`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") and name != "XDG_CONFIG_HOME"
    }
    kept["PATH"] = search_path()
    return kept | (dict(extra) if extra else {})


def hardened(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment in which git obeys nobody's configuration but ours."""
    return environment(_HARDENED | (dict(extra) if extra else {}))


def search_path() -> str:
    """Return `PATH` without its relative entries."""
    return _absolute(os.environ.get("PATH", os.defpath))


@functools.lru_cache(maxsize=8)
def _absolute(path: str) -> str:
    entries = path.split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if Path(entry).is_absolute())


def run(
    arguments: Sequence[str | bytes],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: bytes | None = None,
    ok: Collection[int] = (0,),
    timeout: float = TIMEOUT,
    terminal: Literal["shared", "none", "shown"] = "shared",
) -> Result:
    """Run a program to its end and return what it wrote.

    Without `stdin` it reads an empty file. With `terminal` `none` the program cannot ask at a
    terminal; with `shown` what it writes to standard error goes there too. A status outside `ok`
    raises HistoryError `git-failed`; taking more than `timeout` seconds raises HistoryError
    `git-timeout`, and writing more than MOST_OUTPUT bytes `git-endless`.
    """
    name = " ".join(os.fsdecode(a) for a in arguments[:2])
    seconds = patience(timeout)
    with ExitStack() as stack:
        if stdin is not None:
            # A file, so that nobody waits for anybody while both sides write.
            fed = stack.enter_context(tempfile.TemporaryFile())
            fed.write(stdin)
            fed.seek(0)
        try:
            process = subprocess.Popen(  # noqa: S603 - a list, no shell
                list(arguments),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL if stdin is None else fed,
                stdout=subprocess.PIPE,
                stderr=None if terminal == "shown" else subprocess.PIPE,
                start_new_session=terminal == "none",
            )
        except OSError as error:
            raise GateError("program-failed", f"`{name}` could not be started: {error}") from error
        bound(process)
        # Pipes are closed first: a program started by this one may hold on to them for ever.
        stack.callback(_end, process)
        try:
            result = _listen(process, name=name, seconds=seconds)
        except subprocess.TimeoutExpired as error:
            raise HistoryError(
                "git-timeout",
                f"`{name}` took more than {seconds:g} seconds and was stopped",
                hint="try again on a less busy machine, or with a smaller history; "
                f"{TIMEOUT_VARIABLE} sets other seconds",
            ) from error
    if result.status not in ok:
        raise HistoryError(
            "git-failed", f"`{name}` ended with status {result.status}: {result.complaint}"
        )
    return result


def bound(process: subprocess.Popen[bytes]) -> None:
    """Let a program hold MOST_MEMORY bytes of data, after which it fails, where Linux can do so.

    git lists a whole difference before it says a word of it, so a tree of a kilobyte that lists
    terabytes would take all the machine has before MOST_OUTPUT could stop it.
    """
    if sys.platform == "linux":
        # An ended program needs no limit; a limit that is there already may be lower.
        with suppress(ProcessLookupError):
            limits = resource.prlimit(process.pid, resource.RLIMIT_DATA)
            least = min((limit for limit in limits if limit >= 0), default=MOST_MEMORY)
            limit = min(least, MOST_MEMORY)
            resource.prlimit(process.pid, resource.RLIMIT_DATA, (limit, limits[1]))


def patience(seconds: float) -> float:
    """Return how long to wait where `seconds` is usual: ITIL_GATE_TIMEOUT where that is set.

    Raises GateError `bad-timeout` for what is no number of seconds between 0.1 and a day.
    """
    said = os.environ.get(TIMEOUT_VARIABLE)
    if not said:
        return seconds
    if not re.fullmatch(r"[0-9]{1,5}(?:\.[0-9]{1,3})?", said) or not _LEAST <= float(said) <= _DAY:
        raise GateError(
            "bad-timeout",
            f"{TIMEOUT_VARIABLE} is {said!r}, which is no number of seconds",
            hint="set it to seconds, such as 300, or not at all",
        )
    return float(said)


def git_program() -> str:
    """Return the absolute path of a git that is new enough.

    Raises GateError `git-missing` or `git-too-old`.
    """
    program = find_git()
    refuse_old_git(program)
    return program


def find_git() -> str:
    """Return the absolute path of git, whatever its version. Raises GateError `git-missing`."""
    program = shutil.which("git", path=search_path())
    if program is None:
        raise GateError(
            "git-missing",
            "git was not found on the PATH",
            hint=f"install git {_dotted(OLDEST_GIT)} or newer",
        )
    return program


def refuse_old_git(program: str) -> None:
    """Raise GateError `git-too-old` for a git that lacks what is asked of it here.

    A view asks only once something went wrong, which saves a process in every check: no object
    is read without `cat-file --batch-command -z`, which an older git does not know.
    """
    version = _version(program)
    if version < OLDEST_GIT:
        raise GateError(
            "git-too-old",
            f"{program} is version {_dotted(version)}",
            hint=f"install git {_dotted(OLDEST_GIT)} or newer",
        )


def _listen(process: subprocess.Popen[bytes], *, name: str, seconds: float) -> Result:
    """Return what a program says until its end, on both streams, within its limits."""
    deadline = time.monotonic() + seconds
    said: dict[IO[bytes], list[bytes]] = {}
    total = 0
    with selectors.DefaultSelector() as selector:
        for pipe in filter(None, (process.stdout, process.stderr)):
            selector.register(pipe, selectors.EVENT_READ)
            said[pipe] = []
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(name, seconds)
            for key, _ in selector.select(left):
                pipe = key.fileobj  # type: ignore[assignment] # as registered above
                read = os.read(key.fd, _READ)
                if not read:
                    selector.unregister(pipe)
                said[pipe].append(read)
                total += len(read)
            if total > MOST_OUTPUT:
                raise HistoryError(
                    "git-endless",
                    f"`{name}` wrote more than {MOST_OUTPUT >> 20} MiB and was stopped",
                    hint="the history holds trees or changes too large to be judged",
                )
    status = process.wait(timeout=max(0.0, deadline - time.monotonic()))
    out, err = (
        b"".join(said.pop(pipe, ())) if pipe else b"" for pipe in (process.stdout, process.stderr)
    )
    return Result(status, out, err)


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in filter(None, (process.stdout, process.stderr)):
        pipe.close()
    if process.poll() is None:
        # Asked politely first: git then takes its lock files with it.
        process.terminate()
        try:
            process.wait(timeout=_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@functools.cache
def _version(program: str) -> tuple[int, int]:
    said = run([program, "version"], cwd=Path("/"), env=hardened(), timeout=20)
    found = re.match(rb"git version (\d+)\.(\d+)", said.out)
    if found is None:
        raise GateError("git-missing", f"{program} does not say which version it is")
    return int(found[1]), int(found[2])


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(str(part) for part in version)
