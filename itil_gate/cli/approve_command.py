"""`itil-gate approve`: sign an approval of exactly this content."""

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
from itil_gate.cli.hearing import hearing
from itil_gate.cli.screen import now, repo_option, say

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.cli.desk import Signing

REFUSED = 1


@click.command()
@click.argument("change", metavar="CHG")
@click.option("--head", help="The commit you looked at; the approval binds to it.")
@click.option("--retro", is_flag=True, help="Approve after the fact what landed by an override.")
@click.option("--base", help="Branch to merge into; origin/main or main by default.")
@click.option("--target", help="Full name of the target branch where --base is a commit.")
@click.option("--role", "roles", multiple=True, help="Claim only this role; else all you hold.")
@click.option("--reason", help="A remark that is signed with the approval.")
@click.option("--remote", metavar="REMOTE", help="With --retro: the remote that keeps the log.")
@click.option("--local", is_flag=True, help="With --retro: look at the copies that are here.")
@signing_options
@repo_option
def command(
    change: str,
    head: str | None,
    base: str | None,
    target: str | None,
    roles: tuple[str, ...],
    reason: str | None,
    remote: str | None,
    signing: Signing,
    repo: Path,
    *,
    retro: bool,
    local: bool,
) -> int:
    """Approve change CHG as it stands at --head, with your own SSH key.

    Shows what is signed, then files the statement on the branch itil-gate-approvals. That moves
    no head and makes you no contributor.

    With --retro the change has landed already, by an override or as an emergency: what you sign is
    exactly what landed, as the audit log has it. Whoever overrode it cannot.

    \b
    itil-gate approve CHG-2026-7K3QX9ZB --head 1a2b3c4d…
    itil-gate approve CHG-2026-7K3QX9ZB --head 1a2b3c4d… --output approval.stmt
    itil-gate approve CHG-2026-7K3QX9ZB --retro
    """
    if retro:
        from itil_gate.cli.retro import approve_retro

        if head or target or roles:
            raise click.UsageError("--retro takes no --head, --target or --role")
        return approve_retro(
            change, repo, base=base, reason=reason, log=(remote, local), signing=signing
        )
    if head is None:
        raise click.UsageError("name the commit you looked at: --head SHA")
    from itil_gate.decide.contributors import find_contributors
    from itil_gate.decide.ledger import exclusions

    at = now()
    with hearing(repo, base=base, head=head, target=target, now=at) as heard:
        signer = find_signer(heard, key=signing.key)
        request, judged = find_request(heard, change)
        show(heard, request, judged, word="APPROVE")
        contributors = find_contributors(
            heard.inputs.facts, signer.roster, repository=signer.policies.config.repository
        )
        reasons = exclusions(signer.person.id, request, contributors)
        if signer.person.kind != "human" or reasons:
            why = "; ".join(reasons) or f"is a {signer.person.kind}"
            say(f"refused: {signer.person.id} cannot approve this change: {why}")
            return REFUSED
        if judged.outcome == "deny":
            say("note: the change is denied as it stands; mending it will need a new approval")
        statement = statement_for(
            "approve", heard, signer, change=change, roles=roles, reason=reason, now=at
        )
        say(f"  as         {signer.person.id}, {', '.join(statement.predicate.roles)}")
        say(f"  good until {statement.predicate.expires_at:%Y-%m-%d %H:%M}Z")
        confirm("Sign this approval?", yes=signing.yes)
        sign_and_file(
            statement,
            signer,
            repository=heard.view.repository,
            signing=signing,
            now=at,
        )
    return 0
