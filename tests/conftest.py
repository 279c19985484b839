"""Fixtures for the tests of every room."""

from __future__ import annotations

import gc
import os
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


def pytest_collection_finish() -> None:
    # The tests stay until the end: looking for what among them could go took a tenth of the time.
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    end_waiting()


@pytest.fixture(scope="session", autouse=True)
def _kept() -> Iterator[None]:
    """Steps are kept as long as this session; ITIL_GATE_TESTS_ANEW=1 takes each one anew."""
    Kept.on = not os.environ.get("ITIL_GATE_TESTS_ANEW")
    yield
    Kept.on = False


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    """Five people with a key each, made once."""
    return make_keyring(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """An empty repository with branch main checked out."""
    return Repo(tmp_path / "repo")
