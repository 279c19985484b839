"""What each rule of the organisation read of a change: fields, their values and their places.

For explanations only. The rules were judged before; nothing is judged here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from itil_gate.decide.rule_sets import with_variables
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from itil_gate.decide.matter import Asked
    from itil_gate.expressions.environment import Bindings
    from itil_gate.model.finding import Place
    from itil_gate.policy.conditions import CompiledRule, CompiledRules

MISSING = "missing"
MOST = 8
"""How many values of a list are shown."""


@frozen
class Reading:
    """A field that a rule read, and what stood there."""

    field: str
    """As expressions write it: change.spec.risk, services[].tier."""
    value: str
    """As JSON; several, of a list, with commas; `missing` where there is none."""
    place: Place | None
    """In the request file, for fields that are written there."""


def readings(
    sets: Sequence[CompiledRules], values: Bindings, asked: Asked
) -> dict[str, tuple[Reading, ...]]:
    """Return what every rule read of one change, by the rule's id; `values` know all stages."""
    found = {}
    for rules in sets:
        own = with_variables(rules, values)
        for rule in rules.rules:
            fields = sorted({*_reads(rule), *_shared(rule, rules)})
            found[rule.rule.id] = tuple(_reading(field, own, asked) for field in fields)
    return found


def _reads(rule: CompiledRule) -> Iterator[str]:
    for compiled in (rule.when, rule.expect, rule.message, rule.remedy):
        if compiled is not None:
            yield from compiled.reads


def _shared(rule: CompiledRule, rules: CompiledRules) -> Iterator[str]:
    """Yield what the shared names read that a rule uses."""
    for name in _reads(rule):
        if name in rules.variables:
            yield from rules.variables[name].reads


def _reading(field: str, values: Bindings, asked: Asked) -> Reading:
    name, *steps = field.replace("[]", ".[]").split(".")
    there = list(_walk(values.values.get(name), steps))
    shown = [_json(value) for value in there[:MOST]]
    more = [f"and {len(there) - MOST} more"] if there[MOST:] else []
    place = None
    if name == "change" and "[]" not in steps and asked.document.has(tuple(steps)):
        place = asked.document.place(tuple(steps))
    return Reading(field, ", ".join(shown + more) or MISSING, place)


def _walk(value: Any, steps: Sequence[str]) -> Iterator[Any]:
    """Yield the values at a path, every item of lists on the way."""
    if value is None:
        return
    if not steps:
        yield value
    elif steps[0] == "[]":
        for item in value:
            yield from _walk(item, steps[1:])
    elif isinstance(value, dict):
        if steps[0] in value:
            yield from _walk(value[steps[0]], steps[1:])
    else:
        fields = type(value).model_fields if hasattr(type(value), "model_fields") else {}
        for attribute, described in fields.items():
            if (described.alias or attribute) == steps[0]:
                yield from _walk(getattr(value, attribute), steps[1:])


def _json(value: Any) -> str:
    if hasattr(value, "model_dump"):
        value = value.model_dump(mode="json", by_alias=True)
    return json.dumps(value, ensure_ascii=False, default=str)
