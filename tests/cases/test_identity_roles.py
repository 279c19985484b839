"""Who holds which role, for what and until when, is asked of the target when it is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.casting import set_people, set_requirements
from support.shell import run_gate
from support.world import (
    APPROVALS,
    ROLES,
    SERVICES,
    broken,
    entry,
    findings,
    only,
    people_file,
)

if TYPE_CHECKING:
    from support.world import World

HIGH = {"db/schema.sql": "drop table t;\n"}
MEDIUM = {"deploy/app.yaml": "replicas: 4\n"}
OWNER = "id: owner, levels: [medium], role: service-owner, of: footprint"
LEDGER = (
    "---\n"
    "apiVersion: backstage.io/v1alpha1\n"
    "kind: Component\n"
    "metadata: {name: ledger, annotations: {itil-gate.dev/paths: 'ledger/**'}}\n"
    "spec: {type: service, lifecycle: production}\n"
)
BOTH = {"services": "payments-api, ledger", "scope": '"src/**", "ledger/**"'}


def lent(
    role: str = "change-authority",
    *,
    by: str = "carol",
    to: str = "erin",
    start: str = "2026-03-01T00:00:00Z",
    end: str = "2026-03-09T00:00:00Z",
    services: str = "",
) -> str:
    """Return one entry of delegations; the case's clock shows 2026-03-02T12:00Z."""
    scope = f", services: [{services}]" if services else ""
    parts = f"delegator: {by}, delegate: {to}, role: {role}, start: {start}, end: {end}{scope}"
    return f"  - {{{parts}}}\n"


def delegating(*entries: str) -> str:
    return "delegations:\n" + "".join(entries)


@case("68")
@pytest.mark.parametrize("count", ["min: 0", "min: -1", "percent: 0", "percent: 101"])
def test_a_requirement_of_nobody_does_not_load(world: World, count: str) -> None:
    set_requirements(world, f"id: review, levels: [low], role: peer, {count}")
    world.propose()
    assert world.refusal() == "invalid-policy-set"


@case("68")
def test_a_level_without_requirement_is_refused_however_little_is_asked_elsewhere(
    world: World,
) -> None:
    set_requirements(world, "id: review, levels: [low], role: peer")
    world.propose(MEDIUM)
    world.approve("bob")
    assert broken(world.check()) == {"no-applicable-policy"}


@case("77")
@pytest.mark.parametrize("people", [("bob", "dave"), ("dave", "carol"), ("carol", "bob")])
def test_people_are_placed_so_that_all_requirements_are_met(
    world: World, people: tuple[str, ...]
) -> None:
    world.propose(HIGH)
    world.approve(*people)
    decision = world.check()
    assert decision.outcome == "allow"
    placed = [person for one in only(decision).requirements for person in one.counted]
    assert sorted(placed) == sorted(people)


@case("77")
def test_one_person_counts_twice_only_where_the_policy_says_so(world: World) -> None:
    world.commit(
        {
            "policies/approvals.yaml": APPROVALS.replace(
                "role: change-authority, min: 1", "role: change-authority, min: 1, distinct: false"
            )
        }
    )
    world.propose(HIGH)
    world.approve("dave")
    assert world.check().outcome == "allow"


@case("82")
def test_an_approval_in_a_role_that_was_lost_since_does_not_count(world: World) -> None:
    world.propose(MEDIUM)
    world.approve("bob", roles=["service-owner"])
    assert world.check().outcome == "allow"
    roles = {**ROLES, "service-owner": ["dave"]}
    world.on_main({"people.yaml": people_file(world.keyring, roles=roles)})
    decision = world.check()
    assert decision.outcome == "pending"
    assert entry(decision, "bob").code == "role-not-held"


@case("82")
def test_an_approval_in_several_roles_counts_in_those_that_are_left(world: World) -> None:
    world.propose(MEDIUM)
    world.approve("bob")
    roles = {**ROLES, "service-owner": ["dave"]}
    world.on_main({"people.yaml": people_file(world.keyring, roles=roles)})
    decision = world.check()
    assert decision.outcome == "pending"
    mine = entry(decision, "bob")
    assert mine.roles == ("peer",)
    assert mine.detail == "the signer does not hold service-owner now"


