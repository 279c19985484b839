from __future__ import annotations

import re
from html import unescape
from urllib.parse import unquote_to_bytes, urljoin, urlsplit
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.hostile import texts

from itil_gate.git.paths import to_text
from itil_gate.report import escape
from itil_gate.report.links import rule_url

GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
ANY = st.one_of(texts, st.text())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 5:30 and a::b", "plain words, 5:30 and a::b"),
        ("Müller, 東京", "Müller, 東京"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\x9bb\x7f", r"a\x9bb\x7f"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\u202eabc\u2066\u2069", r"\u202eabc\u2066\u2069"),
        ("a\u200bb\u00adc\ufeff", r"a\u200bb\xadc\ufeff"),
        ("a\u2028b\x85", r"a\u2028b\x85"),
        ("a\u3164b\ufe0f\U000e0041", r"a\u3164b\ufe0f\U000e0041"),
        ("::error::x", r"\x3a:error::x"),
        ("a ::error::x", r"a \x3a:error::x"),
        ("##[group]x ##vso[y]", r"#\x23[group]x #\x23vso[y]"),
        ("## heading", "## heading"),
    ],
)
def test_what_hides_or_commands_is_shown(text: str, shown: str) -> None:
    assert escape.terminal(text) == shown


@given(ANY)
def test_shown_text_is_printable_and_stays_as_it_is(text: str) -> None:
    shown = escape.visible(text)
    assert shown.isprintable()
    assert escape.visible(shown) == shown


@given(
    st.text(
        alphabet=st.characters(categories=["L", "N"], exclude_characters="\u3164\u115f\u1160\uffa0")
    )
)
def test_letters_and_digits_are_left_alone(text: str) -> None:
    assert escape.visible(text) == text
    assert escape.markdown(text).replace("&#8203;", "") == text


@given(ANY)
def test_markdown_prose_renders_as_itself_and_nothing_else(text: str) -> None:
    tokens = GFM.parse(f"- lead {escape.markdown(text)}\n")
    assert [token.type for token in tokens] == [
        "bullet_list_open", "list_item_open", "paragraph_open", "inline", "paragraph_close",
        "list_item_close", "bullet_list_close",
    ]  # fmt: skip
    children = tokens[3].children or []
    assert {child.type for child in children} <= {"text", "text_special", "html_inline"}
    markup = [child.content for child in children if child.type == "html_inline"]
    assert set(markup) <= {"<span>", "</span>"}
    shown = "".join(child.content for child in children if child.type != "html_inline")
    assert shown.replace("\u200b", "").strip() == f"lead {escape.visible(text).strip(' ')}".strip()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("~x~", r"\~&#8203;x\~&#8203;"),
        ("$x$", "<span>$</span>&#8203;x<span>$</span>&#8203;"),
        ("5 % of 3", "5 % of 3"),
        ("1. one", r"1\. one"),
        ("2026-11-24 09:30", "2026-11-24 09:30"),
        ("a@b", "a@&#8203;b"),
    ],
)
def test_markdown_parts_what_forges_read_and_leaves_plain_words(text: str, written: str) -> None:
    assert escape.markdown(text) == written


@given(ANY)
def test_markdown_at_the_start_of_an_item_opens_no_block(text: str) -> None:
    rendered = escape.markdown(text)
    types = [token.type for token in GFM.parse(f"- {rendered}\n")]
    assert len([kind for kind in types if kind.endswith("_open")]) == (3 if rendered else 2)


@given(ANY)
def test_forges_find_nothing_to_link_in_markdown_prose(text: str) -> None:
    tokens = GFM.parse(f"- {escape.markdown(text)}\n")
    rendered = "".join(
        child.content for token in tokens for child in token.children or ()
        if child.type != "html_inline"
    )  # fmt: skip
    assert not LINKED.search(rendered)


LINKED = re.compile(
    r"@\w|#[0-9]|[!%&~^*]\w|https?://|www\.|\bGH-[0-9]|:[\w+-]+:", re.IGNORECASE | re.ASCII
)


