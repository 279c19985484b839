"""What expressions may read: the environment of `when`, `expect`, points and messages.

One class for each variable. The types of the expression language are made from these classes, so
a field that is not here is an error when the policies load. Lists are short on purpose: questions
about paths are asked with functions (`touches`, `count`), never by loops over a diff.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from itil_gate.model.base import Level
from itil_gate.model.made import Made

Likelihood = Literal["rare", "unlikely", "possible", "likely", "unknown"]


class DiffView(Made):
    """The whole diff of the pull request."""

    paths: tuple[str, ...] = Field(description="Every changed path, sorted.")
    files: int = Field(description="How many paths change.")
    added: int
    modified: int
    deleted: int
    requests: int = Field(description="How many change requests the diff adds or amends.")
    judge: bool = Field(description="Whether policies, people, configuration or workflows change.")
    judge_only: bool = Field(
        description="Whether nothing else changes that needs a request: no service does."
    )
    placed: bool = Field(
        description="Whether the configuration says of every path that needs a request in which "
        "environment it takes effect. Where it does not, the environments of the request are a "
        "claim that nobody can check."
    )


class ServiceView(Made):
    """A service of the footprint: declared, or owner of a changed path."""

    name: str
    tier: int = Field(description="1 is the most important; 0 means not stated.")
    lifecycle: str
    data_class: str
    declared: bool = Field(description="Whether the request names it.")
    owned: bool = Field(description="Whether changed paths belong to it.")
    known: bool = Field(description="Whether the catalogue describes it.")
    dependents: int = Field(description="How many services depend on it, directly or not.")
    annotations: dict[str, str] = Field(description="The itil-gate.dev annotations, by last part.")


class ScheduleView(Made):
    """When the change is planned, against now."""

    planned: bool = Field(description="Whether the request has a window.")
    start: datetime | None = None
    end: datetime | None = Field(None, description="End with soak, exclusive.")
    minutes: int | None = Field(None, description="Length of the window without soak.")
    notice_days: int | None = Field(None, description="Whole business days from now to the start.")
    in_freeze: bool = False
    freezes: tuple[str, ...] = Field((), description="Ids of the freezes met.")


class EvidenceView(Made):
    """What reports say: external checks by their names, and which kinds the request names."""

    kinds: tuple[str, ...] = Field((), description="Kinds of evidence the request names.")
    present: tuple[str, ...] = Field(
        (),
        description=(
            "Kinds of which the request names a file that the change adds: plain, not empty, no "
            "request or policy, and named as this kind alone. Nobody reads what it holds."
        ),
    )
    checks: tuple[str, ...] = Field((), description="Names of external checks that reported.")
    failed: tuple[str, ...] = Field((), description="Names of external checks with failures.")


class PeopleView(Made):
    """Who took part."""

    contributors: int
    agents: bool = Field(description="Whether an agent contributed.")
    unproved: int = Field(description="Commits that nothing proves.")


class RiskView(Made):
    """The assessed risk; only rules and approvals may read it."""

    level: Level
    rank: int = Field(description="0 low, 1 medium, 2 high, 3 critical.")
    score: int | None = Field(None, description="0 to 100; missing without bands.")
    impact: int | None = Field(None, description="1 to 5; missing without bands.")
    likelihood: Likelihood
    points: int | None = Field(None, description="Of the likelihood card; missing without one.")
    declared: str = Field("", description="What the request declares; empty if nothing.")
