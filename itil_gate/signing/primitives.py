"""The three signature algorithms themselves; the only module that imports cryptography.

It costs some ten milliseconds to import, so it is imported when the first signature is verified.
It judges no key and parses nothing: what it is handed was read and found sound by `keys`.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def ed25519_holds(point: bytes, *, signature: bytes, data: bytes) -> bool:
    """Whether the 64 bytes of `signature` are the point's signature of `data` (RFC 8032)."""
    try:
        Ed25519PublicKey.from_public_bytes(point).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def rsa_holds(
    exponent: int, modulus: int, *, algorithm: str, signature: bytes, data: bytes
) -> bool:
    """Whether `signature`, as long as the modulus, is one of `data` (RFC 8332, PKCS #1 v1.5).

    `algorithm` is rsa-sha2-256 or rsa-sha2-512.
    """
    # Most keys are Ed25519; what the other algorithms need is loaded when one of them is met.
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers  # noqa: PLC0415

    sums: dict[str, hashes.HashAlgorithm] = {
        "rsa-sha2-256": hashes.SHA256(),
        "rsa-sha2-512": hashes.SHA512(),
    }
    key = RSAPublicNumbers(exponent, modulus).public_key()
    try:
        key.verify(signature, data, PKCS1v15(), sums[algorithm])
    except InvalidSignature:
        return False
    return True


def ecdsa_holds(curve: str, point: bytes, *, numbers: tuple[int, int], data: bytes) -> bool:
    """Whether `numbers`, r and s, are a signature of `data` by an uncompressed point (RFC 5656).

    `curve` is nistp256, nistp384 or nistp521.
    """
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.utils import (  # noqa: PLC0415
        encode_dss_signature,
    )

    # RFC 5656 section 6.2.1: the size of the curve decides on the hash.
    curves: dict[str, tuple[ec.EllipticCurve, ec.ECDSA]] = {
        "nistp256": (ec.SECP256R1(), ec.ECDSA(hashes.SHA256())),
        "nistp384": (ec.SECP384R1(), ec.ECDSA(hashes.SHA384())),
        "nistp521": (ec.SECP521R1(), ec.ECDSA(hashes.SHA512())),
    }
    parameters, algorithm = curves[curve]
    key = ec.EllipticCurvePublicKey.from_encoded_point(parameters, point)
    try:
        key.verify(encode_dss_signature(*numbers), data, algorithm)
    except InvalidSignature:
        return False
    return True
