"""What a verification of the audit log found, for people and as JSON.

Every check has a line, also one that was not made, which says why. Everything that is shown of the
log was written by somebody, perhaps by whoever tampered with it; it is shown and never obeyed.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from itil_gate.model.base import API_VERSION
from itil_gate.report.escape import clip, terminal

if TYPE_CHECKING:
    from itil_gate.log.checkpoint import Checkpoint
    from itil_gate.log.verdict import Fault, Verdict, Verification

KIND = "LogVerification"
_LONGEST = 400


def verification_text(found: Verification) -> str:
    """Return a verification for people: the log, a line for each check, faults below theirs."""
    lines = [_head(found)]
    for one in found.verdicts:
        lines.append(f"  {one.state:<11}  {one.check:<10}  {_told(one)}".rstrip())
        lines += [f"    {_fault(fault)}" for fault in one.faults]
        if one.bad > len(one.faults):
            lines.append(f"    and {one.bad - len(one.faults)} more")
    lines.append(_sum(found))
    return "\n".join(terminal(clip(line, _LONGEST)) for line in lines)


def verification_json(found: Verification) -> str:
    """Return a verification as JSON, for programs."""
    said: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "origin": found.origin,
        "result": "tampered" if found.tampered else "ok",
        "checkpoint": _checkpoint(found.checkpoint),
        "since": _checkpoint(found.since),
        "checks": [
            {
                "check": one.check,
                "state": one.state,
                "looked": one.looked,
                "unit": one.unit,
                "bad": one.bad,
                "since": one.since,
                "detail": one.detail,
                "faults": [
                    {
                        "message": fault.message,
                        "index": fault.index,
                        "path": fault.path,
                        "commit": fault.commit,
                    }
                    for fault in one.faults
                ],
            }
            for one in found.verdicts
        ],
    }
    return json.dumps(said, indent=2, ensure_ascii=True)


def _head(found: Verification) -> str:
    if found.checkpoint is None:
        return f"audit log {found.origin}"
    root = base64.b64encode(found.checkpoint.root).decode("ascii")
    return f"audit log {found.origin}: {_counted(found.checkpoint.size, 'entries')}, root {root}"


def _told(one: Verdict) -> str:
    looked = _counted(one.looked, one.unit)
    count = f"{_counted(one.bad, 'faults')} in {looked}" if one.bad else looked
    if one.state == "not checked" and not one.looked:
        return one.detail
    since = f", since entry {one.since}" if one.since is not None else ""
    return f"{count}{since}{f'; {one.detail}' if one.detail else ''}"


def _counted(number: int, many: str) -> str:
    one = "entry" if many == "entries" else many.removesuffix("s")
    return f"{number} {one if number == 1 else many}"


def _fault(fault: Fault) -> str:
    return f"{fault.place}: {fault.message}" if fault.place else fault.message


def _sum(found: Verification) -> str:
    bad = [one for one in found.verdicts if one.state == "bad"]
    if bad:
        sinces = [one.since for one in bad if one.since is not None]
        since = f", since entry {min(sinces)}" if sinces else ""
        return f"tampered: {', '.join(one.check for one in bad)}{since}"
    skipped = [one.check for one in found.verdicts if one.state == "not checked"]
    left = f"; not checked: {', '.join(skipped)}" if skipped else ""
    return f"verified{left}"


def _checkpoint(one: Checkpoint | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {"size": one.size, "root": base64.b64encode(one.root).decode("ascii")}
