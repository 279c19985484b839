"""Going on from the last audit: quicker, and never with another result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.audits import founds, reconciled
from support.books import MAIN, git
from support.world import CHG, OTHER

from itil_gate.audit.audited import recall
from itil_gate.git.discover import discover
from itil_gate.model.errors import HistoryError
from itil_gate.model.record import KeyRevocation, RefUpdate
from itil_gate.release.entries import plain_event, update_event

if TYPE_CHECKING:
    from support.books import Bookish

AGAIN = "last"


def notes(books: Bookish) -> list[str]:
    return [one for one in reconciled(books, since=AGAIN)[1].notes if "is governed" not in one]


def test_the_second_time_only_what_is_new_is_looked_at(books: Bookish) -> None:
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    _, first = reconciled(books, since=AGAIN)
    assert "there is no earlier audit" in first.notes[-1]
    books.land({"src/app.py": "print('newer')\n"}, OTHER, branch="other")
    rows, second = reconciled(books, since=AGAIN)
    assert [(row.found, row.changes) for row in rows] == [("authorised", (OTHER,))]
    assert (second.earlier, len(second.notes)) == (1, len(first.notes) - 1)
    assert second.totals.counts == reconciled(books)[1].totals.counts


def test_a_decision_from_before_lets_in_what_lands_later(books: Bookish) -> None:
    books.world.propose()
    books.world.approve("bob")
    books.decide()
    assert founds(books) == []
    before, _ = books.merge(way="squash")
    assert founds(books, since=AGAIN) == ["unrecorded"]
    books.landed(before)
    assert founds(books, since=AGAIN) == ["authorised"]
    assert founds(books, since=AGAIN) == []


def test_a_decision_that_was_used_before_lets_in_nothing_more(books: Bookish) -> None:
    after = books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    assert founds(books) == ["authorised"]
    world = books.world
    git(world, "revert", "-m1", "--no-edit", after)
    undone = world.repo.tip("main")
    git(world, "revert", "--no-edit", undone)
    update = RefUpdate(
        repository="example.com/acme/payments",
        ref=MAIN,
        before=undone,
        after=world.repo.tip("main"),
        standing="authorised",
        decision=1,
        content=books.entries()[3].predicate["content"],
        reason="again",
        recorded_at=world.now,
    )
    books.books.write([update_event(update)])
    rows, audit = reconciled(books, since=AGAIN)
    assert [row.found for row in rows] == ["unauthorised", "unauthorised", "authorised"]
    assert "has let in entry 3" in rows[0].how
    assert "decisions which counted no more" in audit.notes[-1]


def test_what_was_bad_stays_bad(books: Bookish) -> None:
    before = books.world.repo.tip("main")
    books.world.on_main({"src/app.py": "print('straight in')\n"}, by="alice")
    books.landed(before)
    assert founds(books) == ["unauthorised"]
    rows, audit = reconciled(books, since=AGAIN)
    assert [row.found for row in rows] == ["unauthorised"]
    assert audit.totals.bad == 1
    assert audit.earlier == 1


def test_what_nobody_recorded_is_looked_at_again(books: Bookish) -> None:
    books.world.on_main({"src/app.py": "print('straight in')\n"}, by="alice")
    assert founds(books) == ["unauthorised"]
    rows, audit = reconciled(books, since=AGAIN)
    assert [row.found for row in rows] == ["unauthorised"]
    assert audit.earlier == 0


def test_a_rewritten_branch_is_looked_at_whole(books: Bookish) -> None:
    world = books.world
    old = books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    assert founds(books) == ["authorised"]
    world.repo.checkout("main")
    git(world, "reset", "--quiet", "--hard", f"{old}~1")
    rows, audit = reconciled(books, since=AGAIN)
    assert [row.found for row in rows] == ["rewritten"]
    assert "there is no earlier audit to go on from" in audit.notes[-1]


def test_a_revoked_key_makes_all_of_it_new(books: Bookish) -> None:
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    assert founds(books) == ["authorised"]
    revocation = KeyRevocation(
        repository="example.com/acme/payments", key="SHA256:other", since=1, reason="lost"
    )
    key = ("SHA256:other", "0")
    subject = {"sha256": "0" * 64}
    books.books.write([plain_event("key-revocation", key, revocation, subject=subject)])
    assert "a key was revoked since" in notes(books)[0]


def test_a_lost_statement_is_seen_however_little_is_read(books: Bookish) -> None:
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    assert founds(books) == ["authorised"]
    git(books.world, "branch", "-D", "itil-gate-approvals")
    assert founds(books, since=AGAIN) == ["authorised", "rewritten", "rewritten"]
    assert founds(books, since=AGAIN) == ["rewritten", "rewritten"]


@pytest.mark.parametrize("what", ["judge", "text", "engine"])
def test_what_is_kept_for_others_or_damaged_is_not_used(books: Bookish, what: str) -> None:
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    reconciled(books)
    place = discover(books.world.repo.path)
    (file,) = (place.common_dir / "itil-gate" / "reconciled").iterdir()
    text = file.read_text()
    if what == "judge":
        people = books.world.repo.git("show", "main:people.yaml")
        change = "name: Erin"
        assert change in people
        books.world.on_main({"people.yaml": people.replace(change, "name: Erina") + "\n"})
    changed = {"text": text[:-9], "engine": text.replace("itil-gate/0", "itil-gate/9")}
    file.write_text(changed.get(what, text))
    assert recall(place, MAIN, judge="0" * 64) is None
    assert notes(books) != []


def test_a_commit_that_is_not_on_the_line_is_refused(books: Bookish) -> None:
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    with pytest.raises(HistoryError, match="first-parent line") as error:
        reconciled(books, since=books.world.repo.tip("feature"))
    assert error.value.code == "not-on-line"
