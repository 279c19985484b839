"""The branch of the audit log: read at its tip, and grown by one signed commit at a time.

Where there is a remote, its branch is the truth, looked at and grown in a store of our own
(`log_store`); where there is none, it is the branch of the repository. A commit is written before
anything names it, then the branch moves by compare-and-swap or a push that is never forced; who
loses the race plans anew on the new tip. Work tree, index, HEAD and configuration are not touched.
A release tag comes in the same step as the commit that it belongs to, or neither does. What the
files mean is not known here.
"""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from itil_gate.git.exclusive import exclusive, remove_stale_lock
from itil_gate.git.history import is_ancestor
from itil_gate.git.log_store import Moved, open_log_store
from itil_gate.git.names import branch_tips, ref_tip
from itil_gate.git.objects import hash_object
from itil_gate.git.packing import write_named, write_objects
from itil_gate.git.refs import TRIES, busy, commit_bytes, move_ref, move_with_tag, open_store
from itil_gate.git.release_tags import tag_bytes, tag_exists
from itil_gate.git.snapshot import Snapshot
from itil_gate.git.view import open_view
from itil_gate.model.errors import GateError, HistoryError, LogError
from itil_gate.model.frozen import frozen
from itil_gate.model.record import AUDIT_BRANCH
from itil_gate.signing.ed25519 import armored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from itil_gate.git.discover import Repository
    from itil_gate.git.log_store import LogStore
    from itil_gate.git.release_tags import TagDraft
    from itil_gate.git.view import View
    from itil_gate.signing.ed25519 import Signer

    Plan = Callable[[Snapshot], "Addition | None"]
    """From the tip's files to what is added; None where nothing is to be."""

LONGEST_PAUSE = 20.0
"""Seconds between two tries, at most."""


@frozen
class Addition:
    """Files to set or, where None, to remove, and the message of the commit that does so.

    `tag` comes to be with the commit, signed by the same key.
    """

    files: Mapping[str, bytes | None]
    message: str
    tag: TagDraft | None = None


@frozen
class Landed:
    """Where the branch is after an append, and what it took.

    `commit` is ours, None if there was nothing to add; `tip` may be a later one. `fetched` and
    `sent` are bytes of packs, 0 without a remote.
    """

    tip: str
    commit: str | None
    tries: int
    fetched: int = 0
    sent: int = 0


@frozen
class _Written:
    """A commit that nothing names yet, and the tag that is to come with it: ref and object."""

    commit: str
    ref: str = ""
    tag: str = ""
    raw: bytes = b""


@contextmanager
def open_branch(
    repository: Repository, *, remote: str | None, timeout: float | None = None
) -> Iterator[Snapshot]:
    """Look at the branch: at the remote's, or without one at the copies that are here.

    The snapshot's `commit` is None where there is no such branch. Nothing may be appended to the
    log of a remote while it is open: both wait for one lock. Raises HistoryError `fetch-failed`,
    or `log-moved` where the remote no longer serves what is being read, and LogError
    `log-copies-differ` where two copies here do not follow one another.
    """
    if remote is None:
        with open_view(repository) as view:
            yield Snapshot(view, _newest(view))
        return
    with (
        open_log_store(repository, remote, timeout=timeout) as store,
        open_store(store.repository) as view,
    ):
        try:
            yield Snapshot(view, store.tip(), supply=store.supply, complete=store.complete)
        except Moved as error:
            raise HistoryError(
                "log-moved", f"the audit log on {remote} moved while it was read", hint="try again"
            ) from error


def append(
    repository: Repository,
    plan: Plan,
    *,
    remote: str | None,
    signer: Signer,
    identity: tuple[str, str],
    when: datetime,
    timeout: float | None = None,
) -> Landed:
    """Commit to the branch what `plan` makes of its tip, signed, and return where it then is.

    The plan is asked again whenever somebody else was first, and never after our commit is in
    place. Raises GateError `branch-busy` after ten lost races, `push-refused` where the remote
    declines, `tag-exists`, `ref-refused` where git will not move the ref, LogError `log-not-there`
    where a remote lacks what is here, HistoryError `fetch-failed`, SigningError, and what the plan
    raises.
    """
    writer = _Writer(plan, signer, identity, when)
    if remote is None:
        return _append_here(repository, writer)
    with open_log_store(repository, remote, timeout=timeout) as store:
        landed = _append_there(repository, store, writer)
        store.follow(repository, landed.tip)
    return landed


