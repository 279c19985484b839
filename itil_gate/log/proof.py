"""Receipts: `.tlog-proof` files that show, offline, that an entry is in the log.

C2SP tlog-proof v1: index, inclusion proof and the signed checkpoint. The extra line carries the
leaf, so that an entry's file and its receipt are all there is to keep; it is believed only as far
as it hashes to the proved root and names the digest of that file. A file in a second spelling is
refused. Consistency proofs, which have no file format, are made here from the tiles as well.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING

from itil_gate.log.checkpoint import open_checkpoint
from itil_gate.log.entry import Leaf, parse_leaf
from itil_gate.log.merkle import (
    HASH_BYTES,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from itil_gate.log.tiles import MAX_LEAF_BYTES, TileReader
from itil_gate.model.errors import LogError
from itil_gate.model.frozen import frozen
from itil_gate.signing.note import MAX_BYTES as MAX_NOTE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.log.checkpoint import Checkpoint, Opened
    from itil_gate.log.tiles import Read
    from itil_gate.signing.note import VerifierKey

HEADER = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"
MAX_HASHES = 63
"""A tree of 2^63 leaves, the largest a checkpoint can name, has no longer proof."""
MAX_BYTES = MAX_NOTE_BYTES + 2 * MAX_LEAF_BYTES
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)


@frozen
class Proof:
    """A receipt as it stands; nothing is believed before `verify`.

    `checkpoint` is a whole note, `extra` are bytes that nobody signed, None if there are none.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    @property
    def data(self) -> bytes:
        """The bytes of the file."""
        extra = [] if self.extra is None else [f"extra {_base64(self.extra)}"]
        lines = [HEADER, *extra, f"index {self.index}", *map(_base64, self.path), "", ""]
        return "\n".join(lines).encode("ascii") + self.checkpoint


def prove(
    index: int, *, leaf: bytes, note: bytes, checkpoint: Checkpoint, nodes: TileReader
) -> Proof:
    """Return the receipt of a leaf under a signed checkpoint.

    Raises LogError if the tiles do not lead from this leaf to the root of the checkpoint.
    """
    size = checkpoint.size
    if not 0 <= index < size:
        raise LogError(
            "no-such-entry",
            f"the log has {size} entries, and none is number {index}",
            hint="they are numbered from 0; `itil-gate log show` lists the newest",
        )
    path = inclusion_proof(index, size=size, node=nodes)
    hashed, root = leaf_hash(leaf), checkpoint.root
    if not verify_inclusion(hashed, index=index, size=size, proof=path, root=root):
        raise LogError(
            "log-damaged", f"the tiles do not lead from entry {index} to the root of the checkpoint"
        )
    return Proof(index, path, note, leaf)


def parse(data: bytes) -> Proof:
    """Return the receipt that a file is. Raises LogError `proof-malformed`, and nothing else."""
    if len(data) > MAX_BYTES:
        raise _malformed(f"it has {len(data)} bytes, more than {MAX_BYTES}")
    head, blank, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise _malformed("what stands above the checkpoint is not ASCII") from error
    if not blank or lines.pop(0) != HEADER:
        raise _malformed(f"it does not begin with {HEADER}, or has no checkpoint")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = _decoded(lines.pop(0).removeprefix("extra "))
    match = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if match is None:
        raise _malformed("it names no index")
    path = tuple(_decoded(line) for line in lines)
    if len(path) > MAX_HASHES or any(len(step) != HASH_BYTES for step in path):
        raise _malformed(f"its proof is not at most {MAX_HASHES} hashes of 32 bytes")
    return Proof(int(match[1]), path, checkpoint, extra)


def verify(proof: Proof, keys: Iterable[VerifierKey], *, origin: str, leaf: bytes) -> Opened:
    """Return the checkpoint under which `leaf` is proved to be in the log `origin`.

    Raises LogError as `open_checkpoint` does, or `proof-broken` if the proof does not lead there.
    How many witnesses have to be in the answer is for the caller to say.
    """
    opened = open_checkpoint(proof.checkpoint, keys, origin=origin)
    size, root = opened.checkpoint.size, opened.checkpoint.root
    if not verify_inclusion(
        leaf_hash(leaf), index=proof.index, size=size, proof=proof.path, root=root
    ):
        raise LogError(
            "proof-broken", f"the proof does not lead from this leaf at {proof.index} to the root"
        )
    return opened


def verify_entry(
    proof: Proof, keys: Iterable[VerifierKey], *, origin: str, entry: bytes
) -> tuple[Leaf, Opened]:
    """Return leaf and checkpoint that prove an entry's file to be in the log `origin`.

    The leaf is read from the extra line. Raises LogError as `verify` does, `proof-broken` too if
    the leaf is of another file.
    """
    if proof.extra is None:
        raise LogError("proof-broken", "the proof carries no leaf in its extra line")
    leaf = parse_leaf(proof.extra)
    if leaf.sha256 != hashlib.sha256(entry).hexdigest():
        raise LogError("proof-broken", "the proof is about another file than this entry")
    return leaf, verify(proof, keys, origin=origin, leaf=leaf.data)


def consistency(old: Checkpoint, new: Checkpoint, read: Read) -> tuple[bytes, ...]:
    """Return the proof that the log at `new` extends the one at `old`, from the tiles at `new`.

    Raises LogError `log-inconsistent` if it does not: the log was rewritten, truncated or forked.
    """
    if old.origin != new.origin or old.size > new.size:
        raise _inconsistent(old, new)
    nodes = TileReader(new.size, read)
    if tree_root(new.size, nodes) != new.root:
        raise LogError("log-damaged", "the tiles of the log do not lead to the root it signed")
    path = consistency_proof(old.size, size=new.size, node=nodes)
    if not verify_consistency(old.size, new.size, old_root=old.root, root=new.root, proof=path):
        raise _inconsistent(old, new)
    return path


def _inconsistent(old: Checkpoint, new: Checkpoint) -> LogError:
    return LogError(
        "log-inconsistent",
        f"the log {new.origin} with {new.size} entries does not extend {old.origin} as it was"
        f" remembered with {old.size}",
        hint="somebody rewrote, truncated or forked the log; keep both copies and ask who",
    )


def _malformed(what: str) -> LogError:
    return LogError("proof-malformed", f"this is no proof of the log: {what}")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decoded(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed("a line is not base64") from error
    if _base64(data) != text:
        raise _malformed("base64 is not in its only proper spelling")
    return data
