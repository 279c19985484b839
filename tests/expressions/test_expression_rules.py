"""The rules about expressions: each example breaks its rule, and its repair breaks none."""

from __future__ import annotations

import pytest
from support.conditions import PLACE, bound, compiled

from itil_gate.expressions.complaints import Vocabulary, translate
from itil_gate.expressions.environment import Compiled, Environment, is_constant
from itil_gate.expressions.rules import EXPRESSION_RULES


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


@pytest.mark.parametrize("opened", ["(", "services.exists(s, ", "services.map(s, ", "[", "!("])
def test_an_expression_is_nested_as_deep_as_it_can_be_read(
    environment: Environment, opened: str
) -> None:
    closing = "]" if opened == "[" else ")"
    assert broken(environment, opened * 40 + "true" + closing * 40) == {"expression-too-long"}


def test_an_environment_without_variables_says_so() -> None:
    environment = Environment({})
    found = environment.compile("risk", expect="bool", place=PLACE)
    assert isinstance(found, tuple)
    assert found[0].remedy == "there are none; put quotes around a text"
    assert broken(environment, "true") == {"constant-condition"}


def test_what_a_newer_engine_may_say_is_a_fault_without_its_words() -> None:
    faults = translate([(3, "unheard-of: gate.Change")], "abc def", Vocabulary({}, {}))
    assert [(fault.offset, fault.rule) for fault in faults] == [(3, "expression-type")]
    assert "unheard" not in f"{faults[0].message} {faults[0].remedy}"
    unknown = "undefined field 'x' not found in struct 'gate.Other'"
    (fault,) = translate([(6, unknown)], "change.x", Vocabulary({}, {}))
    assert (fault.offset, fault.message) == (7, 'change has no field "x"')
