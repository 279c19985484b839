"""A log in memory for tests: files by path, keys from fixed seeds, events that differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from itil_gate.log.append import Event, Writers, plan_append
from itil_gate.log.checkpoint import log_key
from itil_gate.log.entry import PREDICATE_TYPES, STATEMENT_TYPE
from itil_gate.signing.ed25519 import KeySigner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.log.append import Plan

REPOSITORY = "forge.example/org/repo"
ORIGIN = f"{REPOSITORY}/audit-log"


def signer(seed: int) -> KeySigner:
    """Give the key of a fixed seed from 0 to 255."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return KeySigner(key.public_key().public_bytes_raw(), key.sign)


CHECKPOINT, RECORDER, WITNESS, STRANGER = signer(1), signer(2), signer(3), signer(4)
WRITERS = Writers(checkpoint=CHECKPOINT, recorders=(RECORDER,))
KEYS = (log_key(ORIGIN, CHECKPOINT.public),)


def event(number: int, *, said: str = "success", kind: str = "outcome") -> Event:
    """Give an event of its own for every number."""
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": f"release {number}", "digest": {"sha256": f"{number:064x}"}}],
        "predicateType": PREDICATE_TYPES[kind],
        "predicate": {"outcome": said, "number": number},
    }
    return Event(kind, f"nonce-{number}", statement)


def apply(files: dict[str, bytes], plan: Plan) -> None:
    """Write a plan into the files of a branch."""
    for path, data in plan.files.items():
        if data is not None:
            files[path] = data
            continue
        for gone in [one for one in files if one == path or one.startswith(f"{path}/")]:
            del files[gone]


def append(files: dict[str, bytes], events: Sequence[Event], *, opening: bool = False) -> Plan:
    """Plan an append with the usual keys and write it."""
    plan = plan_append(
        events, files.get, repository=REPOSITORY, origin=ORIGIN, keys=KEYS, writers=WRITERS,
        opening=opening,
    )  # fmt: skip
    apply(files, plan)
    return plan


def log_of(size: int, *, batch: int = 256) -> dict[str, bytes]:
    """Give the files of a log of `size` outcomes, appended in batches."""
    files: dict[str, bytes] = {}
    append(files, [], opening=True)
    for low in range(0, size, batch):
        append(files, [event(number) for number in range(low, min(size, low + batch))])
    return files
