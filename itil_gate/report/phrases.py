"""The plain words for a decision, shared by every format that people read.

Functions turn nouns into sentences of plain text. They may quote strangers: whoever prints the
text escapes it. Nothing here knows a format, a colour or a width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.base import LEVELS
from itil_gate.model.decision import EXIT_CODES
from itil_gate.report import risk_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from itil_gate.model.calendar import Interval
    from itil_gate.model.decision import (
        Action,
        ChangeVerdict,
        Contribution,
        Contributor,
        Decision,
        Lane,
        LedgerEntry,
        Outcome,
        OverrideEntry,
        ReportEntry,
        RequirementState,
        RiskAssessment,
        RuleOutcome,
        RuleState,
    )
    from itil_gate.model.facts import Review
    from itil_gate.model.finding import Finding

OUTCOMES: dict[Outcome, str] = {
    "allow": "ALLOWED",
    "overridden": "OVERRIDDEN",
    "pending": "PENDING",
    "deny": "DENIED",
    "undecided": "UNDECIDED",
}
_MEANINGS: dict[Outcome, str] = {
    "allow": "everything the policies ask for is in place",
    "overridden": "a signed override stands in for what is not satisfied, and has to be reviewed",
    "pending": "nothing is wrong, but somebody still has to act",
    "deny": "at least one rule forbids this as it is now",
    "undecided": "the gate could not decide, so nothing is authorised",
}
_LANES: dict[Lane, str] = {
    "exempt": "exempt (no governed path changes)",
    "express": "express (a standard change)",
    "peer": "peer (low risk)",
    "team": "team (medium risk)",
    "board": "board (high or critical risk)",
    "emergency": "emergency (one authorised person now, the rest afterwards)",
    "registration": "registration (recorded, not approved)",
}
_VERDICTS = {
    "approve": "approves",
    "reject": "rejects",
    "withdraw": "takes an earlier statement back",
    "withdraw-change": "withdraws the change",
    "comment": "comments",
    "unknown": "left a statement that cannot be read",
}
_RANKS = {"signed": "signed statement", "forge-review": "forge review"}
_STATES = {
    "approved": "approved",
    "changes-requested": "changes requested",
    "commented": "commented",
    "unknown": "state hidden",
}
_CARRIED = {
    "exact": "given for exactly this version",
    "same-content": "carried over from an earlier version with the same content",
    "clean-replay": "carried over: replaying it on the new base gives exactly this content",
}
SETTLED: frozenset[RuleOutcome] = frozenset({"SATISFIED", "NOT_APPLICABLE"})
"""States that need one compact line; every other state is told in full."""
SHORT = 12
"""Hexadecimal digits shown of an object id or a digest."""


def exit_code(decision: Decision) -> int:
    """Return the exit code of the decision: 0 for what audit mode reports but does not enforce."""
    if not decision.enforced and decision.outcome in {"deny", "pending"}:
        return 0
    return EXIT_CODES[decision.outcome]


def headlines(decision: Decision) -> list[tuple[Outcome, str, str]]:
    """Return outcome, change id and title for each first line; the overall outcome comes first.

    The id is empty where the line is about the pull request as a whole.
    """
    changes = [(change.outcome, change.id, change.title) for change in decision.changes]
    if len(changes) == 1 and changes[0][0] == decision.outcome:
        return changes
    count = len(changes)
    whole = (
        "the pull request as a whole"
        if count == 1
        else f"{count} change requests; the worst outcome decides"
        if count
        else "no change request in this pull request"
    )
    return [(decision.outcome, "", whole), *changes]


def meaning(decision: Decision) -> str:
    """Return one sentence on what the outcome means, with the exit code."""
    code = f"exit code {exit_code(decision)}"
    return f"{_sentence(decision)} ({code if decision.enforced else f'{code}: not enforced'})."


def plain_meaning(decision: Decision) -> str:
    """Return the same sentence for people who see no exit code."""
    return f"{_sentence(decision)}."


def _sentence(decision: Decision) -> str:
    text = _MEANINGS[decision.outcome]
    return f"{text[0].upper()}{text[1:]}"


def not_enforced(decision: Decision) -> str:
    """Return the notice that audit mode only reports, or nothing when the gate enforces."""
    if decision.enforced:
        return ""
    if decision.outcome in {"deny", "pending"}:
        return (
            f"audit mode. If the gate were enforced, this would be {OUTCOMES[decision.outcome]}; "
            "now it is reported and stops nothing."
        )
    return "audit mode. The gate reports and stops nothing yet."


def judged(decision: Decision) -> str:
    """Return what was judged, when, and by which engine."""
    return (
        f"{decision.head[:SHORT]} into {decision.target} at {decision.tip[:SHORT]} of "
        f"{decision.repository}, {moment(decision.now)}, by {decision.engine}"
    )


def particulars(change: ChangeVerdict) -> list[tuple[str, str]]:
    """Return caption and text of who asks for the change, what it touches, when and how."""
    where = f" in {', '.join(change.environments)}" if change.environments else ""
    rows = [
        ("request", change.path or "none: a recognised standard change"),
        ("requester", change.requester),
        ("touches", f"{', '.join(change.services) or 'no service'}{where}"),
        ("planned", interval(change.interval) if change.interval else ""),
        ("lane", _LANES[change.lane]),
    ]
    return [(caption, text) for caption, text in rows if text]


def risk(assessment: RiskAssessment) -> str:
    """Return the level, what the request declared where that differs, and the score if any."""
    said = ""
    if assessment.declared not in {None, assessment.level}:
        said = f" (the request says {assessment.declared})"
    return f"{assessment.level}{said}{risk_words.score(assessment)}"


def contributions(assessment: RiskAssessment) -> list[Contribution]:
    """Return the reasons for the level, the weightiest first; before them what made a score."""
    others = [item for item in assessment.contributions if item.points is None]
    others.sort(key=lambda item: -LEVELS.index(item.level))
    return risk_words.summands(assessment) + others


def contribution(item: Contribution) -> str:
    """Return a reason for the level, led by what it adds to a score."""
    return item.reason if item.points is None else f"+{item.points}: {item.reason}"


def some(names: Sequence[str], *, most: int = 3) -> str:
    """Return a few names and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def either(names: Sequence[str]) -> str:
    """Return `a, b or c`; `anybody` for no names."""
    if not names:
        return "anybody"
    return " or ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


