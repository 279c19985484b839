"""Whether a push makes the audit log grow, and does nothing else to its branch.

Whoever records may push there, and with that right alone could take entries away, name events that
never were, or bring an older log back in a commit that goes forward. So a push is taken only where
every commit of it is signed by a key of the log, the new tree is proved to extend the old one, and
each file that is new is one that the log writes. Only what is new is read.
"""

from __future__ import annotations

from itertools import chain as joined
from typing import TYPE_CHECKING

from itil_gate.gather.remembered import refuse_inconsistent
from itil_gate.git.log_history import line_of, log_commits
from itil_gate.git.snapshot import Snapshot
from itil_gate.log.commits import Chain, Signers, steps
from itil_gate.log.entry import Leaf, entry_path, parse_index
from itil_gate.log.extract import extract
from itil_gate.log.ids import Ids
from itil_gate.log.pins import note_keys, origin_of, pins_of
from itil_gate.log.reader import LogReader
from itil_gate.log.strays import verify_files
from itil_gate.log.structure import verify_structure
from itil_gate.log.verdict import Check
from itil_gate.signing.ed25519 import fingerprint_of
from itil_gate.signing.note import COSIGNATURE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.git.view import View
    from itil_gate.log.commits import LogCommit
    from itil_gate.log.verdict import Fault
    from itil_gate.model.config import Config, LogSettings

AT_ONCE = 256
"""Entries that are read together."""


def growth_fault(view: View, config: Config, *, old: str | None, new: str) -> Fault | None:
    """Return the first thing that a push does beside making the log grow; None if nothing.

    `config` is that of the default branch, which pins the keys; `old` is the tip before the push,
    None where there was none, and then all of the log is new. Raises LogError where one of the two
    cannot be believed at all, as `LogReader` and `refuse_inconsistent` do, and `entry-missing` or
    `log-damaged` for an entry that is not there as the tree holds it.
    """
    if config.log is None:
        return None
    push = _Growth(view, config, config.log, old=old, new=new)
    checks = (push.commits, push.tree, push.entries, push.files)
    return next((fault for check in checks for fault in check()), None)


class _Growth:
    def __init__(
        self, view: View, config: Config, settings: LogSettings, *, old: str | None, new: str
    ) -> None:
        self._view = view
        self._config = config
        self._settings = settings
        self._pins = pins_of(settings)
        self._origin = origin_of(settings, config.repository)
        self._at = Snapshot(view, new)
        self._before = self._open(Snapshot(view, old)).checkpoint if old else None
        self._reader = self._open(self._at)
        if self._before is not None:
            refuse_inconsistent(self._reader.checkpoint, [self._before], self._at.read)
        self._start = self._before.size if self._before else 0
        self._old = old
        self._new = new
        self._added: set[str] = set()

    def commits(self) -> tuple[Fault, ...]:
        """Hold each commit against what the log commits: signed, forward, adding only."""
        ids = line_of(self._view, self._new, since=self._old)
        batches = list(log_commits(self._view, ids))
        rows = [step for batch in batches for step in steps(batch)]
        check = Check("commits", "commits")
        witnesses = note_keys((), origin=self._origin, settings=self._settings)
        chain = Chain(
            check,
            signers=Signers(
                self._reader.pins,
                frozenset(fingerprint_of(k.public) for k in witnesses if k.kind == COSIGNATURE),
            ),
            origin=self._origin,
            expunged=self._expunged({index for row in rows for index in row.removed}),
            read_many=self._at.read_many,
            size=self._reader.size,
        )
        if self._old is not None:
            chain.begin(steps(next(log_commits(self._view, [self._old])))[0], self._before)
        for row in rows:
            chain.take(row)
        chain.end(self._reader.checkpoint)
        self._note(joined.from_iterable(batches))
        return check.verdict().faults

    def tree(self) -> tuple[Fault, ...]:
        """Hold new bundles and tiles against the root; that the rest did not change is proved."""
        check = Check("tree", "entries")
        verify_structure(self._at.read_many, self._reader.checkpoint, check, start=self._start)
        return check.verdict().faults

    def entries(self) -> tuple[Fault, ...]:
        """Hold new entries against their leaves, and the files that name them against them."""
        check = Check("ids", "events")
        ids = Ids(self._at.read_many, check, every=1)
        keys = {pin.fingerprint: pin.public for pin in self._pins if pin.use == "recorder"}
        for low in range(self._start, self._reader.size, AT_ONCE):
            some = range(low, min(self._reader.size, low + AT_ONCE))
            files = self._at.read_many(map(entry_path, some))
            ids.look(
                [
                    extract(one.index, Leaf(one.kind, one.sha256), files[entry_path(one.index)],
                            keys=keys)
                    for one in self._reader.entries(some)
                ]
            )  # fmt: skip
        named: set[int] = set()
        paths = sorted(path for path in self._added if path.startswith("ids/"))
        for low in range(0, len(paths), AT_ONCE):
            for path, data in self._at.read_many(paths[low : low + AT_ONCE]).items():
                index = parse_index(data or b"", path=path)
                if index in named or not self._start <= index < self._reader.size:
                    check.fault(f"it names entry {index}, which is not its own", path=path)
                named.add(index)
        return check.verdict().faults

    def files(self) -> tuple[Fault, ...]:
        """Name new files that no log of this size has."""
        check = Check("files", "files")

        def walk(folder: str) -> Iterator[str]:
            yield from (path for path in self._added if path.startswith(f"{folder}/"))

        verify_files(
            self._reader.size,
            walk,
            self._at.read_many,
            check,
            top=self._at.names(""),
            whole=True,
        )
        return check.verdict().faults

    def _open(self, at: Snapshot) -> LogReader:
        return LogReader(
            at.read_many, pins=self._pins, origin=self._origin, repository=self._config.repository
        )

    def _expunged(self, removed: set[int]) -> dict[int, str]:
        """Return those of the removed entries that a believed entry says were expunged."""
        known = [self._reader.entry(one, lost=True) for one in removed if one < self._reader.size]
        return {one.index: one.sha256 for one in known if one.expunged_by is not None}

    def _note(self, commits: Iterator[LogCommit]) -> None:
        """Note which files are new at the tip."""
        for commit in commits:
            for change in commit.changes:
                if change.status == "D":
                    self._added.discard(change.path)
                elif change.status == "A":
                    self._added.add(change.path)
