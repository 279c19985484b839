"""A decision as GitHub-flavoured Markdown, for a pull request comment or a job summary.

Compact: the outcome, who has to act and what fails stand open; approvals received, passed rules,
changes that are allowed beside one that is not, and what is more than anybody reads are folded.
Only lists, so that no text can break a table; every stranger's text goes through `escape`, and
none of it starts a line, but for a command inside of its fence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.report import phrases, risk_words
from itil_gate.report.escape import (
    clip,
    markdown_block,
    markdown_code,
    markdown_html,
    markdown_prose,
)
from itil_gate.report.links import rule_url, state_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from itil_gate.model.decision import (
        Action,
        ChangeVerdict,
        Decision,
        RiskAssessment,
        RuleState,
    )
    from itil_gate.model.finding import Finding

LIMIT = 60_000
"""Characters a comment may have; GitHub refuses more than 65,536."""
_MOST = 1_000
"""Characters shown of one stranger's text."""
_LEFT_OUT = "The rest is left out for length; `itil-gate explain` shows all of it."
_FEW = 3
"""Paths shown of those that raised the risk."""
_OPEN = 10
"""Steps, and findings of one rule, that stand open; the rest is folded."""


def decision_markdown(decision: Decision, *, limit: int = LIMIT) -> str:
    """Return the decision as Markdown of at most `limit` characters, ending with a newline.

    Where it would be longer, folded parts are left out first and then whole lines from the end;
    the text says so.
    """
    titled = len(decision.changes) > 1
    parts = [*_head(decision), *_overrides(decision), *_unblock(decision)]
    parts += _rules(decision.rules, title="Rules for the pull request as a whole")
    parts += _reports(decision)
    for change in decision.changes:
        if titled and change.outcome == "allow":
            caption = f"Change {change.id}: {phrases.OUTCOMES['allow']}"
            parts.append(_folded(caption, ["\n\n".join(_change(change))]))
            continue
        if titled:
            parts.append(f"#### Change {_code(change.id)}")
        parts += _change(change)
    text = _joined((*parts, *_details(decision)))
    return text if len(text) <= limit else _cut(_joined((*parts, _LEFT_OUT)), limit)


def findings_markdown(findings: Sequence[Finding]) -> str:
    """Return findings as a Markdown list for a job summary, ending with a newline."""
    if not findings:
        return "No findings. Whether a change is allowed is decided by `itil-gate check`.\n"
    lines: list[str] = []
    for finding in findings:
        lines += _finding(finding, "", lead=_link(finding.rule), indent="")
    return _cut("\n".join(lines) + "\n", LIMIT)


def failure_markdown(message: str, *, hint: str = "") -> str:
    """Return why the gate could not decide at all, ending with a newline."""
    remedy = f"\n- To satisfy: {_prose(hint)}" if hint else ""
    return f"### {phrases.OUTCOMES['undecided']}\n\n- {_prose(message)}{remedy}\n"


def _head(decision: Decision) -> Iterator[str]:
    (outcome, change, title), *others = phrases.headlines(decision)
    name = f"{markdown_code(change)} " if change else ""
    yield f"### {phrases.OUTCOMES[outcome]}: {name}{_prose(title)}"
    if others:
        yield "\n".join(
            f"- **{phrases.OUTCOMES[outcome]}** {markdown_code(change)} {_prose(title)}"
            for outcome, change, title in others
        )
    notice = phrases.not_enforced(decision)
    if notice:
        yield f"> **NOT ENFORCED:** {_prose(notice)}"
    yield _prose(phrases.plain_meaning(decision))


def _overrides(decision: Decision) -> Iterator[str]:
    if decision.overrides:
        yield "**Overrides**"
        yield "\n".join(
            f"- **{phrases.counted(entry)}** {_prose(phrases.override(entry))}\n"
            f"  - {_prose(phrases.override_reason(entry))}"
            for entry in decision.overrides
        )


def _reports(decision: Decision) -> Iterator[str]:
    if told := phrases.reports(decision):
        yield "**Reports of other tools**"
        yield "\n".join(
            f"- **{phrases.counted(entry)}** {_prose(phrases.report(entry))}\n"
            f"  - {_prose(phrases.report_reason(entry))}"
            for entry in told
        )


def _unblock(decision: Decision) -> Iterator[str]:
    steps = [_step(number, step) for number, step in enumerate(decision.unblock, start=1)]
    if steps:
        yield "**To unblock**"
        yield "\n".join(steps[:_OPEN])
    if len(steps) > _OPEN:
        yield _folded(f"More to unblock it ({len(steps) - _OPEN})", steps[_OPEN:])


def _step(number: int, step: Action) -> str:
    lead = f"{number}. "
    first = f"{lead}{_prose(phrases.action(step))}"
    indent = " " * len(lead)
    if phrases.is_command(step):
        return f"{first}\n{markdown_block(clip(step.command, _MOST), indent=indent)}"
    return f"{first}\n{indent}- {_prose(step.command)}"


