"""Provenance of others: SLSA statements in DSSE envelopes, believed from listed builders only.

What is wrong with an attestation is in the answer: a bad one is a reason to refuse, and no error of
the gate. Only Ed25519 signatures over the envelope's own bytes count, whatever key id they name.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from itil_gate.decide.deploy_facts import Provenance
from itil_gate.signing import primitives
from itil_gate.signing.dsse import IN_TOTO, pae
from itil_gate.signing.ed25519 import public_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from itil_gate.model.config import Config

PROVENANCE_TYPES = ("https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2")
MOST_BYTES = 4 * 1024 * 1024
MOST_SIGNATURES = 20


def read_provenance(data: bytes, config: Config) -> Provenance:
    """Return what an attestation proves: which builder made which artefacts from which commits.

    `data` is the JSON of a DSSE envelope around an in-toto Statement of SLSA provenance. The
    signature has to be of the builder that the provenance names.
    """
    if len(data) > MOST_BYTES:
        return _unproved(f"it has more than {MOST_BYTES >> 20} MiB")
    try:
        said = json.loads(data)
        payload = base64.b64decode(said["payload"], validate=True)
        signatures = [base64.b64decode(one["sig"], validate=True) for one in said["signatures"]]
        statement = json.loads(payload)
        kind = statement["predicateType"]
        if said["payloadType"] != IN_TOTO or kind not in PROVENANCE_TYPES:
            return _unproved(f"it is no SLSA provenance but {str(kind)[:100]}")
        builder = _builder(statement["predicate"])
        artifacts = frozenset(
            f"{name}:{value}"
            for one in statement["subject"]
            for name, value in one["digest"].items()
        )
        commits = frozenset(_commits(statement["predicate"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return _unproved(f"it cannot be read: {type(error).__name__}: {str(error)[:200]}")
    keys = [public_of(one.key) for one in config.release.builders if one.id == builder]
    if not keys:
        return _unproved(f"the builder {builder[:100]} is not listed in itil-gate.yaml")
    message = pae(IN_TOTO, payload)
    if not any(
        primitives.ed25519_holds(key, signature=signature, data=message)
        for key in keys
        for signature in signatures[:MOST_SIGNATURES]
    ):
        return _unproved(f"it is not signed by a key of the builder {builder[:100]}")
    return Provenance(builder, artifacts, commits)


def _builder(predicate: Mapping[str, Any]) -> str:
    if "runDetails" in predicate:
        return str(predicate["runDetails"]["builder"]["id"])
    return str(predicate["builder"]["id"])


def _commits(predicate: Mapping[str, Any]) -> list[str]:
    """Return the commits that a build began from (SLSA provenance v1 and v0.2)."""
    if "buildDefinition" in predicate:
        materials = predicate["buildDefinition"].get("resolvedDependencies", [])
    else:
        materials = predicate.get("materials", [])
    found: list[str] = []
    for one in materials:
        digests = one.get("digest", {})
        found += [str(digests[name]) for name in ("gitCommit", "sha1") if name in digests]
    return found


def _unproved(why: str) -> Provenance:
    return Provenance("", frozenset(), frozenset(), f"the provenance proves nothing: {why}")
