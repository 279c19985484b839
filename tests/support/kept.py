"""Preparations that are made once and copied: the same repository, prepared alike, comes out alike.

What is prepared is real, and made by the code under test the first time. After that whoever starts
from the same bytes, with the same arguments, gets a copy of what came out.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.repository import Repo


@dataclass
class Kept:
    """Folders by what they were made from. They are gone when the process ends."""

    folder: tempfile.TemporaryDirectory[str] | None = None
    known: dict[str, tuple[Path, int]] = field(default_factory=dict)

    def prepare(self, repo: Repo, how: tuple[object, ...], make: Callable[[], None]) -> None:
        """Prepare a repository with a work tree: by `make`, or as `make` did it `how` before."""
        key = _state(repo, how)
        if key in self.known:
            path, clock = self.known[key]
            shutil.rmtree(repo.path)
            shutil.copytree(path, repo.path, symlinks=True)
            repo.clock = clock
            return
        make()
        if self.folder is None:
            parent = os.environ.get("PYTEST_DEBUG_TEMPROOT")
            self.folder = tempfile.TemporaryDirectory(prefix="itil-gate-kept-", dir=parent)
        path = Path(self.folder.name) / key
        shutil.copytree(repo.path, path, symlinks=True)
        self.known[key] = (path, repo.clock)


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
