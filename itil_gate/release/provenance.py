"""Provenance of others: SLSA statements in DSSE envelopes, believed from listed builders only.

What is wrong with an attestation is in the answer: a bad one is a reason to refuse, and no error of
the gate. An envelope by itself counts if the builder's pinned Ed25519 key signed its own bytes,
whatever key id it names; one in a Sigstore bundle if the identity signed that is configured.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from itil_gate.decide.deploy_facts import Provenance
from itil_gate.model.errors import ConfigError
from itil_gate.model.frozen import frozen, replace
from itil_gate.release.keyless import BundleError, open_bundle
from itil_gate.signing import primitives
from itil_gate.signing.dsse import IN_TOTO, pae
from itil_gate.signing.ed25519 import public_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from itil_gate.model.config import Builder, Config

SLSA_V1 = "https://slsa.dev/provenance/v1"
PROVENANCE_TYPES = (SLSA_V1, "https://slsa.dev/provenance/v0.2")
MOST_BYTES = 4 * 1024 * 1024
SIGSTORE = "application/vnd.dev.sigstore.bundle"
MOST_SIGNATURES = 20
MOST_LINES = 50
"""Attestations that one file may hold."""
MOST_SHOWN = 100
"""Characters of a stranger's text that are shown."""
MOST_NAMED = 5
"""Repositories that are named of many."""
MOST_TOLD = 300
"""Characters of what Sigstore's library says, which repeats what strangers wrote."""


@frozen
class _Claim:
    """What an attestation says, before anybody believes it."""

    builder: str
    artifacts: frozenset[str]
    sources: Mapping[str, frozenset[str]]
    payload: bytes
    signatures: tuple[bytes, ...]
    keyless: bool

    @property
    def commits(self) -> frozenset[str]:
        """The commits of all repositories that it names."""
        return frozenset().union(*self.sources.values())


def read_provenance(
    data: bytes,
    config: Config,
    *,
    roots: Mapping[str, str] | None = None,
    wanted: tuple[str, str] = ("", ""),
) -> Provenance:
    """Return what an attestation proves: which builder made which artefacts from which commits.

    `data` is the JSON of a DSSE envelope, or of a Sigstore bundle with one, around an in-toto
    Statement of SLSA provenance; or several of them, one a line. Of several the first counts that
    proves what is `wanted`, artefact and commit, else the first that proves anything. `roots` are
    the texts of trusted roots by their path. Raises ConfigError `builder-key` where the
    configuration lists a builder with something that is no key, ConfigError `trusted-root` for a
    root that cannot be read, and GateError `extra-missing` for a bundle of a builder that is listed
    as keyless.
    """
    if len(data) > MOST_BYTES:
        return _unproved(f"it has more than {MOST_BYTES >> 20} MiB")
    lines = _lines(data)
    if len(lines) > MOST_LINES:
        return _unproved(f"it holds more than {MOST_LINES} attestations")
    found = [_read(line, config, roots or {}) for line in lines]
    good = [one for one in found if not one.fault]
    artifact, commit = wanted
    fitting = [one for one in good if artifact in one.artifacts and commit in one.commits]
    return (fitting or good or found)[0]


def _lines(data: bytes) -> Sequence[bytes]:
    """Return the documents of a file: the whole is one, or else each line that is not empty."""
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        lines = [line for line in data.split(b"\n") if line.strip()]
        return lines if len(lines) > 1 else [data]
    return [data]


