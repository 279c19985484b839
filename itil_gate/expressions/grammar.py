"""Texts that are no expressions: what was probably meant, told from the place where reading failed.

Other languages are read into it: `and`, `=`, `<>`, `True` and a question mark before a dot.
"""

from __future__ import annotations

import re

from itil_gate.expressions.faults import Fault
from itil_gate.reading.wording import quoted

RULE = "expression-syntax"
MACROS = {
    "has": "has(field)",
    "all": "list.all(item, condition)",
    "exists": "list.exists(item, condition)",
    "exists_one": "list.exists_one(item, condition)",
    "filter": "list.filter(item, condition)",
    "map": "list.map(item, value)",
}
"""The macros of the language, and how they are written."""
_WORDS = {
    **dict.fromkeys(("and", "AND"), "&&"),
    **dict.fromkeys(("or", "OR"), "||"),
    **dict.fromkeys(("not", "NOT"), "!"),
    "is": "==",
    "if": "condition ? value : other",
}
_VALUES = {"True": "true", "False": "false", "TRUE": "true", "FALSE": "false"}
_NOTHING = frozenset({"None", "nil", "NULL", "undefined"})
_SIGNS: tuple[tuple[str, str, str], ...] = (
    ("=", "a single = is not a comparison", "write == to compare"),
    ("&", "a single & joins nothing", "write &&"),
    ("|", "a single | joins nothing", "write ||"),
    ("'", "a text in quotes is not closed, or has an unknown escape", "close the quote"),
    ('"', "a text in quotes is not closed, or has an unknown escape", "close the quote"),
    ("${", "${…} belongs in messages", "write the expression without ${ and }"),
)
"""Signs at which no word of the language begins."""
_CLOSING = (")", "]", "}")


def foreign_word(text: str, offset: int, word: str) -> Fault | None:
    """Return the fault of a name that other languages have for a value, or None."""
    if word in _VALUES:
        said, remedy = f"{word} is no value here", f"write {_VALUES[word]}"
    elif word in _NOTHING:
        said, remedy = f"{word} is no value here", "ask has(field) whether a field is there"
    else:
        return None
    return Fault(_back_to(word, text, offset), RULE, said, remedy)


def unreadable(text: str, offset: int, said: str) -> Fault:
    """Return the fault of a text that stops being an expression at a place."""
    rest = text[offset:]
    for word in (_first_word(rest), _last_word(text[:offset])):
        if word in _WORDS:
            where = _back_to(word, text, offset + len(word))
            return Fault(
                where, RULE, f'"{word}" is not a word of the language', f"write {_WORDS[word]}"
            )
    if not rest.strip():
        return Fault(min(offset, len(text)), RULE, *_ended(text, said))
    return Fault(offset, RULE, *_unexpected(text[:offset], rest, said))


def _ended(text: str, said: str) -> tuple[str, str]:
    if not text.strip() or text.strip().startswith("//"):
        return "there is no expression here", "write one"
    if "missing ')'" in said:
        return "a bracket is not closed", "write )"
    return "the expression ends too early", "write the rest, and close every bracket"


def _unexpected(before: str, rest: str, said: str) -> tuple[str, str]:
    if "token recognition" in said:
        for sign, message, remedy in _SIGNS:
            if rest.startswith(sign):
                return message, remedy
    if rest.startswith(_CLOSING):
        return f"{rest[0]} has no partner, or something is missing before it", (
            "let every bracket have its partner"
        )
    if rest.startswith(">") and before.endswith("<"):
        return "<> is not a comparison", "write !="
    word = _first_word(rest) or rest[:1]
    return f"{quoted(word)} does not belong here", "join conditions with && or ||"


def reserved(_: str, offset: int, word: str) -> Fault:
    """Return the fault of a word that is kept for later."""
    said = f'"{word}" is kept by the language and names nothing'
    remedy = "write condition ? value : other" if word == "if" else "use another name"
    return Fault(offset, RULE, said, remedy)


def number(_: str, offset: int, __: str) -> Fault:
    """Return the fault of a number that is too large."""
    return Fault(offset, RULE, "the number is beyond 64 bits", "write a smaller one")


def macro(text: str, offset: int, name: str) -> Fault:
    """Return the fault of a macro with something else than it takes."""
    said, remedy = f"{name} is not used like this", f"write {MACROS.get(name, 'it otherwise')}"
    return Fault(_back_to(name, text, offset), RULE, said, remedy)


def unsupported(text: str, offset: int, sign: str) -> Fault:
    """Return the fault of syntax that other users of the language have."""
    where = max(text.find(sign), offset)
    return Fault(where, RULE, f"{sign} is not offered to policies", "ask has(field) first")


def _back_to(word: str, text: str, offset: int) -> int:
    """Return where a word begins that ends at or before an offset, or stands there."""
    if text.startswith(word, offset):
        return offset
    found = text.rfind(word, 0, offset)
    return found if found >= 0 else offset


def _last_word(text: str) -> str:
    match = re.search(r"([A-Za-z]+)\s*$", text)
    return match[1] if match else ""


def _first_word(text: str) -> str:
    match = re.match(r"\s*([A-Za-z_]\w*)", text)
    return match[1] if match else ""
