"""Results of other tools: what counts as a test, what denies, and what is no result at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.model.canonical import canonical
from itil_gate.reading.external import read_external
from itil_gate.reading.results import MAX_BYTES, MOST_FINDINGS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def entry(**more: object) -> dict[str, object]:
    return {"filename": "input.json", "namespace": "main", "successes": 1, **more}


def sarif(*results: object, **run: object) -> dict[str, Any]:
    driver = {"name": "scanner", "rules": [{"id": "first"}]}
    return {
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": list(results), **run}],
    }


def result(**more: object) -> dict[str, object]:
    return {"ruleId": "first", "message": {"text": "it is so"}, **more}


def read(document: object) -> Any:
    return read_external(json.dumps(document).encode(), name="rego")


def rules(document: object) -> list[tuple[str, str]]:
    found = read(document)
    assert found.fault == ""
    return [(one.rule, one.effect) for one in found.failures]


def test_conftest_counts_passes_warnings_and_failures_as_tests() -> None:
    found = read(
        [
            entry(successes=2, failures=[{"msg": "no"}], warnings=[{"msg": "hm"}]),
            entry(filename="other.json", skipped=[{"msg": "not now"}]),
        ]
    )
    assert (found.name, found.format, found.tests, found.fault) == ("rego", "conftest", 5, "")
    assert [one.effect for one in found.failures] == ["deny", "advise"]


@pytest.mark.parametrize(
    ("metadata", "rule"),
    [
        ({"rule": "backout-missing", "query": "data.main.deny"}, "backout-missing"),
        ({"details": {"ruleId": "R 1"}}, "R-1"),
        ({"query": "data.acme.change.deny_backout"}, "acme.change.deny_backout"),
        ({"rule": "  ", "query": "data.main.deny"}, "main.deny"),
        ({"rule": 7, "details": "none"}, "conftest"),
        ({}, "conftest"),
    ],
)
def test_a_conftest_rule_is_named_by_its_policy_or_its_query(
    metadata: dict[str, object], rule: str
) -> None:
    assert rules([entry(failures=[{"msg": "no", "metadata": metadata}])]) == [(rule, "deny")]


def test_a_failure_stands_where_the_tool_says() -> None:
    loc = {"file": "deploy/app.yaml", "line": 3}
    (found,) = read([entry(failures=[{"msg": "no", "loc": loc}])]).failures
    assert str(found.place) == "deploy/app.yaml:3:0"
    (found,) = read([entry(failures=[{"msg": "no"}])]).failures
    assert str(found.place) == "input.json"


@pytest.mark.parametrize(
    "file", ["/etc/passwd", "../up", "a/../b", "file:///x", "a\\b", "", "a//b", "a\nb"]
)
def test_a_place_outside_the_repository_is_dropped(file: str) -> None:
    (found,) = read([entry(filename=file, failures=[{"msg": "no"}])]).failures
    assert found.place is None


def test_no_result_at_all_is_no_test() -> None:
    assert read([]).tests == 0
    assert read([entry(successes=0)]).tests == 0
    assert read([entry(successes=0, skipped=[{"msg": "not now"}])]).tests == 0
    assert read(sarif()).tests == 0


@pytest.mark.parametrize(
    "wrong",
    [
        [entry(exceptions=[{"msg": "data.main.exception[_][_] == backout"}])],
        [entry(successes=-1)],
        [entry(successes=True)],
        [entry(successes="3")],
        [entry(successes=1.0)],
        [entry(failures=None)],
        [entry(failures=["no"])],
        [entry(failures=[{"message": "no"}])],
        [entry(errors=[{"msg": "a new way to fail"}])],
        [{"filename": "input.json", "successes": 1}],
        [[]],
        [None],
        {},
        {"results": []},
        "pass",
        0,
        None,
        {"version": "2.1.0", "runs": None},
        {"version": "2.1.0", "runs": []},
        {"version": "2.0.0", "runs": sarif()["runs"]},
        {"runs": sarif()["runs"]},
        sarif(result(kind="passed")),
        sarif(result(level="fatal")),
        sarif({"ruleId": "first"}),
        sarif(results=None),
        sarif(result(kind="pass"), externalPropertyFileReferences={"results": []}),
        sarif(result(kind="pass"), invocations=[{"executionSuccessful": False}]),
        sarif(result(kind="pass"), invocations=[{}]),
        sarif(
            result(kind="pass"),
            invocations=[
                {
                    "executionSuccessful": True,
                    "toolExecutionNotifications": [
                        {"level": "error", "message": {"text": "out of memory"}}
                    ],
                }
            ],
        ),
        sarif(result(kind="pass"), tool={"driver": {"name": "conftest"}}),
        sarif(result(kind="pass"), tool={}),
    ],
)
def test_what_is_not_wholly_a_report_is_a_fault(wrong: object) -> None:
    found = read(wrong)
    assert found.fault
    assert found.tests == 0
    assert found.failures == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n",
        b"[",
        b"[]]",
        b"\xff\xfe[\x00]\x00",
        b"[NaN]",
        b'[{"filename": "a", "filename": "b", "namespace": "main", "successes": 1}]',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" + b"9" * 5000 + b"]",
        b"[" + b" " * MAX_BYTES + b"]",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_bytes_that_are_no_report_are_a_fault(data: bytes) -> None:
    found = read_external(data, name="rego")
    assert found.fault
    assert (found.format, found.tests) == (None, 0)


def test_sarif_counts_what_was_judged() -> None:
    kinds = ("pass", "fail", "open", "review", "informational", "notApplicable")
    found = read(sarif(*(result(kind=kind) for kind in kinds)))
    assert (found.format, found.tests, len(found.failures)) == ("sarif", 4, 3)
    assert {one.effect for one in found.failures} == {"deny"}


@pytest.mark.parametrize(
    ("more", "effects"),
    [
        ({}, ["deny"]),
        ({"level": "error"}, ["deny"]),
        ({"level": "warning"}, ["deny"]),
        ({"level": "note"}, ["advise"]),
        ({"level": "none"}, ["advise"]),
        ({"baselineState": "absent"}, []),
        ({"baselineState": "unchanged"}, ["deny"]),
        ({"suppressions": [{"kind": "inSource"}]}, ["deny"]),
        ({"kind": "pass"}, []),
    ],
)
def test_a_sarif_result_denies_unless_it_says_that_it_is_less(
    more: dict[str, object], effects: list[str]
) -> None:
    assert [effect for _, effect in rules(sarif(result(**more)))] == effects


def test_a_failure_of_level_none_proves_nothing() -> None:
    assert read(sarif(result(level="none"))).tests == 0


def test_the_level_of_a_rule_holds_where_its_result_has_none() -> None:
    quiet = {"id": "first", "defaultConfiguration": {"level": "note"}}
    loud = {"id": "first", "defaultConfiguration": {"level": "error"}}
    tool: dict[str, Any] = {"driver": {"name": "scanner", "rules": [quiet]}}
    assert rules(sarif(result(), tool=tool)) == [("first", "advise")]
    invocation = {"executionSuccessful": True, "ruleConfigurationOverrides": [{}]}
    assert rules(sarif(result(), tool=tool, invocations=[invocation])) == [("first", "deny")]
    tool["extensions"] = [{"name": "pack", "rules": [loud]}]
    assert rules(sarif(result(), tool=tool)) == [("first", "deny")]


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"ruleId": "py/sql-injection"}, "py/sql-injection"),
        ({"ruleId": None, "rule": {"id": "second"}}, "second"),
        ({"ruleId": None, "ruleIndex": 0}, "first"),
        ({"ruleId": None, "ruleIndex": 5}, "scanner"),
        ({"ruleId": "::"}, "scanner"),
    ],
)
def test_a_sarif_rule_is_named_by_id_reference_index_or_tool(
    more: dict[str, object], rule: str
) -> None:
    assert rules(sarif(result(**more))) == [(rule, "deny")]


def test_of_many_failures_those_that_deny_are_kept_and_the_rest_is_counted() -> None:
    many = [{"msg": f"{number}"} for number in range(MOST_FINDINGS + 3)]
    found = read([entry(warnings=many, failures=[{"msg": "grave"}])])
    assert found.failures[0].message == "grave"
    assert len(found.failures) == MOST_FINDINGS + 1
    assert found.failures[-1].message == "4 more are not shown"
    denied = read([entry(failures=many)])
    assert {one.effect for one in denied.failures} == {"deny"}
    assert denied.tests == len(many) + 1


def test_words_that_cannot_be_encoded_or_never_end_are_tamed() -> None:
    (odd, endless, blank) = read(
        [entry(failures=[{"msg": "\ud800"}, {"msg": "x" * 5000}, {"msg": " "}])]
    ).failures
    assert odd.message == "?"
    assert len(endless.message) == 1001
    assert blank.message == "no message was given"


def test_the_digest_is_that_of_the_bytes() -> None:
    found = read_external(b"[]", name="rego")
    assert found.digest == "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"


@given(st.binary())
def test_no_bytes_make_it_fail(data: bytes) -> None:
    canonical(read_external(data, name="rego"))


@given(
    st.lists(st.dictionaries(st.sampled_from([*entry(), "failures", "skipped"]), JSON))
    | st.fixed_dictionaries({"version": st.just("2.1.0"), "runs": JSON})
    | st.builds(
        lambda parts: sarif(*parts), st.lists(JSON | st.builds(lambda x: result(level=x), JSON))
    )
    | st.builds(
        lambda parts: [
            entry(failures=[{"msg": text, "metadata": {"rule": text}} for text in parts])
        ],
        st.lists(st.text(st.characters())),
    )
)
def test_no_json_makes_it_fail_or_yields_what_cannot_be_sealed(document: object) -> None:
    found = read(document)
    canonical(found)
    assert found.fault == "" or (found.tests, found.failures) == (0, ())
