"""Receipts: one spelling, what they prove, and consistency between checkpoints."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.log import CHECKPOINT, KEYS, ORIGIN, WITNESS, append, event, log_of

from itil_gate.log.checkpoint import (
    Checkpoint,
    cosign_checkpoint,
    open_checkpoint,
    sign_checkpoint,
)
from itil_gate.log.entry import Leaf, entry_path
from itil_gate.log.proof import HEADER, Proof, consistency, parse, prove, verify, verify_entry
from itil_gate.log.tiles import TileReader, grow, read_leaf
from itil_gate.model.errors import LogError
from itil_gate.model.frozen import replace
from itil_gate.signing.note import COSIGNATURE, named_key

FILES = log_of(300)
OPENED = open_checkpoint(FILES["checkpoint"], KEYS, origin=ORIGIN)
NODES = TileReader(300, FILES.get)


def receipt(index: int) -> Proof:
    leaf = read_leaf(index, size=300, read=FILES.get)
    note = FILES["checkpoint"]
    return prove(index, leaf=leaf, note=note, checkpoint=OPENED.checkpoint, nodes=NODES)


def refusal(proof: Proof, entry: bytes) -> str:
    with pytest.raises(LogError) as caught:
        verify_entry(proof, KEYS, origin=ORIGIN, entry=entry)
    return caught.value.code


def test_a_receipt_has_the_form_of_the_specification() -> None:
    proof = receipt(299)
    lines = proof.data.decode().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert base64.b64decode(lines[1].removeprefix("extra ")) == proof.extra
    assert lines[2] == "index 299"
    assert [base64.b64decode(line) for line in lines[3 : lines.index("")]] == [*proof.path]
    assert proof.data.endswith(b"\n\n" + FILES["checkpoint"])
    assert parse(proof.data) == proof


@pytest.mark.parametrize("index", [0, 1, 255, 256, 298, 299])
def test_a_receipt_and_a_file_are_all_there_is_to_keep(index: int) -> None:
    entry = FILES[entry_path(index)]
    leaf, opened = verify_entry(parse(receipt(index).data), KEYS, origin=ORIGIN, entry=entry)
    assert leaf == Leaf("outcome", leaf.sha256)
    assert opened == OPENED


def test_a_receipt_is_about_one_entry() -> None:
    proof, entry, other = receipt(7), FILES[entry_path(7)], FILES[entry_path(8)]
    assert refusal(proof, other) == "proof-broken"
    assert refusal(replace(proof, extra=receipt(8).extra), other) == "proof-broken"
    assert refusal(replace(proof, index=8), entry) == "proof-broken"
    assert refusal(replace(proof, extra=None), entry) == "proof-broken"
    assert refusal(replace(proof, extra=b"{}"), entry) == "leaf-malformed"
    assert refusal(replace(proof, path=proof.path[1:]), entry) == "proof-broken"


def test_a_receipt_of_a_log_without_its_key_is_refused() -> None:
    with pytest.raises(LogError) as caught:
        verify_entry(receipt(7), [], origin=ORIGIN, entry=FILES[entry_path(7)])
    assert caught.value.code == "checkpoint-unsigned"


def test_a_leaf_can_be_proved_without_its_entry() -> None:
    leaf = read_leaf(9, size=300, read=FILES.get)
    assert verify(replace(receipt(9), extra=None), KEYS, origin=ORIGIN, leaf=leaf) == OPENED


def test_witnesses_stand_in_a_receipt() -> None:
    key = named_key("w1", WITNESS.public, kind=COSIGNATURE)
    note = cosign_checkpoint(FILES["checkpoint"], WITNESS, name="w1", time=5)
    proof = parse(replace(receipt(3), checkpoint=note).data)
    entry = FILES[entry_path(3)]
    _, opened = verify_entry(proof, (*KEYS, key), origin=ORIGIN, entry=entry)
    assert [one.time for one in opened.cosigned] == [5]


def test_what_the_tiles_do_not_prove_is_not_handed_out() -> None:
    bent = {path: bytes([body[0] ^ 1]) + body[1:] for path, body in FILES.items()}
    files = FILES | {"tile/0/000": bent["tile/0/000"]}
    note, leaf = FILES["checkpoint"], read_leaf(3, size=300, read=FILES.get)
    for index, tiles in ((3, files), (4, FILES)):
        with pytest.raises(LogError) as caught:
            prove(
                index, leaf=leaf, note=note, checkpoint=OPENED.checkpoint,
                nodes=TileReader(300, tiles.get),
            )  # fmt: skip
        assert caught.value.code == "log-damaged"


@pytest.mark.parametrize("index", [-1, 300])
def test_what_is_not_in_the_log_is_not_proved(index: int) -> None:
    with pytest.raises(LogError) as caught:
        prove(index, leaf=b"", note=b"", checkpoint=OPENED.checkpoint, nodes=NODES)
    assert caught.value.code == "no-such-entry"


GOOD = receipt(7).data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD.replace(b"@v1", b"@v2"),
        b"\n" + GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.replace(b"\n\n", b"\n"),
        GOOD.replace(b"index 7", b"index 07"),
        GOOD.replace(b"index 7", b"index -7"),
        GOOD.replace(b"index 7", b"index  7"),
        GOOD.replace(b"index 7", b"index 7 "),
        GOOD.replace(b"index 7\n", b""),
        GOOD.replace(b"index 7", b"index " + b"9" * 5000),
        GOOD.replace(b"extra ", b"extra  "),
        GOOD.replace(b"extra ", b"extra ="),
        GOOD.replace(b"index 7\n", b"index 7\nAAAA\n"),
        GOOD.replace(b"index 7\n", b"index 7\n" + b"A" * 43 + b"=\n" * 1),
        GOOD.replace(b"index 7\n", b"index 7\n" + (b"A" * 43 + b"=\n") * 64),
        GOOD.replace(b"index 7\n", b"index 7\n\xff\n"),
        HEADER.encode() + b"\n\n",
        GOOD + b"a" * 2_000_000,
    ],
)
def test_other_spellings_are_refused(data: bytes) -> None:
    entry = FILES[entry_path(7)]
    with pytest.raises(LogError) as caught:
        verify_entry(parse(data), KEYS, origin=ORIGIN, entry=entry)
    assert caught.value.code in {"proof-malformed", "proof-broken"}


@settings(max_examples=300)
@given(st.data())
def test_no_flipped_bit_leaves_a_receipt_standing(data: st.DataObject) -> None:
    bent = bytearray(GOOD)
    bent[data.draw(st.integers(0, len(bent) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(LogError):
        verify_entry(parse(bytes(bent)), KEYS, origin=ORIGIN, entry=FILES[entry_path(7)])


@pytest.mark.parametrize("old", [0, 1, 255, 256, 299, 300])
def test_a_log_extends_what_it_was(old: int) -> None:
    leaves = [read_leaf(index, size=300, read=FILES.get) for index in range(old)]
    before = Checkpoint(ORIGIN, old, grow(0, leaves, {}.get).root)
    assert len(consistency(before, OPENED.checkpoint, FILES.get)) <= 10


@pytest.mark.parametrize(
    "before",
    [
        Checkpoint(ORIGIN, 301, bytes(32)),
        Checkpoint(ORIGIN, 300, bytes(32)),
        Checkpoint(ORIGIN, 250, bytes(32)),
        Checkpoint(ORIGIN, 0, bytes(32)),
        replace(OPENED.checkpoint, origin="another"),
    ],
)
def test_a_log_that_is_not_what_was_remembered_is_refused(before: Checkpoint) -> None:
    with pytest.raises(LogError) as caught:
        consistency(before, OPENED.checkpoint, FILES.get)
    assert caught.value.code == "log-inconsistent"


def test_a_rewritten_log_is_inconsistent_with_what_is_remembered() -> None:
    files: dict[str, bytes] = {}
    append(files, [], opening=True)
    forged = append(files, [event(number, said="failed") for number in range(310)])
    with pytest.raises(LogError) as caught:
        consistency(OPENED.checkpoint, forged.checkpoint, files.get)
    assert caught.value.code == "log-inconsistent"


def test_tiles_of_another_tree_are_not_used() -> None:
    other = replace(OPENED.checkpoint, root=bytes(32))
    with pytest.raises(LogError) as caught:
        consistency(Checkpoint(ORIGIN, 5, bytes(32)), other, FILES.get)
    assert caught.value.code == "log-damaged"
    assert sign_checkpoint(other, CHECKPOINT)
