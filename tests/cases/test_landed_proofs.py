"""What was authorised is authorised when it lands, however it came about and however it lands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.audits import founds
from support.books import Bookish, open_books
from support.world import APPROVALS, CONFIG, OTHER

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
