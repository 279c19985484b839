from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import rfc8785
from hypothesis import given
from support.decisions import FINDINGS, SAMPLES, pending
from support.hostile import ATTACK, decisions, hostile_findings

from itil_gate.model.decision import Decision, StoredDecision
from itil_gate.model.facts import Facts, Inputs
from itil_gate.report.json_report import decision_json, findings_json, stored_json

if TYPE_CHECKING:
    from itil_gate.model.finding import Finding


@pytest.mark.parametrize("name", SAMPLES)
def test_a_decision_survives_the_round_trip(name: str) -> None:
    decision = SAMPLES[name]()
    assert Decision.model_validate_json(decision_json(decision)) == decision


@ATTACK
@given(decisions())
def test_a_decision_is_one_line_in_the_form_of_rfc_8785(poisoned: tuple[str, Decision]) -> None:
    _, decision = poisoned
    text = decision_json(decision)
    plain = decision.model_dump(mode="json", by_alias=True)
    assert text.encode() == rfc8785.dumps(plain) + b"\n"
    assert json.loads(text) == plain
    assert text.count("\n") == 1


def test_keys_are_camel_case_and_versioned() -> None:
    document = json.loads(decision_json(pending()))
    assert document["apiVersion"] == "itil-gate/decision/v1"
    assert document["mergeBase"] == pending().merge_base
    assert document["changes"][0]["ledger"][0]["carryOver"] == "same-content"


def test_a_stored_decision_survives_the_round_trip() -> None:
    decision = pending()
    facts = Facts(
        now=decision.now,
        target=decision.target,
        tip=decision.tip,
        merge_base=decision.merge_base,
        head=decision.head,
        head_tree="f" * 40,
        merged_tree=decision.merged_tree,
        content=decision.content,
        diff=(),
        commits=(),
    )
    stored = StoredDecision(decision=decision, inputs=Inputs(facts=facts, judge=()))
    text = stored_json(stored)
    assert StoredDecision.model_validate_json(text) == stored
    assert json.loads(text)["apiVersion"] == "itil-gate/stored-decision/v1"
    assert text.endswith("}\n")


@ATTACK
@given(hostile_findings())
def test_findings_are_plain_ascii_that_commands_no_runner(findings: tuple[Finding, ...]) -> None:
    text = findings_json(findings)
    document = json.loads(text)
    assert document["apiVersion"] == "itil-gate/findings/v1"
    assert document["findings"] == [one.model_dump(mode="json", by_alias=True) for one in findings]
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert "##" not in text


def test_the_one_control_character_of_ascii_that_json_lets_through_is_escaped() -> None:
    text = findings_json((FINDINGS[0].model_copy(update={"message": "a\x7fb"}),))
    assert "a\\u007fb" in text
    assert json.loads(text)["findings"][0]["message"] == "a\x7fb"


def test_no_findings_is_an_empty_list() -> None:
    assert json.loads(findings_json(()))["findings"] == []
    assert len(json.loads(findings_json(FINDINGS))["findings"]) == 3
