"""`itil-gate hook pre-receive`: the merge gate of a plain git server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from itil_gate.cli.hooking import LONGEST, PATIENCE, limited, pushed
from itil_gate.cli.screen import now, repo_option, repository

if TYPE_CHECKING:
    from pathlib import Path

SEVERITY = (2, 1, 3)
"""Which exit code stands for the whole push where its refs differ: the first of these."""


@click.command(
    epilog="Exit codes: 0 the push is taken; 1 denied, 2 could not decide, 3 pending: it is not.",
)
@repo_option
@click.option(
    "--timeout",
    type=click.IntRange(1, LONGEST),
    default=PATIENCE,
    show_default=True,
    help="Seconds after which nothing is taken.",
)
def command(repo: Path, timeout: int) -> int:
    """Take a push or refuse it; git runs this and says on standard input what is pushed.

    Each ref is judged. The default branch and the branches that its configuration guards move
    only to what `itil-gate check` lets in, by the policies at their present tip and with the
    statements on itil-gate-approvals of this repository. That branch and audit-log only grow. All
    other refs pass. If one is refused, nothing of the push is taken. Nothing is written, and
    neither push options nor variables of who pushes are heeded.

    \b
    echo "$OLD $NEW refs/heads/main" | itil-gate hook pre-receive --repo /srv/git/payments.git
    """
    from itil_gate.cli.streams import settle

    settle()
    with limited(timeout):
        return _judge(repo)


def _judge(repo: Path) -> int:
    from itil_gate.git.server import quarantine
    from itil_gate.git.view import open_view
    from itil_gate.model.decision import EXIT_CODES
    from itil_gate.release.pushing import judge_pushes
    from itil_gate.report.push_text import push_text

    pushes = pushed()
    place = repository(repo)
    with open_view(place, quarantine=quarantine(place, os.environ)) as view:
        answers = judge_pushes(view, pushes, now=now())
    click.echo(push_text(answers), nl=False, err=True)
    codes = {EXIT_CODES[one.outcome] or 2 for one in answers if not one.passes}
    return next((code for code in SEVERITY if code in codes), 0)
