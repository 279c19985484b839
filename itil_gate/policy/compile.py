"""Compile the judge's data into one policy set: the whole set loads or none of it does.

Refuses unknown kinds, duplicate names, an empty set and anything that does not validate. It reads
texts it is handed and nothing else.
"""

from __future__ import annotations

import hashlib
import importlib
from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypeVar

from itil_gate.model.calendar import Calendar
from itil_gate.model.config import CONFIG_PATH, Config
from itil_gate.model.errors import ConfigError, SourceError
from itil_gate.model.external import ExternalCheck
from itil_gate.model.finding import Finding, Place
from itil_gate.model.people import People
from itil_gate.model.policy import ApprovalPolicy, CalendarText, ExtensionSchema, PolicySet, Source
from itil_gate.model.risk import RiskModel
from itil_gate.policy.conditions import compile_conditions
from itil_gate.policy.layers import layered, split
from itil_gate.policy.places import YAML, is_policy_test
from itil_gate.reading.extensions import compile_schema
from itil_gate.reading.people import check_people
from itil_gate.reading.read import read, source_finding
from itil_gate.reading.services import read_entities
from itil_gate.reading.yaml import parse, parse_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.model.base import Model
    from itil_gate.model.change_model import ChangeModel
    from itil_gate.model.profile import Profile
    from itil_gate.model.ruleset import RuleSet, Waiver
    from itil_gate.model.services import Service
    from itil_gate.policy.conditions import Conditions
    from itil_gate.reading.document import Document, Path

    PolicyDocument = (
        ApprovalPolicy
        | RiskModel
        | Calendar
        | ExternalCheck
        | RuleSet
        | ChangeModel
        | Waiver
        | Profile
    )

M = TypeVar("M", bound="Model")
KINDS: dict[str, str] = {
    "ApprovalPolicy": "policy",
    "RiskModel": "risk",
    "Calendar": "calendar",
    "ExternalCheck": "external",
    "RuleSet": "ruleset",
    "ChangeModel": "change_model",
    "Waiver": "ruleset",
    "Profile": "profile",
}
"""Every kind of policy, and the file of its model; a kind nobody uses is not even imported."""


def model_of(kind: str) -> type[PolicyDocument]:
    """Return the model of a kind of policy. Raises KeyError for no kind."""
    module = importlib.import_module(f"itil_gate.model.{KINDS[kind]}")
    found: type[PolicyDocument] = getattr(module, kind)
    return found


def compile_policies(sources: Iterable[Source]) -> PolicySet:
    """Return the policy set that the given texts make up.

    Raises ConfigError, with a located finding for every fault, unless all of them load: code
    `not-adopted` without a configuration, `no-policy` without approval policy or risk model,
    `invalid-policy-set` for anything else.
    """
    return _compile(tuple(sorted(sources, key=lambda source: source.path)))[0]


def compile_conditions_of(sources: Iterable[Source]) -> Conditions:
    """Return the expressions of the set that the texts make up; raises as `compile_policies`."""
    return _compile(tuple(sorted(sources, key=lambda source: source.path)))[1]


