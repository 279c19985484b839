"""A witness: sees that the log only grew since it last looked, and signs that it does.

A cosignature says that the signer never signed a log that this one does not extend (C2SP
tlog-cosignature). So what it signed last is written down before the signature is made, and one
process at a time does both.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from itil_gate.gather.remembered import given, refuse_inconsistent
from itil_gate.git.audit_log import Addition, append, open_branch
from itil_gate.git.exclusive import exclusive
from itil_gate.log.checkpoint import PATH, cosign_checkpoint, open_checkpoint
from itil_gate.model.errors import GateError, LogError
from itil_gate.model.frozen import frozen
from itil_gate.signing.note import COSIGNATURE, NoteError, named_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from itil_gate.git.discover import Repository
    from itil_gate.git.snapshot import Snapshot
    from itil_gate.signing.ed25519 import Signer
    from itil_gate.signing.note import VerifierKey


@frozen
class Cosigned:
    """A checkpoint with the witness's signature, its size, and the witness's verifier key."""

    note: bytes
    size: int
    vkey: str


def cosign(
    repository: Repository,
    *,
    signer: Signer,
    name: str,
    origin: str,
    keys: Sequence[VerifierKey],
    remote: str | None,
    now: datetime,
    state: Path | None,
    publish: bool,
) -> Cosigned:
    """Cosign the log's checkpoint; `publish` puts it on the branch in a commit.

    Raises LogError `log-rewound` or `log-forked` where the log does not extend what the witness
    signed last, `log-missing`, `log-key` for a name that is none, and GateError `witness-busy`.
    """
    try:
        key = named_key(name, signer.public, kind=COSIGNATURE)
    except NoteError as error:
        raise LogError("log-key", f"the witness cannot be called {name!r}: {error}") from error
    marked = hashlib.sha256(f"{key.text}\n{origin}".encode()).hexdigest()[:32]
    file = state or repository.common_dir / "itil-gate" / "witness" / marked
    made: list[Cosigned] = []

    def plan(at: Snapshot) -> Addition:
        data = at.read(PATH)
        if data is None:
            raise LogError("log-missing", f"there is no audit log {origin} to cosign")
        present = open_checkpoint(data, keys, origin=origin).checkpoint
        refuse_inconsistent(present, given(_kept(file), keys, origin=origin), at.read)
        _keep(file, data)
        note = cosign_checkpoint(data, signer, name=name, time=int(now.timestamp()))
        made.append(Cosigned(note, present.size, key.text))
        return Addition({PATH: note}, f"Cosign {present.size}\n\nLog-Size: {present.size}\n")

    with exclusive(file.with_name(f"{file.name}.lock")) as held:
        if not held:
            raise GateError("witness-busy", f"{file.parent} cannot be locked, so nothing is signed")
        if publish:
            append(
                repository,
                plan,
                remote=remote,
                signer=signer,
                identity=(name, "witness"),
                when=now,
            )
        else:
            with open_branch(repository, remote=remote) as at:
                plan(at)
    return made[-1]


def _kept(file: Path) -> tuple[str, ...]:
    try:
        return (file.read_text("utf-8"),)
    except FileNotFoundError:
        return ()


def _keep(file: Path, note: bytes) -> None:
    """Write down what is about to be signed; OSError where that cannot be done."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f"{file.name}.new")
    with beside.open("wb") as stream:
        stream.write(note)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)
