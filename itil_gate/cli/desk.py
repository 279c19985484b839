"""What `approve`, `reject`, `withdraw` and `vouch` share: finding the signer, showing, filing."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from itil_gate.cli.screen import out, say, write_file
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from itil_gate.cli.hearing import Hearing
    from itil_gate.decide.roster import Roster
    from itil_gate.git.discover import Repository
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.decision import ChangeVerdict
    from itil_gate.model.people import Person
    from itil_gate.model.policy import PolicySet, Source
    from itil_gate.model.statement import ApprovalStatement, Verdict
    from itil_gate.signing.statement import Statement

KEY_NAMES = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")


@frozen
class Signer:
    """Who signs, with which key, under the roster of the target."""

    person: Person
    key: str
    roster: Roster
    policies: PolicySet


@frozen
class Signing:
    """How a statement is signed and where it goes, as the command line says."""

    key: str | None
    output: Path | None
    push: str | None
    yes: bool


def signing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every command that signs; it gets them as one `signing`."""

    @functools.wraps(command)
    def collected(
        *, key: str | None, output: Path | None, push: str | None, yes: bool, **others: Any
    ) -> Any:
        return command(signing=Signing(key, output, push, yes), **others)

    options = (
        click.option(
            "--key",
            help="SSH key file (private, or public with an agent); git's user.signingKey or "
            "~/.ssh/id_… by default.",
        ),
        click.option(
            "--output",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write the signed statement here instead of the approvals branch; anyone who "
            "may write can `itil-gate import` it.",
        ),
        click.option("--push", metavar="REMOTE", help="Push the approvals branch afterwards."),
        click.option("--yes", is_flag=True, help="Sign without asking."),
    )
    for option in reversed(options):
        collected = option(collected)
    return collected


def find_signer(heard: Hearing, *, key: str | None) -> Signer:
    """Return whose key this is; see `signer_among`."""
    return signer_among(heard.inputs.judge, repository=heard.view.repository, key=key)


def signer_among(judge: Sequence[Source], *, repository: Repository, key: str | None) -> Signer:
    """Return whose key this is by people.yaml of the target.

    Raises SigningError `no-key` or `unknown-key`. No environment variable chooses the key.
    """
    from itil_gate.decide.roster import build_roster
    from itil_gate.git.sshkeygen import public_key
    from itil_gate.model.errors import SigningError
    from itil_gate.model.fingerprint import fingerprint
    from itil_gate.policy.compile import compile_policies

    policies = compile_policies(judge)
    roster = build_roster(policies.people)
    path = key or _default_key(repository)
    if path is None:
        raise SigningError(
            "no-key",
            "no SSH key to sign with was found",
            hint="name one: --key ~/.ssh/id_ed25519, or `git config user.signingKey FILE`",
        )
    mark = fingerprint(public_key(path))
    person = roster.by_key.get(mark)
    if person is None:
        raise SigningError(
            "unknown-key",
            f"the key {mark} ({path}) belongs to nobody in people.yaml on the target",
            hint="sign with a listed key (--key FILE), or have it added to people.yaml",
        )
    return Signer(person, path, roster, policies)


def find_request(heard: Hearing, change: str) -> tuple[ChangeRequest, ChangeVerdict]:
    """Return a request of the proposed merge with its verdict.

    For a recognised standard change it is the request that stands for it.
    """
    from itil_gate.decide.gate import asked_of

    verdict, asked = heard.verdict(change), asked_of(heard.inputs)
    return next(one.change for one in asked if one.change.metadata.id == change), verdict


