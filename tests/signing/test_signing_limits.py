"""How large, how many and how deep, in plain numbers: what was promised is not moved by one."""

from __future__ import annotations

import pytest
from support.log import CHECKPOINT, signer

from itil_gate.signing import dsse, note
from itil_gate.signing.ed25519 import public_blob
from itil_gate.signing.jcs import JcsError, decode, encode
from itil_gate.signing.keys import UnsupportedError, parse_public_key_blob
from itil_gate.signing.statement import StatementError, read_statement, split

HIGH = "ff" * 30
WEAK = (
    # libsodium, ed25519_ref10.c: points of order 4, 1, 8, 8, 2, and again in another form.
    "00" * 32,
    "01" + "00" * 31,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    f"ec{HIGH}7f",
    f"ed{HIGH}7f",
    f"ee{HIGH}7f",
    f"ff{HIGH}7f",
)


@pytest.mark.parametrize("known", WEAK)
def test_a_weak_point_is_refused_with_either_sign(known: str) -> None:
    point = bytes.fromhex(known)
    for weak in (point, point[:-1] + bytes([point[-1] | 0x80])):
        with pytest.raises(UnsupportedError, match="small order"):
            parse_public_key_blob(public_blob(weak))


@pytest.mark.parametrize("known", ["02" + "00" * 31, f"eb{HIGH}7f"])
def test_a_point_beside_a_weak_one_is_no_weaker_for_it(known: str) -> None:
    assert parse_public_key_blob(public_blob(bytes.fromhex(known))).type == "ssh-ed25519"


def test_json_is_nested_sixty_four_levels_deep_and_no_deeper() -> None:
    for depth, refused in ((64, False), (65, True)):
        value: object = []
        for _ in range(depth - 1):
            value = [value]
        text = b"[" * depth + b"]" * depth
        if not refused:
            assert encode(value) == text
            assert decode(text) == value
            continue
        with pytest.raises(JcsError, match="nested deeper than 64"):
            encode(value)
        with pytest.raises(JcsError, match="nested deeper than 64"):
            decode(text)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_integer_is_one_that_every_reader_holds_exactly(sign: int) -> None:
    largest = sign * 9_007_199_254_740_991
    assert decode(encode(largest)) == largest
    for further in (largest + sign, largest + 2 * sign):
        with pytest.raises(JcsError, match="beyond 2"):
            encode(further)
        with pytest.raises(JcsError, match="beyond 2"):
            decode(str(further).encode())


def test_an_envelope_has_sixteen_mebibytes_and_no_more() -> None:
    with pytest.raises(dsse.EnvelopeError, match="cannot be read"):
        dsse.parse(b"x" * 16_777_216)
    with pytest.raises(dsse.EnvelopeError, match="16777217 bytes, more than 16777216"):
        dsse.parse(b"x" * 16_777_217)


def test_an_envelope_has_sixteen_signers_and_no_more() -> None:
    signers = [signer(number) for number in range(1, 18)]
    made = dsse.compose(b"{}", payload_type=dsse.IN_TOTO, signers=signers[:16])
    assert dsse.parse(made.data) == made
    with pytest.raises(dsse.EnvelopeError, match="1 to 16 signers"):
        dsse.compose(b"{}", payload_type=dsse.IN_TOTO, signers=signers)
    both = dsse.Envelope(
        made.payload_type,
        made.payload,
        (*made.signatures, dsse.EnvelopeSignature("SHA256:x", bytes(64))),
    )
    with pytest.raises(dsse.EnvelopeError, match="1 to 16 signatures"):
        dsse.parse(both.data)


def test_a_note_has_a_million_bytes_and_no_more() -> None:
    line = note.sign_note("x\n", CHECKPOINT, name="log").text
    room = 1_000_000 - len(line.encode()) - 2
    text, lines = note.parse_note(f"{'a' * room}\n\n{line}".encode())
    assert (len(text), len(lines)) == (room + 1, 1)
    with pytest.raises(note.NoteError, match="1000001 bytes, more than 1000000"):
        note.parse_note(f"{'a' * (room + 1)}\n\n{line}".encode())


def test_the_time_of_a_cosignature_ends_with_sixty_three_bits() -> None:
    last = 9_223_372_036_854_775_807
    assert note.cosign_note("x\n", CHECKPOINT, name="log", time=last).signature[:8] == (
        last.to_bytes(8, "big")
    )
    with pytest.raises(note.NoteError, match="the time of a cosignature"):
        note.cosign_note("x\n", CHECKPOINT, name="log", time=last + 1)


def test_a_statement_has_two_hundred_and_fifty_six_kibibytes_and_no_more() -> None:
    largest = b"{}\n" + b"x" * (262_144 - 3)
    assert split(largest)[0] == b"{}"
    assert read_statement("a/b.stmt", largest).text == largest.decode()
    with pytest.raises(StatementError, match="262145 bytes; a statement has at most 262144"):
        split(largest + b"x")
    assert read_statement("a/b.stmt", largest + b"x").text == ""


@pytest.mark.parametrize(("depth", "named"), [(64, "predicateType"), (65, "nested deeper than 64")])
def test_a_statement_is_nested_sixty_four_levels_deep_and_no_deeper(depth: int, named: str) -> None:
    fact = read_statement("a/b.stmt", b"[" * depth + b"1" + b"]" * depth + b"\nx")
    assert named in fact.detail
