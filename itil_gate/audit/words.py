"""Every word that somebody said about a change: signed on the approvals branch, or on a forge.

Statements are streamed from all copies of the branch that are here, each verified again; what the
log copied and no branch holds any more is read from there. Whose a key or account is, people.yaml
of the target says as it is now: two keys of one person are one person, and a key of nobody stays
in the report as that. A file that cannot be read or proved is counted and stops nothing.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from itil_gate.audit.approver_log import copies
from itil_gate.audit.approvers import Moments, Word
from itil_gate.decide.reviews import whose
from itil_gate.gather.statements import MOST_BYTES, approval_tips, list_statements
from itil_gate.git.history import LIMIT, parse_commit
from itil_gate.model.errors import HistoryError
from itil_gate.model.statement import FOLDERS
from itil_gate.signing.statement import read_statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from itil_gate.audit.approver_log import Memory, Reviewed
    from itil_gate.audit.approvers import Verdict
    from itil_gate.decide.roster import Roster
    from itil_gate.git.tree import TreeEntry
    from itil_gate.git.view import View
    from itil_gate.log.reader import LogReader
    from itil_gate.model.facts import StatementFact
    from itil_gate.model.people import Person
    from itil_gate.model.statement import ApprovalPredicate

AT_ONCE = 200
"""Statements that are read together."""
MOST_PATHS = 20
_SAID: dict[str, Verdict] = {
    "approved": "approve",
    "changes-requested": "reject",
    "commented": "comment",
    "unknown": "unknown",
}


class Words:
    """The words of one repository; `all` may be asked for once, the rest holds after it."""

    def __init__(
        self,
        view: View,
        *,
        repository: str,
        roster: Roster,
        memory: Memory,
        reader: LogReader | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.unreadable: Counter[str] = Counter()
        self.paths: list[str] = []
        """Some of what could not be read."""
        self.only_in_log = 0
        self._view = view
        self._repository = repository
        self._roster = roster
        self._memory = memory
        self._reader = reader
        self._progress = progress or (lambda _done, _all: None)
        self._met: set[tuple[bytes, str]] = set()
        self._dates: dict[str, int | None] = {}

    def all(self) -> Iterator[Word]:
        """Yield every word, in no order. Raises HistoryError where an object is not here."""
        folders = list_statements(self._view, approval_tips(self._view))
        entries = [
            entry for folder, some in folders.items() if folder not in FOLDERS for entry in some
        ]
        del folders
        for done in range(0, len(entries), AT_ONCE):
            self._progress(done, len(entries))
            some = entries[done : done + AT_ONCE]
            yield from self._signed(self._read(some))
        yield from self._copied()
        if self._memory.unreadable:
            self.unreadable["review"] = self._memory.unreadable
        for one in self._memory.reviews.values():
            yield self._reviewed(one)

    def _read(self, entries: Sequence[TreeEntry]) -> Iterator[StatementFact]:
        infos = self._view.reader.info(entry.oid for entry in entries)
        fit = [
            entry.is_file and (info is None or (info.type == "blob" and info.size <= MOST_BYTES))
            for entry, info in zip(entries, infos, strict=True)
        ]
        wanted = (entry.oid for entry, good in zip(entries, fit, strict=True) if good)
        things = self._view.read_many(wanted, limit=MOST_BYTES)
        for entry, good in zip(entries, fit, strict=True):
            yield read_statement(entry.path, next(things).data if good else b"")

    def _copied(self) -> Iterator[Word]:
        """Yield what the log copied and no branch here holds, or not as it was."""
        if self._reader is None:
            return
        met = {mark for mark, _ in self._met}
        lost = sorted(
            heard.copy
            for mark, heard in self._memory.statements.items()
            if heard.copy is not None and mark not in met
        )
        facts = (read_statement(path, data) for path, data in copies(self._reader, lost))
        while some := list(islice(facts, AT_ONCE)):
            for word in self._signed(some):
                self.only_in_log += 1
                yield word

    def _signed(self, facts: Iterable[StatementFact]) -> Iterator[Word]:
        good: list[tuple[StatementFact, ApprovalPredicate]] = []
        for fact in facts:
            said = fact.approval
            if fact.status != "good" or said is None:
                self.unreadable[fact.status] += 1
                if len(self.paths) < MOST_PATHS:
                    self.paths.append(fact.path)
                continue
            mark = (bytes.fromhex(fact.digest), self._who(fact))
            if mark not in self._met:
                self._met.add(mark)
                good.append((fact, said))
        self._date(said.head for _, said in good if self._undated(said))
        for fact, said in good:
            yield self._word(fact, said)

    def _who(self, fact: StatementFact) -> str:
        person = self._roster.by_key.get(fact.fingerprint or "")
        return person.id if person else f"key {fact.fingerprint}"

    def _undated(self, said: ApprovalPredicate) -> bool:
        content = self._memory.content(said.content)
        return content is None or content.pushed is None

    def _word(self, fact: StatementFact, said: ApprovalPredicate) -> Word:
        person = self._roster.by_key.get(fact.fingerprint or "")
        content = self._memory.content(said.content)
        heard = self._memory.statement(fact.digest)
        counted = heard is not None and heard.counted
        code = heard.void if heard else None
        if not counted:  # else it does not matter whose key it became since
            code = self._fault(said, person) or code
        return Word(
            who=self._who(fact),
            name=person.name if person else "",
            kind=person.kind if person else None,
            key=fact.fingerprint,
            verdict=said.verdict,
            remark=bool(said.reason),
            moments=Moments(
                dated=int(said.issued_at.timestamp()),
                heard=heard.first if heard else None,
                pushed=content.pushed if content else None,
                recorded=content.recorded if content else None,
                committed=self._dates.get(said.head),
            ),
            changes=(said.change,),
            requesters=((heard and heard.requester) or said.requester,),
            level=(heard and heard.level) or said.risk,
            digest=fact.digest,
            counted=counted,
            code=code,
            lines=content.lines if content else None,
        )

    def _fault(self, said: ApprovalPredicate, person: Person | None) -> str | None:
        """Return the code of what keeps a statement from counting for any change."""
        if said.repository != self._repository:
            return "not-this-repository"
        if person is None:
            return None
        if person.id != said.signer:
            return "signer-mismatch"
        return person.kind if person.kind != "human" else None

    def _reviewed(self, one: Reviewed) -> Word:
        review = one.review
        person = whose(review, self._roster)
        head = self._memory.heads.get(review.commit or "")
        content = self._memory.contents.get(head) if head is not None else None
        return Word(
            who=person.id if person else f"account {review.account} of {review.forge}",
            name=person.name if person else "",
            kind=person.kind if person else None,
            verdict=_SAID[review.state],
            review=True,
            remark=review.state == "commented",
            moments=Moments(
                dated=int(review.submitted_at.timestamp()),
                pushed=self._memory.pushed.get(review.commit or ""),
                recorded=content.recorded if content else None,
            ),
            changes=tuple(sorted(one.changes)),
            requesters=tuple(sorted(one.requesters)),
            level=one.heard.level,
            digest=one.digest,
            counted=one.heard.counted,
            code=one.heard.void,
            lines=content.lines if content else None,
        )

    def _date(self, heads: Iterable[str]) -> None:
        """Look up the dates of commits, as they say themselves; those not here stay unknown."""
        asked = [oid for oid in dict.fromkeys(heads) if oid not in self._dates]
        infos = self._view.reader.info(asked)
        here = [
            oid
            for oid, info in zip(asked, infos, strict=True)
            if info is not None and info.type == "commit" and info.size <= LIMIT
        ]
        self._dates |= dict.fromkeys(asked)
        for thing in self._view.read_many(here, limit=LIMIT):
            try:
                self._dates[thing.id] = parse_commit(thing).committed_at
            except HistoryError:
                continue  # what a statement names may be anything; then there is no date
