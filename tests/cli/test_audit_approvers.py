"""`itil-gate audit approvers`, as a person runs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.books import Bookish, git, open_books
from support.shell import Ran, run_gate
from support.world import CHG

if TYPE_CHECKING:
    from support.world import World


@pytest.fixture
def books(desk: World) -> Bookish:
    books = open_books(desk)
    desk.repo.checkout("main")
    git(desk, "branch", "-D", "feature")
    desk.propose()
    books.decide()
    desk.later(minutes=4)
    desk.approve("bob")
    books.decide()
    desk.repo.checkout("main")
    return books


def told(books: Bookish, *arguments: str) -> Ran:
    return run_gate("audit", "approvers", *arguments, cwd=books.world.repo.path)


def test_json_has_a_version_and_says_what_it_does_not_mean(books: Bookish) -> None:
    ran = told(books, "--format", "json")
    said = json.loads(ran.out)
    assert (ran.code, said["apiVersion"]) == (0, "itil-gate/approvers/v1")
    assert "accuses nobody" in said["meaning"]
    (bob,) = said["approvers"]
    assert (bob["who"], bob["approvedPercent"], bob["few"]) == ("bob", None, True)
    assert (bob["latency"]["fastestSeconds"], bob["latency"]["within"]) == (240, 1)
    assert bob["leads"][0]["seen"] == "log"


def test_how_quick_is_quick_can_be_said(books: Bookish) -> None:
    assert "1 of 1 within 4 min" in told(books, "--within", "4").out
    assert "0 of 1 within 3 min" in told(books, "--within", "3").out


def test_numbers_stand_for_names_in_every_format(books: Bookish) -> None:
    for form in ("text", "json", "markdown"):
        shown = told(books, "--pseudonyms", "--format", form).out
        assert "person 1" in shown
        assert not {one for one in ("bob", "Bob", "alice", "SHA256", CHG) if one in shown}


def test_a_part_is_told_with_what_was_left_out(books: Bookish) -> None:
    ran = told(books, "--since", "2026-03-03")
    assert ran.code == 0
    assert "from 2026-03-03 00:00Z to now" in ran.out
    assert "statements and reviews of another time, left out: 1" in ran.out
    assert "bob" not in ran.out
    moment = told(books, "--since", "2026-03-02T13:00:00+01:00", "--until", "2026-03-03")
    assert "bob (Bob Baker)" in moment.out
    high = told(books, "--level", "high")
    assert "statements and reviews about other risk, left out: 1" in high.out


@pytest.mark.parametrize("moment", ["yesterday", "2026-03-02T09:00", "20260302", "2026-02-30"])
def test_what_is_no_day_is_refused(books: Bookish, moment: str) -> None:
    ran = told(books, "--until", moment)
    assert (ran.code, "write a day such as" in ran.err) == (2, True)


def test_a_log_that_is_not_in_the_clone_is_missed(books: Bookish) -> None:
    git(books.world, "branch", "-D", "audit-log")
    ran = told(books)
    assert (ran.code, "the audit log is not in this clone" in ran.err) == (0, True)
    assert "no audit log is here" in ran.out
    assert "counted in a recorded decision" not in ran.out


def test_a_branch_that_is_not_there_is_2(books: Bookish) -> None:
    assert told(books, "--base", "no-such").code == 2
