"""Services: Backstage entities as they are. Keys we do not read are kept by their owners.

`spec.owner` is for display and never grants approval; owners for approval are a role.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from itil_gate.model.base import EntityName, Model
from itil_gate.model.made import Made

ANNOTATIONS = "itil-gate.dev/"
ANNOTATION_TIER = "itil-gate.dev/tier"
ANNOTATION_PATHS = "itil-gate.dev/paths"
ANNOTATION_DATA_CLASS = "itil-gate.dev/data-class"
ANNOTATION_RTO = "itil-gate.dev/rto"
ANNOTATION_RPO = "itil-gate.dev/rpo"
ANNOTATION_SLO = "itil-gate.dev/slo"

EntityKind = Literal[
    "Component", "API", "Resource", "System", "Domain", "Group", "User", "Location", "Template"
]
SERVICE_KINDS: frozenset[str] = frozenset({"Component", "API", "Resource", "System"})
Tier = Annotated[int, Field(ge=1, le=5)]


class _Open(Model):
    model_config = ConfigDict(extra="ignore")


class EntityMetadata(_Open):
    """The part of an entity's metadata that the gate reads."""

    name: EntityName
    title: str | None = None
    namespace: str = "default"
    annotations: dict[str, str] = Field(default_factory=dict)


class EntitySpec(_Open):
    """The part of an entity's spec that the gate reads."""

    type: str | None = None
    lifecycle: str | None = None
    owner: str | None = Field(None, description="Display only; grants nothing.")
    system: str | None = None
    depends_on: tuple[str, ...] = ()


class Entity(_Open):
    """A Backstage catalogue entity."""

    api_version: Annotated[str, StringConstraints(pattern=r"^backstage\.io/v1(alpha1|beta1)?$")]
    kind: EntityKind
    metadata: EntityMetadata
    spec: EntitySpec = Field(default_factory=EntitySpec)


class Service(Made):
    """A service as the gate sees it, derived from an entity."""

    name: EntityName
    title: str
    tier: Tier | None = None
    lifecycle: str | None = None
    data_class: str | None = None
    paths: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = Field((), description="Names of services, references resolved.")
    annotations: tuple[tuple[str, str], ...] = Field(
        (), description="Its itil-gate.dev annotations by their last part, sorted: rto, slo, …"
    )
