"""Checkpoints: origin, size and root of the tree, in a note that the log's key signed.

C2SP tlog-checkpoint, with less freedom: three lines and no extension lines, an origin that is
also the name of the log's key, sizes below 2^63. A checkpoint is opened under keys that the
caller has pinned; cosignatures of witnesses among them are verified too, and say when.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from itil_gate.log.merkle import HASH_BYTES
from itil_gate.model.errors import LogError
from itil_gate.model.frozen import frozen
from itil_gate.signing.note import (
    ED25519,
    NoteError,
    compose_note,
    cosign_note,
    named_key,
    open_note,
    parse_note,
    sign_note,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.signing.ed25519 import Signer
    from itil_gate.signing.note import Note, Verified, VerifierKey

PATH = "checkpoint"
_TEXT = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\n", re.ASCII)
_NOTE = re.compile(
    r"(?m)^(?P<text>[^\n]+\n(?:0|[1-9][0-9]{0,18})\n[A-Za-z0-9+/]{43}=\n)"
    r"\n(?:\u2014 \S+ \S+\n)+"
)
_MAX_SIZE = 2**63 - 1
_RESERVED = "cosignature/v1"


@frozen
class Checkpoint:
    """The state of a log: `size` entries under `root`, 32 bytes."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text of the note (tlog-checkpoint, Note text)."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"


@frozen
class Opened:
    """A checkpoint that a pinned key of its log signed.

    `signed` are the log's own keys that did; `cosigned` the other known keys, with their times.
    """

    checkpoint: Checkpoint
    note: Note
    signed: tuple[VerifierKey, ...]
    cosigned: tuple[Verified, ...]


def log_key(origin: str, public: bytes) -> VerifierKey:
    """Return the verifier key of a log: its name is the origin. Raises LogError if it cannot be."""
    try:
        key = named_key(origin, public)
    except NoteError as error:
        raise LogError("log-key", f"the log {origin!r} cannot have this key: {error}") from error
    if origin == _RESERVED:  # its checkpoints could be read as cosignatures
        raise LogError("log-key", f"a log is not called {_RESERVED}")
    return key


def parse_text(text: str) -> Checkpoint:
    """Return the checkpoint that a note's text is. Raises LogError if it is none."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise _malformed("the text is not an origin, a size and a root")
    root = base64.b64decode(match[3])
    checkpoint = Checkpoint(match[1], int(match[2]), root)
    if checkpoint.text != text or len(root) != HASH_BYTES or checkpoint.size > _MAX_SIZE:
        raise _malformed("the size or the root is not in its only proper spelling")
    return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, *signers: Signer) -> bytes:
    """Return the note of a checkpoint, signed by each signer under the name of its origin.

    Raises LogError for an origin that is no key name. Whether it is consistent with what was
    signed before has to be known by whoever calls.
    """
    lines = []
    for signer in signers:
        log_key(checkpoint.origin, signer.public)
        lines.append(sign_note(checkpoint.text, signer, name=checkpoint.origin))
    return compose_note(checkpoint.text, lines)


def cosign_checkpoint(data: bytes, signer: Signer, *, name: str, time: int) -> bytes:
    """Return the note of a checkpoint with one cosignature more, at a POSIX time, at its end.

    An earlier cosignature of the same key is replaced. Raises LogError if `data` is no checkpoint;
    its signatures are not verified, nor what a cosignature promises: consistency with what the
    same key cosigned before.
    """
    try:
        text, lines = parse_note(data)
        parse_text(text)
        line = cosign_note(text, signer, name=name, time=time)
        kept = [one for one in lines if (one.name, one.key_id) != (line.name, line.key_id)]
        return compose_note(text, [*kept, line])
    except NoteError as error:
        raise _malformed(str(error)) from error


def open_checkpoint(data: bytes, keys: Iterable[VerifierKey], *, origin: str) -> Opened:
    """Return the checkpoint of the log `origin` that one of its keys among `keys` signed.

    Raises LogError: `checkpoint-malformed`, `checkpoint-unsigned` where no such key signed it or a
    signature of a known key does not hold, `checkpoint-origin` where it is another log's.
    """
    pinned = tuple(keys)
    try:
        parse_note(data)
    except NoteError as error:
        raise _malformed(str(error)) from error
    try:
        note = open_note(data, pinned)
    except NoteError as error:
        raise _unsigned(origin, str(error)) from error
    checkpoint = parse_text(note.text)
    if checkpoint.origin != origin:
        raise LogError(
            "checkpoint-origin", f"the checkpoint is of {checkpoint.origin!r}, not of {origin!r}"
        )
    ours = [one for one in note.verified if one.key.kind == ED25519 and one.key.name == origin]
    if not ours:
        raise _unsigned(origin, "only others signed it")
    others = tuple(one for one in note.verified if one not in ours)
    return Opened(checkpoint, note, tuple(one.key for one in ours), others)


def _malformed(what: str) -> LogError:
    return LogError("checkpoint-malformed", f"this is no checkpoint: {what}")


def _unsigned(origin: str, what: str) -> LogError:
    return LogError(
        "checkpoint-unsigned",
        f"the checkpoint is not signed by a pinned key of {origin}: {what}",
        hint="compare the keys in itil-gate.yaml of the target branch with who wrote the log",
    )


def in_text(text: str, *, origin: str) -> tuple[str, ...]:
    """Return every signed note about a log that stands in a text, such as a tag's message."""
    plain = text.replace("\r\n", "\n")
    plain += "" if plain.endswith("\n") else "\n"
    return tuple(
        found[0] for found in _NOTE.finditer(plain) if found["text"].startswith(f"{origin}\n")
    )
