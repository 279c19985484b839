"""A vendor's own description of its API (OpenAPI 3.0 or Swagger 2.0), to hold requests against.

An answer that a test writes down in short is filled up with whatever else the description requires
of it, and then checked against it whole; a request is checked by method, path, query and body.
"""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from support.forge_server import Asked, Say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ROOT = "urn:api"
_DEPTH = 12


class Description:
    """Paths, parameters and schemas of one API."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        _loosen(document)
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(_ROOT, resource)
        plainest = sorted(document["paths"], key=lambda path: path.count("{"))
        self._paths = [(_pattern(path), path) for path in plainest]

    @classmethod
    def load(cls, file: Path) -> Description:
        return cls(json.loads(file.read_text(encoding="utf-8")))

    def check_request(self, asked: Asked) -> None:
        """Fail unless the description knows this request."""
        path, operation = self._operation(asked)
        declared = [
            self._resolve(one)
            for one in (
                *self._document["paths"][path].get("parameters", ()),
                *operation.get("parameters", ()),
            )
        ]
        known = {one["name"]: one for one in declared if one["in"] == "query"}
        for name, text in asked.query.items():
            assert name in known, f"{asked.method} {path} has no parameter {name}"
            self._assert(_typed(text, known[name]), _plain(known[name]), name)
        missing = {name for name, one in known.items() if one.get("required")} - set(asked.query)
        assert not missing, f"{asked.method} {path} needs {missing}"
        schema = self._body(operation)
        if asked.body is not None:
            assert schema is not None, f"{asked.method} {path} takes no body"
            self._assert(asked.body, schema, "body")
            whole = self._resolve(schema)
            strange = set(asked.body) - set(whole.get("properties", asked.body))
            assert not strange, f"{asked.method} {path} knows no {strange}"

    def whole(self, asked: Asked, say: Say) -> Say:
        """Return an answer with all that the description requires of it. Fails if it cannot be."""
        _, operation = self._operation(asked)
        told = operation["responses"].get(str(say.status))
        if told is None or say.status >= 300:
            assert say.status >= 400, f"{asked.method} {asked.path} never answers {say.status}"
            return say
        described = self._resolve(told)
        if "schema" not in described and "content" not in described:
            return say
        schema = self._schema(described)
        value = self._fill(schema, copy.deepcopy(say.value), 0)
        self._assert(value, schema, "answer")
        return Say(value, say.status, say.headers, say.kind)

    def _operation(self, asked: Asked) -> tuple[str, dict[str, Any]]:
        for pattern, path in self._paths:
            if pattern.fullmatch(asked.path):
                operation = self._document["paths"][path].get(asked.method.lower())
                if operation:
                    return path, operation
        raise AssertionError(f"the API has no {asked.method} {asked.path}")

    def _body(self, operation: dict[str, Any]) -> Any:
        if "requestBody" in operation:
            return self._schema(self._resolve(operation["requestBody"]))
        for one in map(self._resolve, operation.get("parameters", ())):
            if one["in"] == "body":
                return one["schema"]
        return None

    def _schema(self, told: dict[str, Any]) -> Any:
        if "content" in told:
            return told["content"]["application/json"]["schema"]
        return told["schema"]

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            found: Any = self._document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[unquote(part).replace("~1", "/").replace("~0", "~")]
            schema = found
        return schema

    def _errors(self, value: Any, schema: dict[str, Any]) -> Iterator[Any]:
        rooted = _rooted(schema)
        return Draft202012Validator(rooted, registry=self._registry).iter_errors(value)

    def _assert(self, value: Any, schema: dict[str, Any], what: str) -> None:
        for error in self._errors(value, schema):
            raise AssertionError(f"{what}: {error.json_path}: {error.message[:400]}")

    def _fill(self, schema: dict[str, Any], value: Any, depth: int) -> Any:
        assert depth < _DEPTH, "the description requires itself"
        schema = self._resolve(schema)
        for one in schema.get("allOf", ()):
            value = self._fill(one, value, depth)
        choices = schema.get("oneOf", schema.get("anyOf"))
        if choices:
            return self._choose(choices, value, depth)
        if isinstance(value, list) and "items" in schema:
            return [self._fill(schema["items"], one, depth + 1) for one in value]
        if isinstance(value, dict):
            properties = schema.get("properties", {})
            for name in schema.get("required", ()):
                if name not in value:
                    value[name] = self._example(properties.get(name, {}), depth + 1)
            for name in properties.keys() & value.keys():
                value[name] = self._fill(properties[name], value[name], depth + 1)
        return value

    def _choose(self, choices: list[dict[str, Any]], value: Any, depth: int) -> Any:
        for choice in choices:
            filled = self._fill(choice, copy.deepcopy(value), depth)
            if not any(self._errors(filled, choice)):
                return filled
        return value

    def _example(self, schema: dict[str, Any], depth: int) -> Any:
        schema = self._resolve(schema)
        for given in (*schema.get("enum", ())[:1], schema.get("example"), schema.get("default")):
            if given is not None and not any(self._errors(given, schema)):
                return given
        for choices in (schema.get("anyOf", ()), schema.get("oneOf", ())):
            for choice in choices:
                return self._example(choice, depth)
        kinds = schema.get("type", "object")
        kind = kinds if isinstance(kinds, str) else kinds[0]
        if kind == "object":
            return self._fill(schema, {}, depth)
        plain = {"integer": 1, "number": 1, "boolean": False, "array": [], "null": None}
        if kind in plain:
            return copy.deepcopy(plain[kind])
        texts = {"date-time": "2026-01-01T00:00:00Z", "uri": "https://example.test/"}
        return texts.get(schema.get("format", ""), "text")


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]+\}", path)
    return re.compile("[^/]+".join(re.escape(part) for part in parts))


def _plain(parameter: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter; Swagger 2.0 writes it into the parameter itself."""
    known = {key: parameter[key] for key in ("type", "enum", "items") if key in parameter}
    return dict(parameter.get("schema", known))


def _typed(text: str, parameter: dict[str, Any]) -> Any:
    kind = parameter.get("schema", parameter).get("type")
    if kind == "integer":
        return int(text)
    return text == "true" if kind == "boolean" else text


def _rooted(schema: Any) -> Any:
    """Let the references of a part of the document lead into the whole."""
    if isinstance(schema, dict):
        return {
            key: f"{_ROOT}{value}" if key == "$ref" and isinstance(value, str) else _rooted(value)
            for key, value in schema.items()
        }
    return [_rooted(one) for one in schema] if isinstance(schema, list) else schema


def _loosen(node: Any) -> None:
    """Turn `nullable` of OpenAPI 3.0 into JSON Schema, and leave formats and examples alone."""
    if isinstance(node, list):
        for one in node:
            _loosen(one)
    elif isinstance(node, dict):
        for one in node.values():
            _loosen(one)
        if node.get("nullable") is True and "type" in node:
            node["type"] = [node["type"], "null"]
            if "enum" in node and None not in node["enum"]:
                node["enum"] = [*node["enum"], None]
        elif node.get("nullable") is True:
            for choice in ("allOf", "anyOf", "oneOf"):
                if choice in node:
                    whole = {choice: node.pop(choice)}
                    node["anyOf"] = [whole, {"type": "null"}]
                    break
