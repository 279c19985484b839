"""Every update of the target, held against what the log says let it in."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.attacks import Victim
from support.audits import founds, reconciled
from support.books import MAIN, git, open_books
from support.breakglass import GLASS, override
from support.log import STRANGER
from support.repository import Keyring, Repo
from support.world import CHG, OTHER, World, adopt

from itil_gate.model.canonical import as_json
from itil_gate.model.record import RefUpdate
from itil_gate.release.entries import update_event

if TYPE_CHECKING:
    from pathlib import Path

    from support.books import Bookish


def recorded_as(books: Bookish, before: str, after: str, **said: object) -> None:
    """Let a recorder who lies say something of an update."""
    update = RefUpdate(
        repository="example.com/acme/payments",
        ref=MAIN,
        before=before,
        after=after,
        reason="because I say so",
        recorded_at=books.world.now,
        **said,  # type: ignore[arg-type]
    )
    books.books.write([update_event(update)])


@pytest.mark.parametrize("way", ["merge", "squash", "forward"])
def test_an_authorised_change_is_found_authorised_and_computed_again(
    books: Bookish, way: str
) -> None:
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature", way=way)
    (row,), audit = reconciled(books)
    assert (row.found, row.entry, row.decision, row.changes) == ("authorised", 3, 1, (CHG,))
    assert "recomputed: same content" in row.how
    assert audit.totals.bad == 0
    assert audit.totals["before-adoption"] == 2


def test_a_squash_onto_a_target_that_moved_is_merged_again(books: Bookish) -> None:
    world = books.world
    world.propose({"src/lib.py": "".join(f"line {n}\n" for n in range(39)) + "last\n"})
    world.approve("bob")
    books.land({"src/lib.py": "first\n" + "".join(f"line {n}\n" for n in range(1, 40))}, OTHER,
               branch="other")  # fmt: skip
    books.decide()
    head = world.repo.tip("feature")
    before, _ = books.merge(way="squash")
    books.landed(before)
    git(world, "branch", "-D", "feature")
    git(world, "reflog", "expire", "--expire=now", "--all")
    git(world, "gc", "-q", "--prune=now")
    assert subprocess.run(
        ["git", "cat-file", "-e", head], cwd=world.repo.path, check=False, capture_output=True
    ).returncode
    rows, _ = reconciled(books)
    assert [row.found for row in rows] == ["authorised", "authorised"]
    assert "merged again" in rows[0].how


def test_who_did_it_is_proved_by_a_key_and_not_by_a_name(books: Bookish) -> None:
    world = books.world
    world.on_main({"src/app.py": "1\n"}, by="alice")
    world.repo.checkout("main")
    world.commit({"src/app.py": "2\n"}, by="alice", signed=False)
    world.commit({"src/app.py": "3\n"}, by="alice", committer="bob")
    rows, _ = reconciled(books)
    who = [row.who[0] for row in rows]
    assert [one.person for one in who] == ["bob", None, "alice"]
    assert len({one.author for one in who}) == 1
    assert [one.status for one in who] == ["good", "absent", "good"]


def test_a_direct_push_is_unauthorised_whether_recorded_or_not(books: Bookish) -> None:
    before = books.world.repo.tip("main")
    books.world.on_main({"src/app.py": "print('straight in')\n"}, by="alice")
    (row,), _ = reconciled(books)
    assert (row.found, row.entry) == ("unauthorised", None)
    assert f"check --merged {before}..{row.after} --record" in row.remedy
    books.landed(before)
    (row,), _ = reconciled(books)
    assert (row.found, row.entry) == ("unauthorised", 1)
    assert "no authorised change carries over to it" in row.how


def test_a_landing_that_nobody_recorded_is_unrecorded_while_its_decision_waits(
    books: Bookish,
) -> None:
    books.world.propose()
    books.world.approve("bob")
    decided = books.decide().indices[0]
    before, after = books.merge(way="squash")
    (row,), audit = reconciled(books)
    assert (row.found, row.decision) == ("unrecorded", decided)
    assert (row.before, row.after) == (before, after)
    assert audit.totals.bad == 1
    books.landed(before)
    assert founds(books) == ["authorised"]


def test_a_recorder_who_calls_a_push_authorised_is_not_believed(books: Bookish) -> None:
    before = books.world.repo.tip("main")
    after = books.world.on_main({"src/app.py": "print('straight in')\n"}, by="alice")
    recorded_as(books, before, after, standing="authorised")
    (row,), _ = reconciled(books)
    assert row.found == "unauthorised"
    assert "names no decision" in row.how


@pytest.mark.parametrize(
    ("index", "said"),
    [(0, "is no earlier decision"), (1, "says pending"), (9, "is no earlier decision")],
)
def test_an_update_that_rests_on_what_lets_nothing_in_is_unauthorised(
    books: Bookish, index: int, said: str
) -> None:
    books.world.propose()
    books.decide()
    before, after = books.merge(way="squash")
    recorded_as(books, before, after, standing="authorised", decision=index)
    (row,), _ = reconciled(books)
    assert row.found == "unauthorised"
    assert said in row.how


def test_a_decision_lets_in_one_landing_only(books: Bookish) -> None:
    after = books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    world = books.world
    git(world, "revert", "-m1", "--no-edit", after)
    undone = world.repo.tip("main")
    git(world, "revert", "--no-edit", undone)
    again = world.repo.tip("main")
    content = books.entries()[3].predicate["content"]
    recorded_as(books, undone, again, standing="authorised", decision=1, content=content)
    rows, _ = reconciled(books)
    assert [row.found for row in rows] == ["unauthorised", "unauthorised", "authorised"]
    assert "has let in entry 3" in rows[0].how


def test_an_overridden_change_is_neither_authorised_nor_bad(
    tmp_path: Path, keyring: Keyring
) -> None:
    repo = Repo(tmp_path / "glass")
    adopt(repo, keyring)
    books = open_books(World(repo, keyring), config=GLASS)
    books.world.propose({"deploy/app.yaml": "replicas: 9\n"})
    override(books.world)
    books.decide()
    before, _ = books.merge(way="squash")
    books.landed(before)
    (row,), audit = reconciled(books)
    assert (row.found, row.changes, audit.totals.bad) == ("overridden", (CHG,), 0)


def test_an_update_called_authorised_on_a_decision_that_was_overridden_is_not(
    tmp_path: Path, keyring: Keyring
) -> None:
    repo = Repo(tmp_path / "glass")
    adopt(repo, keyring)
    books = open_books(World(repo, keyring), config=GLASS)
    books.world.propose({"deploy/app.yaml": "replicas: 9\n"})
    override(books.world)
    decided = books.decide().indices[0]
    content = books.entries()[decided].predicate["itilGate"]["decision"]["content"]
    before, after = books.merge(way="squash")
    recorded_as(books, before, after, standing="authorised", decision=decided, content=content)
    (row,), _ = reconciled(books)
    assert row.found == "unauthorised"
    assert "says overridden" in row.how


def test_other_content_under_a_good_decision_is_unauthorised(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    decided = books.decide().indices[0]
    content = books.entries()[decided].predicate["itilGate"]["decision"]["content"]
    before, _ = books.merge(way="squash")
    git(world, "reset", "--quiet", "--soft", before)
    world.repo.write("src/app.py", "print('something else')\n")
    git(world, "add", "-A")
    git(world, "commit", "--quiet", "-m", "A change (#7)")
    after = world.repo.tip("main")
    recorded_as(books, before, after, standing="authorised", decision=decided, content=content)
    (row,), _ = reconciled(books)
    assert row.found == "unauthorised"
    assert f"what landed is not what entry {decided} let in" in row.how


def test_an_entry_that_no_pinned_key_signed_says_nothing(books: Bookish) -> None:
    before = books.world.repo.tip("main")
    after = books.world.on_main({"src/app.py": "print('straight in')\n"}, by="alice")
    update = RefUpdate(
        repository="example.com/acme/payments",
        ref=MAIN,
        before=before,
        after=after,
        standing="before-adoption",
        reason="long ago",
        recorded_at=books.world.now,
    )
    Victim(books.world, books.config).append([update_event(update)], recorder=STRANGER)
    (row,), _ = reconciled(books)
    assert row.found == "unauthorised"
    assert "no pinned key signed it" in row.how


def test_an_update_called_older_than_the_gate_is_looked_at(books: Bookish) -> None:
    before = books.world.repo.tip("main")
    after = books.world.on_main({"src/app.py": "print('straight in')\n"}, by="alice")
    recorded_as(books, before, after, standing="before-adoption")
    (row,), _ = reconciled(books)
    assert row.found == "unauthorised"
    assert "had adopted the gate" in row.how


def test_a_forced_push_is_seen_by_what_is_gone_and_by_what_came(books: Bookish) -> None:
    world = books.world
    old = books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    world.repo.checkout("main")
    git(world, "reset", "--quiet", "--hard", f"{old}~1")
    back = world.repo.tip("main")
    forced = world.on_main({"src/lib.py": "mine\n"}, by="alice")
    rows, _ = reconciled(books)
    assert [row.found for row in rows] == ["unauthorised", "rewritten"]
    assert "was on the branch, is gone" in rows[1].how
    assert (rows[1].after, rows[1].changes) == (old, (CHG,))
    books.landed(old)
    rows, _ = reconciled(books)
    assert [row.found for row in rows] == ["unauthorised", "rewritten", "rewritten"]
    assert {row.after for row in rows} == {forced, old, back}


def test_a_branch_that_lost_the_commit_of_adoption_says_so(books: Bookish) -> None:
    world = books.world
    world.repo.checkout("main")
    git(world, "commit", "--quiet", "--amend", "-m", "another beginning")
    rows, _ = reconciled(books)
    assert [row.found for row in rows] == ["unauthorised", "rewritten"]
    assert "which is not on the branch's line" in rows[1].how


def test_a_statement_that_vanished_from_the_approvals_branch_is_shown(books: Bookish) -> None:
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    git(books.world, "branch", "-D", "itil-gate-approvals")
    rows, _ = reconciled(books)
    assert [row.found for row in rows] == ["authorised", "rewritten", "rewritten"]
    assert "was " in rows[1].how
    assert "that entry 2 copied is not on the branch" in rows[2].how


def test_what_came_before_adoption_is_counted_and_listed_only_when_asked(books: Bookish) -> None:
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    rows, audit = reconciled(books, every=True)
    assert [row.found for row in rows] == ["authorised", "before-adoption", "before-adoption"]
    assert audit.totals["before-adoption"] == 2


def test_only_what_came_after_a_commit_can_be_asked_for(books: Bookish) -> None:
    first = books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    books.land({"src/app.py": "print('newer')\n"}, OTHER, branch="other")
    (row,), _ = reconciled(books, since=first)
    assert row.changes == (OTHER,)


def test_another_governed_branch_ends_where_it_left_the_first(books: Bookish) -> None:
    world = books.world
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    git(world, "branch", "release", "main")
    _, audit = reconciled(books)
    assert audit.notes == [
        "refs/heads/release has nothing of its own: it stands on refs/heads/main"
    ]
    world.repo.checkout("release")
    world.commit({"src/app.py": "print('patched')\n"})
    rows, _ = reconciled(books)
    assert [(row.found, row.ref) for row in rows] == [
        ("authorised", MAIN),
        ("unauthorised", "refs/heads/release"),
    ]


def test_rows_are_plain_json(books: Bookish) -> None:
    from itil_gate.report.reconcile_text import rows_json  # noqa: PLC0415

    books.world.on_main({"src/app.py": "x\n"}, by="alice")
    rows, audit = reconciled(books)
    said = json.loads("".join(rows_json(rows, audit.totals.counts)))
    assert said["apiVersion"] == "itil-gate/reconciliation/v1"
    assert said["updates"][0]["who"][0]["person"] == "alice"
    assert said["totals"]["unauthorised"] == 1
    assert said["updates"] == [as_json(row) for row in rows]
