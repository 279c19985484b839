"""Entries of the audit log for people: one line each, or whole.

Everything an entry says was written by somebody; it is shown and never obeyed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from itil_gate.report.escape import clip, terminal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from itil_gate.log.reader import Entry

_TIMES = (
    *("recordedAt", "timeVerified", "openedAt", "startedAt", "finishedAt", "metAt", "issuedAt"),
)
_SAID = (
    *("verificationResult", "standing", "outcome", "environment", "nonce", "ref", "change"),
    *("duty", "id", "use", "person", "origin", "rule", "reason"),
)
_WIDEST_KIND = 14
_LONGEST = 160


def entry_line(entry: Entry) -> str:
    """Return an entry on one line: index, time, kind, and what it is about."""
    told = " ".join(_about(entry.predicate)) if entry.statement is not None else _gone(entry)
    mark = "" if entry.believed or entry.statement is None else "NOT BELIEVED: no pinned key  "
    when = next((str(entry.predicate[key]) for key in _TIMES if key in entry.predicate), "-")
    head = f"{entry.index:>6}  {clip(when, 25):<20}  {entry.kind:<{_WIDEST_KIND}}  {mark}"
    return terminal(f"{head}{clip(told, _LONGEST)}".rstrip())


def entry_text(entry: Entry) -> str:
    """Return an entry whole: where it stands, who signed it, and its statement."""
    signers = ", ".join(sorted(entry.signers)) or "no pinned key"
    lines = [
        f"entry {entry.index}: {entry.kind}",
        f"  sha256     {entry.sha256}",
        f"  signed by  {signers}",
    ]
    if entry.statement is None:
        lines.append(f"  {_gone(entry)}; its digest is still proved")
    else:
        body = json.dumps(entry.statement, indent=2, ensure_ascii=False, sort_keys=True)
        lines += [f"  {line}" for line in body.splitlines()]
    return "\n".join(terminal(line) for line in lines)


def entries_json(entries: Sequence[Entry], *, origin: str, size: int) -> str:
    """Return entries as JSON, for programs."""
    rows = [
        {
            "index": entry.index,
            "kind": entry.kind,
            "sha256": entry.sha256,
            "believed": entry.believed,
            "signers": sorted(entry.signers),
            "expungedBy": entry.expunged_by,
            "statement": entry.statement,
        }
        for entry in entries
    ]
    shown = {"apiVersion": "itil-gate/log/v1", "origin": origin, "size": size, "entries": rows}
    return json.dumps(shown, indent=2)


def _gone(entry: Entry) -> str:
    if entry.expunged_by is None:
        return "MISSING: its file is gone, and no entry says why"
    return f"expunged by entry {entry.expunged_by}"


def _about(predicate: Mapping[str, Any]) -> list[str]:
    """Return the plain values that tell entries of a kind apart, with the changes they name."""
    ours = predicate.get("itilGate")
    inner: Any = ours if isinstance(ours, dict) else {}
    parts = [predicate, inner.get("decision"), inner.get("deploy")]
    said: list[str] = []
    for part in parts:
        if not isinstance(part, dict):
            continue
        said += [str(part[key]) for key in _SAID if isinstance(part.get(key), (str, int))]
        changes = part.get("changes")
        for one in changes if isinstance(changes, list) else ():
            said.append(str(one.get("id", "?")) if isinstance(one, dict) else str(one))
    return list(dict.fromkeys(said))
