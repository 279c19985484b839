"""Break-glass at the deploy gate, and what is owed for it at either gate."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.books import Bookish, open_books
from support.breakglass import GLASS, override
from support.cases import case
from support.world import CHG, OTHER

from itil_gate.model.record import Obligation

if TYPE_CHECKING:
    from support.world import World

    from itil_gate.model.record import DeployDecision
    from itil_gate.release.deploying import Examined

HOUR = timedelta(hours=1)


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world, config=GLASS)


def bend(books: Bookish, by: str = "carol", **edits: object) -> None:
    """Let somebody override the release of main to production."""
    usual = {
        "stage": "deploy",
        "head": None,
        "commit": books.world.repo.tip("main"),
        "environment": "production",
    }
    override(books.world, by, **(usual | edits))


def pushed(books: Bookish) -> str:
    """Let something land that nobody authorised, recorded; return main before it."""
    before = books.world.repo.tip("main")
    books.world.on_main({"src/app.py": "print('straight in')\n"}, by="alice")
    books.landed(before)
    return before


def bent(examined: Examined) -> list[str]:
    return [one.rule for one in examined.decision.reasons if one.overridden]


def codes(decision: DeployDecision) -> list[str]:
    return [one.code for one in decision.overrides]


def debts(books: Bookish) -> list[tuple[str, str, str]]:
    return [(one.duty, one.change, one.owner) for one in books.known().debts]


@case("187", "200")
def test_an_update_over_the_gate_is_unauthorised_and_owes_a_review(books: Bookish) -> None:
    pushed(books)
    tip = books.world.repo.tip("main")
    assert debts(books) == [("review", tip, "nobody")]
    examined, record = books.start()
    assert (examined.decision.outcome, record) == ("deny", None)
    assert [one.rule for one in examined.findings.failed] == ["unauthorised-update"]


@case("199", "200", "201", "202")
def test_an_override_lets_a_release_begin_and_is_recorded(books: Bookish) -> None:
    pushed(books)
    bend(books, changes=(), scope=("src/**",))
    examined, record = books.start()
    assert examined.decision.outcome == "overridden"
    assert bent(examined) == ["unauthorised-update"]
    assert record is not None
    assert record.overridden_by is not None
    kept = books.entries()[record.overridden_by]
    assert (kept.kind, kept.predicate["statement"]) == ("override", examined.decision.override)
    assert kept.predicate["person"] == "carol"
    tip = books.world.repo.tip("main")
    assert debts(books)[1:] == [("retro-approval", tip, "carol"), ("review", tip, "carol")]
    books.start(nonce="REL-2026-AAAAAAAA")
    assert books.kinds().count("override") == 1


@pytest.mark.parametrize(
    ("edits", "code"),
    [
        ({"environment": "staging"}, "not-this-release"),
        ({"commit": None, "stage": "merge", "environment": None}, "not-this-stage"),
        ({"scope": ("db/**",)}, "not-covering"),
        ({"changes": (CHG,), "scope": ()}, "not-this-change"),
        ({"target": "refs/heads/release"}, "not-this-target"),
    ],
)
@case("195", "199")
def test_an_override_of_another_release_counts_for_nothing(
    books: Bookish, edits: dict[str, object], code: str
) -> None:
    pushed(books)
    tip = books.world.repo.tip("main")
    head = tip if edits.get("stage") == "merge" else None
    bend(books, **({"changes": (), "scope": ("src/**",), "head": head} | edits))
    examined, record = books.start()
    assert (examined.decision.outcome, codes(examined.decision), record) == ("deny", [code], None)


@case("192", "193")
@pytest.mark.parametrize("who", ["alice", "bob"])
def test_who_does_not_hold_the_role_lets_nothing_out(books: Bookish, who: str) -> None:
    pushed(books)
    bend(books, who, changes=(), scope=("src/**",))
    examined, _ = books.start()
    assert codes(examined.decision) == ["role-not-held"]


@case("195")
def test_an_override_of_a_release_expires(books: Bookish) -> None:
    pushed(books)
    bend(books, changes=(), scope=("src/**",))
    books.world.later(hours=1)
    examined, _ = books.start()
    assert (examined.decision.outcome, codes(examined.decision)) == ("deny", ["expired"])


@case("194")
def test_an_override_of_an_allowed_release_is_not_even_heard(books: Bookish) -> None:
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    bend(books)
    examined, record = books.start()
    assert (examined.decision.outcome, examined.decision.overrides) == ("allow", ())
    assert record is not None
    assert record.overridden_by is None


def test_an_override_never_says_that_the_artefact_is_another(books: Bookish) -> None:
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    books.release()
    pushed(books)
    bend(books, changes=(CHG,), scope=("**",))
    examined, record = books.start()
    assert record is None
    assert codes(examined.decision) == ["cannot-bend"]
    assert "digest-of-another-commit" in examined.decision.overrides[0].detail


def test_a_step_that_nobody_recorded_is_covered_by_its_paths_only(books: Bookish) -> None:
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    books.world.on_main({"src/app.py": "print('straight in')\n"}, by="alice")
    bend(books, changes=(CHG,))
    examined, _ = books.start()
    assert codes(examined.decision) == ["not-covering"]
    bend(books, "dave", changes=(CHG,), scope=("src/app.py",))
    examined, record = books.start()
    assert bent(examined) == ["unrecorded-update"]
    assert record is not None


@case("200")
def test_a_merge_by_override_is_recorded_as_overridden_and_owes(books: Bookish) -> None:
    books.world.propose()
    override(books.world)
    books.decide()
    before, _ = books.merge()
    (tile,) = books.landed(before)
    assert tile.update.standing == "overridden"
    assert debts(books) == [("retro-approval", CHG, "carol"), ("review", CHG, "carol")]
    assert "override" in books.kinds()
    examined, _ = books.start()
    assert examined.decision.outcome == "allow"


@case("200")
def test_what_is_overdue_holds_the_next_release_back(books: Bookish) -> None:
    books.world.propose()
    override(books.world)
    books.decide()
    before, _ = books.merge()
    books.landed(before)
    books.release()
    books.land({"src/b.py": "2\n"}, OTHER, branch="second")
    books.world.later(hours=25)
    examined, _ = books.start(artifact="sha256:" + "b" * 64)
    assert [one.rule for one in examined.findings.failed] == ["obligation-overdue"]
    assert "owed by carol" in examined.findings.failed[0].message


def test_what_is_owed_has_its_due_date_from_the_target(books: Bookish) -> None:
    books.world.propose()
    override(books.world)
    before, _ = books.merge()
    books.landed(before)
    (approval, review) = books.known().debts
    assert isinstance(approval, Obligation)
    assert approval.due - approval.opened_at == 24 * HOUR
    assert review.due - review.opened_at == 7 * 24 * HOUR


def test_a_release_that_failed_owes_a_review(books: Bookish) -> None:
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    books.release(outcome="failed")
    assert [one[:2] for one in debts(books)] == [("review", CHG)]
