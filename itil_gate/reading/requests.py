"""Change requests: one file, one request, named after its id, whose own words agree.

What depends on people, services, policies or the diff is decided elsewhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from itil_gate.model.change import ChangeRequest
from itil_gate.model.errors import SourceError
from itil_gate.model.finding import Effect, Finding
from itil_gate.reading.read import read, source_finding
from itil_gate.reading.times import NonexistentTimeError, UtcTime, to_utc
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from datetime import datetime

    from itil_gate.model.change import Window
    from itil_gate.reading.document import Document, Path

_YEAR = re.compile(r"[0-9]{4}", re.ASCII)
_EITHER = "choose a time outside the hour in which the clocks go back, if it matters"


def read_request(text: str, *, file: str) -> ChangeRequest | tuple[Finding, ...]:
    """Return the request of a file, or the findings that deny it."""
    try:
        document = parse(text, file=file)
    except SourceError as error:
        return (source_finding(error),)
    return read_request_document(document)


def read_request_document(document: Document) -> ChangeRequest | tuple[Finding, ...]:
    """Return the request of a document that was parsed before, or the findings that deny it."""
    request = read(document, ChangeRequest)
    if isinstance(request, tuple):
        return request
    findings = check_request(request, document)
    return tuple(finding for finding in findings if finding.effect == "deny") or request


def check_request(request: ChangeRequest, document: Document) -> tuple[Finding, ...]:
    """Return what a request says wrongly about itself, and advice about ambiguous times."""
    findings = _file_name(request, document)
    spec = request.spec
    if spec.type == "standard" and spec.model is None:
        findings.append(
            Finding(
                rule="missing-model",
                message="spec.type is standard and spec names no model",
                remedy="add model: the name of the standard change model, or use type normal",
                place=document.place(("spec", "type")),
            )
        )
    if spec.window is not None:
        findings += _window(spec.window, document)
    return tuple(findings)


def _file_name(request: ChangeRequest, document: Document) -> list[Finding]:
    change = request.metadata.id
    *folders, name = document.file.split("/")
    path: Path = ("metadata", "id")
    findings = []
    if name != f"{change}.yaml":
        findings.append(
            _finding(
                document,
                path,
                ("wrong-file-name", f"the id is {change} and the file is {name}"),
                f"name the file {change}.yaml",
            )
        )
    year = change.split("-")[1]
    if folders and _YEAR.fullmatch(folders[-1]) and folders[-1] != year:
        findings.append(
            _finding(
                document,
                path,
                ("wrong-file-name", f"the id is of {year} and the folder is {folders[-1]}"),
                f"move the file to {'/'.join([*folders[:-1], year])}",
            )
        )
    return findings


def _window(window: Window, document: Document) -> list[Finding]:
    """Look for times that the clocks of the zone skip or repeat."""
    findings: list[Finding] = []
    for key, local in (("start", window.start), ("end", window.end)):
        path: Path = ("spec", "window", key)
        try:
            when = to_utc(local, window.timezone)
        except NonexistentTimeError as error:
            said = f"spec.window.{key}: {error}"
            hint = "choose a time before or after the clocks are changed"
            findings.append(_finding(document, path, ("nonexistent-time", said), hint))
        else:
            findings += _ambiguity(key, local, when, document)
    return findings


def _ambiguity(key: str, local: datetime, when: UtcTime, document: Document) -> list[Finding]:
    if not when.ambiguous:
        return []
    taken = "first" if key == "start" else "second"
    said = f"spec.window.{key} comes twice: {local:%Y-%m-%dT%H:%M}, and the {taken} is taken"
    path: Path = ("spec", "window", key)
    return [_finding(document, path, ("ambiguous-time", said), _EITHER, effect="advise")]


def _finding(
    document: Document, path: Path, words: tuple[str, str], remedy: str, *, effect: Effect = "deny"
) -> Finding:
    rule, message = words
    return Finding(
        rule=rule, message=message, remedy=remedy, effect=effect, place=document.place(path)
    )