def _change(change: ChangeVerdict) -> Iterator[str]:
    yield from _rules(change.rules, title="Rules for this change")
    yield "**Approvals required**"
    yield "\n".join(_requirements(change)) or "- none"
    yield f"**Risk: {_prose(phrases.risk(change.risk))}**"
    reasons = [
        f"- {item.level}: {_prose(phrases.contribution(item))} ({_code(item.source)})"
        f"{_paths(item.paths)}"
        for item in phrases.contributions(change.risk)
    ]
    yield "\n".join((*_measured(change.risk), *reasons)) or "- no contribution"


def _measured(risk: RiskAssessment) -> Iterator[str]:
    if impact := risk_words.impact(risk):
        yield f"- impact {_prose(impact)}"
    if likelihood := risk_words.likelihood(risk):
        yield f"- likelihood {_prose(likelihood)}"
        for line in (risk_words.shares(risk), risk_words.unknown(risk)):
            if line:
                yield f"  - {_prose(line)}"


def _paths(paths: Sequence[str]) -> str:
    if not paths:
        return ""
    rest = f" and {len(paths) - _FEW} more" if len(paths) > _FEW else ""
    return f"\n  - {', '.join(map(_code, paths[:_FEW]))}{rest}"


def _requirements(change: ChangeVerdict) -> Iterator[str]:
    for needed in change.requirements:
        proposed = " (under the proposed policies)" if needed.side == "proposed" else ""
        yield f"- **{needed.state}** {_prose(phrases.requirement(needed))}{proposed}"
        for line in phrases.requirement_people(needed):
            yield f"  - {_prose(line)}"


def _rules(rules: Sequence[RuleState], *, title: str) -> Iterator[str]:
    shown = phrases.told(rules)
    if not shown:
        return
    yield f"**{title}**"
    lines: list[str] = []
    rest: list[str] = []
    for state in shown:
        side = " (under the proposed policies)" if state.side == "proposed" else ""
        lines.append(f"- **{state.state}** {_state_link(state)}{side}")
        for number, finding in enumerate(state.findings):
            into, indent = (lines, "  ") if number < _OPEN else (rest, "")
            into += _finding(finding, state.rule, lead="", indent=indent)
        if len(state.findings) > _OPEN:
            lines.append(f"  - and {len(state.findings) - _OPEN} more, folded below")
    yield "\n".join(lines)
    if rest:
        yield _folded(f"More of the same ({title[:1].lower()}{title[1:]})", rest)


def _finding(finding: Finding, rule: str, *, lead: str, indent: str) -> list[str]:
    place = f"{_code(str(finding.place))} " if finding.place else ""
    message = finding.message if lead else phrases.faults(finding, rule)
    head = f"{lead} " if lead else ""
    lines = [f"{indent}- {head}{place}{_prose(message)}"]
    if finding.remedy:
        lines.append(f"{indent}  - To satisfy: {_prose(finding.remedy)}")
    return lines


def _details(decision: Decision) -> Iterator[str]:
    for change in decision.changes:
        about = f" for {change.id}" if len(decision.changes) > 1 else ""
        if points := risk_words.points(change.risk):
            caption = f"What made it so likely{about} ({len(points)})"
            yield _folded(caption, [f"- {_prose(line)}" for line in points])
        count = sum(entry.counted for entry in change.ledger)
        entries = [
            f"- **{phrases.counted(entry)}** {_prose(phrases.statement(entry))}\n"
            f"  - {_prose(phrases.statement_reason(entry))}"
            for entry in change.ledger
        ]
        caption = f"Approvals received{about} ({count} of {len(entries)} counted)"
        yield _folded(caption, entries or ["- none"])
    if decision.contributors:
        yield _folded(
            f"Who contributed and so cannot approve ({len(decision.contributors)})",
            [
                f"- {_code(person.person)}: {_prose(phrases.contributor(person))}"
                for person in decision.contributors
            ],
        )
    groups = [(change.id, change.rules) for change in decision.changes]
    groups.append(("the pull request as a whole", decision.rules))
    settled = [
        f"- {_prose(about)}, {len(names)} {caption}: {', '.join(map(_code, names))}"
        for about, rules in groups
        for caption, names in phrases.settled(rules)
    ]
    if settled:
        yield _folded("Rules that passed or do not apply", settled)
    particulars = [
        f"- {_prose(change.id)}, {caption}: {_prose(text)}"
        for change in decision.changes
        for caption, text in phrases.particulars(change)
    ]
    yield _folded("What was judged", [f"- {_prose(phrases.judged(decision))}", *particulars])


def _folded(summary: str, lines: Sequence[str]) -> str:
    body = "\n".join(lines)
    return f"<details><summary>{markdown_html(summary)}</summary>\n\n{body}\n\n</details>"


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(parts) + "\n"


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    notice = f"\n\n{_LEFT_OUT}\n"
    return text[: text.rfind("\n", 0, limit - len(notice))] + notice


def _link(rule: str) -> str:
    return f"[{markdown_code(rule)}]({rule_url(rule)})"


def _state_link(state: RuleState) -> str:
    url = state_url(state)
    return f"[{markdown_code(state.rule)}]({url})" if url else markdown_code(state.rule)


def _prose(text: str) -> str:
    return markdown_prose(clip(text, _MOST))


def _code(text: str) -> str:
    return markdown_code(clip(text, _MOST))
