"""Which variations of a test everybody runs, and which are left to what is heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable


def weighed(values: Iterable[Any], *ordinary: Any) -> list[Any]:
    """Return the values for `parametrize`; all but the ordinary ones are heavy."""
    listed = list(values)
    assert all(one in listed for one in ordinary), "an ordinary value is not among them"
    return [
        one if one in ordinary else pytest.param(one, marks=pytest.mark.heavy) for one in listed
    ]
