"""What the commands that write to the audit log share: its keys, where it is kept, its books."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from itil_gate.cli.screen import say
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from itil_gate.git.discover import Repository
    from itil_gate.model.config import Config
    from itil_gate.release.books import Books
    from itil_gate.release.keys import LogKeys
    from itil_gate.release.recorder import Recorded

LOG_KEY = "ITIL_GATE_LOG_KEY"
RECORDER_KEY = "ITIL_GATE_RECORDER_KEY"
COMMON_REMOTE = "origin"


@frozen
class Recording:
    """How and where it is recorded, as the command line says."""

    log_key: str | None
    recorder_key: str | None
    remote: str | None
    local: bool
    since: tuple[Path, ...]
    more_log_keys: tuple[str, ...] = ()
    more_recorder_keys: tuple[str, ...] = ()

    def keys(self) -> LogKeys:
        """Return the keys that sign. Raises SigningError where there are none to be had."""
        from itil_gate.release.keys import KeySource, open_keys

        return open_keys(
            KeySource(self.log_key, os.environ.get(LOG_KEY), LOG_KEY),
            KeySource(self.recorder_key, os.environ.get(RECORDER_KEY), RECORDER_KEY),
            agent=os.environ.get("SSH_AUTH_SOCK"),
            more_checkpoints=self.more_log_keys,
            more_recorders=self.more_recorder_keys,
        )

    def books(
        self, repository: Repository, config: Config, *, now: datetime, write: bool = True
    ) -> Books:
        """Open the books of a repository. Raises ConfigError `no-log` and SigningError."""
        from itil_gate.release.books import books_of

        return books_of(
            repository,
            config,
            keys=self.keys() if write else None,
            remote=self.place(repository),
            now=now,
            remembered=tuple(file.read_text(encoding="utf-8") for file in self.since),
        )

    def place(self, repository: Repository) -> str | None:
        """Return the remote that keeps the log; None where it is kept here."""
        if self.local or self.remote:
            return None if self.local else self.remote
        from itil_gate.git.user import has_remote

        return COMMON_REMOTE if has_remote(repository, COMMON_REMOTE) else None


def recording_options(
    command: Callable[..., Any], *, remembered: bool = True
) -> Callable[..., Any]:
    """Add the options of every command that records; it gets them as one `recording`.

    Without `remembered` there is no --since, for a command that means something else by it.
    """

    @functools.wraps(command)
    def collected(
        *,
        log_key: tuple[str, ...],
        recorder_key: tuple[str, ...],
        remote: str | None,
        local: bool,
        since: tuple[Path, ...] = (),
        **others: Any,
    ) -> Any:
        first, second = next(iter(log_key), None), next(iter(recorder_key), None)
        given = Recording(first, second, remote, local, since, log_key[1:], recorder_key[1:])
        return command(recording=given, **others)

    options = (
        click.option(
            "--log-key",
            multiple=True,
            metavar="KEY",
            help="Key that signs the log's head: a file or agent:SHA256:…; by default the secret "
            f"in {LOG_KEY}. Several sign it together.",
        ),
        click.option(
            "--recorder-key",
            multiple=True,
            metavar="KEY",
            help=f"Key that signs entries; by default the secret in {RECORDER_KEY}, else the "
            "log key. Several sign each entry together.",
        ),
        click.option(
            "--remote",
            metavar="REMOTE",
            help="Remote that keeps the log; origin by default, where there is one.",
        ),
        click.option("--local", is_flag=True, help="Keep the log in this repository only."),
        click.option(
            "--since",
            multiple=True,
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="A checkpoint remembered elsewhere, which the log must extend.",
        ),
    )
    for option in reversed(options if remembered else options[:-1]):
        collected = option(collected)
    return collected


recording_without_since = functools.partial(recording_options, remembered=False)
"""As `recording_options`, for a command that has a --since of its own."""


def tell(recorded: Recorded) -> None:
    """Say on standard error where something was recorded."""
    places = ", ".join(str(index) for index in recorded.indices)
    many = "entry" if len(recorded.indices) == 1 else "entries"
    say(f"recorded as {many} {places} of {recorded.checkpoint.origin}")
