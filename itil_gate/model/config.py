"""The configuration of a repository: what is governed, and where the judge's data are."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from itil_gate.model.base import (
    ApiVersion,
    Day,
    Glob,
    Line,
    Model,
    Name,
    RefName,
    Text,
    inside,
    refusal,
)

CONFIG_PATH = "itil-gate.yaml"
ALWAYS_GOVERNED: tuple[str, ...] = (
    ".github/**",
    "**/action.yml",
    "**/action.yaml",
    "**/.gitattributes",
    "**/.gitmodules",
    ".gitlab-ci.yml",
)
"""Paths that no exemption covers, beside the judge's data themselves."""

RepoPath = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$", max_length=300),
    AfterValidator(inside),
]


class Exemption(Model):
    """Paths that need no change request, with the reason and a day to look again."""

    paths: tuple[Glob, ...] = Field(min_length=1)
    reason: Text
    review_by: Day


class EnvironmentPaths(Model):
    """Paths whose change takes effect in an environment."""

    name: Name
    paths: tuple[Glob, ...] = Field(min_length=1)


class Locations(Model):
    """Where things are, from the root of the repository."""

    changes: RepoPath = "changes"
    people: RepoPath = "people.yaml"
    services: RepoPath = "services"
    catalog: RepoPath = "catalog-info.yaml"
    calendar: RepoPath = "calendar"
    policies: RepoPath = "policies"


class Config(Model):
    """`itil-gate.yaml` at the root of the target branch."""

    api_version: ApiVersion
    kind: Literal["Config"]
    repository: Line = Field(
        description="Identifier approvals bind to, for example example.com/acme/payments."
    )
    targets: tuple[RefName, ...] = Field(
        ("refs/heads/main",), min_length=1, description="Branches the gate guards."
    )
    governed: tuple[Glob, ...] = Field(
        (), description="Paths that need a change request; empty means everything."
    )
    exempt: tuple[Exemption, ...] = ()
    environments: tuple[EnvironmentPaths, ...] = ()
    locations: Locations = Field(default_factory=Locations)
    extensions: RepoPath | None = Field(
        None, description="JSON Schema file that the `x-…` fields of requests must satisfy."
    )
    mode: Literal["enforce", "audit"] = "enforce"
    audit_until: Day | None = Field(
        None, description="Last day of audit mode, at most 90 days after adoption."
    )

    @model_validator(mode="after")
    def _audit_has_an_end(self) -> Self:
        if self.mode == "audit" and self.audit_until is None:
            raise refusal(
                "missing-key",
                "is audit, and auditUntil is missing",
                remedy="add auditUntil, a day at most 90 days after adoption",
                at="mode",
            )
        return self
