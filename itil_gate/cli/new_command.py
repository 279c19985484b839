"""`itil-gate new`: a change request from what the branch changes; only what is unknown is asked."""

from __future__ import annotations

import re
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.hearing import find_target
from itil_gate.cli.screen import now, out, repo_option, repository, say, write_new_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from itil_gate.cli.draft import Draft

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
FILE_NAME = re.compile(r"(CHG-[0-9]{4}-[0-9A-HJKMNP-TV-Z]{8})\.yaml")


@click.command(epilog="Exit codes: 0 written, or nothing needs a request; 2 something is missing.")
@click.option("--title", help="One line that tells a stranger what changes.")
@click.option("--reason", help="Why the change is needed.")
@click.option("--service", "services", multiple=True, help="Beside those that own the paths.")
@click.option("--env", "environments", multiple=True, help="Beside those the paths belong to.")
@click.option("--model", help="Published change model; its type is the request's.")
@click.option("--emergency", is_flag=True, help="An emergency change.")
@click.option("--window-start", metavar="TIME", help="Local start, such as 2026-11-25T22:00.")
@click.option("--window-end", metavar="TIME", help="Local end, exclusive.")
@click.option("--timezone", metavar="ZONE", help="IANA zone of the window, such as Europe/Berlin.")
@click.option("--requester", metavar="PERSON", help="Person id, where git's e-mail is not listed.")
@click.option("--base", help="Branch to merge into; origin/main or main by default.")
@click.option("--output", metavar="PATH", help="Folder or file to write instead; - prints it.")
@click.option("--yes", is_flag=True, help="Take what is proposed without asking.")
@repo_option
def command(
    *,
    title: str | None,
    reason: str | None,
    services: tuple[str, ...],
    environments: tuple[str, ...],
    model: str | None,
    emergency: bool,
    window_start: str | None,
    window_end: str | None,
    timezone: str | None,
    requester: str | None,
    base: str | None,
    output: str | None,
    yes: bool,
    repo: Path,
) -> int:
    """Write a change request for what this branch changes.

    Read are the commits from the target branch to HEAD: services, environments, scope and risk
    follow from the paths, the requester from git's e-mail. What cannot be derived is asked: at
    most title, reason, service and environment. The risk and the approvals it will take are
    shown, and the file is never written over another.

    \b
    itil-gate new
    itil-gate new --title "Raise the rate limit" --reason "Partners hit it daily" --yes
    itil-gate new --emergency --service payments-api
    """
    from itil_gate.cli.draft import Wishes, draft_request, find_work
    from itil_gate.git.view import open_view

    if emergency and model:
        raise click.UsageError("--emergency and --model exclude each other")
    if any((window_start, window_end, timezone)) and not all((window_start, window_end, timezone)):
        raise click.UsageError("--window-start, --window-end and --timezone belong together")
    when = now()
    place = repository(repo)
    if place.work_tree is None and output != "-":
        raise click.UsageError("a bare repository has no work tree to write to; use --output -")
    wishes = Wishes(
        title=title,
        reason=reason,
        services=services,
        environments=environments,
        model=model,
        emergency=emergency,
        window=(window_start or "", window_end or "", timezone or "") if timezone else None,
        requester=requester,
    )
    with open_view(place) as view:
        ref, tip = find_target(view, base=base, target=None)
        work = find_work(view, target=ref, tip=tip, now=when, root=place.work_tree)
        if not work.uncovered or (work.recognised and not (title or model or emergency)):
            say(work.nothing_to_do())
            return 0
        root = place.work_tree or Path()
        folder = root / work.policies.config.locations.changes / f"{when:%Y}"
        name, file = _name_and_file(output, folder, when)
        draft = draft_request(
            work, wishes, change=name, file=_inside(file, root, name, folder), ask=_asker(yes=yes)
        )
    _preview(draft)
    if file is None:
        out(draft.text)
        return 0
    if not write_new_file(file, draft.text.encode()):
        raise click.UsageError(f"{file} is there already; nothing was written")
    shown = _shown(file)
    out(str(shown))
    say(f"next: git add {shown} && git commit -S, then itil-gate check")
    return 0


def _asker(*, yes: bool) -> Callable[[str, str | None, Sequence[str]], str | None]:
    """Return how a question is put: at a terminal by asking, with --yes by the proposal."""
    terminal = sys.stdin.isatty() and not yes

    def ask(question: str, proposal: str | None, choices: Sequence[str]) -> str | None:
        if not terminal:
            return proposal if yes else None
        kind = click.Choice(choices) if choices else None
        answer: str = click.prompt(question, default=proposal, type=kind, err=True)
        return answer.strip()

    return ask


def _name_and_file(output: str | None, folder: Path, when: datetime) -> tuple[str, Path | None]:
    """Return the change's id and the file to write; no file where it is printed."""
    if output == "-":
        return new_id(when), None
    if output is None or Path(output).is_dir() or output.endswith("/"):
        folder = folder if output is None else Path(output)
        name = new_id(when)
        while (folder / f"{name}.yaml").exists():
            name = new_id(when)
        return name, folder / f"{name}.yaml"
    found = FILE_NAME.fullmatch(Path(output).name)
    if found is None:
        raise click.UsageError(
            f"{output} is not named after a change id; name a folder, "
            f"or a file such as {folder / new_id(when)}.yaml"
        )
    return found[1], Path(output)


def new_id(when: datetime) -> str:
    """Return a fresh id: random, so that branches never collide."""
    return f"CHG-{when:%Y}-" + "".join(secrets.choice(CROCKFORD) for _ in range(8))


def _inside(file: Path | None, root: Path, name: str, folder: Path) -> str:
    """Return the path of the file from the root of the repository, as the gate will see it."""
    target = (file or folder / f"{name}.yaml").resolve()
    return (
        str(target.relative_to(root.resolve()))
        if target.is_relative_to(root.resolve())
        else (f"{folder.relative_to(root)}/{name}.yaml")
    )


def _shown(file: Path) -> Path:
    here = Path.cwd().resolve()
    target = file.resolve()
    return target.relative_to(here) if target.is_relative_to(here) else target


def _preview(draft: Draft) -> None:
    """Show the risk with its reasons, who will have to approve, and what stands in the way."""
    from itil_gate.report.phrases import contributions, either, requirement
    from itil_gate.report.phrases import risk as risk_text

    verdict = draft.verdict
    say(f"risk: {risk_text(verdict.risk)}")
    for item in contributions(verdict.risk):
        paths = f": {', '.join(item.paths[:3])}" if item.paths else ""
        say(f"  {item.level}  {item.reason} ({item.source}){paths}")
    follows = f", following the model {verdict.model}" if verdict.model else ""
    say(f"lane: {verdict.lane}{follows}")
    say("it will take:" if verdict.requirements else "it will take no approval")
    for needed in verdict.requirements:
        say(f"  {requirement(needed)}, from {either(needed.eligible)}")
    if draft.obstacles:
        say("still in the way:")
    for finding in draft.obstacles:
        say(f"  {finding.rule}: {finding.message}")
        say(f"    to satisfy: {finding.remedy}")
