"""What a person reads about landings and releases: as plain text for a terminal, escaped."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from itil_gate.report.escape import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.model.record import DeployDecision, RefUpdate, ReleaseOutcome, ReleaseRecord

_STANDINGS = {
    "authorised": "AUTHORISED",
    "overridden": "OVERRIDDEN",
    "unauthorised": "UNAUTHORISED",
    "unchanged": "UNCHANGED",
    "before-adoption": "BEFORE ADOPTION",
}
_OUTCOMES = {"allow": "ALLOWED", "overridden": "OVERRIDDEN", "deny": "DENIED"}
_WIDTH = 17


def landing_text(updates: Sequence[RefUpdate]) -> str:
    """Return what landed, oldest first: standing, commits, changes and why."""
    if not updates:
        return "Nothing landed that is not recorded already.\n"
    lines = []
    for update in updates:
        word = _STANDINGS[update.standing].ljust(_WIDTH)
        span = f"{update.before[:12]}..{update.after[:12]}"
        late = ", recorded late" if update.late else ""
        lines.append(f"{word}{span}  {update.ref}{late}")
        lines.append(f"{'':{_WIDTH}}{terminal(update.reason)}")
        if update.decision is not None:
            lines.append(f"{'':{_WIDTH}}decision: entry {update.decision} of the log")
    bad = sum(update.standing == "unauthorised" for update in updates)
    what = "update" if len(updates) == 1 else "updates"
    lines += ["", f"{len(updates)} {what}, {bad} unauthorised"]
    return "\n".join(lines) + "\n"


def deploy_text(decision: DeployDecision, record: ReleaseRecord | None) -> str:
    """Return what the deploy gate says, the outcome as its first word."""
    word = _OUTCOMES[decision.outcome]
    what = "back-out" if decision.backout else "release"
    lines = [
        f"{word}  {what} of {decision.commit[:12]} to {terminal(decision.environment)}",
        f"  artefact     {decision.artifact}",
        f"  changes      {terminal(', '.join(decision.changes)) or 'none'}",
        f"  judged       at {decision.now:%Y-%m-%d %H:%M:%S} UTC, policies of {decision.tip[:12]}",
        "",
    ]
    for reason in decision.reasons:
        if not reason.passed:
            state = "OVERRIDDEN" if reason.overridden else "FAILED"
            lines.append(f"  {state:<13}{reason.rule}: {terminal(reason.message)}")
            if reason.remedy and not reason.overridden:
                lines.append(f"               to satisfy it: {terminal(reason.remedy)}")
    for entry in decision.overrides:
        until = f" until {entry.expires_at:%Y-%m-%d %H:%M} UTC" if entry.expires_at else ""
        who = f"{entry.person or 'an unknown person'} for {terminal(entry.incident) or 'nobody'}"
        counts = "COUNTED" if entry.counted else "NOT COUNTED"
        lines.append(f"  {counts:<13}override of {who}{until}: {terminal(entry.reason)}")
        lines.append(f"               {entry.code}: {terminal(entry.detail)}")
    passed = [reason.rule for reason in decision.reasons if reason.passed]
    listed = textwrap.wrap(f"{len(passed)} passed: {', '.join(passed)}", 95, break_on_hyphens=False)
    lines += [f"  {'' if number == 0 else '  '}{line}" for number, line in enumerate(listed)]
    if record is not None:
        lines += [
            "",
            *(
                [f"Tag {terminal(record.tag)} is made, signed with the log's key."]
                if record.tag
                else []
            ),
            f"Release {record.nonce} has begun. When it is over:",
            f"  itil-gate release finish {record.nonce} --outcome success",
        ]
    return "\n".join(lines) + "\n"


def outcome_text(outcome: ReleaseOutcome) -> str:
    """Return how a release ended, in one line and what is due next."""
    span = f"{outcome.started_at:%Y-%m-%d %H:%M} to {outcome.finished_at:%Y-%m-%d %H:%M} UTC"
    where = terminal(outcome.environment)
    lines = [f"{outcome.outcome.upper()}  {outcome.nonce} in {where}, {span}"]
    lines += [f"  incident {terminal(one.id)}" for one in outcome.incidents]
    if outcome.outcome != "success":
        lines.append("  a review is due: `itil-gate debt` says by when")
    return "\n".join(lines) + "\n"
