"""Checkpoints: one spelling, whose key signed, and witnesses."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.log import CHECKPOINT, KEYS, ORIGIN, STRANGER, WITNESS

from itil_gate.log.checkpoint import (
    Checkpoint,
    cosign_checkpoint,
    log_key,
    open_checkpoint,
    parse_text,
    sign_checkpoint,
)
from itil_gate.log.merkle import EMPTY_ROOT
from itil_gate.model.errors import LogError
from itil_gate.signing.note import COSIGNATURE, compose_note, named_key, sign_note

ROOT = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
MADE = Checkpoint(ORIGIN, 20852163, ROOT)
SIGNED = sign_checkpoint(MADE, CHECKPOINT)
W1 = named_key("witness.example/w1", WITNESS.public, kind=COSIGNATURE)


def refusal(data: bytes, *, origin: str = ORIGIN) -> str:
    with pytest.raises(LogError) as caught:
        open_checkpoint(data, (*KEYS, W1), origin=origin)
    return caught.value.code


def test_the_text_is_that_of_the_specification() -> None:
    # C2SP tlog-checkpoint, the example above its conventions.
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    checkpoint = Checkpoint("example.com/behind-the-sofa", 20852163, ROOT)
    assert checkpoint.text == text
    assert parse_text(text) == checkpoint


def test_a_signed_checkpoint_is_opened() -> None:
    opened = open_checkpoint(SIGNED, KEYS, origin=ORIGIN)
    assert (opened.checkpoint, opened.signed, opened.cosigned) == (MADE, KEYS, ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{ORIGIN}\n",
        f"{ORIGIN}\n5\n",
        f"\n5\n{base64.b64encode(ROOT).decode()}\n",
        MADE.text.replace("20852163", "020852163"),
        MADE.text.replace("20852163", "-1"),
        MADE.text.replace("20852163", "+1"),
        MADE.text.replace("20852163", "0x10"),
        MADE.text.replace("20852163", "\u0661"),
        MADE.text.replace("20852163", str(2**63)),
        MADE.text.replace("20852163", "9" * 30),
        MADE.text.replace("2I=", "2J="),
        MADE.text.replace("2I=", "2I"),
        MADE.text.replace("CsUY", "CsUYCsUY"),
        MADE.text + "extension\n",
        MADE.text + "\n",
        MADE.text[:-1],
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(LogError) as caught:
        parse_text(text)
    assert caught.value.code == "checkpoint-malformed"


def test_an_extension_line_is_refused_although_it_is_signed() -> None:
    text = MADE.text + "extension\n"
    data = compose_note(text, [sign_note(text, CHECKPOINT, name=ORIGIN)])
    assert refusal(data) == "checkpoint-malformed"


def test_a_checkpoint_of_another_log_is_refused() -> None:
    other = Checkpoint("forge.example/org/other/audit-log", 5, ROOT)
    assert refusal(sign_checkpoint(other, CHECKPOINT)) == "checkpoint-unsigned"
    # The log's own key signs another log's text under the pinned name.
    data = compose_note(other.text, [sign_note(other.text, CHECKPOINT, name=ORIGIN)])
    assert refusal(data) == "checkpoint-origin"


def test_a_checkpoint_of_a_stranger_is_refused() -> None:
    assert refusal(sign_checkpoint(MADE, STRANGER)) == "checkpoint-unsigned"


def test_a_witness_alone_does_not_make_a_checkpoint() -> None:
    cosigned = cosign_checkpoint(sign_checkpoint(MADE, STRANGER), WITNESS, name=W1.name, time=7)
    assert refusal(cosigned) == "checkpoint-unsigned"


def test_a_witness_under_the_name_of_the_log_is_not_the_log() -> None:
    key = named_key(ORIGIN, WITNESS.public, kind=COSIGNATURE)
    stranger = sign_checkpoint(MADE, STRANGER)
    cosigned = cosign_checkpoint(stranger, WITNESS, name=ORIGIN, time=7)
    with pytest.raises(LogError) as caught:
        open_checkpoint(cosigned, (*KEYS, key), origin=ORIGIN)
    assert caught.value.code == "checkpoint-unsigned"


def test_what_is_no_note_is_no_checkpoint() -> None:
    assert refusal(b"") == refusal(MADE.text.encode()) == "checkpoint-malformed"
    assert refusal(SIGNED + b"\xff") == "checkpoint-malformed"


def test_witnesses_are_heard_behind_the_log() -> None:
    cosigned = cosign_checkpoint(SIGNED, WITNESS, name=W1.name, time=1_760_000_000)
    assert cosigned.startswith(SIGNED)
    opened = open_checkpoint(cosigned, (*KEYS, W1), origin=ORIGIN)
    assert [(one.key, one.time) for one in opened.cosigned] == [(W1, 1_760_000_000)]
    assert open_checkpoint(cosigned, KEYS, origin=ORIGIN).cosigned == ()


def test_a_later_cosignature_replaces_the_earlier_one() -> None:
    first = cosign_checkpoint(SIGNED, WITNESS, name=W1.name, time=1)
    other = cosign_checkpoint(first, STRANGER, name="w2", time=2)
    again = cosign_checkpoint(other, WITNESS, name=W1.name, time=3)
    opened = open_checkpoint(again, (*KEYS, W1), origin=ORIGIN)
    assert [one.time for one in opened.cosigned] == [3]
    assert [line.name for line in opened.note.lines] == [ORIGIN, "w2", W1.name]


def test_what_is_no_checkpoint_is_not_cosigned() -> None:
    note = compose_note("a text\n", [sign_note("a text\n", CHECKPOINT, name=ORIGIN)])
    for data in (b"", note, MADE.text.encode()):
        with pytest.raises(LogError) as caught:
            cosign_checkpoint(data, WITNESS, name=W1.name, time=1)
        assert caught.value.code == "checkpoint-malformed"
    with pytest.raises(LogError):
        cosign_checkpoint(SIGNED, WITNESS, name="a b", time=1)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "cosignature/v1"])
def test_a_log_that_cannot_be_named_in_a_note_is_not_signed(origin: str) -> None:
    with pytest.raises(LogError) as caught:
        sign_checkpoint(Checkpoint(origin, 0, EMPTY_ROOT), CHECKPOINT)
    assert caught.value.code == "log-key"


def test_a_weak_key_is_no_log_key() -> None:
    with pytest.raises(LogError):
        log_key(ORIGIN, bytes(32))


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_every_checkpoint_comes_back(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(ORIGIN, size, root)
    assert parse_text(checkpoint.text) == checkpoint


@given(st.data())
def test_no_flipped_bit_leaves_a_checkpoint_standing(data: st.DataObject) -> None:
    bent = bytearray(SIGNED)
    bent[data.draw(st.integers(0, len(bent) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert refusal(bytes(bent)).startswith("checkpoint-")
