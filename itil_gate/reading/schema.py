"""JSON Schemas (2020-12) of the files people and programs write, made from the nouns.

They serve editors and other tools. The nouns themselves check more: globs, zones, and what two
values say together; a text that a schema accepts may still be refused.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from itil_gate.model.calendar import Calendar
from itil_gate.model.change import ChangeRequest
from itil_gate.model.change_model import ChangeModel
from itil_gate.model.config import Config
from itil_gate.model.decision import Decision, StoredDecision
from itil_gate.model.exported import ExportedInput
from itil_gate.model.external import ExternalCheck
from itil_gate.model.notification import Notification
from itil_gate.model.people import People
from itil_gate.model.policy import ApprovalPolicy
from itil_gate.model.policy_test import PolicyTest
from itil_gate.model.profile import Profile
from itil_gate.model.review import ChangeReview
from itil_gate.model.risk import RiskModel
from itil_gate.model.ruleset import RuleSet, Waiver
from itil_gate.model.statement import (
    ApprovalStatement,
    CorrectionStatement,
    OverrideStatement,
    RetroApprovalStatement,
    VouchStatement,
)
from itil_gate.reading.empty_keys import refuses_null
from itil_gate.reading.patterns import PATTERNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.model.base import Model

PROGRAMS_WRITE = frozenset(
    {
        Decision,
        StoredDecision,
        ExportedInput,
        Notification,
        ApprovalStatement,
        VouchStatement,
        OverrideStatement,
        RetroApprovalStatement,
        CorrectionStatement,
    }
)
"""Nouns of which a file may hold keys without a value; people leave such keys out."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"
BASE = "https://itil-gate.dev/schemas/v1/"
NOUNS: dict[str, tuple[type[Model], str]] = {
    "change-request.json": (ChangeRequest, "Change request"),
    "config.json": (Config, "Configuration"),
    "people.json": (People, "People"),
    "calendar.json": (Calendar, "Calendar"),
    "approval-policy.json": (ApprovalPolicy, "Approval policy"),
    "risk-model.json": (RiskModel, "Risk model"),
    "external-check.json": (ExternalCheck, "External check"),
    "rule-set.json": (RuleSet, "Rule set"),
    "waiver.json": (Waiver, "Waiver"),
    "change-model.json": (ChangeModel, "Change model"),
    "profile.json": (Profile, "Profile"),
    "policy-test.json": (PolicyTest, "Policy test"),
    "decision.json": (Decision, "Decision"),
    "stored-decision.json": (StoredDecision, "Stored decision"),
    "input.json": (ExportedInput, "Exported input"),
    "notification.json": (Notification, "Notification"),
    "approval-statement.json": (ApprovalStatement, "Approval statement"),
    "change-review.json": (ChangeReview, "Change review"),
    "vouch-statement.json": (VouchStatement, "Vouch statement"),
    "override-statement.json": (OverrideStatement, "Override statement"),
    "retro-approval-statement.json": (RetroApprovalStatement, "Retro-approval statement"),
    "correction-statement.json": (CorrectionStatement, "Correction statement"),
}
"""By file name, the noun and the title of its schema."""
_COMMON = {
    "apiVersion": "Version of the format.",
    "kind": "What this document is.",
    "metadata": "Who answers for the document.",
    "spec": "What the document says.",
}


def schemas() -> dict[str, str]:
    """Return every schema as JSON text, by the name of its file in `schemas/`."""
    return {name: schema(name) for name in NOUNS}


def schema(name: str) -> str:
    """Return one schema as JSON text, by the name of its file."""
    model, title = NOUNS[name]
    made = model.model_json_schema(by_alias=True)
    for owner, part in (("", made), *made.get("$defs", {}).items()):
        _tidy(part)
        if owner == "ChangeSpec":
            _open_to_extensions(part)
    if model not in PROGRAMS_WRITE:
        for inner in _models(model):
            _without_null(inner, made if inner is model else made["$defs"][inner.__name__])
    if "JsonValue" in made.get("$defs", {}):
        anything = made["$defs"].pop("JsonValue")
        if '"#/$defs/JsonValue"' in json.dumps(made):  # not only in `extensions`
            made["$defs"]["JsonValue"] = anything
    made.pop("title")
    whole = {"$schema": DIALECT, "$id": BASE + name, "title": title, **made}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _models(annotation: Any) -> set[type[BaseModel]]:
    """Return the noun of an annotation and every noun inside of it."""
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return {one for inner in get_args(annotation) for one in _models(inner)}
    fields = annotation.model_fields.values()
    return {annotation, *(one for field in fields for one in _models(field.annotation))}


def _without_null(model: type[BaseModel], part: dict[str, Any]) -> None:
    """Take null away from what may be left out but not be empty, as the reader does."""
    for name, field in model.model_fields.items():
        written = part["properties"].get(field.alias or name, {})
        if not refuses_null(field) or {"type": "null"} not in written.get("anyOf", ()):
            continue
        ways = [way for way in written.pop("anyOf") if way != {"type": "null"}]
        del written["default"]
        written.update(ways[0] if len(ways) == 1 else {"anyOf": ways})


def _open_to_extensions(spec: dict[str, Any]) -> None:
    """Allow the `x-…` fields where people write them; `extensions` only gathers them."""
    gathered = spec["properties"].pop("extensions")
    spec["patternProperties"] = {"^x-.": {"description": gathered["description"]}}


def _tidy(part: dict[str, Any]) -> None:
    """Leave away titles made from names, and describe what has no words of its own."""
    for name, field in part.get("properties", {}).items():
        field.pop("title", None)
        if "description" in field or "$ref" in field:
            continue
        wanted = next((PATTERNS[text] for text in _patterns(field) if text in PATTERNS), None)
        if name in _COMMON:
            field["description"] = _COMMON[name]
        elif wanted:
            several = "Each is " if field.get("type") == "array" else ""
            field["description"] = f"{several}{wanted}." if several else f"{_upper(wanted)}."


def _patterns(field: dict[str, Any]) -> Iterator[str]:
    if "pattern" in field:
        yield field["pattern"]
    for inner in (field.get("items"), *field.get("anyOf", ())):
        if isinstance(inner, dict):
            yield from _patterns(inner)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
