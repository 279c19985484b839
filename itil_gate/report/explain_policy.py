"""Explain one entry of a policy set by its id: a rule, a requirement, a floor or factor, a model.

What is printed is the judge's own text, word for word; nothing is evaluated.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from itil_gate.report.escape import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.model.change_model import ModelSpec
    from itil_gate.model.policy import PolicySet, Requirement
    from itil_gate.model.risk import Factor, Floor
    from itil_gate.model.ruleset import PolicyRule

Rows = tuple[tuple[str, str], ...]
"""Captions and texts; what is empty is left out."""
_INDENT = 13


def explain_entry(name: str, policies: PolicySet, *, width: int = 100) -> str | None:
    """Return the pages of everything in a policy set that has this id; None if nothing has."""
    pages = [
        _page(title, rows, width) for entry, title, rows in _entries(policies) if entry == name
    ]
    return "\n".join(pages) if pages else None


def entry_names(policies: PolicySet) -> frozenset[str]:
    """Return every id that can be explained."""
    return frozenset(entry for entry, _, _ in _entries(policies))


def _entries(policies: PolicySet) -> Iterator[tuple[str, str, Rows]]:
    """Yield id, title and rows of everything that has an id."""
    for rules in policies.rule_sets:
        for rule in rules.spec.rules:
            title = f"{rule.id}, a {rule.enforcement} rule of {rules.metadata.name}"
            yield rule.id, title, (*_rule(rule), ("owner", rules.metadata.owner))
    for policy in policies.approvals:
        for item in policy.spec.requirements:
            title = f"{item.id}, a requirement of {policy.metadata.name}"
            yield item.id, title, (*_requirement(item), ("owner", policy.metadata.owner))
    for model in policies.risk_models:
        name, owner = model.metadata.name, ("owner", model.metadata.owner)
        for floor in model.spec.floors:
            yield floor.id, f"{floor.id}, a floor of the risk model {name}", (*_floor(floor), owner)
        for factor in model.spec.factors:
            title = f"{factor.id}, a factor of the risk model {name}"
            yield factor.id, title, (*_factor(factor), owner)
    for published in policies.change_models:
        name = published.metadata.name
        title = f"{name}, a {published.spec.type} change model"
        yield name, title, (*_model(published.spec), ("owner", published.metadata.owner))


def _rule(rule: PolicyRule) -> Rows:
    return (
        ("says", rule.message),
        ("because", rule.rationale or ""),
        ("to satisfy", rule.remedy or ""),
        ("applies", rule.when or "always"),
        ("expects", rule.expect),
        ("in force", f"from {rule.effective_from}" if rule.effective_from else ""),
        ("mode", "only watched for now" if rule.mode == "audit" else ""),
        ("controls", ", ".join(rule.controls)),
        ("more", rule.docs or ""),
    )


def _requirement(item: Requirement) -> Rows:
    needed = f"{item.percent} %" if item.percent else str(item.min or 1)
    return (
        ("asks", f"{needed} of the role {item.role}"),
        ("of", "each affected service" if item.of == "footprint" else "anyone"),
        ("levels", ", ".join(item.levels)),
        ("lanes", ", ".join(item.lanes)),
        ("applies", item.when or "always"),
        ("stand-in", item.fallback or ""),
    )


def _floor(floor: Floor) -> Rows:
    return (
        ("at least", f"{floor.level} risk"),
        ("because", floor.reason),
        ("paths", ", ".join(floor.paths)),
        ("applies", floor.when or ""),
    )


def _factor(factor: Factor) -> Rows:
    return (
        ("adds", f"{factor.points} points"),
        ("because", factor.reason),
        ("applies", factor.when),
    )


def _model(spec: ModelSpec) -> Rows:
    return (
        ("is", spec.description),
        ("paths", ", ".join(spec.paths)),
        ("asks for", ", ".join(item.path for item in spec.fields)),
        ("expires", str(spec.expires or "")),
        ("recognised", "also without a request" if spec.recognise else ""),
    )


def _page(title: str, rows: Rows, width: int) -> str:
    lines = [title, ""]
    for caption, text in rows:
        if text:
            lines += textwrap.wrap(
                visible(" ".join(text.split())),
                width,
                initial_indent=f"  {caption:<11}",
                subsequent_indent=" " * _INDENT,
                break_on_hyphens=False,
                break_long_words=False,
            )
    return "\n".join(lines) + "\n"
