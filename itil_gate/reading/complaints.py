"""What YAML parsers complain about, in plain words and at the spot a person should look at.

The two parsers word their complaints differently; what neither table knows is passed on as it is.
"""

from __future__ import annotations

from itil_gate.reading.events import NO_TAGS, Fault, Spot, check_characters, spot

_PROBLEMS: dict[str, tuple[str, str]] = {
    "mapping values are not allowed": (
        "there is a second key, or a colon inside a text, where a value should be",
        'check the indentation, or quote a text that has ": " in it',
    ),
    "could not find expected ':'": (
        "a line is neither a key with a value nor part of the value before it",
        'write it as "key: value", or indent it under its key',
    ),
    "cannot start any token": (
        "a value begins with a character that YAML keeps for itself",
        "quote values that begin with @, ` or %, and indent with spaces",
    ),
    "did not find expected key": (
        "the indentation does not fit the lines before",
        "indent the keys of one mapping equally, and close every quote",
    ),
    "did not find expected '-' indicator": (
        "a list goes on with something that is no item of it",
        'begin every item with "- ", indented equally',
    ),
    "did not find expected ',' or ']'": ("a list in brackets is not closed", "add , or ]"),
    "did not find expected ',' or '}'": ("a mapping in braces is not closed", "add , or }"),
    "unclosed": ("a bracket or a brace is not closed", "close it"),
    "unexpected end of stream": ("a quoted text is not closed", "close the quote"),
    "unexpected document indicator": ("a quoted text is not closed", "close the quote"),
    "tab character": ("a tab is used to indent", "indent with spaces"),
    "unknown escape character": (
        "a backslash in double quotes begins no known escape",
        "use single quotes, or write the backslash twice",
    ),
    "escape code": ("an escape names no character", "write the character itself"),
    "block sequence entries": (
        "a list item begins where none can",
        "put every item on a line of its own, under its key",
    ),
    "expected node content": (
        "a value should begin here and something else stands here",
        "write the value, or quote a text with a special character",
    ),
    "did not find expected <document start>": (
        "something follows the end of the document",
        "keep one document and remove what follows it",
    ),
}
_CODES: dict[str, tuple[str, str, str]] = {
    "undefined tag handle": ("yaml-tag", "a value has a tag", NO_TAGS),
    "while scanning a tag": ("yaml-tag", "a value has a tag", NO_TAGS),
    "while scanning a directive": (
        "yaml-directive", "the file has a % directive", "remove the line",
    ),
    "incompatible yaml document": (
        "yaml-directive", "the file has a % directive", "remove the line",
    ),
    "while scanning an anchor": (
        "yaml-alias", "a value begins with &", "quote a text that begins with &",
    ),
    "while scanning an alias": (
        "yaml-alias", "a value begins with *", "quote a text that begins with *",
    ),
}  # fmt: skip


def explain(error: Exception, text: str) -> Fault:
    """Return a parser's complaint in plain words, at the spot a person should look at."""
    try:
        check_characters(text)
    except Fault as fault:
        return fault
    said = str(getattr(error, "problem", None) or "").lower()
    context = str(getattr(error, "context", None) or "").lower()
    opened = getattr(error, "context_mark", None)
    mark = getattr(error, "problem_mark", None) or opened
    end = spot(text, len(text.rstrip()))
    where = Spot(mark.line, mark.column) if mark is not None else end
    start = Spot(opened.line, opened.column) if opened is not None else where
    for part, (code, message, hint) in _CODES.items():
        if part in said or part in context:
            return Fault(code, message, min(start, end), hint)
    if where >= end or (where.line > start.line and "',' or '" in said):
        where = min(start, end)  # what was opened there is not closed
    if text[_index(text, where) :].startswith("\t"):
        said = "tab character"
    elif where >= end and "flow" in context and "node content" in said:
        said = "unclosed"
    for part, (message, hint) in _PROBLEMS.items():
        if part in said:
            return Fault("not-yaml", message, where, hint)
    detail = f" ({said})" if said else ""
    return Fault("not-yaml", f"this is not YAML{detail}", where, "correct the text here")


def _index(text: str, where: Spot) -> int:
    """Return the index of the character at a line and column."""
    return sum(len(each) + 1 for each in text.split("\n")[: where.line]) + where.column
