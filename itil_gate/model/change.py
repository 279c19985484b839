"""A change request: what its requester wants. It is a claim, and is never believed about state."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    JsonValue,
    StringConstraints,
    ValidationInfo,
    model_validator,
)

from itil_gate.model.base import (
    ApiVersion,
    Duration,
    EntityName,
    Glob,
    Level,
    Line,
    LocalTime,
    Model,
    Name,
    Text,
    Timezone,
    inside,
    refusal,
)

ChangeId = Annotated[str, StringConstraints(pattern=r"^CHG-[0-9]{4}-[0-9A-HJKMNP-TV-Z]{8}$")]
"""`CHG-<year>-<8 Crockford base32 characters>`; random, so that branches never collide."""

ChangeType = Literal["standard", "normal", "emergency", "registration"]

Path = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1000, pattern=r"^[^/\x00]"),
    AfterValidator(inside),
]


class ChangeMetadata(Model):
    """Which change this is and who asks for it."""

    id: ChangeId = Field(description="Random identifier; the file is named after it.")
    title: Line = Field(description="One line that tells a stranger what will change.")
    requester: Name = Field(description="Person id from people.yaml.")
    checkpoint: Text | None = Field(
        None, description="The newest audit-log checkpoint known when the request was written."
    )


class Window(Model):
    """When the change is meant to happen: local times in one IANA zone, end exclusive."""

    start: LocalTime = Field(description="Local start, for example 2026-11-25T22:00.")
    end: LocalTime = Field(description="Local end, exclusive.")
    timezone: Timezone = Field(description="IANA zone name, for example Europe/Berlin.")
    soak: Duration = Field("0m", description="Early-life support after the end: 30m, 24h or 2d.")

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end <= self.start:
            raise refusal(
                "wrong-window",
                f"is {self.end:%Y-%m-%dT%H:%M}, not after the start {self.start:%Y-%m-%dT%H:%M}",
                remedy="let the window end after it starts",
                at="end",
            )
        return self


class Impact(Model):
    """What the requester expects the change to touch, in words."""

    users: Text | None = Field(None, description="What users notice.")
    security: Text | None = Field(None, description="What changes for security.")
    privacy: Text | None = Field(None, description="What changes for personal data.")
    continuity: Text | None = Field(None, description="What changes for recovery and continuity.")
    downtime: Duration | None = Field(None, description="Expected downtime, for example 0m.")
    reversible: bool | None = Field(None, description="Whether the change can be backed out.")


class Backout(Model):
    """How the change is undone."""

    steps: Text = Field(description="What is done, step by step, to go back.")
    tested: bool = Field(False, description="Whether the steps have been tried.")
    max_minutes: Annotated[int, Field(ge=0, le=100_000)] | None = Field(
        None, description="How long going back takes at most, in minutes."
    )
    owner: Name | None = Field(None, description="Person id of whoever decides on going back.")
    abort: Text | None = Field(None, description="The signs on which the change is called off.")


class Plans(Model):
    """How the change is made, tested, undone and announced."""

    implementation: Text | None = Field(None, description="How the change is made.")
    test: Text | None = Field(None, description="How it was and will be tested.")
    backout: Backout | None = None
    communication: Text | None = Field(None, description="Who is told what, and when.")


class Readiness(Model):
    """What operations need to run the changed service."""

    runbook: Text | None = Field(None, description="Where the runbook is.")
    alerts: Text | None = Field(None, description="Which alerts watch the change.")
    oncall: Text | None = Field(None, description="Who is on call, and where to find them.")


class EvidenceLink(Model):
    """A report that goes with the change."""

    kind: Literal["junit", "sarif", "coverage", "sbom", "terraform-plan", "in-toto"] = Field(
        description="Format of the report."
    )
    path: Path = Field(description="Path from the root of the repository.")


class Link(Model):
    """An incident, problem or other record this change belongs to."""

    type: Literal["incident", "problem", "change", "release", "risk", "other"] = Field(
        description="Sort of the record."
    )
    id: Line = Field(description="How the record is called where it is kept.")


class RelatedChange(Model):
    """The same change in another repository."""

    repository: Line = Field(description="Identifier of the other repository.")
    change: ChangeId = Field(description="Id of the request there.")


class ChangeSpec(Model):
    """What is to change, when, and how."""

    type: ChangeType = Field(description="standard, normal, emergency or registration.")
    model: Name | None = Field(None, description="Change model; required for standard changes.")
    services: tuple[EntityName, ...] = Field(
        min_length=1, description="Backstage entity names of the services that change."
    )
    environments: tuple[Name, ...] = Field(min_length=1, description="Where it takes effect.")
    implementer: Name | None = Field(
        None, description="Person or pipeline who carries it out; excluded from approving."
    )
    scope: tuple[Glob, ...] = Field(
        min_length=1,
        description="Globs of the paths this request covers: `*` within a segment, "
        "`**` across segments, no negation.",
    )
    window: Window | None = None
    risk: Level | None = Field(None, description="May raise the assessed risk, never lower it.")
    reason: Text = Field(description="Why the change is needed.")
    expected_outcome: Text | None = Field(None, description="What will be so afterwards.")
    acceptance: Text | None = Field(None, description="How one sees that it has succeeded.")
    significant: bool = Field(
        False, description="Whether the organisation counts it as a significant change."
    )
    impact: Impact | None = None
    plans: Plans | None = None
    readiness: Readiness | None = None
    evidence: tuple[EvidenceLink, ...] = Field((), description="Reports that go with the change.")
    links: tuple[Link, ...] = Field((), description="Incidents and other records it belongs to.")
    related: tuple[RelatedChange, ...] = Field(
        (), description="The same change in other repositories."
    )
    extensions: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="The organisation's own `x-…` fields, checked against its own JSON Schema.",
    )

    @model_validator(mode="before")
    @classmethod
    def _gather_extensions(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, dict):
            return value
        if info.mode == "json":  # what a validator has seen is no longer JSON: lists must be tuples
            value = {
                key: item if key == "extensions" else _tupled(item) for key, item in value.items()
            }
        marked = [key for key in value if isinstance(key, str) and key[:2] == "x-"]
        own = {key: _listed(value[key]) for key in marked if _is_extension(key)}
        if not own:
            return value
        known = {key: item for key, item in value.items() if key not in own}
        if "extensions" in known:
            raise refusal(
                "unknown-key",
                "is written beside x-… fields",
                remedy="write every x-… field directly in spec",
                at="extensions",
            )
        known["extensions"] = own
        return known

    @model_validator(mode="after")
    def _extensions_are_marked(self) -> Self:
        for key in self.extensions:
            if not _is_extension(key):
                raise refusal(
                    "unknown-key",
                    f'holds "{key[:60]}", which does not begin with x-',
                    remedy=f"write it as x-{key[:60]} directly in spec",
                    at="extensions",
                )
        return self


def _is_extension(key: object) -> bool:
    return isinstance(key, str) and key.startswith("x-") and len(key) > len("x-")


def _tupled(value: Any) -> Any:
    """Turn the lists of JSON into the tuples that a document has."""
    if isinstance(value, dict):
        return {key: _tupled(item) for key, item in value.items()}
    return tuple(map(_tupled, value)) if isinstance(value, list) else value


def _listed(value: Any) -> Any:
    """Turn the tuples of a document into the lists that JSON has."""
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, (tuple, list)) else value


class ChangeRequest(Model):
    """One change request as its requester wrote it."""

    api_version: ApiVersion
    kind: Literal["ChangeRequest"]
    metadata: ChangeMetadata
    spec: ChangeSpec
