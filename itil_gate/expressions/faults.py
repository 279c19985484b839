"""What is wrong with an expression, and the words for it: never those of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from itil_gate.expressions.tree import Call, Constant, Name, Node, Select
from itil_gate.reading.wording import listed, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

_KINDS = {
    "string": "a text",
    "int": "a whole number",
    "bool": "true or false",
    "timestamp": "a moment",
    "duration": "a length of time",
    "double": "a decimal number",
    "uint": "an unsigned number",
    "bytes": "bytes",
    "null": "null",
    "null_type": "null",
    "type": "a type",
    "google.protobuf.Timestamp": "a moment",
    "google.protobuf.Duration": "a length of time",
}
_SEVERAL = {
    "string": "texts",
    "int": "whole numbers",
    "bool": "switches",
    "timestamp": "moments",
    "google.protobuf.Timestamp": "moments",
}


class Fault(NamedTuple):
    """One fault of an expression: the rule, where from its start, what is so, what would do."""

    offset: int
    rule: str
    message: str
    remedy: str


def kind(type_: str) -> str:
    """Describe a type as a person would, as in "a list of texts"."""
    if type_ in _KINDS:
        return _KINDS[type_]
    if type_.startswith("list("):
        return f"a list of {several(type_[5:-1])}"
    if type_.startswith("map("):
        return "a mapping"
    if type_.startswith("type("):
        return "a type"
    return "a value of no known type" if type_ == "dyn" else "a record of fields"


def all_of(words: Iterable[str]) -> str:
    """Join words as in "a, b and c"; say so if there are none."""
    known = tuple(words)
    return listed(known, "and") if known else "none"


def several(type_: str) -> str:
    """Describe more than one value of a type."""
    return _SEVERAL.get(type_, "records" if "." in type_ else "values")


def source(node: Node) -> str:
    """Write a part as it stands in the expression, what would be long as an ellipsis."""
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Select):
        return f"{source(node.operand)}.{node.field}"
    if isinstance(node, Constant):
        return literal(node.value)
    if isinstance(node, Call) and node.function.isidentifier():
        return f"{node.function}(…)"
    return "…"


def literal(value: object) -> str:
    """Write a constant as the language does."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return quoted(value) if isinstance(value, str) else str(value)
