"""The rules of a policy set on its page, by how strictly they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.report.policy_words import code, joined, line, prose

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from itil_gate.model.ruleset import PolicyRule, RuleSet

_GROUPS = (
    ("hard", "Rules that always hold", "A change that breaks one is refused. Nobody can waive it."),
    ("soft", "Rules with exceptions", "A change that breaks one is refused, unless it is waived."),
    ("advisory", "Advice", "Shown with the decision; it never refuses a change."),
)


def rules_section(rule_sets: Sequence[RuleSet]) -> Iterator[str]:
    """Yield the lines about all rules; none where there is no rule."""
    rules = [(rule_set, rule) for rule_set in rule_sets for rule in rule_set.spec.rules]
    if not rules:
        return
    yield "## Rules"
    yield ""
    for enforcement, title, about in _GROUPS:
        mine = [pair for pair in rules if pair[1].enforcement == enforcement]
        if not mine:
            continue
        yield f"### {title}"
        yield ""
        yield about
        yield ""
        for rule_set, rule in mine:
            yield from _rule(rule_set, rule)


def _rule(rule_set: RuleSet, rule: PolicyRule) -> Iterator[str]:
    yield f"#### {line(rule.id)}"
    yield ""
    yield prose(rule.message)
    yield ""
    if rule.mode == "audit":
        yield "- On trial: for now it only advises"
    if rule.effective_from is not None:
        yield f"- In force from {rule.effective_from}; before that it only advises"
    yield f"- Applies: {f'if {code(rule.when)}' if rule.when else 'to every change'}"
    yield f"- Must hold: {code(rule.expect)}"
    names = [
        f"{code(name)} is {code(text)}"
        for name, text in rule_set.spec.variables.items()
        if name in f"{rule.when} {rule.expect}"
    ]
    if names:
        yield f"- Where {joined(names)}"
    if rule.remedy:
        yield f"- To satisfy it: {prose(rule.remedy)}"
    if rule.rationale:
        yield f"- Why: {prose(rule.rationale)}"
    if rule.controls:
        yield f"- Controls: {joined([line(control) for control in rule.controls])}"
    if rule.docs:
        yield f"- More: {line(rule.docs)}"
    yield ""
