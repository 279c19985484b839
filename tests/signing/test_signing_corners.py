"""Corners of the canonical form, of envelopes, keys and notes that nothing else walks into."""

from __future__ import annotations

import base64
import json
from enum import IntEnum, StrEnum

import pytest
from support.log import CHECKPOINT, signer

from itil_gate.signing import dsse, note
from itil_gate.signing.ed25519 import armored, public_blob, public_line, public_of
from itil_gate.signing.jcs import JcsError, decode, encode
from itil_gate.signing.keys import UnsupportedError, parse_public_key_blob
from itil_gate.signing.wire import WireError, string

# Canonical JSON.


class Word(StrEnum):
    ONE = "one"


class Number(IntEnum):
    THREE = 3


def test_words_and_numbers_of_an_enumeration_are_spelled_as_what_they_are() -> None:
    assert encode({"a": Word.ONE, "b": Number.THREE}) == b'{"a":"one","b":3}'


@pytest.mark.parametrize("leaf", ["1", '"a"', "true", "null", "{}", "[]"])
@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}")])
def test_what_lies_sixty_four_levels_deep_is_written_as_it_is_read(
    leaf: str, left: str, right: str
) -> None:
    fits = 64 - (leaf in ("{}", "[]"))
    text = (left * fits + leaf + right * fits).encode()
    assert encode(json.loads(text)) == text
    assert encode(decode(text)) == text
    deeper = (left * (fits + 1) + leaf + right * (fits + 1)).encode()
    for refused in (lambda: encode(json.loads(deeper)), lambda: decode(deeper)):
        with pytest.raises(JcsError, match="nested deeper"):
            refused()


@pytest.mark.parametrize("text", [b"1.5", b"[1e3]", b"NaN", b"-Infinity"])
def test_a_number_that_is_no_integer_is_refused_as_one(text: bytes) -> None:
    with pytest.raises(JcsError, match="is not an integer"):
        decode(text)


# Envelopes.


def test_one_signature_is_enough_whatever_is_signed() -> None:
    made = dsse.compose(b"text", payload_type="text/plain", signers=[CHECKPOINT])
    assert dsse.parse(made.data) == made


@pytest.mark.parametrize("rows", [5, "text", {}, {"a": 1}, [], None])
def test_signatures_that_are_no_list_are_refused(rows: object) -> None:
    made = dsse.compose(b"{}", payload_type=dsse.IN_TOTO, signers=[CHECKPOINT])
    whole = json.loads(made.data) | {"signatures": rows}
    with pytest.raises(dsse.EnvelopeError, match="list of 1 to 16"):
        dsse.parse(encode(whole))


# Keys.


def test_a_comment_stands_behind_a_key_only_where_there_is_one() -> None:
    bare = public_line(CHECKPOINT.public)
    assert len(bare.split(" ")) == 2
    assert public_line(CHECKPOINT.public, comment="log key") == f"{bare} log key"


def test_a_hardware_key_signs_no_log_although_its_point_is_of_the_same_curve() -> None:
    kind = b"sk-ssh-ed25519@openssh.com"
    blob = string(kind) + string(CHECKPOINT.public) + string(b"ssh:")
    key = parse_public_key_blob(blob)
    line = public_line(CHECKPOINT.public)
    assert public_of(line) == CHECKPOINT.public
    with pytest.raises(UnsupportedError, match="signed with ssh-ed25519, not sk-") as caught:
        public_of(f"{kind.decode()} {base64.b64encode(blob).decode()}")
    assert caught.value.fingerprint == key.fingerprint


class Short:
    """A signer whose agent answers too little."""

    public = CHECKPOINT.public
    fingerprint = CHECKPOINT.fingerprint

    def sign(self, data: bytes, /) -> bytes:
        return CHECKPOINT.sign(data)[:63]


def test_a_signature_that_is_cut_is_not_armored() -> None:
    assert armored(CHECKPOINT, b"x", namespace="n").startswith("-----BEGIN SSH SIGNATURE")
    with pytest.raises(WireError, match="64 bytes, not 63"):
        armored(Short(), b"x", namespace="n")


# Notes.

TEXT = "x\n"


def test_the_base64_of_a_verifier_key_may_hold_a_plus() -> None:
    made = (note.named_key("log", signer(seed).public) for seed in range(1, 40))
    key = next(one for one in made if one.text.count("+") > 2)
    assert note.verifier_key(key.text) == key


def test_a_signature_type_that_is_not_known_is_refused() -> None:
    with pytest.raises(note.NoteError, match="0x02 is not known"):
        note.named_key("log", CHECKPOINT.public, kind=2)


def test_a_name_holds_no_control_character() -> None:
    with pytest.raises(note.NoteError, match="name of a key"):
        note.sign_note(TEXT, CHECKPOINT, name="a\x01b")


def test_a_note_has_a_hundred_signatures_and_no_more() -> None:
    line = note.sign_note(TEXT, CHECKPOINT, name="log")
    data = note.compose_note(TEXT, [line] * 100)
    assert note.parse_note(data) == (TEXT, (line,) * 100)
    with pytest.raises(note.NoteError, match="1 to 100 signatures"):
        note.compose_note(TEXT, [line] * 101)
    with pytest.raises(note.NoteError, match="101 signatures"):
        note.parse_note(data + line.text.encode())


def test_a_note_has_a_blank_line_and_ends_with_a_newline() -> None:
    line = note.sign_note(TEXT, CHECKPOINT, name="log")
    data = note.compose_note(TEXT, [line])
    for wrong in (line.text.encode(), data[:-1] + b"x", line.text.encode()[:-1] + b"x"):
        with pytest.raises(note.NoteError, match="a blank line and whole lines"):
            note.parse_note(wrong)


def test_a_signature_of_one_type_does_not_hold_for_a_key_of_the_other() -> None:
    plain = note.sign_note(TEXT, CHECKPOINT, name="log")
    timed = note.cosign_note(TEXT, CHECKPOINT, name="log", time=7)
    for kind, good, bad in (
        (note.ED25519, plain, timed),
        (note.COSIGNATURE, timed, plain),
    ):
        key = note.named_key("log", CHECKPOINT.public, kind=kind)
        assert note.open_note(note.compose_note(TEXT, [good]), [key]).verified
        posed = note.SignatureLine("log", key.key_id, bad.signature)
        with pytest.raises(note.NoteError, match="does not hold"):
            note.open_note(note.compose_note(TEXT, [posed]), [key])


def test_the_wire_form_is_of_a_key_of_thirty_two_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        public_blob(CHECKPOINT.public[:31])