def requirement(state: RequirementState) -> str:
    """Return what is needed and how much of it is there."""
    people = "approval" if state.needed == 1 else "approvals"
    share = f" ({state.percent} percent of the role)" if state.percent is not None else ""
    service = f" for {state.service}" if state.service else ""
    return (
        f"{state.id}: {len(state.counted)} of {state.needed} {people} by the role "
        f"{state.role}{service}{share}"
    )


def requirement_people(state: RequirementState) -> list[str]:
    """Return who counts towards the requirement and who still could."""
    lines = [f"counted: {', '.join(state.counted)}"] if state.counted else []
    if state.state in SETTLED:
        return lines
    if not state.eligible:
        return [*lines, "nobody is left who could approve"]
    left = "too few are left" if state.state == "UNSATISFIED" else "can still approve"
    return [*lines, f"{left}: {', '.join(state.eligible)}"]


def statement(entry: LedgerEntry) -> str:
    """Return who said what, in which role, how and when."""
    said = _VERDICTS.get(entry.verdict, entry.verdict)
    if entry.review is not None:
        return f"{entry.person or 'an unknown person'} {_reviewed(entry, entry.review)}"
    roles = f" as {', '.join(entry.roles)}" if entry.roles else ""
    when = f", {moment(entry.issued_at)}" if entry.issued_at else ""
    how = f"{_RANKS[entry.rank]} {entry.digest[:SHORT]}{when}"
    return f"{entry.person or 'an unknown person'} {said}{roles} ({how})"


def _reviewed(entry: LedgerEntry, review: Review) -> str:
    """Return what a review says: by which account, in which state, of which commit and when."""
    said = "reviewed" if review.state == "unknown" else _VERDICTS.get(entry.verdict, entry.verdict)
    roles = f" as {', '.join(entry.roles)}" if entry.roles else ""
    state = f"{_STATES[review.state]}{', dismissed' if review.dismissed else ''}"
    commit = f"commit {review.commit[:SHORT]}" if review.commit else "no commit"
    by = f"by {review.login}, account {review.account} of {review.forge}"
    return (
        f"{said}{roles} (forge review {entry.digest[:SHORT]}, number {review.id}, {by}: {state}, "
        f"{commit}, {moment(review.submitted_at)})"
    )


def statement_reason(entry: LedgerEntry) -> str:
    """Return why the statement counts or not: stable code, detail, carry-over."""
    parts = [entry.detail] if entry.detail else []
    if entry.carry_over:
        parts.append(_CARRIED.get(entry.carry_over, entry.carry_over))
    return ": ".join((entry.code, "; ".join(parts))) if parts else entry.code


