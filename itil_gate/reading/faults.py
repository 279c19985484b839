"""The rules that reading knows, named for the fault, and findings as one line of text.

The catalogue of all rules, `explain` and the rule pages are made from this table; each entry shows
the fault and its repair, and the tests run both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.reading.judge_rules import JUDGE_RULES
from itil_gate.reading.text_rules import TEXT_RULES
from itil_gate.reading.value_rules import VALUE_RULES

if TYPE_CHECKING:
    from itil_gate.model.finding import Finding
    from itil_gate.reading.reading_rule import ReadingRule

READING_RULES: dict[str, ReadingRule] = {
    rule.id: rule for rule in (*TEXT_RULES, *VALUE_RULES, *JUDGE_RULES)
}
"""Every rule that reading finds, by id."""


def line(finding: Finding) -> str:
    """Write a finding on one line: `file:line:column: rule: message; remedy`."""
    head = f"{finding.place}: " if finding.place else ""
    tail = f"; {finding.remedy}" if finding.remedy else ""
    return f"{head}{finding.rule}: {finding.message}{tail}"
