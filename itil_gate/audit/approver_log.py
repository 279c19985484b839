"""What the audit log knows of approvals: when it first held them, which counted, what they saw.

One pass over decisions and copies, from the newest entry to the oldest; of each content, statement
and review some hundred bytes are kept. Only entries that a pinned key signed are believed, and only
about this repository. The times are those of the recorder's clock and of the forge's server; a
decision that was made after its change had landed carries a time that a commit's author may have
chosen, so the time of the landing's record stands in for it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from itil_gate.model.facts import Review
from itil_gate.model.record import REVIEW_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from itil_gate.log.reader import Entry, LogReader

KINDS = ("gate-decision", "approval", "ref-update")
AFTERWARDS = "decided after it landed"
"""How the reason of an update ends that brought its decision along."""
_EACH = 256


class Content:
    """What the log knows of a content that was decided upon; times in seconds since 1970."""

    __slots__ = ("approved", "head_tree", "lines", "merge_base", "pushed", "recorded")

    def __init__(self) -> None:
        self.recorded: int | None = None
        self.pushed: int | None = None
        self.merge_base = self.head_tree = ""
        self.approved = False
        """Whether it was approved when it was decided upon."""
        self.lines: int | None = None


class Heard:
    """What the log knows of a statement or review: since when, and what came of it."""

    __slots__ = ("code", "copy", "counted", "first", "level", "requester")

    def __init__(self) -> None:
        self.first: int | None = None
        self.counted = False
        self.level: str | None = None
        """The risk as it was assessed, whatever a statement says."""
        self.requester: str | None = None
        """Who asked for the change by its request, whatever a statement says."""
        self.code: str | None = None
        """Why the newest decision that heard it did not count it; None where none heard it."""
        self.copy: int | None = None
        """The entry that copied it."""

    @property
    def void(self) -> str | None:
        """Return why it never counted; None where it did, or where nothing decided on it."""
        return None if self.counted else self.code


class Reviewed:
    """A review as decisions told of it, over all its states."""

    __slots__ = ("changes", "digest", "heard", "requesters", "review")

    def __init__(self, review: Review, digest: str) -> None:
        self.review = review
        self.digest = digest
        self.heard = Heard()
        self.changes: dict[str, None] = {}
        self.requesters: dict[str, None] = {}


class Memory:
    """All that the log knows; without a log, nothing."""

    def __init__(self) -> None:
        self.contents: dict[bytes, Content] = {}
        self.statements: dict[bytes, Heard] = {}
        self.reviews: dict[tuple[Any, ...], Reviewed] = {}
        self.heads: dict[str, bytes] = {}
        """Content by the head with which it was decided upon."""
        self.pushed: dict[str, int] = {}
        """When the forge first saw a commit as a head."""
        self.not_believed = self.expunged = 0
        self.unreadable = 0

    def content(self, digest: str) -> Content | None:
        """Return what is known of a content; None if it was never decided upon."""
        return self.contents.get(_key(digest))

    def statement(self, digest: str) -> Heard | None:
        """Return what is known of a statement; None if the log never saw it."""
        return self.statements.get(_key(digest))


def remember(
    reader: LogReader, *, repository: str, progress: Callable[[int], None] | None = None
) -> Memory:
    """Read the log from its end. Raises LogError where an entry is not what the log wrote."""
    pass_ = _Pass(repository)
    for number, entry in enumerate(reader.backwards(kinds=KINDS), 1):
        if entry.statement is None:
            pass_.memory.expunged += 1
        elif not entry.believed:
            pass_.memory.not_believed += 1
        else:
            pass_.take(entry)
        if progress is not None and number % _EACH == 0:
            progress(number)
    return pass_.done()


class _Pass:
    def __init__(self, repository: str) -> None:
        self.memory = Memory()
        self._repository = repository
        self._landed: dict[int, int] = {}
        """When the update was recorded that brought a decision along, by that one's entry."""
        self._copies: dict[str, str] = {}
        """Copied reviews that no decision told of, at least none of those met so far."""
        self._marks: dict[str, Reviewed] = {}

    def take(self, entry: Entry) -> None:
        """Take what one entry says; newer ones came before."""
        said = entry.predicate
        match entry.kind:
            case "ref-update":
                index = said.get("decision")
                mine = said.get("repository") == self._repository
                after = str(said.get("reason", "")).endswith(AFTERWARDS)
                if mine and after and isinstance(index, int):
                    self._landed[index] = seconds(said.get("recordedAt")) or 0
            case "approval":
                if said.get("repository") == self._repository:
                    self._copy(entry)
            case _:
                ours = _mapping(said.get("itilGate"))
                decision = _mapping(ours.get("decision"))
                if decision.get("repository") == self._repository:
                    at = seconds(decision.get("now"))
                    if at is not None:
                        at = max(at, self._landed.pop(entry.index, at))
                        self._decision(decision, _mapping(ours.get("facts")), at)

    def done(self) -> Memory:
        """Return everything, with the copied reviews that no decision told of."""
        memory = self.memory
        for mark, text in self._copies.items():
            review = self._review(text)
            if review is not None:
                memory.reviews["copy", mark] = Reviewed(review, mark)
        for head, key in memory.heads.items():
            if (since := memory.pushed.get(head)) is not None:
                content = memory.contents[key]
                content.pushed = _least(content.pushed, since)
        return memory

    def _copy(self, entry: Entry) -> None:
        mark = str(entry.predicate.get("statement", ""))
        if str(entry.predicate.get("path", "")).startswith(f"{REVIEW_FOLDER}/"):
            self._copies[mark] = str(entry.predicate.get("text", ""))
            return
        heard = self._heard(mark)
        heard.copy = entry.index
        _earlier(heard, seconds(entry.predicate.get("recordedAt")))

    def _heard(self, mark: str) -> Heard:
        return self.memory.statements.setdefault(_key(mark), Heard())

    def _decision(self, decision: Mapping[str, Any], facts: Mapping[str, Any], at: int) -> None:
        mark = _key(str(decision.get("content", "")))
        content = self.memory.contents.setdefault(mark, Content())
        content.recorded = _least(content.recorded, at)
        pull = _mapping(facts.get("pullRequest"))
        since = seconds(pull.get("headSince"))
        head = str(decision.get("head", ""))
        if pull.get("head") == head and since is not None:
            self._seen(head, since)
        for one in map(_mapping, _listed(pull.get("heads"))):
            if (when := seconds(one.get("since"))) is not None:
                self._seen(str(one.get("commit")), when)
        self.memory.heads[head] = mark
        content.merge_base = str(decision.get("mergeBase") or "")
        content.head_tree = str(facts.get("headTree", ""))
        for change in map(_mapping, _listed(decision.get("changes"))):
            for entry in map(_mapping, _listed(change.get("ledger"))):
                content.approved |= entry.get("verdict") == "approve"
                self._entry(entry, change, pull=pull.get("number"), at=at)

    def _seen(self, commit: str, since: int) -> None:
        self.memory.pushed[commit] = min(since, self.memory.pushed.get(commit, since))

    def _entry(
        self, entry: Mapping[str, Any], change: Mapping[str, Any], *, pull: object, at: int
    ) -> None:
        mark = str(entry.get("digest", ""))
        if entry.get("rank") != "forge-review":
            heard = self._heard(mark)
        else:
            one = self._reviewed(entry, mark, pull=pull)
            if one is None:
                return
            one.changes[_text(change.get("id")) or ""] = None
            one.requesters[_text(change.get("requester")) or ""] = None
            heard = one.heard
        _earlier(heard, at)
        heard.level = heard.level or _text(_mapping(change.get("risk")).get("level"))
        heard.requester = heard.requester or _text(change.get("requester"))
        if entry.get("counted") is True:
            heard.counted = True
        elif heard.code is None:
            heard.code = str(entry.get("code", ""))

    def _reviewed(self, entry: Mapping[str, Any], mark: str, *, pull: object) -> Reviewed | None:
        """Return the review that an entry of a ledger is about: one, however often it changed."""
        if mark in self._marks:
            return self._marks[mark]
        self._copies.pop(mark, None)
        review = self._review(json.dumps(entry.get("review")))
        if review is None:
            return None
        name = (review.forge, str(pull), review.account, review.id)
        one = self.memory.reviews.setdefault(name, Reviewed(review, mark))
        if one.review.state == "unknown":
            # It was dismissed where the forge then hides what it had said.
            one.review, one.digest = review, mark
        self._marks[mark] = one
        return one

    def _review(self, text: str) -> Review | None:
        try:
            return Review.model_validate_json(text)
        except ValidationError:
            self.memory.unreadable += 1
            return None


def copies(
    reader: LogReader, wanted: Sequence[int], *, most: int = 64
) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of the statements that these entries copied."""
    for low in range(0, len(wanted), most):
        for entry in reader.entries(wanted[low : low + most]):
            said = entry.predicate
            yield str(said.get("path", "")), str(said.get("text", "")).encode()


def seconds(text: object) -> int | None:
    """Return a moment of the log in seconds since 1970; None for what is none."""
    if not isinstance(text, str):
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def _earlier(heard: Heard, at: int | None) -> None:
    if at is not None:
        heard.first = _least(heard.first, at)


def _least(known: int | None, at: int) -> int:
    return at if known is None else min(known, at)


def _key(digest: str) -> bytes:
    """Return a digest as it is kept: half as long as it is written."""
    try:
        return bytes.fromhex(digest)
    except ValueError:
        return digest.encode("utf-8", "backslashreplace")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
