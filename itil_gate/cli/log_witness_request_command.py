"""`itil-gate log witness-request`: what a C2SP witness wants to see before it cosigns."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import click

from itil_gate.cli.log_reading import log_options
from itil_gate.cli.screen import out

if TYPE_CHECKING:
    from itil_gate.cli.log_reading import LogPlace


@click.command(epilog="Exit codes: 0 printed, 1 tampered, 2 could not look.")
@click.option(
    "--old",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Size of the log that the witness cosigned last; it says so with its answer 409.",
)
@log_options
def command(place: LogPlace, old: int) -> int:
    """Print the body of a witness's add-checkpoint request (C2SP tlog-witness).

    Nothing is sent: this program opens no connection to a witness. What the witness answers are
    signature lines, which go to the end of the checkpoint.

    \b
    itil-gate log witness-request --old 12 | curl --data-binary @- https://witness.example/add-checkpoint
    """
    from itil_gate.log.merkle import consistency_proof, tree_root
    from itil_gate.log.tiles import TileReader
    from itil_gate.model.errors import LogError

    with place.reading() as (at, reader):
        size = reader.size
        if old > size:
            raise LogError("log-rewound", f"the log has {size} entries; the witness saw {old}")
        nodes = TileReader(size, at.read)
        if tree_root(size, nodes) != reader.checkpoint.root:
            raise LogError("log-damaged", "the tiles do not lead to the root that was signed")
        path = consistency_proof(old, size=size, node=nodes)
        lines = [f"old {old}", *(base64.b64encode(step).decode("ascii") for step in path)]
        out("\n".join([*lines, "", ""]) + reader.note.decode("utf-8"))
    return 0
