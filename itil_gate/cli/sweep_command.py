"""`itil-gate sweep`: judge every open pull request anew, since freezes begin and approvals expire.

For a pipeline of the default branch, on a schedule or by a trigger: that of a pull request must
not hold the token. A runner of the action has `sweep` of the action.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from itil_gate.cli.answering import post_option
from itil_gate.cli.screen import now, out, repo_option, repository, say

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.cli.answering import Answering
    from itil_gate.forge.values import OpenPull

_FINE, _UNDECIDED = 0, 2


@click.command(
    epilog="Exit codes: 0 each was decided, whatever was decided; 2 one could not be.",
)
@click.option(
    "--pull",
    "only",
    type=click.IntRange(min=1),
    multiple=True,
    metavar="NUMBER",
    help="Only this one; may be given several times.",
)
@click.option(
    "--default-branch",
    metavar="REF",
    help="Full name of the repository's default branch; by default the one that the job or "
    "`git clone` was told.",
)
@post_option(required=True, envvar="ITIL_GATE_POST")
@repo_option
def command(
    only: tuple[int, ...], default_branch: str | None, channels: tuple[str, ...], repo: Path
) -> int:
    """Judge every open pull request into a guarded branch, and tell the forge.

    What is guarded, and which forge is asked and told, says the repository's default branch. Heads
    are fetched as objects and not run. One that cannot be decided keeps none of the others from
    being judged.

    \b
    itil-gate sweep --post comment --post status
    itil-gate sweep --pull 7 --post external-check
    """
    from itil_gate.cli.answering import home_branch, open_answering
    from itil_gate.cli.fetching import fetch_branches

    place = repository(repo)
    home = home_branch(place, default_branch)
    fetch_branches(place, [home])
    answering = open_answering(place, channels, home=home)
    wanted = [
        pull
        for pull in answering.forge.open_pulls()
        if pull.base_ref in answering.targets and (not only or pull.number in only)
    ]
    outcomes = [_judged(repo, answering, pull) for pull in wanted]
    for number in sorted(set(only) - {pull.number for pull in wanted}):
        say(f"{number}: not open, or not into a guarded branch")
    if answering.trouble is not None:
        raise answering.trouble
    return _UNDECIDED if "undecided" in outcomes else _FINE


def _judged(repo: Path, answering: Answering, pull: OpenPull) -> str:
    """Judge one and tell the forge; return the outcome."""
    from itil_gate.cli.answering import telling_failure_of
    from itil_gate.model.errors import GateError
    from itil_gate.report.escape import terminal

    outcome = "undecided"
    try:
        with telling_failure_of(pull, answering):
            outcome = _judge(repo, answering, pull)
    except GateError as error:
        say(f"{pull.number}: {error.code}: {error.message}")
    except Exception as error:  # noqa: BLE001 - what one proposal breaks must not spare the rest
        say(f"{pull.number}: internal-error, {type(error).__name__}")
    out(terminal(f"{pull.number}: {outcome}, into {pull.base_ref.removeprefix('refs/heads/')}"))
    return outcome


def _judge(repo: Path, answering: Answering, pull: OpenPull) -> str:
    from itil_gate.cli.fetching import fetch_branches, fetch_proposed
    from itil_gate.cli.hearing import hearing
    from itil_gate.report.phrases import exit_code

    if answering.trouble is not None:
        raise answering.trouble
    place = repository(repo)
    fetch_branches(place, [pull.base_ref])
    answering.refuse_untrusted(place, pull.base_ref)
    fetch_proposed(place, pull.number, kind=answering.settings.kind)
    with hearing(
        repo,
        base=None,
        head="HEAD",
        target=pull.base_ref,
        now=now(),
        pull=pull.number,
        home=answering.home,
    ) as heard:
        decision = heard.decision
        answering.publish(decision, pull.number, passed=exit_code(decision) == 0)
        return decision.outcome
