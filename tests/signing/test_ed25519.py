"""The private half: keys of ssh-keygen, and SSHSIG signatures that are byte for byte its own."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.log import RECORDER
from support.ssh_vectors import ENVIRONMENT, generate, sign, ssh_keygen_accepts

from itil_gate.model.errors import SigningError
from itil_gate.model.fingerprint import fingerprint
from itil_gate.signing.ed25519 import (
    KeySigner,
    armored,
    fingerprint_of,
    public_blob,
    public_line,
    public_of,
)
from itil_gate.signing.keys import UnsupportedError
from itil_gate.signing.primitives import ed25519_holds
from itil_gate.signing.sshsig import verify_armored
from itil_gate.signing.wire import WireError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


BEGIN, END = b"-----BEGIN OPENSSH PRIVATE KEY-----\n", b"-----END OPENSSH PRIVATE KEY-----\n"


def test_a_key_of_ssh_keygen_is_read(key_file: Callable[[str], Path]) -> None:
    path = key_file("ed25519")
    signer = KeySigner.from_openssh(path.read_bytes())
    line = path.with_suffix(".pub").read_text()
    assert public_line(signer.public, comment="a comment") == line.strip()
    assert public_of(line) == signer.public
    assert signer.fingerprint == fingerprint(line) == fingerprint_of(signer.public)
    assert ed25519_holds(signer.public, signature=signer.sign(b"data"), data=b"data")


@pytest.mark.parametrize("ending", [b"", b"\n\n"])
def test_a_key_from_a_secret_may_have_lost_its_last_newline(
    key_file: Callable[[str], Path], ending: bytes
) -> None:
    data = key_file("ed25519").read_bytes()
    signer = KeySigner.from_openssh(data.rstrip(b"\n") + ending)
    assert signer.public == KeySigner.from_openssh(data).public
    assert KeySigner.from_openssh(data.replace(b"\n", b"\r\n")).public == signer.public


@pytest.mark.parametrize("message", [b"", b"a message\n", bytes(range(256)) * 40])
@pytest.mark.parametrize("namespace", ["git", "approval@itil-gate"])
def test_a_signature_is_that_of_ssh_keygen(
    key_file: Callable[[str], Path], scratch: Path, message: bytes, namespace: str
) -> None:
    path = key_file("ed25519")
    signer = KeySigner.from_openssh(path.read_bytes())
    text = armored(signer, message, namespace=namespace)
    assert text == sign(path, message, namespace=namespace)
    assert ssh_keygen_accepts(scratch, text, message, namespace=namespace)
    assert not ssh_keygen_accepts(scratch, text, message + b"!", namespace=namespace)
    found = verify_armored(text, message=message, namespace=namespace)
    assert (found.status, found.fingerprint) == ("good", signer.fingerprint)


def test_ssh_keygen_verifies_who_signed(key_file: Callable[[str], Path], tmp_path: Path) -> None:
    signer = KeySigner.from_openssh(key_file("ed25519").read_bytes())
    (tmp_path / "signers").write_text(f"log@example.org {public_line(signer.public)}\n")
    (tmp_path / "sig").write_text(armored(signer, b"x", namespace="git"))
    command = ["ssh-keygen", "-Y", "verify", "-f", str(tmp_path / "signers")]
    command += ["-I", "log@example.org", "-n", "git", "-s", str(tmp_path / "sig")]
    for message, code in ((b"x", 0), (b"y", 255)):
        done = subprocess.run(
            command, input=message, capture_output=True, check=False, env=ENVIRONMENT, timeout=60
        )
        assert done.returncode == code, done.stderr


def test_an_empty_namespace_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="namespace"):
        armored(RECORDER, b"x", namespace="")


@given(st.binary(max_size=200), st.text(st.characters(blacklist_categories=["Cs"]), min_size=1))
def test_every_signature_is_good_here(message: bytes, namespace: str) -> None:
    text = armored(RECORDER, message, namespace=namespace)
    assert verify_armored(text, message=message, namespace=namespace).status == "good"


@pytest.mark.parametrize("sort", ["rsa2048", "ecdsa256"])
def test_keys_of_other_types_are_refused(key_file: Callable[[str], Path], sort: str) -> None:
    with pytest.raises(SigningError) as caught:
        KeySigner.from_openssh(key_file(sort).read_bytes())
    assert caught.value.code == "key-type"
    with pytest.raises(UnsupportedError):
        public_of(key_file(sort).with_suffix(".pub").read_text())


def test_a_locked_key_asks_for_its_pass_phrase(tmp_path: Path) -> None:
    path = tmp_path / "locked"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret words", "-f", str(path)],
        check=True, env=ENVIRONMENT, timeout=60,
    )  # fmt: skip
    with pytest.raises(SigningError) as caught:
        KeySigner.from_openssh(path.read_bytes())
    assert (caught.value.code, "ssh-agent" in caught.value.hint) == ("key-locked", True)
    line = path.with_suffix(".pub").read_text()
    try:
        signer = KeySigner.from_openssh(path.read_bytes(), passphrase=b"secret words")
    except SigningError as error:  # cryptography opens locked keys where bcrypt is installed
        assert error.code == "key-locked"  # noqa: PT017
        assert "ssh-agent" in error.hint  # noqa: PT017
    else:
        assert signer.public == public_of(line)


@pytest.mark.parametrize(
    "data",
    [b"", b"ssh-ed25519 AAAA", BEGIN + b"AAAA\n" + END, BEGIN + END, b"\xff" * 100],
)
def test_what_is_no_key_is_refused(data: bytes) -> None:
    with pytest.raises(SigningError) as caught:
        KeySigner.from_openssh(data)
    assert caught.value.code == "key-unreadable"


def test_a_damaged_key_is_refused(key_file: Callable[[str], Path]) -> None:
    data = key_file("ed25519").read_bytes()
    with pytest.raises(SigningError) as caught:
        KeySigner.from_openssh(data.replace(data[200:204], b"AAAA"))
    assert caught.value.code == "key-unreadable"


def test_public_keys_have_32_bytes_and_a_proper_line() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        public_blob(bytes(31))
    with pytest.raises(WireError):
        public_of("ssh-ed25519")


def test_a_signer_shows_nothing_of_its_private_half() -> None:
    assert repr(RECORDER) == f"KeySigner({RECORDER.fingerprint})"
    assert not hasattr(RECORDER, "__dict__")


def test_generated_keys_differ(tmp_path: Path) -> None:
    one, two = (generate(tmp_path / name, "-t", "ed25519") for name in ("one", "two"))
    assert (
        KeySigner.from_openssh(one.read_bytes()).public
        != KeySigner.from_openssh(two.read_bytes()).public
    )
