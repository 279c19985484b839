"""Protobuf descriptors made from shapes, and messages filled from model values.

Every single value has presence (proto3 `optional`), so `has()` asks whether it is there and never
whether it is zero. Times are UTC; days and local times are texts that sort as they should. A
local time is never a moment, for only its zone would make it one.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf import duration_pb2, message_factory, timestamp_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool

from itil_gate.expressions.shapes import Many, Record, Scalar, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from itil_gate.expressions.shapes import Shape

PACKAGE = "gate"
_TYPES = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "int": FieldDescriptorProto.TYPE_INT64,
    "bool": FieldDescriptorProto.TYPE_BOOL,
}
_ONE, _REPEATED = FieldDescriptorProto.LABEL_OPTIONAL, FieldDescriptorProto.LABEL_REPEATED
_MOMENT = ".google.protobuf.Timestamp"


def message_name(record: Record) -> str:
    """Return the name by which the engine knows a record."""
    return f"{PACKAGE}.{record.name}"


class Schema:
    """The message types of some records, and how they are filled."""

    def __init__(self, records: Iterable[Record]) -> None:
        file = FileDescriptorProto(
            name="gate.proto",
            package=PACKAGE,
            syntax="proto3",
            dependency=[timestamp_pb2.DESCRIPTOR.name],
        )
        known = tuple(records)
        for record in known:
            _describe(file.message_type.add(name=record.name), record)
        self.pool = DescriptorPool()
        for described in (timestamp_pb2.DESCRIPTOR, duration_pb2.DESCRIPTOR):
            self.pool.AddSerializedFile(described.serialized_pb)
        self.pool.AddSerializedFile(file.SerializeToString())
        self._plans = {record: self._plan(record) for record in known}

    def to_message(self, record: Record, value: Any) -> Any:
        """Return the message of a value of a record's model.

        Raises TypeError for a value of another model or a field of another type than it says,
        ValueError for a number beyond 64 bits, a moment without offset or a broken text.
        """
        message = self._plans[record].create()
        self._fill(message, record, value)
        return message

    def _plan(self, record: Record) -> _Plan:
        described = self.pool.FindMessageTypeByName(message_name(record))
        steps = tuple(
            _Step(name, field.attribute, field.optional, field.shape)
            for name, field in record.fields.items()
        )
        return _Plan(message_factory.GetMessageClass(described), steps)

    def _fill(self, message: Any, record: Record, value: Any) -> None:
        if not isinstance(value, record.model):
            raise TypeError(f"{type(value).__name__} is no {record.model.__name__}")
        for name, attribute, optional, shape in self._plans[record].steps:
            item = getattr(value, attribute)
            if item is None and optional:
                continue
            if isinstance(shape, Scalar):
                if shape.kind == "timestamp":
                    getattr(message, name).FromDatetime(moment(item))
                else:
                    setattr(message, name, _chosen(shape, plain(item)))
            elif isinstance(shape, Record):
                inner = getattr(message, name)
                inner.SetInParent()  # an empty record is there as well
                self._fill(inner, shape, item)
            elif isinstance(shape, Table):
                getattr(message, name).update(item)
            else:
                self._fill_list(getattr(message, name), shape.item, item)

    def _fill_list(self, repeated: Any, shape: Shape, items: tuple[Any, ...]) -> None:
        if isinstance(shape, Record):
            for item in items:
                self._fill(repeated.add(), shape, item)
        elif isinstance(shape, Scalar) and shape.kind == "timestamp":
            for item in items:
                repeated.add().FromDatetime(moment(item))
        elif isinstance(shape, Scalar) and (shape.values or shape.written):
            repeated.extend(_chosen(shape, plain(item)) for item in items)
        else:
            repeated.extend(items)


class _Step(NamedTuple):
    name: str
    attribute: str
    optional: bool
    shape: Shape


class _Plan(NamedTuple):
    create: Callable[[], Any]
    steps: tuple[_Step, ...]


def moment(value: Any) -> datetime:
    """Return a moment that has an offset. Raises TypeError or ValueError for anything else."""
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} is no moment")
    if value.tzinfo is None:
        raise ValueError("a local time without zone is no moment")
    return value


def plain(value: Any) -> Any:
    """Return days and local times as the text that people write, anything else as it is."""
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            raise ValueError("a local time has no offset")
        exact = value.second or value.microsecond
        return value.isoformat() if exact else value.isoformat(timespec="minutes")
    return value.isoformat() if isinstance(value, date) else value


def _chosen(shape: Scalar, value: Any) -> Any:
    """Return a value that is among those that conditions were checked against."""
    if shape.values and value not in shape.values:
        raise ValueError(f"{str(value)[:60]} is none of the values it can have")
    return value


def _describe(message: DescriptorProto, record: Record) -> None:
    for number, (name, field) in enumerate(record.fields.items(), start=1):
        shape = field.shape
        label = _REPEATED if isinstance(shape, (Many, Table)) else _ONE
        described = message.field.add(name=name, number=number, label=label)
        if isinstance(shape, Table):
            entry = f"{name[0].upper()}{name[1:]}Entry"
            _entry(message.nested_type.add(name=entry), shape)
            described.type = FieldDescriptorProto.TYPE_MESSAGE
            described.type_name = f".{PACKAGE}.{record.name}.{entry}"
            continue
        _typed(described, shape.item if isinstance(shape, Many) else shape)
        if isinstance(shape, Scalar) and shape.kind != "timestamp":
            described.proto3_optional = True
            described.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{name}")


def _entry(message: DescriptorProto, table: Table) -> None:
    message.options.map_entry = True
    for number, (name, shape) in enumerate((("key", table.key), ("value", table.value)), start=1):
        _typed(message.field.add(name=name, number=number, label=_ONE), shape)


def _typed(field: FieldDescriptorProto, shape: Shape) -> None:
    if isinstance(shape, Record):
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{message_name(shape)}"
    elif isinstance(shape, Scalar) and shape.kind != "timestamp":
        field.type = _TYPES[shape.kind]
    else:
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, _MOMENT
