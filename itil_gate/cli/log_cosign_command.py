"""`itil-gate log cosign`: a witness remembers the log's head, and says so under its signature."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.log_reading import log_options
from itil_gate.cli.screen import now, out, say, write_file

if TYPE_CHECKING:
    from itil_gate.cli.log_reading import LogPlace


@click.command(epilog="Exit codes: 0 cosigned, 1 the log was tampered with, 2 could not.")
@click.option(
    "--key",
    required=True,
    metavar="KEY",
    help="The witness's Ed25519 key: a file or agent:SHA256:…; used for nothing else.",
)
@click.option("--name", required=True, help="The witness's name, such as example.com/auditor.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the cosigned checkpoint here ('-' prints it) and leave the branch alone.",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the witness keeps what it signed last; below the git directory by default.",
)
@log_options
def command(place: LogPlace, key: str, name: str, output: Path | None, state: Path | None) -> int:
    """Add a witness's cosignature (C2SP cosignature/v1) to the log's checkpoint.

    The log has to extend what this witness signed last, which it keeps before it signs anew. The
    commit on the branch changes nothing but the checkpoint's signatures and is signed with the
    witness's key. Pin that key under log.witnesses in itil-gate.yaml. The next entry makes a new
    checkpoint, which has to be cosigned again.

    \b
    itil-gate log cosign --key ~/.ssh/auditor --name example.com/auditor
    """
    import os

    from itil_gate.release.keys import KeySource, LogKeys, open_keys
    from itil_gate.release.witness import cosign

    keys: LogKeys = open_keys(KeySource(key), agent=os.environ.get("SSH_AUTH_SOCK"))
    made = cosign(
        place.repository,
        signer=keys.checkpoint,
        name=name,
        origin=place.origin,
        keys=place.keys,
        remote=place.remote,
        now=now(),
        state=state,
        publish=output is None,
    )
    if output is not None and str(output) != "-":
        write_file(output, made.note)
        say(f"wrote {output}")
    elif output is not None:
        out(made.note.decode("utf-8"))
    say(f"{name} cosigned {place.origin} at {made.size} entries")
    say(f"its verifier key is {made.vkey}")
    return 0
