"""The name of an SSH public key: the fingerprint by which people, facts and statements meet.

It only names a key. Whether a key is sound enough to be believed is judged in signing/, which
refuses malformed and weak ones; a fingerprint of such a key simply never meets a good signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct


def fingerprint(line: str) -> str:
    """Return the fingerprint of an OpenSSH public key line, as `ssh-keygen -lf` prints it.

    `line` is `<type> <base64> [comment]`, as in a `.pub` file or in people.yaml. The answer is
    `SHA256:` and the unpadded base64 of the SHA-256 of the key blob, so that two lines that
    differ only in their comment have one fingerprint. Raises ValueError if the line has no
    blob, or one that does not begin with the type the line names.
    """
    return blob_fingerprint(key_blob(line))


def blob_fingerprint(blob: bytes) -> str:
    """Return the fingerprint of a public key in SSH wire format (RFC 4253 section 6.6)."""
    digest = hashlib.sha256(blob).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


def key_blob(line: str) -> bytes:
    """Return the blob of an OpenSSH public key line; ValueError if there is none.

    Base64 that no encoder would have written (stray characters, bits after the end) is refused:
    one key has one spelling.
    """
    words = line.split(None, 2)
    if len(words) < 2:  # noqa: PLR2004 - a type and a blob
        raise ValueError("a public key line is a type, a space and base64")
    key_type, encoded = words[0], words[1]
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("the second word of the public key line is not base64") from error
    if base64.b64encode(blob).decode("ascii") != encoded:
        raise ValueError("the base64 of the public key line is not in its only proper spelling")
    name = key_type.encode("utf-8", "backslashreplace")
    if not blob.startswith(struct.pack(">I", len(name)) + name):
        raise ValueError("the public key line names one type and its base64 another")
    return blob
