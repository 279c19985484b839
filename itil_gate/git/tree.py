"""Read trees at a commit, with the mode of every entry.

Symbolic links and submodules are listed as what they are and never followed: whoever needs a file
there has to look at the mode. A path asked for that lies behind one is answered with the link.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from itil_gate.git.objects import is_oid
from itil_gate.git.paths import to_bytes, to_text
from itil_gate.model.errors import HistoryError
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Literal

    from itil_gate.git.view import View

TREE, FILE, EXECUTABLE, SYMLINK, SUBMODULE = "040000", "100644", "100755", "120000", "160000"
MOST_ENTRIES = 500_000
"""Entries of one listing; a small object can describe more paths than there are atoms."""


@frozen
class TreeEntry:
    """One entry of a tree: mode of six digits, object id, path as text from the root."""

    mode: str
    oid: str
    path: str

    @property
    def type(self) -> Literal["blob", "tree", "commit"]:
        """The type of the object: a submodule is a commit, a symbolic link a blob."""
        return {TREE: "tree", SUBMODULE: "commit"}.get(self.mode, "blob")  # type: ignore[return-value]

    @property
    def is_file(self) -> bool:
        """Whether this is a regular file, executable or not."""
        return self.mode.startswith("100")


def ls_tree(
    view: View, treeish: str, prefixes: Iterable[str] | None = None
) -> tuple[TreeEntry, ...]:
    """Return all entries but trees, at any depth, sorted by the path's bytes.

    With `prefixes` only these files and what lies in these directories. Where a symbolic link, a
    submodule or a file stands in the way of a prefix, that entry is returned in its place. Raises
    HistoryError `tree-damaged`, `tree-too-large` or `object-missing`.
    """
    root = tree_id(view, treeish)
    found: dict[bytes, TreeEntry] = {}
    if prefixes is None:
        _collect(view, [(b"", root)], found)
    else:
        for prefix in prefixes:
            entry = _find(view, root, to_bytes(prefix))
            if entry is None:
                continue
            if entry.mode == TREE:
                _collect(view, [(to_bytes(entry.path) + b"/", entry.oid)], found)
            else:
                found[to_bytes(entry.path)] = entry
    return tuple(found[path] for path in sorted(found))


def entry_at(view: View, treeish: str, path: str) -> TreeEntry | None:
    """Return the entry at a path, or the link, submodule or file that stands in its way."""
    return _find(view, tree_id(view, treeish), to_bytes(path))


def blob_at(view: View, treeish: str, path: str, *, limit: int | None = None) -> bytes | None:
    """Return the bytes of the regular file at a path; None if nothing is there.

    Raises HistoryError `not-a-file` where a directory, symbolic link or submodule is there or on
    the way, and `object-too-large`.
    """
    entry = entry_at(view, treeish, path)
    if entry is None:
        return None
    if not entry.is_file or entry.path != path:
        kinds = {SYMLINK: "a symbolic link", SUBMODULE: "a submodule", TREE: "a directory"}
        raise HistoryError(
            "not-a-file",
            f"{path} cannot be read: {entry.path} is {kinds.get(entry.mode, 'a file')}",
            hint="keep it as a regular file",
        )
    return (view.read(entry.oid) if limit is None else view.read(entry.oid, limit=limit)).data


def tree_id(view: View, treeish: str) -> str:
    """Return the tree of a commit, or the id itself if it names a tree.

    Raises HistoryError `not-a-commit` for anything else, and for a commit that names no tree.
    """
    if treeish == view.empty_tree:
        return treeish
    thing = view.read(treeish)
    if thing.type == "tree":
        return treeish
    if thing.type != "commit":
        raise HistoryError("not-a-commit", f"{treeish} is a {thing.type}, not a commit or a tree")
    word, _, named = thing.data.partition(b"\n")[0].decode("ascii", "replace").partition(" ")
    if word != "tree" or not is_oid(named):
        # Whoever may push can name such a thing in a statement; it must not stop the others.
        raise HistoryError("not-a-commit", f"{treeish} is not a well-formed commit")
    return named


def parse_tree(data: bytes, *, oid: str) -> dict[bytes, tuple[str, str]]:
    """Return mode and object id by name, in the order stored.

    Refuses what no honest git writes, since programs disagree on what it means: a name twice,
    empty, `.`, `..` or with a slash. `oid` is the tree's own id.
    """
    raw = len(oid) // 2
    entries: dict[bytes, tuple[str, str]] = {}
    position, count, end, match = 0, 0, len(data), _ENTRY[raw].match
    # Each match begins where the last one ended: a search would take for ever on rubbish.
    while position < end and (found := match(data, position)):
        mode, name, mark = found.groups()
        entries[name] = (_MODES.get(mode) or mode.decode().zfill(6), mark.hex())
        position = found.end()
        count += 1
    if position == end and len(entries) == count and not _ODD & entries.keys():
        return entries
    return _parse_slowly(data, oid=oid, raw=raw)


def split_tree(data: bytes, *, oid: str) -> dict[bytes, bytes]:
    """Return the records of a tree by name, each as it is stored, in the order stored.

    For whoever writes the tree again with a few changes: what is not changed is not taken apart.
    Refuses what `parse_tree` refuses; `read_record` tells what a record says.
    """
    if len(data) <= _AT_A_TIME:
        records = {name: record for record, name in _RECORD[len(oid) // 2].findall(data)}
        # Neither a gap between two nor a name given twice adds up to all bytes.
        if sum(map(len, records.values())) == len(data) and not _ODD & records.keys():
            return records
    entries = parse_tree(data, oid=oid)
    return {name: make_record(name, mode, child) for name, (mode, child) in entries.items()}


def read_record(record: bytes, *, name: bytes) -> tuple[str, str]:
    """Return mode and object id of a record of this name."""
    mode, _, rest = record.partition(b" ")
    return _MODES.get(mode) or mode.decode().zfill(6), rest[len(name) + 1 :].hex()


def make_record(name: bytes, mode: str, oid: str) -> bytes:
    """Return a record of a tree: mode, name and object id as git stores them.

    A mode of more than six digits is none of git's, and stays what it is.
    """
    stored = mode.lstrip("0") if len(mode) == len(TREE) else mode
    return b"%b %b\0%b" % (stored.encode(), name, bytes.fromhex(oid))


def join_tree(records: Mapping[bytes, bytes], *, sort: bool = True) -> bytes:
    """Return a tree as git stores it, folders sorted as if their names ended in a slash.

    Without `sort` the records stand in that order already.
    """
    if not sort:
        return b"".join(records.values())
    if b"4" in {record[:1] for record in records.values()}:  # no mode but a folder's begins so
        names = sorted(
            records,
            key=lambda name: name + b"/" if records[name].startswith(_FOLDER) else name,
        )
    else:
        names = sorted(records)
    return b"".join([records[name] for name in names])


def _parse_slowly(data: bytes, *, oid: str, raw: int) -> dict[bytes, tuple[str, str]]:
    """Return what `parse_tree` does, entry by entry, to say what is wrong with one."""
    entries: dict[bytes, tuple[str, str]] = {}
    position = 0
    while position < len(data):
        end = data.find(b"\0", position)
        mode, space, name = data[position:end].partition(b" ")
        position = end + 1 + raw
        if end < 0 or not space or position > len(data) or not mode.isdigit():
            raise HistoryError("tree-damaged", f"tree {oid} cannot be parsed")
        if name in entries or name in (b"", b".", b"..") or b"/" in name:
            raise HistoryError("tree-damaged", f"tree {oid} has an entry {to_text(name)!r}")
        entries[name] = (mode.decode().zfill(6), data[end + 1 : position].hex())
    return entries


_ENTRY = {raw: re.compile(rb"([0-9]+) ([^/\0]+)\0(.{%d})" % raw, re.DOTALL) for raw in (20, 32)}
_RECORD = {
    # As many characters as git ever writes, so that a search through rubbish soon ends.
    raw: re.compile(rb"([1-9][0-9]{4,5} ([^/\0]{1,255})\0.{%d})" % raw, re.DOTALL)
    for raw in (20, 32)
}
_AT_A_TIME = 1 << 20
_FOLDER = b"40000 "
_ODD = {b".", b".."}
_MODES = {b"100644": FILE, b"40000": TREE}


def _find(view: View, root: str, path: bytes) -> TreeEntry | None:
    parts = path.strip(b"/").split(b"/")
    oid, seen = root, b""
    for number, part in enumerate(parts):
        entry = parse_tree(_tree(view, oid), oid=oid).get(part)
        if entry is None:
            return None
        seen = seen + b"/" + part if seen else part
        mode, oid = entry
        if mode != TREE or number == len(parts) - 1:
            return TreeEntry(mode, oid, to_text(seen))
    return None


def _tree(view: View, oid: str) -> bytes:
    return b"" if oid == view.empty_tree else view.read(oid).data


def _collect(view: View, todo: list[tuple[bytes, str]], found: dict[bytes, TreeEntry]) -> None:
    count = 0
    while todo:
        trees = [pair for pair in todo if pair[1] != view.empty_tree]
        todo = []
        contents = view.read_many(oid for _, oid in trees)
        for (prefix, oid), tree in zip(trees, contents, strict=True):
            for path, mode, child in _entries(prefix, oid, tree.data):
                count += 1
                if mode == TREE:
                    todo.append((path + b"/", child))
                else:
                    found[path] = TreeEntry(mode, child, to_text(path))
            if count > MOST_ENTRIES:
                raise HistoryError("tree-too-large", f"a tree has more than {MOST_ENTRIES} entries")


def _entries(prefix: bytes, oid: str, data: bytes) -> Iterator[tuple[bytes, str, str]]:
    for name, (mode, child) in parse_tree(data, oid=oid).items():
        yield prefix + name, mode, child
