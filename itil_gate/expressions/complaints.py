"""What the engine says is wrong, in our own words, with what was probably meant.

The engine's messages are matched word for word, which its pinned version allows; what is not known
here is still a fault, at the engine's place, without its words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from itil_gate.expressions import grammar
from itil_gate.expressions.faults import Fault, all_of, kind
from itil_gate.expressions.grammar import MACROS
from itil_gate.expressions.shapes import Many, Record
from itil_gate.reading.wording import nearest, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from itil_gate.expressions.functions import Native
    from itil_gate.expressions.shapes import Shape

_METHODS = {
    "size": "size(list)",
    "contains": 'text.contains("part")',
    "startsWith": 'text.startsWith("part")',
    "endsWith": 'text.endsWith("part")',
    "matches": 'text.matches("pattern")',
    "getDayOfWeek": "moment.getDayOfWeek()",
    "getHours": "moment.getHours()",
}
_SYNONYMS = {
    **dict.fromkeys(("length", "len"), "size"),
    **dict.fromkeys(("includes", "include"), "contains"),
    **dict.fromkeys(("any", "some"), "exists"),
    **dict.fromkeys(("every", "forall"), "all"),
    **dict.fromkeys(("toLower", "toLowerCase", "lowerAscii"), "lower"),
    **dict.fromkeys(("match", "regex"), "matches"),
    **dict.fromkeys(("changed", "touched"), "touches"),
    "get": "at",
}
_MOST = 5
"""More faults of one expression are mostly the echo of the first."""


class Vocabulary(NamedTuple):
    """What an expression may name."""

    variables: Mapping[str, Shape]
    natives: Mapping[str, Native]

    def usages(self) -> dict[str, str]:
        """Return every function and macro, and how it is written."""
        own = {name: native.usage for name, native in self.natives.items()}
        return {**own, **_METHODS, **MACROS}


def translate(
    complaints: Sequence[tuple[int, str]], text: str, vocabulary: Vocabulary
) -> tuple[Fault, ...]:
    """Return the faults behind the engine's complaints, at most five, at least one."""
    if any("recursion" in said for _, said in complaints):
        return (too_deep(),)
    first = [each for each in complaints if each[1].startswith("Syntax error")][:1]
    first = first or [each for each in complaints if _is_macro(text, *each)][:1]
    told = first or [each for each in complaints if not _echoes(each, complaints, text)]
    faults = (_tell(offset, said, text, vocabulary) for offset, said in told or complaints)
    return tuple(dict.fromkeys(faults))[:_MOST]


def too_deep() -> Fault:
    """Return the fault of brackets within brackets beyond what is read."""
    said = "the expression is nested too deeply"
    return Fault(0, "expression-too-long", said, "split it into several rules or variables")


def _is_macro(text: str, offset: int, said: str) -> bool:
    """Tell whether a macro is used in none of its forms; its variables are then unknown too."""
    match = re.match(r"undeclared reference to '(\w+)'", said)
    return bool(match and match[1] in MACROS and text.startswith("(", offset))


def _echoes(complaint: tuple[int, str], others: Sequence[tuple[int, str]], text: str) -> bool:
    """Tell whether a complaint only follows from another: what an unknown function is given."""
    offset, said = complaint
    if "*error*" in said:
        return True
    inside = any(
        before < offset and other.startswith("undeclared") and text.startswith("(", before)
        for before, other in others
    )
    return inside and said.startswith("undeclared") and not text.startswith("(", offset)


def _tell(offset: int, said: str, text: str, vocabulary: Vocabulary) -> Fault:
    for pattern, speak in _SYNTAX:
        if match := pattern.fullmatch(said):
            return speak(text, offset, match[1])
    for pattern, tell in _TYPES:
        if match := pattern.fullmatch(said):
            return tell(text, offset, vocabulary, *match.groups())
    return Fault(offset, "expression-type", "this part does not fit", "compare the reference")


