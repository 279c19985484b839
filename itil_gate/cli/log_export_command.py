"""`itil-gate log export`: the log as plain files, for other people's tools."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.log_reading import log_options
from itil_gate.cli.screen import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.cli.log_reading import LogPlace
    from itil_gate.git.snapshot import Snapshot

AT_ONCE = 1000
"""Files that are read together."""


@click.command(epilog="Exit codes: 0 written, 1 tampered, 2 could not.")
@click.option(
    "--dir",
    "directory",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="An empty directory, or one that does not exist.",
)
@log_options
def command(place: LogPlace, directory: Path) -> int:
    """Write checkpoint, tiles, entries and time-stamps as plain files, as C2SP tlog-tiles asks.

    Such a directory can be served as it is, and verified with other tools, such as the fsck of
    Tessera.

    \b
    itil-gate log export --dir exported
    go run github.com/transparency-dev/tessera/cmd/fsck@latest --storage_url=file://$PWD/exported/
    """
    from itil_gate.log.checkpoint import PATH
    from itil_gate.model.errors import GateError

    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise GateError(
            "not-empty", f"{directory} is not empty", hint="name a directory that does not exist"
        )
    with place.reading() as (at, reader):
        at.complete()
        written = sum(1 for _ in _written(at, directory, size=reader.size))
        stamps = _stamps(at, directory)
        # Last, so that a directory without it is one that was cut short.
        (directory / PATH).write_bytes(reader.note)
        expunged = reader.size + _tiles(reader.size) - written
    say(f"wrote {written + stamps + 1} files of {reader.size} entries to {directory}")
    if expunged:
        say(f"note: {expunged} entries have no file; they were expunged")
    return 0


def _stamps(at: Snapshot, directory: Path) -> int:
    """Write the time-stamps, and return how many there are."""
    from itil_gate.release.timestamping import FOLDER, stamp_path, stamp_sizes

    found = at.read_many(stamp_path(size) for size in stamp_sizes(at.names(FOLDER)))
    for path, data in found.items():
        file = directory / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data or b"")
    return len(found)


def _tiles(size: int) -> int:
    from itil_gate.log.tiles import paths

    return len(paths(size))


def _written(at: Snapshot, directory: Path, *, size: int) -> Iterator[str]:
    """Write tiles and entries, many at once, and yield the path of each."""
    from itil_gate.log.entry import entry_path
    from itil_gate.log.tiles import paths
    from itil_gate.model.errors import LogError

    for wanted, needed in ((iter(paths(size)), True), (map(entry_path, range(size)), False)):
        while some := tuple(islice(wanted, AT_ONCE)):
            for path, data in at.read_many(some).items():
                if data is None and needed:
                    raise LogError("log-incomplete", f"the log has no file {path}")
                if data is not None:
                    file = directory / path
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(data)
                    yield path
