"""Policy tests: each fact of a case reaches the decision, and each expectation is held to it."""

from __future__ import annotations

import pytest
from support.proving import APPROVALS, HEAD, POLICIES, RISK, only_case, source, suite

from itil_gate.model.errors import ConfigError
from itil_gate.model.facts import HistoryFacts
from itil_gate.model.policy_test import CaseHistory
from itil_gate.prove import testing
from itil_gate.prove.setting import merge_patch, public_key
from itil_gate.signing.keys import parse_public_key_line


def messages(result: testing.CaseResult) -> list[str]:
    return [item.message for item in result.differences]


def test_a_thorough_test_of_sound_policies_passes() -> None:
    results = testing.run_tests(suite())
    assert [messages(one) for one in results] == [[] for _ in results]
    assert len(results) == 7


def test_progress_is_told_case_by_case() -> None:
    told: list[tuple[int, int]] = []
    testing.run_tests(suite(), progress=lambda done, total: told.append((done, total)))
    assert told == [(number, 7) for number in range(1, 8)]


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("expect: {outcome: allow}", "the outcome is pending, expected was allow"),
        ("expect: {outcome: pending, lane: team}", "the lane is peer, expected was team"),
        ("expect: {outcome: pending, level: high}", "the level is low, expected was high"),
        ("expect: {outcome: pending, score: 7}", "the score is none, expected was 7"),
        (
            "expect: {outcome: pending, missing: [peer, peer]}",
            "missing approvals: peer; expected were: peer, peer",
        ),
        ("expect: {outcome: pending, missing: []}", "missing approvals: peer; expected were: none"),
        (
            "expect: {outcome: pending, rules: {in-freeze: UNSATISFIED}}",
            "in-freeze is SATISFIED, expected was UNSATISFIED",
        ),
        (
            "expect: {outcome: pending, rules: {in-frieze: SATISFIED}}",
            "no rule in-frieze was judged; did you mean in-freeze?",
        ),
    ],
)
def test_what_comes_out_otherwise_is_told_with_its_place(case: str, said: str) -> None:
    result = only_case(case)
    assert messages(result) == [said]
    assert result.differences[0].place.file == "policies/tests/sample.yaml"
    assert result.differences[0].place.line == 11
    assert not result.passed


@pytest.mark.parametrize(
    ("facts", "outcome", "rule"),
    [
        ("{approvals: [{by: bob}]}", "allow", "missing-approval"),
        ("{approvals: [{by: alice}]}", "pending", "missing-approval"),
        ("{approvals: [{by: bob, age: 29d}]}", "allow", "missing-approval"),
        ("{approvals: [{by: bob, age: 31d}]}", "pending", "missing-approval"),
        ("{approvals: [{by: bob, roles: [authority]}]}", "pending", "missing-approval"),
        ("{approvals: [{by: bob}, {by: carol, verdict: reject}]}", "deny", "open-rejection"),
        (
            "{approvals: [{by: carol, verdict: reject}, {by: carol}]}",
            "allow",
            "open-rejection",
        ),
        ("{approvals: [{by: bob}, {by: bob, verdict: withdraw}]}", "pending", "missing-approval"),
        ("{approvals: [{by: bob}], draft: true}", "pending", "draft"),
        ("{approvals: [{by: bob}], signed: false}", "pending", "missing-approval"),
        ("{approvals: [{by: bob}, {by: carol}], signed: false}", "allow", "unproved-contributor"),
        ("{approvals: [{by: bob}], agents: [helper]}", "pending", "missing-approval"),
        ("{approvals: [{by: bob}, {by: carol}], agents: [helper]}", "allow", "missing-approval"),
        ("{diff: [{path: policies/risk.yaml}]}", "pending", "missing-approval"),
        ("{diff: [{path: db/a.sql, status: D}], signed: false}", "deny", "unproved-contributor"),
    ],
)
def test_every_fact_of_a_case_reaches_the_decision(facts: str, outcome: str, rule: str) -> None:
    result = only_case(f"facts: {facts}\nexpect: {{outcome: {outcome}}}")
    assert messages(result) == []
    assert result.decision is not None
    state = testing.states_of(result.decision)[rule].state
    assert (state in {"PENDING", "UNSATISFIED"}) == (outcome in {"pending", "deny"})


