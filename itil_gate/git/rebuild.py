"""Put a tree together again from the one before it and the list of what was changed.

Done in the view, with an index of its own: the objects made stay there, and none of the repository
is touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.git.objects import listed_ids
from itil_gate.git.paths import to_bytes
from itil_gate.model.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from itil_gate.git.view import View
    from itil_gate.model.facts import DiffEntry


def rebuild_tree(
    view: View, base: str, entries: Iterable[DiffEntry], *, blobs: Mapping[str, bytes]
) -> str:
    """Return the id of the tree that these entries make of that of commit `base`.

    `blobs` are contents that no branch may hold any more; what is neither there nor in the
    repository is named in the tree all the same. Raises HistoryError `object-missing` where the
    base is not here and `git-failed` for entries that make no tree.
    """
    for oid, data in blobs.items():
        done = view.git("hash-object", "-w", "-t", "blob", "--stdin", stdin=data)
        if listed_ids(done.out, "hash-object", count=1) != [oid]:
            raise HistoryError("object-damaged", f"what was kept of {oid} has another content")
    env = {"GIT_INDEX_FILE": str(view.directory / "rebuilt.index")}
    lines = [
        b"0 %s\t%s\0" % (b"0" * len(view.empty_tree), to_bytes(entry.path))
        if entry.status == "D"
        else b"%s %s\t%s\0" % (entry.new_mode.encode(), entry.new_id.encode(), to_bytes(entry.path))
        for entry in sorted(entries, key=lambda one: one.status != "D")
    ]
    view.git("read-tree", "--end-of-options", f"{base}^{{tree}}", env=env)
    view.git("update-index", "-z", "--index-info", stdin=b"".join(lines), env=env)
    done = view.git("write-tree", "--missing-ok", env=env)
    return listed_ids(done.out, "write-tree", count=1)[0]
