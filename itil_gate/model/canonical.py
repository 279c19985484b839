"""One byte string for one value: the RFC 8785 form of models, and its SHA-256.

The nouns hold no floating-point numbers and only ASCII keys, so sorted, compact JSON is already
the JSON Canonicalization Scheme; the tests hold it against an independent implementation.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import BaseModel

from itil_gate.model.made import Made

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.model.base import Model


def canonical(value: Model | Sequence[Model]) -> bytes:
    """Return the RFC 8785 form of a model or of a list of models, in UTF-8."""
    plain = as_json(value)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Model | Sequence[Model]) -> str:
    """Return the SHA-256 of the canonical form, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def as_json(value: object, *, by_alias: bool = True, floats: bool = False) -> object:
    """Return a value as plain JSON, keys as they are written outside, moments in UTC with Z.

    The same as pydantic's own JSON mode, without the serializers that would have to be built.
    Raises TypeError for what the nouns do not hold;
    floating-point numbers only stand in requests, and have no canonical form here.
    """
    if value is None or isinstance(value, (str, int)) or (floats and isinstance(value, float)):
        return value
    if isinstance(value, (BaseModel, Made)):
        names = _names(type(value), by_alias)
        return {
            names[name]: as_json(item, by_alias=by_alias, floats=floats)
            for name, item in value.__dict__.items()
        }
    if isinstance(value, (tuple, list)):
        return [as_json(item, by_alias=by_alias, floats=floats) for item in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {
            str(key): as_json(item, by_alias=by_alias, floats=floats) for key, item in value.items()
        }
    raise TypeError(f"{type(value).__name__} has no canonical form")


@lru_cache(maxsize=256)
def _names(model: type[BaseModel], by_alias: bool) -> dict[str, str]:  # noqa: FBT001 - for the cache
    return {
        name: (field.alias or name) if by_alias else name
        for name, field in model.model_fields.items()
    }
