"""Change models: standard, normal, emergency or registration, with limits, fields and checks."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from itil_gate.model.base import (
    ApiVersion,
    Day,
    Expression,
    Glob,
    Level,
    Model,
    Name,
    PolicyMetadata,
    Text,
)
from itil_gate.model.change import ChangeType

FieldPath = Annotated[
    str,
    StringConstraints(
        pattern=r"^((metadata|spec)(\.[A-Za-z][A-Za-z0-9]*)+|spec\.x-[A-Za-z0-9][A-Za-z0-9_-]*)$",
        max_length=200,
    ),
]
"""A field of a request as people write it, the organisation's own `x-…` fields among them."""
Stage = Literal["proposal", "authorisation", "close"]


class FieldDemand(Model):
    """What a model asks of a field of the request, from a stage on."""

    path: FieldPath = Field(description="For example spec.plans.backout.steps.")
    is_: Literal["mandatory", "hidden"] = Field(alias="is")
    stage: Stage = "authorisation"
    reason: Text | None = None


class Limits(Model):
    """How large a change of this model may be; the limits apply to the whole diff."""

    files: Annotated[int, Field(ge=1, le=100_000)] | None = None
    services: Annotated[int, Field(ge=1, le=1000)] | None = None
    deletions: Annotated[int, Field(ge=0, le=100_000)] | None = Field(
        None, description="How many files may be deleted."
    )
    environments: tuple[Name, ...] = Field(
        (),
        description="Empty means any. A recognised change takes effect in these where the "
        "configuration names none for its paths.",
    )
    risk: Level | None = Field(None, description="The highest risk level allowed.")


class ModelCheck(Model):
    """A condition that every change of the model must satisfy."""

    id: Name
    expect: Expression
    message: Text


class ModelSpec(Model):
    """What a change of this model is."""

    type: ChangeType
    description: Text
    paths: tuple[Glob, ...] = Field(
        (),
        description="The whole diff must lie here, request files apart; empty: anywhere. Standard "
        "and registration models name at least one.",
    )
    limits: Limits = Field(default_factory=Limits)
    fields: tuple[FieldDemand, ...] = ()
    checks: tuple[ModelCheck, ...] = ()
    recognise: bool = Field(
        False, description="Whether a matching pull request passes without a request file."
    )
    expires: Day | None = Field(None, description="Last day of use, UTC; standard models name one.")
    recertify_by: Day | None = Field(
        None,
        description="Last day, UTC, by which its owner certifies it again; after it a standard "
        "model is as good as expired.",
    )


class ChangeModel(Model):
    """A published way of making one sort of change."""

    api_version: ApiVersion
    kind: Literal["ChangeModel"]
    metadata: PolicyMetadata
    spec: ModelSpec
