"""What a person reads in a terminal: decisions, findings and errors as plain text.

Readable without colour; colour only underlines words that are there anyway. Every piece of text
passes through the page, which escapes it, so nothing here can print a stranger's escape sequence.
Prints nothing itself.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from itil_gate.model.errors import ConfigError, SourceError
from itil_gate.model.frozen import frozen
from itil_gate.report import phrases, risk_words
from itil_gate.report.escape import terminal
from itil_gate.report.links import rule_url, state_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from itil_gate.model.decision import ChangeVerdict, Decision, RiskAssessment, RuleState
    from itil_gate.model.errors import GateError
    from itil_gate.model.finding import Effect, Finding

_RED, _GREEN, _YELLOW, _MAGENTA, _BOLD = "1;31", "32", "33", "35", "1"
_COLORS = {
    "ALLOWED": _GREEN,
    "SATISFIED": _GREEN,
    "COUNTED": _GREEN,
    "PENDING": _YELLOW,
    "NOT COUNTED": _YELLOW,
    "ADVISORY": _YELLOW,
    "OVERRIDDEN": _MAGENTA,
    "DENIED": _RED,
    "UNSATISFIED": _RED,
    "ERROR": _RED,
    "UNDECIDED": _RED,
    "NOT ENFORCED": _MAGENTA,
}
_EFFECTS: dict[Effect, str] = {"deny": "blocking", "pending": "pending", "advise": "advice"}
_WORD = 13
"""Width of the column of state words: the longest and two spaces."""
_NARROWEST = 40


def decision_text(decision: Decision, *, color: bool, width: int = 100) -> str:
    """Return the whole decision for a terminal, the overall outcome as its first word.

    `width` is in columns; places, commands and other long words are never broken. The text ends
    with a newline.
    """
    page = _Page(color=color, width=max(width, _NARROWEST))
    lines = [*_headlines(page, decision), *_overrides(page, decision)]
    for change in decision.changes:
        if len(decision.changes) > 1:
            lines += ["", page.heading(f"{change.id}  {change.title}")]
        lines += _change(page, change)
    if decision.rules:
        title = "Rules for the pull request as a whole" if decision.changes else "Rules"
        lines += ["", page.heading(title), *_rules(page, decision.rules)]
    lines += _reports(page, decision)
    if decision.contributors:
        lines += ["", page.heading("Who contributed and so cannot approve")]
        for person in decision.contributors:
            lines += page.text(f"{person.person}: {phrases.contributor(person)}", indent=2)
    if decision.unblock:
        lines += ["", page.heading("To unblock")]
        for number, step in enumerate(decision.unblock, start=1):
            lines += page.text(f"{number}. {phrases.action(step)}", indent=2, hang=3)
            if phrases.is_command(step):
                lines.append(page.verbatim(step.command, indent=5))
            else:
                lines += page.text(step.command, indent=5)
    return "\n".join(lines) + "\n"


def findings_text(findings: Sequence[Finding], *, color: bool = False) -> str:
    """Return findings as `file:line:column: rule: message`, remedies below, the count at the end.

    The address of a rule's page follows its first finding. The text ends with a newline.
    """
    page = _Page(color=color, width=0)
    lines: list[str] = []
    seen: set[str] = set()
    for finding in findings:
        place = f"{finding.place}: " if finding.place else ""
        note = {"deny": "", "pending": " (pending)", "advise": " (advice)"}[finding.effect]
        line = terminal(f"{place}{finding.rule}{note}: {finding.message}")
        # A path may begin with a space, and would then look like the line below a finding.
        lines.append(rf"\x20{line[1:]}" if line.startswith(" ") else line)
        if finding.remedy:
            lines.append(page.verbatim(f"to satisfy: {finding.remedy}", indent=4))
        if finding.rule not in seen:
            lines.append(page.verbatim(rule_url(finding.rule), indent=4))
        seen.add(finding.rule)
    return "\n".join([*lines, page.paint(_count(findings), _BOLD)]) + "\n"


def error_text(error: GateError, *, color: bool = False, width: int = 100) -> str:
    """Return what stopped the gate, where, and what to do next; it ends with a newline."""
    page = _Page(color=color, width=max(width, _NARROWEST))
    lines = page.row("UNDECIDED", error.message, indent=0, column=11)
    lines += page.text(
        "The gate could not decide, so nothing is authorised (exit code 2).", indent=2
    )
    if isinstance(error, SourceError):
        lines.append(page.verbatim(f"where: {error.place}", indent=2))
    if error.hint:
        lines += page.text(f"next: {error.hint}", indent=2, hang=6)
    lines.append(page.verbatim(f"code: {error.code}", indent=2))
    text = "\n".join(lines) + "\n"
    if isinstance(error, ConfigError) and error.findings:
        return f"{text}\n{findings_text(error.findings, color=color)}"
    return text


@frozen
class _Page:
    """Lines for a terminal; every method escapes the text it is given."""

    color: bool
    width: int

    def paint(self, text: str, code: str) -> str:
        """Colour our own words if colour was asked for."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and code else text

    def heading(self, text: str) -> str:
        """Begin a line at the margin, whatever blanks a stranger's words begin with."""
        return self.paint(terminal(text).strip() or "(no words)", _BOLD)

    def verbatim(self, text: str, *, indent: int) -> str:
        """One line that is never wrapped: commands, places and addresses are copied."""
        return " " * indent + terminal(text)

    def text(self, text: str, *, indent: int, hang: int = 0) -> list[str]:
        """Wrap text; lines after the first are indented `hang` columns more."""
        return textwrap.wrap(
            terminal(text),
            self.width,
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + hang),
            break_long_words=False,
            break_on_hyphens=False,
        )

    def row(self, word: str, text: str, *, indent: int = 2, column: int = _WORD) -> list[str]:
        """One of our state words and the text beside it."""
        first, *rest = self.text(text, indent=indent + column) or [""]
        painted = self.paint(word, _COLORS.get(word, "")) + " " * (column - len(word))
        return [" " * indent + painted + first[indent + column :], *rest]

    def below(self, text: str) -> list[str]:
        """Text that goes on beneath a row."""
        return self.text(text, indent=2 + _WORD)


