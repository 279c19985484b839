"""Who worked on a change before it looked as it does: what the log remembers, and of whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.books import Bookish, open_books
from support.world import CHG, OTHER, entry, request_file

if TYPE_CHECKING:
    from support.world import World

WORK = {"src/app.py": "the work of bob\n"}


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world)


def _head(
    books: Bookish,
    branch: str,
    by: str,
    *,
    change: str = CHG,
    files: dict[str, str] = WORK,
    at: str = "main",
    signed: bool = True,
    **names: str,
) -> None:
    """Propose one commit in somebody's name."""
    books.world.repo.checkout(branch, create=True, at=at)
    request = {f"changes/2026/{change}.yaml": request_file(change, **names)}
    books.world.commit(request | files, by=by, signed=signed)


@pytest.mark.parametrize("change", [CHG, OTHER])
@pytest.mark.parametrize("signed", [True, False])
def test_squashing_and_renaming_makes_no_stranger_of_who_did_the_work(
    books: Bookish, change: str, *, signed: bool
) -> None:
    _head(books, "feature", "bob", signed=signed)
    books.decide()
    _head(books, "squash", "alice", change=change, files={**WORK, "src/b.py": "1\n"})
    books.world.approve("bob", head="squash", change=change)
    decision = books.world.check("squash")
    assert (decision.outcome, entry(decision, "bob").code) == ("pending", "contributor")
    books.world.approve("carol", head="squash", change=change)
    assert books.world.check("squash").outcome == "allow"


def test_who_signed_what_was_done_over_took_part_under_that_id(books: Bookish) -> None:
    """Nothing is left as it was but the name of the change."""
    _head(books, "feature", "bob")
    books.decide()
    _head(books, "over", "alice", files={"src/app.py": "all new\n"})
    books.world.approve("bob", head="over")
    assert entry(books.world.check("over"), "bob").code == "contributor"


def test_who_did_work_that_landed_approves_what_comes_after(books: Bookish) -> None:
    world = books.world
    world.propose(WORK, branch="first", by="bob")
    world.approve("carol", head="first")
    books.decide("first")
    before, _ = books.merge("first", way="squash")
    books.landed(before)
    books.land({"src/app.py": "taken back\n"}, "CHG-2026-AAAA0003", branch="back")
    _head(books, "again", "alice", change=OTHER)
    world.approve("bob", head="again", change=OTHER)
    assert world.check("again").outcome == "allow"


@pytest.mark.parametrize("moment", ["before", "after", "on-top"])
def test_a_stranger_bars_nobody_by_names_in_other_commits(books: Bookish, moment: str) -> None:
    """Somebody has another head judged, under the same id, and writes everybody into it."""
    world = books.world
    if moment != "before":
        world.propose(WORK)
        books.decide()
    copied = WORK if moment != "before" else {"src/zz.py": "1\n"}
    world.repo.checkout("fork", create=True, at="feature" if moment == "on-top" else "main")
    names = ["{} <{}>".format(*world.person(one).who) for one in ("carol", "dave", "erin")]
    world.repo.commit(
        "Not theirs",
        author=world.person("bob").who,
        files={f"changes/2026/{CHG}.yaml": request_file(title="Not theirs"), **copied},
        trailers=[f"Co-authored-by: {one}" for one in names],
    )
    books.decide("fork")
    if moment == "before":
        world.propose(WORK)
    world.approve("bob", "erin")
    decision = world.check()
    assert decision.outcome == "allow"
    assert all(one.counted for one in decision.changes[0].ledger)
