"""Policies: what the organisation demands. Declarative, typed, read from the target branch."""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from itil_gate.model.base import (
    ApiVersion,
    Duration,
    Expression,
    Level,
    Line,
    Model,
    Name,
    PolicyMetadata,
    Sha256,
    refusal,
)
from itil_gate.model.calendar import Calendar
from itil_gate.model.config import Config
from itil_gate.model.external import ExternalCheck
from itil_gate.model.made import Made
from itil_gate.model.people import People
from itil_gate.model.risk import RiskModel
from itil_gate.model.services import Service

if TYPE_CHECKING:  # classes that few checks need
    from itil_gate.model.change_model import ChangeModel
    from itil_gate.model.ruleset import RuleSet, Waiver

Lane = Literal["exempt", "express", "peer", "team", "board", "emergency", "registration"]
AskedLane = Literal["express", "peer", "team", "board", "emergency", "registration"]
"""The lanes in which somebody can be asked; what is exempt asks nobody."""
NORMAL_LANES: tuple[AskedLane, ...] = ("peer", "team", "board")
CarryOver = Literal["exact", "same-content", "clean-replay"]
CARRY_OVERS: tuple[CarryOver, ...] = ("exact", "same-content", "clean-replay")


class Requirement(Model):
    """How many distinct people of which role must approve, and when that is asked."""

    id: Name
    when: Expression | None = Field(None, description="Whether it is asked; always if absent.")
    levels: tuple[Level, ...] = Field(min_length=1, description="Risk levels it applies to.")
    lanes: tuple[AskedLane, ...] = Field(
        NORMAL_LANES,
        min_length=1,
        description="Lanes it applies to: express, peer, team, board, emergency, registration.",
    )
    role: Name = Field(description="A role of people.yaml, or `peer` for any listed human.")
    of: Literal["anyone", "footprint"] = Field(
        "anyone",
        description="`footprint` asks holders of the role for each affected service; `anyone` "
        "asks holders for all that changes, or for each part of it where too few hold it for all. "
        "Files that belong to no service are answered for by those who hold it for all services.",
    )
    min: Annotated[int, Field(ge=1, le=100)] | None = Field(
        None, description="How many people; 1 if neither min nor percent is given."
    )
    percent: Annotated[int, Field(ge=1, le=100)] | None = Field(
        None, description="Share of all holders of the role, rounded up."
    )
    distinct: bool = Field(
        True, description="Whether a person counted here may not be counted elsewhere."
    )
    fallback: Name | None = Field(
        None, description="Role that may stand in where contributors leave too few people."
    )

    @model_validator(mode="after")
    def _one_quorum(self) -> Self:
        if self.min is not None and self.percent is not None:
            raise refusal(
                "wrong-value",
                "is given beside min",
                remedy="give a number (min) or a share (percent), not both",
                at="percent",
            )
        return self


class Counting(Model):
    """Which approvals count, and for how long."""

    levels: tuple[Level, ...] = Field(min_length=1)
    rank: Literal["signed", "forge-review"] = Field(
        "signed", description="The least rank of evidence that counts."
    )
    max_age: Duration = "30d"
    carry_over: tuple[CarryOver, ...] = CARRY_OVERS


class ApprovalSpec(Model):
    """Requirements and the way approvals are counted."""

    requirements: tuple[Requirement, ...] = Field(min_length=1)
    counting: tuple[Counting, ...] = ()


class ApprovalPolicy(Model):
    """Who must approve. All requirements that match are added up."""

    api_version: ApiVersion
    kind: Literal["ApprovalPolicy"]
    metadata: PolicyMetadata
    spec: ApprovalSpec


class Source(Made):
    """A text as it was read from a git tree; what is decided upon, word for word."""

    path: Line
    blob: str = Field(description="Object id of the blob in git.")
    text: str


class ExtensionSchema(Made):
    """The organisation's own JSON Schema for `x-…` fields, as canonical JSON text."""

    path: Line
    text: str


class CalendarText(Made):
    """An iCalendar file's text, by its path."""

    path: Line
    text: str


class PolicySet(Made):
    """Everything the judge reads from one tree, validated together."""

    digest: Sha256 = Field(description="SHA-256 of the canonical list of sources.")
    config: Config
    people: People
    services: tuple[Service, ...]
    approvals: tuple[ApprovalPolicy, ...]
    risk_models: tuple[RiskModel, ...]
    calendars: tuple[Calendar, ...]
    rule_sets: tuple["RuleSet", ...] = ()
    waivers: tuple["Waiver", ...] = ()
    change_models: tuple["ChangeModel", ...] = ()
    external_checks: tuple[ExternalCheck, ...] = ()
    calendar_texts: tuple[CalendarText, ...] = ()
    extension_schema: ExtensionSchema | None = None
