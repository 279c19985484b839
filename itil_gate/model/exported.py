"""What other policy tools are given to judge: the sealed facts of a check as one JSON document.

A copy for reading: the gate decides on its own inputs and never reads this document back. People's
keys and e-mails are not in it beyond what commits and statements say themselves.
"""

from typing import Annotated, Literal

from pydantic import Field, GetJsonSchemaHandler, JsonValue
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from itil_gate.model.base import Line, Sha256
from itil_gate.model.change import ChangeRequest
from itil_gate.model.config import Config
from itil_gate.model.facts import Facts
from itil_gate.model.finding import Finding
from itil_gate.model.made import Made
from itil_gate.model.services import Service

INPUT_VERSION: Literal["itil-gate/input/v1"] = "itil-gate/input/v1"


class _AsWritten:
    """Describes a request that is kept as its author wrote it by the schema of requests."""

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        ChangeRequest.model_rebuild()
        return handler(ChangeRequest.__pydantic_core_schema__)


RequestDocument = Annotated[dict[str, JsonValue], _AsWritten()]


class ExportedChange(Made):
    """One change request that the diff adds or amends, as its author wrote it."""

    path: Line
    digest: Sha256 = Field(description="SHA-256 of the request file's bytes.")
    document: RequestDocument = Field(
        description="The request, valid by its schema. What its author left out is not here: no "
        "default is filled in, and `x-…` fields stand in spec as in the file."
    )


class ExportedInput(Made):
    """The facts, requests, services and configuration that a check stands on."""

    api_version: Literal["itil-gate/input/v1"] = INPUT_VERSION
    engine: str = Field(description="Name and version of the engine, itil-gate/0.1.0.")
    facts: Facts = Field(description="Target, head, diff, commits, statements, and the time.")
    changes: tuple[ExportedChange, ...] = Field(
        (), description="The requests of the diff that could be read."
    )
    services: tuple[Service, ...] = Field(description="The catalogue at the tip of the target.")
    config: Config = Field(description="itil-gate.yaml at the tip of the target.")
    faults: tuple[Finding, ...] = Field(
        (), description="Why requests or proposed policies of the diff could not be read."
    )
