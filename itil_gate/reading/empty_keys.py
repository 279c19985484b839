"""Keys that are written without a value: refused, for leaving a key out and emptying it differ.

Whoever writes `min: ~` or `expires:` means something and has said nothing. What is left out has its
default; a default that comes in by an empty key would be one that nobody chose. A key may be empty
only where its noun gives null a meaning of its own, as a policy test does for what is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from itil_gate.model.base import SPEAKING_NULL
from itil_gate.model.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from itil_gate.reading.document import Document, Path


def empty_keys(document: Document, value: BaseModel) -> tuple[Finding, ...]:
    """Return a finding for every key of a document that is there and has no value.

    `value` is the document as its noun. Plain data inside of it, such as `x-…` fields and merge
    patches, may hold null: it means there what whoever reads it says.
    """
    if not _has_null(document.data):
        return ()
    return tuple(_finding(document, type(value), path) for path in _empty(value, ()))


def refuses_null(field: FieldInfo) -> bool:
    """Tell whether a key may be left out but not be written without a value."""
    return field.default is None and SPEAKING_NULL not in field.metadata


def _finding(document: Document, model: type[BaseModel], path: Path) -> Finding:
    from itil_gate.reading.wording import keys_at, path_text  # noqa: PLC0415  # only for faults

    meaning = keys_at(model, path[:-1]).get(str(path[-1]), "")
    return Finding(
        rule="wrong-type",
        message=f"{path_text(path)} is empty",
        remedy=f"write a value, or remove the key{f': {meaning}' if meaning else ''}",
        place=document.key_place(path),
    )


def _has_null(data: Any) -> bool:
    """Tell whether there is a null anywhere in plain data; most documents have none."""
    nested = [data] if isinstance(data, dict | tuple) else []
    for one in nested:  # which grows
        inside = one.values() if isinstance(one, dict) else one
        if None in inside:
            return True
        nested += [item for item in inside if item.__class__ is dict or item.__class__ is tuple]
    return data is None


def _empty(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _empty(item, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _empty(item, (*path, key))
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            if name not in value.model_fields_set:
                continue
            key = (*path, field.alias or name)
            item = getattr(value, name)
            if item is not None:
                yield from _empty(item, key)
            elif refuses_null(field):
                yield key
