"""`itil-gate audit continuity`: when the gate was in force, and when it was not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from itil_gate.cli.screen import out, repo_option

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.audit.continuity import Gap, Span

BROKEN = 1


@click.command(epilog="Exit codes: 0 in force without a break, 1 with one, 2 it could not be told.")
@click.option("--target", metavar="REF", help="Governed branch; main by default.")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text")
@repo_option
def command(*, target: str | None, form: str, repo: Path) -> int:
    """Say when the gate was in force on a branch: since adoption, without a break, or not.

    A configuration that was taken away, could not be read, no longer named the branch or only
    watched is a break, and so is what was recorded later than it landed.

    \b
    itil-gate audit continuity
    itil-gate audit continuity --target refs/heads/release --format json
    """
    from itil_gate.audit.continuity import gaps, spans
    from itil_gate.cli.hearing import find_target
    from itil_gate.cli.screen import repository
    from itil_gate.gather.recorded import open_copy
    from itil_gate.gather.sources import read_judge
    from itil_gate.git.view import open_view
    from itil_gate.policy.compile import read_config
    from itil_gate.release.deploying import known_of

    with open_view(repository(repo)) as view:
        ref, tip = find_target(view, base=None, target=target)
        config = read_config({source.path: source for source in read_judge(view, tip)})
        states = spans(view, tip, ref=ref)
        reader = open_copy(view, config)
        late = gaps(known_of(reader, ref).updates) if reader is not None else ()
    out(_json(states, late) if form == "json" else _text(states, late, ref=ref, log=bool(reader)))
    whole = len(states) == 1 and states[0].state == "enforced" and not late
    return 0 if whole else BROKEN


def _text(states: tuple[Span, ...], late: tuple[Gap, ...], *, ref: str, log: bool) -> str:
    lines = []
    for span in states:
        until = f"{span.until:%Y-%m-%d %H:%M}" if span.until else "now"
        ends = f"..{span.ends[:12]}" if span.ends else ""
        word = span.state.upper().ljust(14)
        lines.append(f"{word}{span.since:%Y-%m-%d %H:%M} to {until}  {span.begins[:12]}{ends}")
    lines += [
        f"{'LATE'.ljust(14)}{one.before[:12]}..{one.after[:12]}  recorded at "
        f"{one.recorded_at:%Y-%m-%d %H:%M}, entry {one.index}"
        for one in late
    ]
    breaks = sum(span.state != "enforced" for span in states)
    record = f"{len(late)} recorded late" if log else "no log to ask what was recorded late"
    lines.append(f"{ref}: {breaks} breaks since adoption, {record}")
    return "\n".join(lines) + "\n"


def _json(states: tuple[Span, ...], late: tuple[Gap, ...]) -> str:
    said = {
        "spans": [
            {
                "state": span.state,
                "begins": span.begins,
                "since": span.since.isoformat(),
                "ends": span.ends,
                "until": span.until.isoformat() if span.until else None,
            }
            for span in states
        ],
        "late": [
            {
                "entry": one.index,
                "before": one.before,
                "after": one.after,
                "recordedAt": one.recorded_at.isoformat(),
            }
            for one in late
        ],
    }
    return json.dumps(said, indent=2)
