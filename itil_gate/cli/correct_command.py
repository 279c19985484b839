"""`itil-gate correct`: say, signed, why an update that nothing let in had to land."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from itil_gate.cli.desk import Signer, confirm, sign_and_file, signer_among, signing_options
from itil_gate.cli.log_reading import find_log, telling
from itil_gate.cli.recording import Recording, recording_options
from itil_gate.cli.screen import now, out, repo_option, say

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.cli.desk import Signing
    from itil_gate.cli.log_reading import LogPlace
    from itil_gate.git.view import View
    from itil_gate.model.facts import StatementFact
    from itil_gate.model.statement import CorrectionPredicate
    from itil_gate.release.deploying import Known

REFUSED = 1


@click.command(epilog="Exit codes: 0 signed or recorded, 1 refused, 2 could not.")
@click.argument("commit", required=False, metavar="[COMMIT]")
@click.option("--reason", help="Why it had to land past the rules.")
@click.option("--base", help="Branch whose itil-gate.yaml counts; origin/main or main.")
@click.option("--record", is_flag=True, help="Record the corrections on the approvals branch.")
@signing_options
@recording_options
@repo_option
def command(
    commit: str | None,
    reason: str | None,
    base: str | None,
    signing: Signing,
    recording: Recording,
    repo: Path,
    *,
    record: bool,
) -> int:
    """Correct the unauthorised update that ends with COMMIT, with your own SSH key.

    For the one case in which the rules lock out their own repair: an administrator merged it, and
    whoever held the recovery role when the audit log was opened says why. The update is overridden
    then, not authorised, and owes approval and review by somebody else.

    \b
    itil-gate correct 1a2b3c4d… --reason "the policies asked for a role that nobody held"
    itil-gate correct --record
    """
    if record == (commit is not None) or (commit is not None and not reason):
        raise click.UsageError("name a commit and --reason, or --record")

    def run() -> int:
        place = find_log(repo, base=base, remote=recording.remote, local=recording.local)
        if commit is None:
            return _record(place, recording)
        return _sign(commit, reason or "", place, signing)

    code: int = telling(run)
    return code


def _sign(commit: str, reason: str, place: LogPlace, signing: Signing) -> int:
    from itil_gate.gather.inputs import find_commit
    from itil_gate.gather.sources import read_judge
    from itil_gate.git.view import open_view
    from itil_gate.model.statement import CorrectionPredicate
    from itil_gate.release.deploying import known_of
    from itil_gate.signing.statement import correction_statement

    at = now()
    with place.reading() as (_, reader):
        known = known_of(reader, place.target)
    with open_view(place.repository) as view:
        after = find_commit(view, commit)
        ends = {one.update.before: one for one in known.updates if one.update.after == after}
        # A branch that was moved back more than once came to the same commit in several ways.
        mine = sorted(
            ends.values(), key=lambda one: (one.update.standing == "unauthorised", one.index)
        )
        signer = signer_among(
            read_judge(view, known.adopted), repository=place.repository, key=signing.key
        )
        said = CorrectionPredicate(
            repository=place.config.repository,
            target=place.target,
            before=mine[-1].update.before if mine else after,
            after=after,
            reason=reason,
            signer=signer.person.id,
            issued_at=at,
        )
        why = _refusal(view, said, signer, known=known)
    if why:
        say(f"refused: the correction would count for nothing: {why}")
        return REFUSED
    update = mine[-1].update
    say(f"CORRECT  {update.before[:12]}..{update.after} on {update.ref}")
    say(f"  recorded   entry {mine[-1].index}: {update.standing}: {update.reason}")
    say(f"  reason     {reason.strip().splitlines()[0]}")
    say(f"  as         {signer.person.id}")
    say("  it will stand as overridden in every report; approval and review are owed for it")
    confirm("Sign this correction?", yes=signing.yes)
    sign_and_file(
        correction_statement(said), signer, repository=place.repository, signing=signing, now=at
    )
    say("next: `itil-gate correct --record` in a run that keeps the log")
    return 0


def _refusal(view: View, said: CorrectionPredicate, signer: Signer, *, known: Known) -> str:
    """Return why a correction would not count; nothing if it would."""
    from itil_gate.release.correcting import hear, recovery_of

    recovery = recovery_of(
        view,
        adopted=known.adopted,
        target=said.target,
        repository=said.repository,
        updates=known.updates,
        now=said.issued_at,
    )
    (heard,) = hear([_as_signed(said, signer)], recovery)
    return "" if heard.update is not None else f"{heard.code}: {heard.detail}"


def _as_signed(said: CorrectionPredicate, signer: Signer) -> StatementFact:
    from itil_gate.model.facts import StatementFact
    from itil_gate.model.fingerprint import fingerprint

    return StatementFact(
        path="correction/unsigned",
        digest="0" * 64,
        status="good",
        fingerprint=fingerprint(signer.person.keys[0]),
        correction=said,
    )


def _record(place: LogPlace, recording: Recording) -> int:
    from itil_gate.git.view import open_view
    from itil_gate.release.correcting import record_corrections

    books = recording.books(place.repository, place.config, now=now())
    with open_view(place.repository) as view:
        heard = record_corrections(books, view, target=place.target)
    for one in heard:
        counts = "COUNTED" if one.update else "NOT COUNTED"
        out(f"{counts}  {one.item.path}: {one.code}: {one.detail}")
    if not heard:
        out("There is no correction that is not recorded.")
    return 0 if all(one.update for one in heard) else REFUSED
