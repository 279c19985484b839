"""Another artefact of what runs already is released like any other: out of freezes, in windows."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.books import Bookish, git, open_books
from support.world import CHG, OTHER

if TYPE_CHECKING:
    from support.world import World

REBUILT = "sha256:" + "b" * 64
FREEZE = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {{name: frozen, owner: change-authority, reviewBy: 2027-01-01}}
spec:
  freezes:
    - id: quarter
      reason: Books close.
      start: "{start:%Y-%m-%dT%H:%M}"
      end: "{end:%Y-%m-%dT%H:%M}"
      timezone: UTC
"""
OF_A_SERVICE = "      scope: {services: [payments-api]}\n"


def frozen(world: World, more: str = "") -> Bookish:
    """Let a freeze begin in an hour, for four; only what is asked about later meets it."""
    start, end = (world.now + timedelta(hours=hours) for hours in (1, 5))
    world.on_main({"policies/frozen.yaml": FREEZE.format(start=start, end=end) + more})
    return open_books(world)


def failed(books: Bookish, **given: str) -> list[str]:
    return [one.rule for one in books.start(**given)[0].findings.failed]


@pytest.mark.parametrize("more", ["", OF_A_SERVICE], ids=["of-everything", "of-its-service"])
def test_another_artefact_of_what_runs_meets_the_freeze(world: World, more: str) -> None:
    books = frozen(world, more)
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    books.release()
    world.later(hours=2)
    assert failed(books, artifact=REBUILT) == ["in-freeze"]
    assert failed(books) == []  # what runs there is what runs there
    world.later(hours=4)
    assert failed(books, artifact=REBUILT) == []


def test_a_rebuilt_artefact_is_asked_about_once_more_each_time(world: World) -> None:
    books = frozen(world, OF_A_SERVICE)
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    books.release()
    books.release(artifact=REBUILT)
    world.later(hours=2)
    assert failed(books, artifact="sha256:" + "c" * 64) == ["in-freeze"]


def test_a_freeze_holds_back_what_only_merges_nothing(world: World) -> None:
    books = frozen(world, OF_A_SERVICE)
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    books.release()
    before = world.repo.tip("main")
    git(world, "commit", "--quiet", "--allow-empty", "--message", "Build again")
    books.landed(before)
    world.later(hours=2)
    assert failed(books, artifact=REBUILT) == ["in-freeze"]


def test_what_nothing_ran_of_yet_meets_the_freeze(world: World) -> None:
    books = frozen(world)
    world.later(hours=2)
    assert failed(books) == ["in-freeze"]


def test_a_window_that_is_over_is_over_for_a_rebuilt_artefact_too(books: Bookish) -> None:
    start, end = (books.world.now + timedelta(hours=hours) for hours in (0, 2))
    window = (
        f'  window: {{start: "{start:%Y-%m-%dT%H:%M}", end: "{end:%Y-%m-%dT%H:%M}", '
        "timezone: UTC}\n"
    )
    books.world.propose(extra=window)
    books.world.approve("bob")
    books.decide()
    before, _ = books.merge()
    books.landed(before)
    books.release()
    assert failed(books, artifact=REBUILT) == []
    books.world.later(hours=3)
    assert failed(books, artifact=REBUILT) == ["outside-window"]


def test_what_is_owed_for_a_service_holds_back_a_rebuilt_artefact(books: Bookish) -> None:
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    books.release()
    books.land({"src/b.py": "1\n"}, OTHER, branch="second")
    books.release(outcome="failed", artifact=REBUILT)
    books.world.later(days=8)
    kept = books.known().releases[0].record.commit
    assert failed(books, commit=kept, artifact="sha256:" + "c" * 64) == ["obligation-overdue"]


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world)
