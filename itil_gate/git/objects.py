"""Read git objects by full id through one long-lived `git cat-file --batch-command`.

Every object is hashed again when it is read: what we judge is what its id says. Anything larger
than the limit is refused before its bytes are read. Names other than full ids are refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import select
import subprocess
import tempfile
import time
from itertools import islice
from typing import TYPE_CHECKING, Literal

from itil_gate.git.run import TIMEOUT, bound, find_git, patience, refuse_old_git
from itil_gate.model.errors import GateError, HistoryError
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

ObjectType = Literal["commit", "tree", "blob", "tag"]

LIMIT = 50 * 1024 * 1024
"""Bytes of one object that are read unless the caller says otherwise."""

_OID = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_REQUEST = 75
"""Bytes of one request, at most."""
_SMALLEST_PIPE = 4096
_READ = 1 << 18
_LONGEST = 4096
"""Bytes of a line in which git says what comes next."""
_SIZE = re.compile(r"[0-9]{1,18}\Z")


@frozen
class GitObject:
    """One object: its id, its type and its bytes without git's header."""

    id: str
    type: ObjectType
    data: bytes


@frozen
class ObjectInfo:
    """An object's id, type and size in bytes."""

    id: str
    type: ObjectType
    size: int


def is_oid(text: str) -> bool:
    """Whether the text is a full object id, SHA-1 or SHA-256, in lower case."""
    return _OID.match(text) is not None


def listed_ids(said: bytes, name: str, *, count: int | None = None) -> list[str]:
    """Return the ids that `git name` printed, `count` of them where that is known.

    Raises HistoryError `git-failed` for anything else: what git did not say is not made up.
    """
    words = said.decode("ascii", "replace").split()
    if not all(map(is_oid, words)) or count not in (None, len(words)):
        shown = said[:200].decode("utf-8", "backslashreplace")
        raise HistoryError("git-failed", f"`git {name}` answered {shown!r} where ids were expected")
    return words


def hash_object(kind: ObjectType, data: bytes, *, algorithm: str) -> str:
    """Return the id git gives to these bytes; `algorithm` is `sha1` or `sha256`."""
    made = hashlib.sha1 if algorithm == "sha1" else hashlib.sha256
    whole = b"%b %d\0%b" % (kind.encode(), len(data), data)
    return made(whole, usedforsecurity=False).hexdigest()


