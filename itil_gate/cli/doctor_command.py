"""`itil-gate doctor`: whether real people can satisfy the rules, and whether the gate can see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from itil_gate.cli.hearing import find_target
from itil_gate.cli.screen import color, now, out, repo_option, repository

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.audit.checked import Check

_COLORS = {"OK": "green", "NOT KNOWN": "yellow", "ATTENTION": "yellow", "FAIL": "red"}


@click.command(
    epilog="Exit codes: 0 all is well, 1 something needs attention, 2 the gate cannot work.",
)
@click.option("--base", help="Branch that is guarded; origin/main or main by default.")
@click.option(
    "--forge",
    "ask",
    is_flag=True,
    help="Also ask the forge named by the target whether its rules let somebody walk round the "
    "gate. The token is in ITIL_GATE_FORGE_TOKEN.",
)
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text")
@repo_option
def command(base: str | None, form: str, repo: Path, *, ask: bool) -> int:
    """Look whether the gate can do its work here, and say which command mends what is not well.

    Asked are, at the tip of the target branch: can the approvals of every risk level be given
    whoever the author is, and on whom does that depend; do e-mails of commits belong to people; do
    people have keys. And of this clone: is its history whole, are git and ssh-keygen new enough.
    What a forge enforces is asked with --forge: of every guarded branch, and of the branches that
    hold the evidence. What the token may not see is NOT KNOWN, with the permission that shows it.

    \b
    itil-gate doctor
    itil-gate doctor --forge
    itil-gate doctor --base origin/release
    """
    from itil_gate.audit.checked import RANK, worst
    from itil_gate.audit.health import examine
    from itil_gate.git.view import open_view

    with open_view(repository(repo)) as view:
        ref, tip = find_target(view, base=base, target=None)
        checks = examine(view, target=ref, tip=tip, now=now())
        if ask:
            from itil_gate.cli.forge_rules import forge_checks

            checks += forge_checks(view, target=ref, tip=tip)
    if form == "json":
        import json

        rows = [
            {"check": one.name, "status": one.status, "message": one.message, "mend": one.mend}
            for one in checks
        ]
        out(json.dumps({"apiVersion": "itil-gate/doctor/v1", "checks": rows}, indent=2))
    else:
        for check in checks:
            _print(check)
    return RANK[worst(checks)]


def _print(check: Check) -> None:
    from itil_gate.report.escape import terminal

    word = f"{check.status:<10}"
    painted = click.style(word, fg=_COLORS[check.status]) if color() else word
    out(f"{painted} {terminal(check.name)}: {terminal(check.message)}")
    if check.mend:
        out(f"           mend: {terminal(check.mend)}")
