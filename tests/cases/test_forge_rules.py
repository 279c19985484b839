"""Ways round the gate that a forge's own rules leave open: doctor asks the forge, and tells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.books import open_books
from support.cases import case
from support.forge_rules import CLASSIC, OPEN, REPO, WHOLE, adopt_forge, checks, doctor, ruleset
from support.forge_server import ForgeServer, forge_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.world import World


@pytest.fixture
def server() -> Iterator[ForgeServer]:
    with forge_server() as running:
        yield running
    assert not running.faults


@case("188")
def test_rules_switched_off_and_on_after_the_newest_record_are_told(
    world: World, server: ForgeServer
) -> None:
    """Off, merge, on again: the rules say when they changed, and nothing is recorded since."""
    books = open_books(world)
    before = world.repo.tip("main")
    adopt_forge(world, server.url)
    books.landed(before)  # recorded on 2026-03-02 at 12:00, the clock of this world
    topic = "main changes of the rules"
    ruleset(server, *WHOLE, updated_at="2026-03-02T11:59:00Z")
    books_rules = [{"ruleset_id": 6, "type": kind} for kind in ("non_fast_forward", "deletion")]
    server.on("GET", f"{REPO}/rules/branches/audit-log", books_rules)
    server.on("GET", f"{REPO}/branches/audit-log/protection", OPEN)
    found = checks(doctor(world))
    assert found[topic]["status"] == "OK"
    assert {found[f"audit-log {of}"]["status"] for of in ("force-push", "deletion")} == {"OK"}
    ruleset(server, *WHOLE, updated_at="2026-03-02T12:01:00Z")
    told = checks(doctor(world))[topic]
    assert told["status"] == "ATTENTION"
    assert "after the newest landing on record (2026-03-02 12:00)" in told["message"]
    assert told["mend"] == "itil-gate audit reconcile"


@case("189")
def test_who_is_exempt_on_github_is_named(world: World, server: ForgeServer) -> None:
    exempt = {"actor_id": 42, "actor_type": "User", "bypass_mode": "exempt"}
    ruleset(server, *WHOLE, bypass_actors=[exempt])
    adopt_forge(world, server.url)
    ran = doctor(world)
    check = checks(ran)["main who is not bound"]
    assert check["status"] == "ATTENTION"
    assert "user:42: exempt, which leaves no trace in the pull request" in check["message"]
    assert ran.code == 1


@case("211")
def test_a_guarded_branch_that_github_does_not_protect_is_a_failure(
    world: World, server: ForgeServer
) -> None:
    ruleset(server)
    adopt_forge(world, server.url)
    ran = doctor(world)
    assert ran.code == 2
    assert checks(ran)["main protection"]["status"] == "FAIL"


@case("216")
def test_a_queue_on_a_branch_that_wants_signatures_is_told(
    world: World, server: ForgeServer
) -> None:
    ruleset(server, *WHOLE, {"type": "required_signatures"}, {"type": "merge_queue"})
    adopt_forge(world, server.url)
    check = checks(doctor(world))["main signed commits"]
    assert check["status"] == "ATTENTION"
    assert "queue" in check["message"]


@case("218")
def test_rulesets_and_branch_protection_differ_on_a_new_branch(
    world: World, server: ForgeServer
) -> None:
    anew = "main made anew"
    adopt_forge(world, server.url)
    loose = tuple(rule for rule in WHOLE if rule["type"] != "deletion")
    ruleset(server, *loose, {"type": "required_signatures"})
    ruled = checks(doctor(world))[anew]
    assert ruled["status"] == "ATTENTION"
    assert "commits that another branch holds are not asked for a signature" in ruled["message"]

    ruleset(server)
    signed = {"required_signatures": {"enabled": True}, "allow_deletions": {"enabled": True}}
    server.on("GET", f"{REPO}/branches/main/protection", CLASSIC | signed)
    classic = checks(doctor(world))[anew]
    assert classic["status"] == "ATTENTION"
    assert "branch protection asks no commit for a signature" in classic["message"]

    shut = CLASSIC | signed | {"block_creations": {"enabled": True}}
    server.on("GET", f"{REPO}/branches/main/protection", shut)
    assert checks(doctor(world))[anew]["status"] == "OK"

    lax = json.loads(json.dumps(loose))
    lax[-1]["parameters"]["do_not_enforce_on_create"] = True
    ruleset(server, *lax)
    unchecked = checks(doctor(world))[anew]
    assert unchecked["status"] == "ATTENTION"
    assert "required checks are not asked for" in unchecked["message"]
    ruleset(server, *lax, {"type": "creation"})
    assert checks(doctor(world))[anew]["status"] == "OK"


def requiring(*wanted: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return the tight rules, with these checks required and no others."""
    parameters = {**WHOLE[-1]["parameters"], "required_status_checks": list(wanted)}
    return (*WHOLE[:-1], {**WHOLE[-1], "parameters": parameters})


@case("168")
def test_a_required_check_that_is_known_by_its_name_only_is_told(
    world: World, server: ForgeServer
) -> None:
    adopt_forge(world, server.url)
    source = "main source of the check"
    ruleset(server, *requiring({"context": "itil-gate"}))
    told = checks(doctor(world))[source]
    assert told["status"] == "ATTENTION"
    assert "whoever may write can post itil-gate: no source is pinned" in told["message"]
    ruleset(server, *requiring({"context": "itil-gate", "integration_id": 77}))
    assert checks(doctor(world))[source]["status"] == "OK"


@case("FO-31")
def test_a_check_that_a_job_of_a_workflow_answers_for_is_told(
    world: World, server: ForgeServer
) -> None:
    """GitHub calls a job that was skipped a success; a check of an App of its own stays away."""
    adopt_forge(world, server.url)
    ruleset(server, *requiring({"context": "itil-gate", "integration_id": 15368}))
    found = checks(doctor(world))
    for topic in ("source of the check", "workflow"):
        assert found[f"main {topic}"]["status"] == "ATTENTION", topic
    ruleset(server, *requiring({"context": "tests", "integration_id": 77}))
    ran = doctor(world)
    assert ran.code == 2
    assert "merges without the gate's answer" in checks(ran)["main required check"]["message"]
