"""What a rule of reading is: a rule of the catalogue with an example of its fault and repair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from itil_gate.model.rule import Rule

if TYPE_CHECKING:
    from itil_gate.model.finding import Effect

Where = Literal["text", "bytes", "request", "config", "people", "services", "ics", "prose"]
"""What an example is part of: any YAML text, bytes of Latin-1, keys added to a valid request, a
whole configuration, roster, catalogue or iCalendar file, or words where a text would be too long.
"""


class ReadingRule(Rule):
    """A rule with an example of the fault and one of its repair."""

    where: Where
    bad: str = Field(description="A text in which this rule finds something.")
    good: str = Field(description="The same text as it would be accepted.")


def rule(
    name: str,
    where: Where,
    words: tuple[str, str, str],
    *,
    bad: str,
    good: str,
    effect: Effect = "deny",
) -> ReadingRule:
    """Return a rule from its name and its summary, reason and remedy."""
    summary, why, remedy = words
    return ReadingRule(
        id=name,
        effect=effect,
        summary=summary,
        why=why,
        remedy=remedy,
        where=where,
        bad=bad,
        good=good,
    )
