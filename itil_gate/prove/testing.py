"""Policy tests: made-up changes judged by real policies, and whether that came out as expected.

Every case goes through `decide()`, the function that judges real changes. Files of tests are read
as strictly as policies; a test that says something impossible is a fault, never a pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide.gate import decide
from itil_gate.model.errors import ConfigError, GateError, SourceError
from itil_gate.model.finding import Finding, Place
from itil_gate.model.frozen import frozen
from itil_gate.policy.compile import compile_policies
from itil_gate.policy.files import read_policy_test
from itil_gate.prove.setting import (
    TARGET,
    facts_of,
    inputs_of,
    judge_of,
    propose,
    request_of,
    with_statements,
)
from itil_gate.reading.read import source_finding
from itil_gate.reading.wording import nearest
from itil_gate.reading.yaml import parse_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from itil_gate.model.config import Config
    from itil_gate.model.decision import Decision, Outcome, RuleOutcome, RuleState
    from itil_gate.model.policy import PolicySet, Source
    from itil_gate.model.policy_test import PolicyCase, PolicyTest
    from itil_gate.reading.document import Document

SHOWN = 5
_WORST: tuple[RuleOutcome, ...] = (
    "NOT_APPLICABLE",
    "SATISFIED",
    "OVERRIDDEN",
    "ADVISORY",
    "PENDING",
    "UNSATISFIED",
    "ERROR",
)


@frozen
class WrittenTest:
    """A policy test and the document it was read from."""

    test: PolicyTest
    document: Document


@frozen
class Suite:
    """Policy tests and the policies that they are about."""

    tests: tuple[WrittenTest, ...]
    policies: tuple[Source, ...]
    """Policies and calendars; people, services and configuration are made for each test."""
    config: Config
    mutable: frozenset[str] | None = None
    """Paths of the policies that these tests are there to prove; all of them if None."""


@frozen
class Difference:
    """What came out otherwise than a case expects, and where the case says so."""

    message: str
    place: Place


@frozen
class CaseResult:
    """One case as it came out."""

    test: str
    case: str
    place: Place
    outcome: Outcome
    differences: tuple[Difference, ...]
    reasons: tuple[str, ...] = ()
    """What the decision has against the change, a few sentences; for whoever mends the test."""
    decision: Decision | None = None
    model: str | None = None
    """The change model that the request names."""
    handed: tuple[str, ...] = ()
    """The external checks of which results were handed in."""

    @property
    def passed(self) -> bool:
        """Whether everything came out as expected."""
        return not self.differences


def read_tests(
    sources: Iterable[Source],
) -> tuple[tuple[WrittenTest, ...], tuple[Finding, ...]]:
    """Return the policy tests of the given files, and what is wrong with files or tests."""
    tests: list[WrittenTest] = []
    faults: list[Finding] = []
    seen: dict[str, str] = {}
    for source in sorted(sources, key=lambda one: one.path):
        try:
            documents = parse_all(source.text, file=source.path)
        except SourceError as error:
            faults.append(source_finding(error))
            continue
        for document in documents:
            found = read_policy_test(document)
            if isinstance(found, tuple):
                faults += found
                continue
            faults += _named_twice(found, document, seen)
            faults += _strangers(found, document)
            tests.append(WrittenTest(found, document))
    return tuple(tests), tuple(faults)


def run_tests(
    suite: Suite, *, progress: Callable[[int, int], None] | None = None
) -> tuple[CaseResult, ...]:
    """Return the result of every case. Raises ConfigError if the policies do not load.

    `progress` is called with how many cases are done, and how many there are.
    """
    total = sum(len(one.test.spec.cases) for one in suite.tests)
    results = []
    for written in suite.tests:
        for index in range(len(written.test.spec.cases)):
            results.append(run_case(suite, written, index))
            if progress is not None:
                progress(len(results), total)
    return tuple(results)


def run_case(suite: Suite, written: WrittenTest, index: int) -> CaseResult:
    """Return the result of one case. Raises ConfigError if the policies do not load."""
    test, case = written.test, written.test.spec.cases[index]
    at = ("spec", "cases", index)
    reason = ""
    try:
        decision = decide_case(suite, test, case)
    except ConfigError:
        raise
    except GateError as error:
        decision, reason = None, f"{error.code}: {error.message}"
    outcome: Outcome = decision.outcome if decision is not None else "undecided"
    reasons = tuple(_reasons(decision)) if decision is not None else (reason,)
    place = written.document.place
    differences = [
        Difference(message, place((*at, "expect", *path)))
        for path, message in _differences(case, decision, outcome)
    ]
    if decision is not None and not decision.changes and _unread(test, case, decision):
        said = next((one for one in reasons if not one.startswith("uncovered-change")), reasons[0])
        differences.append(Difference(f"the request of this case does not load: {said}", place(at)))
    return CaseResult(
        test=test.metadata.name,
        case=case.name,
        place=place(at),
        outcome=outcome,
        differences=tuple(differences),
        reasons=reasons,
        decision=decision,
        model=_model(test, case),
        handed=tuple(one.name for one in facts_of(test, case.facts).external),
    )


def decide_case(suite: Suite, test: PolicyTest, case: PolicyCase) -> Decision:
    """Return the decision on the change of a case. Raises GateError where there is none."""
    facts = facts_of(test, case.facts)
    config = _config(suite.config)
    proposed = propose(request_of(test, case.patch, facts), folder=config.locations.changes)
    judge = judge_of(test, facts, policies=suite.policies, config=config)
    checks = compile_policies(judge).external_checks
    inputs = inputs_of(
        test,
        facts,
        proposed=proposed,
        judge=judge,
        checks={check.metadata.name: check.spec for check in checks},
    )
    decision = decide(inputs)
    if not facts.approvals or proposed is None or not decision.changes:
        return decision
    signed = with_statements(
        inputs,
        decision.changes[0],
        test=test,
        approvals=facts.approvals,
        proposed=proposed,
        repository=config.repository,
    )
    return decide(signed)


def policies_of(suite: Suite) -> PolicySet:
    """Return the compiled policies of a suite, in the world of its first test."""
    test = suite.tests[0].test
    facts = facts_of(test, test.spec.cases[0].facts)
    return compile_policies(
        judge_of(test, facts, policies=suite.policies, config=_config(suite.config))
    )


def states_of(decision: Decision) -> dict[str, RuleState]:
    """Return every rule's state by its id, those of the change too; of several the worst."""
    found: dict[str, RuleState] = {}
    every = [*decision.rules, *(state for one in decision.changes for state in one.rules)]
    for state in every:
        other = found.get(state.rule)
        if other is None or _WORST.index(state.state) > _WORST.index(other.state):
            found[state.rule] = state
    return found


