"""The nouns of a dossier: what happened to a change, where that stands, and what is not there."""

from typing import Literal

from pydantic import Field

from itil_gate.model.base import Moment
from itil_gate.model.made import Made


class Told(Made):
    """One thing that happened."""

    at: Moment | None
    kind: str
    what: str
    lines: tuple[str, ...] = ()
    entry: int | None = Field(None, description="The log's entry that says so.")
    digest: str = ""
    proof: str = ""


class Dossier(Made):
    """All that is known about one change, in the order of time."""

    api_version: Literal["itil-gate/dossier/v1"] = "itil-gate/dossier/v1"
    change: str
    repository: str
    origin: str = Field(description="Name of the log it was read from.")
    size: int
    root: str
    told: tuple[Told, ...]
    missing: tuple[str, ...] = ()
