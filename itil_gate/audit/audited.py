"""What an audit of a branch came to, kept beside the repository so that the next one goes on there.

It saves time and proves nothing: it is believed for this engine, these people and keys, a commit
that is still on the branch's line, and a log that still extends the one that was read. Where any of
that fails, everything is reconciled anew. Whoever may write into the git directory may write it,
so an audit that must convince others does not begin with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from typing import TYPE_CHECKING

from pydantic import ValidationError

from itil_gate.audit.recorded import Waiting
from itil_gate.audit.rows import Audited, Open
from itil_gate.decide.gate import ENGINE
from itil_gate.git.paths import to_bytes, to_text
from itil_gate.model.canonical import as_json

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.git.discover import Repository

MOST_PROBLEMS = 1000
"""Rows that are kept whole; of more only the number is."""
MOST_BYTES = 64 * 1024 * 1024


def kept_waiting(waiting: Waiting) -> Open:
    """Return an unused decision as it is kept."""
    return Open(
        index=waiting.index,
        content=waiting.content,
        head=waiting.head,
        paths=tuple(sorted(map(to_text, waiting.paths))),
    )


def as_waiting(kept: Open, *, ref: str) -> Waiting:
    """Return a kept decision as something that may still land."""
    paths = frozenset(map(to_bytes, kept.paths))
    return Waiting(kept.index, ref, kept.content, kept.head, paths)


def recall(repository: Repository, ref: str, *, judge: str) -> Audited | None:
    """Return what the last audit kept of a branch; None if it does not apply any more."""
    try:
        with _file(repository, ref).open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
        kept = Audited.model_validate_json(data)
    except (OSError, ValidationError):
        return None
    return kept if (kept.engine, kept.judge, kept.ref) == (ENGINE, judge, ref) else None


def keep(repository: Repository, audited: Audited) -> None:
    """Keep what an audit came to; where nothing can be written nothing is kept."""
    file = _file(repository, audited.ref)
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    data = json.dumps(as_json(audited)).encode()
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_bytes(data)
            beside.replace(file)
        finally:
            beside.unlink(missing_ok=True)


def _file(repository: Repository, ref: str) -> Path:
    name = hashlib.sha256(ref.encode()).hexdigest()[:32]
    return repository.common_dir / "itil-gate" / "reconciled" / f"{name}.json"
