"""What `conftest test --output json` prints: for each file and namespace what passed and failed.

Source: output/result.go of conftest 0.68. Its `exceptions` are failures that its own policies
excused; they are a fault here, because exceptions are made by waivers on the target branch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from itil_gate.model.base import Model
from itil_gate.reading.results import Results, UnreadableError, finding, rule_name, typed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.model.finding import Effect, Finding

_RULE_KEYS = ("rule", "ruleId", "id")


class _Location(Model):
    file: str = ""
    line: int | None = None


class _Outcome(Model):
    msg: str
    loc: _Location | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    outputs: list[str] | None = None


class _Entry(Model):
    """One file judged in one namespace. A key we do not know might be a new way to fail."""

    filename: str
    namespace: str
    successes: Annotated[int, Field(ge=0)]
    skipped: list[_Outcome] = Field(default_factory=list)
    warnings: list[_Outcome] = Field(default_factory=list)
    failures: list[_Outcome] = Field(default_factory=list)
    exceptions: list[_Outcome] = Field(default_factory=list)
    queries: list[Any] | None = None


def read_conftest(document: list[Any]) -> Results:
    """Return the results of a run. Raises UnreadableError if they are malformed or excused.

    Skipped ones are no tests; neither is a namespace in which no rule was found.
    """
    entries = [typed(_Entry, item, where=str(index)) for index, item in enumerate(document)]
    excused = sum(len(entry.exceptions) for entry in entries)
    if excused:
        raise UnreadableError(
            f"conftest's own policies excused {excused} result(s) with `exception`"
        )
    return Results(
        format="conftest",
        tests=sum(entry.successes + len(entry.warnings) + len(entry.failures) for entry in entries),
        findings=[found for entry in entries for found in _findings(entry)],
    )


def _findings(entry: _Entry) -> Iterator[Finding]:
    outcomes: tuple[tuple[Effect, list[_Outcome]], ...] = (
        ("deny", entry.failures),
        ("advise", entry.warnings),
    )
    for effect, found in outcomes:
        for one in found:
            file = one.loc.file if one.loc and one.loc.file else entry.filename
            line = one.loc.line if one.loc else None
            yield finding(_rule(one), one.msg, effect=effect, file=file, line=line)


def _rule(outcome: _Outcome) -> str:
    """Return what the policy names the rule, else the query that found it: main.deny_backout."""
    details = outcome.metadata.get("details")
    for said in (outcome.metadata, details if isinstance(details, dict) else {}):
        for key in _RULE_KEYS:
            if isinstance(said.get(key), str) and rule_name(said[key], ""):
                return rule_name(said[key], "")
    query = outcome.metadata.get("query")
    return (
        rule_name(query.removeprefix("data."), "conftest") if isinstance(query, str) else "conftest"
    )
