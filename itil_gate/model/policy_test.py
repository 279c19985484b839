"""Policy tests: a made-up change, a made-up world, and the decision that policies must reach.

They lie beside the policies, in a folder `tests`, and never take part in a decision. People here
have no keys and services no catalogue: both are made from these lines when a test is run.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue

from itil_gate.model.base import (
    SPEAKING_NULL,
    ApiVersion,
    Duration,
    EntityName,
    Glob,
    Level,
    Line,
    Model,
    Moment,
    Name,
    RuleId,
)
from itil_gate.model.change import Path
from itil_gate.model.config import EnvironmentPaths
from itil_gate.model.decision import Lane, Outcome, RuleOutcome
from itil_gate.model.risk import Score
from itil_gate.model.services import Tier
from itil_gate.model.statement import Verdict


def _listed(value: Any) -> Any:
    """Turn the tuples of a document into the lists that JSON has."""
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, (tuple, list)) else value


Plain = Annotated[dict[str, JsonValue] | None, BeforeValidator(_listed)]
"""A change request, or a part of one, as plain data."""


class ChangedPath(Model):
    """A path of the diff."""

    path: Path
    status: Literal["A", "M", "D"] = Field("M", description="Added, modified or deleted.")
    mode: Literal["100644", "100755", "120000", "160000"] = Field(
        "100644", description="Mode in git: a file, a program, a link or a submodule."
    )
    lines: Annotated[int, Field(ge=0)] = Field(1, description="Lines added and deleted.")
    longest: Annotated[int, Field(ge=0)] = Field(80, description="Bytes of its longest new line.")
    content: Literal["text", "binary", "large", "elsewhere"] = Field(
        "text", description="Text, binary, above 1 MiB, or a pointer to what is kept elsewhere."
    )


class CaseApproval(Model):
    """What somebody signed about the change as it is proposed."""

    by: Name = Field(description="Who signed.")
    roles: tuple[Name, ...] = Field((), description="Roles claimed; empty claims all they hold.")
    verdict: Verdict = Field("approve", description="What they said; approve if left out.")
    age: Duration = Field("0m", description="How long ago they signed, for example 8d.")


class CaseHistory(Model):
    """What the target's history says; what is left out is as in an uneventful year.

    Ratios are failure rates in thousandths of the usual one: 1300 is 1.3 times. Write a null for
    what is not known.
    """

    changes: int = Field(500, description="Changes of the last 365 days.")
    failures: int = Field(10, description="Those that were backed out within 30 days.")
    complete: bool = Field(True, description="Whether a year of history was there to read.")
    base_ppm: int = Field(20_000, description="The usual failure rate, per million.")
    file_ratio: int | None = Field(1000, description="Of the files, in thousandths of the usual.")
    dir_ratio: int | None = Field(1000, description="Of the folders, likewise.")
    area_ratio: int | None = Field(1000, description="Of the top-level folders, likewise.")
    type_ratio: int | None = Field(1000, description="Of the types of file, likewise.")
    file_failures_365: int | None = Field(0, description="Failures of the files in a year.")
    dir_failures_90: int | None = Field(0, description="Failures of the folders in 90 days.")
    title_overlap_percent: int | None = Field(
        0, description="Words shared with a change that failed lately."
    )
    hours_since_failure: int | None = Field(
        1000, description="Since the repository's last failure."
    )
    config_percent: int | None = Field(0, description="Share of configuration files.")
    lines_added_percentile: int | None = Field(50, description="Among all changes, by lines added.")
    developers_percentile: int | None = Field(
        0, description="Among all changes, by people who worked on the files."
    )
    first_today: bool | None = Field(
        False, description="Whether nobody changed the files in 24 hours."
    )
    author_changes_24h: int | None = Field(3, description="Changes the author landed in 24 hours.")


class CaseResults(Model):
    """What another tool is said to have found."""

    name: Name = Field(description="Name of the ExternalCheck it answers.")
    tests: Annotated[int, Field(ge=0, le=100_000)] = Field(1, description="Results, passes too.")
    failures: tuple[RuleId, ...] = Field((), description="Ids of the tool's rules that failed.")
    signed_by: Name | None = Field(
        None, description="Id of the signer who signed them about this very head; nobody if absent."
    )


class CaseFacts(Model):
    """What the world says. In a case, what is given stands in for what the test says."""

    diff: tuple[ChangedPath, ...] = Field((), description="What changes, beside the request.")
    author: Name | None = Field(None, description="Who made the commit; one of people.")
    agents: tuple[Name, ...] = Field(
        (), description="Agents that took part; the author answers for them."
    )
    signed: bool = Field(True, description="Whether the author's signature proves the commit.")
    draft: bool = Field(False, description="Whether the pull request is a draft.")
    approvals: tuple[CaseApproval, ...] = Field((), description="Statements, oldest first.")
    history: Annotated[CaseHistory | None, SPEAKING_NULL] = Field(
        None, description="What history says; nothing is known of it if left out, or null."
    )
    external: tuple[CaseResults, ...] = Field((), description="Results of other tools.")


class CaseService(Model):
    """A service of the catalogue."""

    name: EntityName
    tier: Tier | None = Field(None, description="1 is the most important.")
    paths: tuple[Glob, ...] = Field((), description="What belongs to it.")
    lifecycle: Line | None = Field(None, description="For example production.")
    data_class: Name | None = Field(None, description="For example personal.")
    depends_on: tuple[EntityName, ...] = Field((), description="Services that it needs.")
    annotations: dict[Name, Line] = Field(
        default_factory=dict, description="More annotations below itil-gate.dev/, such as rto."
    )


class Expectation(Model):
    """What the decision must be; what is left out may be anything."""

    outcome: Outcome = Field(description="allow, deny, pending, overridden or undecided.")
    lane: Lane | None = Field(None, description="The lane that the change takes.")
    level: Level | None = Field(None, description="The assessed risk.")
    score: Score | None = Field(None, description="The score that the risk model's bands read.")
    rules: dict[RuleId, RuleOutcome] = Field(
        default_factory=dict, description="How rules come out, by id."
    )
    missing: tuple[Name, ...] | None = Field(
        None, description="The role of each approval still needed, one entry an approval."
    )


class PolicyCase(Model):
    """One change and what must be decided about it."""

    name: Line = Field(description="A sentence that says what must be so.")
    patch: Plain = Field(
        default_factory=dict,
        description="JSON merge patch (RFC 7396) of the request; null takes the request away.",
    )
    facts: CaseFacts = Field(
        default_factory=CaseFacts, description="Facts that differ from those of the test."
    )
    expect: Expectation = Field(description="What must be decided.")


class PolicyTestMetadata(Model):
    """What the test is called."""

    name: Name = Field(description="Unique among policy tests.")
    title: Line | None = Field(None, description="What people call it.")


class PolicyTestSpec(Model):
    """A world, a change in it, and cases that differ from that."""

    now: Moment = Field(description="The time of the decision.")
    base: Plain = Field(
        default_factory=dict,
        description="The change request as plain data. What it leaves out of the mandatory keys is "
        "filled in: a normal change by the author to the services that own the changed paths, in "
        "production, with the scope **. Null means no request.",
    )
    facts: CaseFacts = Field(default_factory=CaseFacts, description="What the world says.")
    people: dict[Name, tuple[Name, ...]] = Field(
        min_length=1, description="The roster: each person's roles. Everybody is a peer too."
    )
    services: tuple[CaseService, ...] = Field((), description="The catalogue.")
    environments: tuple[EnvironmentPaths, ...] | None = Field(
        None, description="Which paths take effect where; as in the configuration if absent."
    )
    cases: tuple[PolicyCase, ...] = Field(min_length=1, description="Each is decided by itself.")


class PolicyTest(Model):
    """Cases beside the policies: run by `itil-gate policy test`."""

    api_version: ApiVersion
    kind: Literal["PolicyTest"]
    metadata: PolicyTestMetadata
    spec: PolicyTestSpec
