"""A profile: a folder of policies that can lie on top of another one and make it stricter."""

from typing import Literal

from pydantic import Field

from itil_gate.model.base import ApiVersion, Enforcement, Line, Model, Name, PolicyMetadata


class ProfileSpec(Model):
    """What the profile lies on, and which rules it makes stricter."""

    title: Line | None = Field(None, description="What the profile is for, in one line.")
    extends: Name | None = Field(
        None, description="The profile below it, by name; the lowest has none."
    )
    enforcement: dict[Name, Enforcement] = Field(
        default_factory=dict,
        description="Rules by id, of this profile or one below, that are enforced more strictly.",
    )


class Profile(Model):
    """A layer of policies: the folder in which this document lies, named like it."""

    api_version: ApiVersion
    kind: Literal["Profile"]
    metadata: PolicyMetadata
    spec: ProfileSpec
