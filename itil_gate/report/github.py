"""GitHub workflow commands: findings as annotations on the lines they are about.

Only annotations are written; no other command, and none that a stranger's text could add.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.report import phrases
from itil_gate.report.escape import visible, workflow_data, workflow_property

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.model.decision import Decision
    from itil_gate.model.finding import Effect, Finding

_COMMANDS: dict[Effect, str] = {"deny": "error", "pending": "warning", "advise": "notice"}


def findings_annotations(findings: Iterable[Finding]) -> str:
    """Return one workflow command a line for each finding; nothing for no findings.

    GitHub shows at most ten errors, ten warnings and ten notices of a step.
    """
    return "".join(_annotation(finding) + "\n" for finding in findings)


def decision_annotations(decision: Decision) -> str:
    """Return workflow commands for the findings of every rule that is not settled.

    What an override bends is a warning, and so is the override itself.
    """
    bent = "".join(
        f"::warning title=override::{workflow_data(visible(said))}\n"
        for entry in decision.overrides
        for said in (f"{phrases.counted(entry)}: {phrases.override(entry)}",)
    )
    return bent + "".join(
        _annotation(finding, command="warning" if rule.state == "OVERRIDDEN" else None) + "\n"
        for _, rule in phrases.every_rule(decision)
        if rule.state not in phrases.SETTLED
        for finding in rule.findings
    )


def _annotation(finding: Finding, *, command: str | None = None) -> str:
    properties = {}
    if finding.place:
        properties["file"] = visible(finding.place.file)
        if finding.place.line:
            properties["line"] = str(finding.place.line)
            if finding.place.column:
                properties["col"] = str(finding.place.column)
    properties["title"] = visible(finding.rule)
    shown = ",".join(f"{key}={workflow_property(value)}" for key, value in properties.items())
    remedy = f"\nTo satisfy: {visible(finding.remedy)}" if finding.remedy else ""
    word = command or _COMMANDS[finding.effect]
    return f"::{word} {shown}::{workflow_data(visible(finding.message) + remedy)}"
