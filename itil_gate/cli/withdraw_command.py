"""`itil-gate withdraw`: take back one's own statement, or one's own change."""

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


@click.command()
@click.argument("change", metavar="CHG")
@merge_options
@click.option("--change", "whole", is_flag=True, help="Withdraw the change itself; requester only.")
@click.option("--reason", help="Why; it is signed with the statement.")
@signing_options
@repo_option
def command(
    change: str,
    base: str | None,
    head: str,
    target: str | None,
    reason: str | None,
    key: str | None,
    output: Path | None,
    push: str | None,
    repo: Path,
    *,
    whole: bool,
    yes: bool,
) -> int:
    """Take back your approval or rejection of change CHG, or withdraw the change.

    A withdrawn approval does not come back, and nothing earlier takes its place.

    \b
    itil-gate withdraw CHG-2026-7K3QX9ZB
    itil-gate withdraw CHG-2026-7K3QX9ZB --change --reason "superseded by the new gateway"
    """
    from itil_gate.model.errors import GateError

    at = now()
    with hearing(repo, base=base, head=head, target=target, now=at) as heard:
        signer = find_signer(heard, key=key)
        request, judged = find_request(heard, change)
        if whole and signer.person.id != request.metadata.requester:
            raise GateError(
                "not-the-requester",
                f"only {request.metadata.requester}, who asked for it, can withdraw the change",
                hint=f"`itil-gate reject {change} --reason …` says no to it",
            )
        statement = statement_for(
            "withdraw-change" if whole else "withdraw",
            heard,
            signer,
            change=change,
            roles=(),
            reason=reason,
            now=at,
        )
        if not whole and not statement.predicate.previous:
            raise GateError(
                "nothing-to-withdraw",
                f"{signer.person.id} has made no statement about {change}",
                hint="`itil-gate withdraw --change` withdraws the change itself",
            )
        show(heard, request, judged, word="WITHDRAW CHANGE" if whole else "WITHDRAW")
        confirm("Sign this withdrawal?", yes=yes)
        sign_and_file(
            statement,
            signer,
            repository=heard.view.repository,
            output=output,
            push=push,
            now=at,
        )
    return 0
