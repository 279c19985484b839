"""Checkpoints remembered elsewhere: what shows that a log was rewound, rewritten or begun anew.

Whoever holds the log's key can sign any log; only somebody who remembers what it was can tell. This
clone remembers the last checkpoint it saw; so do release tags and requests on the target branch,
which anybody can write: those count if a pinned key signed them. What the clone itself remembers
counts whoever signed it, for it was verified when it was kept, and whoever begins a log anew pins
keys of their own. All of it is compared before anything is signed.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

from itil_gate.git.exclusive import exclusive
from itil_gate.git.names import tips_of
from itil_gate.git.paths import to_text
from itil_gate.git.release_tags import RELEASE_TAGS
from itil_gate.git.tree import blob_at
from itil_gate.git.view import open_view
from itil_gate.log.checkpoint import in_text, open_checkpoint, parse_text
from itil_gate.log.pins import note_keys, origin_of, pins_of
from itil_gate.log.proof import consistency
from itil_gate.model.errors import HistoryError, LogError, SourceError
from itil_gate.reading.yaml import decode, parse
from itil_gate.signing.note import NoteError, parse_note

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from itil_gate.git.discover import Repository
    from itil_gate.git.snapshot import Snapshot
    from itil_gate.git.view import View
    from itil_gate.log.checkpoint import Checkpoint
    from itil_gate.log.reader import LogReader, Scanned
    from itil_gate.log.tiles import Read
    from itil_gate.model.config import Config, LogSettings
    from itil_gate.signing.note import VerifierKey

MOST_REQUESTS = 200
"""Requests that name the log and are looked at."""


def memory_file(repository: Repository) -> Path:
    """Return where this clone keeps the last checkpoint it saw."""
    return repository.common_dir / "itil-gate" / "checkpoint"


def recall(repository: Repository, *, origin: str) -> tuple[str, ...]:
    """Return the checkpoint that this clone remembers of a log, if it remembers one."""
    try:
        text = memory_file(repository).read_text("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return ()
    return (text,) if text.startswith(f"{origin}\n") else ()


def own_memory(repository: Repository) -> Checkpoint | None:
    """Return the checkpoint that this clone remembers, of whatever log and by whatever key.

    Raises LogError `memory-unreadable` for a file that holds none.
    """
    file = memory_file(repository)
    try:
        data = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    known = _checkpoint(data)
    if known is None:
        raise LogError(
            "memory-unreadable",
            f"{file}, where this clone keeps the head of the audit log that it saw last, holds "
            "no checkpoint",
            hint="see that the log here is the one that others have, then remove the file",
        )
    return known


def refuse_forgetting(repository: Repository, present: Checkpoint | None, read: Read) -> None:
    """Refuse a log that does not extend the one which this clone remembers, be it another one.

    Raises LogError as `refuse_inconsistent` does.
    """
    own = own_memory(repository)
    try:
        refuse_inconsistent(present, () if own is None else (own,), read)
    except LogError as error:
        if error.code not in ("log-rewound", "log-forked"):
            raise
        raise LogError(
            error.code,
            error.message,
            hint=f"{error.hint}. Where everybody agreed to begin the log anew, remove "
            f"{memory_file(repository)}",
        ) from error


def remember(repository: Repository, note: bytes) -> None:
    """Keep a checkpoint that was verified, unless a larger one of the same log is kept.

    Where nothing can be written nothing is kept; that is no error.
    """
    file = memory_file(repository)
    beside = file.with_name(f"checkpoint.{os.getpid()}")
    with contextlib.suppress(OSError), exclusive(file.with_name("memory.lock")):
        kept, new = _checkpoint(_bytes_of(file)), _checkpoint(note)
        if kept and new and kept.origin == new.origin and kept.size > new.size:
            return
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(note)
        beside.replace(file)


def open_reader(
    repository: Repository,
    at: Snapshot,
    settings: LogSettings,
    *,
    name: str,
    notes: Iterable[str] = (),
) -> LogReader:
    """Open the log of the repository `name` at a snapshot, as `LogReader` does.

    It has to extend what this clone remembers, and those of `notes` that a pinned key signed:
    LogError is raised as `refuse_inconsistent` does.
    How far it was looked through for revocations is kept below the git directory, where something
    can be kept, so that nobody looks through the same entries again. It counts only as far as the
    log is proved to extend it.
    """
    from itil_gate.log.reader import LogReader  # noqa: PLC0415 - remembering alone needs none

    origin = origin_of(settings, name)
    file = memory_file(repository).with_name("revocations.json")
    kept = _scanned(file, origin=origin)
    pins = pins_of(settings)
    reader = LogReader(at.read_many, pins=pins, origin=origin, repository=name, scanned=kept)
    keys = note_keys(pins, origin=origin, settings=settings)
    refuse_forgetting(repository, reader.checkpoint, at.read)
    refuse_inconsistent(reader.checkpoint, believed(notes, keys, origin), at.read)
    if reader.scanned is not None and reader.scanned != kept:
        _keep(file, reader.scanned)
    return reader


def in_tags(view: View, *, origin: str) -> tuple[str, ...]:
    """Return the checkpoints in the messages of release tags, of whatever date and number.

    The signature on a tag says who released; the one on the note is what counts here.
    """
    done = view.git("for-each-ref", "--format=%(contents)%00", "--", RELEASE_TAGS)
    text = done.out.decode("utf-8", "replace")
    if f"{origin}\n" not in text:
        return ()
    return tuple(note for one in text.split("\0") for note in in_text(one, origin=origin))


def in_requests(view: View, tip: str, *, folder: str, origin: str) -> tuple[str, ...]:
    """Return the checkpoints that requests at a commit carry in metadata.checkpoint.

    Requests that a partial clone left out say nothing.
    """
    try:
        done = view.git(
            # `tip` is a full id; `git grep` of 2.39 does not know --end-of-options.
            *("grep", "-l", "-z", "-F", "-e", origin, tip, "--", folder),
            ok=(0, 1),
        )
        names = [to_text(name.partition(b":")[2]) for name in done.out.split(b"\0") if name]
        texts = {name: blob_at(view, tip, name) for name in names[-MOST_REQUESTS:]}
    except HistoryError as error:
        if error.code != "object-missing":
            raise
        return ()
    found = (_noted(data or b"", file=name) for name, data in texts.items())
    return tuple(note for text in found for note in in_text(text, origin=origin))


def remembered_here(repository: Repository, config: Config) -> tuple[str, ...]:
    """Return the newest checkpoint in release tags and in requests on the target branches.

    At most one: what is consistent with the newest is so with what that extends. Tags and requests
    are written by anybody, so only what a pinned key signed is returned.
    """
    with open_view(repository) as view:
        return remembered_in(view, config)


def remembered_in(view: View, config: Config) -> tuple[str, ...]:
    """Return what `remembered_here` does, from a view that is open."""
    if config.log is None:
        return ()
    origin = origin_of(config.log, config.repository)
    keys = note_keys(pins_of(config.log), origin=origin)
    notes = list(in_tags(view, origin=origin))
    for tip in {tip for tips in tips_of(view, config.targets).values() for tip in tips}:
        notes += in_requests(view, tip, folder=config.locations.changes, origin=origin)
    # However much is pushed beside it, the largest that is signed is found.
    largest_first = sorted(dict.fromkeys(notes), key=_claimed, reverse=True)
    return next(((note,) for note in largest_first if believed([note], keys, origin)), ())


def believed(
    notes: Iterable[str], keys: Sequence[VerifierKey], origin: str
) -> tuple[Checkpoint, ...]:
    """Return those of the notes that a pinned key of the log signed, the largest first.

    For texts that strangers can write; what an operator gives is judged by `given`.
    """
    found: dict[Checkpoint, None] = {}
    for note in notes:
        with contextlib.suppress(LogError):
            found[open_checkpoint(note.encode(), keys, origin=origin).checkpoint] = None
    return tuple(sorted(found, key=lambda one: -one.size))


def given(
    notes: Iterable[str], keys: Sequence[VerifierKey], *, origin: str
) -> tuple[Checkpoint, ...]:
    """Return the checkpoints that notes are. Raises LogError for one that no pinned key signed."""
    return tuple(open_checkpoint(note.encode(), keys, origin=origin).checkpoint for note in notes)


def refuse_inconsistent(
    present: Checkpoint | None, remembered: Iterable[Checkpoint], read: Read
) -> None:
    """Refuse a log that does not extend what is remembered of it.

    `present` is its checkpoint, None where it has none. Raises LogError `log-rewound` where it is
    smaller than it was, `log-forked` where it is another one, `log-damaged`.
    """
    for old in dict.fromkeys(remembered):
        if old == present:
            continue
        if present is None or present.size < old.size:
            now = "has no checkpoint" if present is None else f"has {present.size} entries"
            raise LogError(
                "log-rewound",
                f"the log {old.origin} {now}; it is remembered with {old.size}",
                hint="`git fetch origin audit-log`; if it has no more there, its branch was "
                "deleted or moved back: restore it from a copy, sign nothing",
            )
        try:
            consistency(old, present, read)
        except LogError as error:
            if error.code != "log-inconsistent":
                raise
            raise LogError(
                "log-forked",
                f"the log {present.origin} with {present.size} entries does not contain the "
                f"{old.size} entries it is remembered with",
                hint="somebody rewrote it or began it anew; keep both copies and ask who",
            ) from error


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def _scanned(file: Path, *, origin: str) -> Scanned | None:
    from itil_gate.log.reader import Scanned  # noqa: PLC0415 - see open_reader

    try:
        said: Any = json.loads(file.read_bytes())
        checkpoint = parse_text(str(said["checkpoint"]))
        places = tuple(int(index) for index in said["revocations"])
    except (OSError, ValueError, KeyError, TypeError, LogError):
        return None
    return Scanned(checkpoint, places) if checkpoint.origin == origin else None


def _keep(file: Path, scanned: Scanned) -> None:
    said = {"checkpoint": scanned.checkpoint.text, "revocations": scanned.revocations}
    beside = file.with_name(f"revocations.{os.getpid()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(said), "utf-8")
        beside.replace(file)


def _noted(data: bytes, *, file: str) -> str:
    """Return metadata.checkpoint of a request; empty for what is none."""
    try:
        said = parse(decode(data, file=file), file=file).data
    except SourceError:
        return ""
    metadata = said.get("metadata") if isinstance(said, dict) else None
    note = metadata.get("checkpoint") if isinstance(metadata, dict) else None
    return note if isinstance(note, str) else ""


def _claimed(note: str) -> int:
    """Return the size that a note claims, whoever signed it."""
    said = _checkpoint(note.encode())
    return said.size if said else -1


def _checkpoint(note: bytes) -> Checkpoint | None:
    try:
        return parse_text(parse_note(note)[0])
    except (NoteError, LogError):
        return None
