"""Outcome coverage: an answer counts as seen only if some decision gave it."""

from __future__ import annotations

import pytest
from support.proving import HEAD, RISK, THOROUGH, suite

from itil_gate.prove import testing
from itil_gate.prove.coverage import Coverage, cover


def coverage(text: str, **changed: str) -> Coverage:
    about = suite(text, **changed)
    return cover(about, testing.run_tests(about))


def unseen(text: str, **changed: str) -> set[str]:
    return {str(one.answer) for one in coverage(text, **changed).unseen}


def case(body: str) -> str:
    return f"{HEAD}  cases:\n    - {{name: one, {body}}}\n"


def test_a_thorough_test_sees_every_answer_but_what_no_case_shows() -> None:
    found = coverage(THOROUGH)
    assert found.unseen == ()
    assert found.percent == 100
    assert found.seen == len(found.answers) == 18


def test_a_single_case_leaves_the_other_answers_unseen() -> None:
    missing = unseen(case("expect: {outcome: pending}"))
    assert missing == {
        "the outcome allow is reached",
        "the outcome deny is reached",
        "the level medium is assessed",
        "the level high is assessed",
        "the level critical is assessed",
        "the floor schema applies",
        "the requirement review is met",
        "the requirement review is not asked",
        "the requirement board is met",
        "the requirement board is not met",
        "the rule reason-too-short holds",
        "the rule reason-too-short is broken",
    }


def test_the_part_that_no_test_shows_is_placed_in_its_file() -> None:
    places = {
        str(one.answer): str(one.place)
        for one in coverage(case("expect: {outcome: pending}")).unseen
    }
    assert places["the floor schema applies"] == "policies/risk.yaml:6:7"
    assert places["the requirement board is met"] == "policies/approvals.yaml:7:7"
    assert places["the rule reason-too-short holds"] == "policies/rules.yaml:6:7"
    assert places["the outcome deny is reached"] == "None"


MORE = """\
---
apiVersion: itil-gate/v1
kind: Calendar
metadata: {name: calendar, owner: authority, reviewBy: 2099-01-01}
spec:
  freezes:
    - {id: peak, reason: Trade., start: 2026-03-02T00:00, end: 2026-03-04T00:00, timezone: UTC}
---
apiVersion: itil-gate/v1
kind: ExternalCheck
metadata: {name: scan, owner: authority, reviewBy: 2099-01-01}
spec: {format: sarif, reason: Known weaknesses.}
---
apiVersion: itil-gate/v1
kind: ExternalCheck
metadata: {name: rare, owner: authority, reviewBy: 2099-01-01}
spec: {format: sarif, when: diff.files > 50, reason: Large changes.}
---
apiVersion: itil-gate/v1
kind: ChangeModel
metadata: {name: copy-edit, owner: authority, reviewBy: 2099-01-01}
spec:
  type: standard
  description: Words change.
  paths: [src/words/**]
  limits: {risk: low}
  expires: 2098-01-01
"""
WINDOW = "{start: 2026-03-03T10:00, end: 2026-03-03T11:00, timezone: UTC}"
EDIT = "patch: {spec: {type: standard, model: copy-edit}}"


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (
            f"patch: {{spec: {{window: {WINDOW}}}}}, expect: {{outcome: deny}}",
            "the freeze peak is met",
        ),
        (
            "facts: {external: [{name: scan}]}, expect: {outcome: deny}",
            "the external check scan passes",
        ),
        (
            "facts: {external: [{name: scan, failures: [cve]}]}, expect: {outcome: deny}",
            "the external check scan does not pass",
        ),
        ("expect: {outcome: deny}", "the external check scan does not pass"),
        ("expect: {outcome: deny}", "the external check rare is not asked"),
        (
            f"{EDIT}, expect: {{outcome: deny}}",
            "the model copy-edit does not fit",
        ),
        (
            f"{EDIT}, facts: {{diff: [{{path: src/words/a}}]}}, expect: {{outcome: deny}}",
            "the model copy-edit fits",
        ),
    ],
)
def test_freezes_models_and_other_tools_have_answers_too(body: str, answer: str) -> None:
    every = {str(one.answer) for one in coverage(case(body), risk=RISK + MORE).answers}
    assert answer in every
    assert answer not in unseen(case(body), risk=RISK + MORE)
