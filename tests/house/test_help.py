"""Help is the reference at hand: every listed command shows it, and it reads as it was meant."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from itil_gate.cli import COMMANDS, gate


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_explains_itself(name: str) -> None:
    shown = CliRunner().invoke(gate, [name, "--help"], catch_exceptions=False)
    assert shown.exit_code == 0
    assert shown.output.startswith(f"Usage: gate {name}")


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS)], ids=" ".join)
def test_help_shows_no_markup_of_its_own(arguments: list[str]) -> None:
    shown = CliRunner().invoke(gate, [*arguments, "--help"], catch_exceptions=False)
    assert "\\b" not in shown.output
    assert "\b" not in shown.output
