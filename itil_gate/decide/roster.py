"""The roster at work: from e-mails, keys and accounts to persons, and who holds which role now.

Answers come from people.yaml alone. An address or key that is not listed is nobody's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from itil_gate.model.fingerprint import fingerprint
from itil_gate.model.frozen import frozen
from itil_gate.model.people import PEER

if TYPE_CHECKING:
    from datetime import datetime

    from itil_gate.model.facts import AccountRef
    from itil_gate.model.people import Delegation, People, Person


_PRIVATE = re.compile(r"(?P<local>[^@]+)@users\.noreply\.(?P<forge>[^@]+)")
_NUMBERED = re.compile(r"(?P<number>[0-9]{1,18})(?P<mark>[+-]).+")


@frozen
class Roster:
    """People indexed for look-up; every map leads to exactly one person."""

    people: People
    persons: dict[str, Person]
    by_email: dict[str, Person]
    by_key: dict[str, Person]
    by_account: dict[tuple[str, int], Person]
    by_login: dict[tuple[str, str], Person]

    def by_address(self, email: str) -> Person | None:
        """Return whose e-mail address this is; case does not matter.

        An address that a forge made up to keep the real one private is that of the account in it.
        """
        address = email.casefold()
        return self.by_email.get(address) or self._by_private_address(address)

    def by_reference(self, account: AccountRef) -> Person | None:
        """Return whose forge account this is; the login does not matter, only its number."""
        return self.by_account.get((account.forge.casefold(), account.id))

    def holders(self, role: str, *, service: str | None, now: datetime) -> tuple[str, ...]:
        """Return the humans who hold a role for a service now, delegates included, sorted.

        `service` None asks for holders for any service. `peer` is held by every listed human.
        """
        humans = {person.id for person in self.people.persons if person.kind == "human"}
        if role == PEER:
            return tuple(sorted(humans))
        own = {
            member
            for grant in self.people.roles
            if grant.role == role and _covers(grant.services, service)
            for member in grant.members
        }
        lent = {
            entry.delegate
            for entry in self.active_delegations(now)
            if entry.role == role
            and _covers(entry.services, service)
            and self._has(entry.delegator, role, service)
        }
        return tuple(sorted((own | lent) & humans))

    def active_delegations(self, now: datetime) -> tuple[Delegation, ...]:
        """Return the delegations in force; the end is exclusive."""
        return tuple(entry for entry in self.people.delegations if entry.start <= now < entry.end)

    def holds(self, person: str, role: str, *, now: datetime) -> bool:
        """Tell whether a person holds a role for at least one service, now.

        Unlike `holders` this also answers for bots, which may reject but never approve.
        """
        if role == PEER:
            return person in self.persons
        return self._has(person, role, None) or bool(self.lenders(person, role, now=now))

    def lenders(self, person: str, role: str, *, now: datetime) -> tuple[str, ...]:
        """Return on whose behalf a person has a role now; nobody's if it is their own."""
        if self._has(person, role, None):
            return ()
        return tuple(
            sorted(
                {
                    entry.delegator
                    for entry in self.active_delegations(now)
                    if (entry.delegate, entry.role) == (person, role)
                    and any(
                        self._has(entry.delegator, role, service)
                        for service in entry.services or (None,)
                    )
                }
            )
        )

    def _by_private_address(self, address: str) -> Person | None:
        """Return whose account a no-reply address names.

        GitHub writes number+login, or the login alone for old accounts; GitLab number-login. The
        number decides, because logins are renamed and taken over.
        """
        parts = _PRIVATE.fullmatch(address)
        if parts is None:
            return None
        forge, local = parts["forge"], parts["local"]
        account = _NUMBERED.fullmatch(local)
        numbered = self.by_account.get((forge, int(account["number"]))) if account else None
        if account is not None and account["mark"] == "+":
            return numbered
        return self.by_login.get((forge, local)) or numbered

    def _has(self, person: str, role: str, service: str | None) -> bool:
        return any(
            grant.role == role and person in grant.members and _covers(grant.services, service)
            for grant in self.people.roles
        )


def build_roster(people: People) -> Roster:
    """Index a roster. The reader has refused e-mails, accounts and keys listed twice."""
    return Roster(
        people=people,
        persons={person.id: person for person in people.persons},
        by_email={email.casefold(): person for person in people.persons for email in person.emails},
        by_key={fingerprint(key): person for person in people.persons for key in person.keys},
        by_account={
            (account.forge.casefold(), account.id): person
            for person in people.persons
            for account in person.accounts
        },
        by_login={
            (account.forge.casefold(), account.login.casefold()): person
            for person in people.persons
            for account in person.accounts
        },
    )


def _covers(services: tuple[str, ...], service: str | None) -> bool:
    return not services or service is None or service in services
