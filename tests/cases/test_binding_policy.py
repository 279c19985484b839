"""What the target's policies have to do with an approval: tightened rules, age, carry-over.

Alice proposes a change of deploy/app.yaml, at medium risk, and Bob has approved it as an owner.
Whatever changes on main afterwards is judged as main says now.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.binding import approved_world, counts, rebase, squash, stale
from support.cases import case
from support.world import (
    APPROVALS,
    CONFIG,
    NOW,
    RISK,
    ROLES,
    World,
    broken,
    copy_world,
    entry,
    findings,
    only,
    people_file,
)

from itil_gate.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Keyring

APP = {"deploy/app.yaml": "replicas: 4\n"}
POLICY = "policies/approvals.yaml"
MODEL = "policies/risk.yaml"
OWNER = "role: service-owner, of: footprint, min: 1"
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def approved(template: Path, tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    path = tmp_path_factory.mktemp("approved") / "repo"
    return approved_world(template, path, keyring, by="bob", files=APP).repo.path


@pytest.fixture
def world(tmp_path: Path, approved: Path, keyring: Keyring) -> World:
    return copy_world(approved, tmp_path / "repo", keyring)


def owner(quorum: str) -> str:
    """Return the approval policy with another quorum for the owners."""
    return APPROVALS.replace(OWNER, f"role: service-owner, of: footprint, {quorum}")


def added(requirement: str) -> str:
    """Return the approval policy with one requirement more."""
    return f"{APPROVALS}    - {{{requirement}}}\n"


def counting(entry: str, text: str = APPROVALS) -> str:
    """Return an approval policy with one entry about counting."""
    return f"{text}  counting:\n    - {{{entry}}}\n"


MEDIUM = "levels: [medium]"


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        pytest.param(POLICY, owner("min: 2"), "2 service-owner of payments-api", id="min"),
        pytest.param(
            POLICY, owner("percent: 50"), "50 % of service-owner of payments-api", id="percent"
        ),
        pytest.param(
            POLICY,
            added(f"id: authority-too, {MEDIUM}, role: change-authority"),
            "1 change-authority",
            id="role added",
        ),
        pytest.param(
            POLICY,
            APPROVALS.replace("role: service-owner", "role: change-authority"),
            "1 change-authority of payments-api",
            id="other role",
        ),
        pytest.param(
            POLICY, added(f"id: peers, {MEDIUM}, role: peer, min: 2"), "2 peer", id="more peers"
        ),
    ],
)
def test_an_approval_under_weaker_requirements_is_stale(
    world: World, path: str, text: str, said: str
) -> None:
    world.on_main({path: text})
    decision = world.check()
    assert decision.outcome == "pending"
    detail = f"the requirement {said} was not there, or was weaker, when approved"
    stale(decision, detail, person="bob")


def test_an_approval_at_a_lower_risk_is_stale(world: World) -> None:
    world.on_main({MODEL: RISK.replace("level: medium", "level: high")})
    decision = world.check()
    assert decision.outcome == "pending"
    stale(decision, "the risk was medium when approved and is high now", person="bob")


@pytest.mark.parametrize(
    ("before", "after", "holds"),
    [
        pytest.param("percent: 50", "percent: 100", False, id="larger share"),
        pytest.param("percent: 50", "percent: 20", True, id="smaller share"),
        pytest.param("percent: 50", "min: 1", False, id="a number for a share"),
        pytest.param("min: 1", "percent: 1", False, id="a share for a number"),
        pytest.param("min: 1, distinct: false", "min: 1", False, id="made distinct"),
        pytest.param("min: 1", "min: 1, distinct: false", True, id="no more distinct"),
        pytest.param("min: 2", "min: 1", True, id="fewer"),
    ],
)
def test_a_quorum_holds_approvals_given_under_it_or_a_stricter_one(
    world: World, before: str, after: str, *, holds: bool
) -> None:
    world.on_main({POLICY: owner(before)})
    world.approve("dave")
    assert entry(world.check(), "dave").counted
    world.on_main({POLICY: owner(after)})
    found = entry(world.check(), "dave")
    assert (found.counted, found.code) == (holds, "approved" if holds else "stale")
    assert ("was not there, or was weaker, when approved" in found.detail) == (not holds)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param(MODEL, RISK.replace("level: medium", "level: low"), id="lower risk"),
        pytest.param(
            MODEL,
            RISK.replace("  floors:", "  floors:\n    - {id: x, paths: [src/**], level: high,"
                         " reason: Because.}"),
            id="risk elsewhere",
        ),
        pytest.param(MODEL, RISK.replace("changes what runs", "runs"), id="other words"),
        pytest.param(
            POLICY, added("id: third, levels: [high], role: peer, min: 3"), id="another level"
        ),
        pytest.param(POLICY, APPROVALS.replace("2027-01-01", "2028-01-01"), id="review date"),
        pytest.param(POLICY, APPROVALS.replace("id: owner,", "id: owners,"), id="other id"),
        pytest.param(
            POLICY, added(f"id: one-peer, {MEDIUM}, role: peer, distinct: false"), id="a peer"
        ),
        pytest.param("itil-gate.yaml", CONFIG.replace("docs/**", "docs/*"), id="configuration"),
        pytest.param("docs/index.md", "# Bye\n", id="prose"),
    ],
)  # fmt: skip
def test_the_rest_of_the_policy_set_leaves_an_approval_alone(
    world: World, path: str, text: str
) -> None:
    world.on_main({path: text})
    decision = world.check()
    assert decision.outcome == "allow"
    counts(decision, "exact", person="bob")


def test_a_second_requirement_of_the_same_role_is_a_stricter_one(world: World) -> None:
    world.on_main({POLICY: added(f"id: again, {MEDIUM}, {OWNER}")})
    stale(world.check(), "was not there, or was weaker, when approved", person="bob")


def test_a_role_that_is_lost_takes_the_approval_along(world: World) -> None:
    people = people_file(world.keyring, roles={**ROLES, "service-owner": ["dave"]})
    world.on_main({"people.yaml": people})
    decision = world.check()
    assert decision.outcome == "pending"
    assert [state.counted for state in only(decision).requirements] == [()]
    assert entry(decision, "bob").roles == ("peer",)


@pytest.mark.parametrize(
    ("age", "length", "holds"),
    [
        pytest.param(None, timedelta(days=30) - SECOND, True, id="to the last second"),
        pytest.param(None, timedelta(days=30), False, id="end exclusive"),
        pytest.param("36h", timedelta(hours=36) - SECOND, True, id="shortened, still young"),
        pytest.param("36h", timedelta(hours=36), False, id="shortened meanwhile"),
        pytest.param("365d", timedelta(days=30), False, id="lengthened too late"),
    ],
)
def test_an_approval_has_an_end(
    world: World, age: str | None, length: timedelta, *, holds: bool
) -> None:
    if age:
        world.on_main({POLICY: counting(f"{MEDIUM}, maxAge: {age}")})
    world.now += length
    decision = world.check()
    if holds:
        assert decision.outcome == "allow"
        counts(decision, "exact", person="bob")
    else:
        assert decision.outcome == "pending"
        ends = NOW + min(length, timedelta(days=30))
        stale(decision, f"good until {ends:%Y-%m-%d %H:%M}Z", person="bob", code="expired")


@pytest.mark.parametrize(
    ("expires", "length", "holds"),
    [
        pytest.param(timedelta(days=999), timedelta(days=30), False, id="never beyond maxAge"),
        pytest.param(timedelta(hours=1), timedelta(hours=1), False, id="sooner if so signed"),
        pytest.param(timedelta(hours=1), timedelta(minutes=59), True, id="until then"),
        pytest.param(-timedelta(hours=1), timedelta(0), False, id="ended before it began"),
    ],
)
def test_a_signer_may_shorten_the_age_and_not_lengthen_it(
    world: World, expires: timedelta, length: timedelta, *, holds: bool
) -> None:
    world.approve("dave", expires_at=NOW + expires)
    world.now += length
    found = entry(world.check(), "dave")
    assert (found.counted, found.code) == (holds, "approved" if holds else "expired")


@pytest.mark.parametrize(
    ("ahead", "code"),
    [
        pytest.param(timedelta(minutes=5), "approved", id="five minutes"),
        pytest.param(timedelta(minutes=5, seconds=1), "issued-in-future", id="and a second"),
        pytest.param(timedelta(days=10_000), "issued-in-future", id="another age"),
    ],
)
def test_an_approval_from_the_future_does_not_count(
    world: World, ahead: timedelta, code: str
) -> None:
    world.file(world.state("approve", "dave", at=NOW + ahead))
    found = entry(world.check(), "dave")
    assert (found.counted, found.code) == (code == "approved", code)


@pytest.mark.parametrize(
    ("levels", "accepted", "code"),
    [
        ("medium", "exact", "carry-over-forbidden"),
        ("low, high, critical", "exact", "approved"),
        ("medium", "exact, same-content", "approved"),
    ],
)
def test_policy_forbids_carry_over_for_a_level_of_risk(
    world: World, levels: str, accepted: str, code: str
) -> None:
    world.on_main({POLICY: counting(f"levels: [{levels}], carryOver: [{accepted}]")})
    rebase(world)
    found = entry(world.check(), "bob")
    assert found.code == code
    assert found.counted == (code == "approved")
    assert found.carry_over == ("same-content" if found.counted else None)


def test_the_strictest_of_several_policies_says_what_carries_over_and_how_long(
    world: World,
) -> None:
    other = re.sub(r"levels: \[[^]]*\]", "levels: [critical]", APPROVALS)
    other = other.replace("name: approvals", "name: more")
    world.on_main(
        {
            POLICY: counting(f"{MEDIUM}, maxAge: 36h, carryOver: [exact, same-content]"),
            "policies/more.yaml": counting(
                f"{MEDIUM}, maxAge: 2d, carryOver: [exact, clean-replay]", other
            ),
        }
    )
    squash(world)
    stale(world.check(), "same-content", person="bob", code="carry-over-forbidden")
    world.later(hours=36)
    stale(world.check(), person="bob", code="expired")


@case("3")
def test_a_policy_that_says_nothing_still_voids_approvals_by_a_push(world: World) -> None:
    assert "counting" not in APPROVALS
    world.commit({"deploy/app.yaml": "replicas: 5\n"})
    stale(world.check(), "deploy/app.yaml changed after approval", person="bob")


OPT_OUTS = [
    pytest.param(f"{MEDIUM}, invalidateOnPush: false", "invalidateOnPush", id="a switch"),
    pytest.param(f"{MEDIUM}, carryOver: [any]", "carryOver", id="a level of one's own"),
    pytest.param(f"{MEDIUM}, maxAge: never", "maxAge", id="an age without end"),
]


@case("3")
@pytest.mark.parametrize(("rule", "key"), OPT_OUTS)
def test_a_policy_that_opts_out_of_staleness_does_not_load(
    world: World, rule: str, key: str
) -> None:
    world.on_main({POLICY: counting(rule)})
    with pytest.raises(ConfigError) as undecided:
        world.check()
    assert undecided.value.code == "invalid-policy-set"
    (fault,) = undecided.value.findings
    assert key in fault.message
    assert fault.place is not None
    assert fault.place.file == POLICY


@case("3")
@pytest.mark.parametrize(("rule", "key"), OPT_OUTS)
def test_a_pull_request_that_proposes_to_opt_out_is_denied(
    world: World, rule: str, key: str
) -> None:
    world.commit({POLICY: counting(rule)})
    decision = world.check()
    assert decision.outcome == "deny"
    assert "proposed-policy-invalid" in broken(decision)
    assert key in findings(decision, "proposed-policy-invalid")[0].message
