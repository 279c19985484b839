"""The reference of the policy language, made from schemas, types and functions; never by hand.

Keys come from the JSON Schemas, variables from the types that expressions are checked against, and
functions from their declarations, so the page cannot say anything that the gate does not do.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from itil_gate.expressions.functions import FUNCTIONS
from itil_gate.expressions.shapes import Many, Record, Scalar, Table
from itil_gate.policy.conditions import FACTS, environment
from itil_gate.reading.schema import schema
from itil_gate.report.escape import markdown_code, markdown_prose
from itil_gate.report.reference import GENERATED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.expressions.shapes import Shape

KINDS = (
    *("approval-policy", "risk-model", "change-model", "rule-set", "waiver", "calendar"),
    *("external-check", "profile", "policy-test"),
)
"""The schemas of the kinds, in the order in which one meets them."""
_ABOUT = """\
Policies are YAML documents below `policies/` on the target branch, one `kind` each. Unknown keys
are errors, and one fault keeps the whole set from loading: then nothing is decided. `itil-gate
lint` and `itil-gate policy lint` find faults before they are merged, `itil-gate schema KIND` prints
the schema of a kind for editors."""
_EXPRESSIONS = """\
Conditions (`when`, `expect`) and the `${…}` of messages are written in the
[Common Expression Language](https://cel.dev). They are checked against the types below when the
policies load: a field that does not exist, a value it can never have, a comparison of two types,
an optional field that is read without `has()`, and whatever could fail while it is evaluated (`/`
or `%` by a value, an index, a cast) keep the set from loading, at their place, with a suggestion.
What still goes wrong at run time leaves the change undecided (exit code 2), never allowed.

Optional fields are marked `?`: ask `has(change.spec.plans.backout)` first. Paths are asked about
with `touches` and `count`; an expression has 10,000 steps, too few to walk a large diff."""
_STAGES = """\
Stages are ordered, so that nothing depends on itself. Floors and factors of a risk model see
{facts}; checks of change models see `risk` as well; rules, requirements and external checks see
everything."""
_HEAD = ("| key | is | |", "| --- | --- | --- |")
_LETTERS = {"string": "text", "int": "number", "bool": "true or false", "timestamp": "moment"}


def policies_reference() -> str:
    """Return docs/reference/policies.md."""
    facts = ", ".join(f"`{name}`" for name in FACTS)
    lines = ["# Policies", "", GENERATED, "", _ABOUT, ""]
    kinds = [json.loads(schema(f"{name}.json")) for name in KINDS]
    lines += ["Every policy begins with `apiVersion`, `kind` and:", "", *_HEAD]
    lines += [
        *_keys(kinds[0]["properties"]["metadata"], "metadata", kinds[0]["$defs"], seen=()),
        "",
    ]
    for kind in kinds:
        lines += _kind(kind)
    lines += ["## Expressions", "", _EXPRESSIONS, "", _STAGES.format(facts=facts), ""]
    lines += ["| variable or field | is | |", "| --- | --- | --- |"]
    for name, shape in environment().variables.items():
        lines += _shape(name, shape, "")
    lines += ["", "### Functions", "", "| function | does |", "| --- | --- |"]
    lines += [
        f"| {markdown_code(function.usage)} | {markdown_prose(function.summary)} |"
        for function in FUNCTIONS
    ]
    return "\n".join(lines) + "\n"


def _kind(whole: dict[str, Any]) -> Iterator[str]:
    kind = whole["properties"]["kind"]["const"]
    yield f"## {kind}"
    yield ""
    yield markdown_prose(whole["description"])
    yield ""
    yield from _HEAD
    yield from _keys(whole["properties"]["spec"], "spec", whole["$defs"], seen=())
    yield ""


def _keys(
    part: dict[str, Any], path: str, known: dict[str, Any], *, seen: tuple[str, ...]
) -> Iterator[str]:
    """Yield a row for every key below an object of a schema."""
    name, inner = _resolved(part, known)
    if name in seen or path.endswith(".base"):  # a request, which has a schema of its own
        return
    required = inner.get("required", ())
    for key, value in inner.get("properties", {}).items():
        at = f"{path}.{key}"
        _, one = _resolved(value, known)
        _, item = _resolved(one.get("items", {}), known)
        mark = " **required**" if key in required else _default(value)
        said = value.get("description") or one.get("description", "")
        dots = "[]" if one.get("type") == "array" else ""
        yield f"| {markdown_code(at + dots)} | {_sort(one, item)} | {markdown_prose(said)}{mark} |"
        if "properties" in one:
            yield from _keys(value, at, known, seen=(*seen, name))
        elif "properties" in item:
            yield from _keys(one["items"], f"{at}[]", known, seen=(*seen, name))


def _resolved(part: dict[str, Any], known: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name of a definition, if it is one, and what it says; null is left out."""
    for option in part.get("anyOf", ()):
        if option.get("type") != "null":
            return _resolved(option, known)
    reference = part.get("$ref", "")
    if reference:
        name = reference.rpartition("/")[2]
        return name, known[name]
    return "", part


def _sort(one: dict[str, Any], item: dict[str, Any]) -> str:
    values = one.get("enum") or item.get("enum") or ()
    if values:
        return ", ".join(markdown_code(str(value)) for value in values)
    if "const" in one:
        return markdown_code(str(one["const"]))
    kinds = {"array": "list", "object": "mapping", "integer": "number", "boolean": "true or false"}
    if one.get("format") == "date":
        return "day"
    kind = one.get("type", "any")
    return kinds.get(kind, "text" if kind == "string" else str(kind))


def _default(value: dict[str, Any]) -> str:
    default = value.get("default")
    if default in (None, [], {}):
        return ""
    return f" Default: {markdown_code(json.dumps(default))}."


def _shape(path: str, shape: Shape, said: str, *, optional: bool = False) -> Iterator[str]:
    mark = "?" if optional else ""
    if isinstance(shape, Many) and isinstance(shape.item, Record):
        yield f"| {markdown_code(f'{path}[]{mark}')} | list | {markdown_prose(said)} |"
        yield from _fields(f"{path}[]", shape.item)
    elif isinstance(shape, Record):
        about = said or (shape.model.__doc__ or "").split("\n", maxsplit=1)[0]
        yield f"| {markdown_code(path + mark)} | record | {markdown_prose(about)} |"
        yield from _fields(path, shape)
    else:
        yield f"| {markdown_code(path + mark)} | {_letters(shape)} | {markdown_prose(said)} |"


def _fields(path: str, record: Record) -> Iterator[str]:
    described = record.model.model_fields
    for name, field in record.fields.items():
        said = described[field.attribute].description or ""
        yield from _shape(f"{path}.{name}", field.shape, said, optional=field.optional)


def _letters(shape: Shape) -> str:
    if isinstance(shape, Many):
        return f"list of {_letters(shape.item)}"
    if isinstance(shape, Table):
        return "mapping"
    if isinstance(shape, Scalar) and shape.values:
        return ", ".join(markdown_code(str(value)) for value in shape.values)
    return _LETTERS[shape.kind] if isinstance(shape, Scalar) else "record"
