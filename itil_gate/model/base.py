"""What every noun shares: frozen, closed, strict, camelCase on the outside.

Nothing here may depend on a particular noun.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

API_VERSION = "itil-gate/v1"
ApiVersion = Literal["itil-gate/v1"]


class Model(BaseModel):
    """A frozen value that refuses unknown keys and never coerces between types."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        populate_by_name=True,
        defer_build=True,
        protected_namespaces=(),
    )


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a moment needs a time zone: end it in Z or +hh:mm")
    return value.astimezone(UTC)


def _naive(value: datetime) -> datetime:
    if value.tzinfo is not None:
        raise ValueError("a local time has no offset: give the zone in `timezone`")
    return value


Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000, pattern=r"\S")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[^\r\n]*\S[^\r\n]*$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
EntityName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")]
Glob = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^!/\s][^\r\n]*$")]
RefName = Annotated[str, StringConstraints(pattern=r"^refs/[!-~]+$", max_length=300)]
Oid = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Day = Annotated[date, Field(strict=False)]
Moment = Annotated[datetime, Field(strict=False), AfterValidator(_aware)]
LocalTime = Annotated[datetime, Field(strict=False), AfterValidator(_naive)]
Duration = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}[mhd]$")]
"""A length of time: a whole number and m, h or d."""

Level = Literal["low", "medium", "high", "critical"]
LEVELS: tuple[Level, ...] = ("low", "medium", "high", "critical")


class PolicyMetadata(Model):
    """Who answers for a policy document, and when it is looked at again."""

    name: Name = Field(description="Unique among documents of this kind.")
    title: Line | None = Field(None, description="What people call it.")
    owner: Name = Field(description="The person or role in people.yaml who answers for it.")
    review_by: Day = Field(description="The day by which the owner looks at it again.")