class ObjectReader:
    """A conversation with one `git cat-file`; it starts with the first question.

    `missing_hint` tells a person how to get an object that is not there.
    """

    def __init__(
        self,
        directory: Path,
        env: Mapping[str, str],
        *,
        algorithm: str,
        missing_hint: str,
        timeout: float = TIMEOUT,
    ) -> None:
        self._directory = directory
        self._env = dict(env)
        self._algorithm = algorithm
        self._missing_hint = missing_hint
        self._timeout = patience(timeout)
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._buffer = bytearray()

    def info(self, oids: Iterable[str]) -> Iterator[ObjectInfo | None]:
        """Yield type and size of each object, or None where it is missing, in the order asked."""
        for some in self._chunks(oids):
            yield from self._info(some)

    def read_many(self, oids: Iterable[str], *, limit: int = LIMIT) -> Iterator[GitObject]:
        """Yield the objects in the order asked.

        Raises HistoryError `object-missing`, `object-too-large` (over `limit` bytes) or
        `object-damaged`.
        """
        for some in self._chunks(oids):
            infos = [self._there(oid, i) for oid, i in zip(some, self._info(some), strict=True)]
            for info in infos:
                if info.size > limit:
                    raise HistoryError(
                        "object-too-large",
                        f"{info.type} {info.id} has {info.size} bytes; at most {limit} are read",
                    )
            for group in _groups(infos):
                yield from self._contents(group)

    def held_by(self, ref: str) -> str | None:
        """Return the id that a full ref holds now; None where it or its object is not found.

        The ref is one that git took as a name; it is read anew each time.
        """
        self._write(b"info %b\0flush\0" % os.fsencode(ref))
        oid, _, rest = self._line().decode("utf-8", "backslashreplace").partition(" ")
        return oid if is_oid(oid) and rest != "missing" else None

    def close(self) -> None:
        """End the conversation."""
        if self._process is not None:
            process, self._process = self._process, None
            for pipe in (process.stdin, process.stdout):
                # Closing writes what is left, which a process that died no longer takes.
                with contextlib.suppress(BrokenPipeError):
                    if pipe is not None:
                        pipe.close()
            # It only reads: nothing is lost by not asking politely, and waiting costs milliseconds.
            process.kill()
            process.wait()
        self._errors.close()

    def _there(self, oid: str, info: ObjectInfo | None) -> ObjectInfo:
        if info is None:
            raise HistoryError(
                "object-missing",
                f"object {oid} is not in this repository",
                hint=self._missing_hint.format(oid=oid),
            )
        return info

    def _info(self, oids: Sequence[str]) -> list[ObjectInfo | None]:
        self._ask(b"info", oids)
        return [self._header(oid) for oid in oids]

    def _contents(self, infos: Sequence[ObjectInfo]) -> list[GitObject]:
        self._ask(b"contents", [info.id for info in infos])
        return [self._content(info) for info in infos]

    def _content(self, info: ObjectInfo) -> GitObject:
        if self._line() != f"{info.id} {info.type} {info.size}".encode():
            raise self._stopped(f"object {info.id} changed while it was read")
        data = self._take(info.size)
        self._take(1)
        if hash_object(info.type, data, algorithm=self._algorithm) != info.id:
            raise HistoryError(
                "object-damaged",
                f"the bytes stored for {info.type} {info.id} have another id",
                hint="`git fsck` tells what is damaged",
            )
        return GitObject(info.id, info.type, data)

    def _header(self, oid: str) -> ObjectInfo | None:
        words = self._line().decode("utf-8", "backslashreplace").split(" ")
        match words:
            case [same, "missing"] if same == oid:
                return None
            case [same, "commit" | "tree" | "blob" | "tag" as kind, size] if (
                same == oid and _SIZE.match(size)
            ):
                return ObjectInfo(oid, kind, int(size))
            case _:
                said = " ".join(words)[:200]
                raise self._stopped(f"git answered {said!r} when asked for {oid}")

    def _ask(self, command: bytes, oids: Sequence[str]) -> None:
        for oid in oids:
            if not is_oid(oid):
                raise HistoryError("not-an-object-id", f"{oid!r} is not a full object id")
        self._write(b"".join([b"%s %s\0" % (command, oid.encode()) for oid in oids]) + b"flush\0")

    def _write(self, requests: bytes) -> None:
        pipe = self._started().stdin
        if pipe is None:  # pragma: no cover - Popen was given a pipe
            raise self._stopped("git cat-file has no input")
        try:
            pipe.write(requests)
            pipe.flush()
        except BrokenPipeError as error:
            raise self._stopped("git cat-file ended early") from error

    def _chunks(self, oids: Iterable[str]) -> Iterator[list[str]]:
        """Yield so many ids that their requests fit the pipe: writing them never waits for git."""
        remaining = iter(oids)
        for first in remaining:
            yield [first, *islice(remaining, self._at_once() - 1)]

    def _at_once(self) -> int:
        pipe, size = self._started().stdin, _SMALLEST_PIPE
        if pipe is not None and hasattr(fcntl, "F_GETPIPE_SZ"):  # Linux
            size = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
        return size // _REQUEST - 1

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - a list, no shell
                    [find_git(), "cat-file", "--batch-command", "--buffer", "-z"],
                    cwd=self._directory,
                    env=self._env,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._errors,
                )
            except OSError as error:
                raise GateError(
                    "program-failed", f"`git cat-file` could not be started: {error}"
                ) from error
            bound(self._process)
        return self._process

    def _line(self) -> bytes:
        start = 0
        while (end := self._buffer.find(b"\n", start)) < 0:
            start = len(self._buffer)
            if start > _LONGEST:
                raise self._stopped(f"git answered with a line of over {_LONGEST} bytes")
            self._more()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _more(self) -> None:
        pipe = self._started().stdout
        if pipe is None:  # pragma: no cover - Popen was given a pipe
            raise self._stopped("git cat-file has no output")
        deadline = time.monotonic() + self._timeout
        poll = select.poll()
        poll.register(pipe, select.POLLIN | select.POLLHUP)
        while not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            if time.monotonic() >= deadline:
                raise HistoryError(
                    "git-timeout", f"git cat-file said nothing for {self._timeout:g} seconds"
                )
        read = pipe.read1(_READ)  # type: ignore[attr-defined] # a BufferedReader
        if not read:
            raise self._stopped("git cat-file ended early")
        self._buffer += read

    def _stopped(self, message: str) -> HistoryError:
        refuse_old_git(find_git())
        self._errors.seek(0)
        said = self._errors.read(2000).decode("utf-8", "backslashreplace").strip()
        return HistoryError("git-failed", f"{message}: {said}" if said else message)


def _groups(infos: Iterable[ObjectInfo]) -> Iterator[list[ObjectInfo]]:
    group: list[ObjectInfo] = []
    size = 0
    for info in infos:
        if group and size + info.size > LIMIT:
            yield group
            group, size = [], 0
        group.append(info)
        size += info.size
    if group:
        yield group
