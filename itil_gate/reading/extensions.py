"""The organisation's own `x-…` fields against the organisation's own JSON Schema (2020-12).

The schema is an operator's file: what is wrong with it is a ConfigError. References lead only
within the schema; nothing is ever fetched.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from itil_gate.model.errors import ConfigError
from itil_gate.model.finding import Finding
from itil_gate.reading.read import order
from itil_gate.reading.wording import listed, nearest, path_text, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

    from itil_gate.model.policy import ExtensionSchema
    from itil_gate.reading.document import Document, Path

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCES = ("$ref", "$dynamicRef")
_MEND = "mend the schema on the target branch; see https://json-schema.org"


def check_extensions(
    extensions: Mapping[str, Any], schema: ExtensionSchema | None, document: Document
) -> tuple[Finding, ...]:
    """Return what the schema finds in a request's `x-…` fields, at their places in the request.

    Without a schema nobody knows an `x-…` field, and each is refused. Raises ConfigError
    `extension-schema` if the schema is not valid or refers to anything outside itself.
    """
    if schema is None:
        return tuple(_unknown(key, document) for key in extensions)
    from referencing.exceptions import Unresolvable  # noqa: PLC0415  # comes with jsonschema

    validator = compile_schema(schema.path, schema.text)
    try:
        errors = list(validator.iter_errors(dict(extensions)))
    except RecursionError as error:
        raise _wrong(schema.path, "refers to itself without end") from error
    except Unresolvable as error:
        raise _wrong(schema.path, f"has a reference that leads nowhere ({error})") from error
    except re.error as error:
        raise _wrong(schema.path, f"has a pattern that cannot be read ({error})") from error
    found = {finding for error in errors for finding in _findings(error, document)}
    return tuple(sorted(found, key=order))


@lru_cache(maxsize=16)
def compile_schema(path: str, text: str) -> Draft202012Validator:
    """Return the validator of a schema's text, or raise ConfigError `extension-schema`."""
    # jsonschema is slow to load, and most repositories have no fields of their own
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    try:
        schema = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        if not isinstance(schema, dict) or schema.get("$schema", DIALECT) != DIALECT:
            raise _wrong(path, f"is not a JSON Schema of {DIALECT}")
        _check_references(schema, path)
        Draft202012Validator.check_schema(schema)
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"is not JSON ({error})") from error
    except SchemaError as error:
        raise _wrong(path, f"is not valid at {path_text(list(error.path))}") from error
    return Draft202012Validator(schema, registry=Registry())


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f'the key "{key[:60]}" is given twice')
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _check_references(schema: Any, path: str) -> None:
    """Refuse every reference that does not stay in the schema: `#`, `#/$defs/…`, `#anchor`."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key in _REFERENCES and isinstance(value, str) and not value.startswith("#"):
                raise _wrong(path, f"refers to {value[:60]}, outside itself")
            _check_references(value, path)
    elif isinstance(schema, list):
        for value in schema:
            _check_references(value, path)


def _findings(error: ValidationError, document: Document) -> Iterator[Finding]:
    path: Path = ("spec", *error.absolute_path)
    if str(error.validator) in {"additionalProperties", "unevaluatedProperties"}:
        yield from _unknown_keys(error, path, document)
        return
    message, remedy = _words(error, path_text(path))
    at_key = len(path) == 1 or str(error.validator) == "required"
    place = document.key_place(path) if at_key else document.place(path)
    yield Finding(rule="wrong-extension", message=message, remedy=remedy, place=place)


def _unknown_keys(error: ValidationError, path: Path, document: Document) -> Iterator[Finding]:
    """Find the keys that neither `properties` nor `patternProperties` beside the error name."""
    schema: Any = error.schema
    instance: Any = error.instance
    known = list(schema.get("properties", {}))
    patterns = list(schema.get("patternProperties", {}))
    for key in instance:
        if key in known or any(re.search(pattern, key) for pattern in patterns):
            continue
        meant = nearest(key, known)
        yield Finding(
            rule="wrong-extension",
            message=f"the schema of x-… fields does not know {path_text((*path, key))}",
            remedy=f'did you mean "{meant}"?' if meant else "remove it, or have the schema changed",
            place=document.key_place((*path, key)),
        )


def _words(error: ValidationError, name: str) -> tuple[str, str]:
    """Return message and remedy for the keywords people use; else what jsonschema says."""
    keyword = str(error.validator)
    value: Any = error.instance
    wanted: Any = error.validator_value
    is_so = f"{name} is {shown(value)}"
    match keyword:
        case "required":
            missing = [key for key in wanted if key not in value]
            return f"{name} has no {listed(missing, 'and')}", "add what the organisation asks for"
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else wanted
            return is_so, f"write {listed(_KINDS.get(kind, kind) for kind in kinds)}"
        case "enum":
            return is_so, f"write {listed(json.dumps(each, ensure_ascii=False) for each in wanted)}"
        case "const":
            return is_so, f"write {json.dumps(wanted, ensure_ascii=False)}"
        case "pattern":
            return is_so, f"write a text that matches {wanted}"
    limit = _LIMITS.get(keyword)
    return is_so, f"{limit} {wanted}" if limit else error.message


_KINDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_LIMITS = {
    "minimum": "write a number of at least",
    "maximum": "write a number of at most",
    "exclusiveMinimum": "write a number above",
    "exclusiveMaximum": "write a number below",
    "multipleOf": "write a multiple of",
    "minLength": "let the number of characters be at least",
    "maxLength": "let the number of characters be at most",
    "minItems": "let the number of entries be at least",
    "maxItems": "let the number of entries be at most",
}


def _unknown(key: str, document: Document) -> Finding:
    return Finding(
        rule="wrong-extension",
        message=f'no schema describes the field "{key[:60]}"',
        remedy="remove it, or name a JSON Schema for x-… fields at extensions in itil-gate.yaml",
        place=document.key_place(("spec", key)),
    )


def _wrong(path: str, message: str) -> ConfigError:
    return ConfigError("extension-schema", f"{path} {message}", hint=_MEND)
