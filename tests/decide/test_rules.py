"""The catalogue of the gate's rules against the page that is published of it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from itil_gate.decide.rules import GATE_RULES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "rules.md"
SAID = {"denies": "deny", "keeps pending": "pending", "advises": "advise"}


def test_the_catalogue_holds_the_rules_that_are_published_with_the_same_effects() -> None:
    whole = PAGE.read_text("utf-8")
    chapter = whole.partition("\n## The merge gate\n")[2].partition("\n## ")[0].splitlines()
    names = [line.removeprefix("### ") for line in chapter if line.startswith("### ")]
    effects = [
        SAID[line.removeprefix("- Effect: ").partition(":")[0]]
        for line in chapter
        if line.startswith("- Effect: ")
    ]
    published = dict(zip(names, effects, strict=True))
    assert list(published) == list(GATE_RULES)
    assert published == {rule.id: rule.effect for rule in GATE_RULES.values()}


def test_a_rule_is_filed_under_its_own_name_and_says_three_things() -> None:
    for name, rule in GATE_RULES.items():
        assert rule.id == name
        said = (rule.summary, rule.why, rule.remedy)
        assert all(text.endswith(".") for text in said)
        assert all(one != other for one, other in pairwise((*said, rule.summary)))
