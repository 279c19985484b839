"""People: persons with their accounts and keys, roles, delegations. Accounts map to persons."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from itil_gate.model.base import ApiVersion, EntityName, Line, Model, Moment, Name

PEER = "peer"
"""The one built-in role: every human in people.yaml holds it."""

Email = Annotated[str, StringConstraints(pattern=r"^[^@\s<>]+@[^@\s<>]+$", max_length=254)]
PublicKey = Annotated[
    str,
    StringConstraints(
        pattern=r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)"
        r"|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com)"
        r" [A-Za-z0-9+/]+={0,2}( [^\r\n]*)?$",
        max_length=8000,
    ),
]
PersonKind = Literal["human", "bot", "agent", "forge"]


class Account(Model):
    """An account on a forge, known by its number: logins are renamed and taken over."""

    forge: Line = Field(description="Host of the forge.")
    login: Line
    id: Annotated[int, Field(ge=1)]


class Person(Model):
    """One human, bot, agent or forge, with everything that identifies them."""

    id: Name
    name: Line
    kind: PersonKind = "human"
    sponsor: Name | None = Field(None, description="For an agent: the human who answers for it.")
    emails: tuple[Email, ...] = ()
    accounts: tuple[Account, ...] = ()
    keys: tuple[PublicKey, ...] = Field((), description="OpenSSH public keys, one line each.")


class RoleGrant(Model):
    """A role and who holds it, for some services or for all."""

    role: Name
    members: tuple[Name, ...] = Field(min_length=1)
    services: tuple[EntityName, ...] = Field((), description="Empty means every service.")


class Delegation(Model):
    """One person lends a role to another for a limited time."""

    delegator: Name
    delegate: Name
    role: Name
    services: tuple[EntityName, ...] = Field((), description="Empty means every service.")
    start: Moment
    end: Moment = Field(description="Exclusive; a delegation always expires.")


class People(Model):
    """The roster of the repository; the judge reads it from the target branch."""

    api_version: ApiVersion
    kind: Literal["People"]
    persons: tuple[Person, ...] = Field(min_length=1)
    roles: tuple[RoleGrant, ...] = ()
    delegations: tuple[Delegation, ...] = ()
