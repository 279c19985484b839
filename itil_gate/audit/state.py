"""The state of a change, derived from evidence; no file declares it and nothing is guessed.

Only what git, signed statements and the policies show today is told: without a log of releases
nobody can know whether a merged change was carried out, so it is called merged and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from itil_gate.decide.schedule import planned_interval
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.decision import Action, ChangeVerdict, Decision, RuleState
    from itil_gate.model.errors import GateError
    from itil_gate.model.finding import Finding

State = Literal[
    "draft",
    "proposed",
    "authorised",
    "scheduled",
    "merged",
    "rejected",
    "withdrawn",
    "expired",
    "undecided",
]
MEANINGS: dict[State, str] = {
    "draft": "its request cannot be read yet",
    "proposed": "asked for, and not authorised as it stands",
    "authorised": "the merge gate allows it",
    "scheduled": "merged, and its window is still to come",
    "merged": "merged; whether it was carried out is not recorded",
    "rejected": "somebody rejected it and has not taken that back",
    "withdrawn": "its requester withdrew it",
    "expired": "its window ended before it was merged",
    "undecided": "what is known does not suffice to say",
}
_PASSED = frozenset({"SATISFIED", "NOT_APPLICABLE", "ADVISORY", "OVERRIDDEN"})
_ENDED: tuple[tuple[str, State], ...] = (
    ("withdrawn-change", "withdrawn"),
    ("open-rejection", "rejected"),
    ("window-past", "expired"),
)
"""Rules whose refusal is a state of its own, the gravest first."""


@frozen
class DerivedState:
    """One change in one version, its state, and the evidence that caused it."""

    change: str
    state: State
    evidence: tuple[str, ...]
    title: str = ""
    requester: str = ""
    path: str = ""
    refs: tuple[str, ...] = ()
    """Full names of the refs that hold this version, sorted."""
    head: str | None = None
    next: tuple[Action, ...] = ()


def proposed_states(
    decision: Decision, *, requests: Iterable[str], refs: Sequence[str]
) -> tuple[DerivedState, ...]:
    """Return the state of every change of a proposed merge, readable or not.

    `requests` are the paths of the request files it adds or amends, `refs` what points to its
    head.
    """
    judged = tuple(_judged(decision, verdict, refs) for verdict in decision.changes)
    known = {state.path for state in judged}
    drafts = (_draft(decision, path, refs) for path in sorted(set(requests) - known))
    return (*judged, *drafts)


def merged_state(
    change: ChangeRequest, *, path: str, since: str, refs: Sequence[str], now: datetime
) -> DerivedState:
    """Return the state of a request that is on the target branch.

    `since` says which commit brought it there.
    """
    planned = planned_interval(change)
    evidence = [since]
    state: State = "merged"
    if planned is None:
        evidence.append("it names no window, and no log of releases is kept")
    elif now < planned.start:
        state = "scheduled"
        evidence.append(f"its window begins {planned.start:%Y-%m-%d %H:%M} UTC")
    else:
        word = "ends" if now < planned.end else "ended"
        evidence.append(
            f"its window {word} {planned.end:%Y-%m-%d %H:%M} UTC with soak time, and no log of "
            "releases is kept"
        )
    return DerivedState(
        change=change.metadata.id,
        state=state,
        evidence=tuple(evidence),
        title=change.metadata.title,
        requester=change.metadata.requester,
        path=path,
        refs=tuple(refs),
    )


def undecided_state(
    error: GateError, *, requests: Sequence[str], refs: Sequence[str], head: str
) -> tuple[DerivedState, ...]:
    """Return the state of changes whose proposed merge could not be judged at all."""
    return tuple(
        DerivedState(
            change=change_name(path),
            state="undecided",
            evidence=(f"{error.code}: {error.message}",),
            path=path,
            refs=tuple(refs),
            head=head,
        )
        for path in requests
    )


def change_name(path: str) -> str:
    """Return the change that a request file is named after."""
    return path.rpartition("/")[2].rpartition(".")[0]


def _judged(decision: Decision, verdict: ChangeVerdict, refs: Sequence[str]) -> DerivedState:
    state, evidence = _state(decision, verdict)
    return DerivedState(
        change=verdict.id,
        state=state,
        evidence=evidence,
        title=verdict.title,
        requester=verdict.requester,
        path=verdict.path,
        refs=tuple(refs),
        head=decision.head,
        next=() if state in ("authorised", "withdrawn") else decision.unblock,
    )


def _state(decision: Decision, verdict: ChangeVerdict) -> tuple[State, tuple[str, ...]]:
    for rule, state in _ENDED:
        found = _findings(rule, verdict.rules)
        if found:
            return state, _told(found)
    if decision.outcome in ("allow", "overridden"):
        counted = [
            f"{entry.person} approved ({entry.digest[:12]})"
            for entry in verdict.ledger
            if entry.counted and entry.verdict == "approve"
        ]
        return "authorised", tuple(counted) or ("no rule stands against it",)
    open_rules = [
        finding
        for rule in (*verdict.rules, *decision.rules)
        if rule.state not in _PASSED
        for finding in rule.findings
    ]
    return "proposed", _told(open_rules)


def _draft(decision: Decision, path: str, refs: Sequence[str]) -> DerivedState:
    own = [
        finding
        for rule in decision.rules
        for finding in rule.findings
        if finding.place is not None and finding.place.file == path
    ]
    return DerivedState(
        change=change_name(path),
        state="draft",
        evidence=_told(own) or ("its request file cannot be read",),
        path=path,
        refs=tuple(refs),
        head=decision.head,
        next=decision.unblock,
    )


def _findings(rule: str, states: Iterable[RuleState]) -> list[Finding]:
    return [
        finding
        for state in states
        if state.rule == rule and state.state not in _PASSED
        for finding in state.findings
    ]


def _told(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{finding.rule}: {finding.message}" for finding in findings))
