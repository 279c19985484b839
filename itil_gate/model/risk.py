"""The risk model: impact and likelihood, extra factors, floors, bands. Data, not code.

Without bands the level is the highest floor that applies, or the default. With bands a score from
0 to 100 is made first, and floors are applied after it.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from itil_gate.model.base import (
    LEVELS,
    ApiVersion,
    Day,
    Expression,
    Glob,
    Level,
    Model,
    Name,
    PolicyMetadata,
    Text,
    refusal,
)

UNREVIEWABLE = "unreviewable"
"""The id of the built-in factor in reports, which no floor and no other factor may have."""
Score = Annotated[int, Field(ge=0, le=100)]
Impact = Annotated[int, Field(ge=1, le=5)]
LIKELIHOODS: tuple[Literal["rare", "unlikely", "possible", "likely"], ...] = (
    "rare",
    "unlikely",
    "possible",
    "likely",
)
ScoreRow = Annotated[tuple[Score, ...], Field(min_length=4, max_length=4)]


class Floor(Model):
    """What makes a change at least of a certain risk: paths, a condition, or both."""

    id: Name
    paths: tuple[Glob, ...] = Field((), description="Any changed path that matches.")
    when: Expression | None = None
    level: Level
    reason: Text

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if not self.paths and self.when is None:
            raise refusal(
                "missing-key",
                "has neither paths nor when",
                remedy="say when the floor applies: paths, when, or both",
            )
        return self


class TierImpact(Model):
    """Impact of a service by its tier."""

    tier: Annotated[int, Field(ge=1, le=5)]
    impact: Impact


class DataImpact(Model):
    """Impact of a service by the class of its data."""

    data_class: Name
    impact: Impact


class BlastImpact(Model):
    """Impact by how many services are reached, dependents included."""

    at_least: Annotated[int, Field(ge=1)]
    impact: Impact


class ImpactModel(Model):
    """Impact from 1 (hardly noticed) to 5 (the business stands): the highest that applies."""

    tiers: tuple[TierImpact, ...] = ()
    unknown_tier: Impact = Field(4, description="For a service without a stated tier.")
    data: tuple[DataImpact, ...] = ()
    blast_radius: tuple[BlastImpact, ...] = ()
    irreversible: Impact | None = Field(None, description="If the request says it is.")


class Factor(Model):
    """Points on top of the matrix when a condition holds; never below zero."""

    id: Name
    when: Expression
    points: Score
    reason: Text


class Band(Model):
    """A risk level up to and including a score."""

    level: Level
    up_to: Score


class Unreviewable(Model):
    """What nobody can review: content that is no text, or more text than is read with care.

    Adds points to a score, holds the level up as a floor does, or both.
    """

    lines: Annotated[int, Field(ge=1)] = Field(
        400,
        description="More changed lines than this are too many. The default is the upper end of "
        "the 200 to 400 lines beyond which reviewers at Cisco found few defects (Cohen, Best Kept "
        "Secrets of Peer Code Review, 2006).",
    )
    line_length: Annotated[int, Field(ge=200)] = Field(
        2000,
        description="A new line of more bytes is nothing that a person reads: minified or encoded.",
    )
    exempt: tuple[Glob, ...] = Field(
        (),
        description="Plain files that nobody has to read, such as images; programs and links "
        "never are.",
    )
    points: Score | None = Field(None, description="On top of the score; only with bands.")
    level: Level | None = Field(None, description="The least level of such a change.")
    reason: Text

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if self.points is None and self.level is None:
            raise refusal(
                "missing-key",
                "has neither points nor level, so it would count for nothing",
                remedy="say what it costs: points where the model has bands, or a level",
            )
        return self


class Appetite(Model):
    """How much risk the organisation takes, who answers for that, and who may take more."""

    maximum: Level = Field(description="A change above it is denied, or needs the exception.")
    sponsor: Name = Field(description="The person or role of people.yaml who owns the appetite.")
    review_by: Day = Field(description="The day by which the sponsor looks at it again.")
    exception: Name | None = Field(
        None,
        description="Role whose approval lets a change above it through, the risk owner, if it was "
        "signed in view of this appetite; nobody's does if left out.",
    )


class RiskSpec(Model):
    """How the level is found."""

    default: Level = "low"
    floors: tuple[Floor, ...] = ()
    impact: ImpactModel | None = None
    card: Literal["change-failure"] | None = Field(
        None, description="Shipped table of likelihood points."
    )
    matrix: Annotated[tuple[ScoreRow, ...], Field(min_length=5, max_length=5)] | None = Field(
        None,
        description="Scores: a row for each impact from 1 to 5; columns rare, unlikely, possible, "
        "likely.",
    )
    factors: tuple[Factor, ...] = ()
    unreviewable: Unreviewable | None = Field(
        None, description="What a change costs that nobody can review whole."
    )
    bands: tuple[Band, ...] = Field((), description="Lowest first; the last ends at 100.")
    appetite: Appetite | None = None

    @model_validator(mode="after")
    def _unreviewable_counts(self) -> Self:
        if self.unreviewable is None:
            return self
        if self.unreviewable.points is not None and not self.bands:
            raise refusal(
                "missing-key",
                "gives points without bands, so they would count for nothing",
                remedy="give a level instead, or add bands, which say what level a score is",
                at="unreviewable",
            )
        if UNREVIEWABLE in {*(one.id for one in self.floors), *(one.id for one in self.factors)}:
            raise refusal(
                "duplicate-name",
                f"stands beside a floor or factor with the id {UNREVIEWABLE}",
                remedy="give the floor or factor another id",
                at="unreviewable",
            )
        return self

    @model_validator(mode="after")
    def _bands_partition(self) -> Self:
        if not self.bands:
            return self
        ends = [band.up_to for band in self.bands]
        levels = [LEVELS.index(band.level) for band in self.bands]
        if ends != sorted(set(ends)) or levels != sorted(set(levels)) or ends[-1] != 100:  # noqa: PLR2004
            raise refusal(
                "wrong-value",
                "leave holes or overlap",
                remedy="list each level once, lowest first, with rising upTo; the last is 100",
                at="bands",
            )
        if self.matrix is None or self.impact is None:
            raise refusal(
                "missing-key",
                "are given without matrix and impact",
                remedy="add impact and matrix, from which the score is made",
                at="bands",
            )
        return self


class RiskModel(Model):
    """How the risk level of a change is assessed."""

    api_version: ApiVersion
    kind: Literal["RiskModel"]
    metadata: PolicyMetadata
    spec: RiskSpec
