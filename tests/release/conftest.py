"""A world for every test that needs one, copied from one that was made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.repository import Keyring, Repo
from support.world import World, adopt, copy_world

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    """A repository that has adopted the gate, and nothing else."""
    repo = Repo(tmp_path_factory.mktemp("template") / "repo")
    adopt(repo, keyring)
    return repo.path


@pytest.fixture
def world(tmp_path: Path, template: Path, keyring: Keyring) -> World:
    """A world of its own for one case."""
    return copy_world(template, tmp_path / "repo", keyring)
