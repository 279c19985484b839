"""Paths as text: every byte string has one text and every text at most one byte string."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.git.paths import to_bytes, to_text
from itil_gate.model.errors import GateError


@given(st.binary())
def test_every_path_comes_back_from_its_text(path: bytes) -> None:
    assert to_bytes(to_text(path)) == path


@given(st.text(alphabet=st.sampled_from("\\xX0aAfFé€\n/'"), max_size=12))
def test_a_text_is_either_refused_or_the_text_of_its_path(text: str) -> None:
    try:
        path = to_bytes(text)
    except GateError as error:
        assert error.code == "path-text"  # noqa: PT017 - both ends are lawful
    else:
        assert to_text(path) == text


@given(st.binary(), st.binary())
def test_different_paths_have_different_texts(one: bytes, other: bytes) -> None:
    assert (to_text(one) == to_text(other)) == (one == other)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (b"src/caf\xc3\xa9.txt", "src/café.txt"),
        (b"caf\xe9", r"caf\xe9"),
        (rb"caf\xe9", r"caf\\xe9"),
        (b"a\\b", r"a\\b"),
        (b"new\nline", "new\nline"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),
        (b"\xf4\x90\x80\x80", r"\xf4\x90\x80\x80"),
    ],
)
def test_the_mapping_is_the_one_that_is_written_down(path: bytes, text: str) -> None:
    assert to_text(path) == text
    assert to_bytes(text) == path


@pytest.mark.parametrize(
    "text", [r"a\b", r"\x41", r"\xE9", r"\xe9" + "\\", "\\", "\ud800", r"\xc3\xa9"]
)
def test_a_second_spelling_of_a_path_is_refused(text: str) -> None:
    with pytest.raises(GateError) as caught:
        to_bytes(text)
    assert caught.value.code == "path-text"
