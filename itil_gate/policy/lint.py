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
from itil_gate.policy.idle import constant_findings, idle_findings
from itil_gate.policy.layers import in_order
from itil_gate.policy.model_rules import check_models
from itil_gate.policy.places import YAML, is_policy_test
from itil_gate.policy.placing import document_of, spec_place
from itil_gate.reading.yaml import parse_all
from itil_gate.risk.soundness import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date

    from itil_gate.model.config import Config
    from itil_gate.model.policy import PolicySet, Source
    from itil_gate.model.policy_test import PolicyTest
    from itil_gate.policy.conditions import Conditions
    from itil_gate.policy.placing import Policy
    from itil_gate.reading.document import Document, Path


def lint_policies(
    policies: PolicySet,
    documents: Sequence[Document],
    *,
    today: date,
    conditions: Conditions | None = None,
    tests: Sequence[PolicyTest] | None = None,
) -> tuple[Finding, ...]:
    """Return the findings about a set that loads.

    `documents` are the policy documents it was made from, so that findings can name a place;
    `today` is the day that review dates are held against. `conditions` are the set's expressions
    and `tests` its policy tests, if those are to be looked at too.
    """
    return (
        *_roles(policies, documents),
        *_policy_findings(policies, documents, today, conditions, tests),
    )


def lint_without_people(
    policies: PolicySet,
    documents: Sequence[Document],
    *,
    today: date,
    conditions: Conditions | None = None,
    tests: Sequence[PolicyTest] | None = None,
) -> tuple[Finding, ...]:
    """Return the findings about policies that belong to nobody yet, such as a shipped profile."""
    return tuple(_policy_findings(policies, documents, today, conditions, tests))


def _policy_findings(
    policies: PolicySet,
    documents: Sequence[Document],
    today: date,
    conditions: Conditions | None,
    tests: Sequence[PolicyTest] | None,
) -> Iterator[Finding]:
    yield from _levels(policies, documents)
    yield from _reviews(policies, documents, today)
    yield from idle_findings(policies, documents, today=today)
    yield from _advice(policies, documents)
    if conditions is not None:
        yield from constant_findings(conditions)
    if tests is not None:
        yield from _untested(policies, documents, tests)


def policy_documents(sources: Iterable[Source], config: Config) -> tuple[Document, ...]:
    """Return the policy documents of a set that loads, lower layers first, for places."""
    folders = (config.locations.policies, config.locations.calendar)
    documents = (
        document
        for source in sources
        if source.path.endswith(YAML)
        and not is_policy_test(source.path, folder=folders[0])
        and any(source.path.startswith(f"{folder}/") or source.path == folder for folder in folders)
        for document in parse_all(source.text, file=source.path)
    )
    return in_order(documents, policies_folder=folders[0])


def requirement_place(
    documents: Iterable[Document], policy: str, requirement: str, *, key: str = "id"
) -> Place | None:
    """Return where a requirement of an approval policy is written, or None if it is not found."""
    document = document_of(documents, "ApprovalPolicy", policy)
    if document is None:
        return None
    for index, item in enumerate(document.data["spec"]["requirements"]):
        if item.get("id") == requirement:
            return document.place(("spec", "requirements", index, key))
    return document.place()


def _roles(policies: PolicySet, documents: Sequence[Document]) -> Iterator[Finding]:
    humans = {person.id for person in policies.people.persons if person.kind == "human"}
    held = {grant.role for grant in policies.people.roles if humans & set(grant.members)} | {PEER}
    for whose, key, role, place in _asked_roles(policies, documents):
        if role not in held:
            yield Finding(
                rule="role-without-holder",
                message=f"{whose} asks for the {key} {role}, which no human holds",
                remedy=f"give {role} to people in {policies.config.locations.people}, "
                "or correct the name",
                place=place,
            )


def _asked_roles(
    policies: PolicySet, documents: Sequence[Document]
) -> Iterator[tuple[str, str, str, Place | None]]:
    """Yield every role that somebody has to hold: who asks, under which key, and where."""
    for policy in policies.approvals:
        for one in policy.spec.requirements:
            for key, role in (("role", one.role), ("fallback", one.fallback)):
                if role is not None:
                    place = requirement_place(documents, policy.metadata.name, one.id, key=key)
                    yield one.id, key, role, place
    for waiver in policies.waivers:
        place = spec_place(documents, waiver, "role")
        yield f"the waiver {waiver.metadata.name}", "role", waiver.spec.role, place
    for model in policies.risk_models:
        appetite = model.spec.appetite
        if appetite is not None and appetite.exception is not None:
            place = spec_place(documents, model, "appetite", "exception")
            yield f"the appetite of {model.metadata.name}", "role", appetite.exception, place


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
        document = document_of(documents, first.kind, first.metadata.name)
        yield Finding(
            rule="level-without-requirement",
            message=f"no requirement applies to {' and '.join(bare)} risk: every such change is "
            "refused",
            remedy="add a requirement for the level, unless that is what is meant",
            effect="advise",
            place=document.place(("spec", "requirements")) if document else None,
        )


def _advice(policies: PolicySet, documents: Sequence[Document]) -> Iterator[Finding]:
    """Yield what is advised about risk models and change models; such sets do load."""
    for model in policies.risk_models:
        yield from _advised(faults(model, _placer(documents, model)))
    for published in policies.change_models:
        yield from _advised(
            check_models((published,), lambda one, path: _placer(documents, one)(path))
        )


def _placer(documents: Sequence[Document], policy: Policy) -> Callable[[Path], Place | None]:
    document = document_of(documents, policy.kind, policy.metadata.name)
    return lambda path: document.place(path) if document is not None else None


def _advised(found: Iterable[Finding]) -> Iterator[Finding]:
    yield from (finding for finding in found if finding.effect == "advise")


def _untested(
    policies: PolicySet, documents: Sequence[Document], tests: Sequence[PolicyTest]
) -> Iterator[Finding]:
    """Find rules that no test expects anything of."""
    named = {rule for test in tests for case in test.spec.cases for rule in case.expect.rules}
    for rule_set in policies.rule_sets:
        for rule in rule_set.spec.rules:
            if rule.id in named:
                continue
            yield Finding(
                rule="untested-rule",
                message=f"no policy test says how the rule {rule.id} should come out",
                remedy=f"add a case with `rules: {{{rule.id}: UNSATISFIED}}` below "
                f"{policies.config.locations.policies}/tests",
                effect="advise",
                place=_rule_place(documents, rule.id),
            )


def _rule_place(documents: Sequence[Document], name: str) -> Place | None:
    """Return where the rule in force with an id is written: the last one, of the highest layer."""
    found = None
    for document in documents:
        if isinstance(document.data, dict) and document.data.get("kind") == "RuleSet":
            for index, rule in enumerate(document.data["spec"]["rules"]):
                if rule["id"] == name:
                    found = document.place(("spec", "rules", index, "id"))
    return found


def _reviews(policies: PolicySet, documents: Sequence[Document], today: date) -> Iterator[Finding]:
    items: list[Policy] = [
        *policies.approvals,
        *policies.risk_models,
        *policies.calendars,
        *policies.rule_sets,
        *policies.change_models,
        *policies.external_checks,
    ]
    for item in items:
        if item.metadata.review_by >= today:
            continue
        path: Path = ("metadata", "reviewBy")
        document = document_of(documents, item.kind, item.metadata.name)
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
