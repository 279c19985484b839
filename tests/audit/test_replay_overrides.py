"""Overridden releases are judged again, from the statements that the log copied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.attacks import Victim
from support.audits import replayed
from support.books import Bookish, open_books
from support.breakglass import GLASS, override
from support.repository import Keyring, Repo
from support.shell import run_gate
from support.world import World, adopt, copy_world

from itil_gate.log.append import Event
from itil_gate.model.record import Copied
from itil_gate.release.entries import copy_event
from itil_gate.signing.statement import read_statement

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.audit.replaying import Replayed


@pytest.fixture(scope="session")
def pushed(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    """Something landed that nobody authorised; made once."""
    repo = Repo(tmp_path_factory.mktemp("pushed") / "glass")
    adopt(repo, keyring)
    world = World(repo, keyring)
    books = open_books(world, config=GLASS)
    before = world.repo.tip("main")
    world.on_main({"src/app.py": "print('straight in')\n"}, by="alice")
    books.landed(before)
    return repo.path


@pytest.fixture
def books(tmp_path: Path, pushed: Path, keyring: Keyring) -> Bookish:
    """A copy of it."""
    return Bookish(copy_world(pushed, tmp_path / "glass", keyring))


def bend(books: Bookish, by: str = "carol", **edits: object) -> None:
    usual: dict[str, object] = {
        "stage": "deploy",
        "head": None,
        "commit": books.world.repo.tip("main"),
        "environment": "production",
        "changes": (),
        "scope": ("src/**",),
    }
    override(books.world, by, **(usual | edits))


def releases(books: Bookish) -> list[Replayed]:
    return [one for one in replayed(books) if one.about == "release"]


def test_an_overridden_release_is_identical_when_it_is_judged_again(books: Bookish) -> None:
    bend(books)
    assert books.start()[0].decision.outcome == "overridden"
    books.world.later(minutes=5)
    bend(books, "dave")
    assert books.start(nonce="REL-2026-AAAAAAAA")[0].decision.outcome == "overridden"
    found = releases(books)
    assert [(one.verdict, one.outcome) for one in found] == [("identical", "overridden")] * 2, found


def test_one_that_did_not_count_is_heard_again_too(books: Bookish) -> None:
    bend(books, scope=("db/**",))
    assert books.start()[0].decision.outcome == "deny"
    (found,) = releases(books)
    assert (found.verdict, found.outcome, found.detail) == ("identical", "deny", "")


def test_an_override_that_bends_nothing_of_what_was_handed_in_is_heard_again(
    books: Bookish,
) -> None:
    bend(books)
    examined, _ = books.start(changes=["CHG-2026-AAAA0009"])
    assert examined.decision.outcome == "deny"
    (found,) = releases(books)
    assert (found.verdict, "change-not-included" in found.detail) == ("identical", True), found


def _forged(books: Bookish, **edits: Any) -> Replayed:
    """Let whoever holds the recorder's key write the last decision anew, with these edits."""
    victim = Victim(books.world, books.config)
    index = max(
        entry.index
        for entry in books.entries()
        if entry.kind == "gate-decision" and "deploy" in entry.predicate.get("itilGate", {})
    )
    statement = json.loads(json.dumps(victim.statement(index)))
    predicate = statement["predicate"]
    predicate["itilGate"]["deploy"] |= edits | {"nonce": "REL-2026-EVEEVEEV"}
    predicate |= {"verificationResult": "PASSED", "verifiedLevels": ["X"]}
    victim.append([Event("gate-decision", "forged", statement)])
    return releases(books)[-1]


def _counted(said: dict[str, Any], **edits: Any) -> dict[str, Any]:
    return said | {"counted": True, "code": "counted", "detail": ""} | edits


def test_an_override_that_nobody_signed_differs(books: Bookish) -> None:
    assert books.start()[0].decision.outcome == "deny"
    made_up = _counted({"digest": "0" * 64, "person": "carol"})
    found = _forged(books, outcome="overridden", override="0" * 64, overrides=[made_up])
    assert (found.verdict, "no good copy of the override" in found.detail) == ("differs", True)


def test_an_override_that_did_not_count_cannot_be_made_to(books: Bookish) -> None:
    bend(books, scope=("db/**",))
    examined, _ = books.start()
    (heard,) = examined.decision.overrides
    said = heard.model_dump(mode="json", by_alias=True, exclude_none=True)
    found = _forged(books, outcome="overridden", override=heard.digest, overrides=[_counted(said)])
    assert found.verdict == "differs"
    assert "outcome" in found.detail


@pytest.mark.parametrize("late", [False, True])
def test_a_copy_that_was_made_up_or_came_later_counts_for_nothing(
    books: Bookish, *, late: bool
) -> None:
    """A recorder copies a statement whose text was changed, or one that was signed afterwards."""
    assert books.start()[0].decision.outcome == "deny"
    bend(books)
    tip = books.world.repo.tip("itil-gate-approvals")
    (path,) = books.world.repo.git("ls-tree", "-r", "--name-only", tip).split()
    data = books.world.repo.raw("cat-file", "blob", f"{tip}:{path}")
    text = data if late else data.replace(b"src/**", b"evil/*", 1)
    digest = read_statement(path, text).digest
    kept = Copied(
        repository=books.config.repository,
        statement=digest,
        path=path,
        text=text.decode(),
        tip=tip,
        recorded_at=books.world.now,
    )
    copy = copy_event(kept, kind="override")
    if not late:
        books.books.write([copy])
    made_up = _counted({"digest": digest, "person": "carol"})
    found = _forged(books, outcome="overridden", override=digest, overrides=[made_up])
    if late:
        books.books.write([copy])
        found = releases(books)[-1]
    assert (found.verdict, "no good copy of the override" in found.detail) == ("differs", True)


def test_the_command_ends_with_one_for_a_forged_override(books: Bookish) -> None:
    bend(books)
    books.start()
    here = books.world.repo.path
    assert run_gate("audit", "replay", "--all", cwd=here).code == 0
    _forged(books, environment="staging")
    ran = run_gate("audit", "replay", "--all", cwd=here)
    assert (ran.code, "differs" in ran.out) == (1, True)