def override(entry: OverrideEntry) -> str:
    """Return who overrides, for which incident, until when and why."""
    who = entry.person or "an unknown person"
    if not entry.incident or entry.expires_at is None:
        return f"{who} left an override that cannot be read ({entry.digest[:SHORT]})"
    return (
        f"{who} overrides for {entry.incident} until {moment(entry.expires_at)} "
        f"(signed statement {entry.digest[:SHORT]}): {entry.reason}"
    )


def override_reason(entry: OverrideEntry) -> str:
    """Return whether the override stands in, and why not: stable code and detail."""
    covers = f"; it covers {', '.join((*entry.changes, *entry.scope))}" if entry.counted else ""
    return f"{entry.code}: {entry.detail}{covers}" if entry.detail else f"{entry.code}{covers}"


def reports(decision: Decision) -> tuple[ReportEntry, ...]:
    """Return the reports of which something is to be told: whose signature was asked for."""
    return tuple(one for one in decision.reports if one.code not in ("accepted", "undeclared"))


def report(entry: ReportEntry) -> str:
    """Return which report was handed in, and who signed it."""
    signed = f", signed by {entry.signer} ({entry.key})" if entry.signer else ""
    side = " under the proposed policies" if entry.side == "proposed" else ""
    return f"report {entry.digest[:SHORT]} for {entry.name}{signed}{side}"


def report_reason(entry: ReportEntry) -> str:
    """Return whether the report counts, and why not: stable code and detail."""
    return f"{entry.code}: {entry.detail}" if entry.detail else entry.code


def counted(entry: LedgerEntry | OverrideEntry | ReportEntry) -> str:
    """Return COUNTED or NOT COUNTED."""
    return "COUNTED" if entry.counted else "NOT COUNTED"


def contributor(person: Contributor) -> str:
    """Return why a person may not approve."""
    doubt = "" if person.proved else " (nothing proves it; the claim alone excludes)"
    return f"{'; '.join(person.reasons)}{doubt}"


def action(step: Action) -> str:
    """Return who has to act and what for."""
    return f"{either(step.who)} ({step.why})"


def is_command(step: Action) -> bool:
    """Tell whether the step is a command to copy; otherwise it is a sentence."""
    return step.command.startswith(("itil-gate ", "git "))


def faults(finding: Finding, rule: str) -> str:
    """Return the message, led by the finding's own rule where it is not `rule`."""
    return finding.message if finding.rule == rule else f"{finding.rule}: {finding.message}"


def rule_name(state: RuleState) -> str:
    """Return the rule, marked where it is judged under the policies the pull request proposes."""
    return state.rule if state.side == "target" else f"{state.rule} (under the proposed policies)"


def settled(rules: Sequence[RuleState]) -> list[tuple[str, list[str]]]:
    """Return a caption and the names of the rules for each settled state that occurs.

    A rule judged under old and proposed policies is named once if it came out the same.
    """
    sides = {rule.side for rule in rules}
    lines = []
    for state, caption in (("SATISFIED", "passed"), ("NOT_APPLICABLE", "not applicable")):
        found: dict[str, set[str]] = {}
        for rule in rules:
            if rule.state == state:
                found.setdefault(rule.rule, set()).add(rule.side)
        names = [
            name if found[name] == sides else f"{name} (only under the {min(found[name])} policies)"
            for name in found
        ]
        if names:
            lines.append((caption, names))
    return lines


def told(rules: Sequence[RuleState]) -> list[RuleState]:
    """Return the rules to tell in full, the gravest first."""
    order = ("ERROR", "UNSATISFIED", "PENDING", "OVERRIDDEN", "ADVISORY")
    return sorted(
        (rule for rule in rules if rule.state not in SETTLED),
        key=lambda rule: order.index(rule.state),
    )


def every_rule(decision: Decision) -> Iterator[tuple[ChangeVerdict | None, RuleState]]:
    """Yield each rule state with its change; None for rules about the pull request as a whole."""
    for change in decision.changes:
        for rule in change.rules:
            yield change, rule
    for rule in decision.rules:
        yield None, rule


def moment(value: datetime) -> str:
    """Return a moment to the minute, in UTC."""
    return f"{value:%Y-%m-%d %H:%M} UTC"


def interval(value: Interval) -> str:
    """Return a span of time, naming the day once where it can."""
    end = "%H:%M" if value.start.date() == value.end.date() else "%Y-%m-%d %H:%M"
    return f"{value.start:%Y-%m-%d %H:%M} to {value.end:{end}} UTC"
