"""Provenance of others: SLSA statements in DSSE envelopes, believed from listed builders only.

What is wrong with an attestation is in the answer: a bad one is a reason to refuse, and no error of
the gate. Only Ed25519 signatures over the envelope's own bytes count, whatever key id they name.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from itil_gate.decide.deploy_facts import Provenance
from itil_gate.model.errors import ConfigError
from itil_gate.signing import primitives
from itil_gate.signing.dsse import IN_TOTO, pae
from itil_gate.signing.ed25519 import public_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from itil_gate.model.config import Builder, Config

PROVENANCE_TYPES = ("https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2")
MOST_BYTES = 4 * 1024 * 1024
SIGSTORE = "application/vnd.dev.sigstore.bundle"
MOST_SIGNATURES = 20
MOST_SHOWN = 100
"""Characters of a stranger's text that are shown."""


def read_provenance(data: bytes, config: Config) -> Provenance:
    """Return what an attestation proves: which builder made which artefacts from which commits.

    `data` is the JSON of a DSSE envelope around an in-toto Statement of SLSA provenance. The
    signature has to be of the builder that the provenance names. Raises ConfigError `builder-key`
    where the configuration lists that builder with something that is no key.
    """
    if len(data) > MOST_BYTES:
        return _unproved(f"it has more than {MOST_BYTES >> 20} MiB")
    try:
        said = json.loads(data)
        if str(said.get("mediaType", "")).startswith(SIGSTORE):
            return _unproved(
                "it is a sigstore bundle, and keyless signatures are not verified here"
            )
        payload = base64.b64decode(said["payload"], validate=True)
        signatures = [base64.b64decode(one["sig"], validate=True) for one in said["signatures"]]
        statement = json.loads(payload)
        kind = statement["predicateType"]
        if said["payloadType"] != IN_TOTO or kind not in PROVENANCE_TYPES:
            return _unproved(f"it is no SLSA provenance but {_shown(kind)}")
        builder = _builder(statement["predicate"])
        artifacts = frozenset(
            f"{name}:{value}"
            for one in statement["subject"]
            for name, value in one["digest"].items()
        )
        commits = frozenset(_commits(statement["predicate"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return _unproved(f"it cannot be read: {type(error).__name__}: {_shown(error)}")
    keys = [_key(one) for one in config.release.builders if one.id == builder]
    if not keys:
        return _unproved(f"the builder {_shown(builder)} is not listed in itil-gate.yaml")
    message = pae(IN_TOTO, payload)
    if not any(
        primitives.ed25519_holds(key, signature=signature, data=message)
        for key in keys
        for signature in signatures[:MOST_SIGNATURES]
    ):
        return _unproved(f"it is not signed by a key of the builder {_shown(builder)}")
    return Provenance(builder, artifacts, commits)


def _key(builder: Builder) -> bytes:
    try:
        return public_of(builder.key)
    except ValueError as error:
        raise ConfigError(
            "builder-key",
            f"the key of the builder {builder.id} in itil-gate.yaml is none: {error}",
            hint="write it as OpenSSH does: ssh-ed25519 AAAA…",
        ) from error


def _shown(said: Any) -> str:
    """Return a beginning of what strangers wrote, in characters that every format can carry."""
    return str(said)[:MOST_SHOWN].encode("unicode_escape").decode("ascii")


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
