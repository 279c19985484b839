from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import REQUEST
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from itil_gate.model.errors import SourceError
from itil_gate.reading import events
from itil_gate.reading.events import MAX_BYTES, MAX_DEPTH, MAX_NODES
from itil_gate.reading.yaml import decode, parse, parse_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from itil_gate.reading.document import Document


class PureParser(Reader, Scanner, Parser):
    """What is left of PyYAML where libyaml is missing."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


@pytest.fixture(params=["libyaml", "pure"], autouse=True)
def _parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pure":
        monkeypatch.setattr(events, "EventParser", PureParser)


def fault(text: str) -> tuple[str, int, int]:
    with pytest.raises(SourceError) as caught:
        parse(text, file="a.yaml")
    error = caught.value
    assert error.message
    assert error.hint
    assert error.place.file == "a.yaml"
    return error.code, error.place.line, error.place.column


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("0", 0),
        ("-7", -7),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1.5", 1.5),
        ("-0.25", -0.25),
        ("1.0", 1.0),
        ("0.0", 0.0),
    ],
)
def test_a_plain_scalar_means_what_it_looks_like(text: str, value: object) -> None:
    found = parse(f"a: {text}", file="a.yaml").data["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("no", "yes", "on", "off", "y", "True", "TRUE", "False", "Null", "NULL", "None"),
        *("0123", "00", "-0", "+5", "0x1F", "0o17", "1_000", "9223372036854775808"),
        *("1.10", "1.", ".5", "1e3", "1.5e3", "0.1000", "-0.0", ".inf", ".nan", "00.5"),
        *(
            "12:30:00",
            "2026-11-22",
            "2026-11-22T10:00:00Z",
            "1.2.3",
            "24h",
            "٣",
            "=",
            "-"[:0] + "a",
        ),
        "123456789012345678901234567890123456789012",
        "0.12345678901234567890",
    ],
)
def test_every_other_plain_scalar_is_the_text_as_written(text: str) -> None:
    assert parse(f"a: {text}", file="a.yaml").data == {"a": text}


@pytest.mark.parametrize("value", ["true", "null", "~", "12", "1.5", "", "no"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_quoted_scalar_is_always_a_text(value: str, quote: str) -> None:
    assert parse(f"a: {quote}{value}{quote}", file="a.yaml").data == {"a": value}


def test_a_block_scalar_is_a_text() -> None:
    assert parse("a: |\n  12\nb: >\n  true\n", file="a.yaml").data == {"a": "12\n", "b": "true\n"}


def test_lists_become_tuples_and_mappings_dicts() -> None:
    assert parse("a: [1, {b: []}]\nc:\n- d\n-\n", file="a.yaml").data == {
        "a": (1, {"b": ()}),
        "c": ("d", None),
    }


def test_a_key_without_a_value_has_none() -> None:
    assert parse("a:\nb: {c, d: }\n", file="a.yaml").data == {
        "a": None,
        "b": {"c": None, "d": None},
    }


def test_keys_that_look_like_words_of_old_yaml_are_texts() -> None:
    assert parse("no: 1\non: 2\n2026-11-22: 3", file="a.yaml").data == {
        "no": 1,
        "on": 2,
        "2026-11-22": 3,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: !!str 1", ("yaml-tag", 1, 4)),
        ("a: ! 12", ("yaml-tag", 1, 4)),
        ("a: ! '12'", ("yaml-tag", 1, 4)),
        ("a: !x [1]", ("yaml-tag", 1, 4)),
        ("!x a: 1", ("yaml-tag", 1, 1)),
        ("a: !e!x 1", ("yaml-tag", 1, 4)),
        ("a: !<x> 1", ("yaml-tag", 1, 4)),
        ("a: !!python/object/apply:os.system [id]", ("yaml-tag", 1, 4)),
        ("a: &x 1", ("yaml-alias", 1, 4)),
        ("&x a: 1", ("yaml-alias", 1, 1)),
        ("a: &x [1]", ("yaml-alias", 1, 4)),
        ("a: &x {b: 1}", ("yaml-alias", 1, 4)),
        ("b: 1\na: *x", ("yaml-alias", 2, 4)),
        ("[*x]", ("yaml-alias", 1, 2)),
        ("*x : 1", ("yaml-alias", 1, 1)),
        ("*x", ("yaml-alias", 1, 1)),
        ("a: *.yaml", ("yaml-alias", 1, 4)),
        ("a:\n  <<: {b: 1}", ("yaml-merge", 2, 3)),
        ("a: {'<<': 1}", ("yaml-merge", 1, 5)),
        ("a: 1\nb: 2\na: 3", ("duplicate-key", 3, 1)),
        ("a: {b: 1, 'b': 2}", ("duplicate-key", 1, 11)),
        ("a: {t: 1, t: 2}", ("duplicate-key", 1, 11)),
        ("1: a", ("wrong-key", 1, 1)),
        ("true: a", ("wrong-key", 1, 1)),
        ("~: a", ("wrong-key", 1, 1)),
        ("1.5: a", ("wrong-key", 1, 1)),
        ("a: 1\n?\n: b", ("wrong-key", 2, 2)),
        ("? [a]\n: b", ("wrong-key", 1, 3)),
        ("{a: 1}: b", ("wrong-key", 1, 1)),
        ("a: 1\n---\nb: 1", ("many-documents", 2, 1)),
        ("a: 1\n...\n---\n", ("many-documents", 3, 1)),
        ("", ("empty-document", 1, 1)),
        ("# only a comment\n", ("empty-document", 1, 1)),
        ("---\n", ("empty-document", 1, 1)),
        ("# c\n---\n# d\n", ("empty-document", 2, 1)),
        ("%YAML 1.1\n---\na: 1", ("yaml-directive", 1, 1)),
        ("%YAML 9.9\n---\na: 1", ("yaml-directive", 1, 1)),
        ("%TAG ! tag:x,2026:\n---\na: 1", ("yaml-directive", 1, 1)),
        ("\ufeffa: 1", ("byte-order-mark", 1, 1)),
        ("a: 1\nb: \ufeff", ("control-character", 2, 4)),
        ("a: \x00", ("control-character", 1, 4)),
        ("a: x\x1b[31m", ("control-character", 1, 5)),
        ("a: é\x85b", ("control-character", 1, 5)),
        ("a: x\x7f", ("control-character", 1, 5)),
        ("a: é\u2028b", ("control-character", 1, 5)),
        ("a: \u202egnp.exe", ("control-character", 1, 4)),
        ("a: 1\rb: 2", ("control-character", 1, 5)),
        ('a: "\\0"', ("control-character", 1, 4)),
        ('a: "\\e[31m"', ("control-character", 1, 4)),
        ('a: {"\\u202e": 1}', ("control-character", 1, 5)),
        ("a: \ud800", ("not-utf8", 1, 4)),
        ("a: b: c", ("not-yaml", 1, 5)),
        ("a: 'b", ("not-yaml", 1, 4)),
        ("a: [1, 2\n", ("not-yaml", 1, 4)),
        ("a: {b: 1\n\n\n", ("not-yaml", 1, 4)),
        ("a: {b: c]", ("not-yaml", 1, 9)),
        ("a: @x", ("not-yaml", 1, 4)),
        ("a: `x`", ("not-yaml", 1, 4)),
        ("a:\n\t- b", ("not-yaml", 2, 1)),
        ("- a\nb: c", ("not-yaml", 2, 1)),
        ("a\nb: c", ("not-yaml", 2, 2)),
    ],
)
def test_what_is_more_than_plain_data_is_refused_at_its_place(
    text: str, expected: tuple[str, int, int]
) -> None:
    assert fault(text) == expected


@pytest.mark.parametrize("text", ['a: "\\q"', 'a: "\\ud800"', 'a: "\\x0"', 'a: "\\UFFFFFFFF"'])
def test_an_escape_that_names_nothing_is_refused(text: str) -> None:
    code, line, _ = fault(text)
    assert code in {"not-yaml", "control-character"}
    assert line == 1


def test_depth_is_limited_at_sixty_four() -> None:
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert parse(deepest, file="a.yaml").place((0,) * 63).column == 64
    assert fault("[" + deepest + "]") == ("too-deep", 1, 65)


@pytest.mark.parametrize("piece", ["[", "{a: ", "- ", "? ", "[[],", "a: [{"])
def test_fifty_kilobytes_of_nesting_give_a_fault_and_no_crash(piece: str) -> None:
    code, line, _ = fault(piece * (50_000 // len(piece)))
    assert code in {"too-deep", "wrong-key", "not-yaml"}
    assert line


def test_nodes_are_limited_at_a_hundred_thousand() -> None:
    most = "a: [" + "1," * (MAX_NODES - 3) + "]"  # the mapping, its key and the list are three
    assert len(parse(most, file="a.yaml").data["a"]) == MAX_NODES - 3
    assert fault("a: [" + "1," * (MAX_NODES - 2) + "]")[0] == "too-large"


def test_size_is_limited_at_one_mebibyte_of_utf8() -> None:
    text = "a: |\n  " + "x" * (MAX_BYTES - 7)
    assert parse(text, file="a.yaml").data["a"]
    assert fault(text + "x") == ("too-large", 1, 1)
    assert fault("a: |\n  " + "é" * (MAX_BYTES // 2)) == ("too-large", 1, 1)


def test_line_ends_of_other_systems_are_read() -> None:
    document = parse("a: 1\r\nb: |\r\n  c\r\n", file="a.yaml")
    assert document.data == {"a": 1, "b": "c\n"}
    assert document.place(("b",)).line == 2


def test_several_documents_are_read_where_they_are_meant() -> None:
    first, second = parse_all("---\na: 1\n---\nb: {c: 2}\n", file="a.yaml")
    assert (first.data, second.data) == ({"a": 1}, {"b": {"c": 2}})
    assert str(second.place(("b", "c"))) == "a.yaml:4:8"


@pytest.mark.parametrize("text", ["", "# nothing", "a: 1\n---\n", "---\n---\na: 1\n"])
def test_an_empty_document_among_several_is_refused(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_all(text, file="a.yaml")
    assert caught.value.code == "empty-document"


def test_a_document_tells_where_everything_stands() -> None:
    document = parse(REQUEST, file="r.yaml")
    assert str(document.place()) == "r.yaml:1:1"
    assert str(document.place(("spec", "scope", 1))) == "r.yaml:10:31"
    assert str(document.key_place(("spec", "plans", "backout"))) == "r.yaml:22:5"
    assert str(document.place(("spec", "plans", "backout", "owner"))) == "r.yaml:22:92"
    assert str(document.key_place(("spec", "scope", 1))) == "r.yaml:10:31"


def test_a_path_that_is_not_there_is_placed_at_what_is_nearest() -> None:
    document = parse("a:\n  b: [1]\n", file="r.yaml")
    assert document.place(("a", "b", 7, "c")) == document.place(("a", "b"))
    assert document.place(("z",)) == document.place()
    assert document.has(("a", "b", 0))
    assert not document.has(("a", "b", 1))


@pytest.mark.parametrize(
    ("data", "code", "line", "column"),
    [
        (b"a: caf\xe9", "not-utf8", 1, 7),
        ("ü: 1\nö: ".encode() + b"\xc3\x28", "not-utf8", 2, 4),
        (b"a: \xed\xa0\x80", "not-utf8", 1, 4),
        (b"\xef\xbb\xbfa: 1", "byte-order-mark", 1, 1),
        ("a: 1".encode("utf-16"), "byte-order-mark", 1, 1),
        (b" " * (MAX_BYTES + 1), "too-large", 1, 1),
    ],
)
def test_bytes_that_are_no_utf8_are_refused(data: bytes, code: str, line: int, column: int) -> None:
    with pytest.raises(SourceError) as caught:
        decode(data, file="a.yaml")
    place = caught.value.place
    assert (caught.value.code, place.line, place.column) == (code, line, column)


def test_bytes_of_utf8_are_decoded_as_they_are() -> None:
    assert decode("a: ü\r\n".encode(), file="a.yaml") == "a: ü\r\n"


PIECES = st.sampled_from(
    [*"abc123 \n\t:-,[]{}?!&*#|>'\"%@`~<\\\x00\r\x85é\u2028😀\ud800", "\n  ", ": ", "- ", "---\n",
     "...\n", "<<: ", "true", "null", "1.5", "&a ", "*a", "!!str ", "%YAML 1.1\n", '"\\x', "\\u00"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map("".join))


def placed(document: Document, data: Any, path: tuple[str | int, ...]) -> None:
    """Check that everything in a document has a place."""
    assert document.has(path)
    assert document.place(path).line >= 1
    steps = data if isinstance(data, dict) else range(len(data)) if isinstance(data, tuple) else ()
    for step in steps:
        placed(document, data[step], (*path, step))


def outcome(
    read: Callable[[], Document | tuple[Document, ...]],
) -> tuple[Document, ...] | SourceError:
    try:
        found = read()
    except SourceError as error:
        return error
    return found if isinstance(found, tuple) else (found,)


def check(found: tuple[Document, ...] | SourceError, lines: int) -> None:
    if isinstance(found, SourceError):
        assert 1 <= found.place.line <= lines
        assert found.place.column >= 1
        assert found.hint
    else:
        for document in found:
            placed(document, document.data, ())


@given(TEXTS)
def test_any_text_is_a_document_or_a_fault_with_a_place(text: str) -> None:
    lines = text.count("\n") + 1
    check(outcome(lambda: parse(text, file="f")), lines)
    check(outcome(lambda: parse_all(text, file="f")), lines)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_a_fault_with_a_place(data: bytes) -> None:
    check(outcome(lambda: parse(decode(data, file="f"), file="f")), data.count(b"\n") + 1)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.text("ab:#-'\"{[&*! 1\n", max_size=9),
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text("abc", min_size=1), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abc", min_size=1), DATA, max_size=4))
def test_json_is_read_as_json_reads_it(data: dict[str, object]) -> None:
    def listed(value: object) -> object:
        if isinstance(value, tuple):
            return [listed(item) for item in value]
        return {k: listed(v) for k, v in value.items()} if isinstance(value, dict) else value

    assert listed(parse(json.dumps(data), file="f").data) == data
