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


def as_json(value: object) -> object:
    """Return a value as plain JSON, keys as they are written outside, moments in UTC with Z.

    The same as pydantic's own JSON mode, without the serializers that would have to be built.
    Raises TypeError for what the nouns do not hold.
    """
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, BaseModel):
        names = _aliases(type(value))
        return {names[name]: as_json(item) for name, item in value.__dict__.items()}
    if isinstance(value, (tuple, list)):
        return [as_json(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} has no canonical form")


@lru_cache(maxsize=256)
def _aliases(model: type[BaseModel]) -> dict[str, str]:
    return {name: field.alias or name for name, field in model.model_fields.items()}
