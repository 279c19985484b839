"""`itil-gate vouch`: vouch for an outsider's commit, or prove one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from itil_gate.cli.desk import confirm, find_signer, sign_and_file, signing_options
from itil_gate.cli.hearing import hearing, merge_options
from itil_gate.cli.screen import now, repo_option, say

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.cli.desk import Signing


@click.command()
@click.argument("commit")
@merge_options
@click.option("--reason", required=True, help="How you know where the commit comes from.")
@signing_options
@repo_option
def command(
    commit: str,
    base: str | None,
    head: str,
    target: str | None,
    reason: str,
    signing: Signing,
    repo: Path,
) -> int:
    """Vouch for COMMIT, which names an author who is not in people.yaml, or prove your own.

    Whoever vouches counts as a contributor and cannot approve the change.

    \b
    itil-gate vouch 1a2b3c4d… --reason "patch by the vendor, ticket 4711"
    """
    from itil_gate.gather.inputs import find_commit
    from itil_gate.model.errors import GateError
    from itil_gate.model.statement import VouchPredicate
    from itil_gate.signing.statement import vouch_statement

    at = now()
    with hearing(repo, base=base, head=head, target=target, now=at) as heard:
        signer = find_signer(heard, key=signing.key)
        wanted = find_commit(heard.view, commit)
        fact = next((one for one in heard.inputs.facts.commits if one.id == wanted), None)
        if fact is None:
            raise GateError(
                "commit-not-proposed",
                f"{wanted[:12]} is not among the commits to be merged",
                hint="name the head that holds it: --head BRANCH",
            )
        author = f"{fact.author.name} <{fact.author.email}>"
        say(f"VOUCH  commit {wanted}")
        say(f"  author     {author}")
        say(f"  committer  {fact.committer.name} <{fact.committer.email}>")
        say(f"  as         {signer.person.id}, who will not be able to approve this change")
        confirm("Vouch for this commit?", yes=signing.yes)
        statement = vouch_statement(
            VouchPredicate(
                repository=signer.policies.config.repository,
                commit=wanted,
                author=author[:300],
                signer=signer.person.id,
                issued_at=at,
                reason=reason,
            )
        )
        sign_and_file(
            statement,
            signer,
            repository=heard.view.repository,
            signing=signing,
            now=at,
        )
    return 0