def _read(data: bytes, config: Config, roots: Mapping[str, str]) -> Provenance:
    try:
        claim = _claimed(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return _unproved(f"it cannot be read: {type(error).__name__}: {_shown(error)}")
    if isinstance(claim, str):
        return _unproved(claim)
    listed = [one for one in config.release.builders if one.id == claim.builder]
    if not listed:
        return _unproved(f"the builder {_shown(claim.builder)} is not listed in itil-gate.yaml")
    proved = Provenance(claim.builder, claim.artifacts, claim.commits)
    if claim.keyless:
        return _by_identity(data, claim, proved, listed=listed, roots=roots)
    message = pae(IN_TOTO, claim.payload)
    signers = [
        one
        for one in listed
        if one.key is not None
        and any(
            primitives.ed25519_holds(_key(one, one.key), signature=signature, data=message)
            for signature in claim.signatures
        )
    ]
    if not signers:
        return _unproved(f"it is not signed by a key of the builder {_shown(claim.builder)}")
    return _of_source(claim, signers[0].source_repository)


def _of_source(claim: _Claim, wanted: str | None) -> Provenance:
    """Return what a signed claim proves: that it was built from one repository, and which commits.

    Whatever a build takes in may be listed with its commit, so a build of another repository may
    list ours. Without a repository to look for, only one may be named.
    """
    if wanted is None:
        if len(claim.sources) > 1:
            named = ", ".join(_shown(one) for one in sorted(claim.sources)[:MOST_NAMED])
            return _unproved(
                f"it names commits of {len(claim.sources)} repositories ({named}), and "
                "itil-gate.yaml does not say which is the source: add sourceRepository to the "
                "builder"
            )
        commits = claim.commits
    else:
        commits = claim.sources.get(_plain(wanted), frozenset())
        if not commits:
            return _unproved(f"it names no commit of {_shown(wanted)}")
    return Provenance(claim.builder, claim.artifacts, commits)


def _claimed(said: Any) -> _Claim | str:
    """Return what a document claims, or why it is no provenance; raises for any other JSON."""
    keyless = str(said.get("mediaType", "")).startswith(SIGSTORE)
    if keyless and "dsseEnvelope" not in said:
        return "it is a sigstore bundle without an attestation"
    if keyless and not said["verificationMaterial"].get("tlogEntries"):
        return "it is a sigstore bundle without an entry in a transparency log"
    envelope = said["dsseEnvelope"] if keyless else said
    payload = base64.b64decode(envelope["payload"], validate=True)
    signatures = [base64.b64decode(one["sig"], validate=True) for one in envelope["signatures"]]
    statement = json.loads(payload)
    kind = statement["predicateType"]
    taken = (SLSA_V1,) if keyless else PROVENANCE_TYPES
    if envelope["payloadType"] != IN_TOTO or kind not in taken:
        return f"it is no SLSA provenance{' v1' if keyless else ''} but {_shown(kind)}"
    predicate = statement["predicate"]
    return _Claim(
        builder=_builder(predicate),
        artifacts=frozenset(
            f"{name}:{value}"
            for one in statement["subject"]
            for name, value in one["digest"].items()
        ),
        sources=_sources(predicate),
        payload=payload,
        signatures=tuple(signatures[:MOST_SIGNATURES]),
        keyless=keyless,
    )


def _by_identity(
    data: bytes,
    claim: _Claim,
    proved: Provenance,
    *,
    listed: Sequence[Builder],
    roots: Mapping[str, str],
) -> Provenance:
    """Return what a bundle proves: by the terms under which its builder is listed as keyless."""
    faults: list[str] = []
    for terms in [one.keyless for one in listed if one.keyless is not None]:
        root = roots.get(terms.trusted_root)
        if root is None:
            raise ConfigError(
                "trusted-root",
                f"{terms.trusted_root}, a trusted root in itil-gate.yaml, is not on the target",
                hint="add the file, or correct its path",
            )
        try:
            signed = open_bundle(data, terms, root=root, commits=claim.commits)
        except BundleError as error:
            faults.append(_shown(error, most=MOST_TOLD))
            continue
        if (signed.payload, signed.payload_type) != (claim.payload, IN_TOTO):
            faults.append("what is signed reads in two ways")
            continue
        if signed.commit is None:
            return proved
        return replace(proved, commits=frozenset({signed.commit}))
    builder = _shown(claim.builder)
    if not faults:
        return _unproved(f"the builder {builder} is listed with a key, and this is a bundle")
    return _unproved(
        f"the identity of the builder {builder} did not sign it: {'; '.join(dict.fromkeys(faults))}"
    )


def _key(builder: Builder, key: str) -> bytes:
    try:
        return public_of(key)
    except ValueError as error:
        raise ConfigError(
            "builder-key",
            f"the key of the builder {builder.id} in itil-gate.yaml is none: {error}",
            hint="write it as OpenSSH does: ssh-ed25519 AAAA…",
        ) from error


def _shown(said: Any, *, most: int = MOST_SHOWN) -> str:
    """Return a beginning of what strangers wrote, in characters that every format can carry."""
    return str(said)[:most].encode("unicode_escape").decode("ascii")


def _builder(predicate: Mapping[str, Any]) -> str:
    if "runDetails" in predicate:
        return str(predicate["runDetails"]["builder"]["id"])
    return str(predicate["builder"]["id"])


def _sources(predicate: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Return the commits that a build began from, by repository (SLSA provenance v1 and v0.2)."""
    if "buildDefinition" in predicate:
        materials = predicate["buildDefinition"].get("resolvedDependencies", [])
    else:
        materials = predicate.get("materials", [])
    found: dict[str, frozenset[str]] = {}
    for one in materials:
        digests = one.get("digest", {})
        commits = {str(digests[name]) for name in ("gitCommit", "sha1") if name in digests}
        if commits:
            place = _plain(str(one.get("uri", "")))
            found[place] = found.get(place, frozenset()) | commits
    return found


def _plain(uri: str) -> str:
    """Return a repository's address without what says how to fetch it, by whom and at which ref."""
    scheme, mark, rest = uri.removeprefix("git+").partition("://")
    if not mark:
        return uri
    authority, slash, path = rest.partition("/")
    host = authority.rpartition("@")[2].lower()
    name = path.partition("@")[0].rstrip("/").removesuffix(".git")
    return f"{scheme.lower()}://{host}{slash}{name}"


def _unproved(why: str) -> Provenance:
    return Provenance("", frozenset(), frozenset(), f"the provenance proves nothing: {why}")
