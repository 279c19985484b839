"""What people and forges do to a branch once it is approved, and what becomes of the approval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.facts import AccountRef
from support.pulls import pull_request
from support.world import copy_world, entry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Literal

    from itil_gate.model.decision import Decision, LedgerEntry
    from itil_gate.model.facts import Inputs
    from support.repository import Keyring
    from support.world import World


def approved_world(
    template: Path,
    path: Path,
    keyring: Keyring,
    *,
    by: str = "erin",
    files: Mapping[str, str | bytes] | None = None,
) -> World:
    """Return a world in which alice proposed `files` on the branch feature and `by` approved."""
    world = copy_world(template, path, keyring)
    world.propose(files)
    world.approve(by)
    return world


def lines(**edits: str) -> str:
    """Return src/lib.py of the world with some of its forty lines rewritten: `lines(_30="x")`."""
    text = [f"line {number}" for number in range(40)]
    for number, line in edits.items():
        text[int(number.removeprefix("_"))] = line
    return "".join(f"{line}\n" for line in text)


def squash(
    world: World,
    *,
    onto: str | None = None,
    by: str = "alice",
    committer: str | None = None,
    signed: bool = True,
) -> str:
    """Make one commit of the branch checked out, on its merge base with main, or merged `onto`."""
    old = world.repo.tip()
    start = onto or world.repo.git("merge-base", "main", "HEAD")
    if onto is None:
        world.repo.git("reset", "--quiet", "--soft", start)
    else:
        world.repo.git("reset", "--quiet", "--hard", start)
        world.repo.git("merge", "--quiet", "--squash", old)
    return world.commit(by=by, message="squashed", committer=committer, signed=signed)


def rebase(world: World, onto: str = "main", *, by: str = "alice") -> str:
    """Rebase the branch checked out; the commits are signed anew."""
    person = world.person(by)
    world.repo.git(
        *("-c", f"user.signingKey={person.key}", "rebase", "--quiet", "--gpg-sign", onto),
        env=world.repo._people(person.who, None, None),
    )
    return world.repo.tip()


def merge(world: World, *names: str, by: str = "alice", signed: bool = True) -> str:
    """Merge into the branch checked out."""
    person = world.person(by)
    key = person.key if signed else None
    return world.repo.merge(*names, author=person.who, sign_with=key)


def force(world: World, to: str, branch: str = "feature") -> None:
    """Force-push: the branch, checked out, now is another commit."""
    world.repo.checkout(branch)
    world.repo.git("reset", "--quiet", "--hard", to)


def on_a_forge(
    inputs: Inputs, *, state: Literal["open", "closed", "merged"] = "open", draft: bool = False
) -> Inputs:
    """Add what a forge says about alice's pull request."""
    alice = AccountRef(forge="github.com", id=1001, login="alice")
    request = pull_request(alice, alice, of=inputs.facts, state=state, draft=draft)
    facts = inputs.facts.model_copy(update={"pull_request": request})
    return inputs.model_copy(update={"facts": facts})


def counts(decision: Decision, level: str | None, person: str = "erin") -> LedgerEntry:
    """Assert that a person's one approval counts, and how it is proved to; return its entry."""
    found = entry(decision, person)
    assert found.counted, (found.code, found.detail)
    assert (found.code, found.carry_over) == ("approved", level)
    assert any(person in state.counted for state in decision.changes[0].requirements)
    return found


def stale(decision: Decision, *words: str, person: str = "erin", code: str = "stale") -> str:
    """Assert that a person's one approval does not count and that `words` say why; return why."""
    found = entry(decision, person)
    assert (found.counted, found.code, found.carry_over) == (False, code, None), found
    assert not [word for word in words if word not in found.detail], found.detail
    assert decision.outcome in ("pending", "deny")
    assert not any(person in state.counted for state in decision.changes[0].requirements)
    return found.detail