def show(heard: Hearing, change: ChangeRequest, judged: ChangeVerdict, *, word: str) -> None:
    """Show what is about to be signed: title, risk with reasons, extent, window, digests."""
    facts = heard.inputs.facts
    say(f"{word}  {judged.id}  {judged.title}")
    say(f"  asked by   {judged.requester}: {change.spec.reason.strip().splitlines()[0]}")
    reasons = "; ".join(
        f"{one.level}: {one.reason}" for one in judged.risk.contributions if one.reason
    )
    say(f"  risk       {judged.risk.level} ({reasons})")
    for each in judged.beyond:
        what = f"{each.exception} approves the exception" if each.exception else "no exception"
        say(f"  beyond     at most {each.maximum} is taken (risk model {each.model}); {what}")
    counts = dict.fromkeys("AMDT", 0)
    for entry in facts.diff:
        counts[entry.status] += 1
    say(
        f"  extent     {len(facts.diff)} path(s): {counts['A']} added, "
        f"{counts['M'] + counts['T']} changed, {counts['D']} deleted"
    )
    for entry in facts.diff[:12]:
        say(f"             {entry.status} {entry.path}")
    if len(facts.diff) > 12:  # noqa: PLR2004 - what fits on a screen beside the rest
        say(f"             … and {len(facts.diff) - 12} more")
    if judged.interval is not None:
        start, end = judged.interval.start, judged.interval.end
        say(f"  window     {start:%Y-%m-%d %H:%M}Z to {end:%Y-%m-%d %H:%M}Z with soak")
    say(f"  services   {', '.join(judged.services)}; in {', '.join(judged.environments)}")
    say(f"  target     {facts.target} at {facts.tip[:12]}, head {facts.head[:12]}")
    say(f"  content    sha256:{facts.content}")
    say(f"  request    sha256:{judged.digest}")


def confirm(question: str, *, yes: bool) -> None:
    """Ask before signing on a terminal; elsewhere --yes has to say so beforehand."""
    from itil_gate.model.errors import GateError

    if yes:
        return
    if not sys.stdin.isatty():
        raise GateError(
            "not-confirmed",
            "nobody is there to confirm what is signed",
            hint="read what is shown above and add --yes",
        )
    if not click.confirm(question, err=True):
        raise click.Abort


def statement_for(
    verdict: Verdict,
    heard: Hearing,
    signer: Signer,
    *,
    change: str,
    roles: tuple[str, ...],
    reason: str | None,
    now: datetime,
) -> ApprovalStatement:
    """Return the statement that the signer would make about a change of the proposed merge."""
    from itil_gate.release.signing_desk import make_statement

    request, judged = find_request(heard, change)
    return make_statement(
        verdict,
        change=request,
        judged=judged,
        facts=heard.inputs.facts,
        policies=signer.policies,
        roster=signer.roster,
        signer=signer.person,
        roles=roles,
        now=now,
        reason=reason,
    )


def sign_and_file(
    statement: Statement,
    signer: Signer,
    *,
    repository: Repository,
    signing: Signing,
    now: datetime,
) -> None:
    """Sign a statement and file it, or write it where it can be imported from."""
    from itil_gate.model.statement import APPROVALS_BRANCH
    from itil_gate.release.signing_desk import file_statement, sign_statement

    filed = sign_statement(statement, key=signer.key, interactive=sys.stdin.isatty())
    if signing.output is not None:
        write_file(signing.output, filed.data)
        out(f"signed by {signer.person.id}: {signing.output}")
        say(f"next: somebody who may write runs `itil-gate import {signing.output}`")
        return
    person = signer.person
    email = person.emails[0] if person.emails else f"{person.id}@invalid"
    commit = file_statement(repository, filed, identity=(person.name, email), now=now)
    out(f"signed by {person.id}: {filed.path}")
    short = APPROVALS_BRANCH.removeprefix("refs/heads/")
    say(f"filed as commit {commit[:12]} of {short}")
    publish(repository, signing.push)


def publish(repository: Repository, remote: str | None) -> None:
    """Push the approvals branch, or say how to."""
    from itil_gate.model.statement import APPROVALS_BRANCH

    short = APPROVALS_BRANCH.removeprefix("refs/heads/")
    if remote is None:
        say(f"next: `git push origin {short}` where the repository has a remote")
        return
    from itil_gate.git.remote import push_branch

    push_branch(repository, remote, APPROVALS_BRANCH)
    say(f"pushed {short} to {remote}")


def _default_key(repository: Repository) -> str | None:
    from itil_gate.git.user import signing_key

    configured = signing_key(repository)
    if configured is not None:
        return configured
    return usual_key()


def usual_key() -> str | None:
    """Return the key file that OpenSSH would take from ~/.ssh; None if there is none."""
    try:
        home = Path.home() / ".ssh"
    except RuntimeError:
        # The machine does not know the caller, and HOME is not set.
        return None
    for name in KEY_NAMES:
        try:
            if (home / name).exists():
                return str(home / name)
        except OSError:
            # A folder that may not be looked into holds no key for us.
            return None
    return None
