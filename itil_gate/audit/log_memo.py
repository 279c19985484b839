"""What of a log was verified last, kept below the git directory so that less is verified again.

It counts for nothing by itself: the checkpoint in it has to be signed by a pinned key and the log
proved to extend it, and the keys it was verified under have to be those of today. Where nothing can
be written nothing is kept, which is no error.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from itil_gate import __version__
from itil_gate.git.objects import is_oid
from itil_gate.log.belief import NOTED
from itil_gate.log.checkpoint import open_checkpoint
from itil_gate.log.verify import Seen
from itil_gate.model.errors import LogError
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.git.discover import Repository
    from itil_gate.log.verify import Terms


@frozen
class Memo:
    """What was verified, and the commit that held it."""

    seen: Seen
    commit: str


def memo_file(repository: Repository) -> Path:
    """Return where it is kept."""
    return repository.common_dir / "itil-gate" / "verified.json"


def read_memo(repository: Repository, terms: Terms) -> Memo | None:
    """Return what was verified last under these terms; None if nothing that can be used."""
    try:
        kept: Any = json.loads(memo_file(repository).read_text("utf-8"))
        if kept["terms"] != _digest(terms) or not is_oid(kept["commit"]):
            return None
        note = str(kept["note"]).encode()
        checkpoint = open_checkpoint(note, terms.keys, origin=terms.origin).checkpoint
        places = {kind: [int(index) for index in kept["places"][kind]] for kind in NOTED}
    except (OSError, ValueError, KeyError, TypeError, LogError):
        return None
    return Memo(Seen(checkpoint, places), kept["commit"])


def write_memo(
    repository: Repository, terms: Terms, *, seen: Seen, note: bytes, commit: str
) -> None:
    """Keep what was verified, where something can be kept."""
    file = memo_file(repository)
    beside = file.with_name(f"verified.{os.getpid()}")
    kept = {
        "terms": _digest(terms),
        "note": note.decode("utf-8"),
        "places": {kind: list(seen.places[kind]) for kind in NOTED},
        "commit": commit,
    }
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(kept), "utf-8")
        beside.replace(file)


def _digest(terms: Terms) -> str:
    said = [__version__, terms.origin, terms.repository, terms.cosignatures]
    said += [[pin.use, pin.fingerprint, pin.since, pin.until] for pin in terms.pins]
    said += [key.text for key in terms.keys]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
