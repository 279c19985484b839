"""Explanations in full: a rule of the book, and a decision with what passed and what it rests on.

The short forms leave out what is in order; here nothing is left out but the middle of very long
lists, and then it is said how long they are.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from itil_gate.report import phrases, risk_words
from itil_gate.report.escape import clip, terminal, visible
from itil_gate.report.links import rule_url
from itil_gate.report.rulebook import RULES, illustration
from itil_gate.report.text import decision_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from itil_gate.decide.readings import Reading
    from itil_gate.model.decision import ChangeVerdict, Decision
    from itil_gate.model.facts import CommitFact, Facts, Inputs
    from itil_gate.model.finding import Effect
    from itil_gate.model.policy import Source
    from itil_gate.model.rule import Rule

    Readings = Mapping[str, Mapping[str, Sequence[Reading]]]

MOST = 200
"""How many commits, paths or statements are listed."""
SHORT = 12
EFFECTS: dict[Effect, str] = {
    "deny": "denies: the change cannot be merged as it is",
    "pending": "keeps pending: somebody still has to act",
    "advise": "advises: it is shown and stops nothing",
}


def explain_rule(rule: Rule, *, width: int = 100) -> str:
    """Return the page of a rule for a terminal: meaning, reason, remedy, both examples."""
    lines = [rule.id, ""]
    for caption, text in (
        ("means", rule.summary),
        ("because", rule.why),
        ("to satisfy", rule.remedy),
        ("effect", EFFECTS[rule.effect]),
    ):
        lines += textwrap.wrap(
            text,
            width,
            initial_indent=f"  {caption:<11}",
            subsequent_indent=" " * 13,
            break_on_hyphens=False,
        )
    shown = illustration(rule.id)
    if shown is not None:
        lines += ["", "  with the fault:", *_block(shown.bad), "", "  mended:", *_block(shown.good)]
    return "\n".join([*lines, "", f"  {rule_url(rule.id)}"]) + "\n"


def explain_decision(
    decision: Decision,
    inputs: Inputs | None,
    *,
    readings: Readings | None = None,
    color: bool = False,
    width: int = 100,
) -> str:
    """Return a decision in full: the report, every rule that passed, and the facts behind it all.

    Without inputs the facts are named by their digests only. `readings` is what the rules of the
    target's rule sets read, by change and rule.
    """
    lines = [decision_text(decision, color=color, width=width).rstrip("\n"), ""]
    for change in decision.changes:
        lines += _read(change, (readings or {}).get(change.id, {}))
    lines += ["Rules that passed: nothing of this is so", *_passed(decision), ""]
    for change in decision.changes:
        if reasons := risk_words.every_impact(change.risk):
            about = f" of {terminal(change.id)}" if len(decision.changes) > 1 else ""
            lines += [f"Impact{about}: every reason, the highest holds"]
            lines += [*(f"  {terminal(reason)}" for reason in reasons), ""]
    if inputs is None:
        digests = decision.digests.model_dump(by_alias=True)
        lines += ["Facts (only their digests are stored here)"]
        lines += [f"  {name}: sha256:{value}" for name, value in digests.items() if value]
    else:
        lines += ["Facts", *_facts(inputs.facts), "", "Requests", *_sources(inputs.requests)]
        lines += ["", "Judged by", *_sources(inputs.judge)]
        if inputs.proposed is not None:
            lines += ["", "And by what the pull request proposes", *_sources(inputs.proposed)]
    return "\n".join(lines) + "\n"


def _read(change: ChangeVerdict, readings: Mapping[str, Sequence[Reading]]) -> Iterator[str]:
    """Yield what the rules read that were not passed."""
    told = [
        state.rule
        for state in change.rules
        if state.side == "target" and state.policy and state.state not in phrases.SETTLED
    ]
    if not any(readings.get(rule) for rule in told):
        return
    yield f"What the rules read of {terminal(change.id)}"
    for rule in told:
        yield f"  {terminal(rule)}"
        for one in readings.get(rule, ()):
            where = f"  ({terminal(str(one.place))})" if one.place else ""
            yield f"    {terminal(one.field)} = {terminal(clip(one.value, MOST))}{where}"
    yield ""


def _block(text: str) -> Iterator[str]:
    return (f"    {visible(line)}".rstrip() for line in text.rstrip("\n").split("\n"))


def _passed(decision: Decision) -> list[str]:
    names = dict.fromkeys(
        state.rule for _, state in phrases.every_rule(decision) if state.state in phrases.SETTLED
    )
    open_rules = {
        state.rule
        for _, state in phrases.every_rule(decision)
        if state.state not in phrases.SETTLED
    }
    told = []
    for name in names:
        rule = RULES.get(name)
        partly = " (not for every change)" if name in open_rules else ""
        told.append(f"  {terminal(name)}{partly}{f': {rule.summary}' if rule else ''}")
    return told or ["  none"]


def _facts(facts: Facts) -> Iterator[str]:
    yield f"  now          {phrases.moment(facts.now)}"
    yield f"  target       {terminal(facts.target)} at {facts.tip}"
    yield f"  merge base   {facts.merge_base or 'none: the target is unborn'}"
    yield f"  head         {facts.head}"
    yield f"  merged tree  {facts.merged_tree or 'none: the merge conflicts'}"
    yield f"  content      sha256:{facts.content}"
    yield ""
    yield f"Commits ({len(facts.commits)})"
    yield from _some(_commit(commit) for commit in facts.commits)
    yield ""
    yield f"Paths ({len(facts.diff)})"
    yield from _some(f"  {entry.status} {terminal(entry.path)}" for entry in facts.diff)
    yield ""
    yield f"Statements received ({len(facts.statements)})"
    yield from _some(
        f"  {item.status}  {item.digest[:SHORT]}  {terminal(item.path)}"
        for item in facts.statements
    )
    for tip in facts.approvals_tips:
        yield f"  read from the approvals branch at {tip}"
    if facts.history is not None:
        yield ""
        yield "History of the target"
        yield from (f"  {line}" for line in risk_words.history(facts.history))


def _commit(commit: CommitFact) -> str:
    author, committer, signature = commit.author, commit.committer, commit.signature
    text = f"  {commit.id[:SHORT]}  {author.name} <{author.email}>"
    if committer != author:
        text += f", committed by {committer.name} <{committer.email}>"
    for other in commit.co_authors:
        text += f", with {other.name} <{other.email}>"
    proof = "not signed"
    if signature.kind != "none":
        mark = f" {signature.fingerprint}" if signature.fingerprint else ""
        proof = f"{signature.kind} signature: {signature.status}{mark}"
    spared = "; merges the target and adds nothing" if commit.update_merge else ""
    return terminal(f"{text}; {proof}{spared}")


def _sources(sources: Sequence[Source]) -> Iterator[str]:
    yield from _some(f"  {source.blob[:SHORT]}  {terminal(source.path)}" for source in sources)
    if not sources:
        yield "  none"


def _some(lines: Iterable[str]) -> Iterator[str]:
    count = 0
    for line in lines:
        count += 1
        if count <= MOST:
            yield line
    if count > MOST:
        yield f"  … and {count - MOST} more"
