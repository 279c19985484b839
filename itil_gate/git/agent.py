"""Raw Ed25519 signatures by a key that an ssh-agent holds.

Protocol: draft-ietf-sshm-ssh-agent (once draft-miller-ssh-agent). The agent is a program on this
machine behind a socket in the file system; no network is used. Where its socket is, the caller
says. Asked are only which keys it holds and for signatures; it is given a few seconds to answer,
since it may ask a person first.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from itil_gate.model.errors import SigningError
from itil_gate.signing.ed25519 import SIGNATURE_BYTES, TYPE, fingerprint_of, public_blob
from itil_gate.signing.keys import Ed25519, UnsupportedError, parse_public_key_blob
from itil_gate.signing.primitives import ed25519_holds
from itil_gate.signing.wire import Reader, WireError, string

if TYPE_CHECKING:
    from itil_gate.signing.ed25519 import Signer

TIMEOUT = 30.0
"""Seconds for one answer; an agent that asks its owner needs some."""
MOST_BYTES = 256 * 1024
"""The longest answer that is read; OpenSSH's agent takes and gives no longer one."""
_FAILURE, _LIST, _KEYS, _SIGN, _SIGNED = 5, 11, 12, 13, 14
_LENGTH_BYTES = 4


class AgentSigner:
    """A key of an agent; made by `agent_signer`."""

    __slots__ = ("_path", "_public", "_timeout")

    def __init__(self, path: str, public: bytes, *, timeout: float) -> None:
        self._path = path
        self._public = public
        self._timeout = timeout

    @property
    def public(self) -> bytes:
        """The 32 bytes of the public key."""
        return self._public

    @property
    def fingerprint(self) -> str:
        """The name of the key as `ssh-add -l` prints it."""
        return fingerprint_of(self._public)

    def sign(self, data: bytes, /) -> bytes:
        """Return the 64 bytes of the signature of `data`, verified before anybody relies on it.

        Raises SigningError `agent-missing`, `agent-refused` or `agent-answer`.
        """
        body = string(public_blob(self._public)) + string(data) + bytes(4)
        answer = _ask(self._path, bytes([_SIGN]) + body, expected=_SIGNED, timeout=self._timeout)
        try:
            reader = Reader(answer)
            inner = Reader(reader.string())
            reader.end("the agent's answer")
            kind, signature = inner.name(), inner.string()
            inner.end("the signature")
        except WireError as error:
            raise _odd(str(error)) from error
        good = kind == TYPE and len(signature) == SIGNATURE_BYTES
        if not good or not ed25519_holds(self._public, signature=signature, data=data):
            raise _odd("its signature does not hold")
        return signature


def agent_signer(path: str, fingerprint: str, *, timeout: float = TIMEOUT) -> Signer:
    """Return the Ed25519 key with this fingerprint (`SHA256:…`) of the agent at a socket.

    Raises SigningError `agent-missing` where no agent answers, `agent-refused`, `agent-answer`, or
    `key-missing` where it does not hold that key.
    """
    answer = _ask(path, bytes([_LIST]), expected=_KEYS, timeout=timeout)
    held = []
    try:
        reader = Reader(answer)
        for _ in range(reader.uint32()):
            held.append(reader.string())
            reader.string()  # a comment
    except WireError as error:
        raise _odd(str(error)) from error
    for blob in held:
        try:
            key = parse_public_key_blob(blob)
        except (WireError, UnsupportedError):
            continue
        if (
            key.fingerprint == fingerprint
            and key.type == TYPE
            and isinstance(key.material, Ed25519)
        ):
            return AgentSigner(path, key.material.point, timeout=timeout)
    raise SigningError(
        "key-missing",
        f"the agent holds no Ed25519 key {fingerprint}; it holds {len(held)} keys",
        hint="`ssh-add -l` lists what it holds, `ssh-add FILE` adds one",
    )


def _ask(path: str, message: bytes, *, expected: int, timeout: float) -> bytes:
    """Send one message and return what stands behind the type of the answer."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(timeout)
            line.connect(path)
            line.sendall(string(message))
            length = int.from_bytes(_exactly(line, _LENGTH_BYTES), "big")
            if not 0 < length <= MOST_BYTES:
                raise _odd(f"it announces {length} bytes")
            answer = _exactly(line, length)
    except TimeoutError as error:
        raise SigningError(
            "agent-timeout", f"the agent at {path} gave no answer within {timeout:g} seconds"
        ) from error
    except OSError as error:
        raise SigningError(
            "agent-missing",
            f"no agent answers at {path}: {error.strerror or error}",
            hint="start one: `eval $(ssh-agent)`, then `ssh-add` the key",
        ) from error
    if answer[0] == _FAILURE:
        raise SigningError(
            "agent-refused",
            "the agent declined",
            hint="it may be locked, or its owner said no: `ssh-add -l` shows",
        )
    if answer[0] != expected:
        raise _odd(f"it is of type {answer[0]}")
    return answer[1:]


def _exactly(line: socket.socket, count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        read = line.recv(count - len(parts))
        if not read:
            raise _odd("it hung up")
        parts += read
    return parts


def _odd(what: str) -> SigningError:
    return SigningError("agent-answer", f"the agent's answer is none: {what}")
