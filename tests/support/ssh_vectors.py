"""SSH keys and signatures for tests: made and judged by the real ssh-keygen where it can.

Hardware signatures are composed here with the cryptography package, as the hardware would, since
ssh-keygen verifies them without a device but cannot make them.
"""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
SK_ED25519 = "sk-ssh-ed25519@openssh.com"
SK_ECDSA = "sk-ecdsa-sha2-nistp256@openssh.com"


def string(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def mpint(number: int) -> bytes:
    return string(number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b"")


def generate(path: Path, *options: str) -> Path:
    command = ["ssh-keygen", "-q", "-N", "", "-C", "a comment", "-f", str(path), *options]
    subprocess.run(command, check=True, env=ENVIRONMENT, timeout=120)
    return path


def sign(key: Path, message: bytes, *, namespace: str, options: tuple[str, ...] = ()) -> str:
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", namespace, *options]
    done = subprocess.run(
        command, input=message, capture_output=True, check=True, env=ENVIRONMENT, timeout=60
    )
    return done.stdout.decode("ascii")


def ssh_keygen_accepts(scratch: Path, text: str, message: bytes, *, namespace: str) -> bool:
    """Whether `ssh-keygen -Y check-novalidate` finds the signature good."""
    signature = scratch / "checked.sig"
    signature.write_bytes(text.encode("utf-8"))
    command = ["ssh-keygen", "-Y", "check-novalidate", "-n", namespace, "-s", str(signature)]
    done = subprocess.run(
        command, input=message, capture_output=True, check=False, env=ENVIRONMENT, timeout=60
    )
    return done.returncode == 0


def ssh_keygen_verifies(
    scratch: Path, text: str, message: bytes, *, namespace: str, line: str
) -> bool:
    """Whether `ssh-keygen -Y verify` finds it good for a signer who has this public key."""
    signature, allowed = scratch / "verified.sig", scratch / "allowed_signers"
    signature.write_bytes(text.encode("utf-8"))
    allowed.write_text(f"alice@example.org {line}\n")
    command = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", "alice@example.org"]
    done = subprocess.run(
        [*command, "-n", namespace, "-s", str(signature)],
        input=message,
        capture_output=True,
        check=False,
        env=ENVIRONMENT,
        timeout=60,
    )
    return done.returncode == 0


def armor(blob: bytes, *, width: int = 70) -> str:
    encoded = base64.b64encode(blob).decode("ascii")
    lines = [encoded[start : start + width] for start in range(0, len(encoded), width)]
    begin, end = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
    return "\n".join([begin, *lines, end, ""])


def dearmor(text: str) -> bytes:
    return base64.b64decode("".join(text.splitlines()[1:-1]))


@dataclass(frozen=True)
class Fields:
    """The fields of a signature blob, each of which a test may damage."""

    key: bytes
    namespace: bytes
    hash_algorithm: bytes
    signature: bytes
    magic: bytes = b"SSHSIG"
    version: int = 1
    reserved: bytes = b""
    trailing: bytes = b""

    def blob(self) -> bytes:
        strings = (self.key, self.namespace, self.reserved, self.hash_algorithm, self.signature)
        head = self.magic + self.version.to_bytes(4, "big")
        return head + b"".join(string(value) for value in strings) + self.trailing

    def armored(self) -> str:
        return armor(self.blob())

    def but(self, **changes: object) -> Fields:
        return replace(self, **changes)  # type: ignore[arg-type]


def fields(text: str) -> Fields:
    """Take an armored signature apart; trusts it, so only for what ssh-keygen just made."""
    rest = dearmor(text)[10:]
    found: list[bytes] = []
    while rest:
        length = int.from_bytes(rest[:4], "big")
        found.append(rest[4 : 4 + length])
        rest = rest[4 + length :]
    key, namespace, _, hash_algorithm, signature = found
    return Fields(key, namespace, hash_algorithm, signature)


def to_be_signed(message: bytes, *, namespace: str, hash_algorithm: str = "sha512") -> bytes:
    digest = hashlib.new(hash_algorithm, message).digest()
    parts = (namespace.encode(), b"", hash_algorithm.encode(), digest)
    return b"SSHSIG" + b"".join(string(part) for part in parts)


@dataclass(frozen=True)
class HardwareKey:
    """A FIDO key in software: signs as the device would, with whatever flags a test wants."""

    type: str
    private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey
    application: str = "ssh:"

    @property
    def blob(self) -> bytes:
        raw = self.private.public_key()
        if isinstance(self.private, Ed25519PrivateKey):
            point = raw.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            material = string(point)
        else:
            point = raw.public_bytes(
                serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
            )
            material = string(b"nistp256") + string(point)
        return string(self.type.encode()) + material + string(self.application.encode())

    @property
    def line(self) -> str:
        return f"{self.type} {base64.b64encode(self.blob).decode('ascii')} hardware"

    def sign(
        self, message: bytes, *, namespace: str, flags: int = 0x01, counter: int = 7
    ) -> Fields:
        data = to_be_signed(message, namespace=namespace)
        state = bytes([flags]) + counter.to_bytes(4, "big")
        application = hashlib.sha256(self.application.encode()).digest()
        signed = application + state + hashlib.sha256(data).digest()
        if isinstance(self.private, Ed25519PrivateKey):
            value = self.private.sign(signed)
        else:
            der = self.private.sign(signed, ec.ECDSA(hashes.SHA256()))
            value = b"".join(mpint(number) for number in decode_dss_signature(der))
        signature = string(self.type.encode()) + string(value) + state
        return Fields(self.blob, namespace.encode(), b"sha512", signature)


def hardware_key(key_type: str, *, application: str = "ssh:") -> HardwareKey:
    if key_type == SK_ED25519:
        return HardwareKey(key_type, Ed25519PrivateKey.generate(), application)
    return HardwareKey(key_type, ec.generate_private_key(ec.SECP256R1()), application)