def missing_roles(decision: Decision) -> tuple[str, ...]:
    """Return the role of each approval that is still needed, sorted."""
    return tuple(
        sorted(
            state.role
            for change in decision.changes
            for state in change.requirements
            if state.side == "target"
            for _ in range(state.needed - len(state.counted))
        )
    )


def _config(config: Config) -> Config:
    return config.model_copy(update={"targets": (TARGET,), "mode": "enforce"})


def _model(test: PolicyTest, case: PolicyCase) -> str | None:
    request = request_of(test, case.patch, facts_of(test, case.facts))
    spec = request.get("spec") if request is not None else None
    model = spec.get("model") if isinstance(spec, dict) else None
    return model if isinstance(model, str) else None


def _named_twice(test: PolicyTest, document: Document, seen: dict[str, str]) -> Iterator[Finding]:
    name = test.metadata.name
    if name in seen:
        yield Finding(
            rule="duplicate-name",
            message=f"there are two policy tests named {name}, the other in {seen[name]}",
            remedy="give each its own name",
            place=document.place(("metadata", "name")),
        )
    seen[name] = document.file
    cases = [case.name for case in test.spec.cases]
    for index, case in enumerate(cases):
        if case in cases[:index]:
            yield Finding(
                rule="duplicate-name",
                message=f'two cases of {name} are named "{case}"',
                remedy="say in each name what is special about the case",
                place=document.place(("spec", "cases", index, "name")),
            )


