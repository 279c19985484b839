"""SARIF 2.1.0 (OASIS) for code-scanning views: one result for each finding that is open.

Rules that passed are metadata, not results, because viewers show every result as an alert. Paths
become relative URIs below `%SRCROOT%`; a path that cannot is left to the message. A decision that
is not an allowance never comes out without a result.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from itil_gate import __version__
from itil_gate.decide.rules import GATE_RULES
from itil_gate.model.canonical import as_json
from itil_gate.model.config import CONFIG_PATH
from itil_gate.report import phrases
from itil_gate.report.escape import sarif_message, sarif_uri
from itil_gate.report.json_report import printable
from itil_gate.report.links import HOME, rule_url, state_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from itil_gate.model.decision import ChangeVerdict, Decision, OverrideEntry, RuleState
    from itil_gate.model.finding import Effect, Finding, Place

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS: dict[Effect, str] = {"deny": "error", "pending": "warning", "advise": "note"}
_STATE_LEVELS = {"PENDING": "warning", "ADVISORY": "note"}
_OUTCOME = "decision"
"""Rule id of the one result of a refusal that no rule explains."""

_Result = dict[str, Any]


def findings_sarif(findings: Sequence[Finding]) -> str:
    """Return findings as a SARIF log, ending with a newline."""
    results = [_finding(finding, fallback=CONFIG_PATH, salt="") for finding in findings]
    return _log(
        results, version=__version__, properties={}, invocation={"executionSuccessful": True}
    )


def decision_sarif(decision: Decision) -> str:
    """Return the open findings of a decision as a SARIF log, ending with a newline.

    An overridden rule's results are suppressed; the run's properties hold outcome, target, whether
    the gate is enforced, and which reviews of a forge counted.
    """
    results = [
        result
        for change, rule in phrases.every_rule(decision)
        if rule.state not in phrases.SETTLED
        for result in _rule(change, rule, overrides=decision.overrides)
    ]
    if not results and decision.outcome not in {"allow", "overridden"}:
        results = [_outcome(decision)]
    properties: dict[str, Any] = {
        "outcome": decision.outcome,
        "enforced": decision.enforced,
        "repository": decision.repository,
        "target": decision.target,
        "tip": decision.tip,
        "head": decision.head,
        "changes": [
            {"id": change.id, "path": change.path, "outcome": change.outcome}
            for change in decision.changes
        ],
        "passed": sorted(
            {rule.rule for _, rule in phrases.every_rule(decision) if rule.state == "SATISFIED"}
        ),
    }
    if decision.overrides:
        properties["overrides"] = [as_json(entry) for entry in decision.overrides]
    if reviews := [one for change in decision.changes for one in _reviews(change)]:
        properties["reviews"] = reviews
    invocation = {
        "executionSuccessful": decision.outcome != "undecided",
        "exitCode": phrases.exit_code(decision),
        "endTimeUtc": f"{decision.now:%Y-%m-%dT%H:%M:%SZ}",
    }
    version = decision.engine.rpartition("/")[2]
    urls = {rule.rule: state_url(rule) for _, rule in phrases.every_rule(decision)}
    return _log(results, version=version, properties=properties, invocation=invocation, urls=urls)


def _reviews(change: ChangeVerdict) -> Iterator[dict[str, Any]]:
    """Yield the lines of the ledger that are reviews of a forge."""
    for entry in change.ledger:
        if entry.review is not None:
            yield {
                "change": change.id,
                "counted": entry.counted,
                "code": entry.code,
                "said": sarif_message(phrases.statement(entry)),
                "why": sarif_message(phrases.statement_reason(entry)),
            }


def _rule(
    change: ChangeVerdict | None, state: RuleState, *, overrides: Sequence[OverrideEntry]
) -> Iterator[_Result]:
    # The request of a recognised change is in no tree, so nothing can point at it.
    fallback = change.path if change and change.path else CONFIG_PATH
    about = change.id if change else ""
    salt = f"{about}\0{state.side}"
    results = [_finding(finding, fallback=fallback, salt=salt) for finding in state.findings] or [
        _result(
            state.rule,
            f"{phrases.rule_name(state)} is {state.state}.",
            level=_STATE_LEVELS.get(state.state, "error"),
            place=None,
            fallback=fallback,
            salt=salt,
        )
    ]
    for result in results:
        result["properties"] |= {"change": about, "side": state.side, "state": state.state}
        if state.state == "OVERRIDDEN":
            said = "; ".join(phrases.override(entry) for entry in overrides if entry.counted)
            why = {"justification": sarif_message(said)} if said else {}
            result["suppressions"] = [{"kind": "external", "status": "accepted", **why}]
        yield result


def _outcome(decision: Decision) -> _Result:
    return _result(
        _OUTCOME,
        f"{phrases.OUTCOMES[decision.outcome]}. {phrases.meaning(decision)}",
        level="warning" if decision.outcome == "pending" else "error",
        place=None,
        fallback=decision.changes[0].path if decision.changes else CONFIG_PATH,
        salt="",
    )


def _finding(finding: Finding, *, fallback: str, salt: str) -> _Result:
    return _result(
        finding.rule,
        finding.message,
        remedy=finding.remedy,
        level=_LEVELS[finding.effect],
        place=finding.place,
        fallback=fallback,
        salt=f"{salt}\0{finding.message}",
    )


def _result(
    rule: str,
    message: str,
    *,
    level: str,
    place: Place | None,
    fallback: str,
    salt: str,
    remedy: str = "",
) -> _Result:
    uri = sarif_uri(place.file) if place else None
    if place and uri is None:
        message = f"{place}: {message}"
    text = sarif_message(message)
    if remedy:
        text += f"\n{sarif_message(f'To satisfy: {remedy}')}"
    region = {}
    if place and uri is not None and place.line > 0:
        region["startLine"] = place.line
        if place.column > 0:
            region["startColumn"] = place.column
    location: dict[str, Any] = {
        "artifactLocation": {
            "uri": uri or sarif_uri(fallback) or CONFIG_PATH,
            "uriBaseId": "%SRCROOT%",
        }
    }
    if region:
        location["region"] = region
    identity = "\0".join((rule, place.file if place else "", salt))
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": text},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"itilGate/v1": hashlib.sha256(identity.encode()).hexdigest()},
        "properties": {},
    }


def _log(
    results: Sequence[_Result],
    *,
    version: str,
    properties: dict[str, Any],
    invocation: dict[str, Any],
    urls: Mapping[str, str] | None = None,
) -> str:
    ids = sorted({result["ruleId"] for result in results})
    for result in _numbered(results):
        result["ruleIndex"] = ids.index(result["ruleId"])
    run = {
        "tool": {
            "driver": {
                "name": "itil-gate",
                "version": version,
                "informationUri": HOME,
                "rules": [_metadata(rule, (urls or {}).get(rule, rule_url(rule))) for rule in ids],
            }
        },
        "automationDetails": {"id": "itil-gate/"},
        "invocations": [invocation],
        "originalUriBaseIds": {
            "%SRCROOT%": {"description": {"text": "The root of the repository."}}
        },
        "columnKind": "unicodeCodePoints",
        "results": list(results),
        "properties": properties,
    }
    return printable({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _numbered(results: Iterable[_Result]) -> Iterator[_Result]:
    """Tell results of one fingerprint apart by counting them."""
    seen: Counter[str] = Counter()
    for result in results:
        fingerprint = result["partialFingerprints"]["itilGate/v1"]
        seen[fingerprint] += 1
        result["partialFingerprints"]["itilGate/v1"] = f"{fingerprint}:{seen[fingerprint]}"
        yield result


def _metadata(rule: str, url: str) -> dict[str, Any]:
    known = GATE_RULES.get(rule)
    metadata: dict[str, Any] = {
        "id": rule,
        "shortDescription": {"text": sarif_message(known.summary if known else rule)},
    }
    if url:
        metadata["helpUri"] = url
    if known:
        metadata["fullDescription"] = {"text": sarif_message(known.why)}
        metadata["help"] = {"text": sarif_message(known.remedy)}
        metadata["defaultConfiguration"] = {"level": _LEVELS[known.effect]}
    return metadata
