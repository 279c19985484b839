"""`itil-gate reject`: sign a rejection; it holds through new pushes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from itil_gate.cli.desk import (
    confirm,
    find_request,
    find_signer,
    show,
    sign_and_file,
    signing_options,
    statement_for,
)
from itil_gate.cli.hearing import hearing, merge_options
from itil_gate.cli.screen import now, repo_option

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.cli.desk import Signing


@click.command()
@click.argument("change", metavar="CHG")
@merge_options
@click.option("--reason", required=True, help="Why; the requester and the auditor will read it.")
@click.option("--role", "roles", multiple=True, help="Claim only this role; else all you hold.")
@signing_options
@repo_option
def command(
    change: str,
    base: str | None,
    head: str,
    target: str | None,
    reason: str,
    roles: tuple[str, ...],
    signing: Signing,
    repo: Path,
) -> int:
    """Reject change CHG, with your own SSH key.

    A rejection binds to the change, not to a commit: new pushes do not end it. Your own later
    `withdraw` or `approve` does. Contributors cannot approve, but they can reject. A recognised
    standard change, which asks nobody, is rejected by the id STD-… that `check` shows.

    \b
    itil-gate reject CHG-2026-7K3QX9ZB --reason "no backout was tested"
    """
    at = now()
    with hearing(repo, base=base, head=head, target=target, now=at) as heard:
        signer = find_signer(heard, key=signing.key)
        request, judged = find_request(heard, change)
        show(heard, request, judged, word="REJECT")
        statement = statement_for(
            "reject", heard, signer, change=change, roles=roles, reason=reason, now=at
        )
        confirm("Sign this rejection?", yes=signing.yes)
        sign_and_file(
            statement,
            signer,
            repository=heard.view.repository,
            signing=signing,
            now=at,
        )
    return 0
