"""The Merkle tree: vectors of Certificate Transparency, and the laws of proofs."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.log.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

if TYPE_CHECKING:
    from itil_gate.log.merkle import Node

# The tree that the implementations of RFC 6962 share as their test: eight leaves and its roots.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# A log in public use, Google's Argon 2020, as golang.org/x/mod keeps it in sumdb/tlog/testdata.
ARGON = json.loads((Path(__file__).parent / "argon2020.json").read_text())
BIT = st.tuples(st.integers(0, 31), st.integers(0, 7))


def hashes(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def over(leaves: list[bytes]) -> Node:
    """Compute nodes from all leaves: another way than tiles."""
    return lambda level, index: root(leaves[index << level : (index + 1) << level])


def flipped(value: bytes, bit: tuple[int, int]) -> bytes:
    changed = bytearray(value)
    changed[bit[0]] ^= 1 << bit[1]
    return bytes(changed)


def b64(*texts: str) -> tuple[bytes, ...]:
    return tuple(base64.b64decode(text) for text in texts)


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_shared_vectors(size: int) -> None:
    leaves = [leaf_hash(leaf) for leaf in LEAVES[:size]]
    assert root(leaves).hex() == tree_root(size, over(leaves)).hex() == ROOTS[size]


def test_the_examples_of_the_specification_are_proved_as_drawn() -> None:
    # RFC 6962 section 2.1.3: seven leaves, d0 to d6.
    leaves = hashes(7)
    a, b, c, d, e, f, j = leaves
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, l = node_hash(g, h), node_hash(i, j)  # noqa: E741 - the names of the RFC
    node = over(leaves)
    assert tree_root(7, node) == node_hash(k, l)
    assert inclusion_proof(0, size=7, node=node) == (b, h, l)
    assert inclusion_proof(3, size=7, node=node) == (c, g, l)
    assert inclusion_proof(4, size=7, node=node) == (f, j, k)
    assert inclusion_proof(6, size=7, node=node) == (i, k)
    assert consistency_proof(3, size=7, node=node) == (c, d, g, l)
    assert consistency_proof(4, size=7, node=node) == (l,)
    assert consistency_proof(6, size=7, node=node) == (i, j, k)


def test_proofs_of_a_public_log_hold() -> None:
    size, (top, old_root, leaf) = (
        ARGON["size"],
        b64(ARGON["root"], ARGON["oldRoot"], ARGON["leafHash"]),
    )
    inclusion, consistency = b64(*ARGON["inclusion"]), b64(*ARGON["consistency"])
    index, old = ARGON["index"], ARGON["oldSize"]
    assert verify_inclusion(leaf, index=index, size=size, proof=inclusion, root=top)
    assert not verify_inclusion(leaf, index=index + 1, size=size, proof=inclusion, root=top)
    assert verify_consistency(old, size, old_root=old_root, root=top, proof=consistency)
    for bent in ((old - 1, size), (old + 1, size)):
        assert not verify_consistency(*bent, old_root=old_root, root=top, proof=consistency)
    other = consistency[:-1]
    assert not verify_consistency(old, size, old_root=old_root, root=top, proof=other)


@pytest.mark.parametrize("size", range(1, 34))
def test_every_leaf_of_small_trees_is_proved_and_at_no_other_place(size: int) -> None:
    leaves = hashes(size)
    node, top = over(leaves), root(leaves)
    for index, leaf in enumerate(leaves):
        proof = inclusion_proof(index, size=size, node=node)
        places = [
            other
            for other in range(-1, size + 1)
            if verify_inclusion(leaf, index=other, size=size, proof=proof, root=top)
        ]
        assert places == [index]


@pytest.mark.parametrize("size", range(34))
def test_every_small_tree_extends_every_smaller_one(size: int) -> None:
    leaves = hashes(size)
    node, top = over(leaves), root(leaves)
    for old in range(size + 1):
        proof = consistency_proof(old, size=size, node=node)
        before = root(leaves[:old])
        assert verify_consistency(old, size, old_root=before, root=top, proof=proof)
        for other in {*range(size + 1)} - {old}:
            claimed = root(leaves[:other])
            assert not verify_consistency(old, size, old_root=claimed, root=top, proof=proof)


@given(st.data())
def test_no_other_proof_leaf_index_size_or_root_shows_inclusion(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 600))
    index = data.draw(st.integers(0, size - 1))
    leaves = hashes(size)
    top, leaf = root(leaves), leaves[index]
    proof = inclusion_proof(index, size=size, node=over(leaves))

    def holds(**changes: object) -> bool:
        given = {"index": index, "size": size, "proof": proof, "root": top}
        return verify_inclusion(leaf, **{**given, **changes})  # type: ignore[arg-type]

    assert holds()
    bit = data.draw(BIT)
    assert not holds(root=flipped(top, bit))
    assert not verify_inclusion(flipped(leaf, bit), index=index, size=size, proof=proof, root=top)
    assert not holds(index=data.draw(st.integers(-2, size + 2).filter(lambda n: n != index)))
    assert not holds(proof=(*proof, leaf))
    for at, step in enumerate(proof):
        assert not holds(proof=(*proof[:at], flipped(step, bit), *proof[at + 1 :]))
        assert not holds(proof=(*proof[:at], *proof[at + 1 :]))
        assert not holds(proof=(*proof[:at], step[:-1], *proof[at + 1 :]))


@given(st.data())
def test_no_other_proof_or_root_shows_consistency(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 600))
    old = data.draw(st.integers(0, size))
    leaves = hashes(size)
    before, top = root(leaves[:old]), root(leaves)
    proof = consistency_proof(old, size=size, node=over(leaves))

    def holds(**changes: object) -> bool:
        given = {"old_root": before, "root": top, "proof": proof}
        return verify_consistency(old, size, **{**given, **changes})  # type: ignore[arg-type]

    assert holds()
    bit = data.draw(BIT)
    assert not holds(old_root=flipped(before, bit))
    assert holds(root=flipped(top, bit)) == (old == 0)
    assert not holds(proof=(*proof, top))
    for at, step in enumerate(proof):
        assert not holds(proof=(*proof[:at], flipped(step, bit), *proof[at + 1 :]))
        assert not holds(proof=(*proof[:at], *proof[at + 1 :]))
    assert not verify_consistency(size + 1, size, old_root=before, root=top, proof=proof)


def test_a_proof_of_more_levels_than_the_tree_has_shows_nothing() -> None:
    leaf, other = hashes(2)
    top = node_hash(other, leaf)
    assert verify_inclusion(leaf, index=1, size=2, proof=[other], root=top)
    assert not verify_inclusion(leaf, index=0, size=1, proof=[other], root=top)


def test_a_proof_of_fewer_levels_than_the_tree_has_shows_nothing() -> None:
    leaves = hashes(7)
    before, top = root(leaves[:4]), root(leaves)
    proof = consistency_proof(4, size=7, node=over(leaves))
    assert verify_consistency(4, 7, old_root=before, root=top, proof=proof)
    for size in (9, 16, 1000):
        assert not verify_consistency(4, size, old_root=before, root=top, proof=proof)


@given(st.integers(0, 400), st.integers(0, 400), st.data())
def test_a_forked_tree_is_not_consistent(old: int, more: int, data: st.DataObject) -> None:
    size = max(1, old) + more
    old = max(1, old)
    leaves = hashes(size)
    fork = list(leaves)
    fork[data.draw(st.integers(0, old - 1))] = leaf_hash(b"another")
    proof = consistency_proof(old, size=size, node=over(fork))
    before, top = root(leaves[:old]), root(fork)
    assert not verify_consistency(old, size, old_root=before, root=top, proof=proof)


@given(
    st.integers(-5, 2**63),
    st.integers(-5, 2**63),
    st.lists(st.binary(min_size=31, max_size=33), max_size=70),
)
def test_any_numbers_and_bytes_end_in_an_answer(one: int, two: int, proof: list[bytes]) -> None:
    empty = bytes(32)
    assert not verify_inclusion(empty, index=one, size=two, proof=proof, root=empty)
    found = verify_consistency(one, two, old_root=empty, root=empty, proof=proof)
    assert found == (one == two >= 0 and not proof)


def test_the_empty_tree_proves_nothing() -> None:
    assert tree_root(0, over([])) == EMPTY_ROOT == root([])
    with pytest.raises(ValueError, match="no leaf 0"):
        inclusion_proof(0, size=0, node=over([]))
    with pytest.raises(ValueError, match="does not extend"):
        consistency_proof(2, size=1, node=over(hashes(1)))
    assert not verify_consistency(0, 5, old_root=bytes(32), root=bytes(32), proof=())
