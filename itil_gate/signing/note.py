"""Signed notes: text, a blank line and signature lines, as transparency logs sign checkpoints.

Format: C2SP signed-note v1.0.0; timestamped cosignatures (type 0x04): C2SP tlog-cosignature
v1.0.1. A note is believed when a known key signed it. Signatures of unknown keys are carried and
never believed; one of a known key that does not hold refuses the whole note, as does every
control character but the newline, base64 in a second spelling, more than 100 signatures or more
than a million bytes. Only Ed25519 is known here; what the text means is not known at all.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING

from itil_gate.model.frozen import frozen
from itil_gate.signing.ed25519 import POINT_BYTES, SIGNATURE_BYTES, public_blob
from itil_gate.signing.keys import UnsupportedError, parse_public_key_blob

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from itil_gate.signing.ed25519 import Signer

ED25519 = 0x01
"""Signature type: the text itself is signed."""
COSIGNATURE = 0x04
"""Signature type: `cosignature/v1`, a time and the text are signed."""
MAX_SIGNATURES = 100
MAX_BYTES = 1_000_000
_MAX_TIME = 2**63 - 1
_ID_BYTES = 4
_TIME_BYTES = 8
_KINDS = (ED25519, COSIGNATURE)
_DASH = "\u2014 "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_HEX_ID = re.compile(r"[0-9a-f]{8}", re.ASCII)


class NoteError(ValueError):
    """The bytes are no note, or none that a known key signed; the message says what is wrong."""


@frozen
class VerifierKey:
    """A public key under a name, for one signature type; `verifier_key` reads its text."""

    name: str
    kind: int
    """ED25519 or COSIGNATURE."""
    public: bytes
    """The 32 bytes of RFC 8032."""

    @property
    def key_id(self) -> bytes:
        """The four bytes by which signature lines name the key (signed-note, Signatures)."""
        named = self.name.encode("utf-8") + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(named).digest()[:_ID_BYTES]

    @property
    def text(self) -> str:
        """The verifier key (vkey) as others configure it: name, key id and base64, joined by +."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(bytes([self.kind]) + self.public)}"


@frozen
class SignatureLine:
    """A signature as it stands below a note; nothing is believed yet."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def text(self) -> str:
        """The line with its newline."""
        return f"{_DASH}{self.name} {_base64(self.key_id + self.signature)}\n"


@frozen
class Verified:
    """A key that signed the note; `time` is the POSIX time in a cosignature, else None."""

    key: VerifierKey
    time: int | None = None


@frozen
class Note:
    """A text that at least one known key signed.

    `lines` are all signature lines in their order, `verified` those of known keys.
    """

    text: str
    lines: tuple[SignatureLine, ...]
    verified: tuple[Verified, ...]


def verifier_key(text: str) -> VerifierKey:
    """Return the key of a vkey string; NoteError if it is none or its key is weak or unknown."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not _HEX_ID.fullmatch(parts[1]):  # noqa: PLR2004
        raise NoteError("a verifier key is a name, eight hexadecimal digits and base64, with +")
    name, key_id, encoded = parts
    material = _decoded(encoded, what="the verifier key")
    if len(material) != 1 + POINT_BYTES or material[0] not in _KINDS:
        raise NoteError("the verifier key is not one of Ed25519, of type 0x01 or 0x04")
    key = named_key(name, material[1:], kind=material[0])
    if key.key_id.hex() != key_id:
        raise NoteError(f"the verifier key says {key_id}; by its content it is {key.key_id.hex()}")
    return key


def named_key(name: str, public: bytes, *, kind: int = ED25519) -> VerifierKey:
    """Return the key of 32 bytes under a name; NoteError if either cannot be believed."""
    _check_name(name)
    if kind not in _KINDS:
        raise NoteError(f"signature type {kind:#04x} is not known here")
    try:
        parse_public_key_blob(public_blob(public))
    except (UnsupportedError, ValueError) as error:
        raise NoteError(str(error)) from error
    return VerifierKey(name, kind, public)


def sign_note(text: str, signer: Signer, *, name: str) -> SignatureLine:
    """Return the signature of a text by a key under a name (type 0x01).

    Raises NoteError for a text or a name that no note can hold.
    """
    key = VerifierKey(_check_name(name), ED25519, signer.public)
    return SignatureLine(name, key.key_id, signer.sign(_check_text(text).encode("utf-8")))


def cosign_note(text: str, signer: Signer, *, name: str, time: int) -> SignatureLine:
    """Return a cosignature of a checkpoint's text at a POSIX time (type 0x04).

    Raises NoteError for a text, name or time that cannot be signed.
    """
    key = VerifierKey(_check_name(name), COSIGNATURE, signer.public)
    signature = signer.sign(_cosigned(_check_text(text), time))
    return SignatureLine(name, key.key_id, time.to_bytes(_TIME_BYTES, "big") + signature)


