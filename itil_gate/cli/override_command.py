"""`itil-gate override`: break the glass, signed, for one head or one release."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from itil_gate.cli.desk import Signer, confirm, find_signer, sign_and_file, signing_options
from itil_gate.cli.hearing import hearing
from itil_gate.cli.naming import a_name
from itil_gate.cli.screen import now, repo_option, say
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from itil_gate.cli.desk import Signing
    from itil_gate.git.discover import Repository
    from itil_gate.model.decision import Decision, OverrideEntry
    from itil_gate.model.facts import StatementFact
    from itil_gate.model.record import Overriding
    from itil_gate.model.statement import OverridePredicate

REFUSED = 1
USUAL_HOURS = 4


@frozen
class Words:
    """What the person says: for which changes and paths, why, for how long."""

    changes: tuple[str, ...]
    scope: tuple[str, ...]
    reason: str
    incident: str
    hours: int | None
    at: datetime

    def predicate(self, signer: Signer, *, target: str, **bound: str) -> OverridePredicate:
        """Return what would be signed. Raises GateError `bad-override`."""
        from pydantic import ValidationError

        from itil_gate.model.errors import GateError
        from itil_gate.model.statement import OverridePredicate
        from itil_gate.reading.times import length

        terms = signer.policies.config.override
        most = length(terms.max_age) if terms else timedelta(hours=USUAL_HOURS)
        usual = min(timedelta(hours=USUAL_HOURS), most)
        lasts = usual if self.hours is None else timedelta(hours=self.hours)
        said = {
            "repository": signer.policies.config.repository,
            "target": target,
            "changes": self.changes,
            "scope": self.scope,
            "reason": self.reason,
            "incident": self.incident,
            "signer": signer.person.id,
            "issued_at": self.at,
            "expires_at": self.at + lasts,
        }
        try:
            return OverridePredicate.model_validate(said | bound, by_name=True)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in fault["loc"])
            raise GateError(
                "bad-override",
                f"this cannot be signed: {place or 'it'}: {fault['msg']}",
                hint="name changes by their ids, or paths with --scope",
            ) from error


@click.command(epilog="Exit codes: 0 signed, 1 refused, 2 could not decide.")
@click.argument("changes", nargs=-1, metavar="[CHG]...")
@click.option("--head", help="At the merge gate: the commit that it lets in.")
@click.option("--base", help="Branch to merge into; origin/main or main by default.")
@click.option("--target", help="Full name of the target branch where --base is a commit.")
@click.option(
    "--environment", metavar="NAME", callback=a_name, help="At the deploy gate: where it lets it."
)
@click.option("--commit", metavar="SHA", help="At the deploy gate: the commit that it lets out.")
@click.option(
    "--artifact",
    metavar="DIGEST|FILE",
    help="At the deploy gate: what is to be released, to be shown what else speaks against it.",
)
@click.option("--scope", multiple=True, metavar="GLOB", help="Paths it covers beside the changes.")
@click.option("--reason", required=True, help="Why; whoever reviews it will read it.")
@click.option("--incident", required=True, metavar="ID", help="The incident that calls for it.")
@click.option(
    "--hours",
    type=click.IntRange(0, 24 * 365),
    help="How long it is good for; 4, or less where policy gives less. 0 takes yours back.",
)
@click.option("--remote", metavar="REMOTE", help="Remote that keeps the audit log; origin if any.")
@click.option("--local", is_flag=True, help="Look at the copy of the audit log that is here.")
@signing_options
@repo_option
def command(
    changes: tuple[str, ...],
    head: str | None,
    base: str | None,
    target: str | None,
    environment: str | None,
    commit: str | None,
    artifact: str | None,
    scope: tuple[str, ...],
    reason: str,
    incident: str,
    hours: int | None,
    remote: str | None,
    signing: Signing,
    repo: Path,
    *,
    local: bool,
) -> int:
    """Override what speaks against a merge or a release, with your own SSH key.

    It is good for exactly this head, or for this commit in this environment, and it ends. Shown is
    what it bends before you sign. Nothing is hidden by it: the outcome is `overridden`, and
    somebody else has to approve it afterwards and a review has to be written.

    \b
    itil-gate override CHG-2026-7K3QX9ZB --head 1a2b3c4d… --incident INC-42 --reason "…"
    itil-gate override CHG-2026-7K3QX9ZB --environment production --commit 1a2b3c4d… \\
        --incident INC-42 --reason "…"
    """
    merge, deploy = head is not None, environment is not None and commit is not None
    if merge == deploy or (merge and (environment or commit)):
        raise click.UsageError("name --head, or --environment and --commit")
    words = Words(changes, scope, reason, incident, hours, now())
    if head is not None:
        return _at_merge(words, repo, base=base, head=head, target=target, signing=signing)
    return _at_deploy(
        words,
        repo,
        base=base,
        bound=(commit or "", environment or ""),
        artifact=artifact,
        log=(remote, local),
        signing=signing,
    )


def _at_merge(
    words: Words, repo: Path, *, base: str | None, head: str, target: str | None, signing: Signing
) -> int:
    from itil_gate.release.breaking import as_signed, previous, try_merge

    with hearing(repo, base=base, head=head, target=target, now=words.at) as heard:
        facts = heard.inputs.facts
        signer = find_signer(heard, key=signing.key)
        for change in words.changes:
            heard.verdict(change)
        said = words.predicate(signer, target=facts.target, stage="merge", head=facts.head)
        said = said.model_copy(
            update={"previous": previous(facts.overrides, said, person=signer.person)}
        )
        fact = as_signed(said, person=signer.person)
        tried = try_merge(heard.inputs, fact)
        say(f"OVERRIDE  the merge of {facts.head} into {facts.target}")
        for one in tried.changes:
            say(f"  change     {one.id}  {one.title}")
        bends = [f"{rule}: {text}" for rule, text in _bent(tried)]
        return _finish(
            said, fact, tried.overrides, bends, signer, heard.view.repository, signing, words
        )


def _at_deploy(
    words: Words,
    repo: Path,
    *,
    base: str | None,
    bound: tuple[str, str],
    artifact: str | None,
    log: tuple[str | None, bool],
    signing: Signing,
) -> int:
    from pathlib import Path as File

    from itil_gate.cli.desk import signer_among
    from itil_gate.cli.log_reading import find_log
    from itil_gate.decide.deploy_facts import Attempt
    from itil_gate.gather.inputs import find_commit
    from itil_gate.gather.sources import read_judge
    from itil_gate.git.view import open_view
    from itil_gate.release.breaking import as_signed, previous, try_release
    from itil_gate.release.deploying import account_of, artifact_digest, examine
    from itil_gate.release.overriding import overrides_of

    place = find_log(repo, base=base, remote=log[0], local=log[1])
    digest = artifact_digest(artifact, file=File(artifact)) if artifact else f"sha256:{'0' * 64}"
    with open_view(place.repository) as view:
        judge = read_judge(view, place.tip)
        signer = signer_among(judge, repository=place.repository, key=signing.key)
        attempt = Attempt(
            environment=bound[1],
            commit=find_commit(view, bound[0]),
            artifact=digest,
            changes=words.changes,
            now=words.at,
            backout=False,
        )
        with place.reading() as (_, reader):
            known = account_of(
                view, place.config, reader, attempt, target=place.target, tip=place.tip
            )
        examined = examine(
            view,
            target=place.target,
            tip=place.tip,
            attempt=attempt,
            known=known,
            nonce=f"REL-{words.at.year}-00000000",
            deployer=signer.person.id,
            overrides=(),
        )
        said = words.predicate(
            signer,
            target=place.target,
            stage="deploy",
            commit=attempt.commit,
            environment=attempt.environment,
        )
        given = overrides_of(view, attempt.commit)
        said = said.model_copy(update={"previous": previous(given, said, person=signer.person)})
        fact = as_signed(said, person=signer.person)
        tried = try_release(view, examined, (*given, fact), artefact=artifact is not None)
    say(f"OVERRIDE  the release of {attempt.commit} to {attempt.environment}")
    say(f"  changes    {', '.join(tried.changes) or 'none'}")
    bends = [f"{one.rule}: {one.message}" for one in tried.reasons if one.overridden]
    return _finish(said, fact, tried.overrides, bends, signer, place.repository, signing, words)


def _finish(
    said: OverridePredicate,
    fact: StatementFact,
    entries: Iterable[OverrideEntry | Overriding],
    bends: Sequence[str],
    signer: Signer,
    repository: Repository,
    signing: Signing,
    words: Words,
) -> int:
    """Show what would be signed; sign it unless it would count for nothing."""
    from itil_gate.signing.statement import override_statement

    taken_back = words.hours == 0 and bool(said.previous)
    mine = next((one for one in entries if one.digest == fact.digest), None)
    others = [one for one in entries if one.counted and one.digest != fact.digest]
    if not taken_back and (mine is None or not mine.counted):
        code = mine.code if mine else "not-needed"
        detail = mine.detail if mine else "nothing is left that it would have to bend"
        say(f"refused: the override would count for nothing: {code}: {detail}")
        return REFUSED
    say(f"  incident   {said.incident}")
    say(f"  reason     {said.reason.strip().splitlines()[0]}")
    for one in others:
        say(f"  note       an override of {one.person} stands in already")
    say("  takes back what you overrode before" if taken_back else "  bends")
    for line in () if taken_back else bends:
        say(f"             {line}")
    terms = signer.policies.config.override
    if terms is not None and not taken_back:
        say(f"  owed       approval by somebody else within {terms.retro_approval},")
        say(f"             a review within {terms.review}")
    say(f"  as         {signer.person.id}")
    say(f"  good until {said.expires_at:%Y-%m-%d %H:%M}Z")
    confirm("Sign this override?", yes=signing.yes)
    sign_and_file(
        override_statement(said), signer, repository=repository, signing=signing, now=words.at
    )
    return 0


def _bent(decision: Decision) -> list[tuple[str, str]]:
    states = [
        *decision.rules,
        *(state for change in decision.changes for state in change.rules),
    ]
    return [
        (state.rule, finding.message)
        for state in states
        if state.state == "OVERRIDDEN"
        for finding in state.findings
    ]
