"""Approvals given for a favour or without looking: told as patterns, whatever dates are made up.

Nothing proves what somebody read. What can be counted is counted, and is not bent by who is
counted: not by a date in a statement or a commit, not by a second key, not by a file that cannot be
read.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.approvers import file_all, one_of, reported
from support.books import Bookish, git, open_books
from support.cases import case
from support.repository import make_person
from support.shell import run_gate
from support.world import CHG, CONFIG, OTHER, adopt, people_file, request_file, stranger

from itil_gate.model.statement import APPROVAL_NAMESPACE
from itil_gate.release.signing_desk import Filed
from itil_gate.report.approvers_text import approvers_json, approvers_markdown, approvers_text
from itil_gate.signing.ed25519 import KeySigner, armored
from itil_gate.signing.statement import (
    approval_statement,
    compose,
    path_of,
    read_statement,
    signed_bytes,
)

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Keyring
    from support.world import World

LONG_AGO = 1_500_000_000
"""A date in a commit, years before the world begins."""


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world)


def old_proposal(world: World) -> None:
    """Open a branch whose commit says that it is years old."""
    world.repo.checkout("feature", create=True, at="main")
    world.repo.commit(
        "old",
        author=world.keyring.alice.who,
        sign_with=world.keyring.alice.key,
        when=LONG_AGO,
        files={f"changes/2026/{CHG}.yaml": request_file(CHG), "src/app.py": "print('new')\n"},
    )


@case("105")
def test_a_commit_with_an_old_date_makes_no_approval_slow(books: Bookish) -> None:
    world = books.world
    old_proposal(world)
    books.decide()
    world.later(minutes=1)
    world.approve("bob")
    books.decide()
    bob = one_of(reported(world), "bob")
    assert (bob.latency.fastest_seconds, bob.latency.within) == (60, 1)
    assert bob.latency.at_least == 1
    assert bob.hinted.measured == 0


@case("105")
def test_without_a_log_an_old_commit_is_a_hint_and_no_measure(world: World) -> None:
    old_proposal(world)
    world.approve("bob")
    found = reported(world)
    bob = one_of(found, "bob")
    assert (bob.latency.measured, bob.hinted.measured) == (0, 1)
    assert "by dates of commits, a hint" in approvers_text(found)
    assert "no audit log is here" in approvers_text(found)


@case("105")
def test_an_approval_that_is_dated_ahead_is_as_old_as_the_log_has_it(books: Bookish) -> None:
    world = books.world
    world.propose()
    books.decide()
    world.later(minutes=1)
    world.approve("bob", at=world.now + timedelta(hours=5))
    books.decide()
    world.later(hours=6)
    books.decide()
    bob = one_of(reported(world), "bob")
    assert (bob.approvals, bob.counted, bob.dated_after) == (1, 1, 1)
    assert bob.latency.fastest_seconds == 60


@case("105")
def test_an_approval_that_is_dated_before_the_content_is_not_measured(books: Bookish) -> None:
    world = books.world
    old_proposal(world)
    books.decide()
    world.later(minutes=1)
    world.approve("bob", at=world.now - timedelta(days=3))
    world.later(hours=9)
    books.decide()
    bob = one_of(reported(world), "bob")
    assert (bob.latency.measured, bob.hinted.measured) == (0, 0)
    assert bob.unmeasured == {"dated-before": 1}
    assert "1 dated before the content could be seen" in approvers_text(reported(world))


@case("105")
def test_an_approval_does_not_leave_a_period_by_its_own_date(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob", at=world.now - timedelta(days=10))
    books.decide()
    since = world.now - timedelta(days=1)
    assert one_of(reported(world, since=since), "bob").approvals == 1
    assert reported(world, until=since).not_in_period == 1


@case("105")
def test_an_approval_of_the_next_version_is_counted_from_that_version(books: Bookish) -> None:
    world = books.world
    world.propose()
    books.decide()
    world.later(days=2)
    world.commit({"src/app.py": "print('newer')\n"})
    books.decide()
    world.later(seconds=20)
    world.approve("bob")
    books.decide()
    assert one_of(reported(world), "bob").latency.fastest_seconds == 20


@case("105")
def test_two_keys_of_one_person_are_one_person(
    keyring: Keyring, tmp_path: Path, world: World
) -> None:
    second = make_person(tmp_path, "bob", kind="ecdsa")
    keys = f"keys: ['{keyring.bob.public}'"
    world.on_main({"people.yaml": people_file(keyring).replace(keys, f"{keys}, '{second.public}'")})
    world.people["bob-again"] = second
    world.propose()
    world.approve("bob")
    world.propose({"src/b.py": "1\n"}, branch="second", change=OTHER)
    world.approve("bob-again", head="second", change=OTHER)
    found = reported(world)
    assert [one.who for one in found.approvers] == ["bob"]
    bob = one_of(found, "bob")
    assert (bob.approvals, bob.changes, len(bob.keys)) == (2, 2, 2)


@case("105")
def test_what_never_counted_stands_apart(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("alice")
    world.approve("bob")
    books.decide()
    found = reported(world)
    alice = one_of(found, "alice")
    assert (alice.approvals, alice.never_counted) == (0, {"contributor": 1})
    assert (alice.latency.measured, alice.hinted.measured) == (0, 0)
    assert one_of(found, "bob").never_counted == {}
    assert "1 approval never counted (1 contributor)" in approvers_text(found)


@case("105")
def test_what_machines_and_others_keys_say_counts_for_nobody(
    keyring: Keyring, tmp_path: Path, world: World
) -> None:
    robo = make_person(tmp_path, "robo")
    text = people_file(keyring).replace("kind: bot,", f"kind: bot, keys: ['{robo.public}'],")
    world.on_main({"people.yaml": text})
    world.people["robo"] = robo
    world.propose()
    world.approve("robo")
    world.approve("bob", signer="dave")
    world.approve("carol", repository="example.com/acme/other")
    found = reported(world)
    assert {one.who: dict(one.never_counted) for one in found.approvers} == {
        "robo": {"bot": 1},
        "bob": {"signer-mismatch": 1},
        "carol": {"not-this-repository": 1},
    }


@case("105")
def test_a_key_of_nobody_is_shown_and_not_dropped(world: World, tmp_path: Path) -> None:
    world.people["mallory"] = stranger(tmp_path, "mallory")
    world.propose()
    world.approve("mallory")
    found = reported(world)
    (who,) = found.approvers
    assert who.who == f"key {world.people['mallory'].fingerprint}"
    assert (who.kind, who.approvals) == (None, 1)
    assert "nobody in people.yaml" in approvers_text(found)


@case("105")
def test_what_cannot_be_read_is_counted_and_stops_nothing(world: World) -> None:
    world.propose()
    good = world.state("approve", "bob")
    spoilt = world.state("approve", "carol")
    world.file(good)
    world.file(Filed(spoilt.path, spoilt.data.replace(b"BEGIN SSH", b"BEGIN XSH")))
    world.file(Filed(f"{CHG}/{'0' * 64}.stmt", b"\xff\x00" * 200_000))
    world.file(Filed(f"{OTHER}/\x1b[2J<b>.stmt", b"{}"))
    wrong = world.state("approve", "dave")
    signature = good.data.partition(b"\n")[2]
    world.file(Filed(wrong.path, wrong.data.partition(b"\n")[0] + b"\n" + signature))
    found = reported(world)
    assert found.unreadable == {"bad-signature": 1, "malformed": 3}
    assert [one.who for one in found.approvers] == ["bob"]
    for text in (approvers_text(found), approvers_markdown(found), approvers_json(found)):
        assert "\x1b" not in text
    assert "<b>" not in approvers_markdown(found)
    assert "unreadable, malformed: 3" in approvers_text(found)


@case("105")
def test_overrides_and_vouches_are_no_approvals(world: World) -> None:
    head = world.propose()
    world.vouch("carol", head)
    found = reported(world)
    assert (found.approvers, found.unreadable) == ((), {})


@case("105")
def test_names_of_strangers_are_shown_and_not_obeyed(keyring: Keyring, world: World) -> None:
    hostile = "<script>alert(1)</script> @everybody ::error::x"
    text = people_file(keyring).replace("name: Bob Baker", f'name: "{hostile}"')
    world.on_main({"people.yaml": text})
    world.propose()
    world.approve("bob", requester="al.ice-0", reason="\x1b[31m")
    found = reported(world)
    assert hostile.partition(" ::")[0] in approvers_text(found)
    page = approvers_markdown(found)
    assert "<script" not in page
    assert "@everybody" not in page
    assert "\n::error" not in approvers_text(found)
    assert json.loads(approvers_json(found))["approvers"][0]["name"] == hostile


@case("105")
def test_those_who_approve_for_each_other_are_told(world: World) -> None:
    world.propose()
    world.approve("bob")
    world.propose({"src/b.py": "1\n"}, branch="second", by="bob", change=OTHER)
    world.approve("alice", "erin", head="second", change=OTHER)
    found = reported(world)
    (pair,) = found.pairs
    assert (pair.one, pair.one_approved, pair.other, pair.other_approved) == ("alice", 1, "bob", 1)
    assert "alice approved 1 change of bob, bob 1 of alice" in approvers_text(found)


@case("105")
def test_for_whom_and_at_which_risk_is_not_what_the_statement_says(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob", requester="somebody", risk="critical")
    before = one_of(reported(world), "bob")
    assert [one.requester for one in before.for_whom] == ["somebody"]
    books.decide()
    after = one_of(reported(world, levels=("low",)), "bob")
    assert [one.requester for one in after.for_whom] == ["alice"]
    assert (after.approvals, after.counted) == (1, 1)


@case("105")
def test_whoever_approves_51_times_and_never_says_another_word_is_told(world: World) -> None:
    world.propose()
    filed = world.state("approve", "bob")
    world.file(filed)
    said = read_statement(filed.path, filed.data).approval
    assert said is not None
    signer = KeySigner.from_openssh(world.keyring.bob.key.read_bytes())
    same = [
        approval_statement(said.model_copy(update={"change": f"CHG-2026-{number:08d}"}))
        for number in range(50)
    ]
    file_all(
        world,
        [
            Filed(
                path_of(one),
                compose(one, armored(signer, signed_bytes(one), namespace=APPROVAL_NAMESPACE)),
            )
            for one in same
        ],
    )
    found = reported(world)
    assert one_of(found, "bob").only_approves
    assert "more than 50 approvals and never a rejection or a remark" in approvers_text(found)
    assert "accuses nobody" in approvers_text(found)
    world.reject("bob")
    assert not one_of(reported(world), "bob").only_approves


@case("105")
def test_small_numbers_are_said_to_be_small(world: World) -> None:
    world.propose()
    world.approve("bob")
    text = approvers_text(reported(world))
    assert "fewer than 10 approvals and rejections: too few to speak of shares" in text
    assert " %" not in text


@case("105")
def test_the_command_ends_with_0_whatever_it_tells_and_with_2_where_it_cannot(
    books: Bookish,
) -> None:
    world = books.world
    world.propose()
    books.decide()
    world.approve("bob")
    books.decide()
    world.repo.checkout("main")
    told = run_gate("audit", "approvers", cwd=world.repo.path)
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("This measures patterns and accuses nobody.")
    assert "bob (Bob Baker)" in told.out
    git(world, "update-ref", "refs/heads/audit-log", world.repo.tip("main"))
    assert run_gate("audit", "approvers", cwd=world.repo.path).code == 2


def test_a_repository_where_nobody_said_anything_is_told_too(
    tmp_path: Path, keyring: Keyring
) -> None:
    from support.repository import Repo  # noqa: PLC0415

    repo = Repo(tmp_path / "repo")
    adopt(repo, keyring, config=CONFIG)
    told = run_gate("audit", "approvers", cwd=repo.path)
    assert told.code == 0
    assert "0 approvers, 0 approvals" in told.out
