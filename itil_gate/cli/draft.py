"""Derive a change request from a branch: everything but what only its author knows.

Nothing is written here. The draft is judged by the gate itself before anybody sees it, so that the
preview is what `check` will say.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from itil_gate.cli.worktree import everything, open_work_tree, read_file
from itil_gate.decide.coverage import environments_of, services_of, survey
from itil_gate.decide.gate import decide, read_requests
from itil_gate.decide.roster import build_roster
from itil_gate.decide.scope import smallest_scope
from itil_gate.gather.inputs import find_commit, gather
from itil_gate.git.history import read_commit
from itil_gate.git.tree import ls_tree
from itil_gate.git.user import identity
from itil_gate.model.change import ChangeRequest
from itil_gate.model.errors import GateError
from itil_gate.model.frozen import frozen, replace
from itil_gate.model.policy import Source
from itil_gate.policy.compile import compile_policies
from itil_gate.reading.globs import compile_globs
from itil_gate.reading.requests import read_request
from itil_gate.report.request_file import RequestDraft, WindowDraft, request_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from itil_gate.decide.coverage import Territory
    from itil_gate.git.view import View
    from itil_gate.model.change import ChangeType
    from itil_gate.model.decision import ChangeVerdict
    from itil_gate.model.facts import Inputs
    from itil_gate.model.finding import Finding
    from itil_gate.model.policy import PolicySet

    Ask = Callable[[str, str | None, Sequence[str]], str | None]
    """From question, proposal and choices to an answer; None where nobody is there to ask."""

_SETTLED_LATER = frozenset({"missing-approval"})


@frozen
class Wishes:
    """What the caller said; None or empty where they did not."""

    title: str | None
    reason: str | None
    services: tuple[str, ...]
    environments: tuple[str, ...]
    model: str | None
    emergency: bool
    window: tuple[str, str, str] | None
    requester: str | None


@frozen
class Work:
    """What a branch changes, and which of it no request of the branch covers yet."""

    view: View
    inputs: Inputs
    policies: PolicySet
    territory: Territory
    uncovered: tuple[str, ...]
    covered_by: tuple[str, ...]
    """Paths of those requests."""
    recognised: str | None = None
    """Id of the standard change that the branch is without any request."""

    def nothing_to_do(self) -> str:
        """Say why no request is needed."""
        if self.recognised is not None:
            return (
                f"this is a standard change and passes without a request: {self.recognised}; "
                "with --title or --model a request is written all the same"
            )
        if self.covered_by:
            names = ", ".join(self.covered_by)
            return f"every governed path that changes lies in the scope of {names}"
        return "no governed path changes, so no request is needed"


@frozen
class Draft:
    """A request as text, with what the gate says of it."""

    text: str
    verdict: ChangeVerdict
    obstacles: tuple[Finding, ...]
    """What would deny it, approvals aside."""


def find_work(view: View, *, target: str, tip: str, now: datetime, root: Path | None) -> Work:
    """Return what HEAD changes against a target. Raises GateError `nothing-changed`.

    Requests that were written below `root` and not committed yet count as requests of the branch.
    """
    head = find_commit(view, "HEAD")
    inputs = gather(view, target=target, base=tip, head=head, now=now, recorded=False)
    if not inputs.facts.diff:
        raise GateError(
            "nothing-changed",
            f"HEAD changes nothing against {target} at {tip[:12]}",
            hint="commit the change first, on a branch of its own; `git switch -c NAME`",
        )
    policies = compile_policies(inputs.judge)
    territory = survey(inputs.facts.diff, policies.config)
    asked, _ = read_requests(inputs.requests)
    requests = {one.source.path: one.change for one in asked}
    if root is not None:
        requests |= _uncommitted(view, root, head)
    scopes = [compile_globs(change.spec.scope) for change in requests.values()]
    bare = tuple(path for path in territory.governed if not any(holds(path) for holds in scopes))
    return Work(
        view, inputs, policies, territory, bare, tuple(requests), _recognised(inputs, policies)
    )


def _checkpoint(work: Work) -> str | None:
    """Return the newest head of the audit log that this clone saw, to be remembered by others.

    Merged with the request, it shows later that the log was not begun anew or rewound since.
    """
    config = work.policies.config
    if config.log is None:
        return None
    from itil_gate.gather.remembered import recall
    from itil_gate.log.pins import origin_of

    known = recall(work.view.repository, origin=origin_of(config.log, config.repository))
    return known[0] if known else None


def _recognised(inputs: Inputs, policies: PolicySet) -> str | None:
    """Return the id of the standard change that the gate recognises and allows."""
    if inputs.requests or not any(model.spec.recognise for model in policies.change_models):
        return None
    decision = decide(inputs)
    return next((one.id for one in decision.changes if decision.outcome == "allow"), None)


def _uncommitted(view: View, root: Path, head: str) -> dict[str, ChangeRequest]:
    """Return the readable requests of the work tree that HEAD does not hold, by path."""
    tree = open_work_tree(root)
    committed = {entry.path for entry in ls_tree(view, head, [tree.config.locations.changes])}
    found = {}
    for file in everything(tree):
        if file.kind != "request" or file.path in committed:
            continue
        text = read_file(file)
        change = read_request(text, file=file.path) if isinstance(text, str) else None
        if isinstance(change, ChangeRequest):
            found[file.path] = change
    return found


def draft_request(work: Work, wishes: Wishes, *, change: str, file: str, ask: Ask) -> Draft:
    """Return the request for what is uncovered.

    `file` is its path in the repository. Raises click.UsageError naming the options that are
    missing where nobody can be asked, and GateError for what the reader would refuse.
    """
    requester = _named(work, wishes.requester) if wishes.requester else _requester(work)
    answers = _Answers(work, wishes, ask)
    plan = RequestDraft(
        id=change,
        requester=requester,
        type=_type(work, wishes),
        model=wishes.model,
        title=answers.title(),
        reason=answers.reason(),
        services=answers.services(),
        environments=answers.environments(),
        scope=smallest_scope(work.uncovered, singly=work.territory.judge),
        level="low",
        window=WindowDraft(*wishes.window) if wishes.window else None,
        checkpoint=_checkpoint(work),
        example_day=f"{work.inputs.facts.now + timedelta(days=7):%Y-%m-%d}",
    )
    answers.refuse_missing()
    text = request_file(plan)
    _insist(text, file)
    draft = _judged(work, text, file)
    # What a request has to say depends on its risk, which only the judged request has.
    text = request_file(replace(plan, level=draft.verdict.risk.level))
    return draft if text == draft.text else _judged(work, text, file)


def _type(work: Work, wishes: Wishes) -> ChangeType:
    """Return the type of the request: that of its model, where it names one that is published."""
    if wishes.emergency:
        return "emergency"
    if wishes.model is None:
        return "normal"
    models = (one for one in work.policies.change_models if one.metadata.name == wishes.model)
    return next((model.spec.type for model in models), "standard")


class _Answers:
    """Takes every value from the caller, else from the paths, else asks; keeps what is missing."""

    def __init__(self, work: Work, wishes: Wishes, ask: Ask) -> None:
        self.work = work
        self.wishes = wishes
        self.ask = ask
        self.missing: list[str] = []
        self.subject, self.body = _last_words(work)

    def title(self) -> str:
        """Return the title; the newest commit's subject is proposed."""
        return self._text("--title", self.wishes.title, "Title", self.subject)

    def reason(self) -> str:
        """Return the reason; the text of the newest commit is proposed."""
        return self._text("--reason", self.wishes.reason, "Why is it needed", self.body)

    def services(self) -> tuple[str, ...]:
        """Return the services that own the paths, and those named."""
        known = sorted(service.name for service in self.work.policies.services)
        owners = services_of(self.work.uncovered, self.work.policies.services)
        found = sorted(owners | set(self.wishes.services))
        if found or len(known) == 1:
            return tuple(found or known)
        return self._choice("--service", "Which service does it change", known)

    def environments(self) -> tuple[str, ...]:
        """Return the environments the paths belong to, and those named."""
        config = self.work.policies.config
        known = [entry.name for entry in config.environments]
        found = {*environments_of(self.work.uncovered, config), *self.wishes.environments}
        if found or len(known) == 1:
            return tuple(sorted(found) or known)
        return self._choice("--env", "In which environment does it take effect", known)

    def refuse_missing(self) -> None:
        """Raise click.UsageError naming every option that is missing."""
        if self.missing:
            raise click.UsageError(
                f"missing: {', '.join(self.missing)}; nobody is at a terminal to be asked"
            )

    def _text(self, option: str, given: str | None, question: str, proposal: str | None) -> str:
        text = (given if given is not None else self.ask(question, proposal, ())) or ""
        if not text.strip():
            self.missing.append(option)
        return text.strip()

    def _choice(self, option: str, question: str, known: Sequence[str]) -> tuple[str, ...]:
        answer = self.ask(question, None, known)
        if not answer:
            self.missing.append(f"{option} ({', '.join(known)})" if known else option)
            return ()
        return (answer,)


