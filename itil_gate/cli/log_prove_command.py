"""`itil-gate log prove`: a receipt for one entry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.log_reading import log_options
from itil_gate.cli.screen import out, say, write_file

if TYPE_CHECKING:
    from itil_gate.cli.log_reading import LogPlace


@click.command(epilog="Exit codes: 0 proved, 1 tampered, 2 could not look, or no such entry.")
@click.argument("index", type=click.IntRange(min=0))
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the receipt here instead of to standard output.",
)
@click.option(
    "--entry",
    "entry_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the entry's own file here, which the receipt is about.",
)
@log_options
def command(place: LogPlace, index: int, output: Path | None, entry_file: Path | None) -> int:
    """Write a receipt (C2SP tlog-proof): entry INDEX is in the log, by the head it has now.

    Receipt and entry are all that is needed to verify it offline, here or with other tools.

    \b
    itil-gate log prove 17 --output 17.tlog-proof --entry 17.intoto.json
    itil-gate log verify-proof 17.tlog-proof --entry 17.intoto.json
    """
    from itil_gate.log.entry import entry_path
    from itil_gate.log.proof import prove
    from itil_gate.log.tiles import TileReader, read_leaf
    from itil_gate.model.errors import LogError

    with place.reading() as (at, reader):
        leaf = read_leaf(index, size=reader.size, read=at.read)
        nodes = TileReader(reader.size, at.read)
        proof = prove(index, leaf=leaf, note=reader.note, checkpoint=reader.checkpoint, nodes=nodes)
        file = at.read(entry_path(index)) if entry_file else None
        by = reader.entry(index, lost=True).expunged_by if entry_file and file is None else None
    if entry_file is not None:
        if file is None:
            why = "is gone, and no entry says why" if by is None else f"was expunged by entry {by}"
            raise LogError("entry-missing", f"the file of entry {index} {why}")
        write_file(entry_file, file)
        say(f"wrote {entry_file}")
    if output is None:
        out(proof.data.decode("utf-8"))
    else:
        write_file(output, proof.data)
        say(f"wrote {output}")
    return 0