def compose_note(text: str, lines: Sequence[SignatureLine]) -> bytes:
    """Return the bytes of a note. Raises NoteError if there is no line, or too many."""
    if not 0 < len(lines) <= MAX_SIGNATURES:
        raise NoteError(f"a note has 1 to {MAX_SIGNATURES} signatures, not {len(lines)}")
    return f"{_check_text(text)}\n{''.join(line.text for line in lines)}".encode()


def parse_note(data: bytes) -> tuple[str, tuple[SignatureLine, ...]]:
    """Return text and signature lines of a note, none of them verified; else NoteError."""
    if len(data) > MAX_BYTES:
        raise NoteError(f"the note has {len(data)} bytes, more than {MAX_BYTES}")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteError("the note is not UTF-8") from error
    if _CONTROL.search(whole):
        raise NoteError("the note holds a control character other than the newline")
    text, blank, below = whole.rpartition("\n\n")
    if not blank or not below.endswith("\n"):
        raise NoteError("a note is text, a blank line and whole lines of signatures")
    rows = below[:-1].split("\n")
    if len(rows) > MAX_SIGNATURES:
        raise NoteError(f"the note has {len(rows)} signatures, more than {MAX_SIGNATURES}")
    return text + "\n", tuple(_line(row) for row in rows)


def open_note(data: bytes, keys: Iterable[VerifierKey]) -> Note:
    """Return a note that at least one of `keys` signed, with every signature that they made.

    Raises NoteError if the bytes are no note, if a signature under the name and id of one of the
    keys does not hold, or if there is none.
    """
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise NoteError(f"two of the known keys are named {key.name} and {key.key_id.hex()}")
    text, lines = parse_note(data)
    verified = []
    for line in lines:
        signer = known.get((line.name, line.key_id))
        if signer is not None:
            verified.append(_verify(text, line, key=signer))
    if not verified:
        raise NoteError("no known key signed the note")
    return Note(text, lines, tuple(dict.fromkeys(verified)))


def _verify(text: str, line: SignatureLine, *, key: VerifierKey) -> Verified:
    from itil_gate.signing import primitives  # noqa: PLC0415 - loads the cryptography package

    time, message, signature = None, text.encode("utf-8"), line.signature
    if key.kind == COSIGNATURE and len(signature) == _TIME_BYTES + SIGNATURE_BYTES:
        time = int.from_bytes(signature[:_TIME_BYTES], "big")
        message, signature = _cosigned(text, time), signature[_TIME_BYTES:]
    holds = len(signature) == SIGNATURE_BYTES and (time is not None or key.kind == ED25519)
    if not holds or not primitives.ed25519_holds(key.public, signature=signature, data=message):
        raise NoteError(f"the signature of {key.name} ({key.key_id.hex()}) does not hold")
    return Verified(key, time)


def _cosigned(text: str, time: int) -> bytes:
    """Return what a cosignature signs (tlog-cosignature, Ed25519 signed message)."""
    if not 0 <= time <= _MAX_TIME:
        raise NoteError(f"the time of a cosignature is 0 to 2^63 - 1, not {time}")
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _line(row: str) -> SignatureLine:
    dash, name, encoded = row[: len(_DASH)], *row[len(_DASH) :].partition(" ")[::2]
    if dash != _DASH:
        raise NoteError("a signature line begins with an em dash and a space")
    _check_name(name)
    blob = _decoded(encoded, what="the signature line")
    if len(blob) <= _ID_BYTES:
        raise NoteError("a signature line holds four bytes of key id and a signature")
    return SignatureLine(name, blob[:_ID_BYTES], blob[_ID_BYTES:])


def _check_name(name: str) -> str:
    """Return a name that can stand in a note (signed-note, Format); else NoteError."""
    bad = not name or "+" in name or _CONTROL.search(name) or any(map(str.isspace, name))
    if bad or not _is_unicode(name):
        raise NoteError("the name of a key is not empty and holds neither spaces nor +")
    return name


def _check_text(text: str) -> str:
    if not text.endswith("\n") or _CONTROL.search(text) or not _is_unicode(text):
        raise NoteError("the text of a note ends in a newline and holds no control characters")
    return text


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decoded(encoded: str, *, what: str) -> bytes:
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError(f"{what} holds something that is not base64") from error
    if _base64(data) != encoded:
        raise NoteError(f"the base64 of {what} is not in its only proper spelling")
    return data
