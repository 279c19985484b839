"""A key that a real ssh-agent holds signs as the key itself does; nobody else does."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest
from support.repository import make_person

from itil_gate.git.agent import agent_signer
from itil_gate.model.errors import SigningError
from itil_gate.signing.ed25519 import KeySigner, armored, public_blob
from itil_gate.signing.sshsig import verify_armored
from itil_gate.signing.wire import string

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.repository import Person


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """The socket of an agent that holds nothing yet."""
    path = tmp_path / "s"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    try:
        for _ in range(500):
            if path.exists():
                break
            threading.Event().wait(0.01)
        yield str(path)
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """Somebody with an Ed25519 key file."""
    return make_person(tmp_path, "alice")


def _add(agent: str, person: Person, *options: str) -> None:
    env = os.environ | {"SSH_AUTH_SOCK": agent}
    subprocess.run(["ssh-add", "-q", *options, person.key], env=env, check=True, timeout=20)


def test_it_signs_the_same_bytes_as_the_key_file(
    agent: str, person: Person, tmp_path: Path
) -> None:
    _add(agent, make_person(tmp_path, "robot", kind="ecdsa"))
    _add(agent, person)
    held, own = (
        agent_signer(agent, person.fingerprint),
        KeySigner.from_openssh(person.key.read_bytes()),
    )
    assert (held.public, held.fingerprint) == (own.public, own.fingerprint)
    for data in (b"", b"DSSEv1 1 x 1 y", b"x" * 100_000):
        assert held.sign(data) == own.sign(data)
    signature = armored(held, b"message", namespace="git")
    assert verify_armored(signature, message=b"message", namespace="git").status == "good"


def test_a_key_that_it_lacks_is_an_error(agent: str, person: Person, tmp_path: Path) -> None:
    other = make_person(tmp_path, "robot", kind="ecdsa")
    _add(agent, other)
    for fingerprint in (person.fingerprint, other.fingerprint, ""):
        with pytest.raises(SigningError, match="holds no Ed25519 key") as caught:
            agent_signer(agent, fingerprint)
        assert caught.value.code == "key-missing"


def test_a_key_that_was_taken_away_no_longer_signs(agent: str, person: Person) -> None:
    _add(agent, person)
    held = agent_signer(agent, person.fingerprint)
    _add(agent, person, "-d")
    with pytest.raises(SigningError, match="declined") as caught:
        held.sign(b"x")
    assert caught.value.code == "agent-refused"


@pytest.mark.parametrize("there", [False, True])
def test_where_no_agent_answers_it_says_so(tmp_path: Path, *, there: bool) -> None:
    path = tmp_path / "nobody"
    if there:
        path.write_text("a file")
    with pytest.raises(SigningError, match="no agent answers") as caught:
        agent_signer(str(path), "SHA256:x")
    assert caught.value.code == "agent-missing"


class Impostor:
    """A socket that answers what it is told, and then hangs up or waits."""

    def __init__(self, path: Path, *answers: bytes, waits: bool = False) -> None:
        self.path = str(path)
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(self.path)
        self._server.listen(4)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(answers, waits), daemon=True)
        self._thread.start()

    def _serve(self, answers: tuple[bytes, ...], waits: bool) -> None:  # noqa: FBT001
        for answer in answers:
            line, _ = self._server.accept()
            with line:
                line.recv(1 << 20)
                line.sendall(answer)
                if waits:
                    self._done.wait(10)

    def close(self) -> None:
        """End the conversation."""
        self._done.set()
        self._server.close()
        self._thread.join(timeout=10)


def _keys(person: Person) -> bytes:
    blob = public_blob(KeySigner.from_openssh(person.key.read_bytes()).public)
    return string(b"\x0c" + (1).to_bytes(4, "big") + string(blob) + string(b"comment"))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "agent-answer"),
        (b"\0\0\0", "agent-answer"),
        (b"\0\0\0\0", "agent-answer"),
        (b"\xff\xff\xff\xff", "agent-answer"),
        (string(b"\x05"), "agent-refused"),
        (string(b"\x0e"), "agent-answer"),
        (string(b"\x0c\0\0\0\1"), "agent-answer"),
        (string(b"\x0c\0\0\0\1" + string(b"no key") + string(b"")), "key-missing"),
        (string(b"\x0c\0\0\0\0"), "key-missing"),
    ],
)
def test_an_answer_that_is_none_is_refused(tmp_path: Path, answer: bytes, code: str) -> None:
    impostor = Impostor(tmp_path / "s", answer)
    with pytest.raises(SigningError) as caught:
        agent_signer(impostor.path, "SHA256:x")
    impostor.close()
    assert caught.value.code == code


@pytest.mark.parametrize(
    "answer",
    [
        string(b"ssh-ed25519") + string(bytes(64)),
        string(b"ssh-ed25519") + string(bytes(63)),
        string(b"ssh-rsa") + string(bytes(64)),
        string(b"ssh-ed25519") + string(bytes(64)) + b"more",
        b"",
    ],
)
def test_a_signature_that_does_not_hold_is_refused(
    tmp_path: Path, person: Person, answer: bytes
) -> None:
    impostor = Impostor(tmp_path / "s", _keys(person), string(b"\x0e" + string(answer)))
    held = agent_signer(impostor.path, person.fingerprint)
    with pytest.raises(SigningError) as caught:
        held.sign(b"x")
    impostor.close()
    assert caught.value.code == "agent-answer"


def test_an_agent_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    impostor = Impostor(tmp_path / "s", b"", waits=True)
    with pytest.raises(SigningError, match=r"within 0\.2 seconds") as caught:
        agent_signer(impostor.path, "SHA256:x", timeout=0.2)
    impostor.close()
    assert caught.value.code == "agent-timeout"
