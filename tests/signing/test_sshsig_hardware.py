"""Signatures of FIDO keys: as ssh-keygen judges them, and only with a touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ssh_vectors import (
    SK_ECDSA,
    SK_ED25519,
    HardwareKey,
    armor,
    hardware_key,
    ssh_keygen_accepts,
    ssh_keygen_verifies,
    string,
)

from itil_gate.model.fingerprint import fingerprint
from itil_gate.signing.sshsig import verify_armored

if TYPE_CHECKING:
    from pathlib import Path

    from support.ssh_vectors import Fields

    from itil_gate.signing.sshsig import Verification

NAMESPACE = "approval@itil-gate"
MESSAGE = b"signed with a touch"
STATE = 5
"""Length of the flags and the counter that end the signature field."""

WEBAUTHN = b"webauthn-sk-ecdsa-sha2-nistp256@openssh.com"


@pytest.fixture(params=[SK_ED25519, SK_ECDSA], scope="module")
def key(request: pytest.FixtureRequest) -> HardwareKey:
    return hardware_key(request.param)


def ours(signature: Fields, message: bytes = MESSAGE) -> Verification:
    return verify_armored(signature.armored(), message=message, namespace=NAMESPACE)


def theirs(scratch: Path, signature: Fields, message: bytes = MESSAGE) -> bool:
    return ssh_keygen_accepts(scratch, signature.armored(), message, namespace=NAMESPACE)


@pytest.mark.parametrize(
    ("flags", "verified"), [(0x01, False), (0x05, True), (0x21, False), (0x0D, True)]
)
def test_a_touch_is_good_and_verification_of_the_user_is_reported(
    key: HardwareKey, flags: int, scratch: Path, *, verified: bool
) -> None:
    signature = key.sign(MESSAGE, namespace=NAMESPACE, flags=flags)
    found = ours(signature)
    assert (found.status, found.user_verified) == ("good", verified)
    assert found.fingerprint == fingerprint(key.line)
    text = signature.armored()
    assert ssh_keygen_verifies(scratch, text, MESSAGE, namespace=NAMESPACE, line=key.line)


@pytest.mark.parametrize("counter", [0, 1, 2**32 - 1])
def test_the_counter_may_be_anything(key: HardwareKey, counter: int, scratch: Path) -> None:
    signature = key.sign(MESSAGE, namespace=NAMESPACE, counter=counter)
    assert ours(signature).status == "good"
    assert theirs(scratch, signature)


@pytest.mark.parametrize("flags", [0x00, 0x04])
def test_a_signature_without_a_touch_is_refused_although_ssh_keygen_takes_it(
    key: HardwareKey, flags: int, scratch: Path
) -> None:
    signature = key.sign(MESSAGE, namespace=NAMESPACE, flags=flags)
    assert theirs(scratch, signature)
    found = ours(signature)
    assert found.status == "unsupported"
    assert found.fingerprint == fingerprint(key.line)
    assert "touching" in found.detail


@pytest.mark.parametrize("application", ["", "https://example.org", "sshd"])
def test_a_key_for_another_application_is_refused_although_ssh_keygen_takes_it(
    key: HardwareKey, application: str, scratch: Path
) -> None:
    stranger = HardwareKey(key.type, key.private, application)
    signature = stranger.sign(MESSAGE, namespace=NAMESPACE)
    assert theirs(scratch, signature)
    assert ours(signature).status == "unsupported"


def test_an_application_of_ones_own_is_taken(key: HardwareKey, scratch: Path) -> None:
    own = HardwareKey(key.type, key.private, "ssh:example.org")
    signature = own.sign(MESSAGE, namespace=NAMESPACE)
    assert ours(signature).status == "good"
    assert theirs(scratch, signature)


def test_another_message_makes_it_bad(key: HardwareKey, scratch: Path) -> None:
    signature = key.sign(MESSAGE, namespace=NAMESPACE)
    assert ours(signature, b"another").status == "bad-signature"
    assert not theirs(scratch, signature, b"another")


def test_damage_to_any_field_is_seen_as_ssh_keygen_sees_it(key: HardwareKey, scratch: Path) -> None:
    good = key.sign(MESSAGE, namespace=NAMESPACE)
    value, state = good.signature[:-STATE], good.signature[-STATE:]
    renamed = HardwareKey(key.type, key.private, "ssh:other")
    plain = {SK_ED25519: b"ssh-ed25519", SK_ECDSA: b"ecdsa-sha2-nistp256"}[key.type]
    head = len(string(key.type.encode()))
    damaged = {
        "flags raised": (value + b"\x05" + state[1:], "bad-signature"),
        "counter": (value + state[:-1] + bytes([state[-1] + 1]), "bad-signature"),
        "state cut": (good.signature[:-1], "malformed"),
        "state missing": (value, "malformed"),
        "too long": (good.signature + b"\0", "malformed"),
        "as a plain key signs": (string(plain) + good.signature[head:-STATE], "unsupported"),
    }
    for what, (signature, expected) in damaged.items():
        spoilt = good.but(signature=signature)
        assert ours(spoilt).status == expected, what
        assert not theirs(scratch, spoilt), what
    moved = good.but(key=renamed.blob)
    assert ours(moved).status == "bad-signature"
    assert not theirs(scratch, moved)


def test_a_flipped_bit_is_judged_as_ssh_keygen_judges_it(key: HardwareKey, scratch: Path) -> None:
    blob = key.sign(MESSAGE, namespace=NAMESPACE).blob()
    version = range(48, 80)

    @settings(max_examples=60, deadline=None, database=None)
    @given(st.integers(min_value=0, max_value=8 * len(blob) - 1))
    def flip(bit: int) -> None:
        spoilt = bytearray(blob)
        spoilt[bit // 8] ^= 0x80 >> bit % 8
        text = armor(bytes(spoilt))
        found = verify_armored(text, message=MESSAGE, namespace=NAMESPACE)
        assert found.status != "good"
        taken = ssh_keygen_accepts(scratch, text, MESSAGE, namespace=NAMESPACE)
        assert bit in version or not taken

    flip()


def test_the_form_of_browsers_is_not_supported() -> None:
    key = hardware_key(SK_ECDSA)
    good = key.sign(MESSAGE, namespace=NAMESPACE)
    rest = good.signature[len(string(key.type.encode())) :]
    browser = string(b"https://example.org") + string(b"{}") + string(b"")
    found = ours(good.but(signature=string(WEBAUTHN) + rest + browser))
    assert found.status == "unsupported"
    assert "webauthn" in found.detail


def test_a_key_that_is_no_hardware_key_has_no_user_to_verify(key: HardwareKey) -> None:
    found = ours(key.sign(MESSAGE, namespace="another"))
    assert (found.status, found.user_verified) == ("wrong-namespace", None)
