"""The audit log on machines that fail: a full disk, a deaf remote, a git that dies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.audit_branch import make_hub, numbers_in, open_log, put, start_writer
from support.faulty import counting, plain_ending, stand_in
from support.repository import isolated
from support.shell import GATE

from itil_gate.model.errors import GateError
from itil_gate.model.record import AUDIT_BRANCH

if TYPE_CHECKING:
    from support.repository import Repo

pytestmark = pytest.mark.heavy

SIZES = (0, 100, 300, 700, 2000, 100_000)
"""Bytes that a file may have: each lets the append come further before it is stopped."""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The configuration of whoever runs the tests has no say in them."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def hub(tmp_path: Path) -> Repo:
    """A bare repository with a branch main."""
    return make_hub(tmp_path / "hub.git")


@pytest.fixture
def clone(hub: Repo, tmp_path: Path) -> Repo:
    """A clone of it."""
    return hub.clone(tmp_path / "clone")


def _limited(
    size: int, repo: Repo, remote: str | None, number: int
) -> subprocess.CompletedProcess[str]:
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        pytest.skip("prlimit(1) is not here")
    tests = Path(__file__).parents[1]
    words = [str(repo.path), remote or "-", str(number), "1"]
    return subprocess.run(
        [prlimit, f"--fsize={size}", sys.executable, "-m", "support.audit_branch", *words],
        env=isolated({"PYTHONPATH": str(tests), "PYTHONDONTWRITEBYTECODE": "1"}),
        cwd=repo.path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("remote", [None, "origin"])
def test_where_files_cannot_grow_an_event_is_recorded_whole_or_not_at_all(
    hub: Repo, clone: Repo, remote: str | None
) -> None:
    open_log(clone, remote=remote)
    where, expected, codes = hub if remote else clone, [], []
    for number, size in enumerate(SIZES):
        done = _limited(size, clone, remote, number)
        codes.append(done.returncode)
        expected += [number] if done.returncode == 0 else []
        assert numbers_in(where) == expected, done.stderr
    assert codes[0] != 0
    assert codes[-1] == 0
    # What is left of the failures is in nobody's way.
    put(clone, 99, remote=remote)
    assert numbers_in(where) == [*expected, 99]


def test_a_full_disk_is_named_by_the_command(hub: Repo, clone: Repo) -> None:
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        pytest.skip("prlimit(1) is not here")
    open_log(clone, remote="origin")
    done = subprocess.run(
        [prlimit, "--fsize=0", GATE, "log", "show"],
        cwd=clone.path,
        env=isolated({"PYTHONDONTWRITEBYTECODE": "1"}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    plain_ending(done.stderr)
    assert hub.tip(AUDIT_BRANCH)


@pytest.mark.parametrize("way", ["hook", "size", "not-there", "no-files"])
def test_a_remote_that_takes_nothing_is_an_error_and_has_nothing(
    hub: Repo, clone: Repo, tmp_path: Path, way: str
) -> None:
    tip = open_log(clone, remote="origin").tip
    if way == "hook":
        hook = hub.git_dir / "hooks" / "update"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\necho read-only\nexit 1\n")
        hook.chmod(0o755)
    elif way == "size":
        hub.git("config", "receive.maxInputSize", "1")
    elif way == "not-there":
        hub.path.rename(tmp_path / "away")
    else:
        (hub.git_dir / "objects").rename(tmp_path / "objects")
    with pytest.raises(GateError) as caught:
        put(clone, 1, remote="origin")
    assert caught.value.code in {"push-refused", "fetch-failed"}
    assert caught.value.hint
    if way == "not-there":
        (tmp_path / "away").rename(hub.path)
    elif way == "no-files":
        (tmp_path / "objects").rename(hub.git_dir / "objects")
    assert hub.tip(AUDIT_BRANCH) == tip
    assert numbers_in(hub) == []


@pytest.mark.parametrize("remote", [None, "origin"])
@pytest.mark.parametrize("fault", ["kill -9 $$", "exit 1", "exit 0"])
def test_whichever_call_of_git_fails_the_log_is_whole(
    hub: Repo, clone: Repo, tmp_path: Path, remote: str | None, fault: str
) -> None:
    open_log(clone, remote=remote)
    where = hub if remote else clone
    here = tmp_path / "bin"
    env = stand_in(here, counting(fault))
    recorded: list[int] = []
    number = nth = 0
    while True:
        number, nth = number + 1, nth + 1
        (here / "nth").write_text(str(nth))
        (here / "calls").write_text("")
        writer = start_writer(clone, remote, number, 1, env=env)
        out, err = writer.communicate(timeout=60)
        found = numbers_in(where)
        assert len(found) == len(set(found))
        if writer.returncode == 0:
            recorded.append(number)
            assert out.startswith(f"{number} ")
        else:
            assert "GateError" in err or "HistoryError" in err or "LogError" in err, err
        assert set(recorded) <= set(found)
        if len((here / "calls").read_text().splitlines()) < nth:
            break
    assert nth > 4
    put(clone, 10_000, remote=remote)
    assert numbers_in(where)[-1] == 10_000


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_writer_that_is_stopped_leaves_the_log_whole(
    hub: Repo, clone: Repo, sent: signal.Signals
) -> None:
    open_log(clone, remote="origin")
    writer = start_writer(clone, "origin", 0, 1000)
    assert writer.stdout is not None
    writer.stdout.readline()
    os.killpg(writer.pid, sent)
    writer.communicate(timeout=60)
    assert numbers_in(hub)[0] == 0
    put(clone, 9999, remote="origin")
    assert numbers_in(hub)[-1] == 9999
