"""Policies with a slip in them, and exactly what is said about each, with its place in the file.

The cases are in typos.yaml: a text of a policy with one expression under `when`, `points` or
`message`, and the lines that are said. After a change of words: `python
tests/expressions/regenerate.py`, and read the difference.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.conditions import VARIABLES

from itil_gate.expressions.environment import Environment
from itil_gate.expressions.placing import within
from itil_gate.expressions.rules import EXPRESSION_RULES
from itil_gate.expressions.templates import compile_template
from itil_gate.reading.faults import READING_RULES, line
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from itil_gate.model.finding import Finding

TABLE = Path(__file__).with_name("typos.yaml")
CASES: tuple[Mapping[str, Any], ...] = parse(TABLE.read_text("utf-8"), file=TABLE.name).data
FILE = "policies/rules.yaml"
LEAST = 30


def found(environment: Environment, text: str) -> tuple[Finding, ...]:
    """Return the findings about the one expression of a policy."""
    document = parse(text, file=FILE)
    ((key, written),) = document.data.items()
    at = within(document.place((key,)), written, text)
    if key == "message":
        made: object = compile_template(written, environment, place=at)
    else:
        made = environment.compile(written, expect="int" if key == "points" else "bool", place=at)
    return made if isinstance(made, tuple) else ()


def said(environment: Environment, text: str) -> list[str]:
    return [line(finding) for finding in found(environment, text)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["slip"]))
def test_a_slip_is_named_at_its_place_with_a_way_out(
    environment: Environment, case: Mapping[str, Any]
) -> None:
    assert said(environment, case["policy"]) == list(case["said"])


def test_the_table_is_large_enough_to_mean_something() -> None:
    assert len({case["policy"] for case in CASES}) == len(CASES) >= LEAST


def test_every_rule_about_expressions_occurs_in_the_table() -> None:
    environment = Environment(VARIABLES)
    seen = {finding.rule for case in CASES for finding in found(environment, case["policy"])}
    assert seen >= EXPRESSION_RULES.keys() - {"constant-condition"}
    assert seen <= EXPRESSION_RULES.keys() | READING_RULES.keys()


def test_no_finding_lacks_a_remedy_or_repeats_the_engine() -> None:
    for case in CASES:
        for text in case["said"]:
            assert "; " in text
            assert "gate." not in text
            assert "INVALID_ARGUMENT" not in text
            assert "overload" not in text
