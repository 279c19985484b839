"""Find the repository that a directory belongs to, without running git or reading its config.

`GIT_DIR` and its kin are not obeyed: the judge looks where it was told to look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.errors import GateError
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from pathlib import Path


@frozen
class Repository:
    """Where a repository keeps its things; all paths absolute.

    `git_dir` belongs to one work tree and holds its HEAD; `common_dir` holds objects and refs.
    """

    git_dir: Path
    common_dir: Path
    work_tree: Path | None


def discover(start: Path) -> Repository:
    """Return the repository of `start` or of the nearest directory above it.

    Raises GateError `not-a-repository`.
    """
    try:
        place = start.resolve(strict=True)
    except OSError as error:
        raise GateError("not-a-repository", f"{start} cannot be looked at: {error}") from error
    for directory in (place, *place.parents):
        dot_git = directory / ".git"
        if dot_git.is_dir() and _is_git_dir(dot_git):
            return _repository(dot_git.resolve(), directory)
        if dot_git.is_file():
            return _repository(_follow(dot_git), directory)
        if _is_git_dir(directory):
            return _repository(directory, None)
    raise GateError(
        "not-a-repository",
        f"neither {place} nor any directory above it is a git repository",
        hint="run inside a clone, or name one with --repo",
    )


def _repository(git_dir: Path, work_tree: Path | None) -> Repository:
    common = _line(git_dir / "commondir")
    common_dir = (git_dir / common).resolve() if common else git_dir
    if not _is_git_dir(git_dir) or not (common_dir / "objects").is_dir():
        raise GateError(
            "not-a-repository",
            f"{git_dir} does not look like a git directory",
            hint="`git worktree repair` mends a work tree that was moved",
        )
    return Repository(git_dir=git_dir, common_dir=common_dir, work_tree=work_tree)


def _is_git_dir(directory: Path) -> bool:
    head = directory / "HEAD"
    if not (head.is_file() or head.is_symlink()):
        return False
    if (directory / "commondir").is_file():
        return True
    return (directory / "objects").is_dir() and (directory / "refs").is_dir()


def _follow(dot_git: Path) -> Path:
    line = _line(dot_git)
    if not line.startswith("gitdir: "):
        raise GateError("not-a-repository", f"{dot_git} is a file that names no git directory")
    return (dot_git.parent / line.removeprefix("gitdir: ")).resolve()


def _line(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8", "surrogateescape").rstrip("\r\n")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise GateError("not-a-repository", f"{file} cannot be read: {error}") from error
