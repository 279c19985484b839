"""Rosters, policies and forge facts that cases vary: who is who, and who asked or pushed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide.gate import decide
from itil_gate.model.facts import AccountRef
from support.pulls import pull_request
from support.world import APPROVALS, MACHINES, people_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.model.decision import Decision
    from support.repository import Person
    from support.world import World

ACCOUNTS = {"alice": 1001, "bob": 1002, "carol": 1003, "dave": 1004, "erin": 1005}
"""Numbers of the accounts that people_yaml gives to the five."""


def listed(
    person: Person,
    *,
    kind: str = "human",
    name: str = "",
    emails: Sequence[str] = (),
    keys: Sequence[str] | None = None,
    more: str = "",
) -> str:
    """Return a person's entry in people.yaml, with their own e-mail and key unless given others."""
    lines = [f"  - id: {person.id}", f"    name: {name or person.name}", f"    kind: {kind}"]
    lines.append(f"    emails: [{', '.join(emails or (person.email,))}]")
    lines += ["    keys:", *(f"      - {key}" for key in keys or (person.public,))]
    return "\n".join([*lines, *([f"    {more}"] if more else [])]) + "\n"


def set_people(world: World, *, more: str = "", **options: object) -> str:
    """Put another people.yaml on main, which must be checked out; `more` is entries of persons."""
    text = people_file(world.keyring, machines=MACHINES + more, **options)  # type: ignore[arg-type]
    return world.commit({"people.yaml": text}, by="carol", message="name people")


def set_requirements(world: World, *requirements: str) -> str:
    """Put one approval policy with these requirements on main, which must be checked out."""
    return world.commit({"policies/approvals.yaml": requiring(*requirements)}, by="carol")


def requiring(*requirements: str) -> str:
    """Return an approval policy with these requirements, each the inside of a flow mapping."""
    head = APPROVALS.partition("  requirements:\n")[0]
    return head + "  requirements:\n" + "".join(f"    - {{{one}}}\n" for one in requirements)


def account(name: str, number: int | None = None, *, forge: str = "github.com") -> AccountRef:
    """Return an account on the forge; by default the one people.yaml lists for that person."""
    return AccountRef(forge=forge, id=number or ACCOUNTS[name], login=name)


def check_pull_request(
    world: World, *, opener: AccountRef, pushers: Sequence[AccountRef] = (), head: str = "feature"
) -> Decision:
    """Decide on a branch as a pull request that the forge says somebody opened and pushed to."""
    inputs = world.inputs(head)
    request = pull_request(opener, *pushers, of=inputs.facts)
    facts = inputs.facts.model_copy(update={"pull_request": request})
    return decide(inputs.model_copy(update={"facts": facts}))


def reasons(decision: Decision, person: str) -> tuple[str, ...]:
    """Return why a person counts as a contributor; empty if they do not."""
    return next((one.reasons for one in decision.contributors if one.person == person), ())