def _strangers(test: PolicyTest, document: Document) -> Iterator[Finding]:
    """Find people whom the roster of the test does not have, and cases without an author."""
    spec = test.spec
    for index, case in enumerate(spec.cases):
        facts = facts_of(test, case.facts)
        place = document.place(("spec", "cases", index, "facts"))
        if facts.author is None:
            yield Finding(
                rule="missing-key",
                message=f'nobody is the author in the case "{case.name}"',
                remedy="name a person in spec.facts.author",
                place=place,
            )
        if facts.author in facts.agents:
            yield Finding(
                rule="wrong-value",
                message=f'{facts.author} is author and agent in the case "{case.name}"',
                remedy="name the person who answers for the agent as the author",
                place=place,
            )
        named = [facts.author, *(approval.by for approval in facts.approvals)]
        for person in dict.fromkeys(named):
            if person is None or person in spec.people:
                continue
            meant = nearest(person, spec.people)
            yield Finding(
                rule="unknown-person",
                message=f'{person} acts in the case "{case.name}" and is not in spec.people',
                remedy=f"did you mean {meant}?" if meant else f"add {person} to spec.people",
                place=place,
            )


def _unread(test: PolicyTest, case: PolicyCase, decision: Decision) -> bool:
    """Tell whether a request is refused before it is judged, and the case does not ask for that."""
    if request_of(test, case.patch, facts_of(test, case.facts)) is None:
        return False
    return not any(
        state.rule in case.expect.rules and state.state == "UNSATISFIED" for state in decision.rules
    )


def _differences(
    case: PolicyCase, decision: Decision | None, outcome: Outcome
) -> Iterator[tuple[tuple[str, ...], str]]:
    expect = case.expect
    if outcome != expect.outcome:
        yield ("outcome",), f"the outcome is {outcome}, expected was {expect.outcome}"
    if decision is None:
        return
    change = decision.changes[0] if decision.changes else None
    for key, wanted, came in (
        ("lane", expect.lane, change.lane if change else None),
        ("level", expect.level, change.risk.level if change else None),
        ("score", expect.score, change.risk.score if change else None),
    ):
        if wanted is not None and came != wanted:
            yield (key,), f"the {key} is {came or 'none'}, expected was {wanted}"
    yield from _rules(expect.rules, decision)
    if expect.missing is not None:
        missing = missing_roles(decision)
        if missing != tuple(sorted(expect.missing)):
            said = ", ".join(missing) or "none"
            wanted_roles = ", ".join(sorted(expect.missing)) or "none"
            yield ("missing",), f"missing approvals: {said}; expected were: {wanted_roles}"


def _rules(
    wanted: Mapping[str, RuleOutcome], decision: Decision
) -> Iterator[tuple[tuple[str, ...], str]]:
    states = states_of(decision)
    for rule, expected in wanted.items():
        state = states.get(rule)
        if state is None:
            meant = nearest(rule, states)
            hint = f"; did you mean {meant}?" if meant else ""
            yield ("rules", rule), f"no rule {rule} was judged{hint}"
        elif state.state != expected:
            said = f": {state.findings[0].message}" if state.findings else ""
            yield ("rules", rule), f"{rule} is {state.state}, expected was {expected}{said}"


def _reasons(decision: Decision) -> Iterator[str]:
    """Yield what stands against the change, the gravest first."""
    found = [finding for state in states_of(decision).values() for finding in state.findings]
    against = [one for one in found if one.effect != "advise"]
    for one in sorted(against, key=lambda finding: finding.effect != "deny")[:SHOWN]:
        yield f"{one.rule}: {one.message}"
