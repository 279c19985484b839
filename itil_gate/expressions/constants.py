"""Conditions that are always true, or never: what they ask makes no difference.

A condition is tried with every word that its fields can be, so `type != "normal" || type !=
"standard"` is found out. What else it asks may be true or false; a condition that could go either
way is not constant, and one that is too large to try counts as not constant.
"""

from __future__ import annotations

import operator
from itertools import islice, product
from math import prod
from typing import TYPE_CHECKING, Any

from itil_gate.expressions.comparisons import possible
from itil_gate.expressions.shapes import Many, Record, Table
from itil_gate.expressions.tree import Call, Constant, Items, Node, Path, Select, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_UNKNOWN = object()
_MOST = 4096
"""How many combinations of words are tried."""
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "_==_": operator.eq,
    "_!=_": operator.ne,
    "_<_": operator.lt,
    "_<=_": operator.le,
    "_>_": operator.gt,
    "_>=_": operator.ge,
}


def constant(tree: Node) -> bool | None:
    """Return what a condition always is, or None if that depends on the change."""
    words = {
        node.path: possible(node)
        for node in walk(tree)
        if isinstance(node, Select) and not node.test and node.path and possible(node)
    }
    if prod(map(len, words.values())) > _MOST:
        words = {}
    found = {
        _value(tree, dict(zip(words, chosen, strict=True)))
        for chosen in islice(product(*words.values()), _MOST)
    }
    if len(found) != 1:
        return None
    (only,) = found
    return only if isinstance(only, bool) else None


def _value(node: Node, words: Mapping[Path, object]) -> object:
    """Return the value of a node where fields have these words, or that it is not known."""
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Select):
        return _field(node, words)
    if isinstance(node, Items):
        items = [_value(item, words) for item in node.items]
        return _UNKNOWN if _UNKNOWN in items else items
    if not isinstance(node, Call):
        return _UNKNOWN
    parts = [_value(part, words) for part in node.arguments]
    if node.function == "!_":
        return _UNKNOWN if parts[0] is _UNKNOWN else not parts[0]
    if node.function in {"_&&_", "_||_"}:
        return _joined(parts, decides=node.function == "_||_")
    if node.function == "_?_:_":
        return _chosen(*parts)
    if node.function in _COMPARISONS:
        return _compared(node, parts)
    if node.function == "@in" and isinstance(parts[1], list):
        return _UNKNOWN if parts[0] is _UNKNOWN else parts[0] in parts[1]
    return _UNKNOWN


def _field(node: Select, words: Mapping[Path, object]) -> object:
    if not node.test:
        return words.get(node.path, _UNKNOWN) if node.path else _UNKNOWN
    chain: Node = node
    while isinstance(chain, Select):
        record = chain.operand.shape
        field = record.fields.get(chain.field) if isinstance(record, Record) else None
        if field is None or field.optional or isinstance(field.shape, (Many, Table)):
            return _UNKNOWN  # of lists and mappings, has() asks whether they are empty
        chain = chain.operand
    return True  # has() of what is always there


def _joined(parts: list[object], *, decides: bool) -> object:
    if decides in parts:
        return decides
    return _UNKNOWN if _UNKNOWN in parts else not decides


def _chosen(condition: object, yes: object, no: object) -> object:
    if condition is _UNKNOWN:
        return yes if yes == no else _UNKNOWN
    return yes if condition else no


def _compared(node: Call, parts: list[object]) -> object:
    left, right = node.arguments
    if _UNKNOWN not in parts:
        return _COMPARISONS[node.function](*parts)
    if left.path and left.path == right.path:
        return node.function in {"_==_", "_<=_", "_>=_"}
    return _UNKNOWN
