"""What a forge told is heard by whoever decides later, also without asking it again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.audits import founds
from support.books import MAIN, Bookish, git, open_books, private_keys
from support.forge_server import forge_server
from support.github_answers import REPO, config, told, user
from support.runner import PULL
from support.shell import run_gate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from support.forge_server import ForgeServer
    from support.shell import Ran
    from support.world import World

ASKED = ("--pull", str(PULL), "--default-branch", "refs/heads/main")


@pytest.fixture
def forge() -> Iterator[ForgeServer]:
    with forge_server() as server:
        yield server


@pytest.fixture
def books(world: World, forge: ForgeServer) -> Bookish:
    """A repository that names the forge, which knows of its pull request."""
    world.now = datetime.now(tz=UTC).replace(microsecond=0) - timedelta(minutes=30)
    books = open_books(world, config=config(forge.url))
    told(forge, world.propose())
    world.approve("bob")
    return books


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, str]:
    return {**private_keys(tmp_path), "ITIL_GATE_FORGE_TOKEN": "x"}


def check(books: Bookish, *more: str, env: Mapping[str, str] | None = None) -> Ran:
    words = ("check", "--base", "main", "--head", "feature", *more)
    return run_gate(*words, cwd=books.world.repo.path, env=dict(env or {}))


def reviewed(forge: ForgeServer, who: str, state: str, commit: str) -> None:
    at = datetime.now(tz=UTC)
    review = {
        "id": 21,
        "user": user(who),
        "state": state,
        "commit_id": commit,
        "submitted_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
    }
    forge.on("GET", f"{REPO}/pulls/{PULL}/reviews", [review])


def pushed(forge: ForgeServer, who: str, head: str) -> None:
    since = datetime.now(tz=UTC) - timedelta(minutes=20)
    activity = {
        "after": head,
        "ref": "refs/heads/feature",
        "timestamp": f"{since:%Y-%m-%dT%H:%M:%SZ}",
        "activity_type": "push",
        "actor": user(who),
    }
    forge.on("GET", f"{REPO}/activity", [activity])


def landed(books: Bookish, env: Mapping[str, str]) -> Ran:
    books.world.now = datetime.now(tz=UTC).replace(microsecond=0)
    before, after = books.merge()
    words = ("check", "--merged", f"{before}..{after}", "--target", MAIN, "--record")
    return run_gate(*words, cwd=books.world.repo.path, env=dict(env))


@pytest.mark.parametrize("what", ["requested-changes", "pushed-it"])
def test_what_the_forge_told_once_is_heard_by_every_later_check(
    books: Bookish, forge: ForgeServer, secrets: dict[str, str], what: str
) -> None:
    head = books.world.repo.tip("feature")
    if what == "pushed-it":
        pushed(forge, "bob", head)
    else:
        reviewed(forge, "carol", "CHANGES_REQUESTED", head)
    told_so = check(books, *ASKED, "--record", env=secrets)
    assert told_so.code in (1, 3)
    alone = check(books)
    assert alone.code == told_so.code, alone.out
    assert ("bob" if what == "pushed-it" else "carol") in alone.out
    assert check(books, "--record", env=secrets).code == told_so.code
    over = landed(books, secrets)
    assert (over.code, "UNAUTHORISED" in over.out) == (1, True), over.out
    assert founds(books) == ["unauthorised"]


def test_what_nobody_asked_the_forge_is_advice_and_binds_nobody(
    books: Bookish, secrets: dict[str, str]
) -> None:
    advice = check(books)
    assert (advice.code, "forge-not-asked" in advice.out) == (0, True), advice.out
    binding = check(books, "--record", env=secrets)
    assert (binding.code, "forge-not-asked" in binding.out) == (3, True), binding.out
    over = landed(books, secrets)
    assert over.code == 1
    assert "nobody asked github.com" in over.out


@pytest.mark.parametrize("way", ["merge", "squash"])
def test_what_the_forge_was_asked_about_lands_without_asking_again(
    books: Bookish, secrets: dict[str, str], way: str
) -> None:
    assert check(books, *ASKED, "--record", env=secrets).code == 0
    again = check(books)
    assert (again.code, "forge-not-asked" in again.out) == (0, False), again.out
    books.world.now = datetime.now(tz=UTC).replace(microsecond=0)
    before, after = books.merge(way=way)
    if way == "squash":
        git(books.world, "branch", "-D", "feature")
    words = ("check", "--merged", f"{before}..{after}", "--target", MAIN, "--record")
    over = run_gate(*words, cwd=books.world.repo.path, env=secrets)
    assert (over.code, "AUTHORISED" in over.out) == (0, True), over.out
    assert founds(books) == ["authorised"]


def test_a_head_that_nobody_asked_about_is_not_the_one_before_it(
    books: Bookish, secrets: dict[str, str]
) -> None:
    assert check(books, *ASKED, "--record", env=secrets).code == 0
    books.world.now = datetime.now(tz=UTC).replace(microsecond=0)
    books.world.repo.checkout("feature")
    books.world.commit({"src/more.py": "print('more')\n"})
    books.world.approve("bob")
    assert "forge-not-asked" in check(books).out
    assert check(books, "--record", env=secrets).code == 3