@frozen
class _Writer:
    plan: Plan
    signer: Signer
    identity: tuple[str, str]
    when: datetime

    def write(self, store: View, at: Snapshot) -> _Written | None:
        """Write the commit that the plan makes, with all that is new; None if it makes none."""
        addition = self.plan(at)
        if addition is None or not addition.files:
            return None
        tree, new = at.changed(addition.files)
        parents = [at.commit] if at.commit else []
        plain = commit_bytes(
            tree, parents, message=addition.message, identity=self.identity, when=self.when
        )
        header = b"gpgsig" if store.algorithm == "sha1" else b"gpgsig-sha256"
        signature = armored(self.signer, plain, namespace="git").strip().encode()
        head, gap, message = plain.partition(b"\n\n")
        signed = head + b"\n" + header + b" " + signature.replace(b"\n", b"\n ") + gap + message
        commit = hash_object("commit", signed, algorithm=store.algorithm)
        new[commit] = ("commit", signed)
        if addition.tag is None:
            write_named(store, new)
            return _Written(commit)
        draft = addition.tag
        raw = tag_bytes(draft, signer=self.signer, identity=self.identity, when=self.when)
        tag = hash_object("tag", raw, algorithm=store.algorithm)
        new[tag] = ("tag", raw)
        write_named(store, new)
        return _Written(commit, draft.ref, tag, raw)


def _append_here(repository: Repository, writer: _Writer) -> Landed:
    guard = repository.common_dir / "itil-gate" / "log.lock"
    with exclusive(guard), open_store(repository) as store:
        for attempt in range(TRIES):
            began = time.monotonic()
            tip = ref_tip(store, AUDIT_BRANCH)
            new = writer.write(store, Snapshot(store, tip))
            if new is None:
                return Landed(_there(tip), None, attempt + 1)
            if _moved(store, new, old=tip):
                return Landed(new.commit, new.commit, attempt + 1)
            forgotten = repository.common_dir / f"{AUDIT_BRANCH}.lock"
            if not remove_stale_lock(forgotten, guard=guard.with_name("stale.lock")):
                _back_off(attempt, time.monotonic() - began)
    raise busy(AUDIT_BRANCH)


def _moved(store: View, new: _Written, *, old: str | None) -> bool:
    if not new.ref:
        return move_ref(store, AUDIT_BRANCH, new.commit, old=old)
    if ref_tip(store, new.ref) is not None:
        raise tag_exists(new.ref, where="here")
    return move_with_tag(store, AUDIT_BRANCH, new.commit, old=old, tag=(new.ref, new.tag))


def _keep_tag(repository: Repository, new: _Written) -> None:
    """Have the tag that a remote took here too; whoever has another of its name keeps theirs."""
    if new.ref:
        with suppress(GateError), open_store(repository) as store:
            write_objects(store, [("tag", new.raw)])
            move_ref(store, new.ref, new.tag, old=None)


def _append_there(repository: Repository, store: LogStore, writer: _Writer) -> Landed:
    for attempt in range(TRIES):
        began = time.monotonic()
        tip = store.tip()
        if tip is None:
            _refuse_second(repository, store.name)
        try:
            with open_store(store.repository) as view:
                new = writer.write(view, Snapshot(view, tip, supply=store.supply))
        except Moved:
            continue
        tries = attempt + 1
        if new is None:
            return Landed(_there(tip), None, tries, store.fetched, store.sent)
        if store.push(new.commit, tag=(new.ref, new.tag) if new.ref else None):
            at = store.confirmed(new.commit)
            _keep_tag(repository, new)
            return Landed(at, new.commit, tries, store.fetched, store.sent)
        _back_off(attempt, time.monotonic() - began)
    raise busy(f"{AUDIT_BRANCH} on {store.name}")


def _back_off(attempt: int, took: float) -> None:
    """Sleep for a random time, up to two, four, eight times as long as a try took.

    Where many write at once, a try takes longer, and so does the time over which they spread.
    """
    limit = min(LONGEST_PAUSE, took * (2 << attempt))
    time.sleep(limit * secrets.randbelow(1001) / 1000)


def _there(tip: str | None) -> str:
    if tip is None:
        raise LogError("log-missing", "there is no audit log, and nothing was to be added")
    return tip


def _refuse_second(repository: Repository, remote: str) -> None:
    """Refuse to begin a log on a remote beside one that is here already."""
    with open_view(repository) as view:
        if branch_tips(view, AUDIT_BRANCH):
            raise LogError(
                "log-not-there",
                f"{remote} has no branch {AUDIT_BRANCH}, and there is one here",
                hint=f"if the remote never had it, `git push {remote} {AUDIT_BRANCH}`; "
                "if it had, find out who removed it",
            )


def _newest(view: View) -> str | None:
    """Return the tip that all copies here lead to."""
    tips = branch_tips(view, AUDIT_BRANCH)
    for tip in tips:
        if all(is_ancestor(view, other, tip) for other in tips):
            return tip
    if not tips:
        return None
    raise LogError(
        "log-copies-differ",
        f"the copies of {AUDIT_BRANCH} here do not follow one another: {', '.join(tips)}",
        hint="look at both: one may be rewritten, or begun anew",
    )
