"""Tell the forge whose runner this is what was decided: a commit status, a comment.

A post that fails never turns a refusal into a pass. A pass that cannot be posted is none, since
whoever waits for the status would not see it. The token belongs to the forge that runs the
workflow, and is never sent to another one that a configuration names.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from itil_gate.cli.screen import say
from itil_gate.model.errors import ConfigError, GateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from itil_gate.cli.action_run import Run
    from itil_gate.cli.runner import Event
    from itil_gate.forge.protocol import Forge
    from itil_gate.model.config import Config, ForgeSettings
    from itil_gate.model.decision import Decision
    from itil_gate.release.recorder import Recorded


def runners_forge(environment: Mapping[str, str]) -> ForgeSettings:
    """Return the forge that runs this workflow. Raises GateError `no-forge`."""
    from itil_gate.model.config import ForgeSettings

    url, server = environment.get("GITHUB_API_URL", ""), environment.get("GITHUB_SERVER_URL", "")
    project = environment.get("GITHUB_REPOSITORY", "")
    if not url or not project:
        raise GateError(
            "no-forge",
            "GITHUB_API_URL and GITHUB_REPOSITORY do not say whose runner this is",
            hint="nothing can be posted or asked from here; leave status and comment out",
        )
    kind = "gitea" if url.rstrip("/").endswith("/api/v1") else "github"
    host = server.partition("://")[2].rstrip("/") or "github.com"
    said = {"kind": kind, "url": url.rstrip("/"), "host": host, "project": project}
    try:
        return ForgeSettings.model_validate(said)
    except ValueError as error:
        raise GateError("no-forge", f"nothing can be asked at {url}, {project}") from error


def open_runners_forge(run: Run) -> Forge:
    """Return the forge that runs this workflow, to be asked with the token of the inputs."""
    from itil_gate.forge.opening import open_forge

    settings = runners_forge(run.inputs)
    return open_forge(settings, token=_token(run), environment=run.inputs)


def may_ask(run: Run, config: Config) -> bool:
    """Tell whether the target names a forge, and hand the token over for it.

    Raises ConfigError `forge-differs` where it is not the forge that runs this workflow: anybody
    who may push a branch could name one of their own there, and would be sent the token.
    """
    from itil_gate.forge.answers import TOKEN_VARIABLE

    if config.forge is None:
        return False
    here = runners_forge(run.inputs)
    ours, theirs = (
        (one.url.rstrip("/").lower(), one.project.lower()) for one in (here, config.forge)
    )
    if ours != theirs:
        raise ConfigError(
            "forge-differs",
            f"itil-gate.yaml on the target branch names the forge {theirs[1]} at {theirs[0]}, and "
            f"this workflow is run by {ours[1]} at {ours[0]}",
            hint="the token of a run is for its own forge; correct `forge:` on the target branch",
        )
    if token := _token(run):
        os.environ[TOKEN_VARIABLE] = token
    return True


def publish(
    run: Run, event: Event, decision: Decision, *, passed: bool, recorded: Recorded | None
) -> None:
    """Post comment and status where they were asked for, the status last.

    Raises GateError where `passed` could not be said; of anything else that fails it is only
    told, and the other one is posted all the same.
    """
    from itil_gate.forge.protocol import status_context
    from itil_gate.report import action_report

    def comment() -> None:
        index = recorded.indices[0] if recorded else None
        note = recorded.note.decode("utf-8") if recorded else ""
        text = action_report.comment(decision, index=index, checkpoint=note)
        open_runners_forge(run).upsert_comment(event.number or 0, text=text)

    def status() -> None:
        state, description = action_report.status_of(decision)
        open_runners_forge(run).post_status(
            event.head or decision.head,
            state=state,
            description=description,
            url=run.url,
            context=status_context(event.target, home=event.home),
        )

    if run.yes("COMMENT") and event.number:
        try_to_post(comment, passed=passed)
    if run.yes("STATUS"):
        try_to_post(status, passed=passed)


def publish_failure(run: Run, event: Event, code: str) -> None:
    """Say of the proposed head that it could not be decided, so that no earlier status speaks.

    An event that proposes nothing has none.
    """
    from itil_gate.forge.protocol import status_context

    head = event.head
    if head is None:
        return

    def status() -> None:
        open_runners_forge(run).post_status(
            head,
            state="failure",
            description=f"could not decide: {code}",
            url=run.url,
            context=status_context(event.target, home=event.home),
        )

    if run.yes("STATUS"):
        try_to_post(status, passed=False)


def try_to_post(post: Callable[[], object], *, passed: bool) -> None:
    """Post; where that fails, raise if what was to be said is a pass, and else only tell of it."""
    try:
        post()
    except GateError as error:
        if passed:
            raise
        say(f"the answer could not be posted: {error.message}")


def _token(run: Run) -> str | None:
    from itil_gate.forge.answers import TOKEN_VARIABLE

    return run.text("TOKEN") or run.inputs.get(TOKEN_VARIABLE) or None
