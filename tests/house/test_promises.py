"""The threat model names tests for each promise; they have to exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security" / "threat-model.md").read_text("utf-8")
NAMED = re.findall(r"`(tests/[a-z_/]+\.py)::([a-z_0-9*]+)`", PAGE)
PROMISES = re.findall(r"(?m)^([0-9]+)\. \*\*", PAGE)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_that_holds_a_promise_is_there(file: str, name: str) -> None:
    text = (ROOT / file).read_text("utf-8")
    assert re.search(r"(?m)^def test_" if name == "*" else rf"(?m)^def {name}\(", text)


def test_every_promise_is_held_by_some_test() -> None:
    held = re.findall(r"(?m)^\| ([0-9]+)\. [^|]+\| `tests/", PAGE)
    assert held == PROMISES
    assert len(PROMISES) == len({*PROMISES}) >= 10
