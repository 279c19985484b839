"""External checks: results of other policy tools that a change needs."""

from typing import Literal

from pydantic import Field

from itil_gate.model.base import ApiVersion, Enforcement, Expression, Model, PolicyMetadata, Text


class ExternalSpec(Model):
    """Which results are awaited, in which format, and how strictly they count."""

    format: Literal["conftest", "sarif"]
    when: Expression | None = Field(None, description="Whether it is asked; always if absent.")
    enforcement: Enforcement = "soft"
    reason: Text


class ExternalCheck(Model):
    """A check by another tool. No results at all is a refusal, not a pass."""

    api_version: ApiVersion
    kind: Literal["ExternalCheck"]
    metadata: PolicyMetadata
    spec: ExternalSpec
