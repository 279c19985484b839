"""What reconciling finds: one row for every update of a governed branch, and how many of each.

A row says who, when and how it was found. Names and dates in a commit are what its author wrote;
only a signature by a key that people.yaml lists proves a person.
"""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from itil_gate.model.base import Moment, Oid, RefName
from itil_gate.model.made import Made

Found = Literal[
    "authorised", "overridden", "before-adoption", "unauthorised", "unrecorded", "rewritten"
]
BAD: frozenset[Found] = frozenset({"unauthorised", "unrecorded", "rewritten"})
"""What ends reconciling with 1."""
ORDER: tuple[Found, ...] = (
    *("authorised", "overridden", "before-adoption", "unauthorised", "unrecorded", "rewritten"),
)


class Who(Made):
    """A commit's people as it names them, and what its signature proves."""

    commit: Oid
    author: str
    author_email: str
    committer: str
    committer_email: str
    at: Moment | None = Field(None, description="The committer's date, which anybody can set.")
    signature: Literal["none", "ssh", "pgp", "x509", "unknown"] = "none"
    status: Literal["absent", "good", "bad", "unsupported", "not-verified-here"] = "absent"
    fingerprint: str | None = None
    person: str | None = Field(None, description="Whose key it is by people.yaml as it is now.")

    @property
    def proved(self) -> bool:
        """Whether the signature is good and by the key of a listed person."""
        return self.person is not None


class Row(Made):
    """One update of a branch: a step of its first-parent line, or several that landed as one."""

    found: Found
    ref: RefName
    before: Oid | None
    after: Oid
    how: str = Field(description="How it was found, in words.")
    who: tuple[Who, ...] = Field((), description="Its commits, newest first.")
    entry: int | None = Field(None, description="The log's entry about this update.")
    decision: int | None = Field(None, description="The log's entry that let it in.")
    changes: tuple[str, ...] = ()
    late: bool = False
    remedy: str = ""


class Lost(Made):
    """A statement that the log copied and that is no longer on the approvals branch."""

    entry: int
    path: str


class Open(Made):
    """A decision that nothing had landed by."""

    index: int
    content: str
    head: str = ""
    paths: tuple[str, ...]


class Audited(Made):
    """How far a branch was reconciled, and what came of it."""

    engine: str = Field(description="Who reconciled it.")
    judge: str = Field(description="Digest of the people and of the log's keys.")
    ref: RefName
    commit: Oid = Field(description="The newest commit that needs no second look.")
    size: int
    checkpoint: str = Field(description="The signed head of the log as it was read.")
    totals: dict[str, int]
    problems: tuple[Row, ...] = ()
    waiting: tuple[Open, ...] = ()
    approvals: tuple[Oid, ...] = Field((), description="Tips of the approvals branch then.")
    seen: tuple[Oid, ...] = Field((), description="Tips of it that the newest decision saw.")
    lost: tuple[Lost, ...] = ()


class Totals:
    """How many updates of each kind there are."""

    def __init__(self, counts: Iterable[tuple[Found, int]] = ()) -> None:
        self._counts: dict[Found, int] = dict.fromkeys(ORDER, 0) | dict(counts)

    def add(self, found: Found, number: int = 1) -> None:
        """Count some more."""
        self._counts[found] += number

    def __getitem__(self, found: Found) -> int:
        return self._counts[found]

    @property
    def counts(self) -> dict[Found, int]:
        """Every kind with its number, also where that is 0."""
        return dict(self._counts)

    @property
    def live(self) -> dict[Found, int]:
        """The same numbers as they grow, for whoever reads them at the end."""
        return self._counts

    @property
    def bad(self) -> int:
        """How many there are that should not be."""
        return sum(self._counts[found] for found in BAD)
