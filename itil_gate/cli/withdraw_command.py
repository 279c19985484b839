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
    signer_among,
    signing_options,
    statement_for,
)
from itil_gate.cli.hearing import find_target, hearing, merge_options
from itil_gate.cli.screen import now, repo_option, repository, say

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.cli.desk import Signing


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
    signing: Signing,
    repo: Path,
    *,
    whole: bool,
) -> int:
    """Take back your approval or rejection of change CHG, or withdraw the change.

    A withdrawn approval does not come back, and nothing earlier takes its place. Your statement is
    found on the approvals branch, so this works where the commits are gone; only --change needs
    --head.

    \b
    itil-gate withdraw CHG-2026-7K3QX9ZB
    itil-gate withdraw CHG-2026-7K3QX9ZB --change --reason "superseded by the new gateway"
    """
    if whole:
        return _withdraw_change(
            change,
            base=base,
            head=head,
            target=target,
            reason=reason,
            signing=signing,
            repo=repo,
        )
    from itil_gate.gather.sources import read_judge
    from itil_gate.gather.statements import approval_tips, list_statements, read_statements
    from itil_gate.git.view import open_view
    from itil_gate.release.signing_desk import make_retraction

    at, found = now(), repository(repo)
    with open_view(found) as view:
        ref, tip = find_target(view, base=base, target=target)
        signer = signer_among(read_judge(view, tip), repository=found, key=signing.key)
        folders = list_statements(view, approval_tips(view))
        statement = make_retraction(
            read_statements(view, folders.get(change, ())),
            change=change,
            target=ref,
            repository=signer.policies.config.repository,
            signer=signer.person,
            roster=signer.roster,
            now=at,
            reason=reason,
        )
    say(f"WITHDRAW  what {signer.person.id} last said about {change} for {ref}")
    for digest in statement.predicate.previous:
        say(f"  follows    {digest}")
    confirm("Sign this withdrawal?", yes=signing.yes)
    sign_and_file(statement, signer, repository=found, signing=signing, now=at)
    return 0


def _withdraw_change(
    change: str,
    *,
    base: str | None,
    head: str,
    target: str | None,
    reason: str | None,
    signing: Signing,
    repo: Path,
) -> int:
    """Withdraw the change itself, for its requester."""
    from itil_gate.model.errors import GateError

    at = now()
    with hearing(repo, base=base, head=head, target=target, now=at) as heard:
        signer = find_signer(heard, key=signing.key)
        request, judged = find_request(heard, change)
        if signer.person.id != request.metadata.requester:
            raise GateError(
                "not-the-requester",
                f"only {request.metadata.requester}, who asked for it, can withdraw the change",
                hint=f"`itil-gate reject {change} --reason …` says no to it",
            )
        statement = statement_for(
            "withdraw-change", heard, signer, change=change, roles=(), reason=reason, now=at
        )
        show(heard, request, judged, word="WITHDRAW CHANGE")
        confirm("Sign this withdrawal?", yes=signing.yes)
        sign_and_file(
            statement,
            signer,
            repository=heard.view.repository,
            signing=signing,
            now=at,
        )
    return 0
