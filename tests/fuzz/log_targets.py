"""Targets of the audit log: what reads its branch reads bytes of whoever can push.

The contract is that of `targets`: a value that is the bytes again, or a declared error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.log import KEYS, ORIGIN

from itil_gate.log.checkpoint import open_checkpoint, parse_text
from itil_gate.log.entry import parse_entry, parse_index, parse_leaf
from itil_gate.log.proof import parse as parse_proof
from itil_gate.log.tiles import bundle as compose_bundle
from itil_gate.log.tiles import parse_bundle
from itil_gate.model.errors import LogError
from itil_gate.signing import jcs
from itil_gate.signing.note import NoteError, compose_note, open_note, parse_note, verifier_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")


def note(data: bytes) -> None:
    """Notes and checkpoints; a single line is a verifier key."""
    if b"\n" not in data:
        text = data.decode("utf-8", "surrogateescape")
        key = _refusable(lambda: verifier_key(text), NoteError)
        assert key is None or key.text == text, "a key has two spellings"
        return
    found = _refusable(lambda: parse_note(data), NoteError)
    opened = _refusable(lambda: open_note(data, KEYS), NoteError)
    believed = _refusable(lambda: open_checkpoint(data, KEYS, origin=ORIGIN), LogError)
    if found is None:
        assert opened is None, "a note was opened that is none"
        return
    assert compose_note(*found) == data, "a note has two spellings"
    checkpoint = _refusable(lambda: parse_text(found[0]), LogError)
    assert checkpoint is None or checkpoint.text == found[0], "a checkpoint has two spellings"
    assert (believed is not None) == (opened is not None and checkpoint is not None)


def proof(data: bytes) -> None:
    """Receipts."""
    found = _refusable(lambda: parse_proof(data), LogError)
    assert found is None or found.data == data, "a receipt has two spellings"


def entry(data: bytes) -> None:
    """Files of entries."""
    found = _refusable(lambda: parse_entry(data), LogError)
    if found is not None:
        envelope, statement = found
        assert envelope.data == data, "an envelope has two spellings"
        assert jcs.encode(statement) == envelope.payload, "a statement has two spellings"


def bundle(data: bytes) -> None:
    """Entry bundles and the leaves in them; files under `ids/`."""
    _refusable(lambda: parse_index(data, path="ids/aa"), LogError)
    leaves = _refusable(lambda: parse_bundle(data), LogError)
    if leaves is None:
        return
    assert compose_bundle(leaves) == data, "a bundle has two spellings"
    for one in leaves:
        leaf = _refusable(lambda one=one: parse_leaf(one), LogError)  # type: ignore[misc]
        assert leaf is None or leaf.data == one, "a leaf has two spellings"


def _refusable(read: Callable[[], T], refusal: type[Exception]) -> T | None:
    try:
        return read()
    except refusal as error:
        said = str(error)
    assert said, "a refusal says nothing"
    return None
