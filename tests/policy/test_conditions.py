"""Expressions where they stand in policies: a slip keeps the set from loading, at its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from itil_gate.model.errors import ConfigError
from itil_gate.model.policy import Source
from itil_gate.policy.compile import compile_policies
from itil_gate.report.rulebook import RULES

if TYPE_CHECKING:
    from itil_gate.model.finding import Finding

HEAD = "apiVersion: itil-gate/v1\nmetadata: {name: NAME, owner: board, reviewBy: 2099-01-01}\n"
SET = {
    "itil-gate.yaml": "apiVersion: itil-gate/v1\nkind: Config\nrepository: example.com/a\n",
    "people.yaml": "apiVersion: itil-gate/v1\nkind: People\npersons: [{id: kim, name: Kim Bo}]\n",
    "policies/risk.yaml": f"{HEAD.replace('NAME', 'risk')}kind: RiskModel\nspec: {{}}\n",
    "policies/approvals.yaml": f"{HEAD.replace('NAME', 'all')}kind: ApprovalPolicy\n"
    "spec: {requirements: [{id: all, levels: [low], role: peer}]}\n",
}
FILE = "policies/house.yaml"
HOMES = {
    "rule": "kind: RuleSet\nspec:\n  rules:\n    - id: r\n      message: m\n"
    "      expect: |\n        ",
    "when": "kind: RuleSet\nspec:\n  rules:\n    - id: r\n      message: m\n      expect: 'true || "
    "change.spec.significant'\n      when: |\n        ",
    "message": "kind: RuleSet\nspec:\n  rules:\n    - id: r\n"
    "      expect: change.spec.significant\n      message: |\n        ",
    "floor": "kind: RiskModel\nspec:\n  floors:\n    - id: f\n      level: high\n      reason: r\n"
    "      when: |\n        ",
    "factor": "kind: RiskModel\nspec:\n  factors:\n    - id: f\n      points: 3\n      reason: r\n"
    "      when: |\n        ",
    "requirement": "kind: ApprovalPolicy\nspec:\n  requirements:\n    - id: q\n"
    "      levels: [low]\n      role: peer\n      when: |\n        ",
    "check": "kind: ChangeModel\nspec:\n  type: normal\n  description: d\n  checks:\n"
    "    - id: c\n      message: m\n      expect: |\n        ",
    "external": "kind: ExternalCheck\nspec:\n  format: sarif\n  reason: r\n  when: |\n        ",
}
"""Everywhere an expression may stand, up to its first character."""

SLIPS = [
    ("rule", "chnage.spec.significant", "unknown-field", "change"),
    ("rule", "change.spec.significnt", "unknown-field", "significant"),
    ("rule", "change.meta.title == 'x'", "unknown-field", "metadata"),
    ("rule", "change.spec.risk.level == 'low'", "expression-type", ""),
    ("rule", "change.spec.plans.test != ''", "unguarded-optional", "has(change.spec.plans.test)"),
    ("rule", "has(change.spec.plan)", "unknown-field", "plans"),
    ("rule", "change.spec.plans.backout.tested", "unguarded-optional", "has("),
    ("rule", "change.spec.window.soak == '1h'", "unguarded-optional", "has("),
    ("rule", "schedule.start < now", "unguarded-optional", "has(schedule.start)"),
    ("rule", "schedule.notice_days > 3", "unknown-field", "noticeDays"),
    ("rule", "schedule.planned > '3'", "expression-type", ""),
    ("rule", "risk.score < 60", "unguarded-optional", "has(risk.score)"),
    ("rule", "risk.impact < 3 || risk.points < 9", "unguarded-optional", "has(risk.impact)"),
    ("rule", "schedule.minutes <= 60", "unguarded-optional", "has(schedule.minutes)"),
    ("rule", "diff.file > 3", "unknown-field", "files"),
    ("rule", "diff.files", "expression-type", ""),
    ("rule", "diff.files > 3.5", "expression-type", ""),
    ("rule", "touch('db/**')", "unknown-function", "touches"),
    ("rule", "touches('db/**', 'x')", "", ""),
    ("rule", "touches('/db/**')", "", ""),
    ("rule", "services.exist(s, s.tier == 1)", "", "exists"),
    ("rule", "services.exists(s, s.teir == 1)", "unknown-field", "tier"),
    ("rule", "services[0].tier == 1", "partial-builtin", ""),
    ("rule", "10 / diff.files > 2", "partial-builtin", ""),
    ("rule", "2 % diff.files == 0", "partial-builtin", ""),
    ("rule", "int(change.metadata.title) > 2", "partial-builtin", ""),
    ("rule", "change.metadata.title.matches(change.spec.reason)", "partial-builtin", ""),
    ("rule", "risk.level == 'hihg'", "", "high"),
    ("rule", "lane == Peer", "unknown-field", ""),
    ("rule", "change.spec.significant and true", "expression-syntax", "&&"),
    ("rule", "change.spec.significant = true", "expression-syntax", ""),
    ("rule", "(change.spec.significant", "expression-syntax", ""),
    ("rule", "'' in change.spec.scope ? 1 : 2", "expression-type", ""),
    ("when", "evidence.kind.size() > 0", "unknown-field", "kinds"),
    ("message", "${change.metadata.titel}", "unknown-field", "title"),
    ("message", "${services}", "expression-type", ""),
    ("message", "${change.metadata.title", "", ""),
    ("floor", "risk.rank > 1", "unknown-field", ""),
    ("factor", "lane == 'peer'", "unknown-field", ""),
    ("requirement", "people.agent", "unknown-field", "agents"),
    ("check", "lane == 'peer'", "unknown-field", ""),
    ("external", "daysUntill('2026-01-01') > 0", "unknown-function", "daysUntil"),
]


def faults(home: str, expression: str) -> tuple[Finding, ...]:
    text = HEAD.replace("NAME", "house") + HOMES[home] + expression + "\n"
    files = SET | {FILE: text}
    with pytest.raises(ConfigError) as caught:
        compile_policies(Source(path=path, blob="", text=text) for path, text in files.items())
    assert caught.value.code == "invalid-policy-set"
    return caught.value.findings


@pytest.mark.parametrize(("home", "expression", "rule", "hint"), SLIPS)
def test_a_slip_keeps_the_whole_set_from_loading_and_is_told_at_its_place(
    home: str, expression: str, rule: str, hint: str
) -> None:
    (finding, *_) = faults(home, expression)
    text = (HEAD + HOMES[home]).count("\n") + 1
    assert finding.place is not None
    assert (finding.place.file, finding.place.line) == (FILE, text)
    assert finding.place.column > len("        ")
    assert finding.rule in RULES
    assert not rule or finding.rule == rule
    assert finding.remedy
    assert hint in f"{finding.message} {finding.remedy}"


@pytest.mark.parametrize("home", HOMES)
def test_every_home_of_an_expression_is_compiled(home: str) -> None:
    written = "${nobody}" if home == "message" else "nobody"
    assert "unknown-field" in {finding.rule for finding in faults(home, written)}


def test_the_table_is_as_long_as_it_should_be() -> None:
    assert len({expression for _, expression, _, _ in SLIPS}) > 35
