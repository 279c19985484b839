"""Preparations that are made once and copied: the same repository, prepared alike, comes out alike.

What is prepared is real, and made by the code under test the first time. After that whoever starts
from the same bytes, with the same arguments, gets a copy of what came out.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.repository import Repo


class Kept:
    """Folders by what they were made from, for as long as one session of tests."""

    folder: Path | None = None
    """Where all of them are; while there is none, everything is made each time."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Path, int]] = {}

    def prepare(self, repo: Repo, how: tuple[object, ...], make: Callable[[], None]) -> None:
        """Prepare a repository with a work tree: by `make`, or as `make` did it `how` before."""
        if self.folder is None:
            make()
            return
        key = _state(repo, how)
        if key in self._known:
            path, clock = self._known[key]
            shutil.rmtree(repo.path)
            shutil.copytree(path, repo.path, symlinks=True)
            repo.clock = clock
            return
        make()
        path = self.folder / f"{os.getpid()}-{key}"
        shutil.copytree(repo.path, path, symlinks=True)
        self._known[key] = (path, repo.clock)


def _forget() -> None:
    Kept.folder = None


# Faults are planted in forks: there everything is made anew, with the fault.
os.register_at_fork(after_in_child=_forget)


def _state(repo: Repo, how: tuple[object, ...]) -> str:
    """Return the digest of every byte below the repository, but for what git knows of the disk."""
    seen = hashlib.sha256(repr((repo.clock, how)).encode())
    for where, folders, names in os.walk(repo.path):
        folders.sort()
        for name in sorted(names):
            file = Path(where) / name
            if file == repo.git_dir / "index":
                continue
            data = os.fsencode(file.readlink()) if file.is_symlink() else file.read_bytes()
            mode = file.lstat().st_mode
            place = file.relative_to(repo.path)
            seen.update(repr((str(place), mode, len(data))).encode())
            seen.update(data)
    return seen.hexdigest()
