"""Test results as in-toto has them: what ran, and which of it passed, warned or failed.

Source: in-toto attestation framework, spec/predicates/test-result.md, version 0.1. A result that
contradicts its own lists is a fault.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from itil_gate.model.base import Model
from itil_gate.reading.results import Results, UnreadableError, finding, rule_name, typed


class _TestResult(Model):
    model_config = ConfigDict(extra="ignore")  # in-toto lets harnesses add fields of their own

    result: Literal["PASSED", "WARNED", "FAILED"]
    configuration: list[dict[str, Any]]
    passedTests: list[str] = Field(default_factory=list)  # noqa: N815 - as the format has it
    warnedTests: list[str] = Field(default_factory=list)  # noqa: N815
    failedTests: list[str] = Field(default_factory=list)  # noqa: N815


def read_test_result(document: dict[str, Any]) -> Results:
    """Return the results of a test-result predicate. Raises UnreadableError if it contradicts.

    Tests that failed deny and those that warned advise. A run that failed without saying which
    test did is one failure.
    """
    said = typed(_TestResult, document, where="predicate")
    if said.failedTests and said.result != "FAILED":
        raise UnreadableError(f"it lists failed tests, and says that the run {said.result}")
    findings = [_found(name, "failed") for name in said.failedTests]
    findings += [_found(name, "warned") for name in said.warnedTests]
    if said.result == "FAILED" and not said.failedTests:
        findings.append(finding("run", "the run failed", effect="deny"))
    named = len(said.passedTests) + len(said.warnedTests) + len(said.failedTests)
    return Results(
        format="test-result",
        tests=named or len(findings),
        findings=findings,
    )


def _found(name: str, what: Literal["failed", "warned"]) -> Any:
    return finding(
        rule_name(name, "test"),
        f"the test {name} {what}",
        effect="deny" if what == "failed" else "advise",
    )
