"""A world with an audit log for every test, copied from one that was made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.books import Bookish, open_books
from support.repository import Keyring, Repo
from support.world import World, adopt, copy_world

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    """A repository that has adopted the gate and opened its log."""
    repo = Repo(tmp_path_factory.mktemp("template") / "repo")
    adopt(repo, keyring)
    open_books(World(repo, keyring))
    return repo.path


@pytest.fixture
def books(tmp_path: Path, opened: Path, keyring: Keyring) -> Bookish:
    """A log of its own for one test."""
    return Bookish(copy_world(opened, tmp_path / "repo", keyring))
