"""Small faults to plant in a syntax tree, one at a time: what a mutation test holds tests against.

Each is a slip that somebody could make: a comparison turned round, a condition left out, a boundary
moved by one, a filter or an argument dropped, an error swallowed. Text that is only read by people
(anything with a space in it, formatted strings, messages and remedies) is left alone.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    Slot = tuple[ast.AST, str, int | None, ast.AST]
    """Parent, field, index in the field or None, and the node there."""

WORDS = frozenset(
    {"message", "remedy", "hint", "detail", "reason", "why", "command", "summary", "about"}
)
"""Keyword arguments whose values people read."""
NOT_RUN = frozenset({"annotation", "returns", "decorator_list", "type_params"})
CONDITIONS = (ast.If, ast.IfExp, ast.While)
COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
RENAMED = {
    "any": "all",
    "all": "any",
    "min": "max",
    "max": "min",
    "sorted": "list",
    "startswith": "endswith",
    "endswith": "startswith",
    "isdisjoint": "issuperset",
}
CLEANING = frozenset({"casefold", "strip", "lstrip", "rstrip", "upper", "lower"})
REMOVED = (ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)


def faults(root: ast.AST) -> Iterator[tuple[ast.AST, str, str]]:
    """Plant one fault after the other; the tree holds it until the next one is asked for.

    Yields the node that was there, and its source before and after.
    """
    rebound = _rebound(root)
    for parent, field, index, node in list(_slots(root)):
        if _is_read_by_people(parent, field, node):
            continue
        for new in _instead(parent, field, node, root, rebound):
            _put(parent, field, index, ast.fix_missing_locations(ast.copy_location(new, node)))
            yield node, ast.unparse(node), ast.unparse(new)
            _put(parent, field, index, node)


def _put(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def _slots(node: ast.AST) -> Iterator[Slot]:
    for field, value in ast.iter_fields(node):
        if field in NOT_RUN:
            continue
        for index, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(child, ast.AST):
                yield node, field, index if isinstance(value, list) else None, child
                if not isinstance(child, ast.JoinedStr):
                    yield from _slots(child)


def _rebound(root: ast.AST) -> frozenset[str]:
    """Return the names that are bound more than once, whose later binding can be left out."""
    bound: list[str] = [node.arg for node in ast.walk(root) if isinstance(node, ast.arg)]
    for node in ast.walk(root):
        if isinstance(node, ast.Assign):
            bound += [one.id for one in node.targets if isinstance(one, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            bound.append(node.target.id)
    return frozenset(name for name in bound if bound.count(name) > 1)


def _is_read_by_people(parent: ast.AST, field: str, node: ast.AST) -> bool:
    if isinstance(parent, ast.keyword) and field == "value" and parent.arg in WORDS:
        return True
    if isinstance(node, ast.keyword) and node.arg in WORDS:
        return True
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        joins = isinstance(parent, ast.Attribute) and parent.attr == "join"
        return joins or " " in node.value or isinstance(parent, ast.Expr)
    return isinstance(node, ast.JoinedStr)


def _instead(
    parent: ast.AST, field: str, node: ast.AST, root: ast.AST, rebound: frozenset[str]
) -> Iterator[ast.AST]:
    """Return what could stand there by mistake."""
    is_condition = isinstance(parent, CONDITIONS) and field == "test"
    if is_condition and not isinstance(parent, ast.While):
        yield ast.Constant(value=True)
    if is_condition:
        yield ast.Constant(value=False)
    if isinstance(parent, ast.comprehension) and field == "ifs":
        yield ast.Constant(value=True)
    if isinstance(parent, (ast.For, ast.comprehension)) and field == "iter":
        yield ast.Tuple(elts=[], ctx=ast.Load())
    if isinstance(node, ast.stmt):
        yield from _statements(node, root, rebound)
    if isinstance(node, ast.ExceptHandler):
        yield ast.ExceptHandler(type=node.type, name=node.name, body=[ast.Raise()])
    if isinstance(node, ast.expr):
        yield from _expressions(parent, node)


def _statements(node: ast.stmt, root: ast.AST, rebound: frozenset[str]) -> Iterator[ast.stmt]:
    if isinstance(node, REMOVED) or (
        isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
    ):
        yield ast.Pass()
    if isinstance(node, ast.Continue):
        yield ast.Break()
    if isinstance(node, ast.Assign):
        first = node.targets[0]
        if not isinstance(first, ast.Name) or first.id in rebound:
            yield ast.Pass()
    if isinstance(node, ast.Return) and node.value is not None:
        kind = ast.unparse(getattr(root, "returns", None) or ast.Constant(value=None))
        values = {"bool": ("True", "False"), "str": ("''",)}.get(kind, ("None",))
        if kind.startswith(("tuple", "list", "frozenset", "set", "Sequence")):
            values = ("()",)
        for text in values:
            if text != ast.unparse(node.value):
                yield ast.Return(value=ast.parse(text, mode="eval").body)


def _expressions(parent: ast.AST, node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.Compare):
        for index, old in enumerate(node.ops):
            for kind in COMPARED[type(old)]:
                ops = [*node.ops[:index], kind(), *node.ops[index + 1 :]]
                yield ast.Compare(left=node.left, ops=ops, comparators=node.comparators)
    elif isinstance(node, ast.Constant):
        yield from map(_constant, _other_values(node.value))
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    elif isinstance(node, (ast.BoolOp, ast.UnaryOp, ast.BinOp)):
        yield from _operations(node)
    elif isinstance(node, (ast.Tuple, ast.List, ast.Set, ast.Dict)):
        yield from _displays(parent, node)


def _operations(node: ast.BoolOp | ast.UnaryOp | ast.BinOp) -> Iterator[ast.expr]:
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield ast.BoolOp(op=other, values=node.values)
        for values in _without_each(node.values):
            yield values[0] if len(values) == 1 else ast.BoolOp(op=node.op, values=values)
    elif isinstance(node, ast.UnaryOp):
        if isinstance(node.op, (ast.Not, ast.USub)):
            yield node.operand
    elif not any(isinstance(side, ast.JoinedStr) for side in (node.left, node.right)):
        if kind := COMPUTED.get(type(node.op)):
            yield ast.BinOp(left=node.left, op=kind(), right=node.right)
        yield node.left
        if isinstance(node.op, (ast.BitOr, ast.BitAnd)):
            yield node.right


def _displays(
    parent: ast.AST, node: ast.Tuple | ast.List | ast.Set | ast.Dict
) -> Iterator[ast.expr]:
    if isinstance(node, ast.Dict):
        for index in range(len(node.keys) if len(node.keys) > 1 else 0):
            keys = node.keys[:index] + node.keys[index + 1 :]
            yield ast.Dict(keys=keys, values=node.values[:index] + node.values[index + 1 :])
        return
    listed = isinstance(parent, (ast.Compare, ast.For, ast.comprehension, ast.AnnAssign))
    if not listed and not any(isinstance(one, ast.Starred) for one in node.elts):
        return
    if isinstance(getattr(node, "ctx", None), ast.Store) or len(node.elts) == 1:
        return
    for elements in _without_each(node.elts):
        if isinstance(node, ast.Set):
            yield ast.Set(elts=elements)
        else:
            yield type(node)(elts=elements, ctx=ast.Load())


def _without_each(values: list[ast.expr]) -> Iterator[list[ast.expr]]:
    for index in range(len(values)):
        yield values[:index] + values[index + 1 :]


def _constant(value: object) -> ast.Constant:
    return ast.Constant(value=value)


def _other_values(value: object) -> Iterator[object]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
        if value > 0:
            yield value - 1
    elif isinstance(value, str):
        yield f"XX{value}"


def _calls(node: ast.Call) -> Iterator[ast.expr]:
    for index, given in enumerate(node.keywords):
        if given.arg is not None and given.arg not in WORDS:
            kept = node.keywords[:index] + node.keywords[index + 1 :]
            yield ast.Call(func=node.func, args=node.args, keywords=kept)
    called = node.func
    if isinstance(called, ast.Name) and called.id in RENAMED:
        name = ast.Name(id=RENAMED[called.id], ctx=ast.Load())
        keywords = [] if name.id == "list" else node.keywords
        yield ast.Call(func=name, args=node.args, keywords=keywords)
    elif isinstance(called, ast.Attribute):
        if called.attr in RENAMED:
            other = ast.Attribute(value=called.value, attr=RENAMED[called.attr], ctx=ast.Load())
            yield ast.Call(func=other, args=node.args, keywords=node.keywords)
        elif called.attr in CLEANING and not node.args:
            yield called.value
