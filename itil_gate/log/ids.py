"""The files under `ids/`, by which no event is added twice: each names the entry of its event.

They are an aid to writers and not part of the tree, so whoever can write to the branch can change
them: an event whose file is gone would be recorded again, one whose file lies could never be. Both
are seen here, for the ids that follow from what an entry says; with all files listed, for every id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.log.entry import ids_path, index_file, parse_index
from itil_gate.model.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.log.extract import Extract
    from itil_gate.log.strays import Walk
    from itil_gate.log.structure import ReadMany
    from itil_gate.log.verdict import Check

ALL_BELOW = 20_000
"""Up to so many new entries every id is looked up; above, one in SAMPLE, unless asked for all."""
SAMPLE = 16
AT_ONCE = 1024


class Ids:
    """The check of ids while entries go by."""

    def __init__(self, read_many: ReadMany, check: Check, *, every: int) -> None:
        self._read_many = read_many
        self._check = check
        self._every = every

    def look(self, entries: Sequence[Extract]) -> None:
        """Hold the files of these entries' events against their places."""
        asked = {
            ids_path(one.event): one.index
            for one in entries
            if one.named and one.index % self._every == 0
        }
        for path, data in self._read_many(asked).items():
            index = asked[path]
            self._check.looked += 1
            if data is None:
                self._check.fault(
                    "the file that names the entry is missing", index=index, path=path
                )
            elif data != index_file(index):
                said = data[:20].decode("ascii", "backslashreplace").strip()
                self._check.fault(f"it names {said!r}, not this entry", index=index, path=path)

    def whole(self, size: int, walk: Walk) -> None:
        """Hold all files against all entries: every entry is named by exactly one."""
        named = bytearray(size)
        some: list[str] = []
        for path in walk("ids"):
            some.append(path)
            if len(some) == AT_ONCE:
                self._named(some, named)
                some = []
        self._named(some, named)
        index = named.find(0)
        while index >= 0:
            self._check.fault("no file under ids/ names it", index=index)
            index = named.find(0, index + 1)

    def _named(self, paths: Sequence[str], named: bytearray) -> None:
        for path, data in self._read_many(paths).items():
            self._check.looked += 1
            try:
                index = parse_index(data or b"", path=path)
            except LogError:
                self._check.fault("it holds no index", path=path)
                continue
            if index >= len(named):
                self._check.fault(f"it names entry {index}, which the log does not have", path=path)
            elif named[index]:
                self._check.fault("another file names the same entry", index=index, path=path)
            else:
                named[index] = 1
