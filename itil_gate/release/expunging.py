"""Expunge an entry: its file is taken away in the commit that records by whose order.

The leaf stays, and with it every proof: that there was an entry, of which kind, and with which
digest. What the log and its gates rest on cannot be taken away: who opened it, its keys,
corrections, where the account of a branch ends, what came there without authority, the last word
about a branch and about what may still land there, uses of waivers, and what is still owed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from itil_gate.model.errors import LogError
from itil_gate.model.frozen import frozen
from itil_gate.model.record import Expunged
from itil_gate.release.entries import plain_event
from itil_gate.release.past import LETS_IN

if TYPE_CHECKING:
    from itil_gate.log.reader import Entry, LogReader
    from itil_gate.release.books import Books
    from itil_gate.release.recorder import Recorded

KEPT = frozenset({"log-opened", "key-rotation", "key-revocation", "expunged", "correction"})
"""Kinds of entries that the log itself rests on."""


@frozen
class Gone:
    """An entry without its file: which one it is, and the entry that says so.

    `recorded` is None if that was recorded before.
    """

    entry: Entry
    by: int
    recorded: Recorded | None


def expunge(books: Books, index: int, *, reason: str, ordered_by: str) -> Gone:
    """Record that an entry is expunged and remove its file, in one commit.

    What was expunged before is told and left. An entry whose file is gone without a word can be
    accounted for this way, too. Raises LogError `no-such-entry`, `not-expunged` for one that the
    log or its gates rest on, and as `record` does.
    """
    with books.reading() as reader:
        entry = reader.entry(index, lost=True)
        if entry.expunged_by is not None:
            return Gone(entry, entry.expunged_by, None)
        _refuse_needed(reader, entry)
    said = Expunged(
        repository=books.config.repository,
        entry=index,
        sha256=entry.sha256,
        reason=reason,
        ordered_by=ordered_by,
    )
    event = plain_event("expunged", str(index), said, subject={"sha256": entry.sha256})
    recorded = books.write([event], removing=(index,))
    return Gone(entry, recorded.indices[0], recorded)


def _refuse_needed(reader: LogReader, entry: Entry) -> None:
    if entry.kind in KEPT:
        raise LogError(
            "not-expunged",
            f"entry {entry.index} is a {entry.kind}, on which the log itself rests",
            hint="record a correction that points to it",
        )
    if entry.kind == "ref-update":
        _refuse_account(reader, entry)
    if entry.kind == "gate-decision":
        _refuse_last_word(reader, entry)
    if entry.kind == "waiver-used":
        raise LogError(
            "not-expunged",
            f"entry {entry.index} counts a use of a waiver, which would be free again",
            hint="record a correction that points to it",
        )
    if entry.kind == "obligation":
        met = reader.backwards(stop=entry.index + 1, kinds=("obligation-met",), lost=True)
        owed = entry.predicate.get("id")
        if owed is None or not any(one.believed and one.predicate.get("id") == owed for one in met):
            raise LogError(
                "not-expunged",
                f"what entry {entry.index} says is owed was not met",
                hint="expunge it when `itil-gate debt --record` recorded that it was met",
            )


def _refuse_account(reader: LogReader, entry: Entry) -> None:
    """Refuse an update with which an account ends, or whose files are still asked about."""
    said = entry.predicate
    span, ref = (said.get("ref"), said.get("before"), said.get("after")), said.get("ref")
    later = [
        one.predicate
        for one in reader.backwards(stop=entry.index + 1, kinds=("ref-update",), lost=True)
        if one.believed and one.predicate.get("ref") == ref
    ]
    if ref is None or not later:
        raise LogError(
            "not-expunged",
            f"the account of {ref} ends with entry {entry.index}",
            hint="expunge it when a later update of that branch is recorded",
        )
    again = any((ref, one.get("before"), one.get("after")) == span for one in later)
    if said.get("standing") == "unauthorised" and not again:
        raise LogError(
            "not-expunged",
            f"entry {entry.index} says that an update of {ref} came without authority; without it "
            "the policies that it brought would judge",
            hint="expunge it when a correction of that update is recorded",
        )


def _refuse_last_word(reader: LogReader, entry: Entry) -> None:
    """Refuse the newest decision about a branch, and what keeps an older one from being acted upon.

    The newest says what was on the approvals branch; without it a statement could go unnoticed.
    And where a content was let in at first and then no more, without the later word the earlier one
    would speak again.
    """
    if entry.statement is None:
        raise LogError(
            "not-expunged",
            f"nobody can tell what entry {entry.index} decided: its file is gone",
            hint="restore the file from a copy of the branch, then expunge the entry",
        )
    said = _decision(entry)
    if said is None:
        return
    target = said.get("target")
    later = [
        other
        for one in reader.backwards(stop=entry.index + 1, kinds=("gate-decision",), lost=True)
        if one.believed and (other := _decision(one)) is not None
    ]
    if not any(one.get("target") == target for one in later):
        raise LogError(
            "not-expunged",
            f"entry {entry.index} is the newest decision about {target}, and says what was on the "
            "approvals branch",
            hint="expunge it when a later decision about that branch is recorded: `itil-gate check "
            "--record`",
        )
    if any(_mark(one) == _mark(said) for one in later) or _landed(reader, entry, said):
        return
    for one in reader.backwards(kinds=("gate-decision",), lost=True):
        if one.index >= entry.index or not one.believed:
            continue
        other = _decision(one)
        if other and _mark(other) == _mark(said) and other.get("outcome") in LETS_IN:
            raise LogError(
                "not-expunged",
                f"entry {entry.index} is the newest decision about what may still land, and entry "
                f"{one.index}, which let the same in, would speak again",
                hint=f"expunge entry {one.index} first, or this one when it has landed",
            )


def _landed(reader: LogReader, entry: Entry, said: dict[str, Any]) -> bool:
    """Tell whether the content of a decision has landed since by any decision."""
    about = (said.get("target"), said.get("content"))
    return any(
        one.believed
        and one.predicate.get("decision") is not None
        and (one.predicate.get("ref"), one.predicate.get("content")) == about
        for one in reader.backwards(stop=entry.index + 1, kinds=("ref-update",), lost=True)
    )


def _decision(entry: Entry) -> dict[str, Any] | None:
    """Return what a decision about a merge says; None for any other entry."""
    ours = entry.predicate.get("itilGate")
    said = ours.get("decision") if isinstance(ours, dict) and ours.get("facts") else None
    return said if isinstance(said, dict) else None


def _mark(said: dict[str, Any]) -> tuple[object, ...]:
    return said.get("target"), said.get("content"), said.get("head")
