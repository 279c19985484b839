"""`itil-gate action`: what action.yml runs on a forge's runner.

Inputs come as variables and never as words of a shell. What judges comes from the target branch,
as everywhere; of the event only names of commits are taken. A key in a run whose workflow is the
pull request's own is refused, since its author could have read it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.screen import color, now, out, say, width, write_file
from itil_gate.model.errors import GateError
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from itil_gate.cli.hearing import Hearing
    from itil_gate.cli.runner import Event, Step
    from itil_gate.git.discover import Repository
    from itil_gate.model.config import Config, ForgeSettings
    from itil_gate.release.recorder import Recorded

INPUT = "ITIL_GATE_ACTION_"
TOKEN = "ITIL_GATE_FORGE_TOKEN"  # noqa: S105 - the name of a variable
KEYS = ("ITIL_GATE_LOG_KEY", "ITIL_GATE_RECORDER_KEY")
YES = frozenset({"true", "yes", "1"})
NO = frozenset({"", "false", "no", "0"})
UNDECIDED = 2


@frozen
class _Run:
    """One run of the action: its inputs, its event, and the files it reports to."""

    inputs: Mapping[str, str]
    step: Step
    place: Path

    def text(self, name: str) -> str:
        """Return an input; empty where it is not given."""
        return self.inputs.get(INPUT + name, "").strip()

    def yes(self, name: str) -> bool:
        """Return an input that is true or false. Raises GateError `bad-input`."""
        value = self.text(name).lower()
        if value not in YES | NO:
            raise GateError(
                "bad-input", f"the input {_input(name)} is true or false, not {value!r}"
            )
        return value in YES

    def words(self, name: str) -> list[str]:
        """Return an input of several words."""
        return self.text(name).split()


@click.command(epilog="Exit codes: 0 allow or fine, 1 deny, 2 could not decide, 3 pending.")
def command() -> int:
    """Run one command of the action, as its inputs and the event of the run say.

    action.yml runs this on a runner of GitHub or of a forge that speaks as it does. By hand use
    the commands themselves: check, release, audit reconcile, lint.
    """
    from itil_gate.cli.runner import step_of
    from itil_gate.report.action_report import other_outputs
    from itil_gate.report.markdown import failure_markdown

    place = Path(os.environ.get("GITHUB_WORKSPACE") or ".") / os.environ.get(f"{INPUT}PATH", "")
    run = _Run(dict(os.environ), step_of(os.environ), place)
    name = run.text("COMMAND") or "check"
    try:
        return _command(name)(run)
    except GateError as error:
        run.step.write(other_outputs("undecided", {}))
        run.step.summarise(failure_markdown(error.message, hint=error.hint or ""))
        raise


def _command(name: str) -> Callable[[_Run], int]:
    commands = {
        "check": _check,
        "merged": _merged,
        "release": _release,
        "reconcile": _reconcile,
        "lint": _lint,
    }
    if name not in commands:
        known = ", ".join(commands)
        raise GateError("bad-input", f"there is no command {name!r}; there are {known}")
    return commands[name]


def _check(run: _Run) -> int:
    """Judge the pull request or merge group of the event, and say so wherever it was asked for."""
    from itil_gate.cli.hearing import hearing
    from itil_gate.cli.runner import FROM_THE_HEAD, read_event
    from itil_gate.git.discover import discover
    from itil_gate.model.decision import EXIT_CODES, StoredDecision
    from itil_gate.report import action_report
    from itil_gate.report.json_report import stored_json
    from itil_gate.report.text import decision_text

    event = read_event(run.inputs)
    if event.head is None:
        raise GateError(
            "bad-event",
            f"the event {event.name} proposes no merge",
            hint="run the command `merged` on push",
        )
    record = run.yes("RECORD")
    if event.name in FROM_THE_HEAD and (record or any(map(run.inputs.get, KEYS))):
        raise GateError(
            "key-within-reach",
            f"a run on {event.name} takes its workflow from the pull request, so it may hold no "
            "key of the log",
            hint="record on pull_request_target or merge_group, and take the key out of this run",
        )
    repository = discover(run.place)
    _fetch(repository, event, run)
    with hearing(
        run.place, base=None, head=event.head, target=event.target, now=now(), draft=event.draft
    ) as heard:
        decision = heard.decision
        stored = StoredDecision(decision=decision, inputs=heard.inputs)
        file = Path(run.inputs.get("RUNNER_TEMP") or ".").resolve() / "itil-gate-decision.json"
        write_file(file, stored_json(stored).encode())
        recorded = _record(heard, repository) if record else None
    _reports(run, heard)
    run.step.write(
        action_report.decision_outputs(
            decision,
            file=str(file),
            index=recorded.indices[0] if recorded else None,
            checkpoint=recorded.note.decode("utf-8") if recorded else "",
        )
    )
    run.step.summarise(action_report.summary(decision))
    out(action_report.worst_annotations(decision))
    out(decision_text(decision, color=color(), width=width()))
    _publish(run, event, heard, recorded)
    if not decision.enforced and decision.outcome in ("deny", "pending"):
        return 0
    return EXIT_CODES[decision.outcome]


def _fetch(repository: Repository, event: Event, run: _Run) -> None:
    """Bring the target's tip, the head and the approvals here, as objects; nothing is run.

    Without a remote, as in a check-out made by hand, what is here has to do.
    """
    from itil_gate.cli.runner import credentials
    from itil_gate.git.remote import fetch, remote_tip
    from itil_gate.git.user import has_remote
    from itil_gate.git.view import open_view
    from itil_gate.model.record import AUDIT_BRANCH
    from itil_gate.model.statement import APPROVALS_BRANCH

    if not has_remote(repository, "origin"):
        return
    os.environ.update(credentials(run.inputs.get("GITHUB_SERVER_URL", ""), run.text("TOKEN")))
    wanted = [event.target]
    wanted += [
        ref
        for ref in (APPROVALS_BRANCH, AUDIT_BRANCH)
        if remote_tip(repository, "origin", ref) is not None
    ]
    places = (f"+{ref}:refs/remotes/origin/{ref.removeprefix('refs/heads/')}" for ref in wanted)
    fetch(repository, "origin", tuple(places))
    head = event.head
    with open_view(repository) as view:
        here = head is None or next(iter(view.reader.info([head]))) is not None
    if not here:
        source = f"refs/pull/{event.number}/head" if event.number else str(head)
        fetch(repository, "origin", [f"+{source}:refs/itil-gate/head"])


def _record(heard: Hearing, repository: Repository) -> Recorded:
    from itil_gate.cli.recording import Recording, tell
    from itil_gate.policy.compile import compile_policies
    from itil_gate.release.bookkeeping import record_decision

    config = compile_policies(heard.inputs.judge).config
    books = Recording(None, None, None, local=False, since=()).books(
        repository, config, now=heard.inputs.facts.now
    )
    recorded = record_decision(books, heard.view, heard.decision, heard.inputs)
    tell(recorded)
    return recorded


def _reports(run: _Run, heard: Hearing) -> None:
    """Write the files of other formats that were asked for."""
    from itil_gate.report import DECISION_FORMATS

    for form in ("sarif", "junit"):
        if name := run.text(form.upper()):
            text = DECISION_FORMATS[form](heard.decision, color=False, width=100)
            write_file(Path(name), text.encode())


def _publish(run: _Run, event: Event, heard: Hearing, recorded: Recorded | None) -> None:
    """Post status and comment where they were asked for.

    A refusal that cannot be posted is still a refusal. A pass that cannot be posted is none,
    because whoever waits for the status would not see it: the error ends the run with 2.
    """
    wants_status, wants_comment = run.yes("STATUS"), run.yes("COMMENT")
    if not wants_status and not (wants_comment and event.number):
        return
    from itil_gate.forge import open_forge
    from itil_gate.policy.compile import compile_policies
    from itil_gate.report import action_report

    decision = heard.decision
    settings = _forge(compile_policies(heard.inputs.judge).config, run.inputs)
    try:
        forge = open_forge(settings, token=run.text("TOKEN") or os.environ.get(TOKEN))
        if wants_comment and event.number:
            index = recorded.indices[0] if recorded else None
            note = recorded.note.decode("utf-8") if recorded else ""
            text = action_report.comment(decision, index=index, checkpoint=note)
            forge.upsert_comment(event.number, text=text)
        if wants_status:
            state, description = action_report.status_of(decision)
            forge.post_status(
                decision.head, state=state, description=description, url=_run_url(run.inputs)
            )
    except GateError as error:
        if decision.outcome in ("allow", "overridden"):
            raise
        say(f"the answer could not be posted: {error.message}")


def _forge(config: Config, environment: Mapping[str, str]) -> ForgeSettings:
    """Return the forge of the configuration, or else the one whose runner this is."""
    from itil_gate.model.config import ForgeSettings

    if config.forge is not None:
        return config.forge
    url, server = environment.get("GITHUB_API_URL", ""), environment.get("GITHUB_SERVER_URL", "")
    project = environment.get("GITHUB_REPOSITORY", "")
    if not url or not project:
        raise GateError(
            "no-forge",
            "itil-gate.yaml names no forge, and neither does this runner",
            hint="add `forge:` to itil-gate.yaml on the target branch",
        )
    kind = "gitea" if url.rstrip("/").endswith("/api/v1") else "github"
    return ForgeSettings.model_validate(
        {"kind": kind, "url": url, "host": server.partition("://")[2], "project": project}
    )


def _run_url(environment: Mapping[str, str]) -> str | None:
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (environment.get(name, "") for name in names)
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else None


def _merged(run: _Run) -> int:
    """Trace what a push brought onto the target; with `record` write it down."""
    from itil_gate.cli.runner import read_event
    from itil_gate.git.discover import discover

    event = read_event(run.inputs)
    if event.after is None:
        raise GateError(
            "bad-event",
            f"the event {event.name} brought nothing onto a branch",
            hint="run the command `merged` on push",
        )
    _fetch(discover(run.place), event, run)
    words = ["check", "--merged", f"{event.before or '0' * len(event.after)}..{event.after}"]
    words += ["--target", event.target, "--repo", str(run.place)]
    return _plain(run, [*words, *(["--record"] if run.yes("RECORD") else [])])


def _release(run: _Run) -> int:
    words = ["release", "start", "--repo", str(run.place)]
    known = {
        "environment": run.text("ENVIRONMENT"),
        "commit": run.text("COMMIT") or run.inputs.get("GITHUB_SHA", ""),
        "artifact": run.text("ARTIFACT"),
        "purl": run.text("PURL"),
        "tag": run.text("TAG"),
        "provenance": run.text("PROVENANCE"),
    }
    for name in ("environment", "artifact"):
        if not known[name]:
            raise GateError("bad-input", f"the command release needs the input {name}")
    words += [word for name, value in known.items() if value for word in (f"--{name}", value)]
    return _plain(run, [*words, "--", *run.words("CHANGES")])


def _reconcile(run: _Run) -> int:
    return _plain(run, ["audit", "reconcile", "--repo", str(run.place)])


def _lint(run: _Run) -> int:
    os.chdir(run.place)
    return _plain(run, ["lint", "--format", "github", "--", *run.words("PATHS")])


def _plain(run: _Run, words: Sequence[str]) -> int:
    """Run a command as it is by hand, and report how it ended."""
    from itil_gate.cli import gate
    from itil_gate.report.action_report import other_outputs

    code = gate.main(args=list(words), prog_name="itil-gate", standalone_mode=False)
    outcome = {0: "allow", 1: "deny", 3: "pending"}.get(code, "undecided")
    run.step.write(other_outputs(outcome, {}))
    run.step.summarise(f"`itil-gate {words[0]}`: **{outcome}**, see the log of this step.")
    return code if type(code) is int else UNDECIDED


def _input(name: str) -> str:
    return name.lower().replace("_", "-")
