"""The files of one commit, read in batches, and the trees that come of changing some of them.

Made for the audit log, whose commits touch a dozen paths among a million: trees are read once,
only on the way to what is asked for, and all paths advance level by level. What a partial clone
lacks is asked for in one go a level. Symbolic links and submodules have no place here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.git.objects import hash_object
from itil_gate.git.tree import (
    FILE,
    TREE,
    join_tree,
    make_record,
    read_record,
    split_tree,
    tree_id,
)
from itil_gate.model.errors import GateError, HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from itil_gate.git.objects import ObjectType
    from itil_gate.git.view import View

    Supply = Callable[[Collection[str]], None]
    """Gets objects that are not here; those it cannot get are missed when they are read."""
    Records = dict[bytes, bytes]
    New = dict[str, tuple[ObjectType, bytes]]
    """Objects that are to be written, by their ids: type and bytes."""

_NOT_NAMES = frozenset({b"", b".", b"..", b".git", b"git~1"})
MOST_AHEAD = 64 * 1024 * 1024
"""Bytes of files that are kept in memory for whoever asks again."""
MOST_ENTRIES = 200_000
"""Entries of trees that are kept in memory, so that it stays flat however long one reads."""


class Snapshot:
    """The files of a commit; of an unborn branch, where `commit` is None, none."""

    def __init__(
        self,
        view: View,
        commit: str | None,
        *,
        supply: Supply | None = None,
        complete: Callable[[], None] | None = None,
    ) -> None:
        self.commit = commit
        self._view = view
        self._supply = supply
        self._complete = complete
        self._trees: dict[str, Records] = {}
        self._located: dict[str, tuple[str, str] | None] = {}
        self._blobs: dict[str, bytes] = {}
        self._held = 0
        self._entries = 0
        if commit is not None:
            self._obtain([commit])
        self._root = None if commit is None else tree_id(view, commit)

    def complete(self) -> None:
        """Get all files at once, for whoever is going to read most of them."""
        if self._complete is not None and self.commit is not None:
            self._complete()

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file; None if nothing is there.

        Raises HistoryError `not-a-file` for a directory or a link, and what reading objects does.
        """
        if path in self._located:
            at = self._located[path]
            if at is None:
                return None
            if at[0] == FILE and at[1] in self._blobs:
                return self._blobs[at[1]]
        return self.read_many([path])[path]

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes | None]:
        """Return the bytes of each file, None where nothing is; see `read`."""
        found = self.locate(paths)
        odd = next((path for path, at in found.items() if at and at[0] != FILE), None)
        if odd is not None:
            raise HistoryError("not-a-file", f"{odd} on the branch is not a regular file")
        ids = {at[1] for at in found.values() if at}
        known = {oid: self._blobs[oid] for oid in ids if oid in self._blobs}
        lacking = [oid for oid in ids if oid not in known]
        self._obtain(lacking)
        fresh = {one.id: one.data for one in self._view.read_many(lacking)}
        known |= fresh
        self._remember(fresh)
        return {path: known[at[1]] if at else None for path, at in found.items()}

    def locate(self, paths: Iterable[str]) -> dict[str, tuple[str, str] | None]:
        """Return mode and object id at each path, None where nothing is.

        All trees on the way are then here, so that the paths can be written as well.
        """
        found = {path: self._located.get(path) for path in paths}
        at = {
            path: (self._root, path.encode("utf-8").split(b"/"))
            for path in found
            if path not in self._located
        }
        while at:
            self._grow({oid for oid, _ in at.values() if oid})
            below: dict[str, tuple[str | None, list[bytes]]] = {}
            for path, (oid, (name, *rest)) in at.items():
                record = self._trees[oid].get(name) if oid else None
                if record is None:
                    continue
                entry = read_record(record, name=name)
                if not rest:
                    found[path] = entry
                elif entry[0] == TREE:
                    below[path] = (entry[1], rest)
            at = below
        self._located |= found
        return found

    def names(self, folder: str) -> tuple[str, ...]:
        """Return the names in a folder, in git's order; none if there is no such folder."""
        at = self.locate([folder])[folder] if folder else (TREE, self._root)
        if at is None or at[0] != TREE or at[1] is None:
            return ()
        self._grow({at[1]})
        return tuple(name.decode("utf-8", "surrogateescape") for name in self._trees[at[1]])

    def changed(self, files: Mapping[str, bytes | None]) -> tuple[str, New]:
        """Return the id of the tree with these files set or removed, and all that is new in it.

        None removes a file, or a folder with all below it. Raises GateError `path-taken` where a
        file stands in the way of a folder or the reverse, `bad-path` for a name git would not
        check out.
        """
        new: New = {}
        edits = _Edits()
        folders = {b"": edits}
        for path, data in files.items():
            named = path.encode("utf-8")
            if b"\0" in named or not _NOT_NAMES.isdisjoint(named.lower().split(b"/")):
                raise GateError("bad-path", f"{path!r} is not a path on the branch")
            folder, _, name = named.rpartition(b"/")
            blob = None if data is None else self._new(new, "blob", data)
            _edits_of(folder, folders).files[name] = blob
        # One path of each folder leads to all trees that are changed.
        self.locate({path.rpartition("/")[0]: path for path in files}.values())
        root = self._graft(self._root, edits, new)
        return root or self._new(new, "tree", b""), new

    def _graft(self, oid: str | None, edits: _Edits, new: New) -> str | None:
        """Add the changed trees to `new`; return the id of this one, None if it is empty."""
        self._grow({oid} if oid else ())
        before = self._trees[oid] if oid else {}
        records = dict(before)
        for name, blob in edits.files.items():
            if blob is None:
                records.pop(name, None)
            elif _child(records, name)[0] == TREE:
                raise _taken(name)
            else:
                records[name] = make_record(name, FILE, blob)
        for name, inner in edits.folders.items():
            mode, child = _child(records, name)
            if mode not in (TREE, None):
                raise _taken(name)
            tree = self._graft(child, inner, new)
            if tree is None:
                records.pop(name, None)
            else:
                records[name] = make_record(name, TREE, tree)
        if not records:
            return None
        # What only has other ids under the same names stands as it stood.
        made = self._new(new, "tree", join_tree(records, sort=not records.keys() <= before.keys()))
        self._trees[made] = records
        return made

    def _new(self, new: New, kind: ObjectType, data: bytes) -> str:
        oid = hash_object(kind, data, algorithm=self._view.algorithm)
        new[oid] = (kind, data)
        return oid

    def _grow(self, oids: Collection[str]) -> None:
        """Read trees that were not read yet."""
        if self._entries > MOST_ENTRIES:
            self._trees, self._entries, self._located = {}, 0, {}
        lacking = [oid for oid in oids if oid not in self._trees]
        if not lacking:
            return
        self._obtain(lacking)
        for one in self._view.read_many(lacking):
            if one.type != "tree":
                raise HistoryError("tree-damaged", f"{one.id} is a {one.type} in a tree's place")
            self._trees[one.id] = split_tree(one.data, oid=one.id)
            self._entries += len(self._trees[one.id])

    def _obtain(self, oids: Sequence[str]) -> None:
        if self._supply is None or not oids:
            return
        infos = self._view.reader.info(oids)
        if missing := [oid for oid, info in zip(oids, infos, strict=True) if info is None]:
            self._supply(missing)

    def _remember(self, blobs: Mapping[str, bytes]) -> None:
        self._held += sum(map(len, blobs.values()))
        if self._held > MOST_AHEAD:
            self._blobs, self._held = {}, sum(map(len, blobs.values()))
        self._blobs |= blobs


class _Edits:
    """What is to change in one folder: its files, None for one that goes, and its folders."""

    def __init__(self) -> None:
        self.files: dict[bytes, str | None] = {}
        self.folders: dict[bytes, _Edits] = {}


def _edits_of(folder: bytes, known: dict[bytes, _Edits]) -> _Edits:
    """Return the edits of a folder, made together with those of the folders above it."""
    if folder not in known:
        above, _, name = folder.rpartition(b"/")
        known[folder] = _edits_of(above, known).folders.setdefault(name, _Edits())
    return known[folder]


def _child(records: Records, name: bytes) -> tuple[str, str] | tuple[None, None]:
    """Return mode and object id of what has this name, None and None where nothing has."""
    record = records.get(name)
    return (None, None) if record is None else read_record(record, name=name)


def _taken(name: bytes) -> GateError:
    shown = name.decode("utf-8", "backslashreplace")
    return GateError("path-taken", f"{shown} is a file in one place and a folder in the other")
