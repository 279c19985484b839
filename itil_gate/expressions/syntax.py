"""The messages of cel/expr/checked.proto: from the engine's bytes to a tree, and to what is run.

The engine hands out a checked expression only as bytes, so the few messages it consists of (CEL
specification, proto/cel/expr/syntax.proto and checked.proto) are described here.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf import any_pb2, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from itil_gate.expressions.shapes import Many, Record, Scalar, Table
from itil_gate.expressions.strict import make_strict, parts_of
from itil_gate.expressions.tree import (
    COMPUTED,
    Call,
    Constant,
    Fold,
    Items,
    Message,
    Name,
    Node,
    Pairs,
    Path,
    Select,
)
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from itil_gate.expressions.shapes import Shape

_INT64, _INT32, _UINT64 = (
    FieldDescriptorProto.TYPE_INT64,
    FieldDescriptorProto.TYPE_INT32,
    FieldDescriptorProto.TYPE_UINT64,
)
_TEXT, _SWITCH, _DOUBLE, _BYTES = (
    FieldDescriptorProto.TYPE_STRING,
    FieldDescriptorProto.TYPE_BOOL,
    FieldDescriptorProto.TYPE_DOUBLE,
    FieldDescriptorProto.TYPE_BYTES,
)
_MESSAGES: dict[str, str] = {
    "Nothing": "",
    "Expr": "id:2 const_expr:3=Constant? ident_expr:4=Ident? select_expr:5=Select? "
    "call_expr:6=Call? list_expr:7=CreateList? struct_expr:8=CreateStruct? "
    "comprehension_expr:9=Comprehension?",
    "Ident": "name:1=text",
    "Select": "operand:1=Expr field:2=text test_only:3=switch",
    "Call": "target:1=Expr function:2=text args:3=Expr*",
    "CreateList": "elements:1=Expr*",
    "CreateStruct": "message_name:1=text entries:2=Entry*",
    "Entry": "id:1 field_key:2=text map_key:3=Expr value:4=Expr",
    "Comprehension": "iter_var:1=text iter_range:2=Expr accu_var:3=text accu_init:4=Expr "
    "loop_condition:5=Expr loop_step:6=Expr result:7=Expr iter_var2:8=text",
    "Constant": "null_value:1=int32? bool_value:2=switch? int64_value:3? uint64_value:4=uint64? "
    "double_value:5=double? string_value:6=text? bytes_value:7=bytes?",
    "Position": "key:1 value:2=int32",
    "SourceInfo": "positions:4=Position*",
    "Type": "dyn:1=Nothing? null:2=int32? primitive:3=int32? wrapper:4=int32? well_known:5=int32? "
    "list_type:6=ListType? map_type:7=MapType? message_type:9=text? type_param:10=text? "
    "type:11=Type?",
    "ListType": "elem_type:1=Type",
    "MapType": "key_type:1=Type value_type:2=Type",
    "TypeOf": "key:1 value:2=Type",
    "Reference": "name:1=text overload_id:3=text*",
    "ReferenceOf": "key:1 value:2=Reference",
    "CheckedExpr": "reference_map:2=ReferenceOf* type_map:3=TypeOf* expr:4=Expr "
    "source_info:5=SourceInfo",
}
"""Fields as `name:number=type`, int64 where no type is said; `?` is a choice, `*` repeated."""
_KINDS = {
    "": _INT64,
    "int32": _INT32,
    "uint64": _UINT64,
    "text": _TEXT,
    "switch": _SWITCH,
    "double": _DOUBLE,
    "bytes": _BYTES,
}
_FIELD = re.compile(r"(\w+):(\d+)(?:=(\w+))?([?*]?)")
_PRIMITIVE = ("", "bool", "int", "uint", "double", "string", "bytes")
_WELL_KNOWN = ("", "any", "timestamp", "duration")


@frozen
class Checked:
    """A checked expression: its tree, and the bytes to be evaluated."""

    tree: Node
    program: bytes


def read_checked(
    data: bytes, text: str, variables: Mapping[str, Shape], results: Mapping[str, Shape]
) -> Checked:
    """Return the tree of what the engine serialized, and the strict form of its bytes.

    `text` is the expression itself, in which places of names are looked up; `variables` and
    `results` are the shapes of variables and of what functions return. Raises
    google.protobuf.message.DecodeError if the expression is nested too deeply to be read.
    """
    envelope = any_pb2.Any.FromString(data)
    checked = _checked_class().FromString(envelope.value)
    tree = _Builder(checked, text, variables, results).tree()
    make_strict(checked)
    envelope.value = checked.SerializeToString()
    return Checked(tree, envelope.SerializeToString())


@cache
def _checked_class() -> Any:
    file = FileDescriptorProto(name="checked.proto", package="cel.expr", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, mark in _FIELD.findall(fields):
            described = message.field.add(name=field, number=int(number))
            described.label = (
                FieldDescriptorProto.LABEL_REPEATED
                if mark == "*"
                else FieldDescriptorProto.LABEL_OPTIONAL
            )
            if kind in _KINDS:
                described.type = _KINDS[kind]
            else:
                described.type = FieldDescriptorProto.TYPE_MESSAGE
                described.type_name = f".cel.expr.{kind}"
            if mark == "?":
                if not message.oneof_decl:
                    message.oneof_decl.add(name="kind")
                described.oneof_index = 0
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("cel.expr.CheckedExpr"))


class _Builder:
    """Makes the tree, following names, shapes and paths from the outside in."""

    def __init__(
        self,
        checked: Any,
        text: str,
        variables: Mapping[str, Shape],
        results: Mapping[str, Shape],
    ) -> None:
        self._root = checked.expr
        self._text = text
        self._types = {each.key: _type(each.value) for each in checked.type_map}
        self._positions = {each.key: each.value for each in checked.source_info.positions}
        self._variables = variables
        self._results = results
        self._macros = 0

    def tree(self) -> Node:
        return self._node(self._root, {})

    def _node(self, expr: Any, scope: Mapping[str, Node]) -> Node:
        kind = expr.WhichOneof("kind")
        offset, type_ = self._positions.get(expr.id, 0), self._types.get(expr.id, "dyn")
        if kind == "const_expr":
            return Constant(offset, type_, None, None, _value(expr.const_expr))
        if kind == "ident_expr":
            return self._name(expr.ident_expr.name, offset, type_, scope)
        if kind == "select_expr":
            return self._select(expr.select_expr, offset, type_, scope)
        if kind == "call_expr":
            return self._call(expr.call_expr, offset, type_, scope)
        if kind == "list_expr":
            items = tuple(self._node(each, scope) for each in expr.list_expr.elements)
            same = items and all(each.shape == items[0].shape for each in items)
            shape = Many(items[0].shape) if same and items[0].shape else None
            return Items(offset, type_, shape, None, items)
        if kind == "struct_expr":
            parts = tuple(self._node(part, scope) for part in parts_of(expr.struct_expr))
            made = Message if expr.struct_expr.message_name else Pairs
            return made(offset, type_, None, None, parts)
        return self._fold(expr.comprehension_expr, offset, type_, scope)

    def _name(self, name: str, offset: int, type_: str, scope: Mapping[str, Node]) -> Node:
        known = name.removeprefix(".")  # a leading dot means the outermost scope
        if name in scope:
            item = scope[name]
            return Name(offset, type_, item.shape, item.path, name)
        return Name(offset, type_, self._variables.get(known), (known,), known)

    def _select(self, select: Any, offset: int, type_: str, scope: Mapping[str, Node]) -> Node:
        operand = self._node(select.operand, scope)
        path = (*operand.path, select.field) if operand.path else None
        shape: Shape | None = None
        optional = True
        if isinstance(operand.shape, Record) and (field := operand.shape.fields.get(select.field)):
            shape, optional = field.shape, field.optional
        elif isinstance(operand.shape, Table):
            shape = operand.shape.value
        if select.test_only:
            shape = Scalar("bool")
        named = self._text.find(select.field, offset)
        where = named if named >= 0 else offset
        return Select(where, type_, shape, path, operand, select.field, optional, select.test_only)

    def _call(self, call: Any, offset: int, type_: str, scope: Mapping[str, Node]) -> Node:
        parts = [call.target, *call.args] if call.HasField("target") else call.args
        arguments = tuple(self._node(part, scope) for part in parts)
        named = self._text.rfind(call.function, 0, offset + 1)
        shape = self._results.get(call.function)
        if call.function == "_?_:_" and arguments[1].shape == arguments[2].shape:
            shape = arguments[1].shape
        return Call(named if named >= 0 else offset, type_, shape, None, call.function, arguments)

    def _fold(self, fold: Any, offset: int, type_: str, scope: Mapping[str, Node]) -> Node:
        self._macros += 1
        over = self._node(fold.iter_range, scope)
        item: Shape | None = None
        if isinstance(over.shape, Many):
            item = over.shape.item
        elif isinstance(over.shape, Table):
            item = over.shape.key
        path: Path = (*(over.path or (COMPUTED,)), self._macros)
        inner = {
            **scope,
            fold.iter_var: Name(offset, "", item, path, fold.iter_var),
            fold.accu_var: Name(offset, "", None, None, fold.accu_var),
        }
        step = self._node(fold.loop_step, inner)
        kept = _keeps_items(fold)
        return Fold(
            offset,
            type_,
            over.shape if kept else None,
            over.path if kept else None,
            over,
            self._node(fold.accu_init, scope),
            self._node(fold.loop_condition, inner),
            step,
            self._node(fold.result, inner),
        )


def _keeps_items(fold: Any) -> bool:
    """Tell whether a macro is a filter: a list of some of the items of another."""
    step = fold.loop_step.call_expr
    if step.function != "_?_:_":
        return False
    added = step.args[1].call_expr
    if added.function != "_+_" or len(added.args) != 2:  # noqa: PLR2004  # accumulator and list
        return False
    elements = added.args[1].list_expr.elements
    return len(elements) == 1 and elements[0].ident_expr.name == fold.iter_var


def _value(constant: Any) -> Any:
    kind = constant.WhichOneof("kind")
    return None if kind == "null_value" else getattr(constant, kind)


def _type(described: Any) -> str:
    """Return a type as the engine writes it in its messages, the well-known ones in short."""
    kind = described.WhichOneof("kind")
    if kind == "primitive":
        return _PRIMITIVE[described.primitive]
    if kind == "well_known":
        return _WELL_KNOWN[described.well_known]
    if kind == "list_type":
        return f"list({_type(described.list_type.elem_type)})"
    if kind == "map_type":
        both = described.map_type
        return f"map({_type(both.key_type)}, {_type(both.value_type)})"
    if kind == "message_type":
        return str(described.message_type)
    return {"null": "null", "type": "type", "wrapper": "wrapper"}.get(kind or "", "dyn")
