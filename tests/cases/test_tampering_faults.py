"""A policy set with a fault: nothing is decided by it, and a pull request cannot bring it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.judging import in_proposal, on_target, refused
from support.world import APPROVALS, CONFIG, RISK, SERVICES

if TYPE_CHECKING:
    from support.world import World

POLICY = "policies/approvals.yaml"
MODEL = "policies/risk.yaml"
PEOPLE = "people.yaml"
SET = "itil-gate.yaml"
REVIEW = "{id: review, levels: [low], role: peer, min: 1}"
CALENDAR = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {name: freezes, owner: change-authority, reviewBy: 2027-01-01}
spec:
"""
FREEZE = '{id: end, reason: Year ends., start: "2026-12-20T00:00", end: "2027-01-02T00:00", '
FREEZE += "timezone: UTC}"


def review(text: str) -> str:
    """Return the approval policy with another first requirement."""
    assert REVIEW in APPROVALS
    return APPROVALS.replace(REVIEW, text)


def quorum(text: str) -> str:
    """Return the approval policy with another quorum in the first requirement."""
    return review(REVIEW.replace("min: 1", text))


FAULTS = [
    pytest.param(
        "policies/more.yaml",
        APPROVALS,
        ("two ApprovalPolicy named approvals", POLICY),
        id="two policies of one name",
        marks=case("117"),
    ),
    pytest.param(
        "policies/more.yaml",
        RISK,
        ("two RiskModel named paths", MODEL),
        id="two models of one name",
        marks=case("117"),
    ),
    pytest.param(
        POLICY,
        review(f"{REVIEW}\n    - {REVIEW}"),
        ("requirements", "review twice"),
        id="two requirements of one id",
        marks=case("117"),
    ),
    pytest.param(
        MODEL,
        RISK.replace("id: schema", "id: deployment"),
        ("floors", "deployment twice"),
        id="two floors of one id",
        marks=case("117"),
    ),
    pytest.param(
        "calendar/x.yaml",
        f"{CALENDAR}  freezes:\n    - {FREEZE}\n    - {FREEZE}\n",
        ("freezes", "end twice"),
        id="two freezes of one id",
        marks=case("117"),
    ),
    pytest.param(
        "services/more.yaml",
        SERVICES,
        ("payments-api", "2 times, in services/more.yaml and services/payments.yaml"),
        id="two files for one service",
        marks=case("117"),
    ),
    pytest.param(
        "services/payments.yaml",
        f"{SERVICES}---\n{SERVICES}",
        ("payments-api", "twice"),
        id="two services of one name",
        marks=case("117"),
    ),
    pytest.param(
        "calendar/x.yaml",
        f"{CALENDAR}  files: [{{path: calendar/none.ics, means: freeze}}]\n",
        ("calendar/none.ics", "is not on the branch"),
        id="a calendar file that is not there",
        marks=case("118"),
    ),
    pytest.param(
        SET,
        f"{CONFIG}extensions: policies/none.json\n",
        ("is not on the branch",),
        id="a schema that is not there",
        marks=case("118"),
    ),
    pytest.param(
        POLICY,
        APPROVALS.replace("kind: ApprovalPolicy", "kind: ApprovalPolicies"),
        ("ApprovalPolicies", "not a kind of policy"),
        id="unknown kind",
        marks=case("118"),
    ),
    pytest.param(
        POLICY,
        review("{review: {levels: [low]}, owner: {levels: [low]}}"),
        ("spec.requirements[0]", '"review" is not known', '"owner" is not known'),
        id="a map with two keys",
        marks=case("119"),
    ),
    pytest.param(
        POLICY,
        APPROVALS.partition("  requirements:")[0] + "  requirements: {id: review, role: peer}\n",
        ("requirements", "list"),
        id="a map for a list",
        marks=case("119"),
    ),
    pytest.param(
        POLICY,
        quorum('min: "1"'),
        (".min", "whole number"),
        id="text for a number",
        marks=case("119"),
    ),
    pytest.param(
        POLICY,
        "[" * 100 + "]" * 100,
        ("deep",),
        id="too deep",
        marks=case("119"),
    ),
    pytest.param(
        POLICY,
        f"{APPROVALS}  invalidate_on_pushh: true\n",
        ("invalidate_on_pushh",),
        id="unknown key",
        marks=case("121"),
    ),
    pytest.param(
        POLICY,
        f"{APPROVALS}  countin:\n    - {{levels: [low], maxAge: 1d}}\n",
        ("countin", "counting"),
        id="a slip in a key, suggested",
        marks=case("121"),
    ),
    pytest.param(
        POLICY,
        quorum("min: 1, mni: 2"),
        ("mni", "min"),
        id="a slip deep down",
        marks=case("121"),
    ),
    pytest.param(
        SET,
        CONFIG.replace("exempt:", "exemt:"),
        ("exemt", "exempt"),
        id="a slip in the configuration",
        marks=case("121", "122"),
    ),
    pytest.param(
        SET,
        CONFIG.replace("targets: [refs/heads/main, refs/heads/release]", "targets: ["),
        ("itil-gate.yaml",),
        id="configuration that is no YAML",
        marks=case("122"),
    ),
    pytest.param(SET, "", ("itil-gate.yaml",), id="empty configuration", marks=case("122")),
    pytest.param(
        SET,
        CONFIG.replace("repository: example.com/acme/payments\n", ""),
        ("repository",),
        id="configuration without the repository",
        marks=case("122"),
    ),
    pytest.param(
        POLICY, b"# caf\xe9\n" + APPROVALS.encode(), ("UTF-8",), id="Latin-1", marks=case("129")
    ),
    pytest.param(
        PEOPLE,
        b"# \xff\xfe\n",
        ("UTF-8",),
        id="no text at all",
        marks=case("129"),
    ),
    pytest.param(SET, CONFIG.encode("utf-16"), ("byte order",), id="UTF-16", marks=case("129")),
    pytest.param(
        MODEL,
        RISK.replace('"deploy/**"', '"deploy/**x"'),
        ("deploy/**x", "**"),
        id="no glob",
        marks=case("135"),
    ),
    pytest.param(
        MODEL,
        RISK.replace('"deploy/**"', '"!deploy/**"'),
        ("!deploy/**", "negat"),
        id="a glob that negates",
        marks=case("135"),
    ),
    pytest.param(
        SET,
        CONFIG.replace('"docs/**"', '"docs//**"'),
        ("docs//**",),
        id="no glob in an exemption",
        marks=case("135"),
    ),
    *(
        pytest.param(POLICY, quorum(text), (word,), id=text, marks=case("136"))
        for text, word in (
            ("min: 0", "min"),
            ("min: -1", "min"),
            ("min: 101", "min"),
            ("min: 1e1", "min"),
            ("min: .inf", "min"),
        )
    ),
    *(
        pytest.param(POLICY, quorum(text), (word,), id=text, marks=case("137"))
        for text, word in (
            ("percent: 0", "percent"),
            ("percent: -50", "percent"),
            ("percent: 0.5", "percent"),
            ("percent: 101", "percent"),
            ("min: 0.5", "min"),
            ("percent: 1, min: 1", "percent"),
        )
    ),
]


@pytest.mark.parametrize(("path", "text", "words"), FAULTS)
def test_a_target_with_a_fault_decides_nothing_and_says_where(
    world: World, path: str, text: str | bytes, words: tuple[str, ...]
) -> None:
    _, said = on_target(world, {path: text})
    assert path in said or "/none." in said
    assert [word for word in words if word not in said] == []


@pytest.mark.parametrize(("path", "text", "words"), FAULTS)
def test_a_pull_request_that_brings_the_fault_is_denied_and_told_where(
    world: World, path: str, text: str | bytes, words: tuple[str, ...]
) -> None:
    found = refused(in_proposal(world, {path: text}))
    assert found.place is not None
    assert words[0] in found.message
    assert "target branch" not in found.remedy
