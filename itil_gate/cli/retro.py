"""`itil-gate approve --retro`: approve after the fact exactly what landed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.cli.desk import confirm, sign_and_file, signer_among
from itil_gate.cli.log_reading import find_log, telling
from itil_gate.cli.screen import now, say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from itil_gate.cli.desk import Signing
    from itil_gate.model.errors import GateError
    from itil_gate.release.debts import Debt

REFUSED = 1


def approve_retro(
    change: str,
    repo: Path,
    *,
    base: str | None,
    reason: str | None,
    log: tuple[str | None, bool],
    signing: Signing,
) -> int:
    """Sign an approval of every update that a change owes one for. Returns 1 if it is refused.

    Raises GateError `nothing-owed` for a change that owes none.
    """
    code: int = telling(
        lambda: _approve(change, repo, base=base, reason=reason, log=log, signing=signing)
    )
    return code


def _approve(
    change: str,
    repo: Path,
    *,
    base: str | None,
    reason: str | None,
    log: tuple[str | None, bool],
    signing: Signing,
) -> int:
    from itil_gate.gather.sources import read_judge
    from itil_gate.git.view import open_view
    from itil_gate.model.statement import RetroApprovalPredicate
    from itil_gate.release.debts import debts_of, judge_of
    from itil_gate.release.deploying import known_of
    from itil_gate.signing.statement import retro_statement

    at = now()
    place = find_log(repo, base=base, remote=log[0], local=log[1])
    with place.reading() as (_, reader):
        known = known_of(reader, place.target)
        debts = debts_of(reader, known, repository=place.config.repository)
    owed = [
        one
        for one in debts
        if one.obligation.duty == "retro-approval" and one.obligation.change == change
    ]
    if not owed:
        raise _nothing_owed(change, debts)
    with open_view(place.repository) as view:
        judge = judge_of(view, target=place.target, tip=place.tip, now=at)
        signer = signer_among(
            read_judge(view, place.tip), repository=place.repository, key=signing.key
        )
        say(f"APPROVE AFTER THE FACT  {change}")
        for debt in owed:
            why = judge.why_not(debt, signer.person.id)
            if why:
                say(f"refused: {why}")
                return REFUSED
            say(f"  owed       {debt.obligation.id}: {debt.obligation.because}")
            say(f"             by {debt.obligation.owner}, due {debt.obligation.due:%F %H:%M}Z")
        updates = {one.after: one for debt in owed for one in debt.updates}
        statements = []
        for update in updates.values():
            content = judge.content_of(update)
            say(f"  landed     {update.before[:12]}..{update.after} on {update.ref}")
            say(f"             look at it: git diff {update.before[:12]} {update.after[:12]}")
            say(f"  content    sha256:{content}")
            statements.append(
                retro_statement(
                    RetroApprovalPredicate(
                        repository=place.config.repository,
                        target=place.target,
                        change=change,
                        before=update.before,
                        after=update.after,
                        content=content,
                        signer=signer.person.id,
                        issued_at=at,
                        reason=reason,
                    )
                )
            )
    say(f"  as         {signer.person.id}")
    confirm("Sign this approval after the fact?", yes=signing.yes)
    for statement in statements:
        sign_and_file(statement, signer, repository=place.repository, signing=signing, now=at)
    say("next: `itil-gate debt --record` in a run that keeps the log writes down that it is met")
    return 0


def _nothing_owed(change: str, debts: Sequence[Debt]) -> GateError:
    from itil_gate.model.errors import GateError

    names = sorted(
        {one.obligation.change for one in debts if one.obligation.duty == "retro-approval"}
    )
    return GateError(
        "nothing-owed",
        f"nobody owes an approval of {change} after the fact",
        hint=f"one is owed for {', '.join(names)}" if names else "none is owed for any change",
    )
