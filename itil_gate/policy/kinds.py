"""The kinds of policies: documents to models, each kind's model imported when it is met.

Refuses unknown kinds, names and ids given twice, and models that are not sound in themselves. What
documents mean together is asked elsewhere.
"""

from __future__ import annotations

import importlib
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from itil_gate.model.errors import SourceError
from itil_gate.model.finding import Finding
from itil_gate.policy.places import YAML, is_policy_test
from itil_gate.reading.read import read, source_finding
from itil_gate.reading.yaml import parse_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.model.base import Model
    from itil_gate.model.calendar import Calendar
    from itil_gate.model.change_model import ChangeModel
    from itil_gate.model.external import ExternalCheck
    from itil_gate.model.finding import Place
    from itil_gate.model.policy import ApprovalPolicy, Source
    from itil_gate.model.profile import Profile
    from itil_gate.model.risk import RiskModel
    from itil_gate.model.ruleset import RuleSet, Waiver
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


def read_documents(
    by_path: dict[str, Source], prefixes: tuple[str, ...], faults: list[Finding]
) -> Iterable[tuple[Document, PolicyDocument]]:
    """Yield the policies below some folders; what is wrong with them is added to `faults`.

    The tests below the first folder are passed over: they decide nothing.
    """
    for source in below(by_path, prefixes):
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
            loaded = read_into(document, model_of(kind), faults)
            if loaded is not None:
                yield document, loaded


def duplicates(
    documents: list[tuple[Document, PolicyDocument]],
) -> list[Finding]:
    """Return a finding for every name of a kind, and every id of a list, that is there twice."""
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


def unsound(documents: list[tuple[Document, PolicyDocument]]) -> list[Finding]:
    """Return what keeps risk models and change models from being sound; advice is for lint."""
    found: list[Finding] = []
    for document, item in documents:
        if item.kind == "RiskModel" and any(getattr(item.spec, key) for key in _SCORING):
            from itil_gate.risk.soundness import faults  # noqa: PLC0415 - few models have bands

            found += faults(item, document.place)
        elif item.kind == "ChangeModel":
            from itil_gate.policy.model_rules import check_models  # noqa: PLC0415 - few sets have

            found += check_models((item,), partial(_place_in, document))
    if any(item.kind == "ExternalCheck" and item.spec.signed for _, item in documents):
        from itil_gate.policy.report_keys import check_report_keys  # noqa: PLC0415 - few sets have

        found += check_report_keys(documents)
    return [one for one in found if one.effect != "advise"]


def _place_in(document: Document, _item: ChangeModel, path: Path) -> Place:
    return document.place(path)


def below(by_path: dict[str, Source], prefixes: tuple[str, ...]) -> list[Source]:
    """Return the YAML files in or below some paths, sorted."""
    return [
        by_path[path]
        for path in sorted(by_path)
        if path.endswith(YAML)
        and any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)
    ]


def read_into(document: Document, model: type[M], faults: list[Finding]) -> M | None:
    """Return the model of a document; None, and its findings added to `faults`, if it is none."""
    result = read(document, model)
    if isinstance(result, model):
        return result
    faults += result  # type: ignore[arg-type]
    return None
