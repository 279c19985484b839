"""Keys that cannot be used sign nothing, and the end says what would help."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.faulty import plain_ending, run_measured
from support.shell import run_gate
from support.world import CHG

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World


def _approve(world: World, key: str | Path) -> tuple[str, ...]:
    head = world.repo.tip("feature")
    return ("approve", CHG, "--base", "main", "--head", head, "--key", str(key), "--yes")


@pytest.fixture
def key(world: World, tmp_path: Path) -> Path:
    """A copy of Bob's key, and its public half beside it."""
    for ending in ("", ".pub"):
        shutil.copy(f"{world.keyring.bob.key}{ending}", tmp_path / f"bob{ending}")
    (tmp_path / "bob").chmod(0o600)
    return tmp_path / "bob"


def _refused(world: World, key: str | Path, code: str, **env: str) -> None:
    ran = run_gate(*_approve(world, key), cwd=world.repo.path, env={"SSH_AUTH_SOCK": "", **env})
    assert ran.code == 2
    assert f"itil-gate: {code}:" in ran.err, ran.err
    plain_ending(ran.err)
    assert not (world.repo.git_dir / "refs/heads/itil-gate-approvals").exists()


def test_a_key_that_works_signs(world: World, key: Path) -> None:
    assert run_gate(*_approve(world, key), cwd=world.repo.path).code == 0


def test_a_key_with_a_passphrase_and_no_agent_is_told_how_to_unlock(
    world: World, key: Path
) -> None:
    words = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "a secret", "-f", key]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _refused(world, key, "key-locked")
    key.with_name("bob.pub").unlink()
    _refused(world, key, "key-locked")


@pytest.mark.parametrize("agent", ["", "/no/such/socket", "/dev/null"])
def test_a_public_key_without_an_agent_is_told(world: World, key: Path, agent: str) -> None:
    key.unlink()
    _refused(world, f"{key}.pub", "agent-missing", SSH_AUTH_SOCK=agent)
    _refused(world, f"key::{world.keyring.bob.public}", "agent-missing", SSH_AUTH_SOCK=agent)


def test_a_key_file_that_is_none_is_told(world: World, key: Path, tmp_path: Path) -> None:
    _refused(world, tmp_path, "key-missing")
    _refused(world, tmp_path / "nothing", "key-missing")
    _refused(world, "bad\nname", "key-missing")
    _refused(world, "/dev/null", "key-missing")
    key.with_name("bob.pub").write_bytes(b"\xff\xfe\n\n")
    _refused(world, key, "key-missing")
    key.with_name("bob.pub").unlink()
    key.write_bytes(b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n")
    _refused(world, key, "signing-failed")


def test_a_key_that_others_may_read_is_refused_by_ssh(world: World, key: Path) -> None:
    key.chmod(0o644)
    _refused(world, key, "key-permissions")


def test_a_key_that_may_not_be_read_is_told(world: World, key: Path) -> None:
    key.chmod(0)
    powerless: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if (setpriv := shutil.which("setpriv")) is None:
            pytest.skip("root reads everything, without setpriv(1)")
        powerless = (setpriv, "--bounding-set=-dac_override,-dac_read_search")
    for half in ("", ".pub"):
        words = _approve(world, key)
        ran = run_measured(*words, cwd=world.repo.path, before=powerless)
        assert ran.code == 2
        plain_ending(ran.err)
        assert "bob" in ran.err
        key.with_name(f"bob{half or '.pub'}").chmod(0)
