"""Signed notes: other people's vectors, what is refused, and cosignatures."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.log import CHECKPOINT, STRANGER, WITNESS

from itil_gate.signing.note import (
    COSIGNATURE,
    ED25519,
    MAX_BYTES,
    NoteError,
    SignatureLine,
    VerifierKey,
    compose_note,
    cosign_note,
    named_key,
    open_note,
    parse_note,
    sign_note,
    verifier_key,
)

# golang.org/x/mod v0.42.0, sumdb/note/note_test.go.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
BY_PETER = (
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdng"
    "otpRZb6KE6RyyBwJnAM=\n"
)
BY_ENOCH = (
    "\u2014 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWL"
    "ox33WWd1RvMc+QQ=\n"
)
MALFORMED = {
    "no signature": TEXT,
    "no line below": TEXT + "\n",
    "a cut line": TEXT + "\n" + BY_PETER[:-1],
    "a control character": "\x01" + TEXT + "\n" + BY_PETER,
    "a carriage return": TEXT.replace("\n", "\r\n") + "\n" + BY_PETER,
    "a tab": "\t" + TEXT + "\n" + BY_PETER,
    "a space in a name": TEXT + "\n" + BY_PETER.replace("PeterN", "Peter N"),
    "a no-break space in a name": TEXT + "\n" + BY_PETER.replace("PeterN", "Peter\u00a0N"),
    "a plus in a name": TEXT + "\n" + BY_PETER.replace("PeterN", "Peter+N"),
    "an empty name": TEXT + "\n" + BY_PETER.replace("PeterNeumann", ""),
    "a line that is none": TEXT + "\n" + BY_PETER + "Unexpected line.\n",
    "a hyphen for the dash": TEXT + "\n" + BY_PETER.replace("\u2014", "-"),
    "a space at the end": TEXT + "\n" + BY_PETER[:-1] + " \n",
    "no base64": TEXT + "\n" + BY_PETER.replace("x08g", "x08!"),
    "base64 of the web": TEXT + "\n" + BY_PETER.replace("o/ZJ", "o_ZJ"),
    "bits after the end": TEXT + "\n" + BY_PETER.replace("nAM=", "nAN="),
    "an id alone": TEXT + "\n" + "\u2014 PeterNeumann x08gow==\n",
    "too many signatures": TEXT + "\n" + BY_PETER * 101,
    "too many bytes": "a" * MAX_BYTES + "\n\n" + BY_PETER,
}


def refused(data: bytes, *keys: VerifierKey) -> str:
    with pytest.raises(NoteError) as caught:
        open_note(data, keys)
    return str(caught.value)


def test_a_note_of_golang_is_opened() -> None:
    note = open_note((TEXT + "\n" + BY_PETER + BY_ENOCH).encode(), [verifier_key(PETER)])
    assert note.text == TEXT
    assert [one.key.text for one in note.verified] == [PETER]
    assert [line.text for line in note.lines] == [BY_PETER, BY_ENOCH]
    both = open_note(
        (TEXT + "\n" + BY_PETER + BY_ENOCH).encode(), map(verifier_key, (ENOCH, PETER))
    )
    assert [one.key.text for one in both.verified] == [PETER, ENOCH]


def test_the_note_of_the_specification_is_opened() -> None:
    # C2SP signed-note, section Verifier keys.
    key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    line = (
        "\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH"
        "3mFXmRKuwHjG1Yu72IneyaQM=\n"
    )
    note = open_note(("This is an example message.\n\n" + line).encode(), [verifier_key(key)])
    assert note.text == "This is an example message.\n"


def test_no_part_of_a_verifier_key_is_one() -> None:
    for low in range(len(PETER)):
        for high in range(low + 1, len(PETER) + 1):
            if high - low < len(PETER):
                with pytest.raises(NoteError):
                    verifier_key(PETER[low:high])


@pytest.mark.parametrize("at", range(len(PETER)))
def test_a_verifier_key_with_one_character_changed_is_none(at: int) -> None:
    with pytest.raises(NoteError):
        verifier_key(PETER[:at] + chr(ord(PETER[at]) + 1) + PETER[at + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        # a key of another length and one of an unknown type, with ids that fit (note_test.go)
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        PETER.replace("c74f20a3", "C74F20A3"),
        VerifierKey("a", ED25519, bytes(32)).text,
        VerifierKey("a", 0x02, CHECKPOINT.public).text,
        VerifierKey("a b", ED25519, CHECKPOINT.public).text,
        VerifierKey("", ED25519, CHECKPOINT.public).text,
    ],
)
def test_keys_that_cannot_be_believed_are_refused(text: str) -> None:
    with pytest.raises(NoteError):
        verifier_key(text)


@pytest.mark.parametrize("kind", [ED25519, COSIGNATURE])
def test_the_text_of_a_key_is_the_key(kind: int) -> None:
    key = named_key("witness.example/w1", WITNESS.public, kind=kind)
    assert verifier_key(key.text) == key


@pytest.mark.parametrize("fault", MALFORMED)
def test_a_malformed_note_is_refused(fault: str) -> None:
    assert refused(MALFORMED[fault].encode(), verifier_key(PETER))
    with pytest.raises(NoteError):
        parse_note(MALFORMED[fault].encode())


def test_a_note_that_is_no_utf_8_is_refused() -> None:
    assert "UTF-8" in refused(b"\xff" + (TEXT + "\n" + BY_PETER).encode(), verifier_key(PETER))


def test_a_hundred_signatures_are_taken() -> None:
    note = open_note((TEXT + "\n" + BY_PETER * 100).encode(), [verifier_key(PETER)])
    assert len(note.lines) == 100
    assert len(note.verified) == 1


def test_a_note_of_strangers_is_refused() -> None:
    data = (TEXT + "\n" + BY_PETER).encode()
    assert "no known key" in refused(data)
    assert "no known key" in refused(data, verifier_key(ENOCH))


def test_a_name_or_an_id_alone_does_not_make_a_key_known() -> None:
    stranger = sign_note(TEXT, STRANGER, name="PeterNeumann")
    same_id = SignatureLine("CarmenSandiego", base64.b64decode("x08gow=="), bytes(64))
    data = (TEXT + "\n" + BY_PETER + stranger.text + same_id.text).encode()
    assert len(open_note(data, [verifier_key(PETER)]).verified) == 1


def test_one_bad_signature_of_a_known_key_refuses_the_note() -> None:
    bent = BY_PETER.replace("ZJku", "ZJkv")
    enoch, peter = verifier_key(ENOCH), verifier_key(PETER)
    for lines in (BY_ENOCH + bent, BY_ENOCH + BY_PETER + bent, bent + BY_PETER + BY_ENOCH):
        data = (TEXT + "\n" + lines).encode()
        assert "does not hold" in refused(data, peter, enoch)
    assert open_note((TEXT + "\n" + BY_ENOCH + bent).encode(), [enoch])


@pytest.mark.parametrize("length", [1, 63, 65, 72])
def test_a_signature_of_another_length_does_not_hold(length: int) -> None:
    for kind in (ED25519, COSIGNATURE):
        key = VerifierKey("log", kind, CHECKPOINT.public)
        line = SignatureLine("log", key.key_id, bytes(length))
        assert "does not hold" in refused(compose_note(TEXT, [line]), key)


def test_one_key_may_be_given_twice_but_not_two_of_one_name_and_id() -> None:
    peter = verifier_key(PETER)
    assert open_note((TEXT + "\n" + BY_PETER).encode(), [peter, peter])
    seen: dict[bytes, VerifierKey] = {}
    for number in range(2**20):  # of four bytes, two in some eighty thousand are the same
        key = VerifierKey("a", ED25519, number.to_bytes(32, "big"))
        other = seen.setdefault(key.key_id, key)
        if other != key:
            break
    assert "two of the known keys" in refused((TEXT + "\n" + BY_PETER).encode(), peter, key, other)


def test_a_note_is_signed_as_golang_signs_it() -> None:
    # The private half of PeterNeumann, from the same file.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PrivateKey,
    )

    from itil_gate.signing.ed25519 import KeySigner  # noqa: PLC0415

    seed = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
    key = Ed25519PrivateKey.from_private_bytes(seed)
    signer = KeySigner(key.public_key().public_bytes_raw(), key.sign)
    assert sign_note(TEXT, signer, name="PeterNeumann").text == BY_PETER


def test_a_cosignature_says_when() -> None:
    key = named_key("witness.example/w1", WITNESS.public, kind=COSIGNATURE)
    line = cosign_note(TEXT, WITNESS, name=key.name, time=1679315147)
    (found,) = open_note(compose_note(TEXT, [line]), [key]).verified
    assert (found.key, found.time) == (key, 1679315147)
    signed = b"cosignature/v1\ntime 1679315147\n" + TEXT.encode()
    assert line.signature == (1679315147).to_bytes(8, "big") + WITNESS.sign(signed)


def test_the_time_of_a_cosignature_is_signed() -> None:
    key = named_key("witness.example/w1", WITNESS.public, kind=COSIGNATURE)
    line = cosign_note(TEXT, WITNESS, name=key.name, time=1679315147)
    later = (1679315148).to_bytes(8, "big") + line.signature[8:]
    bent = SignatureLine(line.name, line.key_id, later)
    assert "does not hold" in refused(compose_note(TEXT, [bent]), key)
    beyond = SignatureLine(line.name, line.key_id, b"\xff" * 8 + line.signature[8:])
    assert "2^63" in refused(compose_note(TEXT, [beyond]), key)


def test_a_signature_is_no_cosignature_and_the_other_way_round() -> None:
    plain = named_key("log", CHECKPOINT.public)
    timed = named_key("log", CHECKPOINT.public, kind=COSIGNATURE)
    assert plain.key_id != timed.key_id
    assert refused(compose_note(TEXT, [sign_note(TEXT, CHECKPOINT, name="log")]), timed)
    line = cosign_note(TEXT, CHECKPOINT, name="log", time=5)
    assert refused(compose_note(TEXT, [line]), plain)


@pytest.mark.parametrize("text", ["", "abc", "a\tb\n", "a\r\n", "\x00\n", "\ud800\n"])
def test_a_text_that_no_note_can_hold_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError):
        sign_note(text, CHECKPOINT, name="log")


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b", "\udfff"])
def test_a_name_that_no_note_can_hold_is_not_signed_with(name: str) -> None:
    with pytest.raises(NoteError):
        sign_note(TEXT, CHECKPOINT, name=name)


@pytest.mark.parametrize("time", [-1, 2**63])
def test_a_time_that_no_cosignature_can_hold_is_not_signed(time: int) -> None:
    with pytest.raises(NoteError):
        cosign_note(TEXT, WITNESS, name="w", time=time)


def test_a_note_has_signatures() -> None:
    line = sign_note(TEXT, CHECKPOINT, name="log")
    for lines in ([], [line] * 101):
        with pytest.raises(NoteError):
            compose_note(TEXT, lines)


@given(st.data())
def test_no_flipped_bit_leaves_a_note_standing(data: st.DataObject) -> None:
    key = named_key("log.example", CHECKPOINT.public)
    whole = bytearray(compose_note(TEXT, [sign_note(TEXT, CHECKPOINT, name=key.name)]))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    assert refused(bytes(whole), key)


@given(st.text(st.characters(blacklist_characters="\r", blacklist_categories=["Cs", "Cc"])))
def test_every_text_comes_back_as_it_was(text: str) -> None:
    whole = text.replace("x", "\n") + "\n"
    key = named_key("log.example", CHECKPOINT.public)
    signed = compose_note(whole, [sign_note(whole, CHECKPOINT, name=key.name)])
    assert open_note(signed, [key]).text == whole
