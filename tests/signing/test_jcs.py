"""Canonical JSON: held against an independent implementation, and strict when read."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.signing.jcs import MAX_INTEGER, JcsError, decode, encode

TEXTS = st.text(st.characters(blacklist_categories=["Cs"]))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


@given(VALUES)
def test_the_form_is_that_of_another_implementation(value: Any) -> None:
    assert encode(value) == rfc8785.dumps(value)
    assert decode(encode(value)) == value


def test_keys_are_sorted_by_utf_16() -> None:
    value = {"\ufb33": 1, "\U0001f600": 2, "\u20ac": 3}
    assert encode(value) == '{"\u20ac":3,"\U0001f600":2,"\ufb33":1}'.encode()


def test_mappings_and_tuples_are_taken() -> None:
    assert encode(MappingProxyType({"b": (1, 2), "a": {}})) == b'{"a":{},"b":[1,2]}'


def nested(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [1.0, math.nan, MAX_INTEGER + 1, -MAX_INTEGER - 1, {1: 2}, {None: 1}, b"x", {1, 2}, "\ud800",
     {"\udfff": 1}, nested(66), object()],
)  # fmt: skip
def test_what_has_no_form_is_refused(value: Any) -> None:
    with pytest.raises(JcsError):
        encode(value)


@pytest.mark.parametrize(
    "data",
    [b"", b" 1", b"1.0", b"1e2", b"-0", b"NaN", b"Infinity", b'{"a":1,"a":1}', b'{"b":1,"a":2}',
     b'"\\u0061"', b'"\\/"', b"\xff", b'"\xed\xa0\x80"', b'"\\ud800"', b"[" * 200_000,
     b"\xef\xbb\xbf1", b"9" * 5000, b"9007199254740992", b"[1, 2]", b"[1]\n", b'"\t"'],
)  # fmt: skip
def test_what_is_not_in_its_form_is_refused(data: bytes) -> None:
    with pytest.raises(JcsError):
        decode(data)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_value_in_its_form_or_refused(data: bytes) -> None:
    try:
        value = decode(data)
    except JcsError:
        return
    assert encode(value) == data
