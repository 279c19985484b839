"""What the tests of forges share: a server on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.forge_server import ForgeServer, forge_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[ForgeServer]:
    """A forge's server that knows nothing yet."""
    with forge_server() as running:
        yield running
    assert not running.faults


@pytest.fixture
def elsewhere() -> Iterator[ForgeServer]:
    """Another host: the same machine, another port."""
    with forge_server() as running:
        yield running
