"""Lint finds what can never matter, and is silent about what can."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from support.log import CHECKPOINT
from support.proving import (
    APPROVALS,
    CONFIG,
    METADATA,
    RISK,
    RULES,
    THOROUGH,
    policies,
    source,
)

from itil_gate.model.config import LogKey, LogSettings, ReleaseSettings
from itil_gate.prove import testing
from itil_gate.prove.inspection import inspect_alone, inspect_judge
from itil_gate.signing.ed25519 import public_line

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def said(rule: str, **changed: str) -> list[tuple[str, str]]:
    """Return message and place of the findings under a rule; all of them only advise."""
    found = inspect_alone(policies(**changed), config=CONFIG, now=NOW)
    assert {finding.effect for finding in found} <= {"advise"}, found
    return [(one.message, str(one.place)) for one in found if one.rule == rule]


def test_sound_policies_with_thorough_tests_have_no_findings() -> None:
    tests, _ = testing.read_tests([source("policies/tests/sample.yaml", THOROUGH)])
    about = [one.test for one in tests]
    assert inspect_alone(policies(), config=CONFIG, now=NOW, tests=about) == ()


def floors(*lines: str) -> str:
    head = RISK.split("    - ", maxsplit=1)[0]
    return head + "".join(f"    - {line}\n" for line in lines)


WIDE = "{id: wide, paths: [db/**], level: high, reason: Data.}"


@pytest.mark.parametrize(
    ("other", "idle"),
    [
        ("{id: narrow, paths: [db/a/**], level: medium, reason: Data.}", True),
        ("{id: narrow, paths: [db/a/**], level: high, reason: Data.}", True),
        ("{id: narrow, paths: [db/a/**], level: critical, reason: Data.}", False),
        ("{id: narrow, paths: [db/a/**, src/**], level: medium, reason: Data.}", False),
        ("{id: narrow, paths: [db/a/**], when: diff.files > 3, level: medium, reason: D.}", True),
        ("{id: narrow, when: diff.files > 3, level: medium, reason: Data.}", False),
        ("{id: narrow, paths: [src/**], level: low, reason: Data.}", True),
    ],
)
def test_a_floor_that_never_raises_anything_is_found(other: str, idle: bool) -> None:  # noqa: FBT001
    found = said("shadowed-floor", risk=floors(WIDE, other))
    assert bool(found) is idle
    assert all(place == "policies/risk.yaml:7:7" for _, place in found)


def test_a_floor_with_a_condition_hides_no_other() -> None:
    sometimes = WIDE.replace("level", "when: diff.files > 3, level")
    narrow = "{id: narrow, paths: [db/a/**], level: medium, reason: Data.}"
    assert said("shadowed-floor", risk=floors(sometimes, narrow)) == []


def test_of_two_floors_that_are_alike_one_is_found() -> None:
    assert len(said("shadowed-floor", risk=floors(WIDE, WIDE.replace("wide", "same")))) == 1


def test_a_glob_behind_another_of_its_list_is_found_once() -> None:
    both = WIDE.replace("[db/**]", "[db/**, db/*.sql, src/**]")
    assert said("shadowed-glob", risk=floors(both)) == [
        (
            "db/*.sql of the floor wide adds nothing: db/** matches all of it",
            "policies/risk.yaml:6:25",
        ),
    ]


def test_globs_that_differ_only_in_case_are_found() -> None:
    other = "{id: other, paths: [DB/**], level: critical, reason: Data.}"
    ((message, _),) = said("path-case-collision", risk=floors(WIDE, other))
    assert message.startswith("DB/** of the floor other and db/** of the floor wide differ only")


def model(*lines: str) -> str:
    body = "".join(f"  {line}\n" for line in lines)
    return (
        f"---\napiVersion: itil-gate/v1\nkind: ChangeModel\nmetadata: {{name: edit, {METADATA}}}\n"
        f"spec:\n  type: standard\n  description: Words change.\n{body}"
    )


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("paths: [words/**]", "expires: 2026-03-01"), "expired"),
        (("paths: [db/words/**]", "expires: 2098-01-01"), "the floor schema makes all its paths"),
        (("paths: [words/**]", "expires: 2098-01-01"), ""),
        (("paths: [words/**, db/**]", "expires: 2098-01-01"), ""),
        (("paths: [words/**]", "expires: 2026-03-02"), ""),
    ],
)
def test_a_model_that_no_change_can_follow_is_found(lines: tuple[str, ...], words: str) -> None:
    found = said("unreachable-model", risk=RISK + model("limits: {risk: low}", *lines))
    assert [words in message for message, _ in found] == ([True] if words else [])


def test_a_model_below_the_default_risk_is_never_reached() -> None:
    risk = RISK.replace("spec:\n", "spec:\n  default: medium\n")
    lines = ("limits: {risk: low}", "paths: [words/**]", "expires: 2098-01-01")
    ((message, _),) = said("unreachable-model", risk=risk + model(*lines))
    assert "every change is at least medium" in message


@pytest.mark.parametrize(
    ("condition", "constant"),
    [
        ("1 < 2", True),
        ('change.spec.type != "normal" || change.spec.type != "standard"', True),
        ("diff.files < 9", False),
    ],
)
def test_a_condition_that_asks_nothing_is_found(condition: str, constant: bool) -> None:  # noqa: FBT001
    rules = RULES.replace("size(change.spec.reason) >= 10", f"'{condition}'")
    found = said("constant-condition", rules=rules)
    assert bool(found) is constant
    assert all(place.startswith("policies/rules.yaml:8:") for _, place in found)


def waiver(expires: str, **selector: str) -> str:
    chosen = "".join(f", {key}: {value}" for key, value in selector.items())
    return RULES + (
        f"---\napiVersion: itil-gate/v1\nkind: Waiver\nmetadata: {{name: once, {METADATA}}}\n"
        f"spec:\n  rule: reason-too-short\n  selector: {{change: CHG-2026-TEST0001{chosen}}}\n"
        f"  reason: Once.\n  approvedBy: carol\n  role: authority\n  expires: {expires}\n"
    )


def test_a_waiver_that_is_over_is_found() -> None:
    ((message, place),) = said("waiver-expired", rules=waiver("2026-03-01"))
    assert message == "the waiver once ended on 2026-03-01 and waives nothing any more"
    assert place.startswith("policies/rules.yaml:")
    assert said("waiver-expired", rules=waiver("2026-03-02")) == []


def test_a_waiver_that_nothing_can_use_is_found() -> None:
    assert said("unused-waiver", rules=waiver("2026-03-02")) == []
    ((message, _),) = said("unused-waiver", rules=waiver("2026-03-02", services="[shopp]"))
    assert "shopp" in message
    advisory = waiver("2026-03-02").replace(
        "      when:", "      enforcement: advisory\n      when:"
    )
    ((message, _),) = said("unused-waiver", rules=advisory)
    assert "only advises" in message


def test_a_rule_without_a_test_is_found() -> None:
    found = inspect_alone(policies(), config=CONFIG, now=NOW, tests=())
    ((rule, place),) = [(one.rule, str(one.place)) for one in found]
    assert (rule, place) == ("untested-rule", "policies/rules.yaml:6:11")


def test_people_are_asked_about_only_where_there_are_people() -> None:
    world = {
        "itil-gate.yaml": "apiVersion: itil-gate/v1\nkind: Config\nrepository: example.com/a\n",
        "people.yaml": "apiVersion: itil-gate/v1\nkind: People\n"
        "persons: [{id: kim, name: Kim Bo}, {id: lee, name: Lee Wu}]\n",
    }
    judge = [*policies(), *(source(*pair) for pair in world.items())]
    found = {one.rule for one in inspect_judge(judge, now=NOW)}
    assert {"role-without-holder", "unsatisfiable-requirement"} <= found
    assert inspect_alone(policies(), config=CONFIG, now=NOW) == ()


def test_a_set_that_does_not_load_is_told_as_findings() -> None:
    broken = policies(approvals=APPROVALS.replace("min: 2", "min: 0"))
    found = inspect_alone(broken, config=CONFIG, now=NOW)
    assert [(one.rule, one.effect) for one in found] == [("wrong-value", "deny")]


def test_every_role_that_is_asked_for_has_to_be_held() -> None:
    world = {
        "itil-gate.yaml": "apiVersion: itil-gate/v1\nkind: Config\nrepository: example.com/a\n",
        "people.yaml": "apiVersion: itil-gate/v1\nkind: People\n"
        "persons: [{id: kim, name: Kim Bo}, {id: lee, name: Lee Wu}, {id: mo, name: Mo Oz}]\n"
        "roles: [{role: authority, members: [kim, lee, mo]}]\n",
    }
    rules = waiver("2026-03-02").replace("role: authority", "role: autority")
    risk = (
        RISK + "  appetite: {maximum: high, sponsor: kim, reviewBy: 2099-01-01, exception: ower}\n"
    )
    judge = [*policies(rules=rules, risk=risk), *(source(*pair) for pair in world.items())]
    found = [one for one in inspect_judge(judge, now=NOW) if one.rule == "role-without-holder"]
    assert [one.message for one in found] == [
        "the waiver once asks for the role autority, which no human holds",
        "the appetite of risk asks for the role ower, which no human holds",
    ]


def test_a_log_without_a_list_of_environments_is_told() -> None:
    """Another name for the same place would know none of its windows and freezes."""
    key = public_line(CHECKPOINT.public)
    log = LogSettings(keys=(LogKey(use="checkpoint", key=key), LogKey(use="recorder", key=key)))
    listed = ReleaseSettings(environments=("production",))
    found = {}
    for name, more in (
        ("with", {"log": log, "release": listed}),
        ("without", {"log": log}),
        ("bare", {}),
    ):
        config = CONFIG.model_copy(update=more)
        rules = [one.rule for one in inspect_alone(policies(), config=config, now=NOW)]
        found[name] = rules.count("open-environments")
    assert found == {"with": 0, "without": 1, "bare": 0}
