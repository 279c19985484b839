"""Reviews in the record: told in a change's story, replayed, and missed on no branch."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.audits import audited, founds, replayed
from support.books import Bookish, open_books
from support.pulls import forge_section
from support.reviewing import forge_world, gathered, pulled, review
from support.world import CHG, CONFIG

from itil_gate.audit.dossier import Story
from itil_gate.decide.gate import decide
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.release.bookkeeping import record_decision
from itil_gate.report.dossier_text import dossier_text

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Keyring


@pytest.fixture
def books(tmp_path: Path, keyring: Keyring) -> Bookish:
    """A log that holds a decision which rests on a review, and the landing."""
    world = forge_world(tmp_path / "repo", keyring)
    books = open_books(world, config=CONFIG + forge_section())
    world.repo.checkout("main")
    world.propose()
    given = world.now - timedelta(minutes=10)
    said = review("erin", of=world.repo.tip("feature"), at=given, login="erin <x>")
    sealed = gathered(world, pulled(world, said))
    decision = decide(sealed)
    assert decision.outcome == "allow"
    with open_view(discover(world.repo.path)) as view:
        record_decision(books.books, view, decision, sealed)
    world.later(minutes=10)
    before, _ = books.merge()
    books.landed(before)
    return books


def test_what_was_reviewed_landed_authorised(books: Bookish) -> None:
    (update,) = [one.predicate for one in books.entries() if one.kind == "ref-update"]
    assert update["standing"] == "authorised"
    assert "authorised" in founds(books)
    assert "unauthorised" not in founds(books)


def test_no_branch_is_asked_for_a_review(books: Bookish) -> None:
    assert not [one for one in founds(books) if "lost" in one or "statement" in one]


def test_a_decision_that_rests_on_a_review_is_replayed_from_the_log(books: Bookish) -> None:
    assert [one.verdict for one in replayed(books)] == ["identical"]


def test_a_review_is_told_in_the_story_of_its_change(books: Bookish) -> None:
    with audited(books) as (view, reader, audit):
        story = Story(
            view,
            reader,
            config=books.config,
            tip=books.world.repo.tip("main"),
            roster=audit._roster,
        )
        text = dossier_text(story.tell(CHG))
    assert "review (approved, by account 1005 of github.com) by erin" in text
    assert "held then: peer" in text
    assert "nobody signed the review itself" in text
    assert "is on no approvals branch" not in text
