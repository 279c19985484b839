"""What somebody who pushes reads in their terminal: short, and what to do next.

Git puts `remote:` before every line and cuts nothing, so that no line is wrapped. Everything that
strangers wrote is escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.report import phrases
from itil_gate.report.escape import clip, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from itil_gate.model.decision import Decision
    from itil_gate.release.pushing import Answer

MOST_ANSWERS = 20
MOST_FINDINGS = 5
MOST_STEPS = 5
_LONGEST = 400


def push_text(answers: Sequence[Answer]) -> str:
    """Return what is said about a push, line by line; nothing where nothing was to be judged."""
    spoken = [one for one in answers if one.decision or not one.passes]
    spoken.sort(key=lambda one: one.passes)
    lines = [line for one in spoken[:MOST_ANSWERS] for line in _answer(one)]
    if len(spoken) > MOST_ANSWERS:
        lines.append(f"itil-gate: and {len(spoken) - MOST_ANSWERS} more refs")
    if not all(one.passes for one in answers):
        lines.append("itil-gate: nothing of this push was taken")
    return "".join(f"{line}\n" for line in lines)


def _answer(answer: Answer) -> Iterator[str]:
    about = f"itil-gate: {_line(answer.push.ref)}"
    word = phrases.OUTCOMES[answer.outcome]
    if answer.decision is None:
        yield f"{about}: {word}: {answer.code}: {_line(answer.message)}"
        if answer.hint:
            yield f"  next: {_line(answer.hint)}"
        return
    decision = answer.decision
    names = ", ".join(f"{one.id} {one.title}" for one in decision.changes) or "no change request"
    yield f"{about}: {word}: {_line(names)}"
    if notice := phrases.not_enforced(decision):
        yield f"  {_line(notice)}"
    for entry in decision.overrides:
        if entry.counted:
            yield f"  {_line(phrases.override(entry))}"
    if decision.outcome in ("deny", "pending", "undecided"):
        yield from _missing(decision)


def _missing(decision: Decision) -> Iterator[str]:
    told = [
        finding
        for _, rule in phrases.every_rule(decision)
        if rule.state in ("ERROR", "UNSATISFIED", "PENDING")
        for finding in rule.findings
    ]
    told = list({(one.rule, one.message): one for one in told}.values())
    for finding in told[:MOST_FINDINGS]:
        place = f"{finding.place}: " if finding.place else ""
        yield f"  {_line(f'{place}{finding.rule}: {finding.message}')}"
        if finding.remedy and not decision.unblock:
            yield f"    to satisfy: {_line(finding.remedy)}"
    if len(told) > MOST_FINDINGS:
        yield f"  and {len(told) - MOST_FINDINGS} more findings"
    steps = decision.unblock
    for step in steps[:MOST_STEPS]:
        yield f"  next: {_line(phrases.action(step))}"
        yield f"    {terminal(step.command)}"
    if any(step.command.startswith("itil-gate approve") for step in steps):
        head = decision.head[: phrases.SHORT]
        yield f"  to approve, they need {head} (push it to a branch of its own) and --push REMOTE"


def _line(text: str) -> str:
    return clip(terminal(text), _LONGEST)
