"""Signed reports: a DSSE envelope around an in-toto Statement whose predicate is what a tool found.

It says who signed what about which commit, and believes nobody: which of the keys in question hold
is told, and whether one of them is enough is decided elsewhere. Other people's envelopes are taken
in every spelling that DSSE allows, with Ed25519 signatures and whatever key ids they have.

Formats: DSSE v1.0.2 (protocol.md, envelope.md); in-toto attestation framework, spec/v1 (envelope,
statement, digest_set).
"""

from __future__ import annotations

import binascii
import hashlib
import json
from typing import TYPE_CHECKING, Any

from itil_gate.model.facts import ExternalResult, SealFact
from itil_gate.model.frozen import frozen
from itil_gate.reading.external import read_results
from itil_gate.reading.results import UnreadableError, parse_json, tamed
from itil_gate.signing.dsse import IN_TOTO, MAX_SIGNATURES, Envelope, compose, pae
from itil_gate.signing.ed25519 import SIGNATURE_BYTES, fingerprint_of, public_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from itil_gate.signing.ed25519 import Signer

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
GIT_COMMIT, GIT_TREE = "gitCommit", "gitTree"
MOST_SUBJECTS = 100
_MOST_TEXT = 300
_URL_SAFE = str.maketrans("-_", "+/")


@frozen
class _Opened:
    """An envelope and the Statement in it, as they stand."""

    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]
    predicate_type: str
    subjects: tuple[str, ...]
    predicate: Any


def is_envelope(document: Any) -> bool:
    """Whether a JSON value means to be a DSSE envelope; a tool's results never look like one."""
    return isinstance(document, dict) and "payloadType" in document and "signatures" in document


def read_envelope(
    document: Mapping[str, Any], *, name: str, digest: str, keys: Iterable[str]
) -> ExternalResult:
    """Return the results in an envelope, and which of `keys` signed them. Never raises.

    `keys` are `ssh-ed25519 …` lines; one that is none, or is weak, signs nothing. `digest` is the
    SHA-256 of the file. An envelope that cannot be read is a fault, and has no seal.
    """
    try:
        opened = _open(document)
    except UnreadableError as error:
        return ExternalResult(
            name=name, digest=digest, tests=0, fault=f"it is an envelope, and {error}"
        )
    seal = SealFact(
        payload=hashlib.sha256(opened.payload).hexdigest(),
        predicate_type=opened.predicate_type,
        subjects=opened.subjects,
        keys=_signed_by(opened, keys),
        claimed=tuple(tamed(keyid, "")[:_MOST_TEXT] for keyid, _ in opened.signatures),
    )
    found = opened.predicate
    if isinstance(found, dict) and found.keys() == {"results"}:
        # As a predicate has to be an object, conftest's list stands in one.
        found = found["results"]
    result = read_results(found, name=name, digest=digest)
    return result.model_copy(update={"seal": seal})


def seal_report(
    predicate: Any, *, predicate_type: str, commit: str, subject: str, signer: Signer
) -> Envelope:
    """Return an envelope in which a signer vouches for a report about a commit.

    `subject` is the name that the Statement gives the commit, for people; `predicate` a JSON
    object. Raises EnvelopeError or SigningError, and ValueError for what is no JSON.
    """
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": subject, "digest": {GIT_COMMIT: commit}}],
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    # Not RFC 8785, which has no room for the floating-point numbers of some tools.
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return compose(payload.encode(), payload_type=IN_TOTO, signers=[signer])


def _open(document: Mapping[str, Any]) -> _Opened:
    if document["payloadType"] != IN_TOTO:
        raise UnreadableError(f"its payload is no in-toto Statement but {_said(document)}")
    rows = document["signatures"]
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_SIGNATURES:
        raise UnreadableError(f"it does not have 1 to {MAX_SIGNATURES} signatures")
    payload = _bytes(document.get("payload"), what="payload")
    signatures = tuple(map(_signature, rows))
    statement = parse_json(payload)
    if not isinstance(statement, dict) or statement.get("_type") != STATEMENT_TYPE:
        raise UnreadableError(f"its payload is no Statement of type {STATEMENT_TYPE}")
    kind = statement.get("predicateType")
    if not isinstance(kind, str) or not 0 < len(kind) <= _MOST_TEXT:
        raise UnreadableError("its Statement has no predicateType")
    return _Opened(
        payload=payload,
        signatures=signatures,
        predicate_type=tamed(kind, ""),
        subjects=_subjects(statement.get("subject")),
        predicate=statement.get("predicate"),
    )


def _signature(row: Any) -> tuple[str, bytes]:
    if not isinstance(row, dict):
        raise UnreadableError("a signature of it is no object")
    keyid = row.get("keyid", "")
    return keyid if isinstance(keyid, str) else "", _bytes(row.get("sig"), what="signature")


def _subjects(rows: Any) -> tuple[str, ...]:
    """Return what a Statement is about, as `algorithm:value`."""
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST_SUBJECTS:
        raise UnreadableError(f"its Statement does not have 1 to {MOST_SUBJECTS} subjects")
    found: list[str] = []
    for row in rows:
        digests = row.get("digest") if isinstance(row, dict) else None
        if not isinstance(digests, dict) or not digests:
            raise UnreadableError("a subject of its Statement has no digest")
        if not all(isinstance(value, str) for value in digests.values()):
            raise UnreadableError("a digest of its Statement is no text")
        found += [tamed(f"{key}:{value}"[:_MOST_TEXT], "") for key, value in digests.items()]
    return tuple(found)


def _signed_by(opened: _Opened, keys: Iterable[str]) -> tuple[str, ...]:
    """Return the fingerprints of those keys that signed, each once, in their order."""
    from itil_gate.signing import primitives  # noqa: PLC0415 - loads the cryptography package

    message = pae(IN_TOTO, opened.payload)
    return tuple(
        fingerprint_of(public)
        for public in _publics(keys)
        if any(
            len(signature) == SIGNATURE_BYTES
            and primitives.ed25519_holds(public, signature=signature, data=message)
            for _, signature in opened.signatures
        )
    )


def _publics(keys: Iterable[str]) -> Sequence[bytes]:
    found: dict[bytes, None] = {}
    for line in keys:
        try:
            found[public_of(line)] = None
        except ValueError:
            # A weak key, or none at all: nobody's signature holds under it.
            continue
    return list(found)


def _bytes(value: Any, *, what: str) -> bytes:
    if not isinstance(value, str):
        raise UnreadableError(f"its {what} is no text of base64")
    try:
        return binascii.a2b_base64(value.translate(_URL_SAFE).encode("ascii"), strict_mode=True)
    except ValueError as error:
        raise UnreadableError(f"its {what} is not base64") from error


def _said(document: Mapping[str, Any]) -> str:
    kind = document["payloadType"]
    return tamed(kind[:_MOST_TEXT], "nothing") if isinstance(kind, str) else "no text at all"
