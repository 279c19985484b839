"""A repository that has adopted the gate, for tests of commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.repository import Keyring, Repo
from support.world import World, adopt, copy_world

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def adopted_template(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    """A repository that has adopted the gate, made once; Alice is at its keyboard."""
    repo = Repo(tmp_path_factory.mktemp("adopted") / "repo")
    adopt(repo, keyring)
    repo.git("config", "user.name", keyring.alice.name)
    repo.git("config", "user.email", keyring.alice.email)
    return repo.path


@pytest.fixture
def desk(tmp_path: Path, adopted_template: Path, keyring: Keyring) -> World:
    """A copy of it, on a branch `feature` without a change yet."""
    world = copy_world(adopted_template, tmp_path / "repo", keyring)
    world.repo.checkout("feature", create=True)
    return world
