"""Reports: a value in, text out, one file a format. Nothing here prints or writes.

The dictionaries are the whole list of formats; a format's file is imported when it is used, so
that choosing one costs no more than reading it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from itil_gate.model.decision import Decision
    from itil_gate.model.finding import Finding


class DecisionFormat(Protocol):
    """Turns a decision into text that ends with a newline; only `text` heeds colour and width."""

    def __call__(self, decision: Decision, *, color: bool = False, width: int = 100) -> str:
        """Return the decision in this format."""


class FindingsFormat(Protocol):
    """Turns findings into text that ends with a newline; only `text` heeds colour."""

    def __call__(self, findings: Sequence[Finding], *, color: bool = False) -> str:
        """Return the findings in this format."""


def _decision(module: str, function: str) -> DecisionFormat:
    def write(decision: Decision, *, color: bool = False, width: int = 100) -> str:
        look: dict[str, Any] = {"color": color, "width": width} if module == "text" else {}
        text: str = getattr(import_module(f"{__name__}.{module}"), function)(decision, **look)
        return text

    return write


def _findings(module: str, function: str) -> FindingsFormat:
    def write(findings: Sequence[Finding], *, color: bool = False) -> str:
        look: dict[str, Any] = {"color": color} if module == "text" else {}
        text: str = getattr(import_module(f"{__name__}.{module}"), function)(findings, **look)
        return text

    return write


DECISION_FORMATS: Mapping[str, DecisionFormat] = {
    "text": _decision("text", "decision_text"),
    "markdown": _decision("markdown", "decision_markdown"),
    "json": _decision("json_report", "decision_json"),
    "sarif": _decision("sarif", "decision_sarif"),
    "junit": _decision("junit", "decision_junit"),
    "github": _decision("github", "decision_annotations"),
    "gitlab": _decision("gitlab", "decision_gitlab"),
}
FINDINGS_FORMATS: Mapping[str, FindingsFormat] = {
    "text": _findings("text", "findings_text"),
    "markdown": _findings("markdown", "findings_markdown"),
    "json": _findings("json_report", "findings_json"),
    "sarif": _findings("sarif", "findings_sarif"),
    "junit": _findings("junit", "findings_junit"),
    "github": _findings("github", "findings_annotations"),
    "gitlab": _findings("gitlab", "findings_gitlab"),
}
