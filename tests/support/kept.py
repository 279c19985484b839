"""Steps that are taken once and repeated: the same repository, changed alike, comes out alike.

What a step does is real, and done by the code under test the first time. After that whoever starts
from the same bytes, with the same arguments, gets the files that it wrote and what it returned.
"""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.repository import Repo

T = TypeVar("T")

_Files = dict[str, tuple[int, bytes]]
"""Mode and content of everything below a repository, folders too, by its path."""
_MOST_FILES = 1500
"""Above that it takes as long to compare a repository as to do most things with it."""
_PAST_AND_DISK = ("logs", "index")
"""What git writes down of when something was done, and where it lies on the disk."""


class _Done(NamedTuple):
    """What changed, None for what went, the clock of the repository, and what was returned."""

    changed: dict[str, tuple[int, bytes] | None]
    clock: int
    returned: object


class Kept:
    """Steps by what they started from, for as long as one session of tests."""

    on = False
    """While this is off, every step is taken each time."""
    _known: dict[str, _Done] = {}  # noqa: RUF012 - one for all

    @classmethod
    def step(cls, repo: Repo, how: tuple[object, ...], make: Callable[[], T]) -> T:
        """Change a repository with a work tree: by `make`, or as `make` did it `how` before.

        `make` changes nothing but the repository, and what it returns is never changed.
        """
        said = repr(how)
        before = _files(repo) if cls.on and " at 0x" not in said else None
        if before is None:
            return make()
        key = _digest(repo, before, said)
        if (done := cls._known.get(key)) is not None:
            _repeat(repo, done.changed)
            repo.clock = done.clock
            return done.returned  # type: ignore[return-value] # what `make` returned
        returned = make()
        if (after := _files(repo)) is not None:
            changed: dict[str, tuple[int, bytes] | None] = dict.fromkeys(before.keys() - after)
            changed |= {path: one for path, one in after.items() if before.get(path) != one}
            cls._known[key] = _Done(changed, repo.clock, returned)
        return returned


def _off() -> None:
    Kept.on = False


# Faults are planted in forks: there everything is made anew, with the fault.
os.register_at_fork(after_in_child=_off)


def _files(repo: Repo) -> _Files | None:
    """Return everything below a repository; None where that is much."""
    found: _Files = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(repo.path / folder) as entries:
            for entry in entries:
                path = f"{folder}{entry.name}"
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    found[path] = mode, b""
                    waiting.append(f"{path}/")
                elif stat.S_ISLNK(mode):
                    found[path] = mode, os.fsencode(os.readlink(entry.path))  # noqa: PTH115 - quick
                elif stat.S_ISREG(mode):
                    with open(entry.path, "rb", buffering=0) as file:  # noqa: PTH123 - quick
                        found[path] = mode, file.read()
                else:
                    return None
        if len(found) > _MOST_FILES:
            return None
    return found


def _digest(repo: Repo, files: _Files, how: str) -> str:
    """Return the digest of every byte of a repository, but for the past and the disk."""
    around = sorted(one for one in os.environ.items() if one[0].startswith(("ITIL_GATE", "GIT_")))
    seen = hashlib.sha256(repr((repo.clock, how, around)).encode())
    ours = str(repo.git_dir.relative_to(repo.path))
    apart = tuple(f"{ours}/{name}" for name in _PAST_AND_DISK)
    for path in sorted(files):
        if path.startswith(apart):
            continue
        mode, data = files[path]
        seen.update(repr((path, mode, len(data))).encode("utf-8", "surrogatepass"))
        seen.update(data)
    return seen.hexdigest()


def _repeat(repo: Repo, changed: dict[str, tuple[int, bytes] | None]) -> None:
    """Change files as they were changed before."""
    for path in sorted((path for path, one in changed.items() if one is None), reverse=True):
        place = repo.path / path
        if place.is_dir() and not place.is_symlink():
            place.rmdir()
        else:
            place.unlink()
    for path in sorted(path for path, one in changed.items() if one is not None):
        mode, data = changed[path] or (0, b"")
        place = repo.path / path
        if stat.S_ISDIR(mode):
            place.mkdir(exist_ok=True)
        elif stat.S_ISLNK(mode):
            place.unlink(missing_ok=True)
            place.symlink_to(os.fsdecode(data))
            continue
        else:
            place.unlink(missing_ok=True)
            place.write_bytes(data)
        place.chmod(stat.S_IMODE(mode))
