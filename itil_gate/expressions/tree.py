"""The syntax tree of a checked expression, with what each part is and where it reads.

A path names a place in the data: `("change", "spec", "risk")`. Steps that are numbers are the
items of a list (or keys of a mapping) that a macro goes through, each macro with a number of its
own, so that what is known of one item is never believed of another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.expressions.shapes import Shape

Path = tuple[str | int, ...]
COMPUTED = ""
"""Where the path of an item begins whose list is computed, not read."""
Literal = str | int | bool | float | bytes | None


@frozen
class Node:
    """A part of an expression.

    `offset` counts characters from the start of the expression, `type` is as the engine writes
    it, `shape` is known where the value comes from the data, and so is `path`.
    """

    offset: int
    type: str
    shape: Shape | None
    path: Path | None


@frozen
class Constant(Node):
    """A value that is written out."""

    value: Literal


@frozen
class Name(Node):
    """A variable."""

    name: str


@frozen
class Select(Node):
    """A field of a record, or a key of a mapping; `test` if only its presence is asked."""

    operand: Node
    field: str
    optional: bool
    test: bool


@frozen
class Call(Node):
    """A function or an operator; what stands before the dot is the first argument."""

    function: str
    arguments: tuple[Node, ...]


@frozen
class Items(Node):
    """A list that is written out."""

    items: tuple[Node, ...]


@frozen
class Pairs(Node):
    """A mapping that is written out: key, value, key, value."""

    items: tuple[Node, ...]


@frozen
class Message(Node):
    """A record that is written out, by its type."""

    items: tuple[Node, ...]


@frozen
class Fold(Node):
    """What exists, all, map, filter and exists_one become: a loop with an accumulator."""

    range: Node
    start: Node
    condition: Node
    step: Node
    result: Node


def children(node: Node) -> tuple[Node, ...]:
    """Return the parts of a node, in the order in which they are evaluated."""
    if isinstance(node, Select):
        return (node.operand,)
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, (Items, Pairs, Message)):
        return node.items
    if isinstance(node, Fold):
        return (node.range, node.start, node.condition, node.step, node.result)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def shown(path: Path) -> str:
    """Write a path as in `services[].tier`."""
    text = ""
    for step in path:
        text += "[]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def reads(node: Node) -> tuple[str, ...]:
    """Return the paths of the fields that are read, sorted, without those that only lead there."""
    found = {
        shown(each.path)
        for each in walk(node)
        if isinstance(each, (Name, Select)) and each.path and each.path[0] != COMPUTED
    }
    return tuple(
        sorted(
            path
            for path in found
            if not any(other.startswith((f"{path}.", f"{path}[")) for other in found)
        )
    )
