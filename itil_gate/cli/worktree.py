"""Files of the work tree, for the commands that are about files and not about what may merge.

Links are not followed and special files not opened: what is looked at is what would be committed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from itil_gate.git.paths import to_text
from itil_gate.model.config import CONFIG_PATH, Config
from itil_gate.model.errors import SourceError
from itil_gate.model.finding import Finding, Place
from itil_gate.model.frozen import frozen
from itil_gate.policy.files import kind_by_place
from itil_gate.policy.places import trust_files
from itil_gate.reading.events import MAX_BYTES
from itil_gate.reading.read import read, source_finding
from itil_gate.reading.yaml import decode, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from itil_gate.policy.files import FileKind

DEFAULTS = Config(api_version="itil-gate/v1", kind="Config", repository="unknown")
"""Where things are when no configuration says otherwise."""
_ENDINGS = (".yaml", ".yml", ".ics")
_SKIPPED = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", "__pycache__"})


@frozen
class WorkTree:
    """The root of a work tree and the configuration that stands in it."""

    root: Path
    config: Config
    configured: bool
    """Whether there is a configuration that can be read; else `config` holds the defaults."""


@frozen
class Found:
    """A file: where it is, its path from the root as text, its kind if its place tells."""

    file: str
    path: str
    kind: FileKind | None
    regular: bool = True


def open_work_tree(start: Path) -> WorkTree:
    """Return the work tree of a directory: the nearest one above with a configuration or git."""
    here = start.resolve()
    root = next(
        (
            folder
            for folder in (here, *here.parents)
            if (folder / CONFIG_PATH).is_file() or (folder / ".git").exists()
        ),
        here,
    )
    config = _config(root)
    return WorkTree(root, config or DEFAULTS, configured=config is not None)


def everything(tree: WorkTree) -> Iterator[Found]:
    """Yield every file that the configuration gives a meaning to, sorted by path."""
    places = tree.config.locations
    starts = [
        CONFIG_PATH,
        places.people,
        places.catalog,
        *([tree.config.extensions] if tree.config.extensions else []),
        *trust_files(tree.config),
        places.services,
        places.policies,
        places.calendar,
        places.changes,
    ]
    seen: set[str] = set()
    for start in starts:
        for found in _below(tree, tree.root / start):
            if found.kind is not None and found.path not in seen:
                seen.add(found.path)
                yield found


def named(tree: WorkTree, paths: Sequence[Path]) -> Iterator[tuple[Found, bool]]:
    """Yield the files that were named, and those below named folders.

    Beside each stands whether it was named itself. Folders yield what ends in .yaml, .yml or
    .ics, and what else the configuration gives a meaning to.
    """
    for path in paths:
        if path.is_dir():
            for found in _below(tree, path.resolve()):
                if found.kind is not None or found.path.endswith(_ENDINGS):
                    yield found, False
        else:
            # The folder is resolved and not the file, so that a link is seen to be one.
            yield _found(tree, str(path.parent.resolve() / path.name)), True


def read_file(found: Found) -> str | Finding:
    """Return a file's text, or the finding about bytes that are none. Raises OSError."""
    if not found.regular:
        rule = "irregular-request" if found.kind == "request" else "irregular-file"
        return Finding(
            rule=rule,
            message=f"{found.path} is a link or no file at all",
            remedy="store it as a regular file",
            place=Place(file=found.path),
        )
    if found.kind is not None and _small_ending(found.path) != found.path:
        return Finding(
            rule="irregular-request" if found.kind == "request" else "irregular-file",
            message=f"{found.path} would not be read: endings are written small",
            remedy=f"rename it to {_small_ending(found.path)}, or move it out of the folder",
            place=Place(file=found.path),
        )
    descriptor = os.open(found.file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(descriptor, MAX_BYTES + 1)
        while len(data) <= MAX_BYTES and (more := os.read(descriptor, MAX_BYTES + 1 - len(data))):
            data += more
    finally:
        os.close(descriptor)
    try:
        return decode(data, file=found.path)
    except SourceError as error:
        return source_finding(error)


def _config(root: Path) -> Config | None:
    file = root / CONFIG_PATH
    if file.is_symlink() or not file.is_file():
        return None
    text = read_file(Found(str(file), CONFIG_PATH, "config"))
    if not isinstance(text, str):
        return None
    try:
        result = read(parse(text, file=CONFIG_PATH), Config)
    except SourceError:
        return None
    return result if isinstance(result, Config) else None


def _below(tree: WorkTree, start: Path) -> Iterator[Found]:
    if start.is_symlink() or not start.is_dir():
        if start.is_symlink() or start.exists():
            yield _found(tree, str(start))
        return
    folders = [str(start)]
    while folders:
        with os.scandir(folders.pop()) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _SKIPPED:
                    folders.append(entry.path)
            else:
                regular = entry.is_file(follow_symlinks=False)
                yield _found(tree, entry.path, regular=regular)


def _found(tree: WorkTree, file: str, *, regular: bool | None = None) -> Found:
    path = _path(tree.root, file)
    if regular is None:
        regular = os.path.isfile(file) and not os.path.islink(file)  # noqa: PTH113, PTH114 - speed
    return Found(file, path, kind_by_place(tree.config, _small_ending(path)), regular=regular)


def _small_ending(path: str) -> str:
    """Return the path as the gate would read it: one of our endings in small letters."""
    stem, dot, ending = path.rpartition(".")
    return f"{stem}.{ending.lower()}" if f"{dot}{ending.lower()}" in _ENDINGS else path


def _path(root: Path, file: str) -> str:
    prefix = f"{root}{os.sep}"
    inside = file.removeprefix(prefix) if file.startswith(prefix) else file
    return inside if inside.isascii() and "\\" not in inside else to_text(os.fsencode(inside))
