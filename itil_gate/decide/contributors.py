"""Who contributed to a proposed merge, and how surely that is known.

Hints (author, committer and co-author fields) may only exclude a person from approving. Proof is a
commit signature by a listed key, a vouch, or the forge's word on who opened and pushed.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from itil_gate.model.decision import Contributor
from itil_gate.model.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from itil_gate.decide.roster import Roster
    from itil_gate.model.facts import CommitFact, Facts, Identity, StatementFact

SHORT = 12
STRANGERS = 20


@dataclass(frozen=True)
class Contributors:
    """Everyone who took part, why, and the commits whose origin is not proved."""

    people: tuple[Contributor, ...]
    unattributable: tuple[Finding, ...]
    unproved: tuple[str, ...]
    """Ids of commits that nothing proves."""
    by_agent: bool
    sponsors: Mapping[str, str] = field(default_factory=dict)
    """The human who answers for each agent, whether or not it took part."""
    strangers: tuple[str, ...] = ()
    """Co-authors who are nobody in people.yaml, perhaps agents; at most STRANGERS of them."""

    @property
    def ids(self) -> frozenset[str]:
        """The persons who are excluded from approving."""
        return frozenset(person.person for person in self.people)

    def reasons(self, person: str) -> tuple[str, ...]:
        """Return why a person counts as a contributor; empty if they do not."""
        return next((one.reasons for one in self.people if one.person == person), ())


def find_contributors(facts: Facts, roster: Roster, *, repository: str) -> Contributors:
    """Return all contributors of the commits from base to head, over all parents.

    The maker of an update merge that recomputes to an equal tree is spared: it adds nothing.
    """
    book = _Book()
    vouches = _vouches(facts.statements, roster, repository)
    pushed = _forge_people(facts, roster, book)
    unattributable: list[Finding] = []
    unproved: list[str] = []
    for commit in facts.commits:
        if commit.update_merge:
            continue
        vouchers = vouches.get(commit.id, ())
        nobody = _attribute(commit, roster, book)
        proved = _prove(commit, roster, book, vouchers) or pushed
        if nobody and not vouchers:
            unattributable.append(_nobody(commit, nobody))
        if not proved:
            unproved.append(commit.id)
    for commit in facts.earlier:
        if not commit.update_merge:
            # They only exclude: a rebase must not hide who made what is rebased.
            _attribute(commit, roster, book)
            _prove(commit, roster, book, ())
    _elsewhere(facts, roster, book)
    sponsors = _sponsors(roster, book)
    return Contributors(
        people=book.contributors(),
        unattributable=tuple(unattributable),
        unproved=tuple(unproved),
        by_agent=any(roster.persons[person].kind == "agent" for person in book.parts),
        sponsors=sponsors,
        strangers=tuple(itertools.islice(_strangers(facts, roster), STRANGERS)),
    )


def _elsewhere(facts: Facts, roster: Roster, book: _Book) -> None:
    """Enter who is proved to have worked under the same change id elsewhere.

    Whoever claims that id could write anybody into a commit there, so names are nothing.
    """
    other = facts.earlier_elsewhere
    if other is None:
        return
    for commit in other.commits:
        if not commit.update_merge:
            _prove(commit, roster, book, ())
    for account in other.accounts:
        person = roster.by_reference(account)
        if person is not None:
            book.add(person.id, "worked on an earlier pull request of this change", proved=True)


def parts_in(commits: Iterable[CommitFact], roster: Roster) -> dict[str, tuple[str, ...]]:
    """Return why people count as having taken part in commits that landed, by person.

    Named are authors, committers, co-authors and signers, and the humans who sponsor agents.
    """
    book = _Book()
    for commit in commits:
        if not commit.update_merge:
            _attribute(commit, roster, book)
            _prove(commit, roster, book, ())
    _sponsors(roster, book)
    return {one.person: one.reasons for one in book.contributors()}


def _sponsors(roster: Roster, book: _Book) -> dict[str, str]:
    """Enter who answers for the agents that took part; return it of every agent."""
    sponsors = {
        person.id: person.sponsor
        for person in roster.people.persons
        if person.kind == "agent" and person.sponsor is not None
    }
    for agent, sponsor in sponsors.items():
        if agent in book.parts:
            book.add(sponsor, f"sponsor of {agent}", proved=agent in book.proved)
    return sponsors


def _strangers(facts: Facts, roster: Roster) -> Iterator[str]:
    seen = set()
    for commit in (*facts.commits, *facts.earlier):
        for identity in commit.co_authors:
            mark = identity.email.casefold()
            if mark not in seen and roster.by_address(identity.email) is None:
                seen.add(mark)
                yield _written(identity)[:200]


class _Book:
    """Parts by person and by what they took part in, in the order they were found."""

    def __init__(self) -> None:
        self.parts: dict[str, dict[str, list[str]]] = {}
        self.proved: set[str] = set()

    def add(self, person: str, part: str, *, of: str = "", proved: bool = False) -> None:
        parts = self.parts.setdefault(person, {}).setdefault(of, [])
        if part not in parts:
            parts.append(part)
        if proved:
            self.proved.add(person)

    def contributors(self) -> tuple[Contributor, ...]:
        return tuple(
            Contributor(
                person=person,
                reasons=tuple(f"{_listed(words)} {of}".rstrip() for of, words in parts.items()),
                proved=person in self.proved,
            )
            for person, parts in sorted(self.parts.items())
        )


def _attribute(commit: CommitFact, roster: Roster, book: _Book) -> tuple[str, ...]:
    """Enter everyone a commit names; return the author or committer fields that name nobody."""
    nobody = []
    for role, identity in (("author", commit.author), ("committer", commit.committer)):
        person = roster.by_address(identity.email)
        if person is None:
            nobody.append(f"{role} {_written(identity)}")
        else:
            book.add(person.id, role, of=f"of {commit.id[:SHORT]}")
    for identity in commit.co_authors:
        person = roster.by_address(identity.email)
        if person is not None:
            book.add(person.id, "co-author", of=f"of {commit.id[:SHORT]}")
    return tuple(nobody)


def _prove(commit: CommitFact, roster: Roster, book: _Book, vouchers: tuple[str, ...]) -> bool:
    """Tell whether a signature or a vouch proves a commit, and enter whoever did so."""
    proved = False
    mark = commit.signature.fingerprint
    if commit.signature.kind == "ssh" and commit.signature.status == "good" and mark is not None:
        signer = roster.by_key.get(mark)
        if signer is not None:
            book.add(signer.id, "signer", of=f"of {commit.id[:SHORT]}", proved=True)
            proved = True
    named = {
        person.id
        for identity in (commit.author, commit.committer)
        if (person := roster.by_address(identity.email)) is not None
    }
    outsider = any(
        roster.by_address(identity.email) is None for identity in (commit.author, commit.committer)
    )
    for voucher in vouchers:
        book.add(voucher, "voucher", of=f"of {commit.id[:SHORT]}", proved=True)
        # One's own commit, or an outsider's. Nobody proves a commit in a third person's name.
        proved = proved or outsider or voucher in named
    return proved


def _vouches(
    statements: Iterable[StatementFact], roster: Roster, repository: str
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for item in statements:
        if item.status != "good" or item.vouch is None or item.fingerprint is None:
            continue
        person = roster.by_key.get(item.fingerprint)
        if person is None or person.kind != "human" or person.id != item.vouch.signer:
            continue
        if item.vouch.repository == repository:
            found[item.vouch.commit] = (*found.get(item.vouch.commit, ()), person.id)
    return found


def _forge_people(facts: Facts, roster: Roster, book: _Book) -> bool:
    """Enter the opener and the pushers; tell whether the forge knows them all as people.

    Where it does not say when the head came, it has not told of every push.
    """
    request = facts.pull_request
    if request is None:
        return False
    known = bool(request.pushers) and request.head_since is not None
    for word, account in (
        ("opened the pull request", request.opener),
        *(("pushed to the pull request", account) for account in request.pushers),
    ):
        person = roster.by_reference(account)
        if person is None:
            known = False
        else:
            book.add(person.id, word, proved=True)
    return known


def _nobody(commit: CommitFact, fields: tuple[str, ...]) -> Finding:
    return Finding(
        rule="unattributable-commit",
        message=f"commit {commit.id[:SHORT]}: {' and '.join(fields)} is nobody in people.yaml",
        remedy="list the e-mail under its person in people.yaml on the target, or have somebody "
        f"who will not approve run `itil-gate vouch {commit.id[:SHORT]}`",
    )


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _written(identity: Identity) -> str:
    return f"{identity.name} <{identity.email}>"
