"""The rules about expressions: each example breaks its rule, and its repair breaks none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.conditions import PLACE, bound, compiled

from itil_gate.expressions.environment import Compiled, is_constant
from itil_gate.expressions.rules import EXPRESSION_RULES

if TYPE_CHECKING:
    from itil_gate.expressions.environment import Environment


def broken(environment: Environment, text: str) -> set[str]:
    made = environment.compile(text, expect="bool", place=PLACE)
    if isinstance(made, Compiled):
        return {"constant-condition"} if is_constant(made) else set()
    return {finding.rule for finding in made}


@pytest.mark.parametrize("name", EXPRESSION_RULES)
def test_the_example_breaks_its_rule_and_the_repair_none(
    environment: Environment, name: str
) -> None:
    rule = EXPRESSION_RULES[name]
    assert broken(environment, rule.bad) == {name}
    assert broken(environment, rule.good) == set()
    assert compiled(environment, rule.good).evaluate(bound(environment)) in {True, False}


@pytest.mark.parametrize(("length", "accepted"), [(2000, True), (2001, False), (100_000, False)])
def test_an_expression_is_as_long_as_somebody_can_review(
    environment: Environment, length: int, *, accepted: bool
) -> None:
    text = "true" + " " * (length - 4)
    assert (broken(environment, text) != {"expression-too-long"}) is accepted


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x7f", "\ud800"])
def test_a_character_that_nobody_sees_is_refused(environment: Environment, character: str) -> None:
    assert broken(environment, f"change.metadata.title == '{character}'") == {"expression-syntax"}
