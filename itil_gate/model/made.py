"""Values that the gate makes itself: typed by the checker, not validated again at run time.

A value made in our own code is what mypy says it is. Making a pydantic class of each kind of value
would be a tenth of a check's time, and building their validators half of its work. So at run time
these are plain frozen objects; the checker sees models, and a model is made of a class when text
from outside is read into it (`model_validate_json`) or its schema is asked for, which a check
never does.
"""

from functools import cache
from inspect import get_annotations
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, core_schema

from itil_gate.model.base import Model

_REQUIRED: Any = object()


class _Fields:
    """What a class says of its fields, made when somebody asks."""

    def __get__(self, _value: object, cls: type) -> dict[str, FieldInfo]:
        return _describe(cls)


if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel, GetCoreSchemaHandler

    class Made(Model):
        """A frozen value of our own making; see the module."""

else:

    class Made:
        """A frozen value of our own making; see the module."""

        model_fields = _Fields()
        """Every field by its name: default, description, and the alias it has outside."""
        _fields: ClassVar[dict[str, Any]] = {}
        """Every field by its name with what was written for it in the class."""

        def __init_subclass__(cls) -> None:
            """Note the fields of a new class, after those of its base."""
            own = get_annotations(cls)
            written = cls.__dict__
            cls._fields = cls._fields | {name: written.get(name, _REQUIRED) for name in own}

        def __init__(self, /, **values: Any) -> None:
            """Take these values and defaults for the others. Raises TypeError for other names."""
            fields = self._fields
            if len(values) != len(fields):
                for name in fields.keys() - values.keys():
                    values[name] = _default(type(self), name, fields[name])
            if len(values) != len(fields):
                unknown = ", ".join(sorted(values.keys() - fields.keys()))
                raise TypeError(f"{type(self).__name__} has no field {unknown}")
            object.__setattr__(self, "__dict__", values)

        def __setattr__(self, name: str, value: object) -> None:
            """Refuse: a value does not change."""
            raise AttributeError(f"{type(self).__name__} is frozen, {name} cannot be set")

        __delattr__ = None

        def __eq__(self, other: object) -> bool:
            """Compare by class and content."""
            return type(other) is type(self) and other.__dict__ == self.__dict__

        def __hash__(self) -> int:
            """Hash by content."""
            return hash((type(self), *(self.__dict__[name] for name in self._fields)))

        def __repr__(self) -> str:
            """Write the value as the call that makes it."""
            inner = ", ".join(f"{name}={self.__dict__[name]!r}" for name in self._fields)
            return f"{type(self).__name__}({inner})"

        def model_copy(self, *, update: "Mapping[str, Any] | None" = None) -> Self:
            """Return a copy with some fields replaced."""
            return type(self)(**(self.__dict__ | dict(update or {})))

        def model_dump(self, *, mode: str = "json", by_alias: bool = False) -> Any:
            """Return plain JSON values; there is no other mode."""
            from itil_gate.model.canonical import as_json  # noqa: PLC0415 - it knows this class

            if mode != "json":
                raise TypeError(f"there is no mode {mode}")
            return as_json(self, by_alias=by_alias, floats=True)

        def model_dump_json(self) -> str:
            """Return the value as JSON text, fields by their names here."""
            import json  # noqa: PLC0415

            return json.dumps(self.model_dump())

        @classmethod
        def model_validate_json(cls, text: str | bytes) -> Self:
            """Read JSON text. Raises pydantic's ValidationError."""
            return _adapter(cls).validate_json(text)

        @classmethod
        def model_validate(cls, value: Any, *, by_name: bool | None = None) -> Self:
            """Validate Python values. Raises pydantic's ValidationError."""
            return _adapter(cls).validate_python(value, by_name=by_name)

        @classmethod
        def model_json_schema(cls, *, by_alias: bool = True) -> dict[str, Any]:
            """Return the JSON Schema of the class."""
            return _model(cls).model_json_schema(by_alias=by_alias)

        @classmethod
        def __get_pydantic_core_schema__(
            cls, _source: Any, handler: "GetCoreSchemaHandler"
        ) -> core_schema.CoreSchema:
            """Let pydantic validate by the model of this class and hand out this class."""
            read = core_schema.no_info_after_validator_function(
                lambda model: cls(**model.__dict__), handler(_model(cls))
            )
            given = core_schema.union_schema([core_schema.is_instance_schema(cls), read])
            return core_schema.json_or_python_schema(json_schema=read, python_schema=given)


def _default(cls: type, name: str, written: Any) -> Any:
    if not isinstance(written, FieldInfo):
        if written is _REQUIRED:
            raise TypeError(f"{cls.__name__} needs {name}")
        return written
    if written.default is not PydanticUndefined:
        return written.default
    if written.default_factory is not None:
        return written.default_factory()  # type: ignore[call-arg]
    raise TypeError(f"{cls.__name__} needs {name}")


@cache
def _describe(cls: type) -> dict[str, FieldInfo]:
    """Return the fields of a class as pydantic knows them."""
    described = {}
    for base in reversed(cls.__mro__[:-1]):
        for name, annotation in get_annotations(base).items():
            written = cls._fields.get(name)  # type: ignore[attr-defined]
            if name not in cls._fields:  # type: ignore[attr-defined]
                continue
            if written is _REQUIRED:
                field = FieldInfo.from_annotation(annotation)
            else:
                field = FieldInfo.from_annotated_attribute(annotation, written)
            if field.alias is None:
                field.alias = to_camel(name)
            described[name] = field
    return described


@cache
def _model(cls: type) -> "type[BaseModel]":
    """Return the pydantic model with the fields of a class."""
    from pydantic import create_model  # noqa: PLC0415 - only where text is read or described

    fields: dict[str, Any] = {
        name: (field.annotation, field)
        for name, field in cls.model_fields.items()  # type: ignore[attr-defined]
    }
    return create_model(
        cls.__name__, __base__=Model, __doc__=cls.__doc__, __module__=cls.__module__, **fields
    )


@cache
def _adapter(cls: type) -> Any:
    from pydantic import TypeAdapter  # noqa: PLC0415 - only where text is read

    return TypeAdapter(cls)
