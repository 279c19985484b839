"""A git that is missing, dies, lies or dawdles leaves the gate undecided, and soon."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
from support.faulty import counting, plain_ending, run_measured, stand_in
from support.shell import run_gate
from support.weighing import weighed
from support.world import CHG

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

CHECK = ("check", "--base", "main", "--head", "feature")
FAULTS = {
    "killed": "kill -9 $$",
    "killed while it writes": '"$REAL" "$@" | head -c 20; kill -9 $$',
    "fails without a word": "exit 1",
    "writes what is no answer": (
        "echo 'Segmentation fault 99999999999999999999'; printf '\\377\\0\\0x\\n'; exit 0"
    ),
}
UNTIL = 40
"""More calls than any command makes here."""


def _approve(world: World) -> tuple[str, ...]:
    key = str(world.keyring.bob.key)
    head = world.repo.tip("feature")
    return ("approve", CHG, "--base", "main", "--head", head, "--key", key, "--yes")


def test_without_git_the_gate_says_what_to_install(world: World, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for command in (CHECK, _approve(world), ("new",), ("init",), ("status",)):
        ran = run_gate(*command, cwd=world.repo.path, env={"PATH": str(tmp_path / "empty")})
        assert ran.code == 2, command
        assert "git-missing" in ran.err
        plain_ending(ran.err)


@pytest.mark.parametrize("script", ["exit 127", "echo git version 2.20.1", "echo what"])
def test_a_git_that_is_none_or_too_old_is_named(world: World, tmp_path: Path, script: str) -> None:
    ran = run_gate(*CHECK, cwd=world.repo.path, env=stand_in(tmp_path / "bin", script))
    assert ran.code == 2
    assert "git" in ran.err
    plain_ending(ran.err)


def test_a_git_that_cannot_be_started_is_named(world: World, tmp_path: Path) -> None:
    env = stand_in(tmp_path / "bin", "")
    (tmp_path / "bin/git").write_bytes(b"\x7fELF, but not really")
    for command in (CHECK, _approve(world), ("new",)):
        ran = run_gate(*command, cwd=world.repo.path, env=env)
        assert ran.code == 2
        assert "program-failed" in ran.err
        plain_ending(ran.err)


@pytest.mark.parametrize("fault", weighed(FAULTS, "killed"))
def test_no_call_of_git_can_fail_and_the_change_be_judged(
    world: World, tmp_path: Path, fault: str
) -> None:
    world.approve("bob")
    world.on_main({"docs/index.md": "# Hello again\n"})
    env = stand_in(tmp_path / "bin", counting(FAULTS[fault])) | {"ITIL_GATE_TIMEOUT": "5"}
    for number in count(1):
        assert number < UNTIL
        (tmp_path / "bin/calls").unlink(missing_ok=True)
        (tmp_path / "bin/nth").write_text(str(number))
        ran = run_gate(*CHECK, cwd=world.repo.path, env=env)
        calls = (tmp_path / "bin/calls").read_text().splitlines()
        if len(calls) < number:
            assert ran.code == 0
            break
        # Of `merge-base --is-ancestor` a bare status 1 is the answer no: the approval is stale.
        allowed = {2, 3} if "--is-ancestor" in calls[number - 1] else {2}
        assert ran.code in allowed, (calls[number - 1], ran.out, ran.err)
        plain_ending(ran.err)
    assert number > 5


@pytest.mark.heavy
@pytest.mark.parametrize(
    "fault",
    [
        "killed",
        pytest.param("fails without a word", marks=pytest.mark.heavy),
        pytest.param("writes what is no answer", marks=pytest.mark.heavy),
    ],
)
def test_wherever_git_fails_an_approval_is_filed_whole_or_not_at_all(
    world: World, tmp_path: Path, fault: str
) -> None:
    env = stand_in(tmp_path / "bin", counting(FAULTS[fault])) | {"ITIL_GATE_TIMEOUT": "5"}
    ref = world.repo.git_dir / "refs/heads/itil-gate-approvals"
    for number in count(1):
        assert number < UNTIL
        (tmp_path / "bin/calls").unlink(missing_ok=True)
        (tmp_path / "bin/nth").write_text(str(number))
        ran = run_gate(*_approve(world), cwd=world.repo.path, env=env)
        calls = (tmp_path / "bin/calls").read_text().splitlines()
        if len(calls) < number:
            assert ran.code == 0, ran.err
            break
        plain_ending(ran.err)
        # Races are run again, so that some calls may fail and the approval be filed all the same;
        # and it is filed where only the look whether it is fails.
        assert ran.code in (0, 2), (calls[number - 1], ran.err)
        assert ref.exists() or ran.code == 2, (calls[number - 1], ran.err)
        assert not list(world.repo.git_dir.rglob("*.lock"))
        if ref.exists():
            world.repo.git("fsck", "--strict", "--connectivity-only")
            assert world.repo.git("ls-tree", "-r", "itil-gate-approvals").count("\n") == 0
            world.repo.git("update-ref", "-d", "refs/heads/itil-gate-approvals")
    assert number > 8
    assert run_gate(*CHECK, cwd=world.repo.path).code == 0


@pytest.mark.parametrize("command", ["check", "approve", "new"])
def test_a_slow_git_is_stopped_in_time(world: World, tmp_path: Path, command: str) -> None:
    words = {"check": CHECK, "approve": _approve(world), "new": ("new", "--yes")}[command]
    env = stand_in(tmp_path / "bin", "sleep 30") | {"ITIL_GATE_TIMEOUT": "0.3"}
    ran = run_measured(*words, cwd=world.repo.path, env=env)
    assert ran.code == 2
    assert "git-timeout" in ran.err
    assert "ITIL_GATE_TIMEOUT" in ran.err
    assert ran.seconds < 5


def test_a_git_that_stops_in_the_middle_of_an_object_is_stopped(
    world: World, tmp_path: Path
) -> None:
    slow = 'case "$1" in cat-file) sleep 30;; esac; exec "$REAL" "$@"'
    env = stand_in(tmp_path / "bin", slow) | {"ITIL_GATE_TIMEOUT": "0.3"}
    ran = run_measured(*CHECK, cwd=world.repo.path, env=env)
    assert ran.code == 2
    assert "git-timeout" in ran.err
    assert ran.seconds < 5


def test_the_callers_settings_are_asked_for_with_patience_but_not_for_ever(
    world: World, tmp_path: Path
) -> None:
    slow = 'case "$*" in *user.*) sleep 30;; esac; exec "$REAL" "$@"'
    env = stand_in(tmp_path / "bin", slow) | {"ITIL_GATE_TIMEOUT": "0.5"}
    world.commit({"tools/run.sh": "true\n"})
    ran = run_measured(*("new", "--yes", "--base", "main"), cwd=world.repo.path, env=env)
    assert ran.code == 2
    assert ran.seconds < 8
    plain_ending(ran.err)


@pytest.mark.parametrize("said", ["0", "soon", "-1", "1e9", "100000", "nan", "0.01"])
def test_a_timeout_that_is_none_is_refused(world: World, said: str) -> None:
    ran = run_gate(*CHECK, cwd=world.repo.path, env={"ITIL_GATE_TIMEOUT": said})
    assert ran.code == 2
    assert "bad-timeout" in ran.err


@pytest.mark.parametrize("command", ["for-each-ref", "cat-file"])
def test_a_git_that_never_stops_writing_is_stopped(
    world: World, tmp_path: Path, command: str
) -> None:
    endless = f'case "$1" in {command}) exec cat /dev/zero;; esac; exec "$REAL" "$@"'
    ran = run_measured(*CHECK, cwd=world.repo.path, env=stand_in(tmp_path / "bin", endless))
    assert ran.code == 2
    plain_ending(ran.err)
    assert ran.seconds < 10
    assert ran.mebibytes < 700


@pytest.mark.heavy
def test_ssh_keygen_missing_dead_or_slow_signs_nothing(world: World, tmp_path: Path) -> None:
    for script, code in (
        ("kill -9 $$", "signing-failed"),
        ("echo hello; exit 0", "signing-failed"),
        ("sleep 30", "signing-timeout"),
    ):
        env = stand_in(tmp_path / "bin", script, name="ssh-keygen")
        env["ITIL_GATE_TIMEOUT"] = "1"
        ran = run_gate(*_approve(world), cwd=world.repo.path, env=env)
        assert ran.code == 2
        assert code in ran.err, ran.err
        plain_ending(ran.err)
    (tmp_path / "only-git").mkdir()
    (tmp_path / "only-git/git").symlink_to("/usr/bin/git")
    ran = run_gate(*_approve(world), cwd=world.repo.path, env={"PATH": str(tmp_path / "only-git")})
    assert ran.code == 2
    assert "ssh-keygen-missing" in ran.err
    assert not (world.repo.git_dir / "refs/heads/itil-gate-approvals").exists()
