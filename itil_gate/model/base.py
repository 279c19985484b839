"""What every noun shares: frozen, closed, strict, camelCase on the outside.

Nothing here may depend on a particular noun.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from itil_gate.model.paths import glob_fault, path_fault
from itil_gate.model.zones import nearest_zones, zone_names

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


SPEAKING_NULL = "null is no empty key here"
"""Marks a field, in its annotation, where null says something that leaving it out does not."""


def refusal(rule: str, message: str, *, remedy: str, at: str = "") -> PydanticCustomError:
    """Return the error a validator raises to name a rule, what is so and what would satisfy it.

    `at` is the key, inside the value that is validated, to which the finding points.
    """
    return PydanticCustomError(
        rule,
        "{message}",
        {"message": message, "remedy": remedy, "at": at},
    )


_DAY = r"(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}"
_LOCAL = _DAY + r"T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_MOMENT = _LOCAL + r"(Z|[+-][0-9]{2}:[0-9]{2})"


def _written(pattern: str, remedy: str) -> BeforeValidator:
    """Accept one way of writing a date or time; pydantic by itself also takes Unix seconds."""
    fullmatch = re.compile(pattern, re.ASCII).fullmatch

    def check(value: Any) -> Any:
        if isinstance(value, date):
            return value
        if not isinstance(value, str):
            raise refusal("wrong-type", "is not a text", remedy=remedy)
        if fullmatch(value) is None:
            raise refusal("wrong-value", f'is "{value[:60]}"', remedy=remedy)
        return value

    return BeforeValidator(check)


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise refusal(
            "wrong-value",
            "has no offset from UTC",
            remedy="end it in Z or an offset such as +01:00",
        )
    return value.astimezone(UTC)


def _naive(value: datetime) -> datetime:
    if value.tzinfo is not None:
        raise refusal(
            "wrong-value",
            "has an offset, and local times have none",
            remedy="leave the offset away and name the zone in timezone",
        )
    return value


def inside(value: str) -> str:
    """Return a path as it is if it stays inside the repository, for use as a validator."""
    if fault := path_fault(value):
        raise refusal(
            "wrong-value", f'is "{value[:60]}", which {fault.message}', remedy=fault.remedy
        )
    return value


def _glob(value: str) -> str:
    if fault := glob_fault(value):
        raise refusal(
            "wrong-glob", f'is "{value[:60]}", which {fault.message}', remedy=fault.remedy
        )
    return value


def _known_zone(value: str) -> str:
    if value not in zone_names():
        near = nearest_zones(value)
        meant = f"did you mean {' or '.join(near)}?" if near else ""
        raise refusal(
            "unknown-timezone",
            f'is "{value[:60]}", which is not a time zone of the IANA database',
            remedy=meant or "write a name such as Europe/Berlin, America/New_York or UTC",
        )
    return value


Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000, pattern=r"\S")]
Line = Annotated[
    str, StringConstraints(min_length=1, max_length=300, pattern=r"^[^\r\n]*\S[^\r\n]*$")
]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
EntityName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")
]
Glob = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, pattern=r"^[^!/\s][^\r\n]*$"),
    AfterValidator(_glob),
]
RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][A-Za-z0-9._:/-]{0,199}$")]
"""The id of a rule: built in, of a rule set, or of another tool as external:<check>:<id>."""
RefName = Annotated[str, StringConstraints(pattern=r"^refs/[!-~]+$", max_length=300)]
Oid = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Timezone = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9+_/-]{0,63}$"),
    AfterValidator(_known_zone),
]
"""A name of the IANA time zone database."""
Day = Annotated[
    date,
    Field(strict=False),
    _written(_DAY, "write a day as YYYY-MM-DD, for example 2026-11-25"),
    WithJsonSchema({"type": "string", "format": "date", "pattern": f"^{_DAY}$"}),
]
Moment = Annotated[
    datetime,
    Field(strict=False),
    _written(_MOMENT, "write a moment with its offset, for example 2026-11-25T21:00:00Z"),
    AfterValidator(_aware),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": f"^{_MOMENT}$"}),
]
LocalTime = Annotated[
    datetime,
    Field(strict=False),
    _written(
        f"{_LOCAL}|{_MOMENT}",
        "write a local time as YYYY-MM-DDThh:mm, for example 2026-11-25T22:00",
    ),
    AfterValidator(_naive),
    WithJsonSchema({"type": "string", "pattern": f"^{_LOCAL}$"}),
]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"\S")]
"""A condition or value in CEL; it is compiled when the policies load."""
Duration = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}[mhd]$")]
"""A length of time: a whole number and m, h or d."""

Enforcement = Literal["advisory", "soft", "hard"]
"""advisory is shown; soft blocks and can be waived; hard blocks and never can."""
Level = Literal["low", "medium", "high", "critical"]
LEVELS: tuple[Level, ...] = ("low", "medium", "high", "critical")


class PolicyMetadata(Model):
    """Who answers for a policy document, and when it is looked at again."""

    name: Name = Field(description="Unique among documents of this kind.")
    title: Line | None = Field(None, description="What people call it.")
    owner: Name = Field(description="The person or role in people.yaml who answers for it.")
    review_by: Day = Field(description="The day by which the owner looks at it again.")
    replaces: Name | None = Field(
        None,
        description="The profile below whose document of this kind and name is no longer in force "
        "for this one. Needed wherever one is.",
    )
