"""DSSE envelopes: the vector of the specification, one spelling, and whose signatures hold."""

from __future__ import annotations

import base64
import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from support.log import CHECKPOINT, RECORDER, STRANGER

from itil_gate.signing.dsse import (
    IN_TOTO,
    MAX_BYTES,
    Envelope,
    EnvelopeError,
    compose,
    keyring,
    pae,
    parse,
    verify,
)

PAYLOAD = b'{"a":1}'
KEYS = keyring([RECORDER.public, CHECKPOINT.public])


def made() -> Envelope:
    return compose(PAYLOAD, payload_type=IN_TOTO, signers=[RECORDER])


def changed(**fields: object) -> bytes:
    return rfc8785.dumps(json.loads(made().data) | fields)  # type: ignore[arg-type]


def test_the_signed_bytes_are_those_of_the_specification() -> None:
    # DSSE v1.0.2, protocol.md, test vectors.
    signed = pae("http://example.com/HelloWorld", b"hello world")
    assert signed == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("\u00e4", b"\x00") == b"DSSEv1 2 \xc3\xa4 1 \x00"


def test_an_envelope_comes_back_as_it_was_and_is_canonical() -> None:
    envelope = made()
    assert parse(envelope.data) == envelope
    assert rfc8785.dumps(json.loads(envelope.data)) == envelope.data
    fields = json.loads(envelope.data)
    assert base64.b64decode(fields["payload"]) == PAYLOAD
    assert fields["payloadType"] == "application/vnd.in-toto+json"
    assert [one["keyid"] for one in fields["signatures"]] == [RECORDER.fingerprint]


def test_who_signed_is_answered_and_nobody_else() -> None:
    envelope = compose(PAYLOAD, payload_type=IN_TOTO, signers=[RECORDER, STRANGER])
    assert verify(envelope, KEYS) == {RECORDER.fingerprint}
    assert verify(envelope, {}) == frozenset()
    assert verify(envelope, keyring([STRANGER.public])) == {STRANGER.fingerprint}


def test_a_signature_under_the_name_of_another_key_does_not_hold() -> None:
    (signature,) = made().signatures
    lent = compose(PAYLOAD, payload_type=IN_TOTO, signers=[STRANGER]).signatures[0].signature
    other = Envelope(IN_TOTO, PAYLOAD, (type(signature)(RECORDER.fingerprint, lent),))
    assert verify(other, KEYS) == frozenset()


def test_type_and_payload_are_signed() -> None:
    envelope = made()
    for other in (
        Envelope("text/plain", PAYLOAD, envelope.signatures),
        Envelope(IN_TOTO, PAYLOAD + b" ", envelope.signatures),
    ):
        assert verify(other, KEYS) == frozenset()


@pytest.mark.parametrize("signers", [[], [RECORDER, RECORDER], [RECORDER] * 17])
def test_signers_are_some_and_different(signers: list[object]) -> None:
    with pytest.raises(EnvelopeError):
        compose(PAYLOAD, payload_type=IN_TOTO, signers=signers)  # type: ignore[arg-type]


SIGNATURE = {"keyid": RECORDER.fingerprint, "sig": base64.b64encode(bytes(64)).decode()}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b" " + made().data,
        made().data + b"\n",
        json.dumps(json.loads(made().data)).encode(),
        made().data.replace(b'"payload"', b'"payload":"","payload"', 1),
        changed(extra=1),
        changed(payload=None),
        changed(payload="YR=="),
        changed(payload="_w=="),
        changed(payload="YQ"),
        changed(payload="Y Q="),
        changed(payloadType=""),
        changed(payloadType=7),
        changed(signatures=[]),
        changed(signatures={}),
        changed(signatures=[7]),
        changed(signatures=[SIGNATURE, SIGNATURE]),
        changed(signatures=[SIGNATURE | {"keyid": ""}]),
        changed(signatures=[SIGNATURE | {"keyid": 1}]),
        changed(signatures=[SIGNATURE | {"cert": "x"}]),
        changed(signatures=[{"sig": SIGNATURE["sig"]}]),
        changed(signatures=[SIGNATURE | {"sig": "YQ=="}]),
        changed(signatures=[SIGNATURE | {"keyid": f"{number}"} for number in range(17)]),
        b'{"payload":"' + b"A" * MAX_BYTES + b'"}',
    ],
)
def test_other_spellings_are_refused(data: bytes) -> None:
    with pytest.raises(EnvelopeError):
        parse(data)


@given(st.data())
def test_no_flipped_bit_leaves_an_envelope_standing(data: st.DataObject) -> None:
    whole = bytearray(made().data)
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        envelope = parse(bytes(whole))
    except EnvelopeError:
        return
    assert verify(envelope, KEYS) == frozenset()


@given(st.binary(max_size=300), st.text(st.characters(blacklist_categories=["Cs"]), min_size=1))
def test_every_payload_and_type_comes_back(payload: bytes, kind: str) -> None:
    envelope = compose(payload, payload_type=kind, signers=[RECORDER, CHECKPOINT])
    assert parse(envelope.data) == envelope
    assert verify(envelope, KEYS) == KEYS.keys()
