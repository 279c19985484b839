"""`itil-gate log checkpoint`: the signed head of the log, and the keys to verify it with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from itil_gate.cli.log_reading import log_options
from itil_gate.cli.screen import out

if TYPE_CHECKING:
    from itil_gate.cli.log_reading import LogPlace


@click.command(epilog="Exit codes: 0 printed, 1 tampered, 2 could not look.")
@click.option("--vkey", is_flag=True, help="Print the verifier keys instead, one a line.")
@log_options
def command(place: LogPlace, *, vkey: bool) -> int:
    """Print the log's checkpoint: a signed note with its name, size and root.

    Whoever keeps it can prove later that nothing was taken away: see `log consistency`. It is
    printed only if a pinned key signed it and it extends what this clone saw last. `--vkey` prints
    the keys in the form that other tools for signed notes take.

    \b
    itil-gate log checkpoint > seen.checkpoint
    itil-gate log checkpoint --vkey
    """
    if vkey:
        out("\n".join(key.text for key in place.keys))
        return 0
    with place.reading() as (_, reader):
        out(reader.note.decode("utf-8"))
    return 0
