"""What is odd about a policy set that loads: roles nobody holds, levels nobody thought of, age.

Whether requirements can be met when any one person is the author is asked in decide/prospects,
with the functions that judge changes. Nothing here decides about a change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.base import LEVELS
from itil_gate.model.config import CONFIG_PATH
from itil_gate.model.finding import Finding, Place
from itil_gate.model.people import PEER
from itil_gate.policy.places import YAML
from itil_gate.reading.yaml import parse_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from itil_gate.model.calendar import Calendar
    from itil_gate.model.config import Config
    from itil_gate.model.policy import ApprovalPolicy, PolicySet, Source
    from itil_gate.model.risk import RiskModel
    from itil_gate.reading.document import Document, Path


def lint_policies(
    policies: PolicySet, documents: Sequence[Document], *, today: date
) -> tuple[Finding, ...]:
    """Return the findings about a set that loads.

    `documents` are the policy documents it was made from, so that findings can name a place;
    `today` is the day that review dates are held against.
    """
    return (
        *_roles(policies, documents),
        *_levels(policies, documents),
        *_reviews(policies, documents, today),
    )


def policy_documents(sources: Iterable[Source], config: Config) -> tuple[Document, ...]:
    """Return the policy documents of a set that loads, for the places of findings."""
    folders = (config.locations.policies, config.locations.calendar)
    return tuple(
        document
        for source in sources
        if source.path.endswith(YAML)
        and any(source.path.startswith(f"{folder}/") or source.path == folder for folder in folders)
        for document in parse_all(source.text, file=source.path)
    )


def requirement_place(
    documents: Iterable[Document], policy: str, requirement: str, *, key: str = "id"
) -> Place | None:
    """Return where a requirement of an approval policy is written, or None if it is not found."""
    document = _document(documents, "ApprovalPolicy", policy)
    if document is None:
        return None
    for index, item in enumerate(document.data["spec"]["requirements"]):
        if item.get("id") == requirement:
            return document.place(("spec", "requirements", index, key))
    return document.place()


def _roles(policies: PolicySet, documents: Sequence[Document]) -> Iterator[Finding]:
    humans = {person.id for person in policies.people.persons if person.kind == "human"}
    held = {grant.role for grant in policies.people.roles if humans & set(grant.members)} | {PEER}
    for policy in policies.approvals:
        for requirement in policy.spec.requirements:
            for key, role in (("role", requirement.role), ("fallback", requirement.fallback)):
                if role is None or role in held:
                    continue
                yield Finding(
                    rule="role-without-holder",
                    message=f"{requirement.id} asks for the {key} {role}, which no human holds",
                    remedy=f"give {role} to people in {policies.config.locations.people}, "
                    "or correct the name",
                    place=requirement_place(
                        documents, policy.metadata.name, requirement.id, key=key
                    ),
                )


def _levels(policies: PolicySet, documents: Sequence[Document]) -> Iterator[Finding]:
    covered = {
        level
        for policy in policies.approvals
        for requirement in policy.spec.requirements
        for level in requirement.levels
    }
    bare = [level for level in LEVELS if level not in covered]
    if bare:
        first = policies.approvals[0]
        document = _document(documents, first.kind, first.metadata.name)
        yield Finding(
            rule="level-without-requirement",
            message=f"no requirement applies to {' and '.join(bare)} risk: every such change is "
            "refused",
            remedy="add a requirement for the level, unless that is what is meant",
            effect="advise",
            place=document.place(("spec", "requirements")) if document else None,
        )


def _reviews(policies: PolicySet, documents: Sequence[Document], today: date) -> Iterator[Finding]:
    items: list[ApprovalPolicy | RiskModel | Calendar] = [
        *policies.approvals,
        *policies.risk_models,
        *policies.calendars,
    ]
    for item in items:
        if item.metadata.review_by >= today:
            continue
        path: Path = ("metadata", "reviewBy")
        document = _document(documents, item.kind, item.metadata.name)
        yield Finding(
            rule="review-overdue",
            message=f"{item.kind} {item.metadata.name} was to be looked at again by "
            f"{item.metadata.review_by}",
            remedy=f"{item.metadata.owner} looks at it and sets a new reviewBy",
            effect="advise",
            place=document.place(path) if document else None,
        )
    for exemption in policies.config.exempt:
        if exemption.review_by < today:
            yield Finding(
                rule="review-overdue",
                message=f"the exemption of {', '.join(exemption.paths[:3])} was to be looked at "
                f"again by {exemption.review_by}",
                remedy="look whether it is still needed, and set a new reviewBy",
                effect="advise",
                place=Place(file=CONFIG_PATH),
            )


def _document(documents: Iterable[Document], kind: str, name: str) -> Document | None:
    for document in documents:
        data = document.data
        if not isinstance(data, dict) or data.get("kind") != kind:
            continue
        metadata = data.get("metadata")
        if isinstance(metadata, dict) and metadata.get("name") == name:
            return document
    return None
