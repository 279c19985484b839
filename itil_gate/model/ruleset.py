"""Rule sets: conditions that a change must satisfy, and how strictly; waivers of them."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from itil_gate.model.base import (
    ApiVersion,
    Day,
    Enforcement,
    EntityName,
    Expression,
    Glob,
    Line,
    Model,
    Name,
    PolicyMetadata,
    Text,
)
from itil_gate.model.change import ChangeId
from itil_gate.model.change_model import FieldPath

VariableName = Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9]{0,40}$")]


class PolicyRule(Model):
    """One condition, named for the fault."""

    id: Name
    when: Expression | None = Field(None, description="Whether the rule applies; always if absent.")
    expect: Expression = Field(description="What must hold.")
    message: Text = Field(description="What is so; may hold `${…}`.")
    remedy: Text | None = Field(None, description="What would satisfy the rule.")
    at: FieldPath | None = Field(None, description="Field of the request the finding points at.")
    enforcement: Enforcement = "soft"
    rationale: Text | None = None
    docs: Line | None = None
    controls: tuple[Line, ...] = Field((), description="References such as SOC2:CC8.1.")
    effective_from: Day | None = Field(None, description="Before this day the rule only advises.")
    mode: Literal["enforce", "audit"] = "enforce"
    replaces: Name | None = Field(
        None,
        description="The profile below whose rule of this id is no longer in force for this one. "
        "Needed wherever one is.",
    )


class RuleSetSpec(Model):
    """The rules and the names they share."""

    variables: dict[VariableName, Expression] = Field(default_factory=dict)
    rules: tuple[PolicyRule, ...] = Field(min_length=1)


class RuleSet(Model):
    """Rules about changes."""

    api_version: ApiVersion
    kind: Literal["RuleSet"]
    metadata: PolicyMetadata
    spec: RuleSetSpec


class WaiverSelector(Model):
    """Which changes a waiver is for; all that are given must match."""

    change: ChangeId | None = None
    services: tuple[EntityName, ...] = ()
    paths: tuple[Glob, ...] = Field(
        (), description="The whole diff must lie here, request files apart."
    )


class WaiverSpec(Model):
    """What is waived, for whom, why, and until when."""

    rule: Name = Field(description="Id of a soft rule.")
    selector: WaiverSelector
    reason: Text
    approved_by: Name = Field(description="Person of people.yaml who answers for it.")
    role: Name = Field(description="The role in which they approved it; they must still hold it.")
    expires: Day = Field(description="Last day, UTC.")
    max_uses: Annotated[int, Field(ge=1, le=1000)] = 1


class Waiver(Model):
    """A time-limited exception from one soft rule."""

    api_version: ApiVersion
    kind: Literal["Waiver"]
    metadata: PolicyMetadata
    spec: WaiverSpec
