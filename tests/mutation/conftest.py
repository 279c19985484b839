"""A world for every fault, as for every case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.repository import Keyring, Repo
from support.world import World, adopt

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path, keyring: Keyring) -> World:
    """A world of its own for one fault."""
    repo = Repo(tmp_path / "repo")
    adopt(repo, keyring)
    return World(repo, keyring)
