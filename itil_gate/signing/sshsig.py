"""SSHSIG, the signatures of `ssh-keygen -Y sign`: parsed strictly and verified in process.

Format and signed data follow OpenSSH's PROTOCOL.sshsig, hardware keys its PROTOCOL.u2f. What is
good here is also good for `ssh-keygen -Y check-novalidate`. The other way round does not hold;
ssh-keygen accepts and this module refuses:

- hardware signatures made without a touch (no user presence), or under an application that does
  not begin with `ssh:`, or in the webauthn form of browsers;
- certificates, DSA, RSA below 2048 bits, weak exponents and Ed25519 points (see `keys`);
- an Ed25519 signature whose S is not below the group order (RFC 8032 section 5.1.7);
- version 0, a namespace that is empty or not UTF-8, a `reserved` field that holds anything, a
  zero byte at the end of a name, numbers padded with zeros;
- armor with anything behind its last line, with blank lines, with white space inside or around
  its lines, or with lines that end in CRLF (OpenSSH 9.2 refuses the first of those, later ones
  none).

Like ssh-keygen it takes lines of any length, and RSA signatures shorter than the modulus, which
count as padded with zeros on the left (RFC 4253 section 6.6).

Whose key it is, and whether that person may sign, is decided elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Literal

from itil_gate.model.frozen import frozen
from itil_gate.signing.keys import Ecdsa, Ed25519, PublicKey, Rsa, UnsupportedError
from itil_gate.signing.keys import parse_public_key_blob as parse_key
from itil_gate.signing.wire import MAX_BYTES, Reader, WireError, string

MAGIC = b"SSHSIG"
VERSION = 1
BEGIN = "-----BEGIN SSH SIGNATURE-----"
END = "-----END SSH SIGNATURE-----"
USER_PRESENT = 0x01
USER_VERIFIED = 0x04

Status = Literal["good", "bad-signature", "malformed", "unsupported", "wrong-namespace"]

_ARMOR = re.compile(rf"{BEGIN}\n(?P<body>(?:[A-Za-z0-9+/=]+\n)+){END}\n?", re.ASCII)
_ED25519_SIGNATURE_BYTES = 64
_RSA_ALGORITHMS = ("rsa-sha2-256", "rsa-sha2-512")


@frozen
class SshSignature:
    """The fields of a signature blob, as they stand there; nothing is believed yet."""

    key_blob: bytes
    namespace: str
    reserved: bytes
    hash_algorithm: str
    signature: bytes


@frozen
class Verification:
    """What a signature proves.

    `good`: the key with this fingerprint signed this message in this namespace.
    `bad-signature`: it did not. `malformed`: the bytes are no such signature. `unsupported`: a
    key, an algorithm or a way of signing that is not believed here. `wrong-namespace`: made for
    another purpose. `fingerprint` names the key in the signature whenever that key can be read;
    only `good` says that the key had a part in it. `user_verified` is for hardware keys: whether
    PIN or biometrics were asked for beside the touch; None for all other keys.
    """

    status: Status
    detail: str = ""
    fingerprint: str | None = None
    user_verified: bool | None = None


def parse_armored(text: str) -> SshSignature:
    """Return the fields of an armored signature, as `ssh-keygen -Y sign` writes it.

    Raises WireError, and nothing else, if the armor or the blob in it is not as it must be.
    """
    if len(text) > 2 * MAX_BYTES:
        raise WireError(f"the armored signature is longer than {2 * MAX_BYTES} characters")
    match = _ARMOR.fullmatch(text)
    if match is None:
        raise WireError(f"the signature is not lines of base64 between `{BEGIN}` and `{END}`")
    encoded = "".join(match["body"].split())
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise WireError("the lines of the signature are not base64") from error
    if base64.b64encode(blob).decode("ascii") != encoded:
        raise WireError("the base64 of the signature is not in its only proper spelling")
    return parse_blob(blob)


def parse_blob(blob: bytes) -> SshSignature:
    """Return the fields of a signature blob (PROTOCOL.sshsig section 2); else WireError."""
    reader = Reader(blob)
    if reader.raw(len(MAGIC)) != MAGIC:
        raise WireError("the signature does not begin with SSHSIG")
    version = reader.uint32()
    if version != VERSION:
        raise WireError(f"the signature has version {version}; only version {VERSION} is known")
    key_blob = reader.string()
    try:
        namespace = reader.string().decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError("the namespace of the signature is not UTF-8") from error
    if not namespace:
        raise WireError("the namespace of the signature is empty")
    reserved, hash_algorithm, signature = reader.string(), reader.name(), reader.string()
    reader.end("the signature")
    return SshSignature(key_blob, namespace, reserved, hash_algorithm, signature)


def verify(signature: SshSignature, *, message: bytes, namespace: str) -> Verification:
    """Return whether the key in `signature` signed `message` in exactly this namespace.

    Raises ValueError if `namespace` is empty, which is a mistake of the caller; whatever is
    wrong with the signature is in the answer.
    """
    if not namespace:
        raise ValueError("a signature is verified in a namespace that is not empty")
    fingerprint = None
    try:
        key = parse_key(signature.key_blob)
        fingerprint = key.fingerprint
        if signature.namespace != namespace:
            made_for = signature.namespace[:100]
            detail = f"the signature was made for {made_for!r}, not for {namespace!r}"
            return Verification("wrong-namespace", detail, fingerprint)
        data = _signed_data(signature, message)
        proof = _read_proof(key, signature.signature)
        if not _holds(key, proof, data):
            detail = "the key did not sign this content"
            return Verification("bad-signature", detail, fingerprint)
    except UnsupportedError as error:
        return Verification("unsupported", str(error), fingerprint or error.fingerprint)
    except WireError as error:
        return Verification("malformed", str(error), fingerprint)
    verified = None if proof.flags is None else bool(proof.flags & USER_VERIFIED)
    return Verification("good", "", fingerprint, verified)


def verify_armored(text: str, *, message: bytes, namespace: str) -> Verification:
    """Return what an armored signature proves: `parse_armored` and `verify` in one."""
    try:
        signature = parse_armored(text)
    except WireError as error:
        return Verification("malformed", str(error))
    return verify(signature, message=message, namespace=namespace)


def _signed_data(signature: SshSignature, message: bytes) -> bytes:
    """Return the bytes the key is said to have signed (PROTOCOL.sshsig section 3)."""
    if signature.reserved:
        raise UnsupportedError("the reserved field of the signature is not empty")
    if signature.hash_algorithm == "sha256":
        digest = hashlib.sha256(message).digest()
    elif signature.hash_algorithm == "sha512":
        digest = hashlib.sha512(message).digest()
    else:
        raise UnsupportedError(f"the hash is {signature.hash_algorithm}, not sha256 or sha512")
    fields = (signature.namespace.encode(), b"", signature.hash_algorithm.encode(), digest)
    return MAGIC + b"".join(string(field) for field in fields)


@frozen
class _Proof:
    """The innermost field: the algorithm's own bytes, and what a hardware key adds to them."""

    algorithm: str
    value: bytes
    flags: int | None = None
    counter: int = 0


