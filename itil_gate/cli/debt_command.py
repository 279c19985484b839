"""`itil-gate debt`: what is owed since rules were bent or changes failed, and what meets it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from itil_gate.cli.log_reading import find_log, telling
from itil_gate.cli.recording import Recording, recording_options, tell
from itil_gate.cli.screen import now, out, repo_option

if TYPE_CHECKING:
    from pathlib import Path

OVERDUE = 1


@click.command(epilog="Exit codes: 0 nothing is overdue, 1 something is, 2 could not be looked at.")
@click.option("--base", help="Branch whose itil-gate.yaml counts; origin/main or main.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="How to print it.",
)
@click.option("--record", is_flag=True, help="Write down in the audit log what is met by now.")
@recording_options
@repo_option
def command(base: str | None, form: str, recording: Recording, repo: Path, *, record: bool) -> int:
    """List open obligations: who owes what for which change, until when, and what would meet it.

    An approval after the fact is met by `itil-gate approve CHG --retro`, a review by a file that
    `itil-gate review CHG` writes, once it is on the target branch. What is overdue holds back the
    next release of the services concerned, other than an emergency.

    \b
    itil-gate debt
    itil-gate debt --record
    """
    code: int = telling(
        lambda: _debt(repo, base=base, form=form, recording=recording, record=record)
    )
    return code


def _debt(path: Path, *, base: str | None, form: str, recording: Recording, record: bool) -> int:
    from itil_gate.git.view import open_view
    from itil_gate.release.debts import accounts, record_met
    from itil_gate.report.debt_text import debt_json, debt_text

    at = now()
    place = find_log(path, base=base, remote=recording.remote, local=recording.local)
    with open_view(place.repository) as view, place.reading() as (_, reader):
        found = accounts(view, reader, target=place.target, tip=place.tip, now=at)
        written = None
        if record:
            books = recording.books(place.repository, place.config, now=at)
            written = record_met(books, view, found, tip=place.tip)
    if written is not None:
        tell(written)
    if form == "json":
        out(json.dumps(debt_json(found, now=at), indent=2))
    else:
        out(debt_text(found, now=at, recorded=written is not None))
    late = any(one.met is None and one.debt.obligation.due <= at for one in found)
    return OVERDUE if late else 0
