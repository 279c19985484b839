"""Cases: attacks and edge cases by the number of their row in `tests/cases/rows-*.yaml`."""

from __future__ import annotations

import pytest


def case(*rows: str) -> pytest.MarkDecorator:
    """Mark a test as playing these rows, for example `@case("1", "28")`."""
    return pytest.mark.case(*rows)
