"""Services from Backstage entities: several in a file, with the gate's own facts as annotations.

Entities that are no services (groups, users, locations) are passed over; an entity of a kind
nobody knows is refused, for it may be a misspelt service. `spec.owner` grants nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

from itil_gate.model.errors import SourceError
from itil_gate.model.finding import Finding
from itil_gate.model.paths import glob_fault
from itil_gate.model.services import (
    ANNOTATION_DATA_CLASS,
    ANNOTATION_PATHS,
    ANNOTATION_TIER,
    ANNOTATIONS,
    SERVICE_KINDS,
    Entity,
    EntityKind,
    Service,
)
from itil_gate.reading.read import read, source_finding
from itil_gate.reading.yaml import parse_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.reading.document import Document, Path

_TIERS = {"1": 1, "2": 2, "3": 3, "4": 4, "5": 5}
_OTHER_KINDS = frozenset(get_args(EntityKind)) - SERVICE_KINDS
_REFERENCE = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9]{0,62}:)?(?:[A-Za-z0-9][A-Za-z0-9._-]{0,62}/)?"
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)",
    re.ASCII,
)
"""A Backstage entity reference: [kind:][namespace/]name."""


def read_entities(text: str, *, file: str) -> tuple[Service, ...] | tuple[Finding, ...]:
    """Return the services of a catalogue file in their order, or the findings about it."""
    try:
        documents = parse_all(text, file=file)
    except SourceError as error:
        return (source_finding(error),)
    services: dict[str, Service] = {}
    findings: list[Finding] = []
    for document in documents:
        if _is_no_service(document):
            continue
        entity = read(document, Entity)
        if isinstance(entity, tuple):
            findings += entity
            continue
        found = tuple(_check(entity, document))
        name = entity.metadata.name
        if name in services:
            words = ("duplicate-service", f"the service {name} is described twice")
            found += (_finding(document, ("metadata", "name"), words, "give each its own name"),)
        findings += found
        if not found:
            services[name] = _service(entity)
    return tuple(findings) or tuple(services.values())


def reference_name(reference: str) -> str | None:
    """Return the name in an entity reference such as `component:default/name`, or None."""
    match = _REFERENCE.fullmatch(reference)
    return match["name"] if match else None


def _is_no_service(document: Document) -> bool:
    data = document.data
    return (
        isinstance(data, dict)
        and isinstance(data.get("apiVersion"), str)
        and data.get("kind") in _OTHER_KINDS
    )


def _check(entity: Entity, document: Document) -> Iterator[Finding]:
    annotations = entity.metadata.annotations
    here: Path = ("metadata", "annotations")
    tier = annotations.get(ANNOTATION_TIER)
    if tier is not None and tier not in _TIERS:
        words = ("wrong-tier", f'the tier of {entity.metadata.name} is "{tier[:60]}"')
        remedy = 'write a tier from "1", the most critical, to "5"'
        yield _finding(document, (*here, ANNOTATION_TIER), words, remedy)
    for glob in annotations.get(ANNOTATION_PATHS, "").split():
        if fault := glob_fault(glob):
            words = ("wrong-glob", f'the path "{glob[:60]}" {fault.message}')
            yield _finding(document, (*here, ANNOTATION_PATHS), words, fault.remedy)
    for index, reference in enumerate(entity.spec.depends_on):
        if reference_name(reference) is None:
            words = ("wrong-reference", f'"{reference[:60]}" is no entity reference')
            remedy = "write a name, or kind:namespace/name such as component:default/payments-api"
            yield _finding(document, ("spec", "dependsOn", index), words, remedy)


def _service(entity: Entity) -> Service:
    annotations = entity.metadata.annotations
    names = (reference_name(reference) for reference in entity.spec.depends_on)
    return Service(
        name=entity.metadata.name,
        title=entity.metadata.title or entity.metadata.name,
        tier=_TIERS.get(annotations.get(ANNOTATION_TIER, "")),
        lifecycle=entity.spec.lifecycle,
        data_class=annotations.get(ANNOTATION_DATA_CLASS),
        paths=tuple(annotations.get(ANNOTATION_PATHS, "").split()),
        depends_on=tuple(dict.fromkeys(name for name in names if name)),
        annotations=tuple(
            sorted(
                (key.removeprefix(ANNOTATIONS), value)
                for key, value in annotations.items()
                if key.startswith(ANNOTATIONS)
            )
        ),
    )


def _finding(document: Document, path: Path, words: tuple[str, str], remedy: str) -> Finding:
    rule, message = words
    return Finding(rule=rule, message=message, remedy=remedy, place=document.place(path))
