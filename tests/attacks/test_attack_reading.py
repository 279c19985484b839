"""What somebody without a key can do to the branch of the log, and what its readers then say.

They may push to the branch, which every recorder may; they sign nothing, and need no force.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.books import Bookish, open_books
from support.repository import Keyring, Repo, isolated
from support.shell import run_gate
from support.world import APPROVALS, CHG, OTHER, adopt, copy_world

from itil_gate.git.discover import discover
from itil_gate.git.packing import write_named
from itil_gate.git.refs import open_store
from itil_gate.git.snapshot import Snapshot
from itil_gate.log.entry import entry_path
from itil_gate.model.errors import LogError
from itil_gate.release.expunging import expunge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LAX = APPROVALS.replace("medium, high, critical", "critical").replace(
    "levels: [low]", "levels: [low, medium, high]"
)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    """A repository that has adopted the gate, and nothing else."""
    repo = Repo(tmp_path_factory.mktemp("template") / "repo")
    adopt(repo, keyring)
    return repo.path


@pytest.fixture
def books(tmp_path: Path, template: Path, keyring: Keyring) -> Bookish:
    """A world of its own whose log is open."""
    return open_books(copy_world(template, tmp_path / "repo", keyring))


def tidied(books: Bookish, files: Mapping[str, bytes | None]) -> str:
    """Make an unsigned commit on top of the log that changes files, and return it."""
    world = books.world
    tip = world.repo.tip("audit-log")
    with open_store(discover(world.repo.path)) as store:
        tree, new = Snapshot(store, tip).changed(files)
        write_named(store, new)
    made = ("-c", "user.name=m", "-c", "user.email=m@x", "commit-tree", tree, "-p", tip)
    return world.repo.git(*made, "-m", "tidy")


def tidy(books: Bookish, files: Mapping[str, bytes | None]) -> None:
    """Let the branch go forward to such a commit."""
    books.world.repo.git("update-ref", "refs/heads/audit-log", tidied(books, files))


def newest(books: Bookish, kind: str) -> int:
    """Return the index of the newest entry of a kind."""
    return max(entry.index for entry in books.entries() if entry.kind == kind)


def owing(books: Bookish) -> int:
    """Let a release fail, after which somebody owes a review; return the entry that says so."""
    commit = books.land({"src/app.py": "1\n"}, CHG, branch="first")
    books.release(commit, outcome="failed")
    return newest(books, "obligation")


def unauthorised(books: Bookish) -> None:
    """Let policies come onto main past the gate, have that recorded, and propose something."""
    world = books.world
    before = world.repo.tip("main")
    world.on_main({"policies/approvals.yaml": LAX}, by="erin")
    books.landed(before)
    world.propose({"db/schema.sql": "drop\n"}, change=OTHER)


def test_a_debt_whose_file_is_gone_stops_releases(books: Bookish) -> None:
    index = owing(books)
    tidy(books, {entry_path(index): None})
    with pytest.raises(LogError, match=rf"of entry {index} \(obligation\) is gone") as caught:
        books.known()
    assert caught.value.code == "entry-missing"
    assert "origin audit-log" in caught.value.hint


def test_unauthorised_policies_are_not_forgotten_with_their_entry(books: Bookish) -> None:
    unauthorised(books)
    assert books.world.refusal() == "policies-unauthorised"
    tidy(books, {entry_path(newest(books, "ref-update")): None})
    assert books.world.refusal() == "entry-missing"


@pytest.mark.parametrize("command", [("debt",), ("audit", "reconcile")])
def test_commands_that_count_on_an_entry_miss_its_file(
    books: Bookish, command: tuple[str, ...]
) -> None:
    tidy(books, {entry_path(owing(books)): None})
    ran = run_gate(*command, "--local", cwd=books.world.repo.path, env=isolated())
    assert ran.code == 2, ran.out
    assert "is gone from the log" in ran.err


def test_an_entry_without_its_file_is_still_shown(books: Bookish) -> None:
    index = owing(books)
    tidy(books, {entry_path(index): None})
    ran = run_gate("log", "show", cwd=books.world.repo.path)
    assert ran.code == 0, ran.err
    assert "MISSING: its file is gone, and no entry says why" in ran.out


def test_an_entry_that_was_lawfully_expunged_stops_nobody(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    books.decide()
    expunge(books.books, newest(books, "approval"), reason="personal data", ordered_by="carol")
    assert world.check().outcome == "allow"
    assert books.known().debts == ()
