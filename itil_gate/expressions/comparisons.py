"""Comparisons that can never be meant: with a word that a field never is, or by letters.

A misspelt word would make a condition that is never true, and nobody would notice. And `<` puts
texts in the order of their letters: "critical" comes before "high", "10m" before "9m". So texts
are only put in order where they are days or times written in full.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from itil_gate.expressions.faults import Fault, literal, source
from itil_gate.expressions.shapes import Many, Scalar, Table
from itil_gate.expressions.tree import Call, Constant, Items, Node, walk
from itil_gate.reading.wording import listed, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.expressions.shapes import Shape, Written

_EQUAL = frozenset({"_==_", "_!=_"})
_ORDER = {"_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">="}
_FORMS: dict[Written, tuple[re.Pattern[str], str]] = {
    "day": (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), "a day as YYYY-MM-DD"),
    "local-time": (
        re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?"),
        "a local time as YYYY-MM-DDThh:mm",
    ),
    "time-of-day": (re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]"), "a time as hh:mm, as in 09:30"),
    "duration": (re.compile(r"[0-9]{1,5}[mhd]"), "a length of time such as 30m, 24h or 2d"),
}
_SORTED = frozenset({"day", "local-time", "time-of-day"})


def impossible(tree: Node) -> Iterator[Fault]:
    """Yield a fault for every comparison that says something else than it seems to."""
    for node in walk(tree):
        if isinstance(node, Constant) and node.value is None:
            said = "nothing that expressions read is ever null"
            remedy = "ask has(field) whether a field is there"
            yield Fault(node.offset, "impossible-comparison", said, remedy)
        if not isinstance(node, Call):
            continue
        if node.function in _EQUAL:
            yield from _equal(*node.arguments)
        elif node.function == "@in":
            yield from _member(*node.arguments)
        elif node.function in _ORDER:
            yield from _order(node)


def possible(node: Node) -> tuple[object, ...]:
    """Return every value that a node can have, in declared order, or nothing if it can be any."""
    if isinstance(node, Constant):
        return (node.value,)
    if isinstance(node, Call) and node.function == "_?_:_":
        yes, no = possible(node.arguments[1]), possible(node.arguments[2])
        return tuple(dict.fromkeys((*yes, *no))) if yes and no else ()
    return node.shape.values if isinstance(node.shape, Scalar) else ()


def _equal(left: Node, right: Node) -> Iterator[Fault]:
    for one, other in ((left, right), (right, left)):
        if isinstance(other, Constant) and not isinstance(one, Constant):
            yield from _against(one, other)
            return
    lefts, rights = possible(left), possible(right)
    if lefts and rights and not isinstance(left, Constant) and not set(lefts) & set(rights):
        said = f"{source(left)} and {source(right)} have no value in common"
        yield Fault(left.offset, "impossible-comparison", said, "compare what can be equal")


def _against(field: Node, word: Constant) -> Iterator[Fault]:
    """Judge a value that is compared with a constant."""
    choices = possible(field)
    if choices and word.value not in choices:
        yield _never(source(field), choices, word)
    elif isinstance(field.shape, Scalar):
        yield from _misread(field, field.shape.written, word)


def _member(value: Node, of: Node) -> Iterator[Fault]:
    if isinstance(of, Items):
        for item in of.items:
            if isinstance(item, Constant) and not isinstance(value, Constant):
                yield from _against(value, item)
        return
    inner = _inside(of.shape)
    if inner and inner.values and isinstance(value, Constant) and value.value not in inner.values:
        yield _never(f"an item of {source(of)}", inner.values, value)


def _inside(shape: Shape | None) -> Scalar | None:
    if isinstance(shape, Many) and isinstance(shape.item, Scalar):
        return shape.item
    return shape.key if isinstance(shape, Table) else None


def _never(name: str, choices: tuple[object, ...], word: Constant) -> Fault:
    texts = [each if isinstance(each, str) else literal(each) for each in choices]
    meant = nearest(word.value, texts) if isinstance(word.value, str) else None
    can_be = f"it can be {listed(texts)}"
    return Fault(
        word.offset,
        "impossible-comparison",
        f"{name} is never {literal(word.value)}",
        f'did you mean "{meant}"? {can_be}' if meant else can_be,
    )


def _misread(field: Node, written: Written, word: Constant) -> Iterator[Fault]:
    form = _FORMS.get(written)
    if form and isinstance(word.value, str) and not form[0].fullmatch(word.value):
        said = f"{literal(word.value)} is not written as {source(field)} is"
        yield Fault(word.offset, "impossible-comparison", said, f"write {form[1]}")


def _order(node: Call) -> Iterator[Fault]:
    left, right = node.arguments
    if left.type != "string" or (isinstance(left, Constant) and isinstance(right, Constant)):
        return
    ways = {_written(part) for part in node.arguments if not isinstance(part, Constant)}
    if len(ways) == 1 and ways <= _SORTED:
        for one, other in ((left, right), (right, left)):
            if isinstance(other, Constant) and isinstance(one.shape, Scalar):
                yield from _misread(one, one.shape.written, other)
        return
    sign = _ORDER[node.function]
    said = f"{sign} puts texts in the order of their letters"
    yield Fault(node.offset, "alphabetical-comparison", said, _ordered(left, right, sign))


def _written(node: Node) -> Written:
    return node.shape.written if isinstance(node.shape, Scalar) else ""


def _ordered(left: Node, right: Node, sign: str) -> str:
    """Say how the words of a field are compared that have an order among themselves."""
    field, word = (left, right) if isinstance(right, Constant) else (right, left)
    if field is right:
        sign = sign.translate(str.maketrans("<>", "><"))
    choices = possible(field)
    if isinstance(word, Constant) and word.value in choices:
        at = choices.index(word.value)
        meant = {
            "<": choices[:at],
            "<=": choices[: at + 1],
            ">": choices[at + 1 :],
            ">=": choices[at:],
        }[sign]
        words = ", ".join(literal(each) for each in meant)
        return f"name the words that are meant: {source(field)} in [{words}]"
    if "duration" in {_written(left), _written(right)}:
        return "compare numbers: minutes(length) gives a length of time in minutes"
    return "compare numbers, days or moments"
