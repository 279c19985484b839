"""Fields that may be missing are only read where it is known that they are there.

The engine would read a missing field as an empty text, 0 or false, and say nothing. Known means
dominated, from left to right, by `has(field) && …`, `!has(field) || …` or `has(field) ? … : …`;
for keys of mappings also by `"key" in mapping && …`. Whatever cannot be followed is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.expressions.faults import Fault, source
from itil_gate.expressions.shapes import Table
from itil_gate.expressions.tree import Call, Constant, Node, Path, Select, children

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOTHING: frozenset[Path] = frozenset()
_AND, _OR, _NOT, _CHOICE, _IN = "_&&_", "_||_", "!_", "_?_:_", "@in"


def unguarded(tree: Node, *, follows: bool = True) -> Iterator[Fault]:
    """Yield a fault for every chain of fields of which some may be missing.

    Fields of what is computed are left out unless `follows`: a call that is refused has no fields
    that could be known.
    """
    for node in _unguarded(tree, _NOTHING):
        if node.path or follows:
            yield _fault(node)


def _unguarded(node: Node, known: frozenset[Path]) -> Iterator[Select]:
    """Yield the fields that may be missing; `known` is there whenever the node is evaluated."""
    if isinstance(node, Select):
        yield from _chain(node, known)
    elif isinstance(node, Call) and node.function in {_AND, _OR}:
        left, right = node.arguments
        after = _if_true(left) if node.function == _AND else _if_false(left)
        yield from _unguarded(left, known)
        yield from _unguarded(right, known | after)
    elif isinstance(node, Call) and node.function == _CHOICE:
        condition, yes, no = node.arguments
        yield from _unguarded(condition, known)
        yield from _unguarded(yes, known | _if_true(condition))
        yield from _unguarded(no, known | _if_false(condition))
    else:
        for child in children(node):
            yield from _unguarded(child, known)


def _chain(outermost: Select, known: frozenset[Path]) -> Iterator[Select]:
    """Judge `a.b.c` as a whole: the longest part that may be missing is what has() must ask for.

    Inside has() a record that is missing has no fields, which is the answer; but a mapping
    without the key is an error there too.
    """
    missing: Select | None = None
    node: Node = outermost
    asked = outermost.test
    while isinstance(node, Select):
        in_table = isinstance(node.operand.shape, Table)
        excused = node.test or (asked and not in_table)
        if node.optional and not excused and (node.path is None or node.path not in known):
            missing = missing or node
        node = node.operand
    if missing is not None:
        yield missing
    yield from _unguarded(node, known)


def _fault(node: Select) -> Fault:
    if node.path is None:
        return Fault(
            node.offset,
            "unguarded-optional",
            f'the field "{node.field}" may be missing from what is computed here',
            "read it from the data, where has() can ask for it first",
        )
    name = source(node)
    return Fault(
        node.offset,
        "unguarded-optional",
        f"{name} may be missing here",
        f"ask first: has({name}) && …, or has({name}) ? {name} : what to take instead",
    )


def _if_true(node: Node) -> frozenset[Path]:
    """Return the paths of what is there if a condition is true."""
    return _learned(node, truth=True)


def _if_false(node: Node) -> frozenset[Path]:
    """Return the paths of what is there if a condition is false."""
    return _learned(node, truth=False)


def _learned(node: Node, *, truth: bool) -> frozenset[Path]:
    if isinstance(node, Select) and node.test and truth and node.path:
        return frozenset(node.path[:end] for end in range(1, len(node.path) + 1))
    if not isinstance(node, Call):
        return _NOTHING
    if node.function == _NOT:
        return _learned(node.arguments[0], truth=not truth)
    if node.function in {_AND, _OR}:
        left, right = (_learned(part, truth=truth) for part in node.arguments)
        return left | right if truth == (node.function == _AND) else left & right
    if node.function == _IN and truth:
        return _key_learned(*node.arguments)
    return _NOTHING


def _key_learned(key: Node, table: Node) -> frozenset[Path]:
    if (
        isinstance(key, Constant)
        and isinstance(key.value, str)
        and table.path
        and isinstance(table.shape, Table)
    ):
        return frozenset([(*table.path, key.value)])
    return _NOTHING
