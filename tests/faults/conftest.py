"""A repository that has adopted the gate, with a change that everybody could approve."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.repository import Keyring, Repo
from support.world import World, adopt, copy_world

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def faulty_template(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    """Made once: main has adopted the gate, feature proposes a change of low risk."""
    repo = Repo(tmp_path_factory.mktemp("faulty") / "repo")
    adopt(repo, keyring)
    repo.git("config", "user.name", keyring.alice.name)
    repo.git("config", "user.email", keyring.alice.email)
    World(repo, keyring).propose()
    return repo.path


@pytest.fixture
def world(tmp_path: Path, faulty_template: Path, keyring: Keyring) -> World:
    """A copy of it, by the clock of this machine, which is what the command reads."""
    copied = copy_world(faulty_template, tmp_path / "repo", keyring)
    copied.now = datetime.now(tz=UTC).replace(microsecond=0)
    return copied