def _unknown_field(text: str, offset: int, words: Vocabulary, name: str, record: str) -> Fault:
    where = max(text.find(name, offset), offset)
    operand = _operand(text, offset)
    shape = next((each for _, each in _records(words.variables) if each.name == record), None)
    said = f"{operand} has no field {quoted(name)}"
    if shape is None:
        return Fault(where, "unknown-field", said, "remove it")
    if name in shape.closed:
        said = f"{operand}.{name} is free-form, and expressions cannot read it"
        return Fault(where, "unknown-field", said, "check it with the schema of extensions")
    deeper = [path for path, each in _records({operand: shape}) if name in each.fields]
    if meant := nearest(name, shape.fields):
        remedy = f'did you mean "{meant}"?'
    elif deeper:
        remedy = f"did you mean {deeper[0]}.{name}?"
    elif elsewhere := _elsewhere(name, words):
        remedy = f"did you mean {elsewhere}?"
    else:
        remedy = f"its fields are {all_of(shape.fields)}"
    return Fault(where, "unknown-field", said, remedy)


def _unknown_name(text: str, offset: int, words: Vocabulary, name: str) -> Fault:
    if text.startswith("(", offset):
        return _unknown_function(text, offset, words, name)
    root = name.removeprefix(".").partition(".")[0]
    if foreign := grammar.foreign_word(text, offset, root):
        return foreign
    found = text.rfind(root, 0, offset + len(root))
    said = f"there is nothing called {quoted(root)}"
    if meant := nearest(root, words.variables):
        remedy = f'did you mean "{meant}"?'
    elif elsewhere := _elsewhere(root, words):
        remedy = f"did you mean {elsewhere}?"
    elif meant := nearest(root, words.natives):
        remedy = f"did you mean {words.natives[meant].usage}?"
    else:
        remedy = f"there are {all_of(words.variables)}; put quotes around a text"
    return Fault(found if found >= 0 else offset, "unknown-field", said, remedy)


def _unknown_function(text: str, offset: int, words: Vocabulary, name: str) -> Fault:
    found = text.rfind(name, 0, offset)
    where = found if found >= 0 else offset
    usages = words.usages()
    if name in usages:
        return Fault(
            where, "expression-type", f"{name} is not used like this", f"write {usages[name]}"
        )
    meant = _SYNONYMS.get(name) or nearest(name, usages)
    remedy = f"did you mean {usages[meant]}?" if meant else f"there are {all_of(usages)}"
    return Fault(where, "unknown-function", f"there is no function {quoted(name)}", remedy)


def _no_overload(text: str, offset: int, words: Vocabulary, name: str, arguments: str) -> Fault:
    types = _split(arguments)
    if name in _OPERATORS:
        sign, needs = _OPERATORS[name]
        said = f"{sign} stands between {all_of(map(kind, types))}"
        if len(types) == 1:
            said = f"{sign} stands before {kind(types[0])}"
        return Fault(offset, "expression-type", said, _needed(name, types) or needs)
    if name == "_?_:_":
        if types[0] != "bool":
            said = f"before ? stands {kind(types[0])}"
            return Fault(offset, "expression-type", said, "write a condition before ?")
        said = f"? chooses between {kind(types[1])} and {kind(types[2])}"
        return Fault(offset, "expression-type", said, "write two values of the same type")
    if name == "_[_]":
        said = f"[…] stands after {kind(types[0])} and holds {kind(types[-1])}"
        return Fault(offset, "expression-type", said, "write at(list, index, default)")
    found = text.rfind(name, 0, offset + 1)
    said = f"{name}() does not take {all_of(map(kind, types))}"
    remedy = f"write {_METHODS[name]}" if name in _METHODS else "give it another value"
    if native := words.natives.get(name):
        takes = all_of(map(kind, native.overloads[0].parameters))
        remedy = f"{native.usage} takes {takes}"
    return Fault(found if found >= 0 else offset, "expression-type", said, remedy)


def _no_fields(text: str, offset: int, _: Vocabulary, type_: str) -> Fault:
    operand = _operand(text, offset)
    said = f"{operand} is {kind(type_)}, which has no fields"
    remedy = "compare it as it is"
    if type_.startswith("list("):
        remedy = f"ask for its items: {operand}.exists(item, …)"
    return Fault(offset, "expression-type", said, remedy)


def _no_range(_: str, offset: int, __: Vocabulary, type_: str) -> Fault:
    said = f"exists, all, filter and map go through a list, and this is {kind(type_)}"
    return Fault(offset, "expression-type", said, "write a list before the dot")


def _operand(text: str, offset: int) -> str:
    """Return the name before a dot, as it is written; inside has(), the name in the brackets."""
    if text.startswith("(", offset):
        match = re.match(r"\(\s*([A-Za-z_][\w.]*)\.\w+\s*\)", text[offset:])
        return match[1] if match else "this"
    match = re.search(r"[A-Za-z_][\w.]*$", text[:offset].rstrip())
    return match[0] if match else "this"


