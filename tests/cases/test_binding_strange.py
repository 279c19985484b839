"""Signed statements that name what does not fit: none of them counts, and none stops the gate.

Anybody with a listed key, or none, may file such a statement, so it must not hold up the others.
Alice proposes a change of src/app.py, Bob has approved it, and then Erin signs something strange.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.binding import approved_world, counts
from support.world import World, copy_world, entry, stranger

from itil_gate.release.signing_desk import sign_statement
from itil_gate.signing.statement import approval_statement, read_statement

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.repository import Keyring


@pytest.fixture(scope="module")
def approved(template: Path, tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    path = tmp_path_factory.mktemp("approved") / "repo"
    world = approved_world(template, path, keyring, by="erin")
    world.commit({"src/app.py": "print('newer')\n"})
    world.repo.git("tag", "-a", "-m", "a tag", "tagged", "main")
    world.approve("bob")
    return world.repo.path


@pytest.fixture
def world(tmp_path: Path, approved: Path, keyring: Keyring) -> World:
    return copy_world(approved, tmp_path / "repo", keyring)


def sign_anew(world: World, person: str, **edits: object) -> None:
    """Let somebody sign and file Erin's approval as if it said something else."""
    told = next(
        item.approval
        for item in world.inputs().facts.statements
        if item.approval is not None and item.approval.signer == "erin"
    )
    said = told.model_copy(update={"previous": (), "signer": person, **edits})
    key = str(world.person(person).key)
    world.file(sign_statement(approval_statement(said), key=key, interactive=False))


def blob(world: World) -> str:
    return world.repo.tip("feature:src/app.py")


def tag(world: World) -> str:
    return world.repo.tip("refs/tags/tagged")


UNFIT: list[tuple[str, Callable[[World], str]]] = [
    ("head", lambda world: world.repo.tree("feature")),
    ("head", blob),
    ("head", tag),
    ("head", lambda _: "0" * 40),
    ("head", lambda _: "a" * 64),
    ("head", lambda world: world.repo.tip("refs/heads/itil-gate-approvals")),
    ("merge_base", lambda world: world.repo.tree("main")),
    ("merge_base", blob),
    ("merge_base", tag),
    ("merge_base", lambda _: "0" * 40),
    ("merge_base", lambda world: world.repo.tip("refs/heads/itil-gate-approvals")),
    ("merge_base", lambda world: world.repo.tip("feature")),
    ("request_path", lambda _: "src"),
    ("request_path", lambda _: "src/app.py/x"),
    ("request_path", lambda _: "\\q"),
    ("request_path", lambda _: "../outside"),
    ("request_path", lambda _: "/"),
    ("request_path", lambda _: ":(glob)**"),
    ("request_path", lambda _: "--all"),
]


@pytest.mark.parametrize(
    ("field", "value"), [pytest.param(*row, id=f"{row[0]}-{n}") for n, row in enumerate(UNFIT)]
)
def test_a_statement_that_names_what_does_not_fit_holds_nobody_up(
    world: World, field: str, value: Callable[[World], str]
) -> None:
    sign_anew(world, "carol", **{field: value(world)})
    decision = world.check()
    assert decision.outcome == "allow"
    counts(decision, "exact", person="bob")
    found = entry(decision, "carol")
    assert (found.counted, found.code) == (False, "stale")


@pytest.mark.parametrize("base", [blob, tag, lambda world: world.repo.tree("main")])
def test_a_merge_base_is_a_commit_even_where_the_content_is_right(
    world: World, base: Callable[[World], str]
) -> None:
    world.approve("carol", merge_base=base(world))
    found = entry(world.check(), "carol")
    assert (found.counted, found.code) == (False, "stale")


def test_neither_does_that_of_a_stranger(world: World, tmp_path: Path) -> None:
    world.people["mallory"] = stranger(tmp_path, "mallory")
    sign_anew(world, "mallory", request_path="src")
    decision = world.check()
    assert decision.outcome == "allow"
    assert "unknown-key" in {one.code for one in decision.changes[0].ledger}


def test_a_damaged_file_beside_it_is_told_and_holds_nobody_up(world: World) -> None:
    told = world.state("approve", "carol")
    world.file(type(told)(told.path, told.data[:-40]))
    decision = world.check()
    assert decision.outcome == "allow"
    assert read_statement(told.path, told.data).status == "good"
    assert "malformed" in {one.code for one in decision.changes[0].ledger}
