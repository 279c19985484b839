"""Sigstore bundles: signatures of an identity by its certificate, verified under a pinned root.

The certificate has to name the identity and the issuer that the configuration names, and to lead to
its trusted root; its transparency, the log's entry and the time are verified by Sigstore's own
library. Needs the extra `sigstore`, which this file alone imports. Nothing is fetched: no TUF, no
Rekor. Refused are bundles without an entry in a transparency log.
"""

from __future__ import annotations

import re
import tempfile
from typing import TYPE_CHECKING, Any

from itil_gate.model.errors import ConfigError, GateError
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Collection

    from itil_gate.model.config import Keyless

SOURCE_REPOSITORY = "1.3.6.1.4.1.57264.1.12"
SOURCE_DIGEST = "1.3.6.1.4.1.57264.1.13"
"""Claims in certificates of Fulcio (github.com/sigstore/fulcio, docs/oid-info.md)."""


_MANUAL = re.compile(r"For further information visit https://\S+")


class BundleError(ValueError):
    """A bundle that does not hold; the text says why, perhaps in a stranger's words."""


@frozen
class Signed:
    """What a bundle that holds signs, and the commit that its certificate names, if it does."""

    payload: bytes
    payload_type: str
    commit: str | None


def open_bundle(bundle: bytes, terms: Keyless, *, root: str, commits: Collection[str]) -> Signed:
    """Return what a bundle signs, if the identity of `terms` signed it under the trusted root.

    `bundle` is its JSON, `root` the text of the trusted root. A certificate that says from which
    commit it was built has to name one of `commits`. Raises BundleError for all that does not hold,
    GateError `extra-missing`, and ConfigError `trusted-root` for a root that cannot be read.
    """
    library = _library()
    verifier = _verifier(library, terms.trusted_root, root)
    try:
        made = library.bundle.from_json(bundle)
        kind, payload = verifier.verify_dsse(made, _policy(library, terms))
        commit = _named(library, made.signing_certificate, terms, commits)
    except library.faults as error:
        raise BundleError(_told(error)) from error
    return Signed(payload, kind, commit)


@frozen
class _Library:
    """The parts of Sigstore's library that are used, and what it raises for a bad bundle."""

    bundle: Any
    root: Any
    verifier: Any
    policy: Any
    faults: tuple[type[Exception], ...]


def _library() -> _Library:
    try:
        from cryptography import exceptions, x509  # noqa: PLC0415 - few have such bundles
        from sigstore import errors, models, verify  # noqa: PLC0415 - an extra, as heavy as it gets
    except ImportError as error:
        raise GateError(
            "extra-missing",
            "sigstore bundles need the extra sigstore, which is not installed",
            hint="install it: pip install 'itil-gate[sigstore]'",
        ) from error
    # What is malformed is met before anything is verified, in whichever library reads it.
    read = (ArithmeticError, AssertionError, AttributeError, LookupError, OSError, RecursionError)
    faults = (errors.Error, *read, TypeError, ValueError, NotImplementedError)
    crypto = (exceptions.InvalidSignature, exceptions.UnsupportedAlgorithm, x509.ExtensionNotFound)
    odd = (x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType)
    return _Library(
        models.Bundle,
        models.TrustedRoot,
        verify.Verifier,
        verify.policy,
        (*faults, *crypto, *odd),
    )


def _verifier(library: _Library, path: str, root: str) -> Any:
    """Return a verifier under the trusted root alone.

    The library reads roots from files; what it gets here is the text of the git object.
    """
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".json") as file:
            file.write(root)
            file.flush()
            return library.verifier(trusted_root=library.root.from_file(file.name))
    except library.faults as error:
        raise ConfigError(
            "trusted-root",
            f"{path} is no trusted root of Sigstore that can be read: {_told(error)}",
            hint="store one document of type trustedroot+json there, on the target branch",
        ) from error


def _policy(library: _Library, terms: Keyless) -> Any:
    rules = [library.policy.Identity(identity=terms.identity, issuer=terms.issuer)]
    if terms.source_repository is not None:
        rules.append(library.policy.OIDCSourceRepositoryURI(terms.source_repository))
    if terms.source_ref is not None:
        rules.append(library.policy.OIDCSourceRepositoryRef(terms.source_ref))
    return library.policy.AllOf(rules)


def _named(
    library: _Library, certificate: Any, terms: Keyless, commits: Collection[str]
) -> str | None:
    """Return the commit that a certificate names; hold it against what was said and configured."""
    claims = {one.oid.dotted_string for one in certificate.extensions}
    if SOURCE_REPOSITORY in claims and terms.source_repository is None:
        # A workflow that others may call signs with its own name whoever calls it.
        raise BundleError(
            "its certificate names a source repository, and keyless.sourceRepository is missing"
        )
    if SOURCE_DIGEST not in claims:
        return None
    for commit in commits:
        if _holds(library, library.policy.OIDCSourceRepositoryDigest(commit), certificate):
            return commit
    raise BundleError("its certificate names another source commit than the provenance")


def _holds(library: _Library, rule: Any, certificate: Any) -> bool:
    try:
        rule.verify(certificate)
    except library.faults:
        return False
    return True


def _told(error: Exception) -> str:
    """Return what the library says, in one line and without the addresses of other manuals."""
    return " ".join(_MANUAL.sub("", str(error)).split()) or type(error).__name__
