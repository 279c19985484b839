"""Outcome coverage: which answers of a policy set the tests have seen, and which never.

Every condition, requirement, floor, factor, check and rule has two answers; a test suite that never
sees one of them would not notice if it could no longer be given. Read from decisions alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.base import LEVELS
from itil_gate.model.frozen import frozen
from itil_gate.model.policy import NORMAL_LANES
from itil_gate.prove.testing import policies_of, states_of
from itil_gate.reading.yaml import parse_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from itil_gate.model.decision import ChangeVerdict, Decision
    from itil_gate.model.finding import Place
    from itil_gate.model.policy import PolicySet, Requirement, Source
    from itil_gate.model.ruleset import PolicyRule
    from itil_gate.prove.testing import CaseResult, Suite
    from itil_gate.reading.document import Document

_LISTS = {
    "rule": ("RuleSet", "rules"),
    "requirement": ("ApprovalPolicy", "requirements"),
    "floor": ("RiskModel", "floors"),
    "factor": ("RiskModel", "factors"),
    "freeze": ("Calendar", "freezes"),
    "window": ("Calendar", "windows"),
}


@frozen
class Answer:
    """One answer that a part of a policy set can give: floor `migrations` applies."""

    kind: str
    """rule, requirement, floor, factor, freeze, model, external check, outcome or level."""
    policy: str
    """Name of the document; empty for outcomes and levels."""
    name: str
    answer: str

    def __str__(self) -> str:
        """Write the answer as a sentence without its end."""
        return f"the {self.kind} {self.name} {self.answer}"


@frozen
class Covered:
    """An answer, whether a test has seen it, and where its part is written."""

    answer: Answer
    seen: bool
    place: Place | None


@frozen
class Coverage:
    """Every answer of a policy set, seen or not."""

    answers: tuple[Covered, ...]

    @property
    def seen(self) -> int:
        """How many answers were seen."""
        return sum(one.seen for one in self.answers)

    @property
    def percent(self) -> int:
        """The share that was seen, in whole percent, rounded down; 100 of nothing."""
        return 100 * self.seen // len(self.answers) if self.answers else 100

    @property
    def unseen(self) -> tuple[Covered, ...]:
        """The answers that no test has seen."""
        return tuple(one for one in self.answers if not one.seen)


def cover(suite: Suite, results: Sequence[CaseResult]) -> Coverage:
    """Return which answers the decisions of a suite show. Raises ConfigError as decisions do.

    Asked of are the parts that the suite is there to prove, and outcomes and levels.
    """
    policies = policies_of(suite)
    seen = {answer for result in results for answer in _seen(policies, result)}
    ours = suite.mutable
    sources = sorted(suite.policies, key=lambda one: ours is not None and one.path not in ours)
    documents = _documents(sources)
    placed = [(answer, _place(documents, answer)) for answer in dict.fromkeys(_answers(policies))]
    return Coverage(
        tuple(
            Covered(answer, answer in seen, place)
            for answer, place in placed
            if place is None or ours is None or place.file in ours
        )
    )


def _answers(policies: PolicySet) -> Iterator[Answer]:
    """Yield every answer that the set can give."""
    for outcome in ("allow", "pending", "deny"):
        yield Answer("outcome", "", outcome, "is reached")
    for level in LEVELS:
        yield Answer("level", "", level, "is assessed")
    for kind, policy, name in _risk_parts(policies):
        yield Answer(kind, policy, name, "applies")
        yield Answer(kind, policy, name, "does not apply")
    for policy, one in _requirements(policies):
        yield Answer("requirement", policy, one.id, "is met")
        yield Answer("requirement", policy, one.id, "is not met")
        if one.when or set(one.levels) != set(LEVELS) or not set(NORMAL_LANES) <= set(one.lanes):
            yield Answer("requirement", policy, one.id, "is not asked")
    for policy, rule in _rules(policies):
        yield Answer("rule", policy, rule.id, "holds")
        yield Answer("rule", policy, rule.id, "is broken")
        if rule.when is not None:
            yield Answer("rule", policy, rule.id, "does not apply")
    yield from _other_answers(policies)


def _other_answers(policies: PolicySet) -> Iterator[Answer]:
    for published in policies.change_models:
        yield Answer("model", "", published.metadata.name, "fits")
        yield Answer("model", "", published.metadata.name, "does not fit")
    for check in policies.external_checks:
        yield Answer("external check", "", check.metadata.name, "passes")
        yield Answer("external check", "", check.metadata.name, "does not pass")
        if check.spec.when is not None:
            yield Answer("external check", "", check.metadata.name, "is not asked")
    for calendar, freeze in _freezes(policies):
        yield Answer("freeze", calendar, freeze, "is met")


def _seen(policies: PolicySet, result: CaseResult) -> Iterator[Answer]:
    """Yield the answers that one case shows."""
    decision = result.decision
    if decision is None:
        return
    yield Answer("outcome", "", decision.outcome, "is reached")
    for change in decision.changes:
        yield from _seen_of_change(policies, change)
    states = states_of(decision)
    yield from _models(policies, result, decision)
    for policy, rule in _rules(policies):
        if rule.id in states:
            yield Answer("rule", policy, rule.id, _RULES.get(states[rule.id].state, "is broken"))
    said = [finding for state in states.values() for finding in state.findings]
    for check in policies.external_checks:
        name = check.metadata.name
        failed = any(
            one.rule.startswith(f"external:{name}:") or f"check {name} " in one.message
            for one in said
        )
        # Without results a check that is asked is never silent.
        silent = "passes" if name in result.handed else "is not asked"
        yield Answer("external check", "", name, "does not pass" if failed else silent)
    for calendar, freeze in _freezes(policies):
        if any(f"the freeze {freeze} (calendar {calendar})" in one.message for one in said):
            yield Answer("freeze", calendar, freeze, "is met")


_RULES = {"NOT_APPLICABLE": "does not apply", "SATISFIED": "holds"}


def _seen_of_change(policies: PolicySet, change: ChangeVerdict) -> Iterator[Answer]:
    yield Answer("level", "", change.risk.level, "is assessed")
    sources = {one.source for one in change.risk.contributions}
    for kind, policy, name in _risk_parts(policies):
        applied = f"{policy}:{name}" in sources
        yield Answer(kind, policy, name, "applies" if applied else "does not apply")
    asked = {(one.policy, one.id): one.state for one in change.requirements}
    for policy, one in _requirements(policies):
        state = asked.get((policy, one.id))
        words = "is met" if state == "SATISFIED" else "is not met"
        yield Answer("requirement", policy, one.id, words if state else "is not asked")


def _risk_parts(policies: PolicySet) -> Iterator[tuple[str, str, str]]:
    for model in policies.risk_models:
        for floor in model.spec.floors:
            yield "floor", model.metadata.name, floor.id
        for factor in model.spec.factors:
            yield "factor", model.metadata.name, factor.id


def _requirements(policies: PolicySet) -> Iterator[tuple[str, Requirement]]:
    for policy in policies.approvals:
        for one in policy.spec.requirements:
            yield policy.metadata.name, one


def _rules(policies: PolicySet) -> Iterator[tuple[str, PolicyRule]]:
    for rule_set in policies.rule_sets:
        for rule in rule_set.spec.rules:
            yield rule_set.metadata.name, rule


def _freezes(policies: PolicySet) -> Iterator[tuple[str, str]]:
    for calendar in policies.calendars:
        for freeze in calendar.spec.freezes:
            yield calendar.metadata.name, freeze.id


def _models(policies: PolicySet, result: CaseResult, decision: Decision) -> Iterator[Answer]:
    """Yield which of the models that requests name fit; the gate's rules about them say so."""
    states = states_of(decision)
    refused = any(
        state.state == "UNSATISFIED" and (rule.startswith("model-") or rule == "outside-model")
        for rule, state in states.items()
    )
    for model in policies.change_models:
        name = model.metadata.name
        recognised = any(one.id.startswith(f"STD-{name}-") for one in decision.changes)
        if name == result.model or recognised:
            yield Answer("model", "", name, "does not fit" if refused else "fits")


def _documents(sources: Sequence[Source]) -> tuple[Document, ...]:
    return tuple(
        document
        for source in sources
        if source.path.endswith((".yaml", ".yml"))
        for document in parse_all(source.text, file=source.path)
    )


def _place(documents: Sequence[Document], answer: Answer) -> Place | None:
    """Return where the part that gives an answer is written; None for outcomes and levels."""
    if answer.kind in ("model", "external check"):
        kind = "ChangeModel" if answer.kind == "model" else "ExternalCheck"
        wanted = (document for document in documents if _is(document, kind, answer.name))
        return next((document.key_place(("metadata", "name")) for document in wanted), None)
    if answer.kind not in _LISTS:
        return None
    kind, key = _LISTS[answer.kind]
    for document in documents:
        if _is(document, kind, answer.policy):
            for index, entry in enumerate(document.data["spec"].get(key, ())):
                if entry.get("id") == answer.name:
                    return document.place(("spec", key, index))
    return None


def _is(document: Document, kind: str, name: str) -> bool:
    data = document.data
    return (
        isinstance(data, dict)
        and data.get("kind") == kind
        and isinstance(data.get("metadata"), dict)
        and data["metadata"].get("name") == name
    )
