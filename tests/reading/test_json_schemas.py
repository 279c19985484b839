from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from support.examples import REQUEST, REQUEST_FILE

from itil_gate.reading.requests import read_request
from itil_gate.reading.schema import BASE, NOUNS, schemas
from itil_gate.reading.yaml import parse

FOLDER = Path(__file__).parents[2] / "schemas"
written = cache(schemas)


def as_json(value: object) -> object:
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, tuple) else value


def errors(name: str, text: str) -> list[str]:
    validator = Draft202012Validator(json.loads(written()[name]))
    return [error.message for error in validator.iter_errors(as_json(parse(text, file="f").data))]


def test_the_committed_schemas_are_those_of_the_nouns() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert committed == schemas()


@pytest.mark.parametrize("name", NOUNS)
def test_every_schema_is_valid_and_names_itself(name: str) -> None:
    schema = json.loads(written()[name])
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == BASE + name
    assert schema["title"]
    assert schema["description"]
    assert schema["additionalProperties"] is False


def test_every_key_of_a_request_is_described() -> None:
    schema = json.loads(written()["change-request.json"])
    for part in (schema, *schema["$defs"].values()):
        assert part["description"]
        for key, field in part["properties"].items():
            assert "description" in field or "$ref" in str(field), key


def test_the_example_of_the_architecture_satisfies_schema_and_noun() -> None:
    assert errors("change-request.json", REQUEST + "  x-cost: 1\n") == []
    assert not isinstance(read_request(REQUEST + "  x-cost: 1\n", file=REQUEST_FILE), tuple)


@pytest.mark.parametrize(
    ("found", "written"),
    [
        ("  reason:", "  reson:"),
        ("  reason:", "  extensions: {}\n  reason:"),
        ("type: normal ", "type: hotfix "),
        ("tested: true", "tested: yes"),
        ('"2026-11-25T22:00"', '"2026-11-25"'),
        ('"2026-11-25T22:00"', "1795640400"),
        ("id: CHG-2026-7K3QX9ZB", "id: CHG-2026-1"),
        ("services: [payments-api]", "services: []"),
        ("maxMinutes: 15", "maxMinutes: -1"),
    ],
)
def test_schema_and_noun_refuse_the_same_mistakes(found: str, written: str) -> None:
    text = REQUEST.replace(found, written)
    assert text != REQUEST
    assert errors("change-request.json", text)
    assert isinstance(read_request(text, file=REQUEST_FILE), tuple)
