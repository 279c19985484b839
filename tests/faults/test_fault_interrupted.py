"""Signals, stale locks and several writers at once: the approvals branch is never left half-way."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from support.faulty import plain_ending, run_measured, stand_in, surroundings
from support.shell import GATE, run_gate
from support.world import CHG, request_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.world import World

CHECK = ("check", "--base", "main", "--head", "feature")
APPROVALS = "refs/heads/itil-gate-approvals"
PAUSE = 'touch "$HERE/reached"; while [ ! -e "$HERE/go" ]; do sleep 0.02; done'


def _approve(world: World, name: str = "bob", change: str = CHG) -> tuple[str, ...]:
    head, key = world.repo.tip("feature"), str(getattr(world.keyring, name).key)
    return ("approve", change, "--base", "main", "--head", head, "--key", key, "--yes")


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Let programs hear an interrupt, also where the tests were started in the background."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize(
    ("when", "filed"),
    [
        (f'case "$1" in update-ref) {PAUSE};; esac; exec "$REAL" "$@"', False),
        (f'"$REAL" "$@"; c=$?; case "$1" in update-ref) {PAUSE};; esac; exit $c', True),
    ],
)
def test_an_approval_that_is_stopped_is_filed_whole_or_not_at_all(
    world: World, tmp_path: Path, *, sent: signal.Signals, when: str, filed: bool
) -> None:
    here, there = tmp_path / "bin", tmp_path / "tmp"
    there.mkdir()
    env = surroundings(world.repo.path, stand_in(here, when) | {"TMPDIR": str(there)})
    process = subprocess.Popen(
        [GATE, *_approve(world)],
        cwd=world.repo.path,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while not (here / "reached").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(sent)
    try:
        _, said = process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    (here / "go").touch()
    assert process.returncode == 2
    assert said.endswith("stopped\n")
    plain_ending(said)
    assert not list(there.iterdir())
    assert not list(world.repo.git_dir.rglob("*.lock"))
    world.repo.git("fsck", "--strict", "--no-dangling")
    assert run_gate(*CHECK, cwd=world.repo.path).code == (0 if filed else 3)


def test_a_check_that_is_stopped_decides_nothing_and_leaves_nothing(
    world: World, tmp_path: Path
) -> None:
    here, there = tmp_path / "bin", tmp_path / "tmp"
    there.mkdir()
    env = stand_in(here, f'case "$1" in diff-tree) {PAUSE};; esac; exec "$REAL" "$@"')
    process = subprocess.Popen(
        [GATE, *CHECK, "--output", "stored.json"],
        cwd=world.repo.path,
        env=surroundings(world.repo.path, env | {"TMPDIR": str(there)}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while not (here / "reached").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.terminate()
    assert process.wait(timeout=20) == 2
    (here / "go").touch()
    assert not list(there.iterdir())
    assert not (world.repo.path / "stored.json").exists()


@pytest.mark.heavy
def test_of_people_who_approve_at_the_same_moment_nobody_is_lost(world: World) -> None:
    other = "CHG-2026-AAAA0002"
    world.repo.checkout("feature")
    world.commit({f"changes/2026/{other}.yaml": request_file(other)})
    names = [(name, change) for name in ("bob", "carol", "dave", "erin") for change in (CHG, other)]
    processes = [
        subprocess.Popen(
            [GATE, *_approve(world, *one)],
            cwd=world.repo.path,
            env=surroundings(world.repo.path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for one in names
    ]
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(names), said
    files = world.repo.git("ls-tree", "-r", "--name-only", APPROVALS).splitlines()
    assert len(files) == len(names)
    assert world.repo.git("rev-list", "--count", "--first-parent", APPROVALS) == str(len(names))
    assert run_gate(*CHECK, cwd=world.repo.path).code == 0


@pytest.mark.heavy
def test_a_stale_lock_is_waited_for_and_then_named(world: World) -> None:
    lock = world.repo.git_dir / f"{APPROVALS}.lock"
    lock.touch()
    ran = run_measured(*_approve(world), cwd=world.repo.path)
    assert ran.code == 2
    assert "branch-busy" in ran.err
    assert "itil-gate-approvals.lock" in ran.err
    assert ran.seconds < 40
    assert run_gate(*CHECK, cwd=world.repo.path).code == 3
    lock.unlink()
    assert run_gate(*_approve(world), cwd=world.repo.path).code == 0


@pytest.mark.heavy
def test_a_repository_that_goes_away_leaves_the_change_undecided(
    world: World, tmp_path: Path
) -> None:
    for number in range(1, 6):
        away = f'mv "{world.repo.path}" "{world.repo.path}.away" 2>/dev/null'
        here = tmp_path / f"bin{number}"
        env = stand_in(
            here,
            'echo "$*" >> "$HERE/calls"\n'
            f'[ "$(wc -l < "$HERE/calls")" -eq {number} ] && {away}\n'
            'exec "$REAL" "$@"',
        )
        ran = run_measured(*CHECK, "--repo", world.repo.path, cwd=tmp_path, env=env)
        os.rename(f"{world.repo.path}.away", world.repo.path)  # noqa: PTH104
        # What was read before may be enough for an answer, and then it is the right one.
        assert ran.code in (2, 3), ran.err
        assert ran.code == 2 or number > 1
        plain_ending(ran.err)


def test_a_current_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'cd "$0" && rmdir "$0" && exec "$@"'
    for words in (CHECK, ("new",), ("lint",), ("--help",)):
        gone.mkdir(exist_ok=True)
        done = subprocess.run(
            ["/bin/sh", "-c", script, gone, GATE, *words],
            env=surroundings(tmp_path),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == (0 if words == ("--help",) else 2), done.stderr
        plain_ending(done.stderr)
