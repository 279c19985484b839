"""Compile the judge's data into one policy set: the whole set loads or none of it does.

Refuses unknown kinds, duplicate names, an empty set and anything that does not validate. It reads
texts it is handed and nothing else.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from itil_gate.model.calendar import Calendar
from itil_gate.model.config import CONFIG_PATH, Config
from itil_gate.model.errors import ConfigError, SourceError
from itil_gate.model.external import ExternalCheck
from itil_gate.model.finding import Finding, Place
from itil_gate.model.people import People
from itil_gate.model.policy import ApprovalPolicy, CalendarText, ExtensionSchema, PolicySet, Source
from itil_gate.model.risk import RiskModel
from itil_gate.policy.conditions import compile_conditions
from itil_gate.policy.kinds import below, duplicates, read_documents, read_into, unsound
from itil_gate.policy.layers import layered, split
from itil_gate.policy.places import trust_files
from itil_gate.policy.trust import trust_findings
from itil_gate.reading.extensions import compile_schema
from itil_gate.reading.people import check_people
from itil_gate.reading.read import read, source_finding
from itil_gate.reading.services import read_entities
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.model.services import Service
    from itil_gate.policy.conditions import Conditions


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
    written = list(read_documents(by_path, (places.policies, places.calendar), faults))
    for layer in split(written, policies_folder=places.policies)[0]:
        faults += duplicates(layer)
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

        faults += check_rules(documents, counted=config.log is not None)
    faults += unsound(documents)
    texts = _calendar_texts(by_path, places.calendar, calendars, faults)
    extension_schema = _extension_schema(by_path, config, faults)
    faults += _trust(by_path, config)
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
    people = read_into(document, People, faults)
    if people is not None:
        faults += [found for found in check_people(people, document) if found.effect != "advise"]
    return people


def _services(
    by_path: dict[str, Source], prefixes: tuple[str, ...], faults: list[Finding]
) -> tuple[Service, ...]:
    services: list[Service] = []
    files: dict[str, list[str]] = {}
    for source in below(by_path, prefixes):
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


def _trust(by_path: dict[str, Source], config: Config) -> list[Finding]:
    found: list[Finding] = []
    for path in trust_files(config):
        source = by_path.get(path)
        if source is None:
            found.append(_absent(path, "a root that itil-gate.yaml names"))
        else:
            found += trust_findings(source.text, file=path)
    return found


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
