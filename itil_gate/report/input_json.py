"""The sealed facts of a check as JSON for other policy tools, valid by `schemas/input.json`.

It copies and leaves out; nothing is judged here, and nothing that is printed is read back.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from itil_gate.decide.gate import ENGINE, read_requests
from itil_gate.model.exported import ExportedChange, ExportedInput

if TYPE_CHECKING:
    from pydantic import JsonValue

    from itil_gate.model.facts import Inputs
    from itil_gate.model.policy import PolicySet


def exported_input(inputs: Inputs, policies: PolicySet) -> ExportedInput:
    """Return what other tools may judge: the facts, and the requests as they were written.

    `policies` are those of the target; services and configuration come from them.
    """
    asked, unread = read_requests(inputs.requests)
    return ExportedInput(
        engine=ENGINE,
        facts=inputs.facts,
        changes=tuple(
            ExportedChange(
                path=one.source.path,
                digest=one.digest,
                document={key: _listed(item) for key, item in one.document.data.items()},
            )
            for one in asked
        ),
        services=policies.services,
        config=policies.config,
        faults=(*inputs.faults, *unread),
    )


def input_json(exported: ExportedInput) -> str:
    """Return the document as indented JSON with sorted keys, ending with a newline.

    Not the canonical form: `x-…` fields of requests may hold decimals.
    """
    plain = exported.model_dump(mode="json", by_alias=True)
    return json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _listed(value: Any) -> JsonValue:
    """Turn the tuples of a parsed document into the lists of JSON."""
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    listed: JsonValue = [_listed(item) for item in value] if isinstance(value, tuple) else value
    return listed