@given(ANY)
def test_a_code_span_holds_its_text_whatever_the_text(text: str) -> None:
    shown = escape.visible(text)
    tokens = GFM.parse(f"- {escape.markdown_code(text)} end\n")
    children = tokens[3].children or []
    if not shown.strip(" "):
        assert escape.markdown_code(text) == "(empty)"
        return
    assert [child.type for child in children] == ["code_inline", "text"]
    assert children[0].content == shown


@given(ANY)
def test_backticked_words_become_code_and_nothing_else(text: str) -> None:
    tokens = GFM.parse(f"- lead {escape.markdown_prose(text)}\n")
    assert len(tokens) == 7
    kinds = {child.type for child in tokens[3].children or ()}
    assert kinds <= {"text", "text_special", "html_inline", "code_inline"}


def test_our_own_messages_keep_their_commands() -> None:
    shown = escape.markdown_prose("run `itil-gate lint --x` and `a_b`, then wait")
    assert shown == "run `itil-gate lint --x` and `a_b`, then wait"


@given(ANY)
def test_html_shows_the_text_and_opens_no_tag(text: str) -> None:
    shown = escape.html(text)
    assert not re.search("[<>\"']", shown)
    assert unescape(shown) == escape.visible(text)


@given(ANY)
def test_a_summary_opens_no_tag_and_mentions_nobody(text: str) -> None:
    shown = escape.markdown_html(text)
    assert not re.search("[<>\"']", shown)
    assert not LINKED.search(unescape(shown))
    assert unescape(shown).replace("\u200b", "") == escape.visible(text)


@given(ANY)
def test_xml_text_is_legal_in_xml(text: str) -> None:
    body = escape.xml(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert fromstring(f"<a>{body}</a>").text in {escape.xml(text), None}  # noqa: S314


@given(ANY)
def test_a_workflow_property_ends_where_it_should_and_decodes_to_itself(text: str) -> None:
    shown = escape.workflow_property(text)
    assert not re.search("[\r\n:,]", shown)
    decoded = shown
    for code, sign in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        decoded = decoded.replace(code, sign)
    assert decoded == text


@given(ANY)
def test_workflow_data_stays_on_its_line(text: str) -> None:
    assert not re.search("[\r\n]", escape.workflow_data(text))


@given(ANY)
def test_a_sarif_uri_stays_below_the_root(text: str) -> None:
    uri = escape.sarif_uri(text)
    if uri is None:
        return
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", uri)
    assert urljoin("file:///srv/repo/", uri).startswith("file:///srv/repo/")


@given(st.binary(min_size=1))
def test_a_sarif_uri_names_the_very_bytes_of_the_path(path: bytes) -> None:
    uri = escape.sarif_uri(to_text(path))
    if uri is None:
        assert b"\0" in path or {b"", b".", b".."} & set(path.split(b"/"))
    else:
        assert unquote_to_bytes(uri) == path


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "//evil.example/x", "../x", "a/../../x", "a//b", "./x", "a\0b", r"a\b"],
)
def test_what_is_no_path_of_the_repository_gets_no_uri(path: str) -> None:
    assert escape.sarif_uri(path) is None


def test_a_colon_forges_no_scheme() -> None:
    assert escape.sarif_uri("javascript:alert(1)") == "javascript%3Aalert%281%29"


@given(ANY)
def test_a_sarif_message_has_no_link_and_no_placeholder(text: str) -> None:
    shown = escape.sarif_message(text)
    assert "](" not in shown
    assert not re.search(r"(?<!\{)\{[0-9]+\}(?!\})", shown)


def test_clipped_text_says_how_much_is_left_out() -> None:
    assert escape.clip("abcdef", 4) == "abcd … (2 more characters)"
    assert escape.clip("abcd", 4) == "abcd"


@given(ANY)
def test_a_rule_url_stays_among_the_rule_pages(rule: str) -> None:
    url = urlsplit(rule_url(rule))
    assert (url.scheme, url.netloc, url.query, url.fragment) == ("https", "itil-gate.dev", "", "")
    assert "/" not in url.path.removeprefix("/rules/")
    assert not re.fullmatch(r"/rules/\.+", url.path)


def test_a_rule_url_is_plain_for_a_plain_rule() -> None:
    assert rule_url("in-freeze") == "https://itil-gate.dev/rules/in-freeze"
