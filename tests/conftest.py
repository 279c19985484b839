"""Fixtures for the tests of every room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from support.kept import Kept
from support.repository import Keyring, Repo, make_keyring
from support.scratch import settle_in_memory
from support.shell import end_waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# How long an example takes says more about the machine than about the code.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


def pytest_configure() -> None:
    settle_in_memory()


def pytest_sessionfinish() -> None:
    end_waiting()


@pytest.fixture(scope="session", autouse=True)
def _kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Preparations are kept as long as this session."""
    Kept.folder = tmp_path_factory.mktemp("kept")
    yield
    Kept.folder = None


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    """Five people with a key each, made once."""
    return make_keyring(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """An empty repository with branch main checked out."""
    return Repo(tmp_path / "repo")
