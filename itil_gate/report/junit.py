"""JUnit XML for CI test views: each rule and each requirement is a test case.

The dialect is the one Jenkins, GitLab and most others read. What still has to happen is a failure
of type `pending`; what does not apply is skipped. A decision that is not an allowance never comes
out without a failure or an error.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from itil_gate.report import phrases
from itil_gate.report.escape import xml
from itil_gate.report.links import rule_url, state_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.model.decision import ChangeVerdict, Decision, RuleOutcome, RuleState
    from itil_gate.model.finding import Finding
    from itil_gate.prove.proof import Proof

_FAILURE_TYPES: dict[str, str] = {"UNSATISFIED": "UNSATISFIED", "PENDING": "pending"}
_STATES: dict[str, RuleOutcome] = {
    "allow": "SATISFIED",
    "overridden": "OVERRIDDEN",
    "pending": "PENDING",
    "deny": "UNSATISFIED",
    "undecided": "ERROR",
}
_SUITE = "itil-gate"


def decision_junit(decision: Decision) -> str:
    """Return the decision as JUnit XML, ending with a newline.

    Test cases of a change have the class `itil-gate.<change id>`, those about the pull request as
    a whole `itil-gate`. The first case of each suite is the outcome itself.
    """
    root = Element("testsuites", {"name": _SUITE})
    for change in decision.changes:
        suite = _suite(root, decision, f"{_SUITE}.{change.id}")
        word = phrases.OUTCOMES[change.outcome]
        _case(
            suite,
            "outcome",
            _STATES[change.outcome],
            f"{word}: {change.title} ({change.path or change.lane})",
        )
        _change_cases(suite, change)
    suite = _suite(root, decision, _SUITE)
    notice = phrases.not_enforced(decision)
    _case(
        suite,
        "outcome",
        _STATES[decision.outcome],
        " ".join(filter(None, (phrases.meaning(decision), notice))),
    )
    for entry in decision.overrides:
        _case(
            suite,
            f"override {entry.digest[: phrases.SHORT]}",
            "OVERRIDDEN" if entry.counted else "ADVISORY",
            phrases.override(entry),
            f"{phrases.counted(entry)}: {phrases.override(entry)}",
            phrases.override_reason(entry),
        )
    _rule_cases(suite, decision.rules)
    return _write(root)


def findings_junit(findings: Sequence[Finding]) -> str:
    """Return findings as JUnit XML, ending with a newline; none gives one case that passes."""
    root = Element("testsuites", {"name": _SUITE})
    suite = SubElement(root, "testsuite", {"name": f"{_SUITE}.lint"})
    for finding in findings:
        name = f"{finding.place}: {finding.rule}" if finding.place else finding.rule
        state: RuleOutcome = "ADVISORY" if finding.effect == "advise" else "UNSATISFIED"
        _case(suite, name, state, finding.message, *_explained(finding), rule_url(finding.rule))
    if not findings:
        _case(suite, "no findings", "SATISFIED", "")
    return _write(root)


def proof_junit(proof: Proof) -> str:
    """Return the results of policy tests as JUnit XML, ending with a newline."""
    root = Element("testsuites", {"name": _SUITE})
    suites: dict[str, Element] = {}
    for one in proof.results:
        name = xml(f"{_SUITE}.policy.{one.test}")
        if name not in suites:
            suites[name] = SubElement(root, "testsuite", {"name": name})
        state: RuleOutcome = "SATISFIED" if one.passed else "UNSATISFIED"
        said = [f"{item.place}: {item.message}" for item in one.differences]
        _case(suites[name], one.case, state, "; ".join(said), *said, *one.reasons)
    return _write(root)


def _suite(root: Element, decision: Decision, name: str) -> Element:
    suite = SubElement(
        root,
        "testsuite",
        {"name": xml(name), "timestamp": f"{decision.now:%Y-%m-%dT%H:%M:%S}"},
    )
    properties = SubElement(suite, "properties")
    for key, value in (
        ("outcome", decision.outcome),
        ("enforced", "true" if decision.enforced else "false"),
        ("engine", decision.engine),
        ("repository", decision.repository),
        ("target", decision.target),
        ("head", decision.head),
    ):
        SubElement(properties, "property", {"name": key, "value": xml(value)})
    return suite


def _change_cases(suite: Element, change: ChangeVerdict) -> None:
    for needed in change.requirements:
        side = " (under the proposed policies)" if needed.side == "proposed" else ""
        _case(
            suite,
            f"approvals: {needed.id}{f' for {needed.service}' if needed.service else ''}{side}",
            needed.state,
            phrases.requirement(needed),
            phrases.requirement(needed),
            *phrases.requirement_people(needed),
        )
    _rule_cases(suite, change.rules)


def _rule_cases(suite: Element, rules: Sequence[RuleState]) -> None:
    for state in rules:
        _case(
            suite,
            phrases.rule_name(state),
            state.state,
            state.findings[0].message if state.findings else f"{state.rule} is {state.state}",
            *(line for finding in state.findings for line in _explained(finding)),
            state_url(state),
        )


def _explained(finding: Finding) -> list[str]:
    place = f"{finding.place}: " if finding.place else ""
    remedy = [f"To satisfy: {finding.remedy}"] if finding.remedy else []
    return [f"{place}{finding.message}", *remedy]


def _case(suite: Element, name: str, state: RuleOutcome, message: str, *lines: str) -> None:
    case = SubElement(
        suite,
        "testcase",
        {"name": xml(name), "classname": suite.attrib["name"], "time": "0"},
    )
    text = "\n".join(xml(line) for line in lines or (message,))
    attributes = {"type": _FAILURE_TYPES.get(state, state), "message": xml(message)}
    if state in _FAILURE_TYPES:
        SubElement(case, "failure", attributes).text = text
    elif state == "ERROR":
        SubElement(case, "error", attributes).text = text
    elif state == "NOT_APPLICABLE":
        SubElement(case, "skipped", {"message": state})
    elif state != "SATISFIED":
        SubElement(case, "system-out").text = f"{state}\n{text}"


def _write(root: Element) -> str:
    totals: Counter[str] = Counter()
    for suite in root:
        counts = Counter(child.tag for case in suite.iter("testcase") for child in case)
        counts["testcase"] = len(suite.findall("testcase"))
        totals += counts
        _count(suite, counts)
        suite.set("skipped", str(counts["skipped"]))
    _count(root, totals)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _count(element: Element, counts: Counter[str]) -> None:
    element.set("tests", str(counts["testcase"]))
    element.set("failures", str(counts["failure"]))
    element.set("errors", str(counts["error"]))
