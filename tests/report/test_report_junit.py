from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from support.decisions import FINDINGS, SAMPLES, allowed, audited, denied, pending
from support.hostile import ATTACK, decisions, harmless, hostile_findings

from itil_gate.model.decision import Decision, RuleState
from itil_gate.report.junit import decision_junit, findings_junit

if TYPE_CHECKING:
    from itil_gate.model.finding import Finding

# The dialect of Jenkins: for each element the children, the attributes it must and may have.
DIALECT: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": ({"testsuite"}, set(), {"name", "time", "tests", "failures", "errors"}),
    "testsuite": (
        {"properties", "testcase", "system-out", "system-err"},
        {"name", "tests", "failures", "errors"},
        {"skipped", "timestamp", "time", "hostname", "id", "package", "file", "log", "url"},
    ),
    "properties": ({"property"}, set(), set()),
    "property": (set(), {"name", "value"}, set()),
    "testcase": (
        {"skipped", "error", "failure", "system-out", "system-err"},
        {"name"},
        {"classname", "time", "group"},
    ),
    "failure": (set(), set(), {"type", "message"}),
    "error": (set(), set(), {"type", "message"}),
    "skipped": (set(), set(), {"type", "message"}),
    "system-out": (set(), set(), set()),
}


def check_dialect(element: Element) -> None:
    children, required, optional = DIALECT[element.tag]
    assert required <= set(element.attrib) <= required | optional
    for child in element:
        assert child.tag in children
        check_dialect(child)
    if element.tag == "testsuite":
        cases = element.findall("testcase")
        assert int(element.attrib["tests"]) == len(cases)
        assert int(element.attrib["failures"]) == len(element.findall("testcase/failure"))
        assert int(element.attrib["errors"]) == len(element.findall("testcase/error"))
        assert int(element.attrib["skipped"]) == len(element.findall("testcase/skipped"))


def read(text: str) -> Element:
    root = fromstring(text)  # noqa: S314
    assert root.tag == "testsuites"
    check_dialect(root)
    return root


def case(root: Element, suite: str, name: str) -> Element:
    (found,) = root.findall(f"testsuite[@name='{suite}']/testcase[@name='{name}']")
    assert found.attrib["classname"] == suite
    return found


CHANGE = "itil-gate.CHG-2026-7K3QX9ZB"


@ATTACK
@given(decisions())
def test_no_stranger_breaks_or_adds_xml(poisoned: tuple[str, Decision]) -> None:
    name, decision = poisoned
    text = decision_junit(decision)
    assert _shape(read(text)) == _shape(read(decision_junit(harmless(name))))
    assert text.replace("\n", "").isprintable()
    assert not re.search(r"##\w*\[|^\s*::", text, re.MULTILINE)


@ATTACK
@given(hostile_findings())
def test_no_finding_breaks_or_adds_xml(findings: tuple[Finding, ...]) -> None:
    assert _shape(read(findings_junit(findings))) == _shape(read(findings_junit(FINDINGS)))


def test_states_become_what_test_views_know() -> None:
    root = read(decision_junit(pending()))
    assert [child.tag for child in case(root, CHANGE, "in-freeze")] == []
    assert case(root, CHANGE, "missing-approval")[0].attrib["type"] == "pending"
    assert case(root, CHANGE, "outside-maintenance-window")[0].tag == "skipped"
    advice = case(root, CHANGE, "under-declared-risk")[0]
    assert advice.tag == "system-out"
    assert (advice.text or "").startswith("ADVISORY\n")
    failed = case(read(decision_junit(denied())), CHANGE, "in-freeze")[0]
    assert (failed.tag, failed.attrib["type"]) == ("failure", "UNSATISFIED")
    assert "https://itil-gate.dev/rules/in-freeze" in (failed.text or "")
    assert "To satisfy: move spec.window" in (failed.text or "")


@pytest.mark.parametrize(
    ("state", "tag"),
    [("ERROR", "error"), ("OVERRIDDEN", "system-out"), ("UNSATISFIED", "failure")],
)
def test_a_rule_without_findings_is_told_all_the_same(state: str, tag: str) -> None:
    rule = RuleState.model_validate({"rule": "in-freeze", "side": "target", "state": state})
    root = read(decision_junit(allowed().model_copy(update={"rules": (rule,)})))
    assert case(root, "itil-gate", "in-freeze")[0].tag == tag


def test_requirements_are_test_cases_too() -> None:
    root = read(decision_junit(pending()))
    missing = case(root, CHANGE, "approvals: change-authority for payments-api")[0]
    assert missing.attrib["type"] == "pending"
    assert "can still approve: dave, erin" in (missing.text or "")
    assert list(case(root, CHANGE, "approvals: peer-review")) == []


@pytest.mark.parametrize(
    ("outcome", "tag"),
    [("deny", "failure"), ("pending", "failure"), ("undecided", "error"), ("allow", None)],
)
def test_a_refusal_never_comes_out_all_green(outcome: str, tag: str | None) -> None:
    decision = allowed().model_copy(update={"outcome": outcome, "changes": (), "rules": ()})
    root = read(decision_junit(decision))
    assert [child.tag for child in case(root, "itil-gate", "outcome")] == ([tag] if tag else [])


def test_audit_mode_is_a_property_and_stands_in_the_message() -> None:
    root = read(decision_junit(audited()))
    values = {one.attrib["value"] for one in root.iter("property") if one.get("name") == "enforced"}
    assert values == {"false"}
    assert "audit mode" in case(root, "itil-gate", "outcome")[0].attrib["message"]


def test_no_findings_is_one_case_that_passes() -> None:
    root = read(findings_junit(()))
    assert (root.attrib["tests"], root.attrib["failures"]) == ("1", "0")


@pytest.mark.parametrize("name", SAMPLES)
def test_totals_add_up(name: str) -> None:
    root = read(decision_junit(SAMPLES[name]()))
    for total in ("tests", "failures", "errors"):
        assert int(root.attrib[total]) == sum(int(suite.attrib[total]) for suite in root)


def _shape(element: Element) -> tuple[object, ...]:
    return (element.tag, sorted(element.attrib), *map(_shape, element))
