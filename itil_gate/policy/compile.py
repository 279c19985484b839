"""Compile the judge's data into one policy set: the whole set loads or none of it does.

Refuses unknown kinds, duplicate names, an empty set and anything that does not validate. It reads
texts it is handed and nothing else.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from itil_gate.model.calendar import Calendar
from itil_gate.model.config import CONFIG_PATH, Config
from itil_gate.model.errors import ConfigError, SourceError
from itil_gate.model.external import ExternalCheck
from itil_gate.model.finding import Finding, Place
from itil_gate.model.people import People
from itil_gate.model.policy import ApprovalPolicy, CalendarText, ExtensionSchema, PolicySet, Source
from itil_gate.model.risk import RiskModel
from itil_gate.policy.places import YAML
from itil_gate.reading.extensions import compile_schema
from itil_gate.reading.people import check_people
from itil_gate.reading.read import read, source_finding
from itil_gate.reading.services import read_entities
from itil_gate.reading.yaml import parse, parse_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.model.base import Model
    from itil_gate.model.services import Service
    from itil_gate.reading.document import Document

M = TypeVar("M", bound="Model")
PolicyDocument = ApprovalPolicy | RiskModel | Calendar | ExternalCheck
KINDS: dict[str, type[PolicyDocument]] = {
    "ApprovalPolicy": ApprovalPolicy,
    "RiskModel": RiskModel,
    "Calendar": Calendar,
    "ExternalCheck": ExternalCheck,
}


def compile_policies(sources: Iterable[Source]) -> PolicySet:
    """Return the policy set that the given texts make up.

    Raises ConfigError, with a located finding for every fault, unless all of them load: code
    `not-adopted` without a configuration, `no-policy` without approval policy or risk model,
    `invalid-policy-set` for anything else.
    """
    return _compile(tuple(sorted(sources, key=lambda source: source.path)))


@lru_cache(maxsize=8)
def _compile(sources: tuple[Source, ...]) -> PolicySet:
    """Compile once what is judged by many times; a set is a value and never changes."""
    by_path = {source.path: source for source in sources}
    config = read_config(by_path)
    faults: list[Finding] = []
    places = config.locations
    people = _people(by_path, places.people, faults)
    services = _services(by_path, (places.services, places.catalog), faults)
    documents = list(_documents(by_path, (places.policies, places.calendar), faults))
    faults += _duplicates(documents)
    faults += _not_understood(documents)
    approvals = tuple(item for _, item in documents if isinstance(item, ApprovalPolicy))
    risk_models = tuple(item for _, item in documents if isinstance(item, RiskModel))
    calendars = tuple(item for _, item in documents if isinstance(item, Calendar))
    external = tuple(item for _, item in documents if isinstance(item, ExternalCheck))
    texts = _calendar_texts(by_path, places.calendar, calendars, faults)
    extension_schema = _extension_schema(by_path, config, faults)
    if people is None or faults:
        raise ConfigError(
            "invalid-policy-set",
            f"the policy set does not load: {len(faults)} fault(s), first: {_first(faults)}",
            findings=faults,
            hint="mend them on the target branch; `itil-gate lint` lists them all",
        )
    if not approvals or not risk_models:
        missing = "ApprovalPolicy" if not approvals else "RiskModel"
        raise ConfigError(
            "no-policy",
            f"there is no {missing} in {places.policies}/",
            hint="`itil-gate init` writes a starting set; nothing passes without one",
        )
    return PolicySet(
        digest=sources_digest(by_path.values()),
        config=config,
        people=people,
        services=services,
        approvals=approvals,
        risk_models=risk_models,
        calendars=calendars,
        external_checks=external,
        calendar_texts=texts,
        extension_schema=extension_schema,
    )


def sources_digest(sources: Iterable[Source]) -> str:
    """Return SHA-256 over path, NUL, SHA-256 of the text, NUL of every source, sorted by path."""
    total = hashlib.sha256(b"itil-gate-policies-v1\0")
    for source in sorted(sources, key=lambda item: item.path):
        text = hashlib.sha256(source.text.encode()).hexdigest()
        total.update(f"{source.path}\0{text}\0".encode())
    return total.hexdigest()


def read_config(by_path: dict[str, Source]) -> Config:
    """Return the configuration among the sources. Raises ConfigError if absent or invalid."""
    source = by_path.get(CONFIG_PATH)
    if source is None:
        raise ConfigError(
            "not-adopted",
            f"the target branch has no {CONFIG_PATH}: the gate is not adopted there",
            hint="1. `itil-gate init`  2. name your people and their keys in people.yaml  "
            "3. an administrator merges that first commit",
        )
    try:
        result = read(parse(source.text, file=source.path), Config)
    except SourceError as error:
        result = (source_finding(error),)
    if isinstance(result, Config):
        return result
    raise ConfigError(
        "invalid-config",
        f"{CONFIG_PATH} does not load: {_first(result)}",
        findings=result,
        hint=f"mend {CONFIG_PATH} on the target branch",
    )


def _people(by_path: dict[str, Source], path: str, faults: list[Finding]) -> People | None:
    source = by_path.get(path)
    if source is None:
        faults.append(_absent(path, "the roster of people"))
        return None
    try:
        document = parse(source.text, file=path)
    except SourceError as error:
        faults.append(source_finding(error))
        return None
    people = _read(document, People, faults)
    if people is not None:
        faults += [found for found in check_people(people, document) if found.effect != "advise"]
    return people


def _services(
    by_path: dict[str, Source], prefixes: tuple[str, ...], faults: list[Finding]
) -> tuple[Service, ...]:
    services: list[Service] = []
    for source in _below(by_path, prefixes):
        entities = read_entities(source.text, file=source.path)
        for item in entities:
            if isinstance(item, Finding):
                faults.append(item)
            else:
                services.append(item)
    for name, count in Counter(service.name for service in services).items():
        if count > 1:
            faults.append(
                Finding(
                    rule="duplicate-name",
                    message=f"the service {name} is described {count} times",
                    remedy="keep one entity of that name",
                    place=Place(file=prefixes[0]),
                )
            )
    return tuple(sorted(services, key=lambda service: service.name))


def _documents(
    by_path: dict[str, Source], prefixes: tuple[str, ...], faults: list[Finding]
) -> Iterable[tuple[Document, PolicyDocument]]:
    for source in _below(by_path, prefixes):
        try:
            documents = parse_all(source.text, file=source.path)
        except SourceError as error:
            faults.append(source_finding(error))
            continue
        for document in documents:
            kind = document.data.get("kind") if isinstance(document.data, dict) else None
            model = KINDS.get(kind) if isinstance(kind, str) else None
            if model is None:
                faults.append(
                    Finding(
                        rule="unknown-kind",
                        message=f"{kind!r} is not a kind of policy",
                        remedy=f"use one of {', '.join(sorted(KINDS))}",
                        place=document.place(("kind",) if kind is not None else ()),
                    )
                )
                continue
            loaded = _read(document, model, faults)
            if loaded is not None:
                yield document, loaded


def _not_understood(documents: list[tuple[Document, PolicyDocument]]) -> list[Finding]:
    """Refuse what the models can hold and no stage reads: it must not look as if it counted."""
    faults = []
    for document, item in documents:
        if isinstance(item, RiskModel) and (
            item.spec.bands or item.spec.factors or any(one.when for one in item.spec.floors)
        ):
            said = "the risk model asks for more than floors by paths"
            remedy = "use default and floors with paths"
        elif isinstance(item, ExternalCheck) and item.spec.when is not None:
            said, remedy = "conditions are not understood yet", "leave when out: always asked"
        else:
            continue
        faults.append(
            Finding(
                rule="unknown-key", message=said, remedy=remedy, place=document.place(("spec",))
            )
        )
    return faults


def _duplicates(
    documents: list[tuple[Document, PolicyDocument]],
) -> list[Finding]:
    seen: dict[tuple[str, str], str] = {}
    faults = []
    for document, item in documents:
        key = (item.kind, item.metadata.name)
        if key in seen:
            faults.append(
                Finding(
                    rule="duplicate-name",
                    message=f"there are two {item.kind} named {item.metadata.name}, "
                    f"the other in {seen[key]}",
                    remedy="give each its own name",
                    place=document.place(("metadata", "name")),
                )
            )
        seen[key] = document.file
        faults += _duplicate_ids(document, item)
    return faults


def _duplicate_ids(document: Document, item: PolicyDocument) -> list[Finding]:
    if isinstance(item, ApprovalPolicy):
        lists = {"requirements": [entry.id for entry in item.spec.requirements]}
    elif isinstance(item, RiskModel):
        lists = {"floors": [entry.id for entry in item.spec.floors]}
    elif isinstance(item, ExternalCheck):
        lists = {}
    else:
        lists = {
            "freezes": [entry.id for entry in item.spec.freezes],
            "windows": [entry.id for entry in item.spec.windows],
        }
    return [
        Finding(
            rule="duplicate-name",
            message=f"{key} has the id {name} twice",
            remedy="give each its own id",
            place=document.place(("spec", key, index, "id")),
        )
        for key, names in lists.items()
        for index, name in enumerate(names)
        if name in names[:index]
    ]


def _calendar_texts(
    by_path: dict[str, Source],
    prefix: str,
    calendars: tuple[Calendar, ...],
    faults: list[Finding],
) -> tuple[CalendarText, ...]:
    wanted = sorted({entry.path for calendar in calendars for entry in calendar.spec.files})
    texts = []
    for path in wanted:
        source = by_path.get(path)
        if source is None or not path.startswith(f"{prefix}/"):
            faults.append(_absent(path, f"a calendar file named by a Calendar, below {prefix}/"))
            continue
        from itil_gate.reading.ics import read_ics  # noqa: PLC0415 - only where there is an .ics

        faults += read_ics(source.text, file=path)
        texts.append(CalendarText(path=path, text=source.text))
    return tuple(texts)


def _extension_schema(
    by_path: dict[str, Source], config: Config, faults: list[Finding]
) -> ExtensionSchema | None:
    if config.extensions is None:
        return None
    source = by_path.get(config.extensions)
    if source is None:
        faults.append(_absent(config.extensions, "the schema of the `x-…` fields"))
        return None
    try:
        compile_schema(source.path, source.text)
    except ConfigError as error:
        faults.append(
            Finding(
                rule=error.code,
                message=error.message,
                remedy=error.hint,
                place=Place(file=source.path),
            )
        )
    return ExtensionSchema(path=source.path, text=source.text)


def _below(by_path: dict[str, Source], prefixes: tuple[str, ...]) -> list[Source]:
    return [
        by_path[path]
        for path in sorted(by_path)
        if path.endswith(YAML)
        and any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)
    ]


def _read(document: Document, model: type[M], faults: list[Finding]) -> M | None:
    result = read(document, model)
    if isinstance(result, model):
        return result
    faults += result  # type: ignore[arg-type]
    return None


def _absent(path: str, what: str) -> Finding:
    return Finding(
        rule="missing-file",
        message=f"{path}, {what}, is not on the branch",
        remedy="add the file, or correct its path",
        place=Place(file=path),
    )


def _first(faults: Iterable[Finding]) -> str:
    for fault in faults:
        return f"{fault.place}: {fault.message}" if fault.place else fault.message
    return "unknown"
