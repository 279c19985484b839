"""The deploy gate against people who may push: what they send out of turn is not released."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.books import Bookish, git, open_books
from support.world import CHG

if TYPE_CHECKING:
    from support.world import World

ANOTHER = "sha256:" + "b" * 64


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world)


def _failed(found: object) -> list[str]:
    return [reason.rule for reason in found.findings.failed]  # type: ignore[attr-defined]


def _foxtrot(books: Bookish, *, at: str, path: str = "src/evil.py") -> str:
    """Push main merged into a commit beside it, so that main's own line is the second parent."""
    world = books.world
    world.repo.checkout("aside", create=True, at=at)
    world.commit({path: "print('evil')\n"}, by="erin")
    git(world, "merge", "--quiet", "--no-ff", "-m", "Merge main", "main")
    git(world, "checkout", "--quiet", "main")
    git(world, "merge", "--quiet", "--ff-only", "aside")
    return world.repo.tip("main")


@pytest.mark.parametrize("recorded", [True, False])
def test_a_line_that_was_put_in_place_of_the_targets_is_not_released(
    books: Bookish, *, recorded: bool
) -> None:
    root = books.world.repo.git("rev-list", "--max-parents=0", "main")
    _foxtrot(books, at=root)
    if recorded:
        (tile,) = books.landed()
        assert tile.update.standing == "unauthorised"
    examined, record = books.start()
    assert record is None
    assert _failed(examined) == ["not-on-target"]
    (said,) = examined.findings.failed
    assert books.known().adopted[:12] in said.message


def test_a_line_in_place_of_the_targets_is_not_released_over_what_runs(books: Bookish) -> None:
    root = books.world.repo.git("rev-list", "--max-parents=0", "main")
    first = books.land({"src/app.py": "1\n"}, CHG, branch="feature")
    books.release()
    _foxtrot(books, at=root)
    assert _failed(books.start(artifact=ANOTHER)[0]) == ["not-on-target"]
    # What was on the line before is an ancestor still, and on it no more.
    assert _failed(books.start(first)[0]) == ["not-on-target"]


def test_a_line_that_leaves_out_what_runs_is_asked_about_from_the_beginning(
    books: Bookish,
) -> None:
    adopted = books.world.repo.tip("main")
    books.land({"src/app.py": "1\n"}, CHG, branch="feature")
    books.release()
    tip = _foxtrot(books, at=adopted)
    examined, _ = books.start(artifact=ANOTHER)
    assert _failed(examined) == ["unrecorded-update"]
    assert [before for before, _ in examined.facts.steps][:1] == [adopted]
    assert examined.facts.steps[-1][1] == tip


def test_a_branch_that_began_before_the_log_is_merged_and_released(books: Bookish) -> None:
    world = books.world
    root = world.repo.git("rev-list", "--max-parents=0", "main")
    world.propose({"src/app.py": "1\n"}, at=root)
    world.approve("bob")
    books.decide()
    books.merge()
    assert [one.update.standing for one in books.landed()] == ["authorised"]
    assert books.start()[1] is not None
