"""External checks: awaited, empty, failed, advisory, and results nobody asked for."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

import pytest

from itil_gate.decide.external import check_external
from itil_gate.decide.rules import GATE_RULES
from itil_gate.model.base import PolicyMetadata
from itil_gate.model.external import ExternalCheck, ExternalSpec
from itil_gate.model.facts import ExternalResult
from itil_gate.model.finding import Effect, Finding, Place

if TYPE_CHECKING:
    from itil_gate.model.base import Enforcement

BACKOUT = Finding(rule="backout-missing", message="no backout", place=Place(file="a.yaml", line=3))
HINT = Finding(rule="main.warn", message="hm", effect="advise")


def check(
    name: str = "rego",
    *,
    enforcement: Enforcement = "soft",
    form: Literal["conftest", "sarif"] = "conftest",
) -> ExternalCheck:
    return ExternalCheck(
        api_version="itil-gate/v1",
        kind="ExternalCheck",
        metadata=PolicyMetadata(name=name, owner="carol", review_by=date(2027, 1, 1)),
        spec=ExternalSpec(format=form, enforcement=enforcement, reason="Cloud rules are in Rego."),
    )


def result(
    name: str = "rego",
    *failures: Finding,
    tests: int = 3,
    fault: str = "",
    form: Literal["conftest", "sarif"] | None = "conftest",
) -> ExternalResult:
    return ExternalResult(
        name=name, digest="0" * 64, format=form, tests=tests, failures=failures, fault=fault
    )


def said(
    checks: list[ExternalCheck], results: list[ExternalResult], *, asked: bool = True
) -> list[tuple[str, Effect]]:
    found = check_external(checks, results, asked=lambda _: asked)
    return [(one.rule, one.effect) for one in found]


def test_a_check_that_passed_says_nothing() -> None:
    assert said([check()], [result()]) == []


def test_results_that_are_not_there_are_waited_for() -> None:
    assert said([check()], []) == [("awaited-evidence", "pending")]
    (found,) = check_external([check()], [], asked=lambda _: True)
    assert "--external rego=FILE" in found.remedy
    assert "Cloud rules are in Rego." in found.message


@pytest.mark.parametrize(
    "useless",
    [
        result(tests=0),
        result(tests=0, fault="it is not JSON", form=None),
        result(tests=3, fault="it is not whole"),
        result(form="sarif"),
        result(form=None),
    ],
)
def test_results_that_prove_nothing_are_refused(useless: ExternalResult) -> None:
    assert said([check()], [useless]) == [("no-external-results", "deny")]


@pytest.mark.parametrize("enforcement", ["soft", "hard"])
def test_each_failure_stands_under_its_own_rule(enforcement: Enforcement) -> None:
    found = check_external(
        [check(enforcement=enforcement)], [result("rego", BACKOUT, HINT)], asked=lambda _: True
    )
    assert [(one.rule, one.effect) for one in found] == [
        ("external:rego:backout-missing", "deny"),
        ("external:rego:main.warn", "advise"),
    ]
    assert found[0].message == "no backout"
    assert str(found[0].place) == "a.yaml:3:0"


@pytest.mark.parametrize("results", [[], [result(tests=0)], [result("rego", BACKOUT)]])
def test_an_advisory_check_only_advises(results: list[ExternalResult]) -> None:
    assert [effect for _, effect in said([check(enforcement="advisory")], results)] == ["advise"]


def test_a_check_that_is_not_asked_is_passed_over() -> None:
    assert said([check()], [], asked=False) == []
    assert said([check()], [result("rego", BACKOUT)], asked=False) == []


def test_results_of_no_declared_check_are_named_and_decide_nothing() -> None:
    found = said([check()], [result(), result("reg", BACKOUT)])
    assert found == [("undeclared-external-results", "advise")]


def test_of_two_reports_under_one_name_none_is_lost() -> None:
    results = [result("rego", BACKOUT), result()]
    assert said([check()], results) == [("external:rego:backout-missing", "deny")]


def test_findings_come_in_the_order_of_the_names() -> None:
    checks = [check("zeta"), check("alpha")]
    found = check_external(checks, [], asked=lambda _: True)
    assert [one.message.split()[6] for one in found] == ["alpha", "zeta"]


def test_the_built_in_rules_are_in_the_catalogue_with_their_effects() -> None:
    found = check_external(
        [check("a"), check("b")], [result("b", tests=0), result("c")], asked=lambda _: True
    )
    assert {one.rule: one.effect for one in found} == {
        name: GATE_RULES[name].effect
        for name in ("awaited-evidence", "no-external-results", "undeclared-external-results")
    }
