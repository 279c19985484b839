"""Test results as in-toto has them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from itil_gate.reading.external import read_external


def read(**said: Any) -> Any:
    given = {"result": "PASSED", "configuration": [{"name": "pytest.ini"}]} | said
    return read_external(json.dumps(given).encode(), name="tests")


def test_each_test_is_one_result() -> None:
    found = read(result="FAILED", passedTests=["a"], warnedTests=["b c"], failedTests=["d"])
    assert (found.format, found.tests, found.fault) == ("test-result", 3, "")
    assert [(one.rule, one.effect, one.message) for one in found.failures] == [
        ("d", "deny", "the test d failed"),
        ("b-c", "advise", "the test b c warned"),
    ]


def test_a_run_that_failed_without_a_name_fails() -> None:
    found = read(result="FAILED", passedTests=["a"])
    assert [(one.rule, one.effect) for one in found.failures] == [("run", "deny")]
    assert read(result="FAILED").tests == 1


def test_a_run_without_tests_holds_none() -> None:
    assert read().tests == 0


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"failedTests": ["a"]}, "says that the run PASSED"),
        ({"result": "WARNED", "failedTests": ["a"]}, "says that the run WARNED"),
        ({"result": "passed"}, "predicate.result"),
        ({"configuration": None}, "predicate.configuration"),
        ({"passedTests": [1]}, "predicate.passedTests"),
    ],
)
def test_what_contradicts_itself_or_the_format_is_a_fault(said: dict[str, Any], words: str) -> None:
    found = read(**said)
    assert found.tests == 0
    assert words in found.fault


def test_more_fields_are_the_harness_own() -> None:
    assert read(passedTests=["a"], url="https://ci.example", annotations={"a": 1}).tests == 1
