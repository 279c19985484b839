"""Versioned JSON for programs. Keys are stable within an `apiVersion`; nothing is left out.

A decision comes out in its canonical form (RFC 8785), the bytes that are digested and logged, so
characters outside ASCII stand as they are: hand it to a file or a program, not to a terminal.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from itil_gate.model.canonical import as_json, canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.model.decision import Decision, StoredDecision
    from itil_gate.model.finding import Finding

FINDINGS_VERSION = "itil-gate/findings/v1"


def decision_json(decision: Decision) -> str:
    """Return the decision as RFC 8785 JSON on one line, ending with a newline."""
    return canonical(decision).decode() + "\n"


def stored_json(stored: StoredDecision) -> str:
    """Return a decision with its inputs as RFC 8785 JSON on one line, ending with a newline."""
    return canonical(stored).decode() + "\n"


def findings_json(findings: Sequence[Finding]) -> str:
    """Return `{"apiVersion": …, "findings": […]}` with every finding, ending with a newline."""
    return printable(
        {
            "apiVersion": FINDINGS_VERSION,
            "findings": [as_json(finding) for finding in findings],
        }
    )


def printable(value: dict[str, Any] | list[Any]) -> str:
    """Return indented JSON in plain ASCII that a CI log shows and does not obey.

    Runners look for `##[` anywhere in a line, so the second `#` is written as an escape.
    """
    return json.dumps(value, indent=2).replace("##", "#\\u0023").replace("\x7f", "\\u007f") + "\n"
