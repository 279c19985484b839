"""The examples of the gate's rules against the page that shows them; `tests/cases` plays them."""

from __future__ import annotations

import re
from pathlib import Path

from itil_gate.decide.examples import GATE_EXAMPLES
from itil_gate.reading.yaml import parse

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "rules.md"
SHOWN = re.compile(
    r"^### (?P<name>\S+)\n(?:(?!###).*\n)*?"
    r"With the fault:\n\n(?P<bad>(?:(?!Mended:).*\n)+)"
    r"\nMended:\n\n(?P<good>(?:(?!##).*\n)+)",
    re.MULTILINE,
)


def shown(text: str, *, played: bool) -> str:
    """Return how the page shows an example: what is played as YAML, the rest as prose."""
    if played:
        return f"```yaml\n{text.strip()}\n```"
    return "\n".join(f"> {line}" for line in text.splitlines())


def test_the_page_shows_the_examples_as_they_are_played() -> None:
    chapter = PAGE.read_text("utf-8").partition("\n## The merge gate\n")[2].partition("\n## ")[0]
    pages = {
        one["name"]: (one["bad"].strip(), one["good"].strip())
        for one in SHOWN.finditer(f"{chapter}\n")
    }
    assert pages == {
        name: (shown(one.bad, played=one.played), shown(one.good, played=one.played))
        for name, one in GATE_EXAMPLES.items()
    }


def test_what_is_played_is_two_situations_and_the_rest_is_prose() -> None:
    for name, example in GATE_EXAMPLES.items():
        if example.played:
            bad, good = (parse(text, file=name).data for text in (example.bad, example.good))
            assert isinstance(bad, dict), name
            assert isinstance(good, dict), name
            assert bad != good, name
        else:
            assert all(text.endswith(".") for text in (example.bad, example.good)), name
