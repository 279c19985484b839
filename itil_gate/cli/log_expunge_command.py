"""`itil-gate log expunge`: take an entry's content away, and say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from itil_gate.cli.log_reading import telling
from itil_gate.cli.log_writing import base_option, named_human, open_books
from itil_gate.cli.recording import recording_options, tell
from itil_gate.cli.screen import repo_option, say

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.cli.recording import Recording


@click.command(epilog="Exit codes: 0 expunged, 1 tampered, 2 could not.")
@click.argument("index", type=click.IntRange(min=0))
@click.option("--reason", required=True, help="Why; it goes into the log.")
@click.option(
    "--ordered-by",
    required=True,
    metavar="PERSON",
    help="Who ordered it, as people.yaml calls them; it goes into the log.",
)
@base_option
@recording_options
@repo_option
def command(
    index: int,
    reason: str,
    ordered_by: str,
    base: str | None,
    recording: Recording,
    repo: Path,
) -> int:
    """Remove the file of entry INDEX, and record in the same commit that it was expunged.

    Its digest stays, and with it every proof; whoever reads the entry is told which entry says that
    it was expunged. The gates no longer reckon with what it said. Git keeps the file in the
    branch's earlier commits, and so do clones: see the how-to about keys for what that takes.

    \b
    itil-gate log expunge 17 --reason "Names a patient." --ordered-by carol
    """

    def run() -> int:
        from itil_gate.release.expunging import expunge

        books = open_books(recording, repo, base=base)
        person = named_human(repo, ordered_by, base=base, option="--ordered-by")
        gone = expunge(books, index, reason=reason, ordered_by=person)
        if gone.recorded is None:
            say(f"entry {index} was expunged by entry {gone.by}")
            return 0
        tell(gone.recorded)
        say(f"entry {index}, a {gone.entry.kind}, is expunged by entry {gone.by}")
        say("the branch's earlier commits still hold its file")
        return 0

    return int(telling(run))
