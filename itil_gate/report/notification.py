"""A decision in short for chat and mail bridges, valid by `schemas/notification.json`.

Whoever passes it on escapes it for where it goes: a title is a stranger's text and stands here as
it was written, as JSON and nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from itil_gate.decide.gate import ENGINE
from itil_gate.model.canonical import as_json, digest
from itil_gate.model.notification import (
    Asked,
    Contact,
    Failure,
    NotedChange,
    NotedPull,
    Notification,
)
from itil_gate.report.json_report import printable
from itil_gate.report.phrases import is_command

if TYPE_CHECKING:
    from datetime import datetime

    from itil_gate.model.config import ForgeSettings
    from itil_gate.model.decision import Action, Decision
    from itil_gate.model.errors import GateError
    from itil_gate.model.facts import Inputs
    from itil_gate.model.people import Person
    from itil_gate.model.policy import PolicySet

_PLACES = {
    "github": re.compile(r"(?P<host>.+)/api/v3"),
    "gitlab": re.compile(r"(?P<host>.+)/api/v4"),
    "gitea": re.compile(r"(?P<host>.+)/api/v1"),
}
_PAGES = {"github": "pull", "gitlab": "-/merge_requests", "gitea": "pulls"}
_GITHUB = "https://api.github.com"


def notification(decision: Decision, inputs: Inputs, policies: PolicySet) -> Notification:
    """Return what there is to do and for whom; `policies` are those of the target.

    A decision that lets the pull request in asks nobody for anything.
    """
    persons = {person.id: person for person in policies.people.persons}
    ids = tuple(change.id for change in decision.changes)
    pull, settings = inputs.facts.pull_request, policies.config.forge
    return Notification(
        engine=decision.engine,
        outcome=decision.outcome,
        enforced=decision.enforced,
        now=decision.now,
        since=pull.head_since if pull else None,
        repository=decision.repository,
        target=decision.target,
        head=decision.head,
        decision=digest(decision),
        pull=None
        if pull is None
        else NotedPull(
            number=pull.number,
            title=pull.title,
            url=pull_url(settings, pull.number) if settings else None,
        ),
        changes=tuple(
            NotedChange(
                id=change.id,
                title=change.title,
                requester=change.requester,
                outcome=change.outcome,
                risk=change.risk.level,
            )
            for change in decision.changes
        ),
        actions=tuple(_asked(step, ids, persons) for step in decision.unblock),
    )


def failed(error: GateError, *, now: datetime, pull: int | None = None) -> Notification:
    """Return what to tell where nothing could be decided."""
    return Notification(
        engine=ENGINE,
        outcome="undecided",
        now=now,
        pull=None if pull is None else NotedPull(number=pull),
        failure=Failure(code=error.code, message=error.message, hint=error.hint or ""),
    )


def notification_json(told: Notification) -> str:
    """Return the document as indented JSON in plain ASCII, ending with a newline."""
    document: Any = as_json(told)
    return printable(document)


def pull_url(settings: ForgeSettings, number: int) -> str | None:
    """Return the page of a pull request; None where the API's address does not tell its host."""
    if settings.kind == "github" and settings.url == _GITHUB:
        place = "https://github.com"
    else:
        found = _PLACES[settings.kind].fullmatch(settings.url)
        if found is None:
            return None
        place = found["host"]
    if "/" not in settings.project:  # a number, which GitLab has no page for
        return None
    return f"{place}/{quote(settings.project)}/{_PAGES[settings.kind]}/{number}"


def _asked(step: Action, ids: tuple[str, ...], persons: dict[str, Person]) -> Asked:
    words = set(step.command.split())
    return Asked(
        who=tuple(_contact(name, persons.get(name)) for name in step.who),
        changes=tuple(name for name in ids if name in words),
        command=step.command,
        is_command=is_command(step),
        why=step.why,
    )


def _contact(name: str, person: Person | None) -> Contact:
    if person is None:
        return Contact(person=name)
    return Contact(person=name, name=person.name, emails=person.emails, accounts=person.accounts)