def test_the_request_is_patched_as_rfc_7396_says() -> None:
    assert merge_patch({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": None}, "d": [2]}) == {
        "a": {"c": 2},
        "d": [2],
    }
    assert merge_patch({"a": 1}, None) is None
    assert merge_patch([1], {"a": {"b": None}}) == {"a": {}}


def test_without_a_request_the_change_is_uncovered() -> None:
    result = only_case(
        "patch: null\nexpect: {outcome: deny, rules: {uncovered-change: UNSATISFIED}}"
    )
    assert messages(result) == []


def test_a_request_that_does_not_load_is_no_test_of_a_policy() -> None:
    result = only_case("patch: {spec: {raeson: x}}\nexpect: {outcome: deny}")
    assert messages(result) == [
        'the request of this case does not load: unknown-key: the key "raeson" is not known in spec'
    ]
    asked = "expect: {outcome: deny, rules: {unknown-key: UNSATISFIED}}"
    assert messages(only_case(f"patch: {{spec: {{raeson: x}}}}\n{asked}")) == []


def test_a_decision_that_cannot_be_made_is_undecided() -> None:
    rules = POLICIES["policies/rules.yaml"].replace(
        "size(change.spec.reason) >= 10", "minutes(change.spec.reason) > 10"
    )
    case = "patch: {spec: {reason: no length, risk: high}}\nexpect: {outcome: undecided}"
    result = only_case(case, rules=rules)
    assert messages(result) == []
    assert result.reasons[0].startswith("policy-error: ")


def test_policies_that_do_not_load_stop_the_run() -> None:
    with pytest.raises(ConfigError) as caught:
        only_case("expect: {outcome: allow}", risk=RISK.replace("level: high", "level: hihg"))
    assert caught.value.findings[0].place is not None


def test_history_makes_the_likelihood_of_a_case() -> None:
    scored = RISK.split("spec:", maxsplit=1)[0] + (
        "spec:\n  card: change-failure\n  impact: {tiers: [{tier: 2, impact: 3}]}\n  matrix:\n"
        + "".join(f"    - [{n}, {n + 20}, {n + 40}, {n + 60}]\n" for n in range(5))
        + "  bands: [{level: low, upTo: 30}, {level: high, upTo: 100}]\n"
    )
    usual = only_case("facts: {history: {}}\nexpect: {outcome: pending, score: 2}", risk=scored)
    assert messages(usual) == []
    worse = "facts: {history: {fileRatio: 4000, dirRatio: 3000, hoursSinceFailure: 2}}"
    assert (
        messages(only_case(f"{worse}\nexpect: {{outcome: pending, score: 42}}", risk=scored)) == []
    )
    unknown = only_case("expect: {outcome: pending, score: 42}", risk=scored)
    assert messages(unknown) == []


def test_the_history_of_a_case_has_every_fact_of_a_real_one() -> None:
    assert set(CaseHistory.model_fields) == set(HistoryFacts.model_fields)


def test_results_of_other_tools_are_taken_as_the_case_says() -> None:
    check = RISK + (
        "---\napiVersion: itil-gate/v1\nkind: ExternalCheck\n"
        "metadata: {name: scan, owner: authority, reviewBy: 2099-01-01}\n"
        "spec: {format: sarif, reason: Known weaknesses.}\n"
    )
    for external, outcome in (
        ("[]", "pending"),
        ("[{name: scan}]", "allow"),
        ("[{name: scan, tests: 0}]", "deny"),
        ("[{name: scan, failures: [cve-1]}]", "deny"),
    ):
        facts = f"{{approvals: [{{by: bob}}], external: {external}}}"
        case = f"facts: {facts}\nexpect: {{outcome: {outcome}}}"
        assert messages(only_case(case, risk=check)) == [], external


def test_results_that_have_to_be_signed_count_as_the_case_says_who_signed() -> None:
    key = public_key("somebody")
    check = RISK + (
        "---\napiVersion: itil-gate/v1\nkind: ExternalCheck\n"
        "metadata: {name: scan, owner: authority, reviewBy: 2099-01-01}\n"
        "spec: {format: sarif, reason: Known weaknesses.,"
        f" signed: {{by: [{{id: scanner, key: {key}}}]}}}}\n"
    )
    for external, outcome in (
        ("[{name: scan}]", "pending"),
        ("[{name: scan, signedBy: stranger}]", "pending"),
        ("[{name: scan, signedBy: scanner}]", "allow"),
        ("[{name: scan, signedBy: scanner, tests: 0}]", "deny"),
        ("[{name: scan, signedBy: scanner, failures: [cve-1]}]", "deny"),
    ):
        facts = f"{{approvals: [{{by: bob}}], external: {external}}}"
        case = f"facts: {facts}\nexpect: {{outcome: {outcome}}}"
        assert messages(only_case(case, risk=check)) == [], external


def faults(text: str) -> list[tuple[str, str]]:
    _, found = testing.read_tests([source("policies/tests/sample.yaml", text)])
    return [(finding.rule, finding.message) for finding in found]


CASES = "  cases: [{name: one, expect: {outcome: allow}}]\n"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (APPROVALS, "unknown-kind"),
        ("a: [", "not-yaml"),
        (HEAD, "missing-key"),
        (HEAD + CASES.replace("allow", "alow"), "wrong-value"),
        (HEAD.replace("tier: 2", "teir: 2") + CASES, "unknown-key"),
        (HEAD.replace("author: alice, ", "") + CASES, "missing-key"),
        (HEAD.replace("author: alice", "author: alcie") + CASES, "unknown-person"),
        (HEAD.replace("author: alice", "author: alice, agents: [alice]") + CASES, "wrong-value"),
        (
            HEAD + CASES.replace("name: one,", "name: one, facts: {approvals: [{by: bo}]},"),
            "unknown-person",
        ),
        (
            HEAD + CASES.replace("}}]", "}}, {name: one, expect: {outcome: deny}}]"),
            "duplicate-name",
        ),
        (f"{HEAD}{CASES}---\n{HEAD}{CASES}", "duplicate-name"),
    ],
)
def test_a_test_that_says_something_impossible_is_a_fault(text: str, rule: str) -> None:
    assert [name for name, _ in faults(text)] == [rule]


def test_keys_of_people_in_tests_are_sound_and_their_own() -> None:
    lines = {public_key(name) for name in ("alice", "bob", "carol")}
    assert len(lines) == 3
    for one in lines:
        assert parse_public_key_line(one).type == "ssh-ed25519"


def test_the_same_cases_come_out_the_same() -> None:
    assert testing.run_tests(suite()) == testing.run_tests(suite())
