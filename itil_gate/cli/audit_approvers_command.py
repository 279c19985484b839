"""`itil-gate audit approvers`: how often, how fast and for whom people approve."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from itil_gate.cli.screen import out, repo_option, say
from itil_gate.model.base import LEVELS

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@click.command(
    epilog="Exit codes: 0 told, whatever it says, 2 it could not be told: a log that cannot be "
    "believed, or objects that are missing."
)
@click.option("--base", help="Branch whose people.yaml says who is who; origin/main or main.")
@click.option("--since", metavar="DAY", help="Only from this day or moment on, in UTC.")
@click.option("--until", metavar="DAY", help="Only before this day or moment, in UTC.")
@click.option("--level", "levels", type=click.Choice(LEVELS), multiple=True, help="Only this risk.")
@click.option(
    "--within",
    metavar="MINUTES",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="Count approvals that took no longer.",
)
@click.option(
    "--pace",
    metavar="LINES",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="Changed lines an hour above which a large change was approved too fast.",
)
@click.option(
    "--pseudonyms", is_flag=True, help="Numbers for names; without keys, changes and files."
)
@click.option("--format", "form", type=click.Choice(("text", "json", "markdown")), default="text")
@repo_option
def command(
    *,
    base: str | None,
    since: str | None,
    until: str | None,
    levels: tuple[str, ...],
    within: int,
    pace: int,
    pseudonyms: bool,
    form: str,
    repo: Path,
) -> int:
    """Say how often, how fast and for whom people approve. It accuses nobody.

    Read from the approvals branch and the copy of the audit log that are here. For each approver:
    approvals, rejections, withdrawals and remarks; from when the content could first be seen to the
    approval; who asked; what never counted. Then who approves for each other. A hint for an
    auditor, never a verdict, and personal data: show it to those who need it.

    \b
    itil-gate audit approvers
    itil-gate audit approvers --since 2026-01-01 --until 2026-04-01 --level high --level critical
    itil-gate audit approvers --pseudonyms --format markdown
    """
    from itil_gate.audit.approver_report import masked, report_on
    from itil_gate.audit.approver_rows import Terms
    from itil_gate.cli.hearing import find_target
    from itil_gate.cli.progress import Progress
    from itil_gate.cli.screen import repository
    from itil_gate.gather.recorded import open_copy
    from itil_gate.gather.sources import read_judge
    from itil_gate.git.view import open_view
    from itil_gate.model.errors import LogError
    from itil_gate.policy.compile import compile_policies
    from itil_gate.report.approvers_text import approvers_json, approvers_markdown, approvers_text

    chosen: Any = levels
    terms = Terms(
        since=_moment(since, "--since"),
        until=_moment(until, "--until"),
        levels=chosen,
        within_minutes=within,
        lines_per_hour=pace,
    )
    progress = Progress()
    with open_view(repository(repo)) as view:
        target, tip = find_target(view, base=base, target=None)
        policies = compile_policies(read_judge(view, tip))
        try:
            reader = open_copy(view, policies.config)
        except LogError as error:
            if error.code != "log-missing":
                raise
            reader = None
            say("note: the audit log is not in this clone: `git fetch origin audit-log` gets it")
        report = report_on(
            view, reader, policies=policies, target=target, tip=tip, terms=terms, progress=progress
        )
    progress.end()
    if pseudonyms:
        report = masked(report)
    writers = {"text": approvers_text, "json": approvers_json, "markdown": approvers_markdown}
    out(writers[form](report))
    return 0


def _moment(text: str | None, option: str) -> datetime | None:
    """Return a day or a moment as a moment of UTC."""
    if text is None:
        return None
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or (moment.tzinfo is None and not _DAY.fullmatch(text)):
        raise click.UsageError(
            f"{option} is {text!r}: write a day such as 2026-03-02, or 2026-03-02T09:00Z"
        )
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
