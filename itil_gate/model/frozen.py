"""Frozen values made cheaply: a class of fields, without a generated method for each of them.

`dataclasses` writes and compiles five methods for every class, half a millisecond each time; a
check makes some sixty classes, which was a tenth of its time. Here the methods are shared and
read the names of the fields from the class. Fields with factories are not offered, and a value
does not change.
"""

from __future__ import annotations

from inspect import get_annotations
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from collections.abc import Callable

C = TypeVar("C", bound=type)
T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def frozen(cls: C) -> C:
    """Make a class a frozen value of its annotated fields, equal to others by its content.

    Fields are taken in their order or by name; what stands behind `=` in the class is a default.
    A method that the class has of its own is left alone.
    """
    own = [name for name, kind in get_annotations(cls).items() if not _of_class(kind)]
    names = (*getattr(cls, "__match_args__", ()), *own)
    written = {name: getattr(cls, name) for name in names if hasattr(cls, name)}
    methods = {"__match_args__": names, "__init__": _maker(names, written)} | _SHARED
    for name, method in methods.items():
        if name not in cls.__dict__:
            setattr(cls, name, method)
    return cls


def replace(value: T, **changes: Any) -> T:
    """Return a value like this one but for some fields. Raises TypeError for names of none."""
    return type(value)(**(value.__dict__ | changes))


def _of_class(kind: object) -> bool:
    return str(kind).startswith(("ClassVar", "typing.ClassVar"))


def _maker(names: tuple[str, ...], defaults: dict[str, Any]) -> Callable[..., None]:
    count = len(names)

    def __init__(self: Any, /, *given: Any, **named: Any) -> None:  # noqa: N807
        held = self.__dict__
        held.update(defaults)
        held.update(zip(names, given, strict=False))
        if named:
            if given and not named.keys().isdisjoint(names[: len(given)]):
                raise TypeError(f"{type(self).__name__} was given a field twice")
            held.update(named)
        if len(held) != count or len(given) > count:
            _refuse_others(type(self).__name__, names, held, len(given))

    return __init__


def _refuse_others(kind: str, names: tuple[str, ...], held: dict[str, Any], given: int) -> None:
    if unknown := sorted(held.keys() - set(names)):
        raise TypeError(f"{kind} has no field {', '.join(unknown)}")
    if missing := [name for name in names if name not in held]:
        raise TypeError(f"{kind} needs {', '.join(missing)}")
    if given > len(names):
        raise TypeError(f"{kind} has {len(names)} fields, not {given}")


def _same(self: Any, other: object) -> bool:
    return type(other) is type(self) and other.__dict__ == self.__dict__


def _hash(self: Any) -> int:
    return hash((type(self), *map(self.__dict__.__getitem__, self.__match_args__)))


def _text(self: Any) -> str:
    inner = ", ".join(f"{name}={self.__dict__[name]!r}" for name in self.__match_args__)
    return f"{type(self).__qualname__}({inner})"


def _refuse_change(self: Any, name: str, _value: object) -> None:
    raise AttributeError(f"{type(self).__name__} is frozen, {name} cannot be set")


def _refuse_removal(self: Any, name: str) -> None:
    raise AttributeError(f"{type(self).__name__} is frozen, {name} cannot be removed")


_SHARED: dict[str, Any] = {
    "__eq__": _same,
    "__hash__": _hash,
    "__repr__": _text,
    "__setattr__": _refuse_change,
    "__delattr__": _refuse_removal,
}
