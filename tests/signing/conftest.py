"""Keys for the signing tests, made once a session: one of each sort that ssh-keygen makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.ssh_vectors import generate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OPTIONS = {
    "ed25519": ("-t", "ed25519"),
    "rsa2048": ("-t", "rsa", "-b", "2048"),
    "rsa3072": ("-t", "rsa", "-b", "3072"),
    "rsa4096": ("-t", "rsa", "-b", "4096"),
    "ecdsa256": ("-t", "ecdsa", "-b", "256"),
    "ecdsa384": ("-t", "ecdsa", "-b", "384"),
    "ecdsa521": ("-t", "ecdsa", "-b", "521"),
    "rsa1024": ("-t", "rsa", "-b", "1024"),
    "dsa": ("-t", "dsa"),
}


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give the private key file of a sort of key, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("keys")

    def give(sort: str) -> Path:
        path = folder / sort
        return path if path.exists() else generate(path, *OPTIONS[sort])

    return give


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which ssh-keygen is shown signatures."""
    return tmp_path_factory.mktemp("scratch")
