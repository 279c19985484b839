"""The review of a change after it took place: how it went, against what was predicted.

Files `<reviews>/<year>/<change>.yaml` on the target branch. A review decides nothing; it meets the
obligation that an override, an emergency or a failure brought about.
"""

from typing import Literal

from pydantic import Field

from itil_gate.model.base import ApiVersion, Day, Level, Line, Model, Moment, Name, Text


class ReviewMetadata(Model):
    """Which change was reviewed, by whom, when."""

    change: Line = Field(description="Id of the change, or the commit where no request covers it.")
    reviewer: Name = Field(description="Person id from people.yaml.")
    reviewed_at: Moment


class Reckoning(Model):
    """What a change was thought to be, or turned out to be."""

    risk: Level | None = None
    minutes: int | None = Field(None, ge=0, description="How long it took.")
    impact: Text | None = Field(None, description="What users or other services noticed.")


class FollowUp(Model):
    """Something that somebody does because of the review."""

    what: Line
    owner: Name
    due: Day


class ReviewSpec(Model):
    """How it went, and what follows."""

    outcome: Literal["success", "failed", "backed-out"]
    summary: Text
    predicted: Reckoning = Field(default_factory=Reckoning)
    actual: Reckoning = Field(default_factory=Reckoning)
    incidents: tuple[Line, ...] = ()
    lessons: tuple[Text, ...] = Field(min_length=1)
    actions: tuple[FollowUp, ...] = ()


class ChangeReview(Model):
    """A review of one change after the fact."""

    api_version: ApiVersion
    kind: Literal["ChangeReview"]
    metadata: ReviewMetadata
    spec: ReviewSpec
