"""The first-parent line of a branch with what each step of it changed, streamed newest first.

One pass of `git log`: a step is a commit and its raw difference against its first parent, with
whole ids and no rename detection. Differences stay git's bytes, for most are only digested. Trees
are taken as git reads them; whoever doubts the store runs `git fsck` first.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from itil_gate.git.diff import CONTENT_MAGIC
from itil_gate.git.objects import is_oid
from itil_gate.git.record import records
from itil_gate.git.run import TIMEOUT
from itil_gate.model.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from itil_gate.git.view import View

_LOG = ("log", "--first-parent", "--diff-merges=first-parent", "--no-renames", "-z", "--raw")
_PLAIN = (
    *("--full-index", "--no-abbrev", "--no-textconv", "--no-ext-diff", "--no-relative"),
    *("--ignore-submodules=none", "-O/dev/null", "--encoding=UTF-8"),
)
_FORMAT = "--format=tformat:%x00%H %P%x00:"
_HEADER = re.compile(
    rb":([0-7]{6}) ([0-7]{6}) ([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) ([ADMT])"
)
_NOTHING = b"000000"
_KIND = 0o170000

Change = tuple[bytes, bytes, bytes, bytes]
"""Old mode, new mode, old id, new id."""


class Step(NamedTuple):
    """A commit of the line; `raw` is header and path of each change in turn, as git wrote them."""

    id: str
    parents: tuple[str, ...]
    raw: tuple[bytes, ...]

    @property
    def before(self) -> str | None:
        """The commit before it on the line; None for the first of all."""
        return self.parents[0] if self.parents else None

    @property
    def paths(self) -> frozenset[bytes]:
        """The paths that it changed."""
        return frozenset(self.raw[1::2])


def steps(
    view: View, tip: str, *, since: str | None = None, timeout: float = TIMEOUT
) -> Generator[Step]:
    """Yield the first-parent commits of `tip` that `since` does not lead to, newest first.

    Close the generator to stop git. Raises HistoryError `object-missing`, `git-timeout` or
    `git-failed`, as `record.landings` does.
    """
    ends = ("--end-of-options", tip, *([f"^{since}"] if since else []), "--")
    with contextlib.closing(
        records(view, (*_LOG, *_PLAIN, _FORMAT, *ends), timeout=timeout)
    ) as read:
        for batch in read:
            yield from map(_step, batch)


def line_ids(view: View, tip: str, *, since: str) -> frozenset[str]:
    """Return the ids of the line from `tip` back to what `since` leads to, which is left out."""
    done = view.git("rev-list", "--first-parent", "--end-of-options", tip, f"^{since}")
    return frozenset(done.out.decode("ascii").split())


def count_line(view: View, tip: str, *, since: str | None = None) -> int:
    """Return how many commits the line has from `tip` back, without what `since` leads to."""
    ends = [tip, *([f"^{since}"] if since else [])]
    return int(view.git("rev-list", "--count", "--first-parent", "--end-of-options", *ends).out)


def changes_of(line: Sequence[Step]) -> dict[bytes, Change]:
    """Return what steps, newest first, changed together; what was taken back is left out.

    Raises HistoryError `git-failed` for what is no raw difference.
    """
    found: dict[bytes, Change] = {}
    for step in reversed(line):
        for header, path in zip(step.raw[::2], step.raw[1::2], strict=True):
            match = _HEADER.fullmatch(header)
            if match is None:
                raise HistoryError("git-failed", f"`git log` said {header[:200]!r}")
            old_mode, new_mode, old, new = match.groups()[:4]
            if path in found:
                old_mode, _, old, _ = found[path]
            found[path] = (old_mode, new_mode, old, new)
    return {path: one for path, one in found.items() if (one[0], one[2]) != (one[1], one[3])}


def digest_of(changes: Mapping[bytes, Change]) -> str:
    """Return the content digest of changes, as `diff.content_digest` makes it of the same ones."""
    digest = hashlib.sha256(CONTENT_MAGIC)
    for path in sorted(changes):
        old_mode, new_mode, old, new = changes[path]
        fields = (old_mode, new_mode, old, new, _status(old_mode, new_mode), path, b"")
        digest.update(b"\0".join(fields))
    return digest.hexdigest()


def landed_digest(line: Sequence[Step]) -> str:
    """Return the content digest of what steps, newest first, changed together."""
    return digest_of(changes_of(line))


def touched(line: Iterable[Step]) -> frozenset[bytes]:
    """Return every path that any of the steps changed."""
    return frozenset(path for step in line for path in step.raw[1::2])


def _status(old_mode: bytes, new_mode: bytes) -> bytes:
    if old_mode == _NOTHING:
        return b"A"
    if new_mode == _NOTHING:
        return b"D"
    return b"M" if int(old_mode, 8) & _KIND == int(new_mode, 8) & _KIND else b"T"


def _step(record: bytes) -> Step:
    head, _, rest = record.partition(b"\0")
    oid, *parents = head.decode("ascii", "replace").split(" ")
    mark, *raw = rest.split(b"\0") if rest else [b""]
    if mark != b":" or not is_oid(oid) or len(raw) % 2:
        raise HistoryError("git-failed", f"`git log` said {record[:200]!r}")
    if raw:
        # Git sets the changes off from the format by one line end.
        raw[0] = raw[0].removeprefix(b"\n")
    return Step(oid, tuple(parents) if parents[:1] != [""] else (), tuple(raw))
