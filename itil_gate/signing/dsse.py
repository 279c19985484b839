"""DSSE envelopes: a payload, its type, and raw Ed25519 signatures over both.

Format and signed bytes: DSSE v1.0.2 (protocol.md, envelope.md). An entry of the audit log is one
such envelope in its RFC 8785 form, and there is one spelling of it: every field is there and no
other, base64 is the standard alphabet in its only proper spelling, no key signs twice. Other
people's verifiers take it; envelopes in looser forms are refused here. Whose the keys are, and
what the payload means, is decided elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from itil_gate.model.frozen import frozen
from itil_gate.signing import jcs
from itil_gate.signing.ed25519 import SIGNATURE_BYTES, fingerprint_of
from itil_gate.signing.jcs import JcsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from itil_gate.signing.ed25519 import Signer

IN_TOTO = "application/vnd.in-toto+json"
"""The payload type of in-toto Statements (in-toto attestation, spec/v1/envelope.md)."""
MAX_BYTES = 16 * 1024 * 1024
MAX_SIGNATURES = 16
_USUAL = re.compile(
    rb'\{"payload":"([^"]*)","payloadType":"%b","signatures":\['
    rb'\{"keyid":"(SHA256:[A-Za-z0-9+/]{43})","sig":"([A-Za-z0-9+/=]{88})"\}\]\}'
    % re.escape(IN_TOTO).encode()
)
"""What nearly every entry is, which needs no reader of JSON: one signature, nothing escaped."""


class EnvelopeError(ValueError):
    """The bytes are no envelope in its one spelling; the message says what is wrong."""


@frozen
class EnvelopeSignature:
    """A signature and the fingerprint of the key that is said to have made it."""

    keyid: str
    signature: bytes


@frozen
class Envelope:
    """An envelope as it stands; nothing is believed before `verify`."""

    payload_type: str
    payload: bytes
    signatures: tuple[EnvelopeSignature, ...]

    @property
    def data(self) -> bytes:
        """The bytes of the envelope: RFC 8785, UTF-8, no newline at the end."""
        signatures = ",".join(
            f'{{"keyid":{_json(one.keyid)},"sig":"{_base64(one.signature)}"}}'
            for one in self.signatures
        )
        head = f'{{"payload":"{_base64(self.payload)}","payloadType":{_json(self.payload_type)}'
        return f'{head},"signatures":[{signatures}]}}'.encode()


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the signed bytes: the pre-authentication encoding of type and payload."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def compose(payload: bytes, *, payload_type: str, signers: Sequence[Signer]) -> Envelope:
    """Return the envelope of a payload, signed by every signer in their order.

    Raises EnvelopeError for no signers, too many or the same twice; SigningError if one fails.
    """
    names = [signer.fingerprint for signer in signers]
    if not 0 < len(names) <= MAX_SIGNATURES or len(set(names)) != len(names):
        raise EnvelopeError(f"an envelope has 1 to {MAX_SIGNATURES} signers, all different")
    message = pae(payload_type, payload)
    made = (
        EnvelopeSignature(name, signer.sign(message))
        for name, signer in zip(names, signers, strict=True)
    )
    return Envelope(payload_type, payload, tuple(made))


def parse(data: bytes) -> Envelope:
    """Return the envelope that `data` is byte for byte. Raises EnvelopeError, and nothing else."""
    if len(data) > MAX_BYTES:
        raise EnvelopeError(f"the envelope has {len(data)} bytes, more than {MAX_BYTES}")
    if usual := _USUAL.fullmatch(data):
        signature = _signature_of(usual[2].decode("ascii"), _bytes(usual[3], what="signature"))
        return Envelope(IN_TOTO, _bytes(usual[1], what="payload"), (signature,))
    try:
        value = jcs.decode(data)
    except JcsError as error:
        raise EnvelopeError(f"the envelope cannot be read: {error}") from error
    payload, kind, rows = _fields(value, "payload", "payloadType", "signatures")
    if not isinstance(kind, str) or not kind:
        raise EnvelopeError("the payloadType is a text that is not empty")
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_SIGNATURES:
        raise EnvelopeError(f"an envelope has a list of 1 to {MAX_SIGNATURES} signatures")
    signatures = tuple(_signature(row) for row in rows)
    if len({one.keyid for one in signatures}) != len(signatures):
        raise EnvelopeError("a key signs an envelope once")
    return Envelope(kind, _bytes(payload, what="payload"), signatures)


def keyring(publics: Iterable[bytes]) -> dict[str, bytes]:
    """Return public keys of 32 bytes by their fingerprints, as `verify` wants them."""
    return {fingerprint_of(public): public for public in publics}


def verify(envelope: Envelope, keys: Mapping[str, bytes]) -> frozenset[str]:
    """Return the fingerprints of those of `keys` (see `keyring`) whose signatures hold.

    A signature that names another key, or that does not hold, adds nothing; whoever asks has to
    see the key it trusts in the answer.
    """
    from itil_gate.signing import primitives  # noqa: PLC0415 - loads the cryptography package

    message = pae(envelope.payload_type, envelope.payload)
    return frozenset(
        one.keyid
        for one in envelope.signatures
        if one.keyid in keys
        and primitives.ed25519_holds(keys[one.keyid], signature=one.signature, data=message)
    )


def _signature(row: Any) -> EnvelopeSignature:
    keyid, sig = _fields(row, "keyid", "sig")
    if not isinstance(keyid, str) or not keyid:
        raise EnvelopeError("the keyid of a signature is a text that is not empty")
    return _signature_of(keyid, _bytes(sig, what="signature"))


def _signature_of(keyid: str, signature: bytes) -> EnvelopeSignature:
    if len(signature) != SIGNATURE_BYTES:
        raise EnvelopeError(f"an Ed25519 signature has 64 bytes, not {len(signature)}")
    return EnvelopeSignature(keyid, signature)


def _fields(value: Any, *names: str) -> tuple[Any, ...]:
    if not isinstance(value, dict) or value.keys() != set(names):
        raise EnvelopeError(f"an object of the envelope does not have the keys {', '.join(names)}")
    return tuple(value[name] for name in names)


def _bytes(value: str | bytes | object, *, what: str) -> bytes:
    if not isinstance(value, (str, bytes)):
        raise EnvelopeError(f"the {what} is not a text of base64")
    try:
        data = binascii.a2b_base64(value, strict_mode=True)
        plain = value.encode("ascii") if isinstance(value, str) else value
    except ValueError as error:
        raise EnvelopeError(f"the {what} is not base64") from error
    if base64.b64encode(data) != plain:
        raise EnvelopeError(f"the base64 of the {what} is not in its only proper spelling")
    return data


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


@lru_cache(maxsize=64)
def _json(text: str) -> str:
    return jcs.encode(text).decode("utf-8")