def _headlines(page: _Page, decision: Decision) -> Iterator[str]:
    first, *others = phrases.headlines(decision)
    column = 2 + max((len(phrases.OUTCOMES[outcome]) for outcome, _, _ in others), default=0)
    for line in (first, *others):
        outcome, change, title = line
        word = phrases.OUTCOMES[outcome]
        text = f"{change}  {title}" if change else title
        if line is first:
            yield from page.row(word, text, indent=0, column=len(word) + 2)
        else:
            yield from page.row(word, text, column=column)
    notice = phrases.not_enforced(decision)
    if notice:
        yield from page.row("NOT ENFORCED", notice, column=14)
    yield from page.text(phrases.meaning(decision), indent=2)
    yield ""
    yield from page.row("judged", phrases.judged(decision))


def _overrides(page: _Page, decision: Decision) -> Iterator[str]:
    if decision.overrides:
        yield from ("", page.heading("Overrides"))
    for entry in decision.overrides:
        yield from page.row(phrases.counted(entry), phrases.override(entry))
        yield from page.below(phrases.override_reason(entry))
    if decision.overrides and len(decision.changes) == 1:
        yield ""


def _reports(page: _Page, decision: Decision) -> Iterator[str]:
    told = phrases.reports(decision)
    if told:
        yield from ("", page.heading("Reports of other tools"))
    for entry in told:
        yield from page.row(phrases.counted(entry), phrases.report(entry))
        yield from page.below(phrases.report_reason(entry))


def _change(page: _Page, change: ChangeVerdict) -> Iterator[str]:
    for caption, text in phrases.particulars(change):
        yield from page.row(caption, text)
    yield from ("", page.heading(f"Risk: {phrases.risk(change.risk)}"))
    yield from _measured(page, change.risk)
    for item in phrases.contributions(change.risk):
        yield from page.row(item.level, f"{phrases.contribution(item)} ({item.source})")
        if item.paths:
            yield from page.below(f"paths: {phrases.some(item.paths)}")
    yield from ("", page.heading("Approvals required"))
    for needed in change.requirements:
        proposed = " (under the proposed policies)" if needed.side == "proposed" else ""
        yield from page.row(needed.state, phrases.requirement(needed) + proposed)
        for line in phrases.requirement_people(needed):
            yield from page.below(line)
    if not change.requirements:
        yield from page.text("none", indent=2)
    yield from ("", page.heading("Approvals received"))
    for entry in change.ledger:
        yield from page.row(phrases.counted(entry), phrases.statement(entry))
        yield from page.below(phrases.statement_reason(entry))
    if not change.ledger:
        yield from page.text("none", indent=2)
    if change.rules:
        yield from ("", page.heading("Rules for this change"), *_rules(page, change.rules))


def _measured(page: _Page, risk: RiskAssessment) -> Iterator[str]:
    if impact := risk_words.impact(risk):
        yield from page.row("impact", impact)
    if likelihood := risk_words.likelihood(risk):
        yield from page.row("likelihood", likelihood)
        for line in risk_words.points(risk):
            yield from page.below(line)
        yield from page.below(risk_words.unknown(risk))


def _rules(page: _Page, rules: Sequence[RuleState]) -> Iterator[str]:
    for state in phrases.told(rules):
        yield from page.row(state.state, phrases.rule_name(state))
        for finding in state.findings:
            if finding.place:
                yield page.verbatim(str(finding.place), indent=2 + _WORD)
            yield from page.below(phrases.faults(finding, state.rule))
            if finding.remedy:
                yield from page.below(f"To satisfy: {finding.remedy}")
        if url := state_url(state):
            yield page.verbatim(url, indent=2 + _WORD)
    for caption, names in phrases.settled(rules):
        yield from page.text(f"{len(names)} {caption}: {', '.join(names)}", indent=2, hang=2)


def _count(findings: Iterable[Finding]) -> str:
    counts = Counter(finding.effect for finding in findings)
    if not counts:
        return "No findings. Whether a change is allowed is decided by `itil-gate check`."
    parts = [f"{counts[effect]} {word}" for effect, word in _EFFECTS.items() if counts[effect]]
    total = counts.total()
    return f"{total} finding{'' if total == 1 else 's'}: {', '.join(parts)}."
