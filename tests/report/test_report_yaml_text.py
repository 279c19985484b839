"""What is written as YAML is read back as the same text, by our reader and by a stock one."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.reading.events import CONTROL
from itil_gate.reading.yaml import parse
from itil_gate.report.yaml_text import entry, flow, items, scalar, schema_line

TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Co", "Cn")), min_size=1, max_size=60
).filter(lambda text: not CONTROL.search(text) and "\r" not in text and "\u0085" not in text)


@given(TEXTS)
def test_a_text_comes_back_as_it_went(text: str) -> None:
    for written in (f"key: {scalar(text)}\n", entry("key", text, indent=0)):
        assert parse(written, file="x").data == {"key": text}
        assert yaml.safe_load(written) == {"key": text}


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_lists_come_back_as_they_went(texts: list[str]) -> None:
    assert parse(f"key: {flow(texts)}\n", file="x").data == {"key": tuple(texts)}
    assert parse(items("key", texts, indent=0), file="x").data == {"key": tuple(texts)}


@pytest.mark.parametrize("text", ["yes", "No", "1.10", "null", "2026-11-22", "0x1f", "~", "a: b"])
def test_what_some_reader_takes_for_something_else_is_quoted(text: str) -> None:
    assert scalar(text).startswith('"')


def test_plain_words_stay_plain() -> None:
    assert scalar("Raise the limit (again)") == "Raise the limit (again)"
    assert scalar("src/app.py") == "src/app.py"


def test_lines_of_a_longer_text_stay_lines() -> None:
    written = entry("reason", "First.\n\nSecond: more.", indent=2)
    assert written == "  reason: |-\n    First.\n\n    Second: more.\n"


def test_the_schema_line_names_our_schema_or_any_other() -> None:
    assert schema_line("people").endswith("/v1/people.json\n")
    assert schema_line("https://json.schemastore.org/x.json").endswith(
        "=https://json.schemastore.org/x.json\n"
    )