@case("82")
def test_somebody_who_left_does_not_count(world: World) -> None:
    world.propose()
    world.approve("erin")
    left = people_file(world.keyring, only=["alice", "bob", "carol", "dave"])
    world.on_main({"people.yaml": left})
    decision = world.check()
    assert decision.outcome == "pending"
    (line,) = only(decision).ledger
    assert (line.code, line.counted) == ("unknown-key", False)


@case("84")
def test_a_requirement_for_more_people_than_hold_the_role_is_refused(world: World) -> None:
    set_requirements(world, "id: all, levels: [low], role: change-authority, min: 3")
    ran = run_gate("lint", cwd=world.repo.path)
    assert ran.code == 1
    assert "unsatisfiable-requirement" in ran.out
    world.propose()
    world.approve("carol", "dave")
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "unsatisfiable-requirement")
    assert found.message == "all needs 3 change-authority; left: carol, dave"


@case("85")
def test_a_requirement_that_fails_without_the_author_is_refused_and_said_before(
    world: World,
) -> None:
    set_requirements(world, "id: all, levels: [low], role: change-authority, min: 2")
    ran = run_gate("lint", cwd=world.repo.path)
    assert ran.code == 1
    assert "changes by carol, dave" in ran.out
    world.propose(by="carol")
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "unsatisfiable-requirement")
    assert found.message.endswith("left: dave; carol took part in the change")


@case("86")
def test_a_role_inside_a_role_is_refused_by_name(world: World) -> None:
    set_people(world, roles={**ROLES, "service-owner": ["bob", "change-authority"]})
    world.propose()
    with pytest.raises(Exception, match="member change-authority is not among the persons"):
        world.check()


@case("87")
def test_a_role_nobody_holds_is_found_before_anybody_waits_for_it(world: World) -> None:
    set_requirements(world, "id: sre, levels: [low], role: sre")
    ran = run_gate("lint", cwd=world.repo.path)
    assert ran.code == 1
    assert "sre, which no human holds" in ran.out
    world.propose()
    (found,) = findings(world.check(), "unsatisfiable-requirement")
    assert "nobody holds that role" in found.message


@case("88", "90")
def test_an_owner_does_not_approve_the_own_change_by_owning_it(world: World) -> None:
    world.propose(MEDIUM, by="bob")
    assert world.check().outcome == "pending"
    world.approve("bob")
    decision = world.check()
    assert decision.outcome == "pending"
    assert only(decision).requirements[0].eligible == ("dave",)
    world.approve("dave")
    assert world.check().outcome == "allow"


@case("91")
def test_an_author_in_one_group_leaves_the_other_groups_as_they_are(world: World) -> None:
    world.propose(HIGH, by="carol")
    states = {one.id: one.eligible for one in only(world.check()).requirements}
    assert states == {"owner": ("bob", "dave"), "authority": ("dave",)}
    world.approve("bob", "dave")
    assert world.check().outcome == "allow"


@case("89")
def test_the_change_of_a_sole_owner_is_refused_without_a_fallback(world: World) -> None:
    set_people(world, roles={**ROLES, "service-owner": ["bob"]})
    world.propose(MEDIUM, by="bob")
    decision = world.check()
    assert decision.outcome == "deny"
    assert broken(decision) == {"unsatisfiable-requirement"}


@case("89")
def test_a_fallback_role_stands_in_for_a_sole_owner_and_only_then(world: World) -> None:
    set_people(world, roles={**ROLES, "service-owner": ["bob"]})
    set_requirements(world, f"{OWNER}, fallback: change-authority")
    world.propose(MEDIUM, by="bob")
    world.approve("carol")
    assert world.check().outcome == "allow"
    world.propose(MEDIUM, by="alice", branch="hers", change="CHG-2026-AAAA0002")
    world.approve("carol", head="hers", change="CHG-2026-AAAA0002")
    decision = world.check("hers")
    assert decision.outcome == "pending"
    assert only(decision).requirements[0].eligible == ("bob",)


