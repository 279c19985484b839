"""Verify the log of a repository, or an exported one: where it is, what is remembered, how it grew.

The checks themselves are in the room `log`; here is where their facts come from. Nothing is
fetched, but for the tip and the files of a remote that is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.audit.log_folder import FolderFiles
from itil_gate.audit.log_memo import read_memo, write_memo
from itil_gate.audit.log_stamps import verdict_of_stamps
from itil_gate.gather.remembered import believed, own_memory, remember
from itil_gate.git.audit_log import open_branch
from itil_gate.git.history import is_ancestor
from itil_gate.git.log_files import BranchFiles
from itil_gate.git.log_history import line_of, log_commits
from itil_gate.git.log_store import open_log_store
from itil_gate.git.release_tags import tags_below
from itil_gate.git.snapshot import Snapshot
from itil_gate.git.user import has_remote
from itil_gate.git.view import open_view
from itil_gate.git.workers import workers
from itil_gate.log.checkpoint import PATH
from itil_gate.log.commits import Chain, Signers, steps
from itil_gate.log.release_tag import TAGS, Side, Tag, notes_of, verify_tags
from itil_gate.log.verdict import Check, Verification
from itil_gate.log.verify import verify_log
from itil_gate.model.errors import HistoryError, LogError
from itil_gate.model.frozen import frozen, replace
from itil_gate.signing.ed25519 import fingerprint_of
from itil_gate.signing.note import COSIGNATURE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from itil_gate.git.discover import Repository
    from itil_gate.git.release_tags import SeenTag
    from itil_gate.git.view import View
    from itil_gate.git.workers import Spread
    from itil_gate.log.checkpoint import Checkpoint
    from itil_gate.log.commits import Step
    from itil_gate.log.verdict import Verdict
    from itil_gate.log.verify import Done, Found, Terms

AGAIN = 3
"""How often the log is verified again, because tags came to be meanwhile."""
COMMITS = "commits"
REMOTE = "origin"


@frozen
class _Tags:
    """The release tags that are here, and those of the remote that keeps the log, if one does."""

    here: tuple[SeenTag, ...]
    remote: tuple[SeenTag, ...] | None

    @property
    def there(self) -> tuple[SeenTag, ...]:
        """Those that the log is held against: where it is kept."""
        return self.here if self.remote is None else self.remote

    @property
    def every(self) -> tuple[Tag, ...]:
        """All of them, for what they remember."""
        return _plain((*self.here, *(self.remote or ())))


@frozen
class Effort:
    """How much is verified, and how: all of it, since a checkpoint, in how many processes."""

    now: datetime
    since: Checkpoint | None = None
    full: bool = False
    jobs: int = 1
    remembered: tuple[str, ...] = ()
    """Notes about the log that requests on the target carry; those that a pinned key signed count.
    """
    roots: bytes | None = None
    """Certificates in PEM of the time-stamping authorities that are believed; None for none."""


def verify_branch(
    repository: Repository,
    terms: Terms,
    effort: Effort,
    *,
    remote: str | None,
    done: Done = lambda _what, _more, _all: None,
) -> Verification:
    """Verify the log that a remote keeps, or without one the copies that are here.

    The release tags are those of the remote, seen before its log, which is then no older. Raises
    LogError `log-not-opened` where there is none, HistoryError where it cannot be read.
    """
    tags = _tags_on(repository, remote)
    for _ in range(AGAIN):
        found = _verify_with(repository, terms, effort, tags, remote=remote, done=done)
        if remote is None or all(one.state != "bad" for one in found.verdicts if one.check == TAGS):
            break
        before, tags = tags, _tags_on(repository, remote)
        if tags == before:  # else a release came between
            break
    return found


def _verify_with(
    repository: Repository,
    terms: Terms,
    effort: Effort,
    tags: tuple[SeenTag, ...],
    *,
    remote: str | None,
    done: Done,
) -> Verification:
    try:
        with open_branch(repository, remote=remote) as at, workers(effort.jobs) as spread:
            if at.commit is None:
                raise _no_log(repository, remote=remote)
            with open_view(repository) as view:
                here = next(iter(view.reader.info([at.commit])), None) is not None
                if here:
                    snapshot = Snapshot(view, at.commit)
                else:
                    snapshot = at
                    at.complete()
                case = _Case(repository, terms, effort, spread, done)
                held = _Tags(tags_below(view), tags if remote is not None else None)
                return case.judge(view, snapshot, at.commit, held, here=here, remote=remote)
    except LogError as error:
        if error.code != "log-copies-differ":
            raise
        check = Check(COMMITS, "commits")
        check.fault(error.message)
        return Verification(terms.origin, None, None, (check.verdict(),))


def verify_folder(
    directory: Path,
    terms: Terms,
    effort: Effort,
    *,
    done: Done = lambda _what, _more, _all: None,
) -> Verification:
    """Verify exported files. Raises GateError `no-directory`, and OSError."""
    files = FolderFiles(directory)
    with workers(effort.jobs) as spread:
        found = verify_log(
            files,
            terms,
            now=effort.now.timestamp(),
            since=effort.since,
            full=effort.full,
            spread=spread,
            done=done,
        )
    check = Check(COMMITS, "commits")
    check.skip("exported files have no history")
    tags = Check(TAGS, "tags")
    tags.skip("exported files have no tags")
    stamps = verdict_of_stamps(files, found.seen, effort.roots)
    return _with(found.verification, check.verdict(), tags.verdict(), stamps)


class _Case:
    """One verification of a branch."""

    def __init__(
        self, repository: Repository, terms: Terms, effort: Effort, spread: Spread, done: Done
    ) -> None:
        self._repository = repository
        self._terms = terms
        self._effort = effort
        self._spread = spread
        self._done = done
        self._memo = read_memo(repository, terms)

    def judge(
        self,
        view: View,
        snapshot: Snapshot,
        tip: str,
        tags: _Tags,
        *,
        here: bool,
        remote: str | None,
    ) -> Verification:
        """Verify the files at a tip and, where its history is `here`, the commits."""
        terms, effort = self._terms, self._effort
        memo = self._memo
        own = own_memory(self._repository)
        notes = [
            *notes_of(tags.every, origin=terms.origin),
            *effort.remembered,
        ]
        remembered = believed(notes, terms.keys, terms.origin)
        remembered += (own,) if own is not None else ()
        remembered += (memo.seen.checkpoint,) if memo else ()
        behind = remote is None and has_remote(self._repository, REMOTE)
        if behind:  # a copy may be older than what was seen on the remote
            size = _size(snapshot)
            remembered = tuple(one for one in remembered if one.size <= size)
        found = verify_log(
            BranchFiles(snapshot),
            terms,
            now=effort.now.timestamp(),
            remembered=remembered,
            since=effort.since,
            seen=memo.seen if memo else None,
            full=effort.full,
            spread=self._spread,
            done=self._done,
        )
        check = Check(COMMITS, "commits")
        if found.belief is None:
            check.skip("no checkpoint is believed")
        elif not here:
            check.skip(
                f"the history of {remote} was not fetched; `git fetch {remote} audit-log` gets it"
            )
        else:
            self._commits(view, snapshot, found, check, behind=behind)
        last = Check(TAGS, "tags")
        self._hold_tags(view, snapshot, found, last, tags, behind=behind)
        stamps = verdict_of_stamps(BranchFiles(snapshot), found.seen, effort.roots)
        done = _with(found.verification, check.verdict(), last.verdict(), stamps)
        if found.seen and not done.tampered and self._is_whole(found) and here:
            note = snapshot.read(PATH) or b""
            write_memo(self._repository, terms, seen=found.seen, note=note, commit=tip)
            remember(self._repository, note)
        return done

    def _hold_tags(
        self,
        view: View,
        snapshot: Snapshot,
        found: Found,
        check: Check,
        tags: _Tags,
        *,
        behind: bool,
    ) -> None:
        """Hold the tags of the remote against the log, or without one those that are here."""
        if found.belief is None or found.seen is None:
            check.skip("no checkpoint is believed")
            return
        files = BranchFiles(snapshot)
        verify_tags(
            check,
            _plain(tags.there),
            found.tagged,
            Side(
                self._terms,
                found.seen.checkpoint,
                found.belief,
                lambda path: files.read_many([path])[path],
                behind,
            ),
            adopted=lambda commit: (
                found.adopted is not None and _descends(view, commit, found.adopted)
            ),
        )
        there = {one.name: one.oid for one in tags.there}
        for one in tags.here:
            if there.get(one.name, one.oid) != one.oid:
                check.fault(
                    f"the tag {one.name} is {one.oid[:12]} here and {there[one.name][:12]} on the "
                    "remote: one of them was moved"
                )

    def _is_whole(self, found: Found) -> bool:
        """Tell whether all entries are verified by now, in this run or before."""
        return found.start <= (self._memo.seen.checkpoint.size if self._memo else 0)

    def _commits(
        self, view: View, snapshot: Snapshot, found: Found, check: Check, *, behind: bool
    ) -> None:
        belief = found.belief
        if belief is None or found.seen is None:  # pragma: no cover - asked before
            return
        present, memo, tip = found.seen.checkpoint, self._memo, snapshot.commit or ""
        base = memo.commit if memo else None
        if base is not None and not _descends(view, base, tip):
            if not (behind and _descends(view, tip, base)):
                check.fault(
                    "the branch does not descend from the commit that was verified before: it was "
                    "moved back or rewritten",
                    commit=base,
                )
            base = None
        if self._effort.full or not found.start:
            base = None
        chain = Chain(
            check,
            signers=Signers(
                belief.pins,
                frozenset(
                    fingerprint_of(k.public) for k in self._terms.keys if k.kind == COSIGNATURE
                ),
            ),
            origin=self._terms.origin,
            expunged=belief.expunged,
            read_many=BranchFiles(snapshot).read_many,
            size=present.size,
        )
        ids = line_of(view, tip, since=base)
        if base is not None and memo is not None:
            chain.begin(_first(view, [base]), memo.seen.checkpoint)
            check.detail = "earlier ones were not looked at again"
        elif self._effort.since and found.verification.since and not self._effort.full:
            ids = _behind(view, ids, self._effort.since.size, chain)
            check.detail = "earlier ones were not looked at again"
        if ids and ids[0] in view.shallow:
            chain.begin(_first(view, ids[:1]))
            check.skip(
                f"history ends at {ids[0][:12]}, since this clone is shallow; `git fetch "
                "--unshallow` gets the rest"
            )
            ids = ids[1:]
        for rows in self._spread(steps, log_commits(view, ids)):
            for one in rows:
                chain.take(one)
            self._done(COMMITS, len(rows), len(ids))
        chain.end(present)


def _behind(view: View, ids: Sequence[str], size: int, chain: Chain) -> tuple[str, ...]:
    """Return the commits behind the newest one that made the log no larger than `size`."""
    for at in range(len(ids) - 1, -1, -1):
        step = _first(view, ids[at : at + 1])
        if step.size is not None and step.size <= size:
            if step.checkpoint is None:
                continue
            chain.begin(step)
            return tuple(ids[at + 1 :])
    return tuple(ids)


def _first(view: View, ids: Sequence[str]) -> Step:
    return steps(next(iter(log_commits(view, ids))))[0]


def _plain(tags: Sequence[SeenTag]) -> tuple[Tag, ...]:
    return tuple(Tag(one.name, one.commit, one.raw) for one in tags)


def _tags_on(repository: Repository, remote: str | None) -> tuple[SeenTag, ...]:
    if remote is None:
        return ()
    with open_log_store(repository, remote) as store:
        return store.release_tags()


def _descends(view: View, base: str, tip: str) -> bool:
    try:
        return is_ancestor(view, base, tip)
    except HistoryError:
        return False


def _with(verification: Verification, *more: Verdict) -> Verification:
    return replace(verification, verdicts=(*verification.verdicts, *more))


def _size(snapshot: Snapshot) -> int:
    from itil_gate.log.checkpoint import parse_text  # noqa: PLC0415
    from itil_gate.signing.note import NoteError, parse_note  # noqa: PLC0415

    try:
        return parse_text(parse_note(snapshot.read(PATH) or b"")[0]).size
    except (NoteError, LogError):
        return 0


def _no_log(repository: Repository, *, remote: str | None) -> LogError:
    if own_memory(repository) is not None and remote is not None:
        return LogError(
            "log-rewound",
            f"{remote} has no branch audit-log, and this clone remembers the log",
            hint="its branch was deleted: restore it from a copy, sign nothing",
        )
    return LogError(
        "log-not-opened",
        "there is no audit log here",
        hint="open one with `itil-gate log init`, or `git fetch origin audit-log`",
    )
