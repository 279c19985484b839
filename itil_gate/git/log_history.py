"""The commits of the log's branch, oldest first, with what each changed.

Only the first-parent line is walked: whatever was merged is seen as a commit with two parents.
Commits come in batches, so that a long history needs little memory. What a change means is not
known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.git.history import LIMIT
from itil_gate.git.objects import is_oid, listed_ids
from itil_gate.git.paths import to_text
from itil_gate.log.checkpoint import PATH
from itil_gate.log.commits import Change, LogCommit
from itil_gate.model.errors import HistoryError
from itil_gate.signing.note import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from itil_gate.git.view import View

AT_ONCE = 256
_FIELDS = 5


def line_of(view: View, tip: str, *, since: str | None = None) -> tuple[str, ...]:
    """Return the first-parent commits up to a tip, oldest first; with `since` those behind it."""
    exclude = [f"^{since}"] if since else []
    done = view.git(*("rev-list", "--first-parent", "--reverse", "--end-of-options", tip, *exclude))
    return tuple(listed_ids(done.out, "rev-list"))


def log_commits(view: View, ids: Sequence[str]) -> Iterator[list[LogCommit]]:
    """Yield commits in batches, in the order given. Raises HistoryError as reading objects does."""
    for low in range(0, len(ids), AT_ONCE):
        some = ids[low : low + AT_ONCE]
        changes = _changes(view, some)
        notes = {
            oid: next((blob for change, blob in changes[oid] if change.path == PATH), None)
            for oid in some
        }
        blobs = {blob for blob in notes.values() if blob and set(blob) != {"0"}}
        infos = view.reader.info(sorted(blobs))
        small = [one.id for one in infos if one and one.type == "blob" and one.size <= MAX_BYTES]
        read = {one.id: one.data for one in view.read_many(small)}
        yield [
            LogCommit(
                raw.id,
                _parents(raw.data),
                raw.data,
                tuple(change for change, _ in changes[raw.id]),
                read.get(notes[raw.id] or ""),
            )
            for raw in view.read_many(some, limit=LIMIT)
        ]


def _changes(view: View, ids: Sequence[str]) -> dict[str, list[tuple[Change, str]]]:
    """Return what each commit changed against its first parent, with the new object."""
    found: dict[str, list[tuple[Change, str]]] = {oid: [] for oid in ids}
    done = view.git(
        *("diff-tree", "--stdin", "-r", "--root", "-z", "--raw", "--no-renames", "--no-abbrev"),
        *("--diff-merges=first-parent", "--ignore-submodules=none"),
        stdin="".join(f"{oid}\n" for oid in ids).encode(),
    )
    at: list[tuple[Change, str]] = []
    tokens = iter(done.out.split(b"\0"))
    for token in tokens:
        if token.startswith(b":"):
            words = token[1:].decode("ascii", "replace").split(" ")
            if len(words) != _FIELDS:
                raise HistoryError("git-failed", f"`git diff-tree` said {token[:200]!r}")
            _, mode, _, blob, status = words
            at.append((Change(status[:1], to_text(next(tokens, b"")), mode), blob))
        elif token:
            name = token.decode("ascii", "replace").strip()
            if not is_oid(name) or name not in found:
                raise HistoryError("git-failed", f"`git diff-tree` said {token[:200]!r}")
            at = found[name]
    return found


def _parents(raw: bytes) -> tuple[str, ...]:
    head = raw.partition(b"\n\n")[0]
    return tuple(
        line[7:].decode("ascii", "replace")
        for line in head.split(b"\n")
        if line.startswith(b"parent ")
    )