@lru_cache(maxsize=8)
def _compile(sources: tuple[Source, ...]) -> tuple[PolicySet, Conditions]:
    """Compile once what is judged by many times; a set is a value and never changes."""
    by_path = {source.path: source for source in sources}
    config = read_config(by_path)
    faults: list[Finding] = []
    places = config.locations
    people = _people(by_path, places.people, faults)
    services = _services(by_path, (places.services, places.catalog), faults)
    written = list(_documents(by_path, (places.policies, places.calendar), faults))
    for layer in split(written, policies_folder=places.policies)[0]:
        faults += _duplicates(layer)
    documents, loosened = layered(written, policies_folder=places.policies)
    faults += loosened
    conditions = compile_conditions(documents, faults)
    approvals = tuple(item for _, item in documents if isinstance(item, ApprovalPolicy))
    risk_models = tuple(item for _, item in documents if isinstance(item, RiskModel))
    calendars = tuple(item for _, item in documents if isinstance(item, Calendar))
    external = tuple(item for _, item in documents if isinstance(item, ExternalCheck))
    rule_sets = tuple(item for _, item in documents if item.kind == "RuleSet")
    waivers = tuple(item for _, item in documents if item.kind == "Waiver")
    change_models = tuple(item for _, item in documents if item.kind == "ChangeModel")
    if rule_sets or waivers:
        from itil_gate.policy.rule_names import check_rules  # noqa: PLC0415 - few sets have rules

        faults += check_rules(documents)
    faults += _unsound(documents)
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
    compiled = PolicySet(
        digest=sources_digest(by_path.values()),
        config=config,
        people=people,
        services=services,
        approvals=approvals,
        risk_models=risk_models,
        calendars=calendars,
        rule_sets=rule_sets,
        waivers=waivers,
        change_models=change_models,
        external_checks=external,
        calendar_texts=texts,
        extension_schema=extension_schema,
    )
    return compiled, conditions


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
    files: dict[str, list[str]] = {}
    for source in _below(by_path, prefixes):
        entities = read_entities(source.text, file=source.path)
        for item in entities:
            if isinstance(item, Finding):
                faults.append(item)
            else:
                services.append(item)
                files.setdefault(item.name, []).append(source.path)
    for name, where in files.items():
        if len(where) > 1:
            faults.append(
                Finding(
                    rule="duplicate-name",
                    message=f"the service {name} is described {len(where)} times, in "
                    f"{' and '.join(where)}",
                    remedy="keep one entity of that name",
                    place=Place(file=where[-1]),
                )
            )
    return tuple(sorted(services, key=lambda service: service.name))


def _documents(
    by_path: dict[str, Source], prefixes: tuple[str, ...], faults: list[Finding]
) -> Iterable[tuple[Document, PolicyDocument]]:
    for source in _below(by_path, prefixes):
        if is_policy_test(source.path, folder=prefixes[0]):
            continue
        try:
            documents = parse_all(source.text, file=source.path)
        except SourceError as error:
            faults.append(source_finding(error))
            continue
        for document in documents:
            kind = document.data.get("kind") if isinstance(document.data, dict) else None
            if not isinstance(kind, str) or kind not in KINDS:
                faults.append(
                    Finding(
                        rule="unknown-kind",
                        message=f"{kind!r} is not a kind of policy",
                        remedy=f"use one of {', '.join(sorted(KINDS))}",
                        place=document.place(("kind",) if kind is not None else ()),
                    )
                )
                continue
            loaded = _read(document, model_of(kind), faults)
            if loaded is not None:
                yield document, loaded


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


ID_LISTS = {
    "ApprovalPolicy": ("requirements",),
    "RiskModel": ("floors", "factors"),
    "Calendar": ("freezes", "windows"),
    "ChangeModel": ("checks",),
    "RuleSet": ("rules",),
}
"""The lists of each kind whose entries have ids."""


def _duplicate_ids(document: Document, item: PolicyDocument) -> list[Finding]:
    lists = {
        key: [entry.id for entry in getattr(item.spec, key)] for key in ID_LISTS.get(item.kind, ())
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


_SCORING = ("bands", "impact", "card", "matrix", "factors")
"""Keys of a risk model that a score is made of."""


def _unsound(documents: list[tuple[Document, PolicyDocument]]) -> list[Finding]:
    """Return what keeps risk models and change models from being sound; advice is for lint."""
    found: list[Finding] = []
    for document, item in documents:
        if item.kind == "RiskModel" and any(getattr(item.spec, key) for key in _SCORING):
            from itil_gate.risk.soundness import faults  # noqa: PLC0415 - few models have bands

            found += faults(item, document.place)
        elif item.kind == "ChangeModel":
            from itil_gate.policy.model_rules import check_models  # noqa: PLC0415 - few sets have

            found += check_models((item,), partial(_place_in, document))
    return [one for one in found if one.effect != "advise"]


def _place_in(document: Document, _item: ChangeModel, path: Path) -> Place:
    return document.place(path)


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
    faults += [
        Finding(
            rule="wrong-calendar",
            message=f"no Calendar names {path}, so nothing in it holds",
            remedy="name it under spec.files of a Calendar, or take it out of the folder",
            place=Place(file=path),
        )
        for path in sorted(by_path)
        if path.endswith(".ics") and path.startswith(f"{prefix}/") and path not in wanted
    ]
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
