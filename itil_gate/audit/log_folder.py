"""An exported log: plain files in a directory, wherever they came from.

A symbolic link in place of a file is no file of the log and is not followed.
"""

from __future__ import annotations

import os
import stat
from operator import attrgetter
from typing import TYPE_CHECKING

from itil_gate.model.errors import GateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

MOST_BYTES = 64 * 1024 * 1024
"""Bytes of one file; no file of a log is as long."""
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


_OURS = ("checkpoint", "tile", "entry")


class FolderFiles:
    """All files of one exported log."""

    def __init__(self, directory: Path) -> None:
        """Look at a directory. Raises GateError `no-directory`, `no-log-there`."""
        if not directory.is_dir():
            raise GateError("no-directory", f"{directory} is no directory")
        if not any((directory / name).exists() for name in _OURS):
            raise GateError(
                "no-log-there",
                f"{directory} holds nothing of a log: none of {', '.join(_OURS)}",
                hint="name the directory that `itil-gate log export --dir` wrote",
            )
        self._root = directory
        self._place = str(directory)
        whole = (directory / "ids").is_dir()
        self.absent = "" if whole else "exported files hold no ids/"

    def read_many(self, paths: Iterable[str], /) -> Mapping[str, bytes | None]:
        """Return the bytes of regular files, None where none is. Raises OSError."""
        return {path: self._read(path) for path in paths}

    def top(self) -> Iterable[str]:
        """Return the names at the root."""
        return sorted(path.name for path in self._root.iterdir())

    def walk(self, folder: str, /) -> Iterator[str]:
        """Yield the paths of all files below a folder, folder by folder; links among them."""
        folders = [folder]
        while folders:
            here = folders.pop()
            inner = []
            try:
                found = sorted(os.scandir(f"{self._place}/{here}"), key=attrgetter("name"))
            except (FileNotFoundError, NotADirectoryError):
                continue
            for one in found:
                if one.is_dir(follow_symlinks=False):
                    inner.append(f"{here}/{one.name}")
                else:
                    yield f"{here}/{one.name}"
            folders += reversed(inner)

    def _read(self, path: str) -> bytes | None:
        # A log has a million files: paths are texts here, and what is read is asked for once.
        try:
            opened = os.open(f"{self._place}/{path}", _FLAGS)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            if (self._root / path).is_symlink():
                return None
            raise
        try:
            said = os.fstat(opened)
            if not stat.S_ISREG(said.st_mode) or said.st_size > MOST_BYTES:
                return None
            return os.read(opened, said.st_size)
        finally:
            os.close(opened)
