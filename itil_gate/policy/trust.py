"""Look at a file of roots: whether it is what strangers' signatures are verified under.

It is either a trusted root of Sigstore, in JSON, or certificates in PEM. Only the outside is looked
at here; whoever verifies under it reads all of it, and refuses what does not hold.
"""

from __future__ import annotations

import json

from itil_gate.model.finding import Finding, Place

TRUSTED_ROOT = "application/vnd.dev.sigstore.trustedroot"
"""How the media type of a trusted root begins (Sigstore's protobuf-specs, trustroot.proto)."""
CERTIFICATE = "-----BEGIN CERTIFICATE-----"
SECRET = "PRIVATE KEY-----"  # noqa: S105 - what must not be there


def trust_findings(text: str, *, file: str) -> tuple[Finding, ...]:
    """Return what is wrong with a file of roots, as far as its outside tells."""
    if SECRET in text:
        return (_bad("holds a private key", "take the key out, and make a new one", file),)
    if CERTIFICATE in text or _is_trusted_root(text):
        return ()
    return (
        _bad(
            "holds neither one trusted root of Sigstore nor certificates in PEM",
            "store one JSON document of type trustedroot+json, or certificates",
            file,
        ),
    )


def _is_trusted_root(text: str) -> bool:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and str(said.get("mediaType", "")).startswith(TRUSTED_ROOT)


def _bad(what: str, remedy: str, file: str) -> Finding:
    return Finding(
        rule="bad-roots", message=f"{file} {what}", remedy=remedy, place=Place(file=file)
    )
