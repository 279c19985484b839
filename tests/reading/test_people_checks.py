from __future__ import annotations

import pytest
from support.examples import REQUEST

from itil_gate.model.people import People
from itil_gate.reading.people import check_people, looks_like, read_people
from itil_gate.reading.read import read
from itil_gate.reading.yaml import parse

HEAD = "apiVersion: itil-gate/v1\nkind: People\n"
ONE = HEAD + "persons:\n  - {id: alice, name: Alice Archer, emails: [alice@example.com]}\n"


def rules(text: str) -> list[str]:
    document = parse(text, file="people.yaml")
    people = read(document, People)
    assert isinstance(people, People)
    return [finding.rule for finding in check_people(people, document)]


def test_a_sound_roster_is_returned() -> None:
    people = read_people(ONE, file="people.yaml")
    assert isinstance(people, People)
    assert people.persons[0].emails == ("alice@example.com",)


def test_a_roster_with_advice_only_is_returned() -> None:
    people = read_people(ONE + "  - {id: alice2, name: alice  ARCHER}\n", file="people.yaml")
    assert isinstance(people, People)


def test_a_denied_roster_gives_findings_with_places() -> None:
    text = ONE + "  - {id: bob, name: Bob, emails: [ALICE@example.com]}\n"
    found = read_people(text, file="people.yaml")
    assert isinstance(found, tuple)
    assert [str(finding.place) for finding in found] == ["people.yaml:5:35"]


def test_a_text_that_is_no_roster_gives_findings() -> None:
    assert isinstance(read_people("a: [", file="people.yaml"), tuple)
    assert isinstance(read_people(REQUEST, file="people.yaml"), tuple)


def test_an_address_twice_for_one_person_is_found() -> None:
    text = HEAD + "persons:\n  - {id: a, name: A, emails: [a@x.org, A@X.org]}\n"
    assert rules(text) == ["shared-identity"]


@pytest.mark.parametrize("sign", ["", "=", "=="])
def test_a_key_is_the_same_whatever_its_comment_and_padding(sign: str) -> None:
    blob = "AAAAC3NzaC1lZDI1NTE5AAAAIPm2fLC6+UxTA9rfDcEH0RyfTm6BHVxE2D0Z7mTdCWzI"
    text = HEAD + (
        "persons:\n"
        f"  - {{id: a, name: A, keys: [ssh-ed25519 {blob}]}}\n"
        f"  - {{id: b, name: B, keys: [ssh-ed25519 {blob}{sign} laptop]}}\n"
    )
    assert "shared-identity" in rules(text)


def test_the_same_number_on_two_forges_is_two_accounts() -> None:
    text = HEAD + (
        "persons:\n"
        "  - {id: a, name: Ann, accounts: [{forge: github.com, login: a, id: 7}]}\n"
        "  - {id: b, name: Bob, accounts: [{forge: gitlab.com, login: a, id: 7}]}\n"
    )
    assert rules(text) == []


def test_an_agent_may_not_be_sponsored_by_an_agent() -> None:
    text = ONE + (
        "  - {id: x, name: X, kind: agent, sponsor: alice}\n"
        "  - {id: y, name: Y, kind: agent, sponsor: x}\n"
    )
    assert rules(text) == ["agent-without-sponsor"]


def test_members_and_delegates_must_be_listed() -> None:
    text = ONE + (
        "roles: [{role: cab, members: [alice, bob]}]\n"
        "delegations:\n"
        "  - {delegator: carl, delegate: dora, role: cab,\n"
        "     start: 2026-12-01T00:00Z, end: 2026-12-02T00:00Z}\n"
    )
    assert rules(text) == ["unlisted-person"] * 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alice Archer", "\u0410lice Archer"),
        ("Alice Archer", "ALICE  archer"),
        ("Alice Archer", "Al\u200bice Archer"),
        ("Alice Archer", "AIice Archer"),
        ("Alice Archer", "\uff21lice Archer"),
        ("Bob", "B0b"),
        ("Nikos", "\u039dikos"),
        ("Ana", "\u0410\u043d\u0430".replace("\u043d", "n")),
        ("é", "e\u0301"),
    ],
)
def test_names_that_look_alike_have_one_form(one: str, other: str) -> None:
    assert one != other
    assert looks_like(one) == looks_like(other)


@pytest.mark.parametrize(("one", "other"), [("Ann", "Anna"), ("José", "Jose"), ("Lia", "Ila")])
def test_names_that_differ_to_the_eye_stay_different(one: str, other: str) -> None:
    assert looks_like(one) != looks_like(other)
