"""The wire reader takes each value in its one proper form and announces everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.signing.wire import (
    MAX_BYTES,
    MAX_NUMBER_BYTES,
    Reader,
    WireError,
    mpint_body,
    string,
)

# RFC 4251 section 5 gives the first three as examples of mpint.
NUMBERS = {
    "00000000": 0,
    "0000000809a378f9b2e332a7": 0x9A378F9B2E332A7,
    "000000020080": 0x80,
    "000000017f": 0x7F,
}


@pytest.mark.parametrize("encoded", NUMBERS)
def test_numbers_of_the_rfc_are_read(encoded: str) -> None:
    assert Reader(bytes.fromhex(encoded)).mpint() == NUMBERS[encoded]


@pytest.mark.parametrize(
    "encoded",
    [
        "00000002edcc",  # -1234 in the RFC
        "00000005ff21524111",  # -deadbeef in the RFC
        "0000000100",  # zero has no bytes
        "00000002007f",  # the zero in front is not needed
        "00000001",  # nothing behind the length
        "00000803" + "01" * 0x803,  # longer than any RSA modulus
    ],
)
def test_a_number_in_any_other_form_is_refused(encoded: str) -> None:
    with pytest.raises(WireError):
        Reader(bytes.fromhex(encoded)).mpint()


@given(st.integers(min_value=0, max_value=2**600))
def test_every_number_reads_back_as_it_was_written(number: int) -> None:
    reader = Reader(string(mpint_body(number)))
    assert reader.mpint() == number
    reader.end("the number")


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_strings_follow_one_another(first: bytes, second: bytes) -> None:
    reader = Reader(string(first) + string(second))
    assert (reader.string(), reader.string()) == (first, second)
    reader.end("two strings")


def test_a_length_beyond_the_data_is_refused_before_anything_is_taken() -> None:
    with pytest.raises(WireError, match="4294967295 bytes are announced and 1 are left"):
        Reader(b"\xff\xff\xff\xffa").string()


def test_bytes_left_over_are_refused() -> None:
    reader = Reader(b"\x07\x00")
    assert reader.byte() == 7
    with pytest.raises(WireError, match="1 bytes are left over after the test"):
        reader.end("the test")


def test_a_blob_that_is_too_long_is_not_looked_at() -> None:
    Reader(bytes(MAX_BYTES))
    with pytest.raises(WireError):
        Reader(bytes(MAX_BYTES + 1))


@pytest.mark.parametrize("body", ["ff", "80", "edcc", "ff" * 9])
def test_a_negative_number_is_named_as_one(body: str) -> None:
    with pytest.raises(WireError, match="negative"):
        Reader(string(bytes.fromhex(body))).mpint()


def test_the_longest_number_is_that_of_the_largest_rsa_key() -> None:
    largest = 2 ** (8 * MAX_NUMBER_BYTES) - 1
    assert largest.bit_length() == 16_384
    assert Reader(string(mpint_body(largest))).mpint() == largest
    with pytest.raises(WireError, match="longer than 2048"):
        Reader(string(mpint_body(largest + 1))).mpint()


def test_values_are_taken_up_to_the_very_last_byte() -> None:
    reader = Reader(b"\x00\x00\x01\x02" + string(b"abc"))
    assert (reader.uint32(), reader.string()) == (258, b"abc")
    reader.end("all of it")
    assert reader.raw(0) == b""
    with pytest.raises(WireError, match="1 bytes are announced and 0 are left"):
        reader.byte()


@pytest.mark.parametrize("name", [b"n" * 64, b"n", b"!", b"~"])
def test_a_name_may_be_of_any_printable_characters(name: bytes) -> None:
    assert Reader(string(name)).name() == name.decode("ascii")


@pytest.mark.parametrize(
    "name", [b"", b"git\0", b"with space", b"git\x7f", "ä".encode(), b"n" * 65]
)
def test_the_name_of_an_algorithm_is_printable_ascii(name: bytes) -> None:
    with pytest.raises(WireError):
        Reader(string(name)).name()
