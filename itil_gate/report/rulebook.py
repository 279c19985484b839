"""All rules in one book: of the gate, policy sets, expressions and files, with their examples."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from itil_gate.decide.examples import GATE_EXAMPLES
from itil_gate.decide.rules import GATE_RULES
from itil_gate.expressions.rules import EXPRESSION_RULES
from itil_gate.policy.rules import POLICY_RULES
from itil_gate.reading.faults import READING_RULES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.model.rule import Rule


class Illustration(NamedTuple):
    """What breaks a rule and what does not; `language` of both, empty for prose."""

    bad: str
    good: str
    language: str


class Chapter(NamedTuple):
    """The rules that are found at one point of the process."""

    title: str
    about: str
    rules: tuple[Rule, ...]


CHAPTERS: tuple[Chapter, ...] = (
    Chapter(
        "The merge gate",
        "Judged by `itil-gate check`, for the pull request as a whole and for each request.",
        tuple(GATE_RULES.values()),
    ),
    Chapter(
        "Policy sets",
        "Found by `itil-gate lint` and before every decision, when the judge's data are compiled.",
        tuple(rule for rule in POLICY_RULES.values() if rule.id not in GATE_RULES),
    ),
    Chapter(
        "Expressions",
        "Found when the conditions, values and messages of a policy set are compiled.",
        tuple(
            rule
            for rule in EXPRESSION_RULES.values()
            if rule.id not in GATE_RULES and rule.id not in POLICY_RULES
        ),
    ),
    Chapter(
        "Files",
        "Found where a single file is read, by `itil-gate lint` and before every decision.",
        tuple(
            rule
            for rule in READING_RULES.values()
            if rule.id not in {**GATE_RULES, **POLICY_RULES, **EXPRESSION_RULES}
        ),
    ),
)
RULES: dict[str, Rule] = {rule.id: rule for chapter in CHAPTERS for rule in chapter.rules}


def illustration(name: str) -> Illustration | None:
    """Return the examples of a rule."""
    if name in GATE_EXAMPLES:
        example = GATE_EXAMPLES[name]
        return Illustration(example.bad, example.good, "yaml" if example.played else "")
    if name in POLICY_RULES:
        policy = POLICY_RULES[name]
        return Illustration(policy.bad, policy.good, _language(policy.file))
    if name in EXPRESSION_RULES:
        condition = EXPRESSION_RULES[name]
        return Illustration(condition.bad, condition.good, "cel")
    if name in READING_RULES:
        rule = READING_RULES[name]
        language = {"prose": "", "ics": "ics"}.get(rule.where, "yaml")
        return Illustration(rule.bad, rule.good, language)
    return None


def nearest(name: str, others: Iterable[str] = ()) -> tuple[str, ...]:
    """Return up to three names, of rules or among others, that resemble one that does not exist."""
    return tuple(get_close_matches(name, [*RULES, *sorted(others)], n=3))


def _language(file: str) -> str:
    return {"": "", "json": "json"}.get(file.rpartition(".")[2], "yaml")
