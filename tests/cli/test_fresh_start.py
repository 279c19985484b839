"""Most tests run forks of a gate that waits; a gate that was started says and does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.shell import run_gate

from itil_gate.cli import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

LINES = (
    "--version",
    "nonsense",
    "check --base main --head feature",
    "lint --format json",
    "status",
    "explain uncovered-change",
    "log show",
    "schema request --no-such-option",
)


@pytest.mark.parametrize("line", LINES)
def test_a_fork_ends_and_says_what_a_fresh_process_does(desk: World, line: str) -> None:
    desk.commit({"src/app.py": "print('new')\n"})
    forked, fresh = (
        run_gate(*line.split(), cwd=desk.repo.path, env={"TZ": "Asia/Tokyo"}, fresh=fresh)
        for fresh in (False, True)
    )
    assert forked == fresh
    assert fresh.out or fresh.err


def test_a_fork_reads_what_it_is_given_and_keeps_nothing(desk: World, tmp_path: Path) -> None:
    line = f"{'0' * 40} {desk.repo.tip('main')} refs/heads/main\n"
    words = ("hook", "pre-receive")
    given = [
        run_gate(*words, cwd=desk.repo.path, stdin=line * 9000, fresh=fresh)
        for fresh in (False, True)
    ]
    assert given[0] == given[1]
    assert (
        run_gate("status", cwd=tmp_path).code == run_gate("status", cwd=tmp_path, fresh=True).code
    )
    assert run_gate("status", cwd=desk.repo.path).code == 0


@pytest.mark.heavy
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_starts_as_a_program_of_its_own(name: str, tmp_path: Path) -> None:
    ran = run_gate(name, "--help", cwd=tmp_path, fresh=True)
    assert (ran.code, ran.err) == (0, "")
    assert ran == run_gate(name, "--help", cwd=tmp_path)