def _elsewhere(name: str, words: Vocabulary) -> str | None:
    """Return the shortest path at which there is a field of this name, not in a list."""
    paths = [f"{path}.{name}" for path, each in _records(words.variables) if name in each.fields]
    single = [path for path in paths if "[]" not in path]
    return min(single, key=len) if single else None


def _records(roots: Mapping[str, Shape]) -> Iterator[tuple[str, Record]]:
    """Yield every record with the path that leads to it, each once, the nearest first."""
    seen: set[Record] = set()
    waiting = list(roots.items())
    while waiting:
        path, shape = waiting.pop(0)
        if isinstance(shape, Many):
            waiting.append((f"{path}[]", shape.item))
        elif isinstance(shape, Record) and shape not in seen:
            seen.add(shape)
            yield path, shape
            waiting.extend((f"{path}.{name}", each.shape) for name, each in shape.fields.items())


def _split(arguments: str) -> list[str]:
    """Split "int, map(string, int)" into its types."""
    types, depth, start = [], 0, 0
    for index, character in enumerate(f"{arguments},"):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            types.append(arguments[start:index].strip())
            start = index + 1
    return types


def _needed(name: str, types: list[str]) -> str | None:
    """Say what would do instead of these types, where it is more than what the operator needs."""
    known = set(types)
    if known & {"null", "null_type"}:
        return "ask has(field) whether a field is there"
    if "google.protobuf.Timestamp" in known and "string" in known:
        return 'write the moment as timestamp("2026-11-25T21:00:00Z")'
    if name == "@in" and types[1] == "string":
        return 'write text.contains("part"), or put the words in brackets: in ["a", "b"]'
    if name == "_+_" and "string" in known:
        return "make a text of it first: string(value)"
    if name not in _COMPARE:
        return None
    if any(each.startswith("list(") for each in known):
        return 'ask whether it is in the list: "item" in list'
    return _PAIRS.get(frozenset(known))


_COMPARE = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"})
_PAIRS = {
    frozenset({"int", "string"}): "write the number without quotes, or compare with a text",
    frozenset({"bool", "string"}): "write true or false without quotes",
    frozenset({"int", "double"}): "write a whole number",
}
_OPERATORS = {
    "_==_": ("==", "compare values of the same type"),
    "_!=_": ("!=", "compare values of the same type"),
    "_<_": ("<", "compare numbers, days or moments"),
    "_<=_": ("<=", "compare numbers, days or moments"),
    "_>_": (">", "compare numbers, days or moments"),
    "_>=_": (">=", "compare numbers, days or moments"),
    "_&&_": ("&&", "write a condition on both sides"),
    "_||_": ("||", "write a condition on both sides"),
    "!_": ("!", "write a condition after it"),
    "_+_": ("+", "add numbers to numbers, or texts to texts"),
    "_-_": ("-", "subtract numbers"),
    "_*_": ("*", "multiply numbers"),
    "_/_": ("/", "divide numbers"),
    "_%_": ("%", "divide whole numbers"),
    "-_": ("-", "write a number after it"),
    "@in": ("in", "write a list of such values after it"),
}
_SYNTAX: tuple[tuple[re.Pattern[str], Callable[[str, int, str], Fault]], ...] = (
    (re.compile(r"Syntax error: (.*)", re.DOTALL), grammar.unreadable),
    (re.compile(r"reserved identifier: (.*)"), grammar.reserved),
    (re.compile(r"invalid (int|uint|double) literal.*"), grammar.number),
    (re.compile(r"(\w+)\(\) .*"), grammar.macro),
    (re.compile(r"unsupported syntax '(.*)'"), grammar.unsupported),
)
_TYPES: tuple[tuple[re.Pattern[str], Callable[..., Fault]], ...] = (
    (re.compile(r"undefined field '(.*)' not found in struct 'gate\.(.*)'"), _unknown_field),
    (re.compile(r"undeclared reference to '(.*)' \(in container '.*'\)"), _unknown_name),
    (re.compile(r"found no matching overload for '(.*)' applied to '\((.*)\)'"), _no_overload),
    (re.compile(r"expression of type '(.*)' cannot be the operand .*"), _no_fields),
    (re.compile(r"expression of type '(.*)' cannot be the range .*"), _no_range),
)
