"""`itil-gate import`: add a statement that somebody else signed."""

from __future__ import annotations

from pathlib import Path

import click

from itil_gate.cli.desk import publish
from itil_gate.cli.screen import now, out, repo_option, repository, say

REFUSED = 1


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--push", metavar="REMOTE", help="Push the approvals branch afterwards.")
@repo_option
def command(file: Path, push: str | None, repo: Path) -> int:
    """Add a signed statement from FILE to the approvals branch.

    The signature carries the trust, not whoever imports it. A file that does not verify is
    refused.

    \b
    itil-gate import approval.stmt
    """
    from itil_gate.git.user import identity
    from itil_gate.release.signing_desk import Filed, file_statement, place_of
    from itil_gate.signing.statement import read_statement

    data = file.read_bytes()
    fact = read_statement(place_of(data), data)
    if fact.status != "good":
        say(f"refused: {file} is {fact.status}: {fact.detail}")
        return REFUSED
    found = repository(repo)
    name, email = identity(found)
    commit = file_statement(found, Filed(fact.path, data), identity=(name, email), now=now())
    said = fact.approval or fact.vouch or fact.override or fact.retro or fact.correction
    out(f"imported {said.signer if said else 'unknown'}: {fact.path}")
    say(f"filed as commit {commit[:12]}")
    publish(found, push)
    return 0
