"""One byte string for one value: the RFC 8785 form of models, and its SHA-256.

The nouns hold no floating-point numbers and only ASCII keys, so sorted, compact JSON is already
the JSON Canonicalization Scheme; the tests hold it against an independent implementation.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.model.base import Model


def canonical(value: Model | Sequence[Model]) -> bytes:
    """Return the RFC 8785 form of a model or of a list of models, in UTF-8."""
    plain = [_plain(item) for item in value] if isinstance(value, (list, tuple)) else _plain(value)  # type: ignore[arg-type]
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Model | Sequence[Model]) -> str:
    """Return the SHA-256 of the canonical form, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _plain(value: Model) -> object:
    return value.model_dump(mode="json", by_alias=True)
