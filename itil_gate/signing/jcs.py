"""Plain JSON values in their one spelling: the JSON Canonicalization Scheme of RFC 8785.

What the audit log signs is written and read here, thousands of times a second. Floating-point
numbers, integers that JavaScript cannot hold, keys that are no strings and nesting deeper than 64
levels are refused both ways, and so is any text that is not byte for byte its own canonical form
(a key given twice among them).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import rfc8785

MAX_DEPTH = 64
MAX_INTEGER = 2**53 - 1
"""The largest integer that every reader of JSON holds exactly (RFC 8785 section 3.2.2.3)."""
_spell = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_LAST_OF_THE_BASIC_PLANE = "\uffff"


class JcsError(ValueError):
    """The value has no canonical form, or the text is not in it."""


def encode(value: object) -> bytes:
    """Return the RFC 8785 form of mappings, sequences, strings, integers, booleans and None.

    Raises JcsError for everything else.
    """
    return _spelled(_plain(value, MAX_DEPTH))


def _spelled(plain: Any) -> bytes:
    """Return the RFC 8785 form of values that were judged."""
    text = _spell(plain)
    try:
        if text.isascii() or max(text) <= _LAST_OF_THE_BASIC_PLANE:
            return text.encode("utf-8")
        return rfc8785.dumps(plain)  # it sorts by UTF-16 units, which differ from here on
    except ValueError as error:
        raise JcsError("a text holds half of a surrogate pair, which UTF-8 cannot say") from error


def decode(data: bytes) -> Any:
    """Return the value of a text that is byte for byte its own RFC 8785 form; else JcsError."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
            parse_int=_integer,
        )
    except RecursionError as error:
        raise JcsError(f"the JSON is nested deeper than {MAX_DEPTH} levels") from error
    except JcsError:
        raise
    except ValueError as error:
        raise JcsError(f"the text is not JSON in UTF-8: {error}") from error
    # What `json` made is of its own types, and integers were judged; only depth may be left.
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH:
        value = _plain(value, MAX_DEPTH)
    if _spelled(value) != data:
        raise JcsError("the JSON is not in its RFC 8785 form, byte for byte")
    return value


def _plain(value: object, levels: int) -> Any:
    """Return the value in the types that `json` knows, all of it judged."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is int or isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:  # type: ignore[operator]
            raise JcsError("an integer lies beyond 2^53, where readers of JSON disagree")
        return value
    if levels == 0:
        raise JcsError(f"the JSON is nested deeper than {MAX_DEPTH} levels")
    if kind is dict or isinstance(value, Mapping):
        plain = {}
        for key, item in value.items():  # type: ignore[attr-defined] # a mapping
            if not isinstance(key, str):
                raise JcsError(f"a key is a {type(key).__name__}; the keys of JSON are strings")
            plain[key] = item if type(item) is str else _plain(item, levels - 1)
        return plain
    if isinstance(value, (list, tuple)):
        return [item if type(item) is str else _plain(item, levels - 1) for item in value]
    if isinstance(value, str):
        return str(value)
    raise JcsError(f"a {kind.__name__} has no canonical form here")


def _integer(text: str) -> int:
    # Longer ones are not read at all: that takes time beyond proportion.
    if len(text) > len(str(-MAX_INTEGER)) or not -MAX_INTEGER <= int(text) <= MAX_INTEGER:
        raise JcsError("an integer lies beyond 2^53, where readers of JSON disagree")
    return int(text)


def _refuse_number(text: str) -> Any:
    raise JcsError(f"{text[:40]} is not an integer; other numbers are not taken here")
