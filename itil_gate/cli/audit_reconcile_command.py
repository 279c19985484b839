"""`itil-gate audit reconcile`: every update of the governed branches, authorised or not."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from itil_gate.cli.screen import out, repo_option, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BAD = 1
AT_ONCE = 100
"""Rows that are written together."""


@click.command(
    epilog="Exit codes: 0 all may be there, 1 something may not, 2 it could not be told: history "
    "too shallow, or a log that cannot be believed."
)
@click.option("--target", metavar="REF", help="One governed branch; all of them by default.")
@click.option(
    "--since",
    metavar="COMMIT|last",
    help="Only what came after a commit of the branch, or since the last time this was run here.",
)
@click.option("--all", "every", is_flag=True, help="List what landed before adoption one by one.")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the list here; what it comes to is still shown.",
)
@click.option("--base", help="Branch whose itil-gate.yaml and people count; origin/main or main.")
@click.option(
    "--remote",
    metavar="REMOTE",
    help="Remote that keeps the log; origin by default, where there is one.",
)
@click.option("--local", is_flag=True, help="Look at the copies of the log that are here, offline.")
@repo_option
def command(
    *,
    target: str | None,
    since: str | None,
    every: bool,
    form: str,
    output: Path | None,
    base: str | None,
    remote: str | None,
    local: bool,
    repo: Path,
) -> int:
    """List every update of the governed branches since adoption, newest first.

    Each is authorised, overridden, from before adoption, or UNAUTHORISED: an administrator's merge,
    a direct push, a rule that was switched off. UNRECORDED is what an authorised change explains
    and nobody wrote down; REWRITTEN what the log saw and a forced push took away. What is recorded
    as authorised is computed again. `--since last` goes on from the last time, and believes what
    this clone remembers of it.

    \b
    itil-gate audit reconcile
    itil-gate audit reconcile --since last
    itil-gate audit reconcile --target main --format json --output reconciled.json
    """
    from itil_gate.audit.branches import LAST, Audit, Scope
    from itil_gate.cli.log_reading import find_log
    from itil_gate.cli.progress import Progress
    from itil_gate.decide.roster import build_roster
    from itil_gate.gather.inputs import find_commit
    from itil_gate.gather.sources import read_judge
    from itil_gate.git.names import target_ref
    from itil_gate.git.view import open_view
    from itil_gate.policy.compile import compile_policies
    from itil_gate.report.reconcile_text import rows_json, rows_text, totals_text

    place = find_log(repo, base=base, remote=remote, local=local)
    progress = Progress()
    with open_view(place.repository) as view, place.reading() as (at, reader):
        scope = Scope(
            ref=target_ref(view, target) if target else None,
            since=since if since in (None, LAST) else find_commit(view, since),
            every=every,
        )
        at.complete()
        audit = Audit(
            view,
            reader,
            at.read_many,
            config=place.config,
            roster=build_roster(compile_policies(read_judge(view, place.tip)).people),
            progress=progress,
        )
        rows = audit.rows(scope)
        texts = rows_json(rows, audit.totals.live) if form == "json" else rows_text(rows)
        with _written(output) as write:
            while some := "".join(islice(texts, AT_ONCE)):
                progress.end()
                write(some)
        progress.end()
    for note in audit.notes:
        say(f"note: {note}")
    if audit.totals.counts.get("before-adoption") and not every and form == "text":
        say("note: what is from before adoption is counted; --all lists it")
    total = totals_text(audit.totals.counts, earlier=audit.earlier)
    if form == "json":
        say(total)
    else:
        out(total)
    return BAD if audit.totals.bad else 0


@contextmanager
def _written(file: Path | None) -> Iterator[Callable[[str], None]]:
    """Give what writes the list: to the screen, or whole or not at all to a file."""
    if file is None:
        yield out
        return
    import os

    beside = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        stream: IO[str]
        with beside.open("w", encoding="utf-8") as stream:
            yield lambda text: _put(stream, text)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def _put(stream: IO[str], text: str) -> None:
    stream.write(text)
