"""The one YAML reader: a strict, small YAML whose values mean what they look like.

`true` and `false` are switches; `null`, `~` and nothing are None; whole numbers and decimals are
numbers where they come back exactly as written. Everything else is the text that stands there:
`no`, `0123`, `1.10`, `12:30:00` and `2026-11-22` are texts. It refuses directives, tags, anchors,
aliases, merge keys, duplicate keys, keys that are not texts, and whatever is too large or deep.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from yaml.events import (
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from itil_gate.reading.complaints import explain
from itil_gate.reading.document import Document, Marks
from itil_gate.reading.events import (
    MAX_BYTES,
    MAX_DEPTH,
    PARSER_ERRORS,
    Fault,
    Spot,
    anchored,
    byte_order_mark,
    next_document,
    open_events,
    spot,
    too_large,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from yaml.events import Event

_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}
_AFTER_DIGITS = ":"
"""The character after 9: what sorts before it is empty or may be a number, by its first sign."""
_WRONG_KEYS = frozenset([*_WORDS, "<<"])
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,16})\.[0-9]{1,17}", re.ASCII)
_INT64 = 1 << 63


def decode(data: bytes, *, file: str) -> str:
    """Return the text of a file's bytes; SourceError if they are not UTF-8 or over 1 MiB."""
    try:
        if len(data) > MAX_BYTES:
            raise too_large()
        if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
            raise byte_order_mark()
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            good = data[: error.start].decode("utf-8")
            raise Fault(
                "not-utf8",
                f"the byte 0x{data[error.start]:02X} is not UTF-8",
                spot(good, len(good)),
                "save the file as UTF-8",
            ) from error
    except Fault as fault:
        raise fault.located(file) from fault


def parse(text: str, *, file: str) -> Document:
    """Return the one document of a text, or raise SourceError with the place of the fault."""
    try:
        get = open_events(text)
        start = next_document(get)
        if start is None:
            raise _empty(Spot(0, 0))
        data = _root(get, start)
        if (more := next_document(get)) is not None:
            raise _second(more)
    except Fault as fault:
        raise fault.located(file) from fault
    except PARSER_ERRORS as error:
        raise explain(error, text).located(file) from error
    return Document(data, file, Marks(text))


def parse_all(text: str, *, file: str) -> tuple[Document, ...]:
    """Return the documents of a text, at least one, or raise SourceError as `parse` does."""
    found = []
    try:
        get = open_events(text)
        while (start := next_document(get)) is not None:
            found.append(_root(get, start))
        if not found:
            raise _empty(Spot(0, 0))
    except Fault as fault:
        raise fault.located(file) from fault
    except PARSER_ERRORS as error:
        raise explain(error, text).located(file) from error
    marks = Marks(text)
    return tuple(Document(data, file, marks, index) for index, data in enumerate(found))


def plain(text: str) -> bool | int | float | str | None:
    """Return what an unquoted scalar means."""
    if text in _WORDS:
        return _WORDS[text]  # type: ignore[no-any-return]
    if _INTEGER.fullmatch(text):
        number = int(text)
        return number if -_INT64 <= number < _INT64 else text
    if _DECIMAL.fullmatch(text) and repr(float(text)) == text != "-0.0":
        return float(text)
    return text


def _second(event: Event) -> Fault:
    return Fault(
        "many-documents",
        "the file has a second document",
        event,
        "keep one document in each file, and remove --- and what follows",
    )


def _empty(where: Event | Spot) -> Fault:
    return Fault(
        "empty-document", "there is no document here", where, "write one, or remove the file or ---"
    )


def _root(get: Callable[[], Event | None], start: Event) -> Any:
    event = get()
    if type(event) is ScalarEvent:
        if not event.value and not event.style:
            raise _empty(start)
        return event.value if event.style else plain(event.value)
    return _collection(get, event, 1)


# The functions below run for every node of every file; they are written for speed: exact types
# instead of isinstance, the scalar case inline, no objects beside the data.
def _collection(get: Callable[[], Any], event: Any, depth: int) -> Any:
    """Return the list or mapping that begins with an event."""
    kind = type(event)
    if depth > MAX_DEPTH and kind in (SequenceStartEvent, MappingStartEvent):
        raise Fault(
            "too-deep",
            f"lists and mappings are nested more than {MAX_DEPTH} deep",
            event,
            "flatten the data",
        )
    if kind is MappingStartEvent:
        return _mapping(get, depth + 1)
    if kind is SequenceStartEvent:
        return _list(get, depth + 1)
    raise anchored(event)


def _mapping(get: Callable[[], Any], depth: int) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    while True:
        event = get()
        if event.__class__ is not ScalarEvent:
            if event.__class__ is MappingEndEvent:
                return mapping
            raise _wrong_key(event)
        key = event.value
        if key < _AFTER_DIGITS or key in _WRONG_KEYS or key in mapping:
            _check_key(mapping, event)
        event = get()
        if event.__class__ is ScalarEvent:
            value = event.value
            is_text = event.style or (value >= _AFTER_DIGITS and value not in _WORDS)
            mapping[key] = value if is_text else plain(value)
        else:
            mapping[key] = _collection(get, event, depth)


def _list(get: Callable[[], Any], depth: int) -> tuple[Any, ...]:
    items: list[Any] = []
    while True:
        event = get()
        if event.__class__ is ScalarEvent:
            value = event.value
            is_text = event.style or (value >= _AFTER_DIGITS and value not in _WORDS)
            items.append(value if is_text else plain(value))
        elif event.__class__ is SequenceEndEvent:
            return tuple(items)
        else:
            items.append(_collection(get, event, depth))


def _check_key(mapping: dict[str, Any], event: ScalarEvent) -> None:
    key = event.value
    if key == "<<":
        raise Fault("yaml-merge", "<< is a merge key", event, "write the keys out where meant")
    if not event.style and not isinstance(plain(key), str):
        raise _wrong_key(event)
    if key in mapping:
        raise Fault(
            "duplicate-key",
            f'the key "{key[:60]}" is given twice in one mapping',
            event,
            "keep one of them",
        )


def _wrong_key(event: Any) -> Fault:
    if isinstance(event, NodeEvent) and event.anchor is not None:
        return anchored(event)
    if isinstance(event, ScalarEvent):
        shown = event.value[:60]
        what = f"the key {shown} is not a text" if shown else "a key is empty"
        hint = f'write it in quotes: "{shown}"' if shown else "name the key"
        return Fault("wrong-key", what, event, hint)
    return Fault("wrong-key", "a list or mapping is used as a key", event, "use a text")
