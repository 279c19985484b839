"""The events of a YAML text, within limits, and what is wrong when there are none.

libyaml's event parser keeps no tree, so it survives texts that crash its composer; limits are
enforced here and by the builders, event by event. What YAML has beyond plain data (directives,
tags, anchors, aliases) is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import yaml
from yaml.events import AliasEvent, DocumentStartEvent, NodeEvent, StreamEndEvent

from itil_gate.model.errors import SourceError
from itil_gate.model.finding import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from yaml.events import Event

try:
    from yaml._yaml import CParser as EventParser
except ImportError:  # PyYAML without libyaml: slower, and just as strict
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.scanner import Scanner

    class EventParser(Reader, Scanner, Parser):  # type: ignore[no-redef]
        """PyYAML's own event parser, put together as its loaders do."""

        def __init__(self, text: str) -> None:
            Reader.__init__(self, text)
            Scanner.__init__(self)
            Parser.__init__(self)


PARSER_ERRORS = (yaml.YAMLError, ValueError, OverflowError)
"""What parsers raise; PyYAML's own one lets the others through for absurd escapes."""
MAX_BYTES = 1 << 20
"""The longest text that is read, in bytes of UTF-8."""
MAX_DEPTH = 64
"""How deep lists and mappings may be nested."""
MAX_NODES = 100_000
"""How many keys and values a text may have."""

CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff"
    "\u202a-\u202e\u2066-\u2069]|\r(?!\n)"
)
"""Characters that no text needs: they hide, reorder or break lines for whoever reads it."""

LINE_FEED = "write each line's end as a line feed"
NO_TAGS = "leave the tag away, and quote the value if it is meant as a text"


class Spot(NamedTuple):
    """A line and a column, both from 0, as parsers count them."""

    line: int
    column: int


def begins(event: Event) -> Spot:
    """Return where an event begins."""
    mark = event.start_mark
    return Spot(0, 0) if mark is None else Spot(mark.line, mark.column)


class Fault(Exception):  # noqa: N818  # becomes a SourceError as soon as the file is known
    """What is wrong with a text at a mark, before the file is known."""

    def __init__(self, code: str, message: str, where: Event | Spot, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.mark = where if isinstance(where, Spot) else begins(where)
        self.hint = hint

    def located(self, file: str) -> SourceError:
        """Return the fault as the error of a file."""
        place = Place(file=file, line=self.mark.line + 1, column=self.mark.column + 1)
        return SourceError(self.code, self.message, place=place, hint=self.hint)


def open_events(text: str) -> Callable[[], Event | None]:
    """Return a function that gives the next event of a text, once the text itself is acceptable.

    Raises Fault: too large, or with characters that are refused. Tags, anchors, escapes and a
    great many nodes are only looked for in a text that can have them, as most texts cannot.
    """
    if not text.isascii():
        _check_size(text)
        check_characters(text)
    elif len(text) > MAX_BYTES:
        raise too_large()
    elif "\r" in text:
        check_characters(text)
    get: Callable[[], Event | None] = EventParser(text).get_event
    if "!" in text or "&" in text or "\\" in text or len(text) >= MAX_NODES:
        return _guarded(get)
    return get


def too_large() -> Fault:
    """Return the fault of a text above the limit of size."""
    return Fault(
        "too-large", "the file is larger than 1 MiB", Spot(0, 0), "split it, or link to the details"
    )


def _check_size(text: str) -> None:
    if len(text) > MAX_BYTES or (
        len(text) * 4 > MAX_BYTES and len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES
    ):
        raise too_large()


def spot(text: str, index: int) -> Spot:
    """Return the line and column of a character of the text."""
    return Spot(text.count("\n", 0, index), index - (text.rfind("\n", 0, index) + 1))


def check_characters(text: str) -> None:
    """Raise Fault at the first character that is refused."""
    match = CONTROL.search(text)
    if match is None:
        return
    where, code = spot(text, match.start()), ord(match[0])
    if match[0] == "\ufeff" and match.start() == 0:
        raise byte_order_mark()
    if 0xD800 <= code <= 0xDFFF:  # noqa: PLR2004  # the surrogates
        raise Fault(
            "not-utf8", f"half of a surrogate pair (U+{code:04X})", where, "save the file as UTF-8"
        )
    hint = LINE_FEED if match[0] == "\r" else "remove it"
    said = f"the character U+{code:04X} hides or reorders what is shown"
    raise Fault("control-character", said, where, hint)


def byte_order_mark() -> Fault:
    """Return the fault of a text that begins with a byte order mark."""
    return Fault(
        "byte-order-mark",
        "the file begins with a byte order mark",
        Spot(0, 0),
        "save it as UTF-8 without one",
    )


def _guarded(get: Callable[[], Event | None]) -> Callable[[], Event | None]:
    """Watch every event for tags, anchors, escaped control characters and sheer number."""
    nodes = 0

    def guarded() -> Event | None:
        nonlocal nodes
        event = get()
        if isinstance(event, NodeEvent):
            nodes += 1
            if nodes > MAX_NODES:
                raise Fault(
                    "too-large",
                    f"the file has more than {MAX_NODES:,} keys and values",
                    event,
                    "split it",
                )
            if event.anchor is not None:
                raise anchored(event)
            tag = getattr(event, "tag", None)
            if tag is not None:
                shown = tag.replace("tag:yaml.org,2002:", "!!")[:60]
                raise Fault("yaml-tag", f"a value has the tag {shown}", event, NO_TAGS)
            if getattr(event, "style", None) == '"' and (
                found := CONTROL.search(getattr(event, "value", ""))
            ):
                raise Fault(
                    "control-character",
                    f"an escape gives the character U+{ord(found[0]):04X}, which nobody sees",
                    event,
                    "remove it",
                )
        return event

    return guarded


def anchored(event: NodeEvent) -> Fault:
    """Return the fault of an anchor or an alias."""
    what, sign = ("alias", "*") if isinstance(event, AliasEvent) else ("anchor", "&")
    hint = "write the value out where it is meant"
    if what == "alias":
        hint += "; quote a text that begins with *"
    return Fault("yaml-alias", f"{sign}{str(event.anchor)[:60]} is an {what}", event, hint)


def next_document(get: Callable[[], Event | None]) -> DocumentStartEvent | None:
    """Move to the next document: its start, or None at the end of the text."""
    event = get()
    while type(event) is not DocumentStartEvent:
        if type(event) is StreamEndEvent:
            return None
        event = get()
    if event.version is not None or event.tags:
        raise Fault("yaml-directive", "the file has a % directive", event, "remove the line")
    return event
