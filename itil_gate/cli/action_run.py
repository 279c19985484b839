"""One run of the action: its inputs, read strictly, and the files it reports to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from itil_gate.model.errors import GateError
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from itil_gate.cli.runner import Event, Step
    from itil_gate.git.discover import Repository

INPUT = "ITIL_GATE_ACTION_"
KEYS = ("ITIL_GATE_LOG_KEY", "ITIL_GATE_RECORDER_KEY")
YES = frozenset({"true", "yes", "1"})
NO = frozenset({"", "false", "no", "0"})
_ELSEWHERE = "record on pull_request_target or on a push to a guarded branch"
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


@frozen
class Run:
    """What the workflow asked for; `step` is where the runner reads what came of it."""

    inputs: Mapping[str, str]
    step: Step

    @property
    def workspace(self) -> Path:
        """Where the workflow has its files."""
        return Path(self.inputs.get("GITHUB_WORKSPACE") or ".").resolve()

    @property
    def place(self) -> Path:
        """Where the repository is."""
        return self.workspace / self.text("PATH")

    @property
    def room(self) -> Path:
        """The runner's temporary folder, which no check-out can have written to."""
        return Path(self.inputs.get("RUNNER_TEMP") or ".").resolve()

    @property
    def url(self) -> str | None:
        """Where people see this run."""
        names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
        server, repository, run = (self.inputs.get(name, "") for name in names)
        if not (server and repository and run):
            return None
        return f"{server}/{repository}/actions/runs/{run}"

    def text(self, name: str) -> str:
        """Return an input; empty where it is not given."""
        return self.inputs.get(INPUT + name, "").strip()

    def yes(self, name: str) -> bool:
        """Return an input that is true or false. Raises GateError `bad-input`."""
        value = self.text(name).lower()
        if value not in YES | NO:
            raise GateError("bad-input", f"the input {_input(name)} is true or false, not {value}")
        return value in YES

    def words(self, name: str) -> list[str]:
        """Return an input of several words."""
        return self.text(name).split()

    def number(self, name: str) -> int | None:
        """Return an input that is a number from 1. Raises GateError `bad-input`."""
        value = self.text(name)
        if value and not _NUMBER.fullmatch(value):
            raise GateError("bad-input", f"the input {_input(name)} is a number, not {value}")
        return int(value) if value else None


def refuse_keys(run: Run, event: Event) -> None:
    """Refuse a key, or the wish to record, where what is proposed brings the workflow.

    Whoever wrote the workflow could have read the key. Raises GateError `key-within-reach`.
    """
    from itil_gate.cli.runner import FROM_THE_HEAD

    if event.name in FROM_THE_HEAD and _holds_keys(run):
        raise GateError(
            "key-within-reach",
            f"a run on {event.name} takes its workflow from what is proposed, so it may hold no "
            "key of the log",
            hint=f"{_ELSEWHERE}; give the log a new key, since its author could have read this one",
        )


def refuse_foreign_keys(run: Run, repository: Repository, home: str) -> None:
    """Refuse them too where the workflow comes from a branch that nobody guards.

    A push and a dispatch by hand run the workflow of their own branch. Raises GateError
    `key-within-reach`.
    """
    from itil_gate.cli.hearing import guarded
    from itil_gate.git.view import open_view

    ref = run.inputs.get("GITHUB_REF", "")
    if not ref.startswith("refs/heads/") or ref == home or not _holds_keys(run):
        return
    with open_view(repository) as view:
        names = guarded(view, home)
    if ref not in names:
        raise GateError(
            "key-within-reach",
            f"this run takes its workflow from {ref}, which is not guarded, so it may hold no key "
            "of the log",
            hint=f"{_ELSEWHERE}; limit the environment that holds the key to guarded branches, and "
            "give the log a new one",
        )


def _holds_keys(run: Run) -> bool:
    return run.yes("RECORD") or any(map(run.inputs.get, KEYS))


def _input(name: str) -> str:
    return name.lower().replace("_", "-")
