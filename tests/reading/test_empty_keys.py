"""A key without a value is refused at its place; where null says something, it is heard."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator
from support.examples import REQUEST, REQUEST_FILE

from itil_gate.model.config import Config
from itil_gate.model.policy import ApprovalPolicy
from itil_gate.model.policy_test import PolicyTest
from itil_gate.model.ruleset import Waiver
from itil_gate.reading.read import read_text
from itil_gate.reading.requests import read_request
from itil_gate.reading.schema import schemas
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from pydantic import BaseModel

POLICY = """\
apiVersion: itil-gate/v1
kind: ApprovalPolicy
metadata: {name: approvals, owner: carol, reviewBy: 2027-06-30}
spec:
  requirements:
    - id: two-eyes
      levels: [low]
      role: service-owner
"""
WAIVER = """\
apiVersion: itil-gate/v1
kind: Waiver
metadata: {name: one, owner: carol, reviewBy: 2027-06-30}
spec:
  rule: has-runbook
  selector: {services: [shop]}
  reason: The page is being moved.
  approvedBy: carol
  role: service-owner
  expires: 2027-01-31
"""
CONFIG = """\
apiVersion: itil-gate/v1
kind: Config
repository: example.org/shop
targets: [refs/heads/main]
"""
TEST = """\
apiVersion: itil-gate/v1
kind: PolicyTest
metadata: {name: first}
spec:
  now: 2026-11-23T09:00:00Z
  people: {alice: [], bob: [service-owner]}
  facts: {author: alice, history: {}}
  cases:
    - name: nothing is known of the past
      facts: {history: null}
      expect: {outcome: pending}
    - name: of the files nothing is known
      facts: {history: {fileRatio: ~}}
      patch: {spec: {window: null}}
      expect: {outcome: pending}
    - name: nobody wrote a request
      patch: null
      expect: {outcome: deny}
"""


def said(text: str, model: type[BaseModel]) -> list[str]:
    found = read_text(text, "file.yaml", model)
    if not isinstance(found, tuple):
        return []
    return [f"{one.place.line if one.place else 0}: {one.message}" for one in found]


@pytest.mark.parametrize(
    ("text", "model", "expected"),
    [
        (POLICY + "      min: ~\n", ApprovalPolicy, "9: spec.requirements[0].min is empty"),
        (POLICY + "      percent:\n", ApprovalPolicy, "9: spec.requirements[0].percent is empty"),
        (POLICY + "      when: null\n", ApprovalPolicy, "9: spec.requirements[0].when is empty"),
        (
            WAIVER.replace("{services: [shop]}", "{services: [shop], change: }"),
            Waiver,
            "6: spec.selector.change is empty",
        ),
        (CONFIG + "override:\n", Config, "5: override is empty"),
        (
            TEST.replace("{outcome: deny}", "{outcome: deny, level: ~}"),
            PolicyTest,
            "18: spec.cases[2].expect.level is empty",
        ),
    ],
)
def test_a_key_without_a_value_is_refused_where_it_stands(
    text: str, model: type[BaseModel], expected: str
) -> None:
    assert said(text, model) == [expected]


def test_a_request_leaves_out_what_it_does_not_say() -> None:
    text = REQUEST.replace("tested: true, maxMinutes: 15", "tested: true, maxMinutes: ~")
    found = read_request(text, file=REQUEST_FILE)
    assert isinstance(found, tuple)
    assert [one.message for one in found] == ["spec.plans.backout.maxMinutes is empty"]
    assert not isinstance(read_request(REQUEST, file=REQUEST_FILE), tuple)


def test_a_number_or_nothing_at_all_is_read() -> None:
    assert said(POLICY, ApprovalPolicy) == []
    assert said(POLICY + "      min: 2\n", ApprovalPolicy) == []


def test_null_is_heard_where_it_says_something() -> None:
    assert said(TEST, PolicyTest) == []
    own = read_request(REQUEST + "  x-cost: {code: ~}\n", file=REQUEST_FILE)
    assert not isinstance(own, tuple)
    assert own.spec.extensions == {"x-cost": {"code": None}}


@pytest.mark.parametrize(
    ("name", "text", "right"),
    [
        ("approval-policy.json", POLICY, True),
        ("approval-policy.json", POLICY + "      min: ~\n", False),
        ("config.json", CONFIG + "log: ~\n", False),
        ("policy-test.json", TEST, True),
    ],
)
def test_the_schema_for_editors_says_the_same(name: str, text: str, *, right: bool) -> None:
    data = json.loads(json.dumps(parse(text, file="f").data, default=str))
    validator = Draft202012Validator(json.loads(schemas()[name]))
    assert (not list(validator.iter_errors(data))) is right
