"""A change request as a file that a person goes on editing.

Only what was asked or derived is written. From medium risk on, what approvers will look for stands
there as comments to fill in; nothing is made up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.frozen import frozen
from itil_gate.report.yaml_text import entry, flow, items, scalar, schema_line

if TYPE_CHECKING:
    from itil_gate.model.base import Level
    from itil_gate.model.change import ChangeType


@frozen
class WindowDraft:
    """Local start and end (end exclusive) as YYYY-MM-DDThh:mm, and an IANA zone."""

    start: str
    end: str
    timezone: str


@frozen
class RequestDraft:
    """What is known of a request before it is written."""

    id: str
    title: str
    requester: str
    type: ChangeType
    services: tuple[str, ...]
    environments: tuple[str, ...]
    scope: tuple[str, ...]
    reason: str
    level: Level
    """The assessed risk; it decides what is asked for, and is not written."""
    model: str | None = None
    window: WindowDraft | None = None
    example_day: str = "2026-11-25"
    """A day still to come, for the examples in comments."""
    checkpoint: str | None = None
    """The newest signed head of the audit log that is known here."""


def request_file(draft: RequestDraft) -> str:
    """Return the text of `<id>.yaml`."""
    text = schema_line("change-request")
    text += "apiVersion: itil-gate/v1\nkind: ChangeRequest\nmetadata:\n"
    text += f"  id: {draft.id}\n"
    text += entry("title", draft.title, indent=2)
    text += entry("requester", draft.requester, indent=2)
    if draft.checkpoint is not None:
        text += entry("checkpoint", draft.checkpoint.rstrip("\n"), indent=2)
    text += f"spec:\n  type: {draft.type}\n"
    if draft.model is not None:
        text += entry("model", draft.model, indent=2)
    text += f"  services: {flow(draft.services)}\n"
    text += f"  environments: {flow(draft.environments)}\n"
    text += items("scope", draft.scope, indent=2)
    text += entry("reason", draft.reason, indent=2)
    if draft.window is not None:
        window = draft.window
        text += (
            f"  window: {{start: {scalar(window.start)}, end: {scalar(window.end)}, "
            f"timezone: {scalar(window.timezone)}}}\n"
        )
    return text + _prompts(draft)


def _prompts(draft: RequestDraft) -> str:
    """Return, as comments, the fields that approvers of a riskier change look for."""
    if draft.level == "low" and draft.type != "emergency":
        return ""
    day = draft.example_day
    lines = [
        "",
        f"The assessed risk is {draft.level}. Whoever approves will look for what follows:",
    ]
    lines += ["fill it in and remove the comment signs, or remove the lines."]
    if draft.window is None:
        lines += [f'window: {{start: "{day}T22:00", end: "{day}T23:00", timezone: Europe/Berlin}}']
    if draft.type == "emergency":
        lines += ["links:", "  - {type: incident, id: INC-…}"]
    lines += [
        "impact:",
        "  users: who notices what",
        "  downtime: 0m",
        "  reversible: true",
        "plans:",
        "  implementation: the steps, in order",
        "  test: how you know that it worked",
        "  backout:",
        "    steps: how it is undone",
        "    tested: false",
        "    maxMinutes: 15",
        f"    owner: {draft.requester}",
        "    abort: the signs on which it is called off",
        "  communication: who is told, and when",
    ]
    return "".join(f"  # {line}".rstrip() + "\n" for line in lines)
