"""What the laws are tried on, and how hard.

HYPOTHESIS_PROFILE=full tries five times as much as the ordinary tests do, =deep fifty times.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import settings
from support.repository import Keyring, Repo
from support.scenes import Scenes, seal
from support.world import World, adopt

settings.register_profile("full", deadline=None)
settings.register_profile("deep", deadline=None, max_examples=1000)
if profile := os.environ.get("HYPOTHESIS_PROFILE"):
    settings.load_profile(profile)


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Scenes:
    """Sealed inputs from one real repository, and variations of them."""
    repo = Repo(tmp_path_factory.mktemp("laws") / "repo")
    adopt(repo, keyring)
    return seal(World(repo, keyring))