@case("98", "99")
def test_an_approval_without_the_role_is_listed_and_meets_nothing(world: World) -> None:
    world.propose(MEDIUM)
    world.approve("erin")
    decision = world.check()
    assert decision.outcome == "pending"
    assert entry(decision, "erin").roles == ("peer",)
    assert only(decision).requirements[0].counted == ()


def test_a_role_that_is_claimed_and_never_was_held_counts_nowhere(world: World) -> None:
    world.propose(MEDIUM)
    world.approve("erin", roles=["service-owner"])
    decision = world.check()
    assert decision.outcome == "pending"
    assert entry(decision, "erin").code == "role-not-held"


def test_a_role_that_is_held_and_not_claimed_counts_nowhere(world: World) -> None:
    world.propose(MEDIUM)
    world.approve("bob", roles=["peer"])
    assert world.check().outcome == "pending"


def test_owners_are_asked_for_each_service_that_is_touched(world: World) -> None:
    extra = (
        "  - {role: service-owner, members: [bob], services: [payments-api]}\n"
        "  - {role: service-owner, members: [dave, bob], services: [ledger]}\n"
    )
    set_people(world, roles={"change-authority": ["carol"]}, extra=extra)
    set_requirements(world, "id: owner, levels: [low], role: service-owner, of: footprint")
    world.commit({"services/payments.yaml": SERVICES + LEDGER})
    world.propose({"src/app.py": "1\n", "ledger/book.py": "1\n"}, **BOTH)  # type: ignore[arg-type]
    world.approve("bob")
    decision = world.check()
    assert decision.outcome == "pending"
    states = {one.service: one for one in only(decision).requirements}
    assert states["payments-api"].counted == ("bob",)
    assert states["ledger"].eligible == ("dave",)
    assert [step.who for step in decision.unblock] == [("dave",)]
    world.approve("dave")
    assert world.check().outcome == "allow"


def test_a_service_that_is_touched_and_not_named_is_refused(world: World) -> None:
    world.commit({"services/payments.yaml": SERVICES + LEDGER})
    world.propose({"ledger/book.py": "1\n"}, scope='"ledger/**"')
    decision = world.check()
    assert "undeclared-service" in broken(decision)
    assert only(decision).services == ("ledger", "payments-api")


@pytest.mark.parametrize("of", ["footprint", "anyone"])
def test_a_role_for_another_service_does_not_count(world: World, of: str) -> None:
    extra = "  - {role: service-owner, members: [erin], services: [ledger]}\n"
    set_people(world, extra=extra)
    set_requirements(world, f"id: owner, levels: [low], role: service-owner, of: {of}")
    world.commit({"services/payments.yaml": SERVICES + LEDGER})
    world.propose()
    world.approve("erin")
    decision = world.check()
    assert only(decision).requirements[0].eligible == ("bob", "dave")
    assert decision.outcome == "pending"


BLOG = SERVICES.replace("payments-api", "blog").replace("src/** deploy/** db/**", "blog/**")
POST = {"blog/a.md": "1\n"}
LAX = {"policies/approvals.yaml": f"{APPROVALS}# laxer\n"}
SCOPE = '"blog/**", "db/**", "policies/**"'
LIMITED = """\
  - {role: service-owner, members: [bob], services: [payments-api]}
  - {role: service-owner, members: [carol], services: [blog]}
  - {role: change-authority, members: [dave], services: [payments-api]}
  - {role: change-authority, members: [erin], services: [blog]}
"""


def _with_blog(world: World, grants: str) -> None:
    set_people(world, roles={"release-manager": ["bob"]}, extra=grants)
    world.commit({"services/blog.yaml": BLOG})


