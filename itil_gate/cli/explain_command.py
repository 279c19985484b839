"""`itil-gate explain`: why, in full; a rule, a change, or a stored decision."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.hearing import find_target, hearing, merge_options
from itil_gate.cli.screen import color, now, out, repo_option, repository, say, width

if TYPE_CHECKING:
    from datetime import datetime

CHANGE = re.compile(r"CHG-[0-9]{4}-[0-9A-Z]{8}|STD-[a-z0-9][a-z0-9._-]*-[0-9a-f]{12}")


@click.command(
    epilog="Exit codes: 0 explained; for a change those of `check`: 0 allow, 1 deny, 2 could not "
    "decide, 3 pending.",
)
@click.argument("what", metavar="CHG|RULE|FILE")
@merge_options
@repo_option
def command(what: str, base: str | None, head: str, target: str | None, repo: Path) -> int:
    """Say why, in full: of a change, of a rule, or of a decision that was stored.

    A change is decided again, on HEAD or on the one branch that holds it, and shown with every
    rule that passed, the facts behind it, and the smallest set of steps that would unblock it. A
    rule is one of the gate's own, or a rule, requirement, floor, factor or change model of the
    target's policies by its id. A file is one that `check --output` stored or `check --format
    json` printed.

    \b
    itil-gate explain CHG-2026-7K3QX9ZB
    itil-gate explain uncovered-change
    itil-gate explain service-owner
    itil-gate explain decision.json
    """
    from itil_gate.report.rulebook import RULES

    if CHANGE.fullmatch(what):
        return _change(what, repo, base=base, head=head, target=target, when=now())
    if what in RULES:
        from itil_gate.report.explanation import explain_rule

        out(explain_rule(RULES[what], width=width()))
        return 0
    if Path(what).is_file():
        _file(Path(what))
        return 0
    out(_policy(what, repo, base=base, target=target))
    return 0


def _policy(what: str, repo: Path, *, base: str | None, target: str | None) -> str:
    """Return what the policies of the target say under an id."""
    from itil_gate.gather.sources import read_judge
    from itil_gate.git.view import open_view
    from itil_gate.model.errors import GateError
    from itil_gate.policy.compile import compile_policies
    from itil_gate.report.explain_policy import entry_names, explain_entry

    names: frozenset[str] = frozenset()
    try:
        with open_view(repository(repo)) as view:
            _, tip = find_target(view, base=base, target=target)
            policies = compile_policies(read_judge(view, tip))
    except GateError as error:
        say(f"the policies of the target were not looked at: {error.message}")
    else:
        names = entry_names(policies)
        found = explain_entry(what, policies, width=width())
        if found is not None:
            return found
    raise click.UsageError(_unknown(what, names))


def _change(
    change: str, repo: Path, *, base: str | None, head: str, target: str | None, when: datetime
) -> int:
    from itil_gate.decide.gate import readings_of
    from itil_gate.model.errors import GateError
    from itil_gate.report.explanation import explain_decision
    from itil_gate.report.phrases import exit_code

    while True:
        with hearing(repo, base=base, head=head, target=target, now=when) as heard:
            try:
                heard.verdict(change)
            except GateError as error:
                if head != "HEAD" or error.code != "no-such-change":
                    raise
                other = _branch_of(change, repo, base=base, target=target, when=when)
                if other is None:
                    raise
                head = other
                continue
            out(
                explain_decision(
                    heard.decision,
                    heard.inputs,
                    readings=readings_of(heard.inputs),
                    color=color(),
                    width=width(),
                )
            )
            return exit_code(heard.decision)


def _branch_of(
    change: str, repo: Path, *, base: str | None, target: str | None, when: datetime
) -> str | None:
    """Return the head of the one branch that proposes a change; None if there is not just one."""
    from itil_gate.audit.proposals import open_changes
    from itil_gate.git.view import open_view

    with open_view(repository(repo)) as view:
        ref, tip = find_target(view, base=base, target=target)
        found = open_changes(view, target=ref, tip=tip, now=when, only=change).states
    heads = {state.head: state.refs for state in found if state.head is not None}
    if len(heads) > 1:
        names = "; ".join(", ".join(refs) for refs in heads.values())
        say(f"several versions of {change} are open: {names}; choose one with --head")
        return None
    for head, refs in heads.items():
        say(f"{change} is on {', '.join(refs)}")
        return head
    return None


def _file(file: Path) -> None:
    from itil_gate.model.decision import Decision
    from itil_gate.model.errors import GateError
    from itil_gate.prove.replay import load_stored
    from itil_gate.report.explanation import explain_decision

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GateError("unreadable-file", f"{file} cannot be read: {error}") from error
    try:
        decision, inputs = Decision.model_validate_json(text), None
    except ValueError:
        stored = load_stored(text, file=str(file))
        decision, inputs = stored.decision, stored.inputs
    out(explain_decision(decision, inputs, color=color(), width=width()))


def _unknown(what: str, names: frozenset[str]) -> str:
    from itil_gate.report.rulebook import nearest

    close = nearest(what, names)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    return f"{what!r} is no change id, no rule, nothing of the policies and no file.{hint}"
