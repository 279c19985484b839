"""What is wrong with a value, in our own words: from pydantic's errors to message and remedy.

Messages read on from the path of the value, and never speak of models, fields or types of Python.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from pydantic import BaseModel

from itil_gate.model.paths import glob_fault
from itil_gate.reading.patterns import GLOB, PATTERNS, PUBLIC_KEY, TIMEZONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

SHOWN = 60
"""How many characters of a stranger's text a message repeats."""
_LONGEST_NAME = 100


class Wording(NamedTuple):
    """Which rule is broken, what is so, what would satisfy it.

    `at` is an inner key to point to, `meant` the key that a misspelt one stands for.
    """

    rule: str
    message: str
    remedy: str
    at: str = ""
    meant: str = ""


def word(error: ErrorDetails, model: type[BaseModel]) -> Wording:
    """Return the words for one of pydantic's errors about data read into a model."""
    kind, context, path = error["type"], error.get("ctx", {}), error["loc"]
    if "remedy" in context:
        at = context["at"]
        name = path_text((*path, at) if at else path)
        said = f"is {shown(error['input'])}" if kind == "wrong-type" else context["message"]
        return Wording(kind, f"{name} {said}", context["remedy"], at)
    if kind in _TYPES:
        return _wrong_type(error, model)
    if kind.startswith(("date_", "datetime_")):
        return _wrong_date(error)
    if kind in {"extra_forbidden", "missing"}:
        return (_unknown_key if kind == "extra_forbidden" else _missing_key)(path, model)
    return _WORDS.get(kind, _refused)(error)


def path_text(path: Sequence[str | int]) -> str:
    """Write a path as in `spec.scope[1]`; items count from 0."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step[:_LONGEST_NAME]}"
    return text.removeprefix(".") or "the document"


def shown(value: Any) -> str:
    """Describe a value of a document, texts shortened."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, (int, float)):
        return f"the number {value}"
    return "a mapping" if isinstance(value, dict) else "a list"


def quoted(text: str) -> str:
    """Return a text in double quotes on one line, shortened."""
    return json.dumps(text if len(text) <= SHOWN else text[:SHOWN] + "…", ensure_ascii=False)


def listed(words: Iterable[str], last: str = "or") -> str:
    """Join words as in "a, b or c"."""
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end


def near_words(word: str, known: Iterable[str], *, most: int = 3) -> tuple[str, ...]:
    """Return the known words somebody may have meant, the nearest first."""
    from difflib import get_close_matches  # noqa: PLC0415  # only for messages

    if len(word) > _LONGEST_NAME:
        return ()
    folded = {_folded(item): item for item in known}
    return tuple(
        folded[near] for near in get_close_matches(_folded(word), folded, n=most, cutoff=0.6)
    )


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word somebody probably meant."""
    return next(iter(near_words(word, known, most=1)), None)


def keys_at(model: type[BaseModel], path: Sequence[str | int]) -> dict[str, str]:
    """Return the keys that may be written at a path of a model's data, with their meaning."""
    return {
        key: (field.description or "").rstrip(".") for key, field in _fields(model, path).items()
    }


def _fields(model: type[BaseModel], path: Sequence[str | int]) -> dict[str, FieldInfo]:
    """Return the fields of the model that is read at a path, by the keys people write."""
    current: type[BaseModel] | None = model
    for step in path:
        if isinstance(step, int) or current is None:
            continue
        kinds = {field.alias: field.annotation for field in current.model_fields.values()}
        current = _model_in(kinds.get(step))
    if current is None:
        return {}
    return {
        field.alias or name: field
        for name, field in current.model_fields.items()
        if name != "extensions" or current.__name__ != "ChangeSpec"
    }


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _folded(word: str) -> str:
    return word.casefold().replace("_", "").replace("-", "")


def _unknown_key(path: Sequence[str | int], model: type[BaseModel]) -> Wording:
    *around, key = path
    known = keys_at(model, around)
    meant = nearest(str(key), known) or ""
    if meant:
        remedy = f'did you mean "{meant}"?'
    elif str(key).startswith("x-"):
        remedy = "x-… keys belong directly in the spec of a change request"
    else:
        remedy = f"the keys here are {listed(known, 'and')}" if known else "remove it"
    place = f" in {path_text(around)}" if around else ""
    message = f"the key {quoted(str(key))} is not known{place}"
    return Wording("unknown-key", message, remedy, meant=meant)


def _missing_key(path: Sequence[str | int], model: type[BaseModel]) -> Wording:
    *around, key = path
    meaning = keys_at(model, around).get(str(key), "")
    remedy = f"add it: {meaning}" if meaning else "add it"
    return Wording("missing-key", f'{path_text(around)} has no key "{key}"', remedy)


