"""The files of the log's branch at one commit, for a verification that reads all of them.

What is no regular file is as good as missing: a link where the log wrote a file is not its file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.git.tree import FILE, TREE
from itil_gate.model.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from itil_gate.git.snapshot import Snapshot

AT_ONCE = 1024


class BranchFiles:
    """All files of one commit."""

    absent = ""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def read_many(self, paths: Iterable[str], /) -> Mapping[str, bytes | None]:
        """Return the bytes of regular files, None where none is."""
        wanted = list(paths)
        try:
            return self._snapshot.read_many(wanted)
        except HistoryError as error:
            if error.code != "not-a-file":
                raise
        found = self._snapshot.locate(wanted)
        plain = [path for path, at in found.items() if at and at[0] == FILE]
        return dict.fromkeys(wanted) | self._snapshot.read_many(plain)

    def top(self) -> Iterable[str]:
        """Return the names at the root."""
        return self._snapshot.names("")

    def walk(self, folder: str, /) -> Iterator[str]:
        """Yield the paths of all files below a folder, links and submodules among them."""
        folders = [folder]
        while folders:
            here = folders.pop()
            inner: list[str] = []
            names = self._snapshot.names(here)
            for low in range(0, len(names), AT_ONCE):
                paths = [f"{here}/{name}" for name in names[low : low + AT_ONCE]]
                for path, at in self._snapshot.locate(paths).items():
                    if at is not None and at[0] == TREE:
                        inner.append(path)
                    else:
                        yield path
            folders += reversed(inner)
