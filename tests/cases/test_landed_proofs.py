"""What was authorised is authorised when it lands, however it came about and however it lands."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from support.attacks import Victim
from support.audits import founds, reconciled
from support.books import Bookish, git, open_books
from support.repository import isolated
from support.world import APPROVALS, CONFIG, OTHER

from itil_gate.model.record import RefUpdate
from itil_gate.release.entries import update_event

if TYPE_CHECKING:
    from support.world import World

    from itil_gate.release.updates import Tile

AUDITED = f"{CONFIG}mode: audit\nauditUntil: 2026-03-31\n"


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world)


def merged(books: Bookish, head: str = "feature", *, way: str = "merge") -> tuple[Tile, ...]:
    before, _ = books.merge(head, way=way)
    return books.landed(before)


def standings(tiles: tuple[Tile, ...]) -> list[str]:
    return [tile.update.standing for tile in tiles]


# While it only audits -----------------------------------------------------------------------------


@pytest.mark.parametrize("logged", [True, False], ids=["logged", "not-logged"])
def test_what_was_approved_is_authorised_in_audit_mode_too(world: World, *, logged: bool) -> None:
    books = open_books(world, config=AUDITED)
    world.propose()
    world.approve("bob")
    assert not world.check().enforced
    if logged:
        books.decide()
    assert standings(merged(books)) == ["authorised"]
    assert founds(books)[0] == "authorised"


def test_policies_that_were_approved_in_audit_mode_judge(world: World) -> None:
    books = open_books(world, config=AUDITED)
    world.propose({"policies/approvals.yaml": f"{APPROVALS}# looked at\n"}, scope='"policies/**"')
    world.approve("bob", "carol", "dave")
    books.decide()
    assert standings(merged(books)) == ["authorised"]
    world.propose({"src/lib.py": "print('next')\n"}, branch="next", change=OTHER)
    assert world.check("next").outcome == "pending"


@pytest.mark.parametrize("logged", [True, False], ids=["logged", "not-logged"])
def test_what_audit_mode_let_pass_is_unauthorised(world: World, *, logged: bool) -> None:
    books = open_books(world, config=AUDITED)
    world.propose()
    if logged:
        books.decide()
    assert standings(merged(books)) == ["unauthorised"]


# Somebody else's pull request with the same content -----------------------------------------------


def echo(books: Bookish, *, by: str = "mallory@evil.example") -> str:
    """Let a stranger propose the very same content, and the gate say of it what it says."""
    world = books.world
    tree = world.repo.git("rev-parse", "feature^{tree}")
    who = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Mallory"), ("EMAIL", by))
    }
    made = subprocess.run(
        ["git", "commit-tree", "-p", "main", "-m", "echo", tree],
        cwd=world.repo.path,
        env={**isolated(), **who},
        capture_output=True,
        text=True,
        check=True,
    )
    world.repo.git("update-ref", "refs/heads/fork", made.stdout.strip())
    world.later(minutes=1)
    books.decide("fork")
    return made.stdout.strip()


@pytest.mark.parametrize("way", ["squash", "merge", "forward"])
def test_a_stranger_with_the_same_content_takes_no_decision_away(books: Bookish, way: str) -> None:
    books.world.propose()
    books.world.approve("bob")
    books.decide()
    echo(books)
    tiles = merged(books, way=way)
    books.world.repo.git("update-ref", "-d", "refs/heads/feature")
    assert standings(tiles) == ["authorised"]
    assert founds(books)[0] == "authorised"


def test_what_a_stranger_echoed_is_denied_where_it_lands_as_theirs(books: Bookish) -> None:
    books.world.propose()
    books.world.approve("bob")
    books.decide()
    echo(books)
    tiles = merged(books, "fork")
    assert standings(tiles) == ["unauthorised"]
    assert "about the very head that landed, says deny" in tiles[0].update.reason


def test_a_landing_that_nobody_recorded_waits_for_its_own_decision(books: Bookish) -> None:
    books.world.propose()
    books.world.approve("bob")
    at = books.decide().indices[0]
    echo(books)
    books.merge(way="squash")
    rows, _ = reconciled(books)
    assert (rows[0].found, rows[0].decision) == ("unrecorded", at)


def test_a_rejection_is_heard_whichever_head_was_decided_upon_since(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    books.decide()
    world.reject("carol")
    echo(books)
    assert standings(merged(books, way="squash")) == ["unauthorised"]


# Steps that a branch took back --------------------------------------------------------------------


def test_a_fast_forward_takes_in_what_its_branch_tried_and_took_back(books: Bookish) -> None:
    world = books.world
    world.propose({"src/app.py": "1\n"})
    for text in ("2\n", "1\n"):
        world.commit({"src/app.py": text})
    world.approve("bob")
    books.decide()
    (tile,) = merged(books, way="forward")
    assert (tile.update.standing, tile.update.proof) == ("authorised", "exact")
    assert tile.update.after == world.repo.tip("feature")
    assert founds(books)[0] == "authorised"


def test_what_is_tried_and_taken_back_after_a_landing_is_not_part_of_it(books: Bookish) -> None:
    world = books.world
    world.propose({"src/app.py": "1\n"})
    world.approve("bob")
    books.decide()
    before, _ = books.merge(way="forward")
    for text in ("2\n", "1\n"):
        world.on_main({"src/app.py": text})
    tiles = books.landed(before)
    assert standings(tiles) == ["authorised", "unauthorised", "unauthorised"]


# What changes nothing -----------------------------------------------------------------------------


def empty(books: Bookish) -> str:
    """Commit nothing to main, as to let CI run again; return main before."""
    before = books.world.repo.tip("main")
    git(books.world, "checkout", "--quiet", "main")
    git(books.world, "commit", "--quiet", "--allow-empty", "--message", "Run again")
    return before


def test_the_same_fix_of_two_branches_is_authorised_once_and_released(books: Bookish) -> None:
    world = books.world
    for branch in ("first", "second"):
        world.repo.checkout(branch, create=True, at="main")
        world.commit({"docs/index.md": "# Fixed\n"}, message=branch)
    for branch in ("first", "second"):
        books.decide(branch)
    assert standings(merged(books, "first")) == ["authorised"]
    assert standings(merged(books, "second")) == ["unchanged"]
    assert founds(books)[:2] == ["authorised", "authorised"]
    books.release()
    assert Victim(world, books.config).bad(full=True) == set()


def test_an_empty_commit_that_nobody_recorded_is_not_released(books: Bookish) -> None:
    empty(books)
    rows, _ = reconciled(books)
    assert rows[0].found == "unrecorded"
    assert rows[0].how == "nobody recorded it, and it changes no file"
    examined, record = books.start()
    assert record is None
    assert [one.rule for one in examined.findings.failed] == ["unrecorded-update"]


def test_what_is_tried_and_taken_back_on_the_target_is_not_unchanged(books: Bookish) -> None:
    world = books.world
    before = world.repo.tip("main")
    world.on_main({"src/app.py": "2\n"})
    world.on_main({"src/app.py": "print('old')\n"})
    assert standings(books.landed(before)) == ["unauthorised", "unauthorised"]


def test_a_record_that_calls_a_change_unchanged_lets_nothing_out(books: Bookish) -> None:
    before = empty(books)
    (tile,) = books.landed(before)
    books.release()
    since = books.world.repo.tip("main")
    tip = books.world.on_main({"src/app.py": "straight in\n"})
    said = tile.update.model_dump() | {"before": since, "after": tip}
    books.books.write([update_event(RefUpdate.model_validate(said))])
    examined, record = books.start(artifact="sha256:" + "b" * 64)
    assert record is None
    assert [one.rule for one in examined.findings.failed] == ["unauthorised-update"]
    assert founds(books)[0] == "unauthorised"
