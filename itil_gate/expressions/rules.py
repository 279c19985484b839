"""The rules about expressions, found when a policy set is compiled.

The examples read a change request and the services it touches; the tests run both. Globs, time
zones and values that are written out break the same rules as in any other file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.rule import Rule

if TYPE_CHECKING:
    from itil_gate.model.finding import Effect


class ExpressionRule(Rule):
    """A rule with a condition that breaks it and one that does not."""

    bad: str
    good: str


def _rule(
    name: str, words: tuple[str, str, str], *, bad: str, good: str, effect: Effect = "deny"
) -> ExpressionRule:
    summary, why, remedy = words
    return ExpressionRule(
        id=name, effect=effect, summary=summary, why=why, remedy=remedy, bad=bad, good=good
    )


EXPRESSION_RULES: dict[str, ExpressionRule] = {
    rule.id: rule
    for rule in (
        _rule(
            "expression-syntax",
            (
                "A condition, value or `${…}` of a message is no expression.",
                "What cannot be read cannot hold.",
                "Write it in the Common Expression Language.",
            ),
            bad="change.spec.significant and touches('db/**')",
            good="change.spec.significant && touches('db/**')",
        ),
        _rule(
            "expression-type",
            (
                "An expression gives another type than is needed, or joins types that do not fit.",
                "A text is neither true nor false, and no engine should decide what it is.",
                "Compare values of one type; let a condition be true or false.",
            ),
            bad="change.spec.significant == 'true'",
            good="change.spec.significant",
        ),
        _rule(
            "unknown-field",
            (
                "An expression reads a field or variable that does not exist, or not yet.",
                "In many engines a misspelt field is silently empty, and the rule never fires.",
                "Correct the name; the finding says which one is near.",
            ),
            bad="change.spec.typ == 'normal'",
            good="change.spec.type == 'normal'",
        ),
        _rule(
            "unknown-function",
            (
                "An expression calls a function that policies do not have.",
                "A rule that calls nothing decides nothing.",
                "Correct the name; the finding says which one is near.",
            ),
            bad="touch('db/**')",
            good="touches('db/**')",
        ),
        _rule(
            "unguarded-optional",
            (
                "An expression reads a field that may be missing without asking whether it is.",
                "A missing field would be read as an empty text, 0 or false.",
                "Ask first: `has(field) && …`, or say what to take instead.",
            ),
            bad="change.spec.risk == 'high'",
            good="has(change.spec.risk) && change.spec.risk == 'high'",
        ),
        _rule(
            "partial-builtin",
            (
                "An expression uses something that has no answer for some values.",
                "`/`, indexes, conversions and computed patterns fail for the change nobody tried.",
                "Use the form that always has an answer; the finding names it.",
            ),
            bad="services[0].tier == 1",
            good="services.exists(service, service.tier == 1)",
        ),
        _rule(
            "expression-too-long",
            (
                "An expression is longer than 2,000 characters, or nested too deeply.",
                "Nobody can review it, and the engine limits how deep it reads.",
                "Split it into several rules, or name its parts as variables.",
            ),
            bad="(" * 40 + "change.spec.significant" + ")" * 40,
            good="(change.spec.significant)",
        ),
        _rule(
            "impossible-comparison",
            (
                "A field is compared with something that it never is.",
                "A misspelt word is never equal, so the rule would never fire.",
                "Use one of the words that the field can be.",
            ),
            bad="change.spec.type == 'normall'",
            good="change.spec.type == 'normal'",
        ),
        _rule(
            "alphabetical-comparison",
            (
                "Texts are put in order by `<`, `<=`, `>` or `>=`.",
                'By their letters "critical" comes before "high", and "10m" before "9m".',
                "Name the words that are meant, or compare numbers, days or moments.",
            ),
            bad="has(change.spec.risk) && change.spec.risk >= 'high'",
            good="has(change.spec.risk) && change.spec.risk in ['high', 'critical']",
        ),
        _rule(
            "constant-condition",
            (
                "A condition is always true, or never.",
                "It asks nothing; mostly an operator or a word is not the one that was meant.",
                "Correct it, or remove it and what depends on it.",
            ),
            bad="change.spec.type != 'normal' || change.spec.type != 'standard'",
            good="change.spec.type != 'normal' && change.spec.type != 'standard'",
            effect="advise",
        ),
    )
}
"""Every rule about expressions, by id."""
