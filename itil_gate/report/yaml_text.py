"""Write YAML that people go on editing: plain where it can be, quoted where it must be.

What is written here reads back as the same text, by our reader and by any other: words such as
`no` and `1.10`, which some readers take for something else, are quoted.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@+()-]*(?: [A-Za-z0-9_./@+()-]+)*", re.ASCII)
_WORDS = frozenset("true false null yes no on off y n".split())  # noqa: SIM905 - reads better
_BLOCK = re.compile(r"\S(?:[^\r\n]*\S)?(?:\n+\S(?:[^\r\n]*\S)?)*")
BASE = "https://itil-gate.dev/schemas/v1/"


def schema_line(name: str) -> str:
    """Return the first line by which editors find the schema of a file.

    `name` is the name of a schema of ours, such as `config`, or a whole address.
    """
    address = name if "://" in name else f"{BASE}{name}.json"
    return f"# yaml-language-server: $schema={address}\n"


def scalar(text: str) -> str:
    """Return a text as a YAML scalar on one line."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)


def flow(items: Iterable[str]) -> str:
    """Return a list of texts on one line."""
    return f"[{', '.join(scalar(item) for item in items)}]"


def entry(key: str, text: str, *, indent: int) -> str:
    """Return a key and its text, ending with a newline; lines of a longer text stay lines."""
    pad = " " * indent
    if "\n" not in text or not _BLOCK.fullmatch(text):
        return f"{pad}{key}: {scalar(text)}\n"
    lines = (f"{pad}  {line}" if line else "" for line in text.split("\n"))
    return f"{pad}{key}: |-\n" + "\n".join(lines) + "\n"


def items(key: str, texts: Iterable[str], *, indent: int) -> str:
    """Return a key and a list, one item a line."""
    pad = " " * indent
    return f"{pad}{key}:\n" + "".join(f"{pad}  - {scalar(text)}\n" for text in texts)
