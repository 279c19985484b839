"""A gate that has loaded all its parts and waits: every command is a fork of it.

Most of what a command takes is Python starting and modules being loaded, the same each time. What
runs here is a process of its own none the less, with the arguments, directory, environment and
streams it was given: it starts where `itil-gate` does, and ends as that ends. Only what Python
reads while it starts cannot be told to a fork; see `same_start`. Programs that start the gate
themselves start `knock.py`.
"""

from __future__ import annotations

import gc
import importlib
import io
import marshal
import os
import pkgutil
import select
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_Asked = tuple[list[str], bytes, dict[bytes, bytes], int]
"""Arguments with the program's name, directory, environment, and mask of permissions."""
_STREAMS = ("stdin", "stdout", "stderr")
_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "GLIBC_")
"""What Python and the C library read once; a fork has what the waiting process was given."""
_PREFIX = "itil-gate-ready-"
_PRACTICE = ("check --base main --head feature", "status", "lint")
_OFTEN = 6
"""Python 3.11 looks at a function a few times before it makes it faster."""
_LATER = (
    "cryptography.hazmat.primitives.serialization",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "cryptography.hazmat.primitives.asymmetric.padding",
    "cryptography.hazmat.primitives.asymmetric.ec",
    "difflib",
    "email.message",
    "encodings.utf_16_be",
    "http.client",
    "icalendar",
    "jsonschema",
    "ssl",
    "traceback",
    "urllib.request",
    "zoneinfo",
)
"""Modules that commands load when they need them."""


def same_start(env: Mapping[str, str]) -> bool:
    """Say whether Python would start in an environment as it starts in ours."""

    def read(one: Mapping[str, str]) -> dict[str, str]:
        return {name: one[name] for name in one if name.startswith(_AT_START)}

    return read(env) == read(os.environ)


class Ready:
    """A waiting gate. It ends when whoever started it does."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self.door = folder / "door"
        self._waiting = subprocess.Popen(
            [sys.executable, "-P", "-m", "support.ready", folder, _something(folder)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._waiting.stdout is not None
        assert self._waiting.stdout.readline() == b"ready\n", "the waiting gate did not start"

    def end(self) -> None:
        """End it; it takes its door away."""
        if self.owner == os.getpid():
            self._waiting.communicate(timeout=60)

    def run(
        self,
        program: Path,
        arguments: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdin: bytes,
        timeout: float,
    ) -> tuple[int, bytes, bytes]:
        """Run a command as `program`; return how it ended and what it wrote to its two streams."""
        words = [str(program), *arguments]
        given = {os.fsencode(name): os.fsencode(value) for name, value in env.items()}
        asked = (words, os.fsencode(cwd), given, _mask())
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self.door))
            pipes = [os.pipe() for _ in _STREAMS]
            (theirs_in, ours_in), (ours_out, theirs_out), (ours_err, theirs_err) = pipes
            theirs = (theirs_in, theirs_out, theirs_err)
            try:
                data = marshal.dumps(asked)
                socket.send_fds(line, [len(data).to_bytes(8, "big")], theirs)
                line.sendall(data)
            finally:
                for one in theirs:
                    os.close(one)
            answer = line.makefile("rb")
            pid = int(answer.readline())
            try:
                out, err = _talk(ours_in, ours_out, ours_err, given=stdin, timeout=timeout)
            except TimeoutError as error:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(words, timeout) from error
            return int(answer.readline()), out, err


def _something(folder: Path) -> Path:
    """Return a repository in which there is something to decide."""
    from support.repository import Repo, make_keyring  # noqa: PLC0415 - not in the waiting process
    from support.world import World, adopt  # noqa: PLC0415 - as above

    keyring = make_keyring(folder)
    world = World(Repo(folder / "repo"), keyring)
    # A gate with a fault that shows here waits all the same: its tests shall tell of it.
    with suppress(Exception):
        adopt(world.repo, keyring)
        world.propose()
        world.approve("bob")
    return world.repo.path


def _mask() -> int:
    """Return which permissions new files are not given."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _talk(into: int, out: int, err: int, *, given: bytes, timeout: float) -> tuple[bytes, bytes]:
    """Write one stream while the two others are read to their ends; all three are closed."""
    until = time.monotonic() + timeout
    read: dict[int, bytearray] = {out: bytearray(), err: bytearray()}
    opened = {into, out, err}
    left = memoryview(given)
    try:
        with selectors.DefaultSelector() as ready:
            ready.register(into, selectors.EVENT_WRITE)
            ready.register(out, selectors.EVENT_READ)
            ready.register(err, selectors.EVENT_READ)
            while ready.get_map():
                if (rest := until - time.monotonic()) <= 0:
                    raise TimeoutError
                for key, _ in ready.select(rest):
                    if key.fd == into:
                        # Whoever does not read what he is given has ended, or will.
                        with suppress(BrokenPipeError):
                            left = left[os.write(into, left[: select.PIPE_BUF]) :]
                            if left:
                                continue
                    elif data := os.read(key.fd, 1 << 16):
                        read[key.fd] += data
                        continue
                    ready.unregister(key.fd)
                    opened.discard(key.fd)
                    os.close(key.fd)
    finally:
        for one in opened:
            os.close(one)
    return bytes(read[out]), bytes(read[err])


