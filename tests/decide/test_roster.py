"""The roster: whose address, key and account something is, and who holds what when."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from itil_gate.decide.roster import Roster, build_roster
from itil_gate.model.facts import AccountRef
from itil_gate.model.people import People

START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
ROLES = (
    {"role": "owner", "members": ["bob", "dave"], "services": ["api"]},
    {"role": "board", "members": ["carol", "robo"]},
)
ODD = {"forge": "gitlab.com", "login": "7-odd", "id": 50}
TICK = timedelta(seconds=1)


def person(name: str, **more: object) -> dict[str, object]:
    return {"id": name, "name": name.title(), "emails": [f"{name}@example.com"], **more}


def roster(*delegations: dict[str, object]) -> Roster:
    """Return five humans and a bot with two roles between them, and delegations."""
    accounts = [{"forge": "GitHub.com", "login": "Alice", "id": 1001}]
    lab = [{"forge": "gitlab.com", "login": "dave", "id": 7}]
    persons = [
        person("alice", accounts=accounts),
        person("bob", emails=["Bob@Example.com"]),
        person("carol"),
        person("dave", accounts=lab),
        person("erin", accounts=[{"forge": "github.com", "login": "5+odd", "id": 9}, ODD]),
        person("robo", kind="bot"),
    ]
    text = json.dumps(
        {
            "apiVersion": "itil-gate/v1",
            "kind": "People",
            "persons": persons,
            "roles": ROLES,
            "delegations": delegations,
        }
    )
    return build_roster(People.model_validate_json(text))


def lent(lender: str, to: str, role: str, **more: object) -> dict[str, object]:
    period = {"start": "2026-03-01T00:00:00Z", "end": "2026-04-01T00:00:00Z"}
    return {"delegator": lender, "delegate": to, "role": role, **period, **more}


@pytest.mark.parametrize(
    ("address", "whose"),
    [
        ("ALICE@Example.COM", "alice"),
        ("bob@example.com", "bob"),
        ("9+whoever@users.noreply.github.com", "erin"),
        ("5+odd@users.noreply.github.com", None),
        ("1001+whatever@users.noreply.github.com", "alice"),
        ("1001+alice@users.noreply.GitHub.com", "alice"),
        ("1002+alice@users.noreply.github.com", None),
        ("alice@users.noreply.github.com", "alice"),
        ("mallory@users.noreply.github.com", None),
        ("1001+alice@users.noreply.gitlab.com", None),
        ("7-dave@users.noreply.gitlab.com", "dave"),
        ("7-odd@users.noreply.gitlab.com", "erin"),
        ("7-renamed@users.noreply.gitlab.com", "dave"),
        ("8-dave@users.noreply.gitlab.com", None),
        ("7+@users.noreply.gitlab.com", None),
        ("1001+alice@users.noreply.github.com.evil.example", None),
        ("x@users.noreply.github.com@example.com", None),
    ],
)
def test_an_address_is_that_of_one_listed_person_or_of_nobody(
    address: str, whose: str | None
) -> None:
    found = roster().by_address(address)
    assert (found.id if found else None) == whose


def test_an_account_is_known_by_its_number_on_its_forge() -> None:
    people = roster()
    for forge, number, whose in (
        ("github.com", 1001, "alice"),
        ("GITHUB.com", 1001, "alice"),
        ("gitlab.com", 1001, None),
        ("github.com", 7, None),
    ):
        found = people.by_reference(AccountRef(forge=forge, id=number, login="Alice"))
        assert (found.id if found else None) == whose


@pytest.mark.parametrize(
    ("now", "holders"),
    [
        (START - TICK, ("bob", "dave")),
        (START, ("bob", "dave", "erin")),
        (END - TICK, ("bob", "dave", "erin")),
        (END, ("bob", "dave")),
    ],
)
def test_a_delegation_holds_from_its_start_up_to_and_without_its_end(
    now: datetime, holders: tuple[str, ...]
) -> None:
    people = roster(lent("bob", "erin", "owner"))
    assert people.holders("owner", service="api", now=now) == holders
    assert people.holds("erin", "owner", now=now) is ("erin" in holders)
    assert people.lenders("erin", "owner", now=now) == (("bob",) if "erin" in holders else ())


def test_a_role_for_one_service_is_none_for_another() -> None:
    people = roster(lent("bob", "erin", "owner"), lent("carol", "alice", "board", services=["api"]))
    assert people.holders("owner", service="api", now=START) == ("bob", "dave", "erin")
    assert people.holders("owner", service="web", now=START) == ()
    assert people.holders("owner", service=None, now=START) == ("bob", "dave", "erin")
    assert people.holders("board", service="api", now=START) == ("alice", "carol")
    assert people.holders("board", service="web", now=START) == ("carol",)
    assert people.holders("board", service=None, now=START) == ("alice", "carol")
    assert people.holders("nothing", service=None, now=START) == ()


def test_a_delegation_of_what_the_lender_does_not_hold_lends_nothing() -> None:
    people = roster(
        lent("erin", "alice", "owner"),
        lent("bob", "alice", "owner", services=["web"]),
        lent("carol", "alice", "owner"),
    )
    assert people.holders("owner", service="api", now=START) == ("bob", "dave")
    assert not people.holds("alice", "owner", now=START)
    assert people.lenders("alice", "owner", now=START) == ()


def test_one_of_several_lent_services_is_enough_to_be_a_lender() -> None:
    people = roster(
        lent("bob", "alice", "owner", services=["web", "api"]), lent("dave", "alice", "owner")
    )
    assert people.lenders("alice", "owner", now=START) == ("bob", "dave")
    assert people.lenders("alice", "board", now=START) == ()
    assert people.lenders("erin", "owner", now=START) == ()


def test_whoever_holds_a_role_themselves_has_no_lender_for_it() -> None:
    people = roster(lent("dave", "bob", "owner"))
    assert people.lenders("bob", "owner", now=START) == ()
    assert people.holds("bob", "owner", now=START)


def test_a_peer_is_every_listed_human_and_a_machine_holds_but_is_no_holder() -> None:
    people = roster(lent("carol", "robo", "board"))
    humans = ("alice", "bob", "carol", "dave", "erin")
    assert people.holders("peer", service=None, now=START) == humans
    assert people.holders("peer", service="web", now=START) == humans
    assert people.holders("board", service=None, now=START) == ("carol",)
    assert people.holds("robo", "peer", now=START)
    assert people.holds("robo", "board", now=START)
    assert not people.holds("robo", "owner", now=START)
    assert not people.holds("mallory", "peer", now=START)
    assert not people.holds("alice", "owner", now=START)


def test_a_delegation_lends_the_role_that_it_names_and_no_other() -> None:
    people = roster(lent("bob", "erin", "board"), lent("carol", "alice", "owner"))
    assert people.holders("owner", service="api", now=START) == ("bob", "dave")
    assert people.holders("board", service=None, now=START) == ("carol",)
