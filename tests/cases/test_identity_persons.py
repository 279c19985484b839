"""Accounts, e-mails and keys lead to one person each, and only humans among them approve."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.casting import (
    account,
    check_pull_request,
    listed,
    reasons,
    set_people,
    set_requirements,
)
from support.shell import run_gate
from support.world import (
    CHG,
    MACHINES,
    ROLES,
    broken,
    entry,
    findings,
    only,
    people_file,
    request_file,
    stranger,
)

from itil_gate.decide.gate import decide
from itil_gate.model.facts import Review

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Person
    from support.world import World

REQUEST = f"changes/2026/{CHG}.yaml"
NOT_BOB = ("alice", "carol", "dave", "erin")
NOT_DAVE = ("alice", "bob", "carol", "erin")
HIGH = {"db/schema.sql": "drop table t;\n"}


def second_key(world: World, tmp_path: Path) -> Person:
    """Give Dave a second key on main; he signs with it under the name dave2."""
    world.people["dave2"] = replace(stranger(tmp_path, "dave2"), id="dave")
    keys = (world.keyring.dave.public, world.people["dave2"].public)
    set_people(world, only=NOT_DAVE, more=listed(world.keyring.dave, keys=keys))
    return world.people["dave2"]


def machine(world: World, tmp_path: Path, *, kind: str, more: str = "") -> Person:
    """Bring in a machine with a key of its own."""
    world.people["gadget"] = stranger(tmp_path, "gadget")
    set_people(world, more=listed(world.people["gadget"], kind=kind, more=more))
    return world.people["gadget"]


@case("72")
def test_a_commit_under_a_second_address_excludes_the_same_person(world: World) -> None:
    emails = ("bob@example.com", "baker@home.example")
    set_people(world, only=NOT_BOB, more=listed(world.keyring.bob, emails=emails))
    world.propose()
    world.repo.commit(
        "at home",
        author=("B.", "Baker@Home.Example"),
        sign_with=world.keyring.alice.key,
        files={"src/lib.py": "x\n"},
    )
    world.approve("bob")
    assert entry(world.check(), "bob").code == "contributor"


@case("72")
def test_a_push_from_a_second_account_excludes_the_same_person(world: World) -> None:
    accounts = "[{forge: github.com, login: bob, id: 1002}, {forge: GitHub.com, login: b2, id: 7}]"
    set_people(world, only=NOT_BOB, more=listed(world.keyring.bob, more=f"accounts: {accounts}"))
    world.propose()
    world.approve("bob")
    pusher = account("b2", 7, forge="github.com")
    decision = check_pull_request(world, opener=account("alice"), pushers=[pusher])
    assert entry(decision, "bob").code == "contributor"


@case("73")
@pytest.mark.parametrize("forked", [False, True], ids=["one after the other", "side by side"])
def test_two_keys_of_one_person_count_once(world: World, tmp_path: Path, *, forked: bool) -> None:
    second_key(world, tmp_path)
    set_requirements(world, "id: two, levels: [low], role: peer, min: 2")
    world.propose()
    if forked:
        first, later = world.now, world.now + timedelta(seconds=1)
        both = [
            world.state("approve", name, at=at) for name, at in (("dave", first), ("dave2", later))
        ]
        for filed in both:
            world.file(filed)
    else:
        world.approve("dave", "dave2")
    decision = world.check()
    assert decision.outcome == "pending"
    assert only(decision).requirements[0].counted == ("dave",)
    assert {one.person for one in only(decision).ledger} == {"dave"}


@case("74")
def test_a_key_listed_under_two_people_stops_the_gate(world: World, tmp_path: Path) -> None:
    other = replace(stranger(tmp_path, "frank"), public=world.keyring.bob.public)
    set_people(world, more=listed(other))
    world.propose()
    assert world.refusal() == "invalid-policy-set"


@case("74")
def test_a_pull_request_that_would_share_a_key_is_denied(world: World, tmp_path: Path) -> None:
    other = replace(stranger(tmp_path, "frank"), public=world.keyring.bob.public)
    text = people_file(world.keyring, machines=MACHINES + listed(other))
    world.propose({"people.yaml": text}, scope="people.yaml")
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "proposed-policy-invalid")
    assert "belongs to bob and to frank" in found.message
    assert found.place is not None
    assert found.place.file == "people.yaml"


@case("76")
def test_a_person_who_holds_a_role_twice_counts_once(world: World) -> None:
    again = "  - {role: change-authority, members: [dave], services: [payments-api]}\n"
    set_people(world, extra=again)
    set_requirements(world, "id: two, levels: [low], role: change-authority, min: 2")
    world.propose()
    world.approve("dave")
    decision = world.check()
    assert decision.outcome == "pending"
    assert only(decision).requirements[0].counted == ("dave",)


@case("76", "77")
def test_one_person_in_two_roles_does_not_meet_two_requirements(world: World) -> None:
    world.propose(HIGH)
    world.approve("dave")
    decision = world.check()
    assert decision.outcome == "pending"
    assert sorted(len(one.counted) for one in only(decision).requirements) == [0, 1]


@case("78")
def test_a_second_approval_of_the_same_person_replaces_the_first(world: World) -> None:
    set_requirements(world, "id: two, levels: [low], role: peer, min: 2")
    world.propose()
    world.approve("bob")
    world.later(minutes=1)
    world.approve("bob")
    decision = world.check()
    assert decision.outcome == "pending"
    assert only(decision).requirements[0].counted == ("bob",)
    assert sorted(one.code for one in only(decision).ledger) == ["approved", "superseded"]


@case("80")
def test_a_renamed_account_stays_the_same_person(world: World) -> None:
    world.propose()
    world.approve("bob")
    renamed = account("robert", 1002)
    decision = check_pull_request(world, opener=account("alice"), pushers=[renamed])
    assert entry(decision, "bob").code == "contributor"


@case("80")
def test_whoever_takes_over_a_login_is_not_the_person_who_had_it(world: World) -> None:
    world.propose(signed=False)
    taker = account("alice", 4711)
    decision = check_pull_request(world, opener=taker, pushers=[taker])
    # The stranger's push proves nothing about who made Alice's commit.
    assert [one.id for one in only(decision).requirements] == ["review", "unproved-contributor"]


@case("81")
def test_a_look_alike_name_lends_no_identity(world: World, tmp_path: Path) -> None:
    other = replace(stranger(tmp_path, "mallory"), name="B\u043eb Baker")
    world.people["mallory"] = other
    set_people(world, more=listed(other))
    ran = run_gate("lint", "people.yaml", cwd=world.repo.path)
    assert "look-alike-name" in ran.out + ran.err
    world.propose({"deploy/app.yaml": "replicas: 4\n"})
    world.file(world.state("approve", "mallory", roles=["service-owner"]))
    decision = world.check()
    assert entry(decision, "mallory").code == "role-not-held"
    assert decision.outcome == "pending"


@case("81")
def test_an_id_of_other_letters_does_not_load(world: World, tmp_path: Path) -> None:
    set_people(world, more=listed(replace(stranger(tmp_path, "mallory"), id="b\u043eb")))
    world.propose()
    assert world.refusal() == "invalid-policy-set"


@case("92", "93", "95")
@pytest.mark.parametrize(
    ("kind", "more"), [("bot", ""), ("agent", "sponsor: carol"), ("forge", "")]
)
def test_only_humans_approve(world: World, tmp_path: Path, kind: str, more: str) -> None:
    machine(world, tmp_path, kind=kind, more=more)
    world.propose()
    world.approve("gadget")
    decision = world.check()
    assert decision.outcome == "pending"
    assert entry(decision, "gadget").code == kind
    assert "gadget" not in only(decision).requirements[0].eligible


@case("95")
def test_a_review_by_an_application_grants_nothing(world: World) -> None:
    head = world.propose()
    inputs = world.inputs()
    review = Review(
        id="1",
        forge="github.com",
        account=41898282,
        login="github-actions[bot]",
        state="approved",
        commit=head,
        submitted_at=world.now,
        sequence=1,
    )
    facts = inputs.facts.model_copy(update={"reviews": (review,)})
    assert decide(inputs.model_copy(update={"facts": facts})).outcome == "pending"


@case("96")
def test_machines_in_a_role_meet_no_requirement(world: World) -> None:
    set_people(world, roles={**ROLES, "change-authority": ["robo", "helper"]})
    world.propose(HIGH)
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "unsatisfiable-requirement")
    assert "nobody holds that role" in found.message


@case("97")
def test_a_machine_passes_alone_only_where_a_path_is_exempt(world: World, tmp_path: Path) -> None:
    machine(world, tmp_path, kind="bot")
    world.repo.checkout("feature", create=True)
    world.commit({"docs/index.md": "# Generated\n"}, by="gadget")
    assert world.check().outcome == "allow"
    world.commit({"src/app.py": "generated\n"}, by="gadget")
    assert broken(world.check()) == {"uncovered-change"}


@case("93")
@pytest.mark.parametrize(
    "part", ["author", "committer", "co-author", "requester", "implementer", "pusher"]
)
def test_the_sponsor_of_an_agent_does_not_approve_its_work(world: World, part: str) -> None:
    agent = ("Helper", "helper@example.com")
    more = "accounts: [{forge: github.com, login: helper, id: 90}]"
    machines = MACHINES.replace("emails: [helper@", f"{more}, emails: [helper@")
    world.commit({"people.yaml": people_file(world.keyring, machines=machines)}, by="carol")
    request = request_file(
        requester="helper" if part == "requester" else "alice",
        extra="  implementer: helper\n" if part == "implementer" else "",
    )
    world.propose({"src/app.py": "print('new')\n", REQUEST: request})
    alice = world.keyring.alice
    if part in ("author", "committer"):
        world.repo.commit(
            "work",
            author=agent if part == "author" else alice.who,
            committer=agent if part == "committer" else alice.who,
            sign_with=alice.key,
            files={"src/lib.py": "x\n"},
        )
    elif part == "co-author":
        trailer = "Co-authored-by: Helper <helper@example.com>"
        world.commit({"src/lib.py": "x\n"}, trailers=[trailer])
    world.approve("bob")
    decision = (
        check_pull_request(world, opener=account("alice"), pushers=[account("helper", 90)])
        if part == "pusher"
        else world.check()
    )
    assert decision.outcome == "pending"
    assert entry(decision, "bob").code == "contributor"
    assert "sponsor of helper" in entry(decision, "bob").detail
    assert "bob" not in only(decision).requirements[0].eligible


@case("100")
def test_nobody_signs_for_somebody_else(world: World) -> None:
    world.propose()
    world.file(world.state("approve", "bob", signer="erin"))
    decision = world.check()
    mine = entry(decision, "bob")
    assert (mine.code, mine.counted) == ("signer-mismatch", False)
    assert mine.detail == "it speaks for erin, but the key belongs to bob"
    assert decision.outcome == "pending"


@case("99", "101")
def test_a_strangers_approval_is_listed_and_not_counted(world: World, tmp_path: Path) -> None:
    world.people["mallory"] = stranger(tmp_path, "mallory")
    world.propose()
    world.file(world.state("approve", "mallory", signer="bob"))
    decision = world.check()
    (line,) = only(decision).ledger
    assert (line.person, line.code, line.counted) == (None, "unknown-key", False)
    assert world.people["mallory"].fingerprint in line.detail
    assert decision.outcome == "pending"


@case("101")
def test_an_unknown_requester_is_refused(world: World) -> None:
    world.propose({REQUEST: request_file(requester="alize")})
    decision = world.check()
    (found,) = findings(decision, "unknown-person")
    assert "alize" in found.message


@case("101")
def test_an_unknown_role_is_held_by_nobody(world: World) -> None:
    world.propose()
    world.approve("bob", roles=["wizard"])
    assert entry(world.check(), "bob").code == "role-not-held"


def test_one_account_under_two_numbers_of_the_same_forge_is_two_accounts(world: World) -> None:
    world.propose()
    decision = check_pull_request(
        world, opener=account("erin", 1005, forge="gitlab.example"), pushers=[account("alice")]
    )
    assert reasons(decision, "erin") == ()
    assert decision.changes[0].id == CHG
