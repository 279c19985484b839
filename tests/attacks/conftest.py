"""A repository with a log of many kinds of entries, made once and copied for every attack."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from support.attacks import Victim, copy_victim
from support.books import open_books
from support.repository import Keyring, Repo
from support.world import World, adopt

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from itil_gate.model.config import Config


class Template(NamedTuple):
    """Where the repository is, its configuration, and the time in it."""

    path: Path
    config: Config
    now: datetime


@pytest.fixture(scope="session")
def audited(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Template:
    """A repository whose log holds decisions, approvals, landings, releases and outcomes."""
    repo = Repo(tmp_path_factory.mktemp("audited") / "repo")
    adopt(repo, keyring)
    world = World(repo, keyring)
    books = open_books(world)
    books.land({"src/web/page.txt": "one\n"}, "CHG-2026-AAAA0001", branch="first")
    books.release()
    world.later(minutes=10)
    books.land({"src/web/page.txt": "two\n"}, "CHG-2026-AAAA0002", branch="second")
    books.release(artifact="sha256:" + "b" * 64)
    return Template(repo.path, books.config, world.now)


@pytest.fixture
def victim(tmp_path: Path, audited: Template, keyring: Keyring) -> Victim:
    """A copy of it, in a clone that remembers nothing."""
    return copy_victim(
        audited.path, tmp_path / "repo", keyring, config=audited.config, now=audited.now
    )
