"""Entries: leaves, paths, event ids and what a file of an entry has to be."""

from __future__ import annotations

import hashlib
import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from support.log import RECORDER, event

from itil_gate.log.entry import (
    KINDS,
    PREDICATE_TYPES,
    Leaf,
    entry_path,
    event_id,
    ids_path,
    index_file,
    leaf,
    parse_entry,
    parse_index,
    parse_leaf,
)
from itil_gate.model.errors import LogError
from itil_gate.signing import jcs
from itil_gate.signing.dsse import IN_TOTO, compose

STATEMENT = dict(event(1).statement)


def entry(statement: object, *, payload_type: str = IN_TOTO) -> bytes:
    payload = jcs.encode(statement)
    return compose(payload, payload_type=payload_type, signers=[RECORDER]).data


@pytest.mark.parametrize("kind", KINDS)
def test_a_leaf_is_canonical_json_of_digest_and_kind(kind: str) -> None:
    made = leaf(kind, b"file")
    expected = {"sha256": hashlib.sha256(b"file").hexdigest(), "t": kind}
    assert made.data == rfc8785.dumps(expected)
    assert parse_leaf(made.data) == made
    assert PREDICATE_TYPES[kind].startswith("https://")


def test_a_leaf_has_a_known_kind() -> None:
    with pytest.raises(ValueError, match="no kind"):
        leaf("rumour", b"file")


@given(st.binary(max_size=120))
def test_any_bytes_are_a_leaf_or_refused(data: bytes) -> None:
    with pytest.raises(LogError) as caught:
        parse_leaf(data)
    assert caught.value.code == "leaf-malformed"


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"t"', b' "t"'), (b"outcome", b"Outcome"), (b"outcome", b"-outcome"), (b"outcome", b""),
     (b"aa", b"AA"), (b"aa", b"a"), (b"}", b"}\n")],
)  # fmt: skip
def test_a_leaf_has_one_spelling(old: bytes, new: bytes) -> None:
    data = Leaf("outcome", "a" * 64).data
    with pytest.raises(LogError):
        parse_leaf(data.replace(old, new, 1))


@pytest.mark.parametrize(
    ("index", "path"),
    [
        (0, "entry/000/000/000.intoto.json"),
        (187, "entry/000/000/187.intoto.json"),
        (256, "entry/000/001/000.intoto.json"),
        (65_535, "entry/000/255/255.intoto.json"),
        (65_536, "entry/001/000/000.intoto.json"),
        (65_536 * 1000, "entry/1000/000/000.intoto.json"),
    ],
)
def test_an_entry_has_its_path(index: int, path: str) -> None:
    assert entry_path(index) == path


def test_an_event_id_is_the_digest_of_canonical_json() -> None:
    named = {"repository": "r", "kind": "ref-update", "key": ["refs/heads/main", "a", "b"]}
    found = event_id("r", "ref-update", ("refs/heads/main", "a", "b"))
    assert found == hashlib.sha256(rfc8785.dumps(named)).hexdigest()  # type: ignore[arg-type]
    assert ids_path(found) == f"ids/{found[0]}/{found[1:3]}/{found}"
    others = {
        event_id("r", "ref-update", "refs/heads/main"),
        event_id("r", "ref-update", ("refs/heads/main",)),
        event_id("s", "ref-update", "refs/heads/main"),
        event_id("r", "outcome", "refs/heads/main"),
    }
    assert len({found, *others}) == 5


@pytest.mark.parametrize("text", ["", "../x", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_what_is_no_event_id_has_no_path(text: str) -> None:
    with pytest.raises(ValueError, match="64"):
        ids_path(text)


@given(st.integers(0, 2**62))
def test_an_index_comes_back(index: int) -> None:
    assert parse_index(index_file(index), path="p") == index


@pytest.mark.parametrize(
    "data", [b"", b"7", b"07\n", b"-7\n", b"7\n\n", b"7 \n", b"9" * 30 + b"\n"]
)
def test_what_is_no_index_is_refused(data: bytes) -> None:
    with pytest.raises(LogError) as caught:
        parse_index(data, path="ids/aa/x")
    assert (caught.value.code, "ids/aa/x" in caught.value.message) == ("log-damaged", True)


def test_an_entry_is_read_as_it_was_written() -> None:
    envelope, statement = parse_entry(entry(STATEMENT))
    assert statement == STATEMENT
    assert envelope.data == entry(STATEMENT)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        entry(STATEMENT) + b"\n",
        entry(STATEMENT, payload_type="text/plain"),
        entry([]),
        entry({}),
        entry(STATEMENT | {"extra": 1}),
        entry(STATEMENT | {"_type": "https://in-toto.io/Statement/v0.1"}),
        entry(STATEMENT | {"predicateType": 1}),
        entry(STATEMENT | {"predicate": []}),
        entry(STATEMENT | {"subject": []}),
        entry(STATEMENT | {"subject": {}}),
        entry(STATEMENT | {"subject": ["x"]}),
        entry(STATEMENT | {"subject": [{"name": "x"}]}),
        entry(STATEMENT | {"subject": [{"name": "x", "digest": {}}]}),
        compose(json.dumps(STATEMENT).encode(), payload_type=IN_TOTO, signers=[RECORDER]).data,
    ],
)
def test_what_is_no_statement_in_an_envelope_is_refused(data: bytes) -> None:
    with pytest.raises(LogError) as caught:
        parse_entry(data, path="entry/x")
    assert (caught.value.code, "entry/x" in caught.value.message) == ("entry-malformed", True)