_TYPES: dict[str, str] = {
    "string_type": "a text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}


def _wrong_type(error: ErrorDetails, model: type[BaseModel]) -> Wording:
    kind, value, path = error["type"], error["input"], error["loc"]
    remedy = f"write {_TYPES[kind]}"
    known = keys_at(model, path)
    if kind.startswith("model") and known:
        remedy = f"write a mapping of keys: {listed(known, 'and')}"
    elif value is None and path and not _is_required(model, path):
        remedy += ", or remove the key"
    elif kind == "string_type" and isinstance(value, (bool, int, float)):
        written = str(value).lower() if isinstance(value, bool) else str(value)
        remedy = f'write it as a text, in quotes: "{written}"'
    elif kind in {"tuple_type", "list_type"} and isinstance(value, str) and len(value) <= SHOWN:
        remedy += f": [{value}]"
    elif isinstance(value, str) and kind.startswith(("bool", "int", "float")):
        remedy += ", without quotes"
    return Wording("wrong-type", f"{path_text(path)} is {shown(value)}", remedy)


def _is_required(model: type[BaseModel], path: Sequence[str | int]) -> bool:
    field = _fields(model, path[:-1]).get(str(path[-1]))
    return field is None or field.is_required()


def _wrong_date(error: ErrorDetails) -> Wording:
    message = f"{path_text(error['loc'])} is {shown(error['input'])}, which no calendar has"
    return Wording("wrong-value", message, "write a date and time that exist")


def _wrong_choice(error: ErrorDetails) -> Wording:
    choices = re.findall(r"'([^']*)'", error["ctx"]["expected"])
    path, value = error["loc"], error["input"]
    message = f"{path_text(path)} is {shown(value)}"
    remedy = f"write {listed(choices)}"
    if path[-1:] == ("apiVersion",):
        return Wording("unknown-version", message, f"{remedy}, which this itil-gate reads")
    meant = nearest(value, choices) if isinstance(value, str) else None
    if meant and len(choices) > 1:
        remedy += f" (did you mean {meant}?)"
    return Wording("wrong-value", message, remedy)


def _wrong_pattern(error: ErrorDetails) -> Wording:
    pattern, value, name = error["ctx"]["pattern"], error["input"], path_text(error["loc"])
    if pattern == GLOB and (fault := glob_fault(value)):
        return Wording(
            "wrong-glob", f"{name} is {quoted(value)}, which {fault.message}", fault.remedy
        )
    if pattern == PUBLIC_KEY:  # it may be a private one, which nobody should see again
        return Wording("wrong-value", f"{name} is no public key", f"write {PATTERNS[pattern]}")
    wanted = PATTERNS.get(pattern, f"a text that matches {pattern}")
    rule = "unknown-timezone" if pattern == TIMEZONE else "wrong-value"
    return Wording(rule, f"{name} is {quoted(value)}", f"write {wanted}")


def _empty_text(error: ErrorDetails) -> Wording:
    message = f"{path_text(error['loc'])} is an empty text"
    return Wording("wrong-value", message, "write a text, or remove the key")


def _long_text(error: ErrorDetails) -> Wording:
    message = f"{path_text(error['loc'])} is {len(error['input']):,} characters long"
    most = error["ctx"]["max_length"]
    return Wording("wrong-value", message, f"write at most {most:,} characters")


def _few_entries(error: ErrorDetails) -> Wording:
    given, needed = len(error["input"]), error["ctx"]["min_length"]
    entries = {0: "no entry", 1: "one entry"}.get(given, f"{given} entries")
    message = f"{path_text(error['loc'])} has {entries}"
    return Wording("wrong-value", message, f"give at least {'one' if needed == 1 else needed}")


def _wrong_number(error: ErrorDetails) -> Wording:
    limits = {"ge": "of at least", "gt": "above", "le": "of at most", "lt": "below"}
    (limit, bound), *_ = error["ctx"].items()
    message = f"{path_text(error['loc'])} is {error['input']}"
    return Wording("wrong-value", message, f"write a number {limits[limit]} {bound:,}")


def _told(error: ErrorDetails) -> Wording:
    return Wording("wrong-value", f"{path_text(error['loc'])}: {error['ctx']['error']}", "")


def _refused(error: ErrorDetails) -> Wording:
    message = f"{path_text(error['loc'])} is {shown(error['input'])}, which is refused"
    return Wording("wrong-value", message, error["msg"])


_WORDS: dict[str, Callable[[ErrorDetails], Wording]] = {
    "literal_error": _wrong_choice,
    "string_pattern_mismatch": _wrong_pattern,
    "string_too_short": _empty_text,
    "string_too_long": _long_text,
    "too_short": _few_entries,
    "greater_than_equal": _wrong_number,
    "greater_than": _wrong_number,
    "less_than_equal": _wrong_number,
    "less_than": _wrong_number,
    "value_error": _told,
    "assertion_error": _told,
}
