"""`itil-gate log consistency`: whether the log is still the one that somebody remembers."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.log_reading import given_checkpoint, log_options
from itil_gate.cli.screen import out, say

if TYPE_CHECKING:
    from itil_gate.cli.log_reading import LogPlace


@click.command(epilog="Exit codes: 0 it extends it, 1 it does not, 2 could not look.")
@click.argument("file", metavar="OLD_CHECKPOINT", type=click.Path(dir_okay=False, path_type=Path))
@log_options
def command(place: LogPlace, file: Path) -> int:
    """Prove that the log extends an older checkpoint: nothing was taken away or changed.

    OLD_CHECKPOINT is a file that `log checkpoint` wrote, or a receipt's checkpoint. The proof
    (RFC 9162) is printed, one hash a line.

    \b
    itil-gate log checkpoint > seen.checkpoint      (some day)
    itil-gate log consistency seen.checkpoint       (later)
    """
    from itil_gate.log.proof import consistency
    from itil_gate.report.escape import terminal

    old = given_checkpoint(file, place.keys, origin=place.origin)
    with place.reading() as (at, reader):
        path = consistency(old, reader.checkpoint, at.read)
        size = reader.size
    for step in path:
        out(base64.b64encode(step).decode("ascii"))
    say(terminal(f"consistent: {place.origin} with {size} entries extends its first {old.size}"))
    return 0
