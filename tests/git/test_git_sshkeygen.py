"""Signing with the caller's key, and every way in which it can fail without hanging."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.repository import make_person

from itil_gate.git.sshkeygen import public_key, sign
from itil_gate.model.errors import SigningError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.repository import Keyring, Person

SPACE = "approval@itil-gate"


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """No agent of whoever runs the tests answers."""
    for name in ("SSH_AUTH_SOCK", "SSH_ASKPASS", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An agent of our own."""
    socket = f"/tmp/itil-gate-{os.getpid()}-{abs(hash(tmp_path)) % 10**8}"  # noqa: S108
    process = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    monkeypatch.setenv("SSH_AUTH_SOCK", socket)
    yield
    process.terminate()
    process.stdout.close()
    process.wait()


def _verifies(person: Person, data: bytes, signature: str, *, namespace: str, tmp: Path) -> bool:
    (tmp / "allowed").write_text(f"{person.email} {person.public}\n")
    (tmp / "sig").write_text(signature)
    done = subprocess.run(
        [
            *("ssh-keygen", "-Y", "verify", "-f", tmp / "allowed"),
            *("-I", person.email, "-n", namespace, "-s", tmp / "sig"),
        ],
        input=data,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def _locked(tmp: Path) -> Path:
    key = tmp / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", key], check=True)
    return key


@pytest.mark.parametrize("data", [b"", b"text\n", bytes(range(256)) * 5000])
def test_a_signature_verifies_for_its_bytes_and_namespace_only(
    keyring: Keyring, tmp_path: Path, data: bytes
) -> None:
    made = sign(data, key=str(keyring.bob.key), namespace=SPACE)
    assert re.fullmatch(
        r"-----BEGIN SSH SIGNATURE-----\n[\w+/=\n]+-----END SSH SIGNATURE-----\n", made
    )
    assert _verifies(keyring.bob, data, made, namespace=SPACE, tmp=tmp_path)
    assert not _verifies(keyring.bob, data + b"x", made, namespace=SPACE, tmp=tmp_path)
    assert not _verifies(keyring.bob, data, made, namespace="vouch@itil-gate", tmp=tmp_path)
    assert not _verifies(keyring.alice, data, made, namespace=SPACE, tmp=tmp_path)


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_other_kinds_of_keys_sign_too(tmp_path: Path, kind: str) -> None:
    person = make_person(tmp_path, "bob", kind=kind)
    made = sign(b"x", key=str(person.key), namespace=SPACE)
    assert _verifies(person, b"x", made, namespace=SPACE, tmp=tmp_path)


def test_a_public_key_file_signs_with_the_private_key_beside_it(
    keyring: Keyring, tmp_path: Path
) -> None:
    made = sign(b"x", key=f"{keyring.bob.key}.pub", namespace=SPACE)
    assert _verifies(keyring.bob, b"x", made, namespace=SPACE, tmp=tmp_path)


@pytest.mark.usefixtures("agent")
def test_a_public_key_alone_signs_through_an_agent(keyring: Keyring, tmp_path: Path) -> None:
    subprocess.run(["ssh-add", "-q", keyring.carol.key], check=True, capture_output=True)
    alone = tmp_path / "carol.pub"
    alone.write_text(keyring.carol.public)
    for key in (str(alone), f"key::{keyring.carol.public}", keyring.carol.public):
        made = sign(b"x", key=key, namespace=SPACE)
        assert _verifies(keyring.carol, b"x", made, namespace=SPACE, tmp=tmp_path)
    with pytest.raises(SigningError) as caught:
        sign(b"x", key=f"key::{keyring.dave.public}", namespace=SPACE)
    assert caught.value.code == "agent-missing"


def test_without_agent_a_public_key_alone_cannot_sign(keyring: Keyring, tmp_path: Path) -> None:
    alone = tmp_path / "carol.pub"
    alone.write_text(keyring.carol.public)
    with pytest.raises(SigningError) as caught:
        sign(b"x", key=str(alone), namespace=SPACE)
    assert caught.value.code == "agent-missing"
    assert "ssh-add" in caught.value.hint


def test_a_key_with_a_passphrase_fails_at_once_and_says_how_to_unlock_it(tmp_path: Path) -> None:
    key = _locked(tmp_path)
    with pytest.raises(SigningError) as caught:
        sign(b"x", key=str(key), namespace=SPACE)
    assert caught.value.code == "key-locked"
    assert f"ssh-add {key}" in caught.value.hint


def test_no_askpass_program_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = _locked(tmp_path)
    asker = tmp_path / "ask"
    asker.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\necho secret\n")
    asker.chmod(0o755)
    monkeypatch.setenv("SSH_ASKPASS", str(asker))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    monkeypatch.setenv("DISPLAY", ":0")
    with pytest.raises(SigningError) as caught:
        sign(b"x", key=str(key), namespace=SPACE)
    assert caught.value.code == "key-locked"
    assert not (tmp_path / "asked").exists()
    made = sign(b"x", key=str(key), namespace=SPACE, interactive=True)
    assert made.startswith("-----BEGIN SSH SIGNATURE-----")


def test_a_missing_key_file_is_told_apart(tmp_path: Path) -> None:
    for ask in (lambda k: sign(b"x", key=k, namespace=SPACE), public_key):
        with pytest.raises(SigningError) as caught:
            ask(str(tmp_path / "none"))
        assert caught.value.code == "key-missing"


def test_a_private_key_that_others_may_read_is_refused_with_the_reason(
    keyring: Keyring, tmp_path: Path
) -> None:
    key = tmp_path / "open"
    shutil.copy(keyring.bob.key, key)
    key.chmod(0o644)
    with pytest.raises(SigningError) as caught:
        sign(b"x", key=str(key), namespace=SPACE)
    assert caught.value.code == "key-permissions"


def test_a_file_that_is_no_key_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hello\n")
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "two.pub").write_text("ssh-ed25519 A\nssh-ed25519 B\n")
    with pytest.raises(SigningError):
        sign(b"x", key=str(tmp_path / "key"), namespace=SPACE)
    for name in ("key", "two.pub"):
        with pytest.raises(SigningError):
            public_key(str(tmp_path / name))


