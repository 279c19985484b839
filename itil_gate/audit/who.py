"""Who made a commit, as it says and as its signature proves; quick, for a hundred thousand of them.

Of a commit as git writes it only the two lines with people are read; any other is read as the gate
reads commits everywhere.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from itil_gate.audit.rows import Who
from itil_gate.git.history import parse_commit
from itil_gate.signing.commit import commit_signature

if TYPE_CHECKING:
    from itil_gate.decide.roster import Roster
    from itil_gate.git.objects import GitObject

_PLAIN = re.compile(
    rb"tree [0-9a-f]+\n(?:parent [0-9a-f]+\n)*"
    rb"author ([^\n<>]*<[^\n<>]*>) -?[0-9]+ [+-][0-9]+\n"
    rb"committer ([^\n<>]*<[^\n<>]*>) ([0-9]{1,12}) [+-][0-9]+\n"
)


def who_of(thing: GitObject, roster: Roster) -> Who:
    """Return the people of a commit, and whose signature it carries.

    Raises HistoryError `not-a-commit` for another object.
    """
    author, committer, at = _people(thing)
    proof = commit_signature(thing.data)
    person = roster.by_key.get(proof.fingerprint or "") if proof.status == "good" else None
    return Who(
        commit=thing.id,
        author=author[0],
        author_email=author[1],
        committer=committer[0],
        committer_email=committer[1],
        at=_moment(at),
        signature=proof.kind,
        status=proof.status,
        fingerprint=proof.fingerprint,
        person=person.id if person else None,
    )


def _people(thing: GitObject) -> tuple[tuple[str, str], tuple[str, str], int]:
    found = _PLAIN.match(thing.data) if thing.type == "commit" else None
    if found is not None:
        try:
            return _person(found[1]), _person(found[2]), int(found[3])
        except UnicodeDecodeError:
            pass  # in another encoding, which its header may name
    commit = parse_commit(thing)
    return (
        (commit.author.name, commit.author.email),
        (commit.committer.name, commit.committer.email),
        commit.committed_at,
    )


@functools.lru_cache(maxsize=4096)
def _person(line: bytes) -> tuple[str, str]:
    name, _, email = line.decode("utf-8").partition("<")
    return name.strip(), email.removesuffix(">").strip()


def _moment(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (OverflowError, ValueError, OSError):
        return None
