"""The environment that the tests of expressions share; making one takes a few milliseconds."""

from __future__ import annotations

import pytest
from support.conditions import VARIABLES

from itil_gate.expressions.environment import Environment


@pytest.fixture(scope="session")
def environment() -> Environment:
    return Environment(VARIABLES)