def test_a_missing_ssh_keygen_is_told(
    keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SigningError) as caught:
        sign(b"x", key=str(keyring.bob.key), namespace=SPACE)
    assert caught.value.code == "ssh-keygen-missing"


def test_an_ssh_keygen_that_hangs_is_given_up(
    keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "ssh-keygen"
    fake.write_text("#!/bin/sh\nexec sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("itil_gate.git.sshkeygen.TIMEOUT", 0.3)
    with pytest.raises(SigningError) as caught:
        sign(b"x", key=str(keyring.bob.key), namespace=SPACE)
    assert caught.value.code == "signing-timeout"


def test_the_public_key_is_found_beside_or_inside_the_private_one(
    keyring: Keyring, tmp_path: Path
) -> None:
    assert public_key(str(keyring.bob.key)) == keyring.bob.public
    assert public_key(f"{keyring.bob.key}.pub") == keyring.bob.public
    assert public_key(f"key::{keyring.bob.public}") == keyring.bob.public
    alone = tmp_path / "alone"
    shutil.copy(keyring.bob.key, alone)
    alone.chmod(0o600)
    assert public_key(str(alone)).split()[:2] == keyring.bob.public.split()[:2]


def test_the_public_half_of_a_locked_key_without_its_file_is_not_asked_for(tmp_path: Path) -> None:
    key = _locked(tmp_path)
    (tmp_path / "locked.pub").unlink()
    with pytest.raises(SigningError) as caught:
        public_key(str(key))
    assert caught.value.code == "key-locked"
