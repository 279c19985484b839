"""What the values look like that an expression may read, found out from pydantic models.

A shape is what the types of the engine and our own checks are made from. It refuses what a policy
could misread: floating-point numbers, lists that may be missing, unions. Free-form JSON is left
out, so expressions cannot read it.
"""

from __future__ import annotations

from datetime import date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, JsonValue

from itil_gate.model.base import Duration, LocalTime
from itil_gate.model.frozen import frozen
from itil_gate.model.made import Made

Kind = Literal["string", "int", "bool", "timestamp"]
Written = Literal["", "day", "local-time", "duration", "time-of-day"]
"""How a text is written, where its letters mean something as a whole."""

_NO_NAMES = frozenset(["in", "true", "false", "null"])
"""Words of the language, which cannot name a field."""


@frozen
class Scalar:
    """A single value."""

    kind: Kind
    values: tuple[str | int | bool, ...] = ()
    """All it can be, in declared order; empty where it can be anything of its kind."""
    written: Written = ""


@frozen
class Many:
    """A list, which may be empty and is always there."""

    item: Shape


@frozen
class Table:
    """A mapping, which may be empty and is always there."""

    key: Scalar
    value: Scalar


class Record:
    """The fields of a model, by the names that expressions use; each record is only itself."""

    __slots__ = ("closed", "fields", "model", "name")

    def __init__(self, name: str, model: type[BaseModel]) -> None:
        self.name = name
        self.model = model
        self.fields: dict[str, Field] = {}
        self.closed: set[str] = set()
        """Names of fields that expressions cannot read."""


@frozen
class Field:
    """A field of a record; `attribute` is its name in Python."""

    attribute: str
    shape: Shape
    optional: bool


Shape = Scalar | Many | Table | Record

_PLAIN: dict[Any, Scalar] = {
    str: Scalar("string"),
    int: Scalar("int"),
    bool: Scalar("bool"),
    datetime: Scalar("timestamp"),
    date: Scalar("string", written="day"),
}
_WRITTEN: tuple[tuple[Any, Scalar], ...] = (
    (get_args(LocalTime)[-1], Scalar("string", written="local-time")),
    (get_args(Duration)[-1], Scalar("string", written="duration")),
)
"""Annotations that give a type its way of being written."""
_MODELS: tuple[type[BaseModel], ...] = (BaseModel, Made)
_FREE = (Any, object, JsonValue)


class Shapes:
    """Reads shapes, each model once."""

    def __init__(self) -> None:
        self.records: dict[type[BaseModel], Record] = {}

    def of(self, hint: Any, *, where: str) -> Shape:
        """Return the shape of a type: a model, str, int, bool, datetime or a tuple of those.

        Raises TypeError, naming `where`, for a type that expressions do not have.
        """
        shape, optional = self._read(hint, where)
        if shape is None or optional:
            raise TypeError(f"{where}: {hint} is nothing that an expression can rely on")
        return shape

    def _read(self, hint: Any, where: str) -> tuple[Shape | None, bool]:
        """Return the shape of a type, None where it is free-form, and whether it may be missing."""
        if hint in _FREE:
            return None, False
        if hint in _PLAIN:
            return _PLAIN[hint], False
        if isinstance(hint, type) and issubclass(hint, _MODELS):
            return self._record(hint), False
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self._annotated(arguments, where)
        if origin in {Union, UnionType}:
            return self._union(arguments, where)
        if origin is Literal:
            return _choice(arguments, where)
        if origin is tuple:
            return self._many(arguments, where)
        if origin is dict:
            return self._table(arguments, where)
        if (meant := getattr(hint, "__value__", None)) is not None:  # a named type
            return self._read(meant, where)
        raise TypeError(f"{where}: expressions have no type for {hint}")

    def _annotated(self, arguments: tuple[Any, ...], where: str) -> tuple[Shape | None, bool]:
        for mark, shape in _WRITTEN:
            if mark in arguments[1:]:
                return shape, False
        return self._read(arguments[0], where)

    def _union(self, arguments: tuple[Any, ...], where: str) -> tuple[Shape | None, bool]:
        real = [each for each in arguments if each is not NoneType]
        if len(real) != 1:
            raise TypeError(f"{where}: a value of several types cannot be checked")
        shape, optional = self._read(real[0], where)
        missing = optional or len(real) != len(arguments)
        if missing and isinstance(shape, (Many, Table)):
            raise TypeError(f"{where}: a list or mapping that is missing looks like an empty one")
        return shape, missing

    def _many(self, arguments: tuple[Any, ...], where: str) -> tuple[Shape | None, bool]:
        if len(arguments) != 2 or arguments[1] is not Ellipsis:  # noqa: PLR2004  # tuple[T, ...]
            raise TypeError(f"{where}: only tuples of one type and any length are lists")
        item, optional = self._read(arguments[0], f"{where}[]")
        if optional or isinstance(item, (Many, Table)):
            raise TypeError(f"{where}: lists hold values or records that are there")
        return (None if item is None else Many(item)), False

    def _table(self, arguments: tuple[Any, ...], where: str) -> tuple[Shape | None, bool]:
        key, _ = self._read(arguments[0], where)
        value, optional = self._read(arguments[1], where)
        if value is None:
            return None, False
        if optional or not isinstance(key, Scalar) or not isinstance(value, Scalar):
            raise TypeError(f"{where}: mappings go from one value to another")
        if "timestamp" in {key.kind, value.kind}:
            raise TypeError(f"{where}: mappings hold no moments")
        return Table(key, value), False

    def _record(self, model: type[BaseModel]) -> Record:
        if model in self.records:
            return self.records[model]
        taken = {record.name for record in self.records.values()}
        number, name = 1, model.__name__
        while name in taken:
            number += 1
            name = f"{model.__name__}{number}"
        record = self.records[model] = Record(name, model)
        hints = get_type_hints(model, include_extras=True)
        for attribute, info in model.model_fields.items():
            outside = info.alias or attribute
            shape, optional = self._read(hints[attribute], f"{model.__name__}.{attribute}")
            if shape is None:
                record.closed.add(outside)
            elif not (outside.isascii() and outside.isidentifier()) or outside in _NO_NAMES:
                raise TypeError(f"{model.__name__}: {outside} is no name for a field")
            else:
                record.fields[outside] = Field(attribute, shape, optional)
        return record


def _choice(values: tuple[Any, ...], where: str) -> tuple[Shape | None, bool]:
    real = tuple(value for value in values if value is not None)
    kinds = {type(value) for value in real}
    if len(kinds) != 1 or not kinds <= {str, int, bool}:
        raise TypeError(f"{where}: the choices are not all texts, numbers or switches")
    shape = _PLAIN[kinds.pop()]
    return Scalar(shape.kind, real), len(real) != len(values)
