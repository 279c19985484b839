"""Reports of other tools as they are handed in: plain, or in an envelope that somebody signed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from itil_gate.reading.external import read_external
from itil_gate.reading.results import UnreadableError, parse_json
from itil_gate.signing.report import is_envelope, read_envelope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.model.facts import ExternalResult

_MARK = b"payloadType"


def read_report(data: bytes, *, name: str, keys: Sequence[str]) -> ExternalResult:
    """Return the results in a file's bytes, signed or not. Never raises.

    `name` is that of the ExternalCheck they answer, `keys` are the `ssh-ed25519 …` lines whose
    signatures are looked for. What cannot be read has a fault.
    """
    if _MARK in data:
        try:
            document = parse_json(data)
        except UnreadableError:
            document = None
        if is_envelope(document):
            digest = hashlib.sha256(data).hexdigest()
            return read_envelope(document, name=name, digest=digest, keys=keys)
    return read_external(data, name=name)
