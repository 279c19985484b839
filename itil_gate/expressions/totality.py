"""Only what always has an answer is let into a policy: no call that fails for some values.

A call that can fail is refused when policies load, and the form that cannot is named. What is not
in the tables here is refused as well, so a newer engine brings nothing in unseen. Arithmetic can
still leave 64 bits; that is an error of the evaluation, which nothing hides.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from itil_gate.expressions.faults import Fault, literal, several
from itil_gate.expressions.tree import Call, Constant, Items, Message, Name, Node, Pairs, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from itil_gate.expressions.functions import Native

_TOTAL = frozenset(
    {
        *("_&&_", "_||_", "!_", "_?_:_", "@in", "@not_strictly_false"),
        *("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "_+_", "_-_", "_*_", "-_"),
        *("size", "contains", "startsWith", "endsWith"),
    }
)
_PARTS_OF_TIME = frozenset(
    {
        *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
        *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
    }
)
_CASTS: dict[str, frozenset[str]] = {
    "int": frozenset({"int", "timestamp"}),
    "uint": frozenset({"uint"}),
    "double": frozenset({"double", "int", "uint"}),
    "string": frozenset({"string", "int", "uint", "double", "bool", "timestamp", "duration"}),
    "bool": frozenset({"bool"}),
    "bytes": frozenset({"bytes", "string"}),
    "timestamp": frozenset({"timestamp"}),
    "duration": frozenset({"duration"}),
}
"""Conversions, and the types from which they never fail."""
_INSTEAD = {
    "int": "compare the text itself, or keep the number as a number in the data",
    "timestamp": "compare moments of the data, or use daysUntil(day)",
    "duration": "use minutes(length), which gives a whole number",
}
_OFFSET = re.compile(r"UTC|[+-](?:0[0-9]|1[0-4]):[0-5][0-9]", re.ASCII)
_WITH_ZONE = 2


def partial(
    tree: Node, natives: Mapping[str, Native], fails: Callable[[str], bool]
) -> Iterator[Fault]:
    """Yield a fault for every part of an expression that can be without an answer.

    `fails` tells whether an expression without variables gives an error.
    """
    for node in walk(tree):
        if isinstance(node, Call):
            native = natives.get(node.function)
            yield from _native(node, native) if native else _call(node, fails)
        elif isinstance(node, Message):
            said = "a record is made here, and expressions only read them"
            yield Fault(node.offset, "expression-syntax", said, "compare the fields one by one")
        elif isinstance(node, (Items, Pairs)) and node.items and "dyn" in node.type:
            said = "the values in the brackets are of several types"
            yield Fault(node.offset, "expression-type", said, "write values of one type")
        elif isinstance(node, Name) and node.type.startswith("type"):
            said = f"{node.name} is the name of a type, not a value"
            yield Fault(node.offset, "expression-type", said, "compare with a value")


def _native(node: Call, native: Native) -> Iterator[Fault]:
    values = [part.value if isinstance(part, Constant) else None for part in node.arguments]
    for place, part in enumerate(node.arguments):
        if not isinstance(part, Constant):
            if place in native.literal:
                names = native.usage.partition("(")[2].rstrip(")").split(", ")
                said = f"the {names[place]} of {native.name}() is computed, so it cannot be checked"
                yield Fault(part.offset, "partial-builtin", said, f"write the {names[place]} out")
        elif (check := native.checks.get(place)) and (refusal := check(part.value)):
            said = f"{literal(part.value)} {refusal.message}"
            yield Fault(part.offset, refusal.rule, said, refusal.remedy)
    if native.together and (refusal := native.together(values)):
        said = f"{native.name}() {refusal.message}"
        yield Fault(node.offset, refusal.rule, said, refusal.remedy)


def _call(node: Call, fails: Callable[[str], bool]) -> Iterator[Fault]:
    name = node.function
    if name in {"_/_", "_%_"}:
        yield from _division(node)
    elif name == "_[_]":
        yield _index(node)
    elif name == "matches":
        yield from _pattern(node, fails)
    elif name in _CASTS:
        yield from _cast(node, fails)
    elif name in _PARTS_OF_TIME:
        yield from _part_of_time(node)
    elif name not in _TOTAL:
        said = f"{name}() is not offered to policies"
        yield Fault(node.offset, "unknown-function", said, "write the condition without it")


def _division(node: Call) -> Iterator[Fault]:
    divisor = node.arguments[1]
    safe = isinstance(divisor, Constant) and divisor.value not in {0, -1}
    if safe or node.type == "double":
        return
    sign = node.function.strip("_")
    yield Fault(
        node.offset,
        "partial-builtin",
        f"{sign} has no answer where the divisor is 0",
        "divide by a number that is written out and is not 0, or multiply the other side instead",
    )


def _index(node: Call) -> Fault:
    if node.arguments[0].type.startswith("map"):
        said = "[…] has no answer where the mapping lacks the key"
        remedy = 'write at(mapping, "key", what to take instead), or ask "key" in mapping'
    else:
        said = "[…] has no answer where the list is shorter"
        remedy = "write at(list, index, what to take instead), or list.exists(item, …)"
    return Fault(node.offset, "partial-builtin", said, remedy)


def _pattern(node: Call, fails: Callable[[str], bool]) -> Iterator[Fault]:
    pattern = node.arguments[1]
    if not isinstance(pattern, Constant):
        yield Fault(
            pattern.offset,
            "partial-builtin",
            "the pattern of matches() is computed, so it cannot be checked",
            "write the pattern out, or use startsWith, endsWith, contains or glob(path, pattern)",
        )
    elif fails(f'"".matches({_written(pattern)})'):
        said = f"{literal(pattern.value)} is no regular expression"
        yield Fault(pattern.offset, "wrong-value", said, "correct it (RE2 syntax)")


def _cast(node: Call, fails: Callable[[str], bool]) -> Iterator[Fault]:
    (value,) = node.arguments
    if value.type in _CASTS[node.function]:
        return
    if not isinstance(value, Constant):
        said = f"{node.function}() has no answer for some {several(value.type)}"
        remedy = _INSTEAD.get(node.function, "compare the value as it is")
        yield Fault(node.offset, "partial-builtin", said, remedy)
    elif fails(f"{node.function}({_written(value)})"):
        said = f"{node.function}() has no answer for {literal(value.value)}"
        remedy = {
            "timestamp": 'write a moment with its offset, as in timestamp("2026-11-25T21:00:00Z")',
            "duration": 'write a length in hours, minutes or seconds, as in duration("90m")',
        }.get(node.function, "write the value itself")
        yield Fault(value.offset, "wrong-value", said, remedy)


def _part_of_time(node: Call) -> Iterator[Fault]:
    if len(node.arguments) < _WITH_ZONE:
        return
    zone = node.arguments[1]
    if isinstance(zone, Constant) and _OFFSET.fullmatch(str(zone.value)):
        return
    yield Fault(
        node.offset,
        "partial-builtin",
        f"{node.function}() in a zone asks the time zones of the host, which differ or are missing",
        "use weekday(moment, zone), localTime(moment, zone) or businessHours(moment, zone, 9, 17)",
    )


def _written(constant: Constant) -> str:
    """Write a constant so that the engine reads the same value."""
    value = constant.value
    if isinstance(value, str):
        return '"' + "".join(_character(each) for each in value) + '"'
    if isinstance(value, float) and not math.isfinite(value):
        return "double('nan')"
    return f"{literal(value)}u" if constant.type == "uint" else literal(value)


def _character(character: str) -> str:
    return character if character.isalnum() else f"\\U{ord(character):08x}"
