"""What is expunged is forgotten: so the last word about a branch and its changes stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.attacks import Victim
from support.books import Bookish, open_books
from support.world import OTHER

from itil_gate.log.entry import entry_path
from itil_gate.model.errors import LogError
from itil_gate.release.expunging import expunge

if TYPE_CHECKING:
    from support.world import World


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world)


def taken(books: Bookish, index: int) -> str:
    """Expunge an entry; return why it was refused, empty if it was not."""
    try:
        expunge(books.books, index, reason="Names a patient.", ordered_by="carol")
    except LogError as error:
        if error.code != "not-expunged":
            raise
        return error.message
    return ""


def decided(books: Bookish, head: str = "feature") -> int:
    """Record a decision a minute later; return its entry."""
    books.world.later(minutes=1)
    books.decide(head)
    return [one.index for one in books.entries() if one.kind == "gate-decision"][-1]


def test_the_newest_decision_stays_so_that_a_rejection_cannot_be_forgotten(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    first = decided(books)
    approved = world.repo.tip("itil-gate-approvals")
    world.reject("carol")
    denied = decided(books)
    assert "newest decision about refs/heads/main" in taken(books, denied)
    world.repo.git("update-ref", "refs/heads/itil-gate-approvals", approved)
    assert world.refusal() == "approvals-rewound"
    assert not taken(books, first)


def test_what_takes_an_allow_back_stays_until_that_is_gone(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    first = decided(books)
    world.reject("carol")
    denied = decided(books)
    world.propose({"src/b.py": "1\n"}, branch="second", change=OTHER)
    decided(books, "second")
    assert f"entry {first}, which let the same in, would speak again" in taken(books, denied)
    assert not taken(books, first)
    assert not taken(books, denied)


def test_a_decision_goes_once_it_was_made_anew_or_acted_upon(books: Bookish) -> None:
    world = books.world
    world.propose()
    pending = decided(books)
    world.approve("bob")
    first = decided(books)
    again = decided(books)
    assert not taken(books, pending)
    assert not taken(books, first)
    before, _ = books.merge()
    (tile,) = books.landed(before)
    assert tile.update.decision == again
    world.propose({"src/b.py": "1\n"}, branch="second", change=OTHER)
    decided(books, "second")
    assert not taken(books, again)


def test_a_decision_whose_file_is_gone_is_not_accounted_for_by_expunging_it(
    books: Bookish,
) -> None:
    world = books.world
    world.propose()
    lost = decided(books)
    world.approve("bob")
    decided(books)
    Victim(world, books.config).commit({entry_path(lost): None})
    assert "its file is gone" in taken(books, lost)
