"""`itil-gate action`: what action.yml runs on a forge's runner.

Inputs come as variables and never as words of a shell. What judges comes from the target branch,
as everywhere; of the event only names of commits are taken. A key in a run whose workflow is the
pull request's own is refused, since its author could have read it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from itil_gate.cli.action_run import Run, refuse_foreign_keys, refuse_keys
from itil_gate.model.errors import GateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

UNDECIDED = 2


@click.command(epilog="Exit codes: 0 allow or fine, 1 deny, 2 could not decide, 3 pending.")
def command() -> int:
    """Run one command of the action, as its inputs and the event of the run say.

    action.yml runs this on a runner of GitHub or of a forge that speaks as it does. By hand use
    the commands themselves: check, release, audit reconcile, lint.
    """
    from itil_gate.cli.runner import step_of
    from itil_gate.report.action_report import other_outputs
    from itil_gate.report.markdown import failure_markdown

    run = Run(dict(os.environ), step_of(os.environ))
    # So it stands until something else is known, whatever happens meanwhile.
    run.step.write(other_outputs("undecided", {}))
    name = run.text("COMMAND") or "check"
    try:
        return _command(name)(run)
    except Exception as error:
        run.step.write(other_outputs("undecided", {}))
        known = error if isinstance(error, GateError) else None
        said = known.message if known else "the gate could not do its work; see the log of the step"
        run.step.summarise(failure_markdown(said, hint=known.hint or "" if known else ""))
        raise


def _command(name: str) -> Callable[[Run], int]:
    commands = {
        "check": _check,
        "sweep": _sweep,
        "merged": _merged,
        "release": _release,
        "reconcile": _reconcile,
        "lint": _lint,
    }
    if name not in commands:
        known = ", ".join(commands)
        raise GateError("bad-input", f"there is no command {name}; there are {known}")
    return commands[name]


def _check(run: Run) -> int:
    from itil_gate.cli.action_check import check

    return check(run)


def _sweep(run: Run) -> int:
    from itil_gate.cli.sweeping import sweep

    _refuse_keys_here(run)
    return sweep(run)


def _merged(run: Run) -> int:
    """Trace what a push brought onto the target; with `record` write it down."""
    from itil_gate.cli.action_check import fetch_for
    from itil_gate.cli.hearing import refuse_unguarded
    from itil_gate.cli.runner import read_event
    from itil_gate.git.discover import discover
    from itil_gate.git.view import open_view

    event = read_event(run.inputs)
    if event.after is None:
        raise GateError(
            "bad-event",
            f"the event {event.name} brought nothing onto a branch",
            hint="run the command `merged` on push",
        )
    repository = discover(run.place)
    fetch_for(run, repository, event)
    refuse_foreign_keys(run, repository, event.home)
    with open_view(repository) as view:
        refuse_unguarded(view, event.target, home=event.home)
    words = ["check", "--merged", f"{event.before or '0' * len(event.after)}..{event.after}"]
    words += ["--target", event.target, "--repo", str(run.place)]
    words += [f"--pushed-at={event.pushed_at}"] if event.pushed_at else []
    return _plain(run, [*words, *(["--record"] if run.yes("RECORD") else [])])


def _release(run: Run) -> int:
    home = _open(run)
    words = ["release", "start", "--repo", str(run.place), "--target", home]
    artifact, provenance = run.text("ARTIFACT"), run.text("PROVENANCE")
    known = {
        "environment": run.text("ENVIRONMENT"),
        "commit": run.text("COMMIT") or run.inputs.get("GITHUB_SHA", ""),
        "artifact": artifact and _artifact(run, artifact),
        "purl": run.text("PURL"),
        "tag": run.text("TAG"),
        "deployer": run.text("DEPLOYER"),
        "provenance": provenance and str(run.workspace / provenance),
    }
    for name in ("environment", "artifact"):
        if not known[name]:
            raise GateError("bad-input", f"the command release needs the input {name}")
    words += [word for name, value in known.items() if value for word in (f"--{name}", value)]
    return _plain(run, [*words, "--", *run.words("CHANGES")])


def _artifact(run: Run, said: str) -> str:
    """Return a digest as it is, and a file by its full name."""
    return said if said.startswith("sha256:") else str(run.workspace / said)


def _reconcile(run: Run) -> int:
    from itil_gate.git.discover import discover
    from itil_gate.git.user import has_remote

    home = _open(run)
    copied = has_remote(discover(run.place), "origin")
    base = home.replace("refs/heads/", "refs/remotes/origin/", 1) if copied else home
    return _plain(run, ["audit", "reconcile", "--repo", str(run.place), "--base", base])


def _lint(run: Run) -> int:
    _refuse_keys_here(run)
    os.chdir(run.place)
    return _plain(run, ["lint", "--format", "github", "--", *run.words("PATHS")])


def _open(run: Run) -> str:
    """Fetch the records, with credentials that stay set for what follows.

    Returns the full ref of the default branch, which says what is governed.
    """
    from itil_gate.cli.action_check import fetch_for
    from itil_gate.cli.runner import Event, read_home
    from itil_gate.git.discover import discover

    _refuse_keys_here(run)
    home = read_home(run.inputs)
    name = run.inputs.get("GITHUB_EVENT_NAME", "")
    repository = discover(run.place)
    fetch_for(run, repository, Event(name, "", home=home))
    refuse_foreign_keys(run, repository, home)
    return home


def _refuse_keys_here(run: Run) -> None:
    """Refuse a key beside a workflow of the pull request's author, whatever the command."""
    from itil_gate.cli.runner import Event

    refuse_keys(run, Event(run.inputs.get("GITHUB_EVENT_NAME", ""), ""))


def _plain(run: Run, words: Sequence[str]) -> int:
    """Run a command as it is by hand, and report how it ended."""
    from itil_gate.cli import gate
    from itil_gate.report.action_report import other_outputs

    code = gate.main(args=list(words), prog_name="itil-gate", standalone_mode=False)
    outcome = {0: "allow", 1: "deny", 3: "pending"}.get(code, "undecided")
    run.step.write(other_outputs(outcome, {}))
    run.step.summarise(f"`itil-gate {words[0]}`: **{outcome}**, see the log of this step.")
    return code if type(code) is int else UNDECIDED