def _named(work: Work, person: str) -> str:
    """Return the id of a listed person. Raises GateError `unknown-person`."""
    from itil_gate.reading.wording import listed, near_words

    ids = [one.id for one in work.policies.people.persons]
    if person in ids:
        return person
    near = near_words(person, ids)
    raise GateError(
        "unknown-person",
        f"--requester: {person!r} is nobody in {work.policies.config.locations.people} on the "
        "target",
        hint=f"use the id of a person: {listed(near)}" if near else "use the id of a person there",
    )


def _requester(work: Work) -> str:
    """Return whose e-mail address git is set up with, by people.yaml of the target."""
    _, email = identity(work.view.repository)
    person = build_roster(work.policies.people).by_address(email)
    if person is None:
        raise GateError(
            "unknown-person",
            f"git's e-mail address {email} belongs to nobody in "
            f"{work.policies.config.locations.people} on the target",
            hint="name yourself with --requester PERSON, or have the address added there",
        )
    return person.id


def _last_words(work: Work) -> tuple[str | None, str | None]:
    """Return subject and text of the newest commit that is no update merge."""
    newest = next((one for one in work.inputs.facts.commits if not one.update_merge), None)
    if newest is None:
        return None, None
    subject, _, rest = read_commit(work.view, newest.id).message.strip().partition("\n")
    paragraphs = [part for part in rest.strip().split("\n\n") if part.strip()]
    if paragraphs and all(_is_trailer(line) for line in paragraphs[-1].splitlines()):
        paragraphs.pop()
    body = "\n\n".join(paragraphs).strip()
    return subject.strip()[:300] or None, body or None


def _is_trailer(line: str) -> bool:
    key, colon, _ = line.partition(": ")
    return bool(colon) and key.replace("-", "").isalnum()


def _insist(text: str, file: str) -> None:
    """Raise GateError where the reader would refuse what was answered."""
    result = read_request(text, file=file)
    if isinstance(result, ChangeRequest):
        return
    first = result[0]
    raise GateError(
        "unusable-answer",
        f"the request would not be valid: {first.rule}: {first.message}",
        hint=first.remedy,
    )


def _judged(work: Work, text: str, file: str) -> Draft:
    """Let the gate decide as if the request were committed already."""
    blob = hashlib.sha256(text.encode()).hexdigest()[:40]
    inputs = work.inputs.model_copy(
        update={
            "requests": (*work.inputs.requests, Source(path=file, blob=blob, text=text)),
        }
    )
    decision = decide(inputs)
    verdict = next(one for one in decision.changes if one.path == file)
    findings = [
        finding
        for state in (*decision.rules, *verdict.rules)
        for finding in state.findings
        if finding.effect == "deny" or state.rule == "unproved-contributor"
    ]
    return Draft(
        text,
        verdict,
        tuple(dict.fromkeys(one for one in findings if one.rule not in _SETTLED_LATER)),
    )
