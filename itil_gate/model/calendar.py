"""Calendars: freezes forbid, maintenance windows allow. Inline or as iCalendar files."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from itil_gate.model.base import (
    ApiVersion,
    EntityName,
    Line,
    LocalTime,
    Model,
    Moment,
    Name,
    PolicyMetadata,
    Text,
    Timezone,
    refusal,
)
from itil_gate.model.made import Made
from itil_gate.model.services import Tier

RRule = Annotated[str, StringConstraints(pattern=r"^FREQ=[A-Z0-9=;,:+-]+$", max_length=500)]


class CalendarScope(Model):
    """What a period applies to; an empty list means everything of that sort."""

    services: tuple[EntityName, ...] = ()
    tiers: tuple[Tier, ...] = ()
    environments: tuple[Name, ...] = ()


class Period(Model):
    """A span of local time, once or repeated; end exclusive."""

    id: Name
    reason: Text
    start: LocalTime
    end: LocalTime
    timezone: Timezone
    rrule: RRule | None = Field(None, description="RFC 5545 recurrence rule without RRULE:.")
    scope: CalendarScope = Field(default_factory=CalendarScope)

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end <= self.start:
            raise refusal(
                "wrong-window",
                f"is {self.end:%Y-%m-%dT%H:%M}, not after the start {self.start:%Y-%m-%dT%H:%M}",
                remedy="let the period end after it starts",
                at="end",
            )
        return self


class CalendarFile(Model):
    """An iCalendar file whose events are freezes or maintenance windows."""

    path: Line = Field(description="Path in the repository, read from the target branch.")
    means: Literal["freeze", "window"]
    scope: CalendarScope = Field(default_factory=CalendarScope)


class CalendarSpec(Model):
    """The periods of one calendar."""

    freezes: tuple[Period, ...] = ()
    windows: tuple[Period, ...] = ()
    files: tuple[CalendarFile, ...] = ()


class Calendar(Model):
    """Freezes and maintenance windows."""

    api_version: ApiVersion
    kind: Literal["Calendar"]
    metadata: PolicyMetadata
    spec: CalendarSpec


class Interval(Made):
    """A half-open span of UTC time."""

    start: Moment
    end: Moment
