"""A branch that a forge guards, and the rules that every such branch is judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.audit.checked import Check
from itil_gate.forge.protocol import STATUS_CONTEXT
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from typing import Literal

    from itil_gate.audit.checked import Status
    from itil_gate.forge.values import Bypass, ForgeRules

    Kind = Literal["github", "gitlab", "gitea"]

_UNTOLD = "no permission shows it here: look in the forge's settings, or its own audit log"
_NEVER = {
    "gitlab": frozenset(
        {"up to date", "administrators", "signed commits", "made anew", "changes of the rules"}
    ),
}
"""What is not asked of a forge at all, whatever the token may see."""


@frozen
class Guarded:
    """A branch that the gate guards: its rules, and the newest landing that is on record."""

    rules: ForgeRules
    kind: Kind
    recorded_at: datetime | None = None
    """When the audit log last took down what landed on the branch; None where it never did."""
    context: str = STATUS_CONTEXT
    """The name under which the gate answers about this branch."""
    check: int | None = None
    """Number of GitLab's external status check that it answers; None where it answers none."""

    def say(self, topic: str, status: Status, message: str, mend: str = "") -> Check:
        """Return a check that is named by the branch and what was looked at."""
        name = self.rules.branch.removeprefix("refs/heads/")
        return Check(f"{name} {topic}", status, message, mend)

    def unknown(self, topic: str, what: str) -> Check:
        """Return the check of what could not be read."""
        unread = () if topic in _NEVER.get(self.kind, ()) else self.rules.unread
        mend = "; ".join(unread) or _UNTOLD
        return self.say(topic, "NOT KNOWN", f"{what} could not be read", mend)


def force_push(guarded: Guarded) -> Check:
    """Judge whether the history of a branch can be rewritten."""
    return _forbidden(guarded, "force-push", guarded.rules.force_push, "its history be rewritten")


def deletion(guarded: Guarded) -> Check:
    """Judge whether a branch can be deleted."""
    return _forbidden(guarded, "deletion", guarded.rules.deletion, "it be deleted and made anew")


def _forbidden(guarded: Guarded, topic: str, answer: bool | None, what: str) -> Check:  # noqa: FBT001 - an answer
    if answer is None:
        return guarded.unknown(topic, f"whether {what.replace(' be ', ' can be ', 1)}")
    if not answer:
        return guarded.say(topic, "OK", "is forbidden")
    return guarded.say(topic, "FAIL", f"the rules let {what}", "forbid it on the forge")


def unbound(guarded: Guarded, able: str) -> Check:
    """Judge the list of who is not bound; whoever is exempt leaves no trace in a pull request."""
    topic, listed = "who is not bound", guarded.rules.bypass
    if listed is None:
        return guarded.unknown(topic, "who may bypass the rules")
    if not listed:
        return guarded.say(topic, "OK", "nobody is excepted")
    mend = "take everybody off the list; an emergency is for `itil-gate override`"
    exempt = [one for one in listed if one.mode == "exempt"]
    if exempt:
        rest = [one for one in listed if one.mode != "exempt"]
        also = f"; {_people(rest)} {able}" if rest else ""
        message = f"{_people(exempt)}: exempt, which leaves no trace in the pull request{also}"
        return guarded.say(topic, "ATTENTION", message, mend)
    return guarded.say(topic, "ATTENTION", f"{_people(listed)} {able}", mend)


def _people(listed: Iterable[Bypass]) -> str:
    return ", ".join(
        one.who if one.mode in ("always", "exempt") else f"{one.who} ({one.mode})" for one in listed
    )
