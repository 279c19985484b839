"""A view of the test's repository, opened when asked for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from itil_gate.git.discover import discover
from itil_gate.git.view import View, open_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from support.repository import Repo


@pytest.fixture
def viewed() -> Callable[[Repo], AbstractContextManager[View]]:
    """Open a view of a repository in a `with` statement."""

    @contextmanager
    def opened(repo: Repo) -> Iterator[View]:
        with open_view(discover(repo.path)) as view:
            yield view

    return opened
