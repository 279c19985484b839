"""`itil-gate audit`: recompute what was decided."""

from __future__ import annotations

from pathlib import Path

import click

from itil_gate.cli.screen import out, say

DIFFERS = 1


@click.group()
def command() -> None:
    """Recompute stored decisions, offline and without trust in whoever made them."""


@command.command()
@click.option(
    "--decision",
    "file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A decision stored by `itil-gate check --output`.",
)
@click.option("--show", is_flag=True, help="Print the recomputed decision as JSON.")
def replay(file: Path, *, show: bool) -> int:
    """Decide again on the stored inputs; the same engine must give the same bytes.

    The signatures of approvals are verified again too, from the texts that were stored.

    Exit code 0 if the decision stands, 1 if it differs, 2 if it cannot be read.

    \b
    itil-gate audit replay --decision decision.json
    """
    from itil_gate.audit.evidence import unverified_statements
    from itil_gate.prove.replay import load_stored
    from itil_gate.prove.replay import replay as again
    from itil_gate.report.json_report import decision_json

    stored = load_stored(file.read_text(encoding="utf-8"), file=str(file))
    found, wrong = again(stored), unverified_statements(stored.inputs.facts)
    if show:
        out(decision_json(found.recomputed))
    else:
        out(f"{found.result}: {found.stored.outcome} by {found.stored.engine}")
    for path in wrong:
        say(f"not signed as the stored facts say: {path}")
    if found.differences:
        say(f"differing: {', '.join(found.differences)}")
    if found.result == "engine-differs":
        say(f"recomputed by {found.recomputed.engine}: {found.recomputed.outcome}")
    return 0 if found.holds and not wrong else DIFFERS
