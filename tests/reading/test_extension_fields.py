from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.examples import REQUEST, REQUEST_FILE

from itil_gate.model.errors import ConfigError
from itil_gate.model.policy import ExtensionSchema
from itil_gate.reading.extensions import check_extensions
from itil_gate.reading.requests import read_request
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from itil_gate.model.finding import Finding

LINES = REQUEST.count("\n")


def check(fields: str, schema: object) -> tuple[Finding, ...]:
    text = REQUEST + fields
    request = read_request(text, file=REQUEST_FILE)
    assert not isinstance(request, tuple)
    written = schema if isinstance(schema, str) else json.dumps(schema)
    asked = None if schema is None else ExtensionSchema(path="fields.json", text=written)
    return check_extensions(request.spec.extensions, asked, parse(text, file=REQUEST_FILE))


@pytest.mark.parametrize(
    ("fields", "schema"),
    [
        ("", {}),
        ("", None),
        ("  x-a: 1\n", {}),
        ("  x-a: 1\n", {"properties": {"x-a": {"type": "integer"}}, "additionalProperties": False}),
        ("  x-a: [b]\n", {"properties": {"x-a": {"type": "array", "items": {"$ref": "#/$defs/b"}}},
                          "$defs": {"b": {"const": "b"}}}),
        ("  x-a: 1\n", {"$schema": "https://json-schema.org/draft/2020-12/schema"}),
        ("  x-a: 1\n", {"properties": {"$ref": {"type": "string"}}}),
    ],
)  # fmt: skip
def test_fields_as_the_schema_asks_find_nothing(fields: str, schema: object) -> None:
    assert check(fields, schema) == ()


@pytest.mark.parametrize(
    ("fields", "schema", "line", "said"),
    [
        ("", {"required": ["x-a"]}, 4, "spec has no x-a"),
        ("  x-a: b\n", {"properties": {"x-a": {"type": "integer"}}}, LINES + 1, 'is "b"'),
        ("  x-a: 5\n", {"properties": {"x-a": {"maximum": 4}}}, LINES + 1, "is the number 5"),
        (
            "  x-a: 5\n",
            {"properties": {"x-a": {"type": ["string", "null"]}}},
            LINES + 1,
            "number 5",
        ),
        ("  x-a: b\n", {"properties": {"x-a": {"not": {}}}}, LINES + 1, 'is "b"'),
        ("  x-b: 1\n", {"additionalProperties": False}, LINES + 1, "does not know spec.x-b"),
        (
            "  x-a: {b: 1}\n",
            {"properties": {"x-a": {"properties": {"c": {}}, "unevaluatedProperties": False}}},
            LINES + 1,
            "does not know spec.x-a.b",
        ),
        (
            "  x-a: 1\n",
            {"anyOf": [{"required": ["x-b"]}, {"required": ["x-c"]}]},
            4,
            "spec is a mapping",
        ),
    ],
)
def test_fields_that_differ_are_found_at_their_places(
    fields: str, schema: object, line: int, said: str
) -> None:
    (found,) = check(fields, schema)
    assert found.place is not None
    assert (found.rule, found.place.line) == ("wrong-extension", line)
    assert said in found.message
    assert found.remedy


def test_a_field_is_refused_where_no_schema_describes_any() -> None:
    (found,) = check("  x-a: 1\n", None)
    assert (found.rule, found.effect) == ("wrong-extension", "deny")


@pytest.mark.parametrize(
    "schema",
    [
        "",
        "[]",
        "true",
        "{",
        '{"type": "object", "type": "array"}',
        '{"minimum": NaN}',
        "[" * 100_000,
        {"type": "no-such-type"},
        {"$schema": "http://json-schema.org/draft-07/schema#"},
        {"$ref": "https://example.com/schema.json"},
        {"properties": {"x-a": {"$ref": "other.json"}}},
        {"allOf": [{"$dynamicRef": "https://example.com/schema.json"}]},
        {"$ref": "#"},
        {"$ref": "#/$defs/missing"},
        {"properties": {"x-a": {"pattern": "("}}},
    ],
)
def test_a_schema_that_is_none_or_leads_elsewhere_is_the_operators_mistake(schema: object) -> None:
    with pytest.raises(ConfigError) as caught:
        check("  x-a: b\n", schema)
    assert caught.value.code == "extension-schema"
    assert "fields.json" in caught.value.message
