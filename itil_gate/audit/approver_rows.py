"""The nouns of the report on approvers: how often, how fast, and for whom people approve.

All of it is counted, nothing is judged. A time is only as good as whoever wrote it down, so each
length of time says where it was counted from.
"""

from typing import Literal

from pydantic import Field

from itil_gate.model.base import Level, Moment, Oid, RefName
from itil_gate.model.made import Made

MEANING = (
    "This measures patterns and accuses nobody. Who approves often, fast or for the same people "
    "may have read every line before; who did not read may look slow."
)
FEW = 10
"""Below so many, no share is told: it would say more about chance than about a person."""
MANY = 50
"""More approvals than these without a rejection or a remark are told as never anything else."""
LEAST_LINES = 100
"""Changed lines below which no change is called too large for the time it took."""

Seen = Literal["forge", "log", "commit"]
"""Where it is written when the content could first be seen; the best first."""
Unmeasured = Literal["dated-before", "not-known"]


class Latency(Made):
    """From when the content could be seen to the approval, over several approvals."""

    measured: int = Field(description="Approvals for which it could be computed.")
    at_least: int = Field(
        description="Of these, those counted from when the log first recorded the content, which "
        "may have been there to be seen before."
    )
    median_seconds: int | None = None
    fastest_seconds: int | None = None
    within: int = Field(description="How many took no longer than the minutes asked about.")


class Lead(Made):
    """One approval, for whoever looks further; the fastest come first."""

    changes: tuple[str, ...]
    digest: str = Field(description="Of the signed statement or of the review, as in the log.")
    seconds: int
    seen: Seen
    lines: int | None = Field(None, description="Lines added and removed, where it is known.")
    too_fast: bool = Field(description="Whether it is too large a change for that time.")


class Asked(Made):
    """For whom somebody approved."""

    requester: str
    changes: int


class Approver(Made):
    """One person, or a key or account that nobody in people.yaml has."""

    who: str
    name: str = ""
    kind: str | None = Field(None, description="None for who is not in people.yaml.")
    keys: tuple[str, ...] = Field((), description="Fingerprints of the keys that signed.")
    approvals: int = Field(description="Without those that never counted.")
    counted: int = Field(description="Of these, those that some recorded decision counted.")
    reviews: int = Field(description="Of these, those given on a forge.")
    rejections: int
    withdrawals: int
    remarks: int = Field(description="Comments on a forge, and statements with a reason.")
    changes: int = Field(description="Distinct changes that they approved or rejected.")
    approved_percent: int | None = Field(
        None, description="Approvals of approvals and rejections; None for fewer than ten."
    )
    few: bool = Field(description="Whether they said too little to speak of shares at all.")
    never_counted: dict[str, int] = Field(
        description="Approvals apart that no decision counted, by the reason of the newest one."
    )
    latency: Latency = Field(description="By times of the forge's server and of the log.")
    hinted: Latency = Field(
        description="By the date of the commit, which its author wrote: a hint, not a measure."
    )
    unmeasured: dict[Unmeasured, int]
    dated_after: int = Field(
        description="Statements dated later than the log recorded them; the log's time is taken."
    )
    sized: int = Field(description="Measured approvals of at least a hundred changed lines.")
    too_fast: int = Field(description="Of these, those given faster than the pace asked about.")
    only_approves: bool = Field(
        description="More than 50 approvals, and no rejection and no remark."
    )
    for_whom: tuple[Asked, ...] = Field((), description="Whose changes, the most first.")
    leads: tuple[Lead, ...] = ()


class Pair(Made):
    """Two people who approve each other's changes: how many distinct ones, each way."""

    one: str
    other: str
    one_approved: int = Field(description="Changes of `other` that `one` approved.")
    other_approved: int = Field(description="Changes of `one` that `other` approved.")


class Terms(Made):
    """What was asked about."""

    since: Moment | None = None
    until: Moment | None = Field(None, description="Exclusive.")
    levels: tuple[Level, ...] = Field((), description="Empty means all.")
    within_minutes: int = 5
    lines_per_hour: int = 500


class Approvers(Made):
    """The whole report."""

    api_version: Literal["itil-gate/approvers/v1"] = "itil-gate/approvers/v1"
    meaning: str = MEANING
    repository: str
    target: RefName
    tip: Oid = Field(description="Whose people.yaml says who is who.")
    log: int | None = Field(description="Entries of the audit log; None where none is here.")
    terms: Terms
    pseudonyms: bool = False
    approvers: tuple[Approver, ...]
    pairs: tuple[Pair, ...]
    unreadable: dict[str, int] = Field(
        description="Statements and reviews that could not be read or proved, by what they are."
    )
    unreadable_paths: tuple[str, ...] = Field((), description="Of them, at most twenty.")
    not_in_period: int = 0
    not_at_level: int = 0
    level_not_known: int = Field(0, description="Left out where levels were asked for.")
    changes_withdrawn: int = Field(0, description="By those who asked for them.")
    only_in_log: int = Field(
        0, description="Statements that the log copied and that are on no approvals branch."
    )
    not_believed: int = Field(0, description="Entries of the log signed by no pinned key.")
    expunged: int = Field(0, description="Entries of the log whose content was removed lawfully.")
