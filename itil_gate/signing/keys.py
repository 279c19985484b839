"""SSH public keys: read from a line or a blob, refused when weak, named by their fingerprint.

Taken: ssh-ed25519, ssh-rsa of 2048 to 16,384 bits, ecdsa-sha2-nistp256/384/521, and the two key
types of FIDO hardware. Refused although OpenSSH takes them: certificates (nobody here vouches
for an authority), DSA, RSA below 2048 bits or with an exponent that is even, below 3 or above 64
bits, Ed25519 points of small order (anyone can sign for those) or not in canonical form,
hardware keys whose application does not begin with `ssh:`, and numbers written with needless
zeros. Nothing here needs the cryptography package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.fingerprint import blob_fingerprint, key_blob
from itil_gate.model.frozen import frozen
from itil_gate.signing.wire import Reader, WireError

if TYPE_CHECKING:
    from collections.abc import Callable

MIN_RSA_BITS = 2048
MAX_RSA_EXPONENT_BITS = 64


class UnsupportedError(ValueError):
    """A key or algorithm is well known, perhaps, and not believed here.

    `fingerprint` names the key where it could be read.
    """

    def __init__(self, message: str, *, fingerprint: str | None = None) -> None:
        super().__init__(message)
        self.fingerprint = fingerprint


@frozen
class Ed25519:
    """A point on Curve25519 in the 32 bytes of RFC 8032."""

    point: bytes


@frozen
class Rsa:
    """The two public numbers of an RSA key."""

    exponent: int
    modulus: int


@frozen
class Ecdsa:
    """An uncompressed point (SEC 1 section 2.3.3) on a NIST curve."""

    curve: str
    point: bytes


@frozen
class PublicKey:
    """A public key that is sound enough to be believed.

    `blob` is its SSH wire form, `application` the FIDO application of a hardware key and None
    for all others.
    """

    type: str
    blob: bytes
    material: Ed25519 | Rsa | Ecdsa
    application: str | None = None

    @property
    def fingerprint(self) -> str:
        """The name of the key as `ssh-keygen -lf` prints it: `SHA256:` and unpadded base64."""
        return blob_fingerprint(self.blob)


def parse_public_key_line(text: str) -> PublicKey:
    """Return the key of an OpenSSH public key line: type, base64 and an optional comment.

    One line is taken, with or without its line end; options as in authorized_keys are not.
    Raises WireError if it is no such line and UnsupportedError if its key is refused.
    """
    line = text.removesuffix("\n").removesuffix("\r")
    if "\n" in line or "\r" in line:
        raise WireError("a public key is one line")
    try:
        blob = key_blob(line)
    except ValueError as error:
        raise WireError(str(error)) from error
    return parse_public_key_blob(blob)


def parse_public_key_blob(blob: bytes) -> PublicKey:
    """Return the key of a blob in SSH wire format (RFC 4253, 5656, 8709; PROTOCOL.u2f).

    Raises WireError if the bytes are no such blob and UnsupportedError if the key is refused.
    """
    reader = Reader(blob)
    key_type = reader.name()
    material_of = _MATERIALS.get(key_type)
    if material_of is None:
        raise UnsupportedError(_unknown(key_type))
    material = material_of(reader)
    application = _application(reader) if key_type.startswith("sk-") else None
    reader.end("the public key")
    weakness = _weakness(material, application)
    if weakness:
        raise UnsupportedError(weakness, fingerprint=blob_fingerprint(blob))
    return PublicKey(key_type, blob, material, application)


def _unknown(key_type: str) -> str:
    if "-cert-v" in key_type:
        return f"{key_type} is a certificate; sign with the plain key"
    taken = ", ".join(_MATERIALS)
    return f"keys of type {key_type} are not taken; use one of {taken}"


def _ed25519(reader: Reader) -> Ed25519:
    point = reader.string()
    if len(point) != 32:  # noqa: PLR2004 - RFC 8032 section 5.1.5
        raise WireError(f"an Ed25519 key has 32 bytes, not {len(point)}")
    return Ed25519(point)


def _rsa(reader: Reader) -> Rsa:
    exponent = reader.mpint()
    return Rsa(exponent, reader.mpint())


def _ecdsa(expected: str) -> Callable[[Reader], Ecdsa]:
    def read(reader: Reader) -> Ecdsa:
        curve = reader.name()
        if curve != expected:
            raise WireError(f"a key for {expected} names the curve {curve}")
        point = reader.string()
        if not _on_curve(point, _CURVES[curve]):
            raise WireError(f"the public key is not an uncompressed point on {curve}")
        return Ecdsa(curve, point)

    return read


def _application(reader: Reader) -> str:
    value = reader.string()
    if b"\0" in value:
        raise WireError("the application of a hardware key holds a zero byte")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError("the application of a hardware key is not UTF-8") from error


def _weakness(material: Ed25519 | Rsa | Ecdsa, application: str | None) -> str:
    if application is not None and not application.startswith("ssh:"):
        return "the application of a hardware key must begin with ssh:"
    if isinstance(material, Ed25519):
        y = int.from_bytes(material.point, "little") & (2**255 - 1)
        if y >= _P25519 or y in _SMALL_ORDER:
            return "an Ed25519 point of small order, or not in canonical form, proves nothing"
    if isinstance(material, Rsa):
        bits = material.modulus.bit_length()
        if bits < MIN_RSA_BITS:
            return f"an RSA key of {bits} bits is too short; at least {MIN_RSA_BITS} are needed"
        exponent = material.exponent
        odd = exponent & 1 and material.modulus & 1
        if exponent < 3 or exponent.bit_length() > MAX_RSA_EXPONENT_BITS or not odd:  # noqa: PLR2004
            return "an RSA exponent is odd, at least 3 and at most 64 bits, its modulus is odd"
    return ""


@frozen
class _Curve:
    prime: int
    b: int


def _on_curve(point: bytes, curve: _Curve) -> bool:
    """Whether `point` is 04 x y with y² = x³ - 3x + b; the point at infinity has no such form."""
    size = (curve.prime.bit_length() + 7) // 8
    if len(point) != 1 + 2 * size or point[0] != 0x04:  # noqa: PLR2004 - SEC 1 section 2.3.3
        return False
    x, y = int.from_bytes(point[1 : 1 + size], "big"), int.from_bytes(point[1 + size :], "big")
    if x >= curve.prime or y >= curve.prime:
        return False
    return (y * y - (x * x * x - 3 * x + curve.b)) % curve.prime == 0


# FIPS 186-4 appendix D.1.2; the coefficient a is -3 on all three.
_CURVES = {
    "nistp256": _Curve(
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8_AA3A93E7_B3EBBD55_769886BC_651D06B0_CC53B0F6_3BCE3C3E_27D2604B,
    ),
    "nistp384": _Curve(
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        0xB3312FA7_E23EE7E4_988E056B_E3F82D19_181D9C6E_FE814112_0314088F_5013875A_C656398D_8A2ED19D_2A85C8ED_D3EC2AEF,
    ),
    "nistp521": _Curve(
        2**521 - 1,
        0x0051_953EB961_8E1C9A1F_929A21A0_B68540EE_A2DA725B_99B315F3_B8B48991_8EF109E1_56193951_EC7E937B_1652C0BD_3BB1BF07_3573DF88_3D2C34F1_EF451FD4_6B503F00,
    ),
}

_P25519 = 2**255 - 19
_Y_OF_ORDER_8 = 0x7A03AC92_77FDC74E_C6CC392C_FA53202A_0F67100D_760B3CBA_4FD84D3D_706A17C7
# The y coordinates of the eight points whose order divides the cofactor; the sign is not in y.
_SMALL_ORDER = frozenset({0, 1, _P25519 - 1, _Y_OF_ORDER_8, _P25519 - _Y_OF_ORDER_8})

_MATERIALS: dict[str, Callable[[Reader], Ed25519 | Rsa | Ecdsa]] = {
    "ssh-ed25519": _ed25519,
    "ssh-rsa": _rsa,
    "ecdsa-sha2-nistp256": _ecdsa("nistp256"),
    "ecdsa-sha2-nistp384": _ecdsa("nistp384"),
    "ecdsa-sha2-nistp521": _ecdsa("nistp521"),
    "sk-ssh-ed25519@openssh.com": _ed25519,
    "sk-ecdsa-sha2-nistp256@openssh.com": _ecdsa("nistp256"),
}
