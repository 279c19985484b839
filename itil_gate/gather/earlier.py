"""Who worked on a change before its head was what it is, by what the audit log remembers.

Squashing, rebasing and renaming a request take names off a branch. The log knows the heads that
were judged, and has to be asked about all of them: whoever could make it forget by having many
others judged could approve their own work. What is recorded of others' pull requests is no better
than those who made them: anybody can claim a change id, and write anybody into a commit. So a name
that nothing proves excludes only where this very work is concerned.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from itil_gate.model.facts import AccountRef, CommitFact, EarlierElsewhere
from itil_gate.model.frozen import frozen
from itil_gate.policy.places import is_request_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from typing import Any

    from itil_gate.log.reader import LogReader
    from itil_gate.model.config import Config
    from itil_gate.model.facts import DiffEntry, Facts, PullRequest

GONE = frozenset("0")
EMPTY = frozenset(
    {
        "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
        "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
    }
)
"""Ids of a file that holds nothing, by SHA-1 and SHA-256."""
_IDS = re.compile(rb'"(?:old|new)Id":"([0-9a-f]{40}|[0-9a-f]{64})"')


@frozen
class Piece:
    """What a change does to a path."""

    path: str
    made: str
    """Id of what it makes the path hold; empty where it makes nothing that was not there."""
    taken: str = ""
    """Where it makes nothing: what it does, of which anybody could have thought."""
    sign: str = ""
    """The id by which records of it are found."""


@frozen
class Earlier:
    """Commits of heads that were judged before, and that the branch no longer has."""

    commits: tuple[CommitFact, ...]
    """Of this very work: everybody they name took part."""
    elsewhere: EarlierElsewhere | None
    """Of other work under the same change id: who is proved took part."""


NOTHING = Earlier((), None)


def earlier_work(
    reader: LogReader,
    changes: AbstractSet[str],
    *,
    pieces: AbstractSet[Piece],
    pull: PullRequest | None,
    known: AbstractSet[str],
) -> Earlier:
    """Return what the log remembers of work on these changes, or on what they would land.

    `pieces` are those of the diff, see `pieces_of`; `pull` is what is known of the pull request,
    and `known` are the commits that the branch has. This very work is what was recorded for the
    same pull request, and the first head since it last landed that brought any of the pieces,
    whatever the change was called. All recorded decisions are looked through.
    """
    if not changes and not pieces:
        return NOTHING
    found = _Found(changes, pieces, pull, known)
    kinds = ("gate-decision", "ref-update")
    for entry in reader.backwards(kinds=kinds, holding=_holding(changes, pieces, pull)):
        if not entry.believed:
            continue
        if entry.kind == "ref-update":
            found.land(entry.predicate)
        else:
            found.take(entry.index, entry.predicate.get("itilGate", {}))
    return found.told()


def pieces_of(diff: Iterable[DiffEntry], config: Config) -> frozenset[Piece]:
    """Return what a diff does, request files apart."""
    return frozenset(
        _piece(entry.path, entry.old_id, entry.new_id, entry.new_mode)
        for entry in diff
        if not is_request_path(config, entry.path)
    )


def _piece(path: str, old: str, new: str, mode: str) -> Piece:
    if _is_something(new) and new != old:
        return Piece(path, new, sign=new)
    return Piece(path, "", f"{old} {new} {mode}", sign=old if _is_something(old) else new)


def _pieces(rows: Iterable[Mapping[str, Any]]) -> set[Piece]:
    """Return the pieces of a recorded diff or manifest."""
    return {_piece(one["path"], one["oldId"], one["newId"], one["newMode"]) for one in rows}


def pull_of(records: Sequence[Facts], *, head: str) -> PullRequest | None:
    """Return the pull request that a head was recorded for, of recorded facts, newest first.

    Anybody may propose the same commit once more, so it is the oldest.
    """
    pulls = (one.pull_request for one in reversed(records))
    return next((pull for pull in pulls if pull is not None and pull.head == head), None)


class _Found:
    """What was found so far, from the newest decision backwards."""

    def __init__(
        self,
        changes: AbstractSet[str],
        pieces: AbstractSet[Piece],
        pull: PullRequest | None,
        known: AbstractSet[str],
    ) -> None:
        self._changes = changes
        self._pull = pull
        self._known = known
        self._open = set(pieces)
        """Pieces that have not landed since the decisions that are being looked at."""
        self._first: dict[Piece, int] = {}
        """The oldest decision so far that has a piece."""
        self._brought: dict[int, tuple[dict[str, Any], ...]] = {}
        """The commits of those decisions."""
        self._own: dict[str, dict[str, Any]] = {}
        self._others: dict[str, dict[str, Any]] = {}
        self._accounts: dict[tuple[str, int], AccountRef] = {}

    def land(self, said: Mapping[str, Any]) -> None:
        """Take a landing: whoever first brought what landed then has nothing to do with it now."""
        self._open -= _pieces(said.get("manifest", ()))

    def take(self, index: int, said: Mapping[str, Any]) -> None:
        """Take a recorded decision about a merge."""
        if "decision" not in said:
            return
        facts = said["facts"]
        every = facts.get("commits", ())
        commits = tuple(one for one in every if one["id"] not in self._known)
        if self._is_same_pull(facts.get("pullRequest")):
            self._add(self._own, commits)
        elif self._changes & {one.get("id") for one in said["decision"].get("changes", ())}:
            self._add(self._others, commits)
            self._tell_of(facts.get("pullRequest"))
        here = self._open & _pieces(facts.get("diff", ())) if self._open else None
        if here:
            # On top of all that the branch has, a head brought nothing of it.
            on_top = len(every) - len(commits) >= len(self._known)
            self._brought[index] = () if on_top else commits
            self._first |= dict.fromkeys(here, index)
            if len(self._brought) > len(self._first):
                kept = set(self._first.values())
                self._brought = {at: said for at, said in self._brought.items() if at in kept}

    def told(self) -> Earlier:
        own, others = dict(self._own), dict(self._others)
        for piece, index in sorted(self._first.items(), key=lambda one: -one[1]):
            # That something is to be taken away anybody can have thought of, and named others.
            self._add(own if piece.made else others, self._brought[index])
        others = {oid: one for oid, one in others.items() if oid not in own}
        elsewhere = EarlierElsewhere(
            commits=_facts(others.values()), accounts=tuple(self._accounts.values())
        )
        return Earlier(
            _facts(own.values()),
            elsewhere if elsewhere.commits or elsewhere.accounts else None,
        )

    def _is_same_pull(self, said: Mapping[str, Any] | None) -> bool:
        return (
            self._pull is not None
            and said is not None
            and said["number"] == self._pull.number
            and said["opener"]["forge"].casefold() == self._pull.opener.forge.casefold()
        )

    def _tell_of(self, said: Mapping[str, Any] | None) -> None:
        """Take the accounts that opened and pushed, as the forge told: nobody can make them up."""
        if said is None:
            return
        for one in (said["opener"], *said.get("pushers", ())):
            mark = one["forge"].casefold(), one["id"]
            if mark not in self._accounts:
                self._accounts[mark] = AccountRef.model_validate_json(json.dumps(one))

    @staticmethod
    def _add(found: dict[str, dict[str, Any]], commits: Sequence[dict[str, Any]]) -> None:
        for one in commits:
            found.setdefault(one["id"], one)


def _facts(commits: Iterable[Mapping[str, Any]]) -> tuple[CommitFact, ...]:
    return tuple(CommitFact.model_validate_json(json.dumps(one)) for one in commits)


def _is_something(oid: str) -> bool:
    return set(oid) != GONE and oid not in EMPTY


def _holding(
    changes: AbstractSet[str], pieces: AbstractSet[Piece], pull: PullRequest | None
) -> Callable[[str, bytes], bool]:
    """Return whether an entry may be of any interest, by its bytes: few of them are read."""
    ids = {piece.sign.encode() for piece in pieces}
    words = [f'"{name}"'.encode() for name in sorted(changes)]
    if pull is not None:
        words += [f'"number":{pull.number}{end}'.encode() for end in ",}"]

    def holds(kind: str, payload: bytes) -> bool:
        if kind == "gate-decision" and any(word in payload for word in words):
            return True
        return not ids.isdisjoint(_IDS.findall(payload))

    return holds
