"""GitLab Code Quality reports: the documented fields, and nothing a stranger could add."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from support.decisions import FINDINGS, PATH, SAMPLES, allowed, denied, pending
from support.hostile import ATTACK, hostile_findings

from itil_gate.report import DECISION_FORMATS
from itil_gate.report.gitlab import decision_gitlab, findings_gitlab

if TYPE_CHECKING:
    from itil_gate.model.finding import Finding

SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


def read(text: str) -> list[dict[str, Any]]:
    """Return the entries of a report, each held against GitLab's description of the format."""
    assert text.endswith("\n")
    assert text.isascii()
    entries: list[dict[str, Any]] = json.loads(text)
    assert isinstance(entries, list)
    for entry in entries:
        assert entry.keys() == {
            *("description", "check_name", "fingerprint", "severity", "location"),
        }
        assert entry["description"]
        assert entry["check_name"]
        assert re.fullmatch(r"[0-9a-f]{64}", entry["fingerprint"])
        assert entry["severity"] in SEVERITIES
        assert entry["location"].keys() == {"path", "lines"}
        path = entry["location"]["path"]
        assert path
        assert not path.startswith(("/", "./"))
        assert ".." not in path.split("/")
        assert entry["location"]["lines"].keys() == {"begin"}
        begin = entry["location"]["lines"]["begin"]
        assert isinstance(begin, int)
        assert begin >= 1
    assert len({entry["fingerprint"] for entry in entries}) == len(entries)
    return entries


@pytest.mark.parametrize("name", SAMPLES)
def test_every_decision_is_a_report_that_gitlab_reads(name: str) -> None:
    decision = SAMPLES[name]()
    entries = read(DECISION_FORMATS["gitlab"](decision))
    assert entries or decision.outcome in ("allow", "overridden")


def test_an_allowance_has_no_entry_that_blocks() -> None:
    assert {entry["severity"] for entry in read(decision_gitlab(allowed()))} <= {"info"}


def test_a_refusal_is_critical_and_waiting_is_minor() -> None:
    assert "critical" in {entry["severity"] for entry in read(decision_gitlab(denied()))}
    severities = {entry["severity"] for entry in read(decision_gitlab(pending()))}
    assert "minor" in severities
    assert "critical" not in severities


def test_a_refusal_that_no_rule_explains_is_an_entry_at_the_request() -> None:
    bare = denied()
    quiet = bare.model_copy(
        update={
            "rules": (),
            "changes": tuple(one.model_copy(update={"rules": ()}) for one in bare.changes),
        }
    )
    (entry,) = read(decision_gitlab(quiet))
    assert (entry["check_name"], entry["severity"]) == ("decision", "critical")
    assert entry["location"]["path"] == PATH


def test_an_entry_stays_the_same_where_its_line_moves() -> None:
    first = read(findings_gitlab(FINDINGS))
    moved = tuple(
        one.model_copy(update={"place": one.place.model_copy(update={"line": one.place.line + 7})})
        if one.place
        else one
        for one in FINDINGS
    )
    second = read(findings_gitlab(moved))
    assert [one["fingerprint"] for one in first] == [one["fingerprint"] for one in second]
    assert [one["location"] for one in first] != [one["location"] for one in second]


def test_doubles_are_told_apart() -> None:
    assert len(read(findings_gitlab((FINDINGS[0], FINDINGS[0])))) == 2


def test_nothing_found_is_an_empty_list() -> None:
    assert findings_gitlab(()) == "[]\n"


@ATTACK
@given(hostile_findings())
def test_no_stranger_adds_a_field_or_a_line_to_the_log(findings: tuple[Finding, ...]) -> None:
    text = findings_gitlab(findings)
    assert len(read(text)) == len(findings)
    assert "##" not in text
    assert "\x1b" not in text
