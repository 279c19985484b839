"""Results in SARIF 2.1.0, the OASIS standard: each is a pass or says how it is none.

What counts as a test are results of kind pass, fail, open and review (§3.27.9). A log without any
is no pass: silence does not tell a clean run from one that looked at nothing. Suppressions do not
count, because they are written where the author of a change can write them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field

from itil_gate.model.base import Model
from itil_gate.reading.results import Results, UnreadableError, finding, rule_name, tamed, typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from itil_gate.model.finding import Effect, Finding

_Level = Literal["none", "note", "warning", "error"]
_LEVELS: tuple[_Level, ...] = ("none", "note", "warning", "error")
_TESTS = frozenset({"pass", "fail", "open", "review"})


class _Open(Model):
    """A part of SARIF, of which we read little."""

    model_config = ConfigDict(extra="ignore")


class _Message(_Open):
    text: str | None = None


class _Artifact(_Open):
    uri: str | None = None


class _Region(_Open):
    start_line: int | None = None


class _Physical(_Open):
    artifact_location: _Artifact = Field(default_factory=_Artifact)
    region: _Region = Field(default_factory=_Region)


class _Location(_Open):
    physical_location: _Physical = Field(default_factory=_Physical)


class _RuleReference(_Open):
    id: str | None = None


class _Result(_Open):
    message: _Message
    rule_id: str | None = None
    rule_index: int = -1
    rule: _RuleReference = Field(default_factory=_RuleReference)
    kind: Literal["pass", "open", "informational", "notApplicable", "review", "fail"] = "fail"
    level: _Level | None = None
    locations: list[_Location] = Field(default_factory=list)
    baseline_state: Literal["new", "unchanged", "updated", "absent"] | None = None


class _Configuration(_Open):
    level: _Level = "warning"


class _Rule(_Open):
    id: str
    default_configuration: _Configuration = Field(default_factory=_Configuration)


class _Component(_Open):
    name: str
    rules: list[_Rule] = Field(default_factory=list)


class _Tool(_Open):
    driver: _Component
    extensions: list[_Component] = Field(default_factory=list)


class _Notification(_Open):
    message: _Message
    level: _Level = "warning"


class _Invocation(_Open):
    execution_successful: bool
    tool_execution_notifications: list[_Notification] = Field(default_factory=list)
    tool_configuration_notifications: list[_Notification] = Field(default_factory=list)
    rule_configuration_overrides: list[Any] = Field(default_factory=list)


class _Run(_Open):
    tool: _Tool
    results: list[_Result] | None = None
    invocations: list[_Invocation] = Field(default_factory=list)
    external_property_file_references: dict[str, Any] | None = None


class _Log(_Open):
    version: Literal["2.1.0"]
    runs: list[_Run] = Field(min_length=1)


def read_sarif(document: dict[str, Any]) -> Results:
    """Return the results of all runs of a log.

    Raises UnreadableError if it is malformed, keeps results in other files, or comes from a run
    that was not successful. Errors and warnings deny; notes advise.
    """
    log = typed(_Log, document, where="sarif")
    tests = 0
    findings: list[Finding] = []
    for run in log.runs:
        _check(run)
        defaults = _default_levels(run)
        for result in run.results or ():
            if result.kind not in _TESTS or result.baseline_state == "absent":
                continue
            level = _level(result, run, defaults)
            # A failure of level none contradicts itself (§3.27.10): it is shown and proves nothing.
            tests += level != "none"
            if result.kind != "pass":
                findings.append(_finding(result, run, level))
    return Results(format="sarif", tests=tests, findings=findings)


def _check(run: _Run) -> None:
    """Refuse a run that did not finish, or whose results are not all here."""
    tool = tamed(run.tool.driver.name, "the tool")
    if run.tool.driver.name == "conftest":
        raise UnreadableError(
            "conftest's SARIF does not tell what passed from what was skipped; "
            "hand in what `conftest test --output json` prints"
        )
    if run.results is None:
        raise UnreadableError(f"{tool} says by leaving `results` out that it found out nothing")
    if run.external_property_file_references:
        raise UnreadableError(f"{tool} keeps a part of its results in other files")
    for invocation in run.invocations:
        if not invocation.execution_successful:
            raise UnreadableError(f"{tool} says that its run was not successful")
        for notification in (
            *invocation.tool_execution_notifications,
            *invocation.tool_configuration_notifications,
        ):
            if notification.level == "error":
                why = tamed(notification.message.text or "", "no reason is given")
                raise UnreadableError(f"{tool} reports an error of its own: {why}")


def _default_levels(run: _Run) -> Mapping[str, _Level]:
    """Return the level of each rule where results do not say theirs; of several the gravest."""
    levels: dict[str, _Level] = {}
    for component in (run.tool.driver, *run.tool.extensions):
        for rule in component.rules:
            level, other = rule.default_configuration.level, levels.get(rule.id, "none")
            levels[rule.id] = max(level, other, key=_LEVELS.index)
    return levels


def _level(result: _Result, run: _Run, defaults: Mapping[str, _Level]) -> _Level:
    """Return how grave a result is (§3.27.10); what is open or up for review is a warning.

    A pass is never graver than that, so it may be called one as well.
    """
    if result.kind != "fail":
        return "warning"
    if result.level is not None:
        return result.level
    if any(invocation.rule_configuration_overrides for invocation in run.invocations):
        return "warning"
    return defaults.get(_rule_id(result, run), "warning")


def _finding(result: _Result, run: _Run, level: _Level) -> Finding:
    effect: Effect = "advise" if level in ("none", "note") else "deny"
    place = next((one.physical_location for one in result.locations), _Physical())
    return finding(
        rule_name(_rule_id(result, run), rule_name(run.tool.driver.name, "sarif")),
        result.message.text or "",
        effect=effect,
        file=place.artifact_location.uri,
        line=place.region.start_line,
    )


def _rule_id(result: _Result, run: _Run) -> str:
    rules, index = run.tool.driver.rules, result.rule_index
    listed = rules[index].id if 0 <= index < len(rules) else ""
    return result.rule_id or result.rule.id or listed
