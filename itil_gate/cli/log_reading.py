"""What the commands that look at the audit log share: where it is, under which keys, what is bad.

Whatever shows that the log is not what it was is tampering, and ends with 1; what could not be
looked at ends with 2.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from itil_gate.cli.screen import repo_option, repository, say
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from itil_gate.git.discover import Repository
    from itil_gate.git.snapshot import Snapshot
    from itil_gate.log.checkpoint import Checkpoint
    from itil_gate.log.pins import Pin
    from itil_gate.log.reader import LogReader
    from itil_gate.model.config import Config, LogSettings
    from itil_gate.signing.note import VerifierKey

BAD = 1
TAMPERED = frozenset(
    {
        *("log-damaged", "log-incomplete", "log-inconsistent", "log-forked", "log-rewound"),
        *("checkpoint-malformed", "checkpoint-unsigned", "checkpoint-origin"),
        *("leaf-malformed", "entry-malformed", "proof-malformed", "proof-broken"),
    }
)
"""Codes of a LogError that say that something is not what the log wrote."""


@frozen
class LogPlace:
    """Where the log of a repository is kept, and the configuration that pins its keys."""

    repository: Repository
    config: Config
    settings: LogSettings
    target: str
    tip: str
    remote: str | None

    @property
    def origin(self) -> str:
        """The name of the log."""
        from itil_gate.log.pins import origin_of

        return origin_of(self.settings, self.config.repository)

    @property
    def pins(self) -> tuple[Pin, ...]:
        """The keys that are pinned for it."""
        from itil_gate.log.pins import pins_of

        return pins_of(self.settings)

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The keys under which its checkpoints are read, witnesses among them."""
        from itil_gate.log.pins import note_keys

        return note_keys(self.pins, origin=self.origin, settings=self.settings)

    @contextmanager
    def reading(self) -> Iterator[tuple[Snapshot, LogReader]]:
        """Open the log at its tip: signed by a pinned key, and extending what is remembered."""
        from itil_gate.gather.remembered import open_reader, remember
        from itil_gate.git.audit_log import open_branch

        with open_branch(self.repository, remote=self.remote) as at:
            with self._copy_may_be_old():
                reader = open_reader(
                    self.repository, at, self.settings, name=self.config.repository
                )
            remember(self.repository, reader.note)
            yield at, reader

    @contextmanager
    def _copy_may_be_old(self) -> Iterator[None]:
        """Say of a copy that has fewer entries than this clone saw that it is behind.

        It may just not have been fetched since, which is no tampering, and nothing to rely on.
        """
        from itil_gate.cli.recording import COMMON_REMOTE
        from itil_gate.git.user import has_remote
        from itil_gate.model.errors import LogError

        try:
            yield
        except LogError as error:
            here = self.remote is None and has_remote(self.repository, COMMON_REMOTE)
            if error.code != "log-rewound" or not here:
                raise
            raise LogError("log-behind", error.message, hint=error.hint) from error


def pinned_roots(place: LogPlace) -> bytes | None:
    """Return the certificates that log.timestampRoots names, as the target's tip has them.

    None where nothing is named. Raises ConfigError `missing-file`, or `irregular-file` for a link.
    """
    from itil_gate.gather.sources import read_sources
    from itil_gate.git.tree import ls_tree
    from itil_gate.git.view import open_view
    from itil_gate.model.errors import ConfigError

    path = place.settings.timestamp_roots
    if path is None:
        return None
    with open_view(place.repository) as view:
        entries = [one for one in ls_tree(view, place.tip, [path]) if one.path == path]
        for source in read_sources(view, entries):
            return source.text.encode()
    raise ConfigError(
        "missing-file",
        f"{path}, which log.timestampRoots names, is not on the target branch",
        hint="add the file, or correct its path",
    )


def log_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --base, --remote, --local and --repo; the command gets them as one `place`.

    What shows tampering ends the command with 1.
    """

    @functools.wraps(command)
    def collected(
        *, base: str | None, remote: str | None, local: bool, repo: Path, **others: Any
    ) -> Any:
        return telling(
            lambda: command(place=find_log(repo, base=base, remote=remote, local=local), **others)
        )

    options = (
        click.option("--base", help="Branch whose itil-gate.yaml counts; origin/main or main."),
        click.option(
            "--remote",
            metavar="REMOTE",
            help="Remote that keeps the log; origin by default, where there is one.",
        ),
        click.option("--local", is_flag=True, help="Look at the copies that are here, offline."),
        repo_option,
    )
    for option in reversed(options):
        collected = option(collected)
    return collected


def find_log(path: Path, *, base: str | None, remote: str | None, local: bool) -> LogPlace:
    """Return where the log is, by the configuration at the tip of the target branch.

    Raises ConfigError `no-log` where none is configured.
    """
    from itil_gate.cli.recording import Recording
    from itil_gate.model.errors import ConfigError

    place = repository(path)
    target, tip, config = target_config(place, base=base)
    if config.log is None:
        raise ConfigError(
            "no-log",
            "itil-gate.yaml on the target branch has no section log",
            hint="`itil-gate log init` opens the audit log and prints the section",
        )
    kept = Recording(None, None, remote, local, ()).place(place)
    return LogPlace(place, config, config.log, target, tip, kept)


def target_config(place: Repository, *, base: str | None) -> tuple[str, str, Config]:
    """Return the target branch, its tip and the configuration there."""
    from itil_gate.cli.hearing import find_target
    from itil_gate.gather.sources import read_sources
    from itil_gate.git.tree import ls_tree
    from itil_gate.git.view import open_view
    from itil_gate.model.config import CONFIG_PATH
    from itil_gate.policy.compile import read_config

    with open_view(place) as view:
        target, tip = find_target(view, base=base, target=None)
        found = read_sources(view, ls_tree(view, tip, [CONFIG_PATH]))
    return target, tip, read_config({source.path: source for source in found})


def telling(run: Callable[[], Any]) -> Any:
    """Run a command; say what shows tampering, and return 1 then."""
    from itil_gate.model.errors import LogError

    try:
        return run()
    except LogError as error:
        if error.code not in TAMPERED:
            raise
        say(f"tampered: {error.code}: {error.message}")
        if error.hint:
            say(f"  next: {error.hint}")
        return BAD


def given_checkpoint(file: Path, keys: Sequence[VerifierKey], *, origin: str) -> Checkpoint:
    """Return the checkpoint in a file that the operator gave.

    What it is not is their mistake, and says nothing about the log. Raises GateError
    `bad-checkpoint`, `file-unreadable`.
    """
    from itil_gate.log.checkpoint import open_checkpoint
    from itil_gate.model.errors import GateError, LogError

    data = read_bytes(file)
    try:
        return open_checkpoint(data, keys, origin=origin).checkpoint
    except LogError as error:
        raise GateError(
            "bad-checkpoint",
            f"{file} is no checkpoint of {origin}: {error.message}",
            hint="give a file that `itil-gate log checkpoint` wrote of this log",
        ) from error


def read_bytes(file: Path, *, limit: int = 16 * 1024 * 1024) -> bytes:
    """Return a file's bytes. Raises GateError `file-unreadable`, also for one that is too long."""
    from itil_gate.model.errors import GateError

    try:
        with file.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise GateError("file-unreadable", f"{file} cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise GateError("file-unreadable", f"{file} has more than {limit} bytes")
    return data
