"""Many tests start with steps that were taken before; what those leave is what taking them does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.books import open_books
from support.kept import Kept
from support.world import CHG, OTHER, World, copy_world

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from support.repository import Keyring


def walk(world: World) -> list[str]:
    """Take every kind of step; return what they said."""
    books = open_books(world)
    first = books.land({"src/web/page.txt": "one\n"}, CHG, branch="first")
    books.release()
    head = world.propose(change=OTHER)
    world.approve("bob", change=OTHER)
    return [first, head, *books.kinds()]


def state(world: World) -> tuple[str, ...]:
    """Return all that git says of a repository, and what it does not know of its work tree."""
    repo = world.repo
    asked = (
        "for-each-ref",
        "ls-files --stage",
        "status --porcelain=v2 --branch --ignored",
        "fsck --strict --no-dangling",
        "rev-list --all --objects",
        "config --list --local",
    )
    return (*(repo.git(*words.split()) for words in asked), str(repo.clock))


def test_a_step_that_was_taken_before_leaves_what_taking_it_does(
    tmp_path: Path, template: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []
    for name, on in (("anew", False), ("once", True), ("again", True)):
        monkeypatch.setattr(Kept, "on", on)
        world = copy_world(template, tmp_path / name, keyring)
        said = walk(world)
        assert world.check().outcome == "allow"
        done.append((said, state(world)))
    assert done[0] == done[1] == done[2]


def test_a_step_from_other_bytes_is_taken(tmp_path: Path, template: Path, keyring: Keyring) -> None:
    one, other = (copy_world(template, tmp_path / name, keyring) for name in ("one", "other"))
    (other.repo.path / "beside.txt").write_text("not known to git\n")
    assert one.propose() != other.propose()
    assert other.repo.git("show", "feature:beside.txt") == "not known to git"


def test_what_is_put_back_can_be_worked_on(
    tmp_path: Path, template: Path, keyring: Keyring
) -> None:
    for name in ("once", "again"):
        world = copy_world(template, tmp_path / name, keyring)
        head = world.propose()
        world.repo.checkout("main")
        assert (world.repo.path / "src" / "app.py").read_text() == "print('old')\n"
        merged = world.repo.merge("feature")
        assert world.repo.git("rev-parse", f"{merged}^2") == head
        assert world.repo.git("status", "--porcelain") == ""