@pytest.mark.parametrize(
    ("files", "claims", "missing"),
    [
        (HIGH, "payments-api, blog", ["dave"]),
        (HIGH | POST, "payments-api, blog", ["dave"]),
        (LAX, "blog", []),
        (LAX | POST, "blog", []),
    ],
)
def test_naming_or_touching_a_service_lets_nobody_answer_for_the_rest(
    world: World, files: dict[str, str], claims: str, missing: list[str]
) -> None:
    """Erin is change authority of the blog only; nobody is of files that belong to no service."""
    _with_blog(world, LIMITED)
    world.propose(files, services=claims, scope=SCOPE)
    world.approve("bob", "carol", "erin")
    decision = world.check()
    assert decision.outcome == ("pending" if missing else "deny")
    assert [list(step.who) for step in decision.unblock if step.who != ("alice",)][:1] == (
        [missing] if missing else []
    )
    if missing:
        world.approve("dave")
        assert world.check().outcome == "allow"
        return
    (found, *_) = findings(decision, "unsatisfiable-requirement")
    assert "change-authority for all services, because files change that" in found.message


@pytest.mark.parametrize("files", [HIGH, HIGH | POST, LAX, LAX | POST])
def test_whoever_holds_a_role_for_all_services_answers_for_all_of_it(
    world: World, files: dict[str, str]
) -> None:
    grants = LIMITED + "  - {role: change-authority, members: [erin]}\n"
    _with_blog(world, grants)
    world.propose(files, services="payments-api, blog", scope=SCOPE)
    world.approve("bob", "carol", "erin")
    assert world.check().outcome == "allow"


def test_a_share_of_the_holders_grows_no_smaller_by_touching_more(world: World) -> None:
    board = (
        "  - {role: board, members: [bob, carol]}\n"
        "  - {role: board, members: [dave, erin], services: [payments-api]}\n"
    )
    _with_blog(world, board)
    set_requirements(world, "id: board, levels: [low], role: board, percent: 51, distinct: false")
    both = {"src/app.py": "1\n", **POST}
    world.propose(both, services="payments-api, blog", scope='"src/**", "blog/**"')
    world.approve("bob", "carol")
    decision = world.check()
    assert decision.outcome == "pending"
    needs = {one.service: (one.needed, one.counted) for one in only(decision).requirements}
    assert needs == {"payments-api": (3, ("bob", "carol")), "blog": (2, ("bob", "carol"))}
    world.approve("dave")
    assert world.check().outcome == "allow"


@pytest.mark.parametrize(
    ("percent", "members", "needed"),
    [
        (51, ("bob", "dave"), 2),
        (34, ("bob", "carol", "dave"), 2),
        (33, ("bob", "carol", "dave"), 1),
    ],
)
def test_a_percentage_is_rounded_up(
    world: World, percent: int, members: list[str], needed: int
) -> None:
    set_people(world, roles={"board": members})
    set_requirements(world, f"id: board, levels: [low], role: board, percent: {percent}")
    world.propose()
    world.approve("bob")
    decision = world.check()
    (state,) = only(decision).requirements
    assert (state.needed, state.counted) == (needed, ("bob",))
    assert decision.outcome == ("allow" if needed == 1 else "pending")


def test_contributors_stay_in_the_number_a_percentage_is_of(world: World) -> None:
    set_people(world, roles={"board": ["alice", "bob"]})
    set_requirements(world, "id: board, levels: [low], role: board, percent: 51")
    world.propose()
    (found,) = findings(world.check(), "unsatisfiable-requirement")
    assert found.message == "board needs 2 board; left: bob; alice took part in the change"


@case("100")
def test_a_delegate_approves_and_the_record_names_both(world: World) -> None:
    set_people(world, extra=delegating(lent()))
    world.propose(HIGH)
    world.approve("bob", "erin")
    decision = world.check()
    assert decision.outcome == "allow"
    mine = entry(decision, "erin")
    assert mine.roles == ("peer", "change-authority")
    assert mine.detail == "change-authority on behalf of carol"


