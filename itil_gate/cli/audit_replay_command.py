"""`itil-gate audit replay`: decide again on what was decided."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.screen import out, repo_option, say

if TYPE_CHECKING:
    from itil_gate.audit.replaying import Replayed

DIFFERS = 1


@click.command(
    epilog="Exit codes: 0 every decision stands, 1 one differs, 2 it cannot be read or looked at."
)
@click.argument("change", required=False)
@click.option(
    "--decision",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A decision stored by `itil-gate check --output`.",
)
@click.option("--show", is_flag=True, help="Print the recomputed decision of --decision as JSON.")
@click.option("--all", "every", is_flag=True, help="Every decision of the audit log.")
@click.option("--since", type=click.IntRange(min=0), default=0, help="First entry of the log.")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text")
@click.option("--base", help="Branch whose itil-gate.yaml pins the log's keys; main by default.")
@click.option("--remote", metavar="REMOTE", help="Remote that keeps the log.")
@click.option("--local", is_flag=True, help="Look at the copies of the log that are here, offline.")
@repo_option
def command(
    *,
    change: str | None,
    file: Path | None,
    show: bool,
    every: bool,
    since: int,
    form: str,
    base: str | None,
    remote: str | None,
    local: bool,
    repo: Path,
) -> int:
    """Decide again on the recorded inputs; the same engine must give the same bytes.

    One stored decision, those about CHANGE, or all of the audit log. The signatures of approvals
    are verified again too. What cannot be computed again, because the commit that judged is gone
    or an entry was expunged, is `not-checked`: no pass and no failure.

    \b
    itil-gate audit replay --decision decision.json
    itil-gate audit replay CHG-2026-7K3QX9ZB
    itil-gate audit replay --all
    """
    if (file is not None) + every + (change is not None) != 1:
        raise click.UsageError("Name a change, or give one of --decision and --all.")
    if file is not None:
        return _stored(file, show=show)
    if show:
        raise click.UsageError("--show goes with --decision.")
    from itil_gate.audit.replaying import VERDICTS, Bench, about_change, decisions
    from itil_gate.cli.log_reading import find_log
    from itil_gate.cli.progress import Progress
    from itil_gate.git.view import open_view
    from itil_gate.model.errors import LogError

    place = find_log(repo, base=base, remote=remote, local=local)
    progress, count = Progress(), Counter[str]()
    found: list[Replayed] = []
    with open_view(place.repository) as view, place.reading() as (at, reader):
        if since > reader.size:
            raise LogError(
                "no-such-entry",
                f"the log has {reader.size} entries, and none is number {since} yet",
                hint="without --since all are decided again",
            )
        at.complete()
        bench = Bench(view, reader)
        entries = decisions(
            reader, since=since, progress=lambda done: progress("entries", done, reader.size)
        )
        for entry in about_change(entries, change) if change else entries:
            one = bench.again(entry)
            count[one.verdict] += 1
            if form == "json":
                found.append(one)
                continue
            progress.end()
            out(_line(one))
        progress.end()
    if change and not count:
        from itil_gate.model.errors import GateError

        raise GateError(
            "no-such-change",
            f"the log holds no decision about {change}",
            hint="`itil-gate log show --kind gate-decision` lists them",
        )
    totals = {verdict: count[verdict] for verdict in VERDICTS}
    if form == "json":
        rows = [dict(one.__dict__) for one in found]
        shown = {"apiVersion": "itil-gate/replay/v1", "decisions": rows, "totals": totals}
        out(json.dumps(shown, indent=2))
    else:
        said = ", ".join(f"{number} {verdict}" for verdict, number in totals.items())
        out(f"{count.total()} decisions: {said}")
    return DIFFERS if count["differs"] else 0


def _line(one: Replayed) -> str:
    from itil_gate.report.escape import clip, terminal

    said = f"{one.about} {one.outcome:<9} {one.subject}".strip()
    detail = f": {one.detail}" if one.detail else ""
    return terminal(f"{one.index:>6}  {one.verdict:<14}  {clip(said + detail, 300)}")


def _stored(file: Path, *, show: bool) -> int:
    from itil_gate.audit.evidence import unverified_statements
    from itil_gate.prove.replay import load_stored, replay
    from itil_gate.report.json_report import decision_json

    stored = load_stored(file.read_text(encoding="utf-8"), file=str(file))
    found, wrong = replay(stored), unverified_statements(stored.inputs.facts)
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
