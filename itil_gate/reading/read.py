"""From a document to a noun, or to findings that say what is wrong where.

A document either becomes a value that holds everywhere, or it becomes findings; nothing is
corrected, guessed or read in part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from itil_gate.model.errors import SourceError
from itil_gate.model.finding import Finding
from itil_gate.reading.empty_keys import empty_keys
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    from itil_gate.model.finding import Place
    from itil_gate.reading.document import Document, Path
    from itil_gate.reading.wording import Wording

M = TypeVar("M", bound="BaseModel")

MOST_FINDINGS = 50
"""How many findings about one document are reported."""


def read(document: Document, model: type[M]) -> M | tuple[Finding, ...]:
    """Return the document as a model, or the findings that say why it is none."""
    try:
        value = model.model_validate(document.data, by_alias=True, by_name=False)
    except ValidationError as error:
        return _findings(error.errors(include_url=False), document, model)
    written = _written_extensions(document, model)
    empty = (written,) if written else empty_keys(document, value)
    return tuple(sorted(empty, key=order)) or value


def read_text(text: str, file: str, model: type[M]) -> M | tuple[Finding, ...]:
    """Parse a text and read it; a text that is no document becomes a finding as well."""
    try:
        document = parse(text, file=file)
    except SourceError as error:
        return (source_finding(error),)
    return read(document, model)


def source_finding(error: SourceError) -> Finding:
    """Return the finding about a text that is no document."""
    return Finding(rule=error.code, message=error.message, remedy=error.hint, place=error.place)


def _findings(
    errors: list[ErrorDetails], document: Document, model: type[BaseModel]
) -> tuple[Finding, ...]:
    from itil_gate.reading.wording import word  # noqa: PLC0415  # only wrong files need words

    worded = [
        (tuple(error["loc"]), error["input"], word(error, model))
        for error in errors
        if not _is_echo(error)
    ]
    meant = {(*path[:-1], words.meant) for path, _, words in worded if words.meant}
    found = [
        Finding(
            rule=words.rule,
            message=words.message,
            remedy=words.remedy,
            place=_place(document, path, value, words),
        )
        for path, value, words in worded
        if words.rule != "missing-key" or path not in meant
    ]
    found.sort(key=order)
    if len(found) > MOST_FINDINGS:
        more = f"{len(found) - MOST_FINDINGS} more faults are not shown"
        last = Finding(
            rule=found[-1].rule, message=more, remedy="correct these first", place=document.place()
        )
        return (*found[:MOST_FINDINGS], last)
    return tuple(found)


def _is_echo(error: ErrorDetails) -> bool:
    """Tell whether a list is called too short only because its entries were refused."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _place(document: Document, path: Path, value: object, words: Wording) -> Place:
    if words.rule == "missing-key" and not words.at:
        return document.key_place(path[:-1])
    if words.at:
        return document.place((*path, words.at))
    if words.rule == "unknown-key" or value is None:
        return document.key_place(path)
    return document.place(path)


def _written_extensions(document: Document, model: type[BaseModel]) -> Finding | None:
    """`extensions` gathers the `x-…` fields of a request; no file writes it out."""
    if model.__name__ != "ChangeRequest" or "extensions" not in document.data["spec"]:
        return None
    return Finding(
        rule="unknown-key",
        message='the key "extensions" is not known in spec',
        remedy="write each x-… field directly in spec",
        place=document.key_place(("spec", "extensions")),
    )


def order(finding: Finding) -> tuple[int, int, str]:
    """Return what findings of one file are sorted by: line, column, rule."""
    place = finding.place
    return (place.line, place.column, finding.rule) if place else (0, 0, finding.rule)
