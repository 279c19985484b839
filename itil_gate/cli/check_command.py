"""`itil-gate check`: the merge gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.answering import post_option, telling_forge
from itil_gate.cli.hearing import Hearing, hearing, merge_options
from itil_gate.cli.notifying import telling_failure, write_notification
from itil_gate.cli.recording import Recording, recording_options, tell
from itil_gate.cli.results import external_results, report_files
from itil_gate.cli.screen import color, now, out, repo_option, say, width, write_file

if TYPE_CHECKING:
    from itil_gate.model.decision import Decision
    from itil_gate.model.facts import Inputs
    from itil_gate.release.recorder import Recorded

FORMATS = ("text", "markdown", "json", "sarif", "junit", "github", "gitlab")


@click.command(
    epilog="Exit codes: 0 allow, 1 deny, 2 could not decide, 3 pending.",
)
@merge_options
@repo_option
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    envvar="ITIL_GATE_FORMAT",
    show_default=True,
    help="How to print the decision.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="ITIL_GATE_OUTPUT",
    help="Also store the decision with its sealed inputs, for `audit replay`.",
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FORMAT=FILE",
    help="Also write the decision to a file in a format of --format, for the views of CI.",
)
@click.option(
    "--external",
    multiple=True,
    metavar="NAME=FILE",
    help="Results of another tool for the external check NAME: conftest's JSON, SARIF, an in-toto "
    "test result, or one of them as `attest` signs it.",
)
@click.option(
    "--export-input",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the sealed facts as JSON for other policy tools.",
)
@click.option(
    "--notify",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write who has to act on what, as JSON for chat and mail bridges.",
)
@click.option("--draft", is_flag=True, help="The pull request is a draft: never more than pending.")
@click.option(
    "--pull",
    type=click.IntRange(min=1),
    metavar="NUMBER",
    help="Ask the forge named by the target about this pull request: who opened and pushed, "
    "reviews. Its token is in ITIL_GATE_FORGE_TOKEN.",
)
@click.option(
    "--default-branch",
    metavar="REF",
    help="Full name of the repository's default branch, whose itil-gate.yaml says which targets "
    "are guarded; by default the one that `git clone` was told.",
)
@post_option()
@click.option(
    "--binding",
    is_flag=True,
    help="The exit code stops a merge, as in CI: where the target names a forge that nobody asked, "
    "end with 2.",
)
@click.option("--record", is_flag=True, help="Record the outcome in the audit log, signed.")
@click.option(
    "--merged",
    metavar="BEFORE..AFTER",
    help="Look at what landed on the target instead: does it carry over from what was authorised?",
)
@click.option(
    "--landed-head",
    "landed_heads",
    multiple=True,
    metavar="COMMIT",
    help="With --merged: a head that may have been squashed or rebased onto the target.",
)
@click.option(
    "--pushed-at",
    metavar="TIME",
    help="With --merged: when the forge received the push, RFC 3339 or seconds since 1970; "
    "approvals given later do not count.",
)
@recording_options
def command(
    base: str | None,
    head: str,
    target: str | None,
    repo: Path,
    form: str,
    output: Path | None,
    reports: tuple[str, ...],
    external: tuple[str, ...],
    export_input: Path | None,
    notify: Path | None,
    merged: str | None,
    landed_heads: tuple[str, ...],
    pushed_at: str | None,
    pull: int | None,
    default_branch: str | None,
    channels: tuple[str, ...],
    recording: Recording,
    *,
    binding: bool,
    draft: bool,
    record: bool,
) -> int:
    """Decide whether HEAD may be merged into BASE, with reasons.

    Policies, people and services are read from the tip of the target branch, never from the
    head. Nothing of the head is executed.

    \b
    itil-gate check --base origin/main --head HEAD
    itil-gate check --base main --head feature --format json --output decision.json
    itil-gate check --pull 7 --base origin/main --default-branch refs/heads/main
    itil-gate check --binding --report junit=junit.xml --report gitlab=gl-code-quality-report.json
    itil-gate check --pull 7 --notify notification.json
    itil-gate check --pull 7 --post comment --post status
    itil-gate check --export-input input.json --external rego=results.json
    itil-gate check --merged "$BEFORE..$AFTER" --target refs/heads/main --record
    """
    from itil_gate.model.decision import EXIT_CODES, StoredDecision
    from itil_gate.report import DECISION_FORMATS

    if merged is not None:
        given = {
            "--pull": pull,
            "--report": reports or None,
            "--notify": notify,
            "--post": channels or None,
            "--binding": binding or None,
        }
        for option in (name for name, value in given.items() if value is not None):
            message = f"{option} is about a merge to come, --merged about one that was"
            raise click.UsageError(message)
        from itil_gate.cli.merged import check_merged

        return check_merged(
            repo,
            merged,
            base=base,
            target=target,
            heads=landed_heads,
            pushed_at=pushed_at,
            form=form,
            recording=recording,
            record=record,
        )

    if channels and pull is None:
        raise click.UsageError("--post is about a pull request: name it with --pull")
    files = external_results(external)
    places = report_files(reports)
    with (
        telling_failure(notify, pull=pull),
        telling_forge(
            channels, repo, pull=pull, base=base, target=target, home=default_branch
        ) as told,
        hearing(
            repo,
            base=base,
            head=head,
            target=told.target,
            now=now(),
            draft=draft,
            external=files,
            pull=pull,
            home=told.home,
            binding=record or binding,
        ) as heard,
    ):
        decision = heard.decision
        if output is not None:
            from itil_gate.report.json_report import stored_json

            stored = StoredDecision(decision=decision, inputs=heard.inputs)
            write_file(output, stored_json(stored).encode())
        for kind, file in places:
            write_file(file, DECISION_FORMATS[kind](decision).encode())
        if export_input is not None:
            write_file(export_input, _input(heard.inputs).encode())
        recorded = _record(heard, recording) if record else None
        if notify is not None:
            write_notification(notify, decision, heard.inputs)
        out(DECISION_FORMATS[form](decision, color=color(), width=width()))
        code = EXIT_CODES[decision.outcome]
        if not decision.enforced and decision.outcome in ("deny", "pending"):
            say(f"audit mode: not enforced; the outcome would be {decision.outcome}")
            code = 0
        told.publish(decision, passed=code == 0, recorded=recorded)
        if binding and code == EXIT_CODES["pending"]:
            _refuse_unasked(decision)
    return code


def _refuse_unasked(decision: Decision) -> None:
    """Refuse to call pending what waits for a forge to be asked, since nobody's approval ends that.

    A pipeline may let pass what is pending. Raises GateError `forge-not-asked`.
    """
    from itil_gate.model.errors import GateError

    for rule in decision.rules:
        if rule.rule == "forge-not-asked" and rule.findings:
            raise GateError(
                "forge-not-asked",
                rule.findings[0].message,
                hint="give --pull NUMBER here; where no token may be, let a run of the default "
                "branch ask by `itil-gate check --pull NUMBER --record`, then run this again",
            )


def _record(heard: Hearing, recording: Recording) -> Recorded:
    """Record the decision; what cannot be recorded is no decision to act on."""
    from itil_gate.policy.compile import compile_policies
    from itil_gate.release.bookkeeping import record_decision

    config = compile_policies(heard.inputs.judge).config
    books = recording.books(heard.view.repository, config, now=heard.inputs.facts.now)
    recorded = record_decision(books, heard.view, heard.decision, heard.inputs)
    tell(recorded)
    return recorded


def _input(inputs: Inputs) -> str:
    from itil_gate.policy.compile import compile_policies
    from itil_gate.report.input_json import exported_input, input_json

    return input_json(exported_input(inputs, compile_policies(inputs.judge)))
