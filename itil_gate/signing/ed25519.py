"""The private half of Ed25519: who signs notes, envelopes and SSHSIG signatures of the audit log.

People sign with `ssh-keygen`, which knows their agents and hardware (ADR 6). The keys of the log
belong to a machine that signs thousands of entries, so these sign in process (ADR 15). A `Signer`
is anything that signs raw bytes; a key file is one, an agent another. Only unhurt OpenSSH private
keys of type ssh-ed25519 are taken. Nothing here reads a file.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from itil_gate.model.errors import SigningError
from itil_gate.model.fingerprint import blob_fingerprint
from itil_gate.signing.keys import Ed25519, UnsupportedError, parse_public_key_line
from itil_gate.signing.sshsig import BEGIN, END, MAGIC, VERSION
from itil_gate.signing.wire import WireError, string

if TYPE_CHECKING:
    from collections.abc import Callable

TYPE = "ssh-ed25519"
POINT_BYTES = 32
SIGNATURE_BYTES = 64
_ARMOR_WIDTH = 70
"""Characters in a line of armor, as sshsig.c of OpenSSH writes it."""


class Signer(Protocol):
    """An Ed25519 key that can be asked for signatures."""

    @property
    def public(self) -> bytes:
        """The 32 bytes of the public key (RFC 8032 section 5.1.5)."""
        ...

    @property
    def fingerprint(self) -> str:
        """The name of the key as `ssh-keygen -lf` prints it."""
        ...

    def sign(self, data: bytes, /) -> bytes:
        """Return the 64 bytes of the signature of `data`. Raises SigningError."""
        ...


class KeySigner:
    """A private key held in memory."""

    __slots__ = ("_public", "_sign")

    def __init__(self, public: bytes, sign: Callable[[bytes], bytes]) -> None:
        self._public = public
        self._sign = sign

    @classmethod
    def from_openssh(cls, data: bytes, *, passphrase: bytes | None = None) -> KeySigner:
        """Return the key in an OpenSSH private key file, as `ssh-keygen -t ed25519` writes it.

        Raises SigningError if the bytes hold no such key, or if it is locked and cannot be opened.
        """
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - loads OpenSSL
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PrivateKey,
        )
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            load_ssh_private_key,
        )

        try:
            key = load_ssh_private_key(data, passphrase)
        except TypeError as error:  # a pass phrase is missing
            raise SigningError(
                "key-locked",
                "the private key is locked with a pass phrase, and none was given",
                hint="load the key into ssh-agent, or give the pass phrase",
            ) from error
        except UnsupportedAlgorithm as error:
            raise SigningError(
                "key-locked",
                f"the private key cannot be opened here: {error}",
                hint="load the key into ssh-agent, which opens it with its own means",
            ) from error
        except (ValueError, UnsupportedError) as error:
            raise SigningError(
                "key-unreadable",
                "the bytes are no OpenSSH private key, or the pass phrase is not its own",
                hint="make one with `ssh-keygen -t ed25519`",
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise SigningError(
                "key-type",
                "the audit log is signed with Ed25519; this private key is of another type",
                hint="make one with `ssh-keygen -t ed25519`",
            )
        return cls(key.public_key().public_bytes_raw(), key.sign)

    @property
    def public(self) -> bytes:
        """The 32 bytes of the public key."""
        return self._public

    @property
    def fingerprint(self) -> str:
        """The name of the key as `ssh-keygen -lf` prints it."""
        return fingerprint_of(self._public)

    def sign(self, data: bytes, /) -> bytes:
        """Return the 64 bytes of the signature of `data` (RFC 8032 section 5.1.6)."""
        return self._sign(data)

    def __repr__(self) -> str:
        """Name the key; nothing of its private half is shown."""
        return f"KeySigner({self.fingerprint})"


def public_blob(public: bytes) -> bytes:
    """Return the SSH wire form of a public key of 32 bytes (RFC 8709 section 4)."""
    if len(public) != POINT_BYTES:
        raise ValueError(f"an Ed25519 key has 32 bytes, not {len(public)}")
    return string(TYPE.encode()) + string(public)


def public_line(public: bytes, *, comment: str = "") -> str:
    """Return the key as a line of a `.pub` file, without its line end."""
    line = f"{TYPE} {base64.b64encode(public_blob(public)).decode('ascii')}"
    return f"{line} {comment}" if comment else line


def public_of(line: str) -> bytes:
    """Return the 32 bytes of an `ssh-ed25519 …` line, such as configuration pins.

    Raises WireError if it is no public key line, UnsupportedError if the key is of another type
    or weak.
    """
    key = parse_public_key_line(line)
    if key.type != TYPE or not isinstance(key.material, Ed25519):
        raise UnsupportedError(
            f"the audit log is signed with {TYPE}, not {key.type}", fingerprint=key.fingerprint
        )
    return key.material.point


@lru_cache(maxsize=64)
def fingerprint_of(public: bytes) -> str:
    """Return the name of a public key of 32 bytes as `ssh-keygen -lf` prints it."""
    return blob_fingerprint(public_blob(public))


def armored(signer: Signer, message: bytes, *, namespace: str) -> str:
    """Return the armored SSHSIG of a message, byte for byte as `ssh-keygen -Y sign` writes it.

    PROTOCOL.sshsig; the hash is SHA-512. Raises ValueError for an empty namespace.
    """
    if not namespace:
        raise ValueError("a signature is made in a namespace that is not empty")
    name, algorithm = string(namespace.encode("utf-8")), string(b"sha512")
    scope = name + string(b"") + algorithm
    signature = signer.sign(MAGIC + scope + string(hashlib.sha512(message).digest()))
    if len(signature) != SIGNATURE_BYTES:
        raise WireError(f"an Ed25519 signature has 64 bytes, not {len(signature)}")
    proof = string(string(TYPE.encode()) + string(signature))
    blob = MAGIC + VERSION.to_bytes(4, "big") + string(public_blob(signer.public)) + scope + proof
    encoded = base64.b64encode(blob).decode("ascii")
    lines = [encoded[at : at + _ARMOR_WIDTH] for at in range(0, len(encoded), _ARMOR_WIDTH)]
    return "\n".join([BEGIN, *lines, END, ""])