# The waiting process ------------------------------------------------------------------------------


def wait(door: Path, repository: str) -> None:
    """Load the gate, then fork for whoever knocks, until nobody holds our standard input."""
    cli = _load()
    _practise(cli, repository)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, lambda *_: None)
    heard, told = os.pipe()
    for one in (heard, told):
        os.set_blocking(one, False)
    signal.set_wakeup_fd(told)
    running: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as knock, selectors.DefaultSelector() as ready:
        knock.bind(str(door))
        knock.listen()
        for one in (0, heard, knock.fileno()):
            ready.register(one, selectors.EVENT_READ)
        os.write(1, b"ready\n")
        while True:
            events = {key.fd for key, _ in ready.select()}
            if 0 in events:
                return
            if heard in events:
                os.read(heard, 1 << 12)
                _reap(running)
            if knock.fileno() in events:
                line, _ = knock.accept()
                asked, streams = _asked(line)
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    os.close(heard)
                    os.close(told)
                    ready.close()
                    for other in (knock, line, *running.values()):
                        other.close()
                    _become(cli, asked, streams)
                for one in streams:
                    os.close(one)
                line.sendall(b"%d\n" % pid)
                running[pid] = line


def _load() -> Any:
    """Load what any command may load."""
    cli = importlib.import_module("itil_gate.cli")
    cli._refuse_plugins()
    package = importlib.import_module("itil_gate")
    for found in pkgutil.walk_packages(package.__path__, "itil_gate."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for name in _LATER:
        importlib.import_module(name)
    _build(importlib.import_module("itil_gate.model.base").Model)
    return cli


def _practise(cli: Any, repository: str) -> None:
    """Run a few commands, after which Python runs them faster, and forget what they were about.

    What is kept is about the gate alone: its nouns, its options, and the code itself.
    """
    before = Path.cwd(), sys.argv, sys.stdout, sys.stderr
    os.chdir(repository)
    for words in _PRACTICE * _OFTEN:
        sys.argv = ["itil-gate", *words.split()]
        sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
        with suppress(SystemExit):
            cli.main()
    folder, sys.argv, sys.stdout, sys.stderr = before
    os.chdir(folder)
    for name, module in list(sys.modules.items()):
        for one in vars(module).values() if name.startswith("itil_gate") else ():
            bounded = getattr(one, "cache_parameters", dict)().get("maxsize")
            if bounded is not None:
                one.cache_clear()


def _build(model: Any) -> None:
    """Build what reads a noun, and every noun that is one; a command does so for those it reads."""
    for one in model.__subclasses__():
        one.model_rebuild()
        _build(one)


def _reap(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with running.pop(pid) as line, suppress(BrokenPipeError):
            line.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _asked(line: socket.socket) -> tuple[_Asked, list[int]]:
    head, streams, _, _ = socket.recv_fds(line, 8, len(_STREAMS))
    with line.makefile("rb") as rest:
        return marshal.loads(rest.read(int.from_bytes(head, "big"))), streams  # noqa: S302 - ours


def _become(cli: Any, asked: _Asked, streams: list[int]) -> NoReturn:
    """Be the command: what a process that was just started has, this one has too."""
    try:
        for number, (stream, name) in enumerate(zip(streams, _STREAMS, strict=True)):
            os.dup2(stream, number)
            os.close(stream)
            _open(number, name)
        sys.argv, folder, env, mask = asked
        os.chdir(folder)
        os.umask(mask)
        os.environ.clear()
        os.environ.update({os.fsdecode(name): os.fsdecode(env[name]) for name in env})
        time.tzset()
        tempfile.tempdir = None
        sys.path.insert(0, str(Path(sys.argv[0]).parent))
        cli.start()
    except BaseException:  # noqa: BLE001 - nothing may go back into the loop of the waiting process
        traceback.print_exc()
    os._exit(70)


def _open(number: int, name: str) -> None:
    """Open a standard stream anew, as Python does while it starts: pipes are not seekable."""
    reading = name == "stdin"
    old = getattr(sys, name)
    stream = io.TextIOWrapper(
        open(number, "rb" if reading else "wb", closefd=False),  # noqa: SIM115
        encoding=old.encoding,
        errors=old.errors,
        newline="\n",
        line_buffering=name == "stderr" or (not reading and os.isatty(number)),
    )
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


if __name__ == "__main__":
    # Nothing of ours is to be found by what is loaded.
    sys.path.remove(str(Path(__file__).parents[1]))
    os.environ.pop("PYTHONPATH")
    ours, practice = Path(sys.argv[1]), sys.argv[2]
    try:
        wait(ours / "door", practice)
    finally:
        # Whoever asked for this may have been killed.
        if ours.is_absolute() and ours.name.startswith(_PREFIX):
            shutil.rmtree(ours, ignore_errors=True)