def _read_proof(key: PublicKey, blob: bytes) -> _Proof:
    reader = Reader(blob)
    algorithm = reader.name()
    if algorithm not in (_RSA_ALGORITHMS if isinstance(key.material, Rsa) else (key.type,)):
        raise UnsupportedError(f"a {key.type} key is not believed when it signs with {algorithm}")
    value = reader.string()
    if key.application is None:
        reader.end("the signature value")
        return _Proof(algorithm, value)
    flags, counter = reader.byte(), reader.uint32()
    reader.end("the signature value")
    if not flags & USER_PRESENT:
        raise UnsupportedError("the hardware key signed without anybody touching it")
    return _Proof(algorithm, value, flags, counter)


def _holds(key: PublicKey, proof: _Proof, data: bytes) -> bool:
    from itil_gate.signing import primitives  # noqa: PLC0415 - loads the cryptography package

    if key.application is not None and proof.flags is not None:
        application = hashlib.sha256(key.application.encode()).digest()
        state = bytes([proof.flags]) + proof.counter.to_bytes(4, "big")
        data = application + state + hashlib.sha256(data).digest()
    match key.material:
        case Ed25519(point):
            if len(proof.value) != _ED25519_SIGNATURE_BYTES:
                raise WireError(f"an Ed25519 signature has 64 bytes, not {len(proof.value)}")
            return primitives.ed25519_holds(point, signature=proof.value, data=data)
        case Rsa(exponent, modulus):
            size = (modulus.bit_length() + 7) // 8
            if len(proof.value) > size:
                raise WireError("the RSA signature is longer than the modulus of its key")
            padded, algorithm = proof.value.rjust(size, b"\0"), proof.algorithm
            return primitives.rsa_holds(
                exponent, modulus, algorithm=algorithm, signature=padded, data=data
            )
        case Ecdsa(curve, point):
            reader = Reader(proof.value)
            numbers = reader.mpint(), reader.mpint()
            reader.end("the two numbers of the ECDSA signature")
            return primitives.ecdsa_holds(curve, point, numbers=numbers, data=data)
