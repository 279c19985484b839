"""GitLab Code Quality JSON: one entry for each finding that is open, shown in the merge request.

The documented fields and no others: `description`, `check_name`, `fingerprint`, `severity`,
`location.path`, `location.lines.begin`. What has no place of its own is shown at the request or
at the configuration. A decision that is not an allowance never comes out without an entry.
https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from itil_gate.model.config import CONFIG_PATH
from itil_gate.report import phrases
from itil_gate.report.escape import sarif_uri, visible
from itil_gate.report.json_report import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from itil_gate.model.decision import ChangeVerdict, Decision, RuleState
    from itil_gate.model.finding import Effect, Finding, Place

_SEVERITIES: dict[Effect, str] = {"deny": "critical", "pending": "minor", "advise": "info"}
_STATE_SEVERITIES = {"PENDING": "minor", "ADVISORY": "info", "OVERRIDDEN": "major"}
_OUTCOME = "decision"

_Entry = dict[str, Any]


def findings_gitlab(findings: Sequence[Finding]) -> str:
    """Return findings as a Code Quality report, ending with a newline."""
    return _report([_finding(finding, fallback=CONFIG_PATH, about="") for finding in findings])


def decision_gitlab(decision: Decision) -> str:
    """Return the open findings of a decision as a Code Quality report, ending with a newline."""
    entries = [
        entry
        for change, rule in phrases.every_rule(decision)
        if rule.state not in phrases.SETTLED
        for entry in _rule(change, rule)
    ]
    if not entries and decision.outcome not in {"allow", "overridden"}:
        said = f"{phrases.OUTCOMES[decision.outcome]}. {phrases.meaning(decision)}"
        severity = "minor" if decision.outcome == "pending" else "critical"
        paths = [change.path for change in decision.changes if change.path]
        fallback = paths[0] if paths else CONFIG_PATH
        entries = [_entry(_OUTCOME, said, severity, place=None, fallback=fallback, about="")]
    return _report([*_overrides(decision), *entries])


def _overrides(decision: Decision) -> Iterator[_Entry]:
    for entry in decision.overrides:
        told = (phrases.override(entry), phrases.override_reason(entry))
        said = f"{phrases.counted(entry)}: {'. '.join(told)}"
        yield _entry("override", said, "major", place=None, fallback=CONFIG_PATH, about="")


def _rule(change: ChangeVerdict | None, state: RuleState) -> Iterator[_Entry]:
    # The request of a recognised change is in no tree, so nothing can point at it.
    fallback = change.path if change and change.path else CONFIG_PATH
    about = f"{change.id if change else ''}\0{state.side}"
    for finding in state.findings:
        entry = _finding(finding, fallback=fallback, about=about)
        if state.state == "OVERRIDDEN":
            entry["severity"] = _STATE_SEVERITIES[state.state]
        yield entry
    if not state.findings:
        severity = _STATE_SEVERITIES.get(state.state, "critical")
        said = f"{phrases.rule_name(state)} is {state.state}."
        yield _entry(state.rule, said, severity, place=None, fallback=fallback, about=about)


def _finding(finding: Finding, *, fallback: str, about: str) -> _Entry:
    said = finding.message
    if finding.remedy:
        said = f"{said}. To satisfy: {finding.remedy}"
    severity = _SEVERITIES[finding.effect]
    return _entry(finding.rule, said, severity, place=finding.place, fallback=fallback, about=about)


def _entry(
    rule: str, said: str, severity: str, *, place: Place | None, fallback: str, about: str
) -> _Entry:
    path, line = fallback, 1
    if place and sarif_uri(place.file) is not None:
        path, line = place.file, max(place.line, 1)
    elif place:
        # No path that git could check out; GitLab would link it.
        said = f"{place}: {said}"
    where = place.file if place else ""
    # Without the line, so that an entry stays the same one where lines above it move.
    identity = f"{rule}\0{where}\0{about}\0{said}"
    return {
        "description": visible(said),
        "check_name": visible(rule),
        "fingerprint": hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest(),
        "severity": severity,
        "location": {"path": visible(path), "lines": {"begin": line}},
    }


def _report(entries: Sequence[_Entry]) -> str:
    """Write entries, those of one fingerprint told apart by counting: GitLab drops doubles."""
    seen: Counter[str] = Counter()
    for entry in entries:
        mark = entry["fingerprint"]
        seen[mark] += 1
        if seen[mark] > 1:
            entry["fingerprint"] = hashlib.sha256(f"{mark}:{seen[mark]}".encode()).hexdigest()
    return printable(list(entries))
