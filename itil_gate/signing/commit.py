"""Signatures of commits and annotated tags: taken out of the raw object and verified.

The raw object is what `git cat-file commit` prints. Where git is lenient this module refuses:
git drops every header that begins with `gpgsig` from what is signed, and joins several into one
signature, so such an object could carry content that nobody signed. One header, of the object
format of the repository, is taken; anything beside it makes the signature bad.

OpenPGP and X.509 are named and not verified: they are never good and never bad.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from itil_gate.model.facts import SignatureFact
from itil_gate.model.frozen import frozen
from itil_gate.signing.sshsig import verify_armored

if TYPE_CHECKING:
    from itil_gate.signing.sshsig import Status

GIT_NAMESPACE = "git"

Kind = Literal["none", "ssh", "pgp", "x509", "unknown"]

_KINDS: tuple[tuple[bytes, Kind], ...] = (
    (b"-----BEGIN SSH SIGNATURE-----", "ssh"),
    (b"-----BEGIN PGP SIGNATURE-----", "pgp"),
    (b"-----BEGIN PGP MESSAGE-----", "pgp"),
    (b"-----BEGIN SIGNED MESSAGE-----", "x509"),
)
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_COMMIT = re.compile(rb"tree ([0-9a-f]{40}|[0-9a-f]{64})\n")
_TAG = re.compile(rb"object ([0-9a-f]{40}|[0-9a-f]{64})\n")
_HEADERS = {40: b"gpgsig", 64: b"gpgsig-sha256"}
_ARMOR_START = re.compile(
    rb"^(?:" + b"|".join(re.escape(start) for start, _ in _KINDS) + rb")", re.MULTILINE
)


class SignedObjectError(ValueError):
    """The object is no commit or tag, or what is signed in it cannot be told without doubt."""


@frozen
class SignedObject:
    """The bytes that are signed and the signature beside them; None if there is none."""

    payload: bytes
    signature: bytes | None

    @property
    def kind(self) -> Kind:
        """What sort of signature it is, by its first line as git tells them apart."""
        if self.signature is None:
            return "none"
        return next((k for start, k in _KINDS if self.signature.startswith(start)), "unknown")


def commit_signature(raw: bytes) -> SignatureFact:
    """Return what the signature of a commit proves; it never raises, whatever the bytes.

    `raw` is the object without its `commit <size>` header, as `git cat-file commit` prints it.
    """
    try:
        return _fact(split_commit(raw))
    except SignedObjectError as error:
        return SignatureFact(kind="unknown", status="bad", detail=str(error))


def tag_signature(raw: bytes) -> SignatureFact:
    """Return what the signature of an annotated tag proves; as `commit_signature` does."""
    try:
        return _fact(split_tag(raw))
    except SignedObjectError as error:
        return SignatureFact(kind="unknown", status="bad", detail=str(error))


def split_commit(raw: bytes) -> SignedObject:
    """Return the payload and the signature of a raw commit, as git's `parse_signed_commit` does.

    The payload is the commit without its signature header and the header's continuation lines,
    which begin with a space that is not part of the signature. Raises SignedObjectError.
    """
    match = _COMMIT.match(raw)
    if match is None:
        raise SignedObjectError("the object does not begin with a tree, so it is no commit")
    wanted = _HEADERS[len(match[1])]
    blank = raw.find(b"\n\n")
    head, message = (raw, b"") if blank < 0 else (raw[: blank + 1], raw[blank + 1 :])
    payload: list[bytes] = []
    signature: list[bytes] = []
    continues = False
    for line in _LINE.findall(head):
        if continues and line.startswith(b" "):
            signature.append(line[1:])
            continue
        continues = line.startswith(b"gpgsig")
        if not continues:
            payload.append(line)
        elif signature or not line.startswith(wanted + b" "):
            raise SignedObjectError(
                f"beside one {wanted.decode()} header there is another that begins with gpgsig; "
                "git leaves such headers out of what is signed"
            )
        else:
            signature.append(line[len(wanted) + 1 :])
    return SignedObject(b"".join(payload) + message, b"".join(signature) if signature else None)


def split_tag(raw: bytes) -> SignedObject:
    """Return the payload and the signature of a raw annotated tag; SignedObjectError.

    The signature is the end of the message, from the last line that begins an armor, as in
    git's `parse_signature`; the payload is all before it.
    """
    if not _TAG.match(raw):
        raise SignedObjectError("the object does not begin with an object id, so it is no tag")
    head = raw.partition(b"\n\n")[0]
    if b"\ngpgsig" in head:
        raise SignedObjectError("the tag has a header that git leaves out of what is signed")
    start = max((match.start() for match in _ARMOR_START.finditer(raw)), default=None)
    return SignedObject(raw, None) if start is None else SignedObject(raw[:start], raw[start:])


def _fact(signed: SignedObject) -> SignatureFact:
    if signed.signature is None:
        return SignatureFact()
    kind = signed.kind
    if kind == "unknown":
        detail = "the signature is of no kind that git knows"
        return SignatureFact(kind=kind, status="unsupported", detail=detail)
    if kind != "ssh":
        detail = "OpenPGP and X.509 signatures are not verified here; sign with an SSH key"
        return SignatureFact(kind=kind, status="not-verified-here", detail=detail)
    text = signed.signature.decode("ascii", "replace")
    found = verify_armored(text, message=signed.payload, namespace=GIT_NAMESPACE)
    return SignatureFact(
        kind="ssh", status=_STATUS[found.status], fingerprint=found.fingerprint, detail=found.detail
    )


_STATUS: dict[Status, Literal["good", "bad", "unsupported"]] = {
    "good": "good",
    "bad-signature": "bad",
    "malformed": "bad",
    "wrong-namespace": "bad",
    "unsupported": "unsupported",
}