@case("100")
@pytest.mark.parametrize(
    "delegation",
    [
        pytest.param(lent(start="2026-03-02T12:00:01Z"), id="not yet begun"),
        pytest.param(lent(end="2026-03-02T12:00:00Z"), id="just over"),
        pytest.param(lent("service-owner", by="bob"), id="of another role"),
        pytest.param(lent(services="ledger"), id="for another service"),
        pytest.param(lent(by="bob"), id="by somebody without the role"),
        pytest.param(lent(to="alice", by="dave") + lent(by="alice"), id="lent on"),
    ],
)
def test_a_delegation_lends_no_more_than_it_says(world: World, delegation: str) -> None:
    set_people(world, extra=delegating(delegation))
    world.commit({"services/payments.yaml": SERVICES + LEDGER})
    world.propose(HIGH)
    asked = {one.id: one.eligible for one in only(world.check()).requirements}
    assert "erin" not in asked["authority"]
    world.approve("bob", "erin")
    decision = world.check()
    assert decision.outcome == "pending"
    states = {one.id: one for one in only(decision).requirements}
    assert states["owner"].counted == ("bob",)
    assert states["authority"].counted == ()


def test_a_role_that_its_lender_lost_is_lost_to_the_delegate(world: World) -> None:
    set_people(world, extra=delegating(lent()))
    world.propose(HIGH)
    world.approve("erin", roles=["change-authority"])
    roles = {**ROLES, "change-authority": ["dave"]}
    people = people_file(world.keyring, roles=roles, extra=delegating(lent()))
    world.on_main({"people.yaml": people})
    assert entry(world.check(), "erin").code == "role-not-held"


def test_a_delegation_to_a_contributor_lends_nothing(world: World) -> None:
    set_people(world, extra=delegating(lent(to="alice")))
    world.propose(HIGH)
    world.approve("alice")
    decision = world.check()
    assert entry(decision, "alice").code == "contributor"
    assert only(decision).requirements[1].eligible == ("carol", "dave")


def test_a_lender_and_their_delegate_are_one_authority(world: World) -> None:
    set_people(world, extra=delegating(lent()))
    set_requirements(world, "id: two, levels: [low], role: change-authority, min: 2")
    world.propose()
    world.approve("carol", "erin")
    assert world.check().outcome == "pending"


def test_a_contributors_delegate_is_a_person_of_their_own(world: World) -> None:
    # The delegation was itself a change of people.yaml that others approved; Erin is no puppet.
    set_people(world, extra=delegating(lent()))
    world.propose(HIGH, by="carol")
    world.approve("bob", "erin")
    decision = world.check()
    assert decision.outcome == "allow"
    assert "carol" in entry(decision, "erin").detail


def test_a_machine_is_lent_nothing(world: World) -> None:
    set_people(world, roles={"change-authority": ["carol"]}, extra=delegating(lent(to="robo")))
    set_requirements(world, "id: all, levels: [low], role: change-authority, min: 2")
    world.propose()
    assert broken(world.check()) == {"unsatisfiable-requirement"}


@case("103")
def test_a_delegator_takes_the_role_back_and_the_approval_goes_with_it(world: World) -> None:
    set_people(world, extra=delegating(lent()))
    world.propose(HIGH)
    world.approve("bob", "erin")
    world.on_main({"people.yaml": people_file(world.keyring)})
    decision = world.check()
    assert decision.outcome == "pending"
    assert entry(decision, "erin").detail == "the signer does not hold change-authority now"


@case("103")
def test_a_delegator_may_say_no_where_the_delegate_said_yes(world: World) -> None:
    set_people(world, extra=delegating(lent()))
    world.propose(HIGH)
    world.approve("bob", "erin")
    world.reject("carol")
    assert broken(world.check()) == {"open-rejection"}


def test_a_pull_request_cannot_lend_the_role_that_approves_it(world: World) -> None:
    people = people_file(world.keyring, extra=delegating(lent()))
    world.propose({"people.yaml": people}, scope="people.yaml")
    world.approve("bob", "erin")
    decision = world.check()
    assert decision.outcome == "pending"
    target = [one for one in only(decision).requirements if one.side == "target"]
    assert {one.id: one.counted for one in target} == {"owner": ("bob",), "authority": ()}


def test_people_without_a_key_are_not_waited_for(world: World) -> None:
    people = people_file(world.keyring)
    for name in ("bob", "carol", "dave", "erin"):
        people = people.replace(f"    keys: ['{world.person(name).public}']\n", "")
    world.on_main({"people.yaml": people})
    world.propose()
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "unsatisfiable-requirement")
    assert "without a key in people.yaml: bob, carol, dave, erin" in found.message
