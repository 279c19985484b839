"""The books of a repository: its log, with what it is written by, and how it is kept up.

What follows from an entry is recorded beside it; where a run was cut off in between, the next one
makes up for it first.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from itil_gate.gather.recorded import refuse_early
from itil_gate.gather.remembered import open_reader, remembered_here
from itil_gate.git.audit_log import open_branch
from itil_gate.model.errors import ConfigError, LogError
from itil_gate.model.frozen import frozen
from itil_gate.release.catching_up import BACK, missed
from itil_gate.release.recorder import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from itil_gate.git.discover import Repository
    from itil_gate.log.append import Event
    from itil_gate.log.reader import LogReader
    from itil_gate.model.config import Config, LogSettings
    from itil_gate.release.keys import LogKeys
    from itil_gate.release.recorder import Making, Recorded, Tagging


@frozen
class Books:
    """One repository's log, and with what it is written."""

    repository: Repository
    config: Config
    settings: LogSettings
    keys: LogKeys | None
    remote: str | None
    now: datetime
    remembered: tuple[str, ...] = ()

    def write(
        self,
        events: Sequence[Event] | Making,
        *,
        removing: Sequence[int] = (),
        tagging: Tagging | None = None,
    ) -> Recorded:
        """Append events; see `record`. Raises LogError `no-log-key` for books opened to read."""
        if self.keys is None:
            raise LogError("no-log-key", "these books were opened to read only")
        return record(
            self.repository,
            events,
            keys=self.keys,
            settings=self.settings,
            name=self.config.repository,
            remote=self.remote,
            now=self.now,
            remembered=self.remembered,
            removing=removing,
            tagging=tagging,
        )

    def reading(self) -> AbstractContextManager[LogReader]:
        """Open the log where it is kept, proved under the pinned keys."""
        return _reading(self)


def books_of(
    repository: Repository,
    config: Config,
    *,
    keys: LogKeys | None,
    remote: str | None,
    now: datetime,
    remembered: Sequence[str] = (),
) -> Books:
    """Return the books of a repository; to write, with what release tags and requests remember.

    Raises ConfigError `no-log` where none is configured.
    """
    if config.log is None:
        raise ConfigError(
            "no-log",
            "itil-gate.yaml on the target branch has no section log",
            hint="`itil-gate log init` opens the audit log and prints the section",
        )
    found = remembered_here(repository, config) if keys is not None else ()
    return Books(repository, config, config.log, keys, remote, now, (*remembered, *found))


def catch_up(books: Books, *, back: int = BACK) -> None:
    """Record what follows from the newest causes and was missed, because a run was cut off."""
    with books.reading() as reader:
        refuse_early(reader, books.now)
        events = missed(reader, books.config, back=back)
    if events:
        books.write(events)


def follow(books: Books, events: Sequence[Event]) -> None:
    """Record what follows from something, such as what somebody owes now; mostly nothing does.

    What is recorded already stands: a change that lands in two parts uses its waiver once.
    """
    if not events:
        return
    with books.reading() as reader:
        name = books.config.repository
        fresh = [one for one in events if reader.find(name, one.kind, one.key) is None]
    if fresh:
        books.write(fresh)


@contextmanager
def _reading(books: Books) -> Iterator[LogReader]:
    with open_branch(books.repository, remote=books.remote) as at:
        name, notes = books.config.repository, books.remembered
        yield open_reader(books.repository, at, books.settings, name=name, notes=notes)
