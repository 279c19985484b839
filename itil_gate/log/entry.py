"""Entries of the audit log: their kinds, leaves, paths, and the ids by which none is added twice.

An entry is an in-toto Statement in a DSSE envelope, one file. Its leaf in the tree says no more
than the kind and the SHA-256 of that file, so that a file can be expunged and every proof still
holds. An event id is the SHA-256 of repository, kind and key; its file under `ids/` names the
index, and is an aid to look-up: what it says is proved through the leaf, or not believed.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_args

from itil_gate.model.errors import LogError
from itil_gate.model.frozen import frozen
from itil_gate.model.record import Kind, predicate_type
from itil_gate.model.statement import STATEMENT_TYPE
from itil_gate.signing import dsse, jcs
from itil_gate.signing.dsse import IN_TOTO, EnvelopeError
from itil_gate.signing.jcs import JcsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.signing.dsse import Envelope

KINDS: tuple[Kind, ...] = get_args(Kind)
PREDICATE_TYPES: dict[str, str] = {kind: predicate_type(kind) for kind in KINDS}
"""The predicate type of the statements of a kind."""
SUFFIX = ".intoto.json"
_LEAF = re.compile(rb'\{"sha256":"([0-9a-f]{64})","t":"([a-z]+(?:-[a-z]+)*)"\}')
_INDEX = re.compile(rb"(0|[1-9][0-9]{0,18})\n")
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


@frozen
class Leaf:
    """What the tree says about an entry: its kind, and the SHA-256 of its file in hexadecimal."""

    kind: str
    sha256: str

    @property
    def data(self) -> bytes:
        """The bytes of the leaf, in RFC 8785 form."""
        return b'{"sha256":"%b","t":"%b"}' % (self.sha256.encode(), self.kind.encode())


def leaf(kind: str, entry: bytes) -> Leaf:
    """Return the leaf of an entry's file. Raises ValueError for a kind that is not known."""
    if kind not in PREDICATE_TYPES:
        raise ValueError(f"{kind} is no kind of entry")
    return Leaf(kind, hashlib.sha256(entry).hexdigest())


def parse_leaf(data: bytes) -> Leaf:
    """Return what a leaf says. Raises LogError if it is none; kinds of later versions are taken."""
    match = _LEAF.fullmatch(data)
    if match is None:
        raise LogError("leaf-malformed", "a leaf of the log is not a digest and a kind")
    return Leaf(match[2].decode("ascii"), match[1].decode("ascii"))


def entry_path(index: int) -> str:
    """Return the path of an entry's file: index / 65536, / 256 modulo 256, modulo 256."""
    return f"entry/{index >> 16:03d}/{index >> 8 & 255:03d}/{index & 255:03d}{SUFFIX}"


def event_id(repository: str, kind: str, key: str | Sequence[str]) -> str:
    """Return the id of an event: SHA-256 of RFC 8785 {repository, kind, key}, in hexadecimal.

    `key` tells the event from others of its kind: a digest, a nonce, or a list such as ref, before
    and after. Raises JcsError for texts that are not Unicode.
    """
    return _event_id(repository, kind, key if isinstance(key, str) else tuple(key))


@lru_cache(maxsize=1024)
def _event_id(repository: str, kind: str, key: str | tuple[str, ...]) -> str:
    named = jcs.encode({"repository": repository, "kind": kind, "key": key})
    return hashlib.sha256(named).hexdigest()


def revocation_key(fingerprint: str, replaces: int | None = None) -> str | tuple[str, ...]:
    """Return the key of the event that revokes a key, by which it is found among all.

    `replaces` is the index of the revocation of the same key before it, None for the first.
    """
    return fingerprint if replaces is None else (fingerprint, str(replaces))


def ids_path(event: str) -> str:
    """Return the path of the file that holds an event's index; ValueError for no event id.

    Three hexadecimal digits of folders: in a log of a million entries an append rewrites folders
    of some 250 files. More of them would make every push slower, since git walks all folders of
    the tip on both sides. One digit comes first, so that a batch of 256 rewrites 16 folders of
    folders and not most of 256.
    """
    if not _HEX.fullmatch(event):
        raise ValueError("an event id is 64 hexadecimal digits")
    return f"ids/{event[0]}/{event[1:3]}/{event}"


def index_file(index: int) -> bytes:
    """Return the content of a file under `ids/`."""
    return b"%d\n" % index


def parse_index(data: bytes, *, path: str) -> int:
    """Return the index in a file under `ids/`. Raises LogError if it is not a number and a newline.

    It is no more true than the file.
    """
    match = _INDEX.fullmatch(data)
    if match is None:
        raise LogError("log-damaged", f"{path} is not what the log wrote: it holds no index")
    return int(match[1])


def parse_entry(data: bytes, *, path: str = "the entry") -> tuple[Envelope, dict[str, Any]]:
    """Return the envelope and the statement of an entry's file; signatures are not verified.

    Raises LogError if it is not an in-toto Statement in an envelope, both in their one spelling.
    """
    try:
        envelope = dsse.parse(data)
        statement = jcs.decode(envelope.payload)
    except (EnvelopeError, JcsError) as error:
        raise LogError("entry-malformed", f"{path} is no entry of the log: {error}") from error
    typed = envelope.payload_type == IN_TOTO
    fault = statement_fault(statement) if typed else f"the payloadType is not {IN_TOTO}"
    if fault:
        raise LogError("entry-malformed", f"{path} is no entry of the log: {fault}")
    return envelope, statement


def payload_of(data: bytes) -> bytes | None:
    """Return the statement in an entry's file as it is spelled, unread; None if it holds none."""
    try:
        return dsse.parse(data).payload
    except EnvelopeError:
        return None


def statement_fault(statement: Any) -> str:
    """Say what keeps a value from being an in-toto Statement v1 with digests; '' if nothing."""
    if not isinstance(statement, dict):
        return "a statement is an object"
    if statement.keys() != {"_type", "subject", "predicateType", "predicate"}:
        return "a statement has _type, subject, predicateType and predicate"
    if statement["_type"] != STATEMENT_TYPE:
        return f"the _type of a statement is {STATEMENT_TYPE}"
    if not isinstance(statement["predicateType"], str):
        return "the predicateType of a statement is a text"
    if not isinstance(statement["predicate"], dict):
        return "the predicate of a statement is an object"
    subjects = statement["subject"]
    if not isinstance(subjects, list) or not subjects or not all(map(_is_subject, subjects)):
        return "a statement has at least one subject, each with digests"
    return ""


def _is_subject(subject: Any) -> bool:
    digest = subject.get("digest") if isinstance(subject, dict) else None
    return isinstance(digest, dict) and bool(digest)
