"""A recognised standard change can be rejected: by a signature, and by a review on the forge."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.reviewing import forge_world, judged, review
from support.shell import run_gate
from support.world import broken, findings, only

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Keyring
    from support.world import World

BASE = ("--base", "main")
MODEL = """\
apiVersion: itil-gate/v1
kind: ChangeModel
metadata: {name: text, owner: change-authority, reviewBy: 2098-01-01}
spec:
  type: standard
  description: A text of the payment page is corrected.
  paths: ["src/texts/**"]
  limits: {files: 2, environments: [production], risk: low}
  recognise: true
  expires: 2098-12-31
"""


def modelled(world: World) -> World:
    """Publish the model, and change a text without a request."""
    world.on_main({"policies/models.yaml": MODEL, "src/texts/a": "1\n"})
    world.repo.git("checkout", "-q", "-B", "feature", "main")
    world.commit({"src/texts/a": "2\n"})
    return world


@pytest.fixture
def unasked(desk: World) -> World:
    return modelled(desk)


def said(world: World) -> dict[str, object]:
    checked = run_gate("check", *BASE, "--format", "json", cwd=world.repo.path)
    found: dict[str, object] = json.loads(checked.out)
    return found


def refuse(world: World, name: str, by: str) -> None:
    key = ("--key", getattr(world.keyring, by).key, "--yes")
    ran = run_gate("reject", name, *BASE, "--reason", "not now", *key, cwd=world.repo.path)
    assert ran.code == 0, ran.err


def test_whoever_is_listed_can_reject_what_nobody_has_to_approve(unasked: World) -> None:
    path = unasked.repo.path
    assert run_gate("check", *BASE, cwd=path).code == 0
    name = only(unasked.check()).id
    assert name.startswith("STD-text-")
    refuse(unasked, name, "bob")
    denied = run_gate("check", *BASE, cwd=path)
    assert denied.code == 1
    assert "bob rejected the change: not now" in denied.out
    bob = ("--key", unasked.keyring.bob.key, "--yes")
    assert run_gate("withdraw", name, *BASE, *bob, cwd=path).code == 0
    assert run_gate("check", *BASE, cwd=path).code == 0


def test_the_rejection_holds_for_what_is_pushed_afterwards(unasked: World) -> None:
    before = only(unasked.check()).id
    refuse(unasked, before, "carol")
    unasked.commit({"src/texts/a": "3\n"})
    decision = unasked.check()
    assert only(decision).id != before
    assert broken(decision) == {"open-rejection"}
    (found,) = findings(decision, "open-rejection")
    assert found.message == f"carol rejected {before}, which asked for the same work"
    unasked.repo.git("checkout", "-q", "-B", "feature", "main")
    unasked.propose({"src/texts/a": "4\n"}, branch="asked")
    assert "open-rejection" in broken(unasked.check("asked"))


def test_a_rejection_of_one_standard_change_stops_no_other(unasked: World) -> None:
    refuse(unasked, only(unasked.check()).id, "bob")
    unasked.on_main({"src/texts/b": "1\n"})
    unasked.repo.git("checkout", "-q", "-B", "feature", "main")
    unasked.commit({"src/texts/b": "2\n"})
    assert unasked.check().outcome == "allow"


def test_nobody_outside_the_roster_rejects(unasked: World) -> None:
    name = only(unasked.check()).id
    refuse(unasked, name, "erin")
    erin = unasked.keyring.erin.public.split()[1]
    people = unasked.repo.git("show", "main:people.yaml")
    kept = [line for line in people.splitlines() if erin not in line]
    unasked.on_main({"people.yaml": "\n".join(kept) + "\n"})
    decision = unasked.check()
    assert [one.code for one in only(decision).ledger] == ["unknown-key"]
    assert decision.outcome == "allow"


@pytest.mark.parametrize(
    ("state", "outcome"),
    [("changes-requested", "deny"), ("commented", "allow"), ("approved", "allow")],
)
def test_a_review_on_the_forge_rejects_it_too(
    tmp_path: Path, keyring: Keyring, state: str, outcome: str
) -> None:
    world = modelled(forge_world(tmp_path / "repo", keyring))
    given = review(
        "erin",
        of=world.repo.tip("feature"),
        at=world.now - timedelta(minutes=10),
        state=state,
    )
    decision = judged(world, given)
    assert decision.outcome == outcome
    assert only(decision).id.startswith("STD-text-")
    assert ("open-rejection" in broken(decision)) == (outcome == "deny")
