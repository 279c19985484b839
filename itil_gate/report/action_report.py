"""What a run on a forge's runner leaves behind: outputs, a summary, at most ten annotations.

Outputs go to later steps, which may paste them anywhere: of strangers' text they hold ids, names
and numbers whose form the models limit, and nothing else.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from itil_gate.report.github import decision_annotations
from itil_gate.report.markdown import LIMIT, decision_markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from itil_gate.model.decision import Decision, Outcome

    StatusState = Literal["success", "failure", "pending"]

SUMMARY_CHARACTERS = 250_000
"""A runner takes 1,024 KiB of a step's summary, and a character has at most four bytes."""
MOST_ANNOTATIONS = 10
OUTPUTS = (
    "outcome",
    "lane",
    "risk-level",
    "risk-score",
    "change-ids",
    "missing-approvals",
    "decision",
    "log-index",
    "checkpoint",
)
"""The outputs of the action, in the order of its description; all are always set."""
_MARKS: dict[Outcome, StatusState] = {
    "allow": "success",
    "overridden": "success",
    "pending": "pending",
    "deny": "failure",
    "undecided": "failure",
}


def decision_outputs(
    decision: Decision, *, file: str, index: int | None, checkpoint: str
) -> dict[str, str]:
    """Return the outputs of a decision; lists are JSON where there are several requests.

    `file` is where the decision is stored, `index` where it stands in the log, `checkpoint` the
    signed note; None and empty where it was not recorded.
    """
    changes = decision.changes
    missing = [
        {"change": one.id, "role": needed.role, "missing": needed.needed - len(needed.counted)}
        for one in changes
        for needed in one.requirements
        if needed.needed > len(needed.counted)
    ]
    return {
        "outcome": decision.outcome,
        "lane": _one_or_list([one.lane for one in changes]),
        "risk-level": _one_or_list([one.risk.level for one in changes]),
        "risk-score": _one_or_list([one.risk.score for one in changes]),
        "change-ids": json.dumps([one.id for one in changes]),
        "missing-approvals": json.dumps(missing, separators=(",", ":")),
        "decision": file,
        "log-index": "" if index is None else str(index),
        "checkpoint": checkpoint,
    }


def other_outputs(outcome: str, known: Mapping[str, str]) -> dict[str, str]:
    """Return all outputs of a run that made no decision about a merge."""
    empty = dict.fromkeys(OUTPUTS, "") | {"change-ids": "[]", "missing-approvals": "[]"}
    return empty | dict(known) | {"outcome": outcome}


def summary(decision: Decision) -> str:
    """Return the decision for the summary of a step: whole sections, never too long."""
    return decision_markdown(decision, limit=SUMMARY_CHARACTERS)


def comment(decision: Decision, *, index: int | None = None, checkpoint: str = "") -> str:
    """Return the decision for a comment of a pull request, with where the log recorded it.

    The signed checkpoint stays there when the log is rewritten, so whoever reads the comment can
    hold the log against it.
    """
    if index is None:
        return decision_markdown(decision)
    body = "".join(f"    {line}\n" for line in checkpoint.splitlines())
    kept = (
        f"\n<details><summary>Recorded as entry {index} of the audit log</summary>\n\n"
        "The log has to lead to this checkpoint: `itil-gate log verify --since FILE`.\n\n"
        f"{body}\n</details>\n"
    )
    return decision_markdown(decision, limit=LIMIT - len(kept)) + kept


def worst_annotations(decision: Decision) -> str:
    """Return at most ten workflow commands, the worst first; the last one counts what is left.

    A runner shows ten errors and ten warnings of a step, and says nothing of the rest.
    """
    worst = ("::error", "::warning", "::notice")
    lines = sorted(
        decision_annotations(decision).splitlines(),
        key=lambda line: next(at for at, word in enumerate(worst) if line.startswith(word)),
    )
    if len(lines) > MOST_ANNOTATIONS:
        rest = len(lines) - MOST_ANNOTATIONS + 1
        kept = lines[: MOST_ANNOTATIONS - 1]
        lines = [*kept, f"::notice title=itil-gate::{rest} more are in the summary of this step"]
    return "".join(f"{line}\n" for line in lines)


def status_of(decision: Decision) -> tuple[StatusState, str]:
    """Return state and description of a commit status: pending shows as pending.

    In audit mode it is a success that says what it would have been.
    """
    if not decision.enforced and decision.outcome in ("deny", "pending"):
        return "success", f"audit mode, not enforced: {decision.outcome}"
    return _MARKS[decision.outcome], _description(decision)


def _description(decision: Decision) -> str:
    """Say in 140 characters what is so and how many have to act."""
    if decision.outcome == "allow":
        lanes = sorted({one.lane for one in decision.changes})
        return f"allowed ({', '.join(lanes)})" if lanes else "allowed: no governed path changes"
    if decision.outcome == "overridden":
        return "OVERRIDDEN by a signed statement; it has to be reviewed"
    acts = len(decision.unblock)
    steps = f"{acts} step{'' if acts == 1 else 's'} would unblock it" if acts else "see the summary"
    words = {"pending": "waiting", "deny": "denied", "undecided": "could not decide"}
    return f"{words[decision.outcome]}: {steps}"


def _one_or_list(values: Sequence[object]) -> str:
    plain = ["" if value is None else value for value in values]
    return str(plain[0]) if len(plain) == 1 else json.dumps(plain) if plain else ""
