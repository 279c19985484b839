r"""Paths between git's bytes and our text, one to one.

UTF-8 stays as it is; a backslash is doubled; any other byte becomes `\xNN` in lower case.
Text that no path maps to is refused, so that two spellings never name one file.
"""

from __future__ import annotations

import re

from itil_gate.model.errors import GateError

_ESCAPE = re.compile(rb"\\(?:\\|x([0-9a-f]{2})|)")


def to_text(path: bytes) -> str:
    """Return the text for a path as git stores it."""
    return path.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def to_bytes(text: str) -> bytes:
    r"""Return the path that `to_text` maps to `text`.

    Raises GateError `path-text` when there is none, as for `\q` or `\x41` (which is `A`).
    """
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise GateError(
            "path-text", f"{text!r} is not a path: it holds half a character"
        ) from error
    if b"\\" not in raw:
        return raw
    path = _ESCAPE.sub(_unescape, raw)
    if to_text(path) != text:
        raise GateError(
            "path-text",
            f"{text!r} is not how a path is written here",
            hint=r"double each backslash; write only bytes that are not UTF-8 as \xNN",
        )
    return path


def _unescape(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 16)]) if found[1] else b"\\"
