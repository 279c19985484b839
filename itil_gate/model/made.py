"""Values that the gate makes itself: typed by the checker, not validated again at run time.

Text from outside is always validated: `model_validate` and `model_validate_json` work as for any
model. But a value made in our own code is what mypy says it is, and building pydantic's validators
for all of them would be half the time of a check. So calling such a class fills in its defaults,
refuses missing and unknown fields, and believes the rest.
"""

from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic._internal._model_construction import ModelMetaclass
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from itil_gate.model.base import Model

M = TypeVar("M", bound=BaseModel)


class _MadeMeta(ModelMetaclass):
    """Makes calling the class construct a value without validating it."""

    def __call__(cls: type[M], **values: Any) -> M:  # type: ignore[misc]  # noqa: N805
        """Return a value with these fields and defaults for the others. Raises TypeError."""
        fields = cls.model_fields
        for name in fields.keys() - values.keys():
            values[name] = _default(cls, name, fields[name])
        if len(values) != len(fields):
            unknown = ", ".join(sorted(values.keys() - fields.keys()))
            raise TypeError(f"{cls.__name__} has no field {unknown}")
        made = cls.__new__(cls)
        object.__setattr__(made, "__dict__", values)
        object.__setattr__(made, "__pydantic_fields_set__", set(values))
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made


class Made(Model, metaclass=_MadeMeta):
    """A frozen value of our own making; see the module."""


def _default(cls: type[BaseModel], name: str, field: FieldInfo) -> Any:
    if field.default is not PydanticUndefined:
        return field.default
    if field.default_factory is not None:
        return field.default_factory()  # type: ignore[call-arg]
    raise TypeError(f"{cls.__name__} needs {name}")
