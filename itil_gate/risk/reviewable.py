"""What of a change nobody can review: content that is no text, or too much text for one reading.

Whoever approves says that they have looked. Here it is told where they could not have: attackers
bring in what they need as test data, as one line of a megabyte, or among ten thousand others. It
says nothing about whether a change fails; on that, size has no evidence. What was not measured
counts as what cannot be reviewed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.frozen import frozen
from itil_gate.reading.globs import compile_globs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from itil_gate.model.facts import ContentFact, DiffEntry
    from itil_gate.model.risk import Unreviewable

PLAIN_FILE = "100644"
_WHY = {
    "binary": "{count} binary",
    "large": "{count} larger than 1 MiB",
    "elsewhere": "{count} only pointing to content that is kept elsewhere",
    "unread": "{count} beyond the 64 MiB that are read",
}


@frozen
class Unread:
    """Why nobody can review a change whole, in plain words, and which paths are to blame."""

    reason: str
    paths: tuple[str, ...]


def find_unread(
    terms: Unreviewable, *, diff: Sequence[DiffEntry], contents: Sequence[ContentFact] | None
) -> Unread | None:
    """Return what nobody can review of a diff by the terms of a risk model; None if all can be.

    Files that go count nothing, nor do lines of a text that only moves. `contents` are what was
    measured of the paths of the diff, None where nothing was.
    """
    exempt = compile_globs(terms.exempt)
    entries = [one for one in diff if not (_mode(one) == PLAIN_FILE and exempt(one.path))]
    coming = [one for one in entries if one.status != "D"]
    if not coming:
        return None
    if contents is None:
        said = "it is not known here how much there is to read"
        return Unread(f"{terms.reason} ({said})", tuple(one.path for one in coming))
    measured = {one.path: one for one in contents}
    left = {(one.old_mode, one.old_id) for one in entries if one.status == "D"}
    lines = 0
    blamed: dict[str, list[str]] = {}
    for entry in coming:
        fact = measured.get(entry.path)
        kind = fact.kind if fact is not None else "unread"
        if fact is None or kind != "text":
            blamed.setdefault(kind, []).append(entry.path)
        elif entry.status != "A" or (entry.new_mode, entry.new_id) not in left:
            lines += (fact.added or 0) + (fact.deleted or 0)
            if fact.longest > terms.line_length:
                blamed.setdefault("long", []).append(entry.path)
    return _told(terms, lines, blamed)


def _told(terms: Unreviewable, lines: int, blamed: Mapping[str, Sequence[str]]) -> Unread | None:
    parts = [f"{lines:,} lines change, more than {terms.lines:,}"] if lines > terms.lines else []
    kinds = [why.format(count=len(blamed[kind])) for kind, why in _WHY.items() if kind in blamed]
    if "long" in blamed:
        kinds.append(f"{len(blamed['long'])} with new lines of over {terms.line_length:,} bytes")
    if kinds:
        parts.append(f"files that nobody can read: {', '.join(kinds)}")
    if not parts:
        return None
    return Unread(f"{terms.reason} ({'; '.join(parts)})", tuple(sorted(_flat(blamed.values()))))


def _flat(lists: Iterable[Sequence[str]]) -> list[str]:
    return [path for paths in lists for path in paths]


def _mode(entry: DiffEntry) -> str:
    return entry.old_mode if entry.status == "D" else entry.new_mode
