"""What results of every tool are made from: strict JSON, and findings with strangers' words tamed.

Texts are shortened and made encodable, names reduced to a few characters, and paths that lead out
of the repository dropped. What the texts say is not changed; reporters escape them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from itil_gate.model.finding import Finding, Place
from itil_gate.model.paths import path_fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.model.external import ReportFormat
    from itil_gate.model.finding import Effect

M = TypeVar("M", bound=BaseModel)

MAX_BYTES = 10 * 1024 * 1024
MOST_FINDINGS = 100
"""How many findings of one file are kept, those that deny first."""
_MOST_TEXT = 1000
_MOST_NAME = 100
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9._/-]+")
_NOT_A_PATH = re.compile(r"[:\\\x00-\x1f\x7f]")


class UnreadableError(ValueError):
    """The results cannot be read, or the tool says that they are not whole; the text says why."""


class Results(NamedTuple):
    """What a file says: how many tests were judged, and which of them did not pass."""

    format: ReportFormat
    tests: int
    findings: Sequence[Finding]


def parse_json(data: bytes) -> Any:
    """Return the JSON value of a file's bytes. Raises UnreadableError if they are not one.

    Refused are more than 10 MiB, other encodings than UTF-8, keys given twice, and NaN.
    """
    if len(data) > MAX_BYTES:
        raise UnreadableError(f"it is larger than {MAX_BYTES // 1024 // 1024} MiB")
    if not data.strip():
        raise UnreadableError("it is empty")
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise UnreadableError(f"it is not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise UnreadableError("it is nested too deeply") from error
    except ValueError as error:
        raise UnreadableError(f"it is not JSON: {tamed(str(error), '')}") from error


def typed(model: type[M], value: Any, *, where: str) -> M:
    """Return a part of the file as its model. Raises UnreadableError with the first fault."""
    try:
        return model.model_validate(value, by_alias=True, by_name=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = ".".join([where, *map(str, first["loc"])])
        raise UnreadableError(f"{tamed(path, where)}: {tamed(first['msg'], 'wrong')}") from error


def finding(
    rule: str, message: str, *, effect: Effect, file: str | None = None, line: int | None = None
) -> Finding:
    """Return a finding in a tool's own words."""
    return Finding(
        rule=rule,
        message=tamed(message, "no message was given"),
        effect=effect,
        place=_place(file, line),
    )


def rule_name(text: str, otherwise: str) -> str:
    """Return a rule's id, of letters, digits and `._/-`, or another name where nothing is left."""
    return _NOT_A_NAME.sub("-", text)[:_MOST_NAME].strip("-") or otherwise


def tamed(text: str, otherwise: str) -> str:
    """Return a text that can be encoded and is not too long, or another if it is blank."""
    text = text[: _MOST_TEXT + 1].encode("utf-8", "replace").decode().strip()
    return (text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…") or otherwise


def kept(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return what is kept of a file's findings: what denies first, and a last one for the rest."""
    ordered = sorted(findings, key=lambda one: one.effect != "deny")
    if len(ordered) <= MOST_FINDINGS:
        return tuple(ordered)
    rest = ordered[MOST_FINDINGS:]
    more = Finding(
        rule=rest[0].rule,
        message=f"{len(rest)} more are not shown",
        effect=rest[0].effect,
    )
    return (*ordered[:MOST_FINDINGS], more)


def _place(file: str | None, line: int | None) -> Place | None:
    """Return where a finding stands, if that is inside the repository."""
    if file is None:
        return None
    path = tamed(file, "").removeprefix("./")
    if not path or _NOT_A_PATH.search(path) or path_fault(path):
        return None
    return Place(file=path, line=line if line is not None and line > 0 else 0)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
