"""Starting programs: what they may see, how long they may take, what is made of their failure."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from itil_gate.git import run as room
from itil_gate.model.errors import GateError, HistoryError

if TYPE_CHECKING:
    from pathlib import Path


def _program(directory: Path, name: str, body: str) -> None:
    directory.mkdir(exist_ok=True)
    file = directory / name
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)


def test_no_git_variable_of_the_caller_reaches_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_EXTERNAL_DIFF", "GIT_CONFIG_PARAMETERS"):
        monkeypatch.setenv(name, "/hostile")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_ATTR_SOURCE", "HEAD")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/hostile")
    assert "/hostile" not in room.hardened().values()
    assert not [n for n in room.environment() if n.startswith("GIT_")]
    assert room.hardened()["GIT_CONFIG_NOSYSTEM"] == "1"
    assert "GIT_ATTR_SOURCE" not in room.hardened()


def test_what_an_agent_needs_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/agent")
    assert room.environment()["SSH_AUTH_SOCK"] == "/agent"


def test_a_git_lying_in_the_working_directory_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(tmp_path, "git", "echo git version 9.9.9")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.pathsep}{os.environ['PATH']}")
    assert not room.git_program().startswith(str(tmp_path))


def test_a_missing_git_is_told_with_the_version_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GateError) as caught:
        room.git_program()
    assert caught.value.code == "git-missing"
    assert "2.38" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("git version 2.37.9", "git-too-old"),
        ("git version 1.99", "git-too-old"),
        ("?", "git-missing"),
    ],
)
def test_an_old_git_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, code: str
) -> None:
    _program(tmp_path / said.replace(" ", "-"), "git", f"echo '{said}'")
    monkeypatch.setenv("PATH", str(tmp_path / said.replace(" ", "-")))
    with pytest.raises(GateError) as caught:
        room.git_program()
    assert caught.value.code == code


def test_a_newer_git_with_a_vendor_suffix_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(tmp_path, "git", "echo 'git version 2.50.1 (Apple Git-155)'")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert room.git_program() == str(tmp_path / "git")


def test_a_program_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(HistoryError) as caught:
        room.run(
            [sys.executable, "-c", "import time; time.sleep(60)"],
            cwd=tmp_path,
            env=room.hardened(),
            timeout=0.2,
        )
    assert caught.value.code == "git-timeout"


def test_a_status_that_was_not_expected_is_an_error_with_what_was_said(tmp_path: Path) -> None:
    body = "import sys; sys.stderr.write('no such thing'); sys.exit(3)"
    command = [sys.executable, "-c", body]
    with pytest.raises(HistoryError, match="no such thing") as caught:
        room.run(command, cwd=tmp_path, env=room.hardened())
    assert caught.value.code == "git-failed"
    assert room.run(command, cwd=tmp_path, env=room.hardened(), ok=(3,)).status == 3


def test_a_program_that_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GateError) as caught:
        room.run([str(tmp_path / "none")], cwd=tmp_path, env={})
    assert caught.value.code == "program-failed"


def test_arguments_reach_a_program_as_they_are(tmp_path: Path) -> None:
    text = "$(touch x); `touch x` | * ' \" \n"
    body = "import sys; sys.stdout.write(sys.argv[1])"
    done = room.run([sys.executable, "-c", body, text], cwd=tmp_path, env=room.hardened())
    assert done.out.decode() == text
    assert list(tmp_path.iterdir()) == []
