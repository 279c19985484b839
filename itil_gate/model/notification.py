"""What a chat or mail bridge is told of a decision: who has to act, on what, with which command.

For programs that pass it on. Titles and names are as their authors wrote them, escaped for
nobody: whoever shows them escapes them for the place where they are shown.
"""

from typing import Literal

from pydantic import Field

from itil_gate.model.base import Level, Moment, Oid, RefName, Sha256
from itil_gate.model.decision import Outcome
from itil_gate.model.made import Made
from itil_gate.model.people import Account

NOTIFICATION_VERSION: Literal["itil-gate/notification/v1"] = "itil-gate/notification/v1"


class Contact(Made):
    """Somebody who can act, as people.yaml of the target knows them."""

    person: str = Field(description="Id in people.yaml; as the request says where it is not there.")
    name: str = ""
    emails: tuple[str, ...] = ()
    accounts: tuple[Account, ...] = ()


class Asked(Made):
    """One step that would unblock the pull request: any one of these people takes it."""

    who: tuple[Contact, ...] = Field(description="Any one of them; empty means anybody.")
    changes: tuple[str, ...] = Field(
        (), description="Ids of the changes that the command names; empty means the whole."
    )
    command: str = Field(description="A command to run, or a sentence where there is none.")
    is_command: bool = Field(description="Whether `command` can be run as it stands.")
    why: str = Field(description="The requirement or rule that asks for it.")


class NotedChange(Made):
    """A change of the pull request, and what was decided about it."""

    id: str
    title: str = ""
    requester: str = ""
    outcome: Outcome
    risk: Level


class NotedPull(Made):
    """The pull request, where the forge was asked about it."""

    number: int
    title: str = ""
    url: str | None = Field(None, description="Where people read it; none where it is not known.")


class Failure(Made):
    """Why nothing could be decided."""

    code: str
    message: str
    hint: str = ""


class Notification(Made):
    """A decision in short, for whoever has to do something about it."""

    api_version: Literal["itil-gate/notification/v1"] = NOTIFICATION_VERSION
    engine: str = Field(description="Name and version of the engine, itil-gate/0.1.0.")
    outcome: Outcome
    enforced: bool = True
    now: Moment = Field(description="When it was decided.")
    since: Moment | None = Field(
        None, description="Since when the head is there, by the forge's clock; none if not asked."
    )
    repository: str | None = None
    target: RefName | None = None
    head: Oid | None = None
    decision: Sha256 | None = Field(
        None, description="SHA-256 of the decision in its RFC 8785 form: the same one, told twice."
    )
    pull: NotedPull | None = None
    changes: tuple[NotedChange, ...] = ()
    actions: tuple[Asked, ...] = Field((), description="One record an action; none if all is well.")
    failure: Failure | None = Field(None, description="Set where nothing could be decided.")
