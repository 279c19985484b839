"""Strict evaluation: an error in a condition is never lost.

In CEL `error || true` is true and `error && false` is false. Here `a || b` is evaluated as
`a ? true : b` and `a && b` as `a ? b : false`, from left to right: an error remains one, unless
what stands before it decides. The macros consist of the same operators, so the same holds for
them. Where there is no error, the value is the one that the CEL specification gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOOL = 1
_STRICT = {"_||_": (True, 1), "_&&_": (False, 2)}
"""Operator to the constant that takes a place in `_?_:_`, and to that place."""


def make_strict(checked: Any) -> None:
    """Turn every `||` and `&&` into the conditional that keeps errors."""
    references = {each.key: each.value for each in checked.reference_map}
    fresh = max((each.key for each in checked.type_map), default=0)
    for expr in tuple(_expressions(checked.expr)):
        call = expr.call_expr
        if expr.WhichOneof("kind") != "call_expr" or call.function not in _STRICT:
            continue
        value, place = _STRICT[call.function]
        fresh += 1
        checked.type_map.add(key=fresh).value.primitive = _BOOL
        known = type(expr)(id=fresh)
        known.const_expr.bool_value = value
        call.args.insert(place, known)
        call.function = "_?_:_"
        reference = references[expr.id]
        reference.name = "_?_:_"
        reference.overload_id[:] = ["conditional"]


def _expressions(message: Any) -> Iterator[Any]:
    """Yield every expression in a message, the innermost first."""
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in (value,) if hasattr(value, "ListFields") else value:
                yield from _expressions(part)
    if message.DESCRIPTOR.name == "Expr":
        yield message


def parts_of(struct: Any) -> Iterator[Any]:
    """Yield the keys and values of a record or mapping that is written out."""
    for entry in struct.entries:
        if entry.HasField("map_key"):
            yield entry.map_key
        yield entry.value
