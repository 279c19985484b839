"""A request carries the head of the log, so that a fresh clone can tell when the log lost some."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.books import Bookish, git, open_books
from support.repository import Keyring, Repo
from support.shell import run_gate
from support.world import CHG, World, adopt

if TYPE_CHECKING:
    from pathlib import Path

NEW = (
    *("new", "--title", "More", "--reason", "It is needed.", "--service", "payments-api"),
    *("--env", "production", "--requester", "alice"),
)


@pytest.fixture
def books(tmp_path: Path, keyring: Keyring) -> Bookish:
    repo = Repo(tmp_path / "repo")
    adopt(repo, keyring)
    return open_books(World(repo, keyring, now=datetime.now(tz=UTC).replace(microsecond=0)))


@pytest.mark.heavy
def test_a_fresh_clone_sees_by_a_request_that_the_log_was_rewound(books: Bookish) -> None:
    world = books.world
    before = world.repo.tip("audit-log")
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    world.repo.checkout("more", create=True, at="main")
    world.commit({"src/b.py": "2\n"})
    written = run_gate(*NEW, cwd=world.repo.path)
    assert written.code == 0, written.err
    text = (world.repo.path / written.out.strip()).read_text(encoding="utf-8")
    size = len(books.entries())
    assert f"example.com/acme/payments/audit-log\n    {size}\n" in text
    git(world, "add", "changes")
    world.commit(message="ask for it")
    books.merge("more")
    for rewound in (False, True):
        if rewound:
            git(world, "update-ref", "refs/heads/audit-log", before)
        fresh = world.repo.path.parent / f"fresh-{rewound}"
        git(world, "clone", "--quiet", world.repo.path.as_uri(), str(fresh))
        found = run_gate("log", "verify", cwd=fresh)
        assert found.code == int(rewound), found.out
        assert ("bad          remembered" in found.out) is rewound


def test_without_a_log_a_request_carries_nothing(tmp_path: Path, keyring: Keyring) -> None:
    repo = Repo(tmp_path / "repo")
    adopt(repo, keyring)
    world = World(repo, keyring, now=datetime.now(tz=UTC))
    repo.checkout("more", create=True, at="main")
    world.commit({"src/b.py": "2\n"})
    written = run_gate(*NEW, cwd=repo.path)
    assert written.code == 0, written.err
    assert "checkpoint" not in (repo.path / written.out.strip()).read_text(encoding="utf-8")
