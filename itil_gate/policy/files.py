"""Look at one file by itself: which kind of file it is, and what is wrong with it.

Requests and the judge's data alike. What only shows when files are held against each other is
found by compile_policies; whether a change is allowed is never said here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from itil_gate.model.change import ChangeRequest
from itil_gate.model.config import CONFIG_PATH, Config
from itil_gate.model.errors import ConfigError, SourceError
from itil_gate.model.finding import Finding, Place
from itil_gate.model.people import People
from itil_gate.model.policy_test import PolicyTest
from itil_gate.policy.kinds import KINDS, model_of
from itil_gate.policy.places import YAML, is_policy_test, is_request_path, trust_files
from itil_gate.policy.trust import trust_findings
from itil_gate.reading.extensions import check_extensions, compile_schema
from itil_gate.reading.people import check_people
from itil_gate.reading.read import read, source_finding
from itil_gate.reading.requests import check_request
from itil_gate.reading.services import read_entities
from itil_gate.reading.yaml import parse, parse_all

if TYPE_CHECKING:
    from itil_gate.model.policy import ExtensionSchema
    from itil_gate.reading.document import Document

FileKind = Literal[
    "request", "config", "people", "services", "policy", "test", "ics", "extensions", "trust"
]
_BY_WORD: dict[str, FileKind] = {
    "ChangeRequest": "request",
    "Config": "config",
    "People": "people",
    "PolicyTest": "test",
}


def kind_by_place(config: Config, path: str) -> FileKind | None:
    """Return the kind of a file by where it is, or None if nothing of ours is kept there."""
    places = config.locations
    if path == CONFIG_PATH:
        return "config"
    if path == places.people:
        return "people"
    if path == config.extensions:
        return "extensions"
    if path in trust_files(config):
        return "trust"
    if is_request_path(config, path):
        return "request"
    if path.endswith(YAML):
        if _below(path, places.services) or _below(path, places.catalog):
            return "services"
        if _below(path, places.policies) or _below(path, places.calendar):
            return "test" if is_policy_test(path, folder=places.policies) else "policy"
    if path.endswith(".ics") and _below(path, places.calendar):
        return "ics"
    return None


def kind_by_content(text: str, *, file: str) -> FileKind | None:
    """Return the kind of a file by its own words, or None if it does not say one of ours."""
    if file.endswith(".ics"):
        return "ics"
    try:
        documents = parse_all(text, file=file)
    except SourceError:
        return None
    data = documents[0].data
    if not isinstance(data, dict):
        return None
    kind, version = data.get("kind"), data.get("apiVersion")
    if isinstance(version, str) and version.startswith("backstage.io/"):
        return "services"
    if not isinstance(kind, str):
        return None
    return _BY_WORD.get(kind) or ("policy" if kind in KINDS else None)


def inspect_file(
    text: str, *, file: str, kind: FileKind, extension_schema: ExtensionSchema | None = None
) -> tuple[Finding, ...]:
    """Return everything that is wrong with one file, advice included, with places."""
    if kind == "request":
        return _request(text, file, extension_schema)
    if kind == "services":
        found = read_entities(text, file=file)
        return tuple(item for item in found if isinstance(item, Finding))
    if kind == "ics":
        from itil_gate.reading.ics import read_ics  # noqa: PLC0415 - only where there is an .ics

        return read_ics(text, file=file)
    if kind == "extensions":
        return _extensions(text, file)
    if kind == "trust":
        return trust_findings(text, file=file)
    try:
        if kind in ("policy", "test"):
            look = _policy if kind == "policy" else _test
            return tuple(
                found for document in parse_all(text, file=file) for found in look(document)
            )
        document = parse(text, file=file)
    except SourceError as error:
        return (source_finding(error),)
    if kind == "people":
        people = read(document, People)
        return people if isinstance(people, tuple) else check_people(people, document)
    config = read(document, Config)
    return config if isinstance(config, tuple) else ()


def unknown_kind(file: str) -> Finding:
    """Return the finding about a file of which nobody can tell what it is."""
    return Finding(
        rule="unknown-kind",
        message="neither its place nor its `kind` says which kind of file this is",
        remedy="begin it with apiVersion and kind, or leave it out",
        place=Place(file=file),
    )


def error_findings(error: ConfigError, *, file: str) -> tuple[Finding, ...]:
    """Return the findings of an error about the judge's data; one of its own if it has none."""
    if error.findings:
        return error.findings
    return (
        Finding(rule=error.code, message=error.message, remedy=error.hint, place=Place(file=file)),
    )


def _request(text: str, file: str, extension_schema: ExtensionSchema | None) -> tuple[Finding, ...]:
    try:
        document = parse(text, file=file)
    except SourceError as error:
        return (source_finding(error),)
    request = read(document, ChangeRequest)
    if isinstance(request, tuple):
        return request
    findings = check_request(request, document)
    if not request.spec.extensions and extension_schema is None:
        return findings
    try:
        own = check_extensions(request.spec.extensions, extension_schema, document)
    except ConfigError:
        return findings  # told once, about the schema's own file
    return (*findings, *own)


def read_policy_test(document: Document) -> PolicyTest | tuple[Finding, ...]:
    """Return the policy test that a document is, or why it is none.

    A folder `tests` holds nothing else: a policy there would look as if it counted.
    """
    kind = document.data.get("kind") if isinstance(document.data, dict) else None
    if kind != "PolicyTest":
        return (
            Finding(
                rule="unknown-kind",
                message=f"{kind!r} stands in a folder of policy tests, where it decides nothing",
                remedy="move a policy out of the folder; tests are of kind PolicyTest",
                place=document.place(("kind",) if kind is not None else ()),
            ),
        )
    return read(document, PolicyTest)


def _test(document: Document) -> tuple[Finding, ...]:
    found = read_policy_test(document)
    return found if isinstance(found, tuple) else ()


def _policy(document: Document) -> tuple[Finding, ...]:
    kind = document.data.get("kind") if isinstance(document.data, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        return (
            Finding(
                rule="unknown-kind",
                message=f"{kind!r} is not a kind of policy",
                remedy=f"use one of {', '.join(sorted(KINDS))}",
                place=document.place(("kind",) if kind is not None else ()),
            ),
        )
    result = read(document, model_of(kind))
    return result if isinstance(result, tuple) else ()


def _extensions(text: str, file: str) -> tuple[Finding, ...]:
    try:
        compile_schema(file, text)
    except ConfigError as error:
        return error_findings(error, file=file)
    return ()


def _below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")
