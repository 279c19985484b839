"""`itil-gate status`: the derived state of changes, each with the evidence that caused it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from itil_gate.cli.hearing import find_target
from itil_gate.cli.screen import color, now, out, repo_option, repository, say

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.audit.proposals import Survey
    from itil_gate.audit.state import DerivedState

_COLORS = {
    "authorised": "green",
    "scheduled": "green",
    "proposed": "yellow",
    "draft": "yellow",
    "rejected": "red",
    "expired": "red",
    "undecided": "red",
}


@click.command(epilog="Exit codes: 0 told, 2 could not be told.")
@click.argument("change", metavar="[CHG]", required=False)
@click.option("--base", help="Target branch; origin/main or main by default.")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text")
@repo_option
def command(change: str | None, base: str | None, form: str, repo: Path) -> int:
    """Tell the state of one change, or of all that are open.

    No file declares a state: it follows from branches, signed statements, policies and the clock.
    Open are the requests of local branches, branches of origin and fetched pull requests that the
    target does not hold, and merged ones whose window is still to come.

    \b
    itil-gate status
    itil-gate status CHG-2026-7K3QX9ZB
    itil-gate status --format json
    """
    from itil_gate.audit.proposals import merged_changes, open_changes
    from itil_gate.git.view import open_view
    from itil_gate.model.errors import GateError

    when = now()
    with open_view(repository(repo)) as view:
        target, tip = find_target(view, base=base, target=None)
        found = open_changes(view, target=target, tip=tip, now=when, only=change)
        merged = merged_changes(view, target=target, tip=tip, now=when, only=change)
    states = (
        *found.states,
        *(one for one in merged if change is not None or one.state == "scheduled"),
    )
    if change is not None and not states:
        raise GateError(
            "no-such-change",
            f"no branch here and not {target} holds a request {change}",
            hint="`git fetch origin` gets branches; pull requests need their own refspec: "
            "`git fetch origin 'refs/pull/*/head:refs/pull/*/head'`",
        )
    if form == "json":
        out(_json(target, states))
    else:
        _print(states, full=change is not None)
    _unread(found)
    return 0


def _print(states: tuple[DerivedState, ...], *, full: bool) -> None:
    from itil_gate.audit.state import MEANINGS
    from itil_gate.report.escape import terminal
    from itil_gate.report.phrases import either

    if not states:
        out("no change is open")
    for state in states:
        word = f"{state.state:<11}"
        painted = click.style(word, fg=_COLORS.get(state.state)) if color() else word
        title = f"  {terminal(state.title)}" if state.title else ""
        out(f"{painted} {terminal(state.change)}{title}")
        if full:
            out(f"            {MEANINGS[state.state]}")
        short = [ref.removeprefix("refs/heads/").removeprefix("refs/") for ref in state.refs]
        at = f" at {state.head[:12]}" if state.head else ""
        out(f"            on {terminal(', '.join(short))}{at}")
        for line in state.evidence:
            out(f"            - {terminal(line)}")
        for step in state.next if full else ():
            out(f"            next: {terminal(either(step.who))}: {terminal(step.command)}")


def _json(target: str, states: tuple[DerivedState, ...]) -> str:
    import json

    rows: list[dict[str, Any]] = []
    for state in states:
        row = {key: value for key, value in vars(state).items() if key != "next"}
        row["next"] = [step.model_dump(mode="json", by_alias=True) for step in state.next]
        rows.append(row)
    return json.dumps(
        {"apiVersion": "itil-gate/status/v1", "target": target, "changes": rows}, indent=2
    )


def _unread(found: Survey) -> None:
    for line in found.unread:
        say(f"not looked at: {line}")
