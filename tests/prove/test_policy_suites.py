"""Suites: a layer's tests prove that layer, and the organisation's own prove everything."""

from __future__ import annotations

from support.proving import CONFIG, METADATA, POLICIES, THOROUGH, source

from itil_gate.prove.proof import prove
from itil_gate.prove.suites import suites


def profile(name: str, below: str | None = None) -> str:
    extends = f"{{extends: {below}}}" if below else "{}"
    return (
        f"apiVersion: itil-gate/v1\nkind: Profile\nmetadata: {{name: {name}, {METADATA}}}\n"
        f"spec: {extends}\n"
    )


def calendar(name: str) -> str:
    return (
        f"apiVersion: itil-gate/v1\nkind: Calendar\nmetadata: {{name: {name}, {METADATA}}}\n"
        "spec: {}\n"
    )


def test_tests_outside_of_profiles_are_about_everything() -> None:
    files = POLICIES | {"policies/tests/sample.yaml": THOROUGH}
    found, faults = suites([source(*pair) for pair in files.items()], config=CONFIG)
    assert faults == ()
    (own,) = found
    assert {one.path for one in own.policies} == set(POLICIES)
    assert own.mutable == set(POLICIES)


LAYERS = {
    "policies/low/profile.yaml": profile("low"),
    "policies/high/profile.yaml": profile("high", "low"),
    **{path.replace("policies/", "policies/low/"): text for path, text in POLICIES.items()},
    "policies/high/calendar.yaml": calendar("calendar"),
    "policies/own.yaml": calendar("own"),
    "policies/low/tests/sample.yaml": THOROUGH,
    "policies/high/tests/more.yaml": THOROUGH.replace("name: sample", "name: more"),
}


def test_a_profile_is_proved_by_its_own_tests_with_what_lies_below() -> None:
    found, faults = suites([source(*pair) for pair in LAYERS.items()], config=CONFIG)
    assert faults == ()
    low, high = found
    assert low.mutable is not None
    assert low.mutable == {one.path for one in low.policies}
    assert all(path.startswith("policies/low/") for path in low.mutable)
    assert {one.path for one in high.policies} == low.mutable | high.mutable
    assert high.mutable == {"policies/high/profile.yaml", "policies/high/calendar.yaml"}


def test_coverage_asks_only_about_what_a_suite_is_there_to_prove() -> None:
    found, _ = suites([source(*pair) for pair in LAYERS.items()], config=CONFIG)
    low, high = found
    proof = prove([high], coverage=True)
    assert proof.coverage is not None
    assert {one.answer.kind for one in proof.coverage.answers} == {"outcome", "level"}
    both = prove([low, high], coverage=True)
    assert both.coverage is not None
    assert {one.answer.kind for one in both.coverage.answers} > {"outcome", "level", "rule"}


def test_an_organisations_tests_prove_what_no_other_tests_do() -> None:
    files = LAYERS | {"policies/tests/own.yaml": THOROUGH.replace("name: sample", "name: own")}
    del files["policies/high/tests/more.yaml"]
    found, _ = suites([source(*pair) for pair in files.items()], config=CONFIG)
    low, own = found
    assert own.mutable == {
        "policies/own.yaml",
        "policies/high/profile.yaml",
        "policies/high/calendar.yaml",
    }
    assert {one.path for one in own.policies} >= low.mutable | own.mutable


def test_what_one_suite_has_seen_need_not_be_seen_by_another() -> None:
    found, _ = suites([source(*pair) for pair in LAYERS.items()], config=CONFIG)
    proof = prove(found, coverage=True, mutation=True)
    assert proof.failed == 0
    assert proof.coverage is not None
    assert proof.coverage.percent == 100
    assert proof.mutation is not None
    assert proof.mutation.percent == 100


def test_nothing_is_mutated_while_a_test_fails() -> None:
    failing = THOROUGH.replace("outcome: allow", "outcome: deny", 1)
    files = POLICIES | {"policies/tests/sample.yaml": failing}
    found, _ = suites([source(*pair) for pair in files.items()], config=CONFIG)
    proof = prove(found, coverage=True, mutation=True)
    assert proof.failed == 1
    assert proof.mutation is None
