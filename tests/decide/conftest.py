"""Sealed inputs from one real repository, for tests that edit a fact and decide again."""

from __future__ import annotations

import pytest
from support.repository import Keyring, Repo
from support.scenes import Scenes, seal
from support.world import World, adopt


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Scenes:
    """One merge of everything by alice, about which each of five people has said something."""
    repo = Repo(tmp_path_factory.mktemp("sealed") / "repo")
    adopt(repo, keyring)
    return seal(World(repo, keyring))
