"""Deciding again on what the log holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.attacks import Victim
from support.audits import replayed
from support.books import git
from support.world import CHG, OTHER, RISK

if TYPE_CHECKING:
    from support.books import Bookish

ANOTHER = "sha256:" + "b" * 64


@pytest.mark.heavy
def test_every_decision_of_an_honest_log_is_identical(books: Bookish) -> None:
    books.world.propose({"deploy/app.yaml": "replicas: 9\n"}, branch="big", change=OTHER)
    books.decide("big")
    after = books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    books.release(after)
    books.world.later(minutes=9)
    books.land({"src/app.py": "print('newer')\n"}, "CHG-2026-AAAA0003", branch="third")
    books.start(changes=["CHG-2026-AAAA0009"], artifact=ANOTHER)
    books.release(artifact=ANOTHER)
    found = replayed(books)
    assert [(one.about, one.outcome) for one in found] == [
        ("merge", "pending"),
        ("merge", "allow"),
        ("release", "allow"),
        ("merge", "allow"),
        ("release", "deny"),
        ("release", "allow"),
    ]
    assert {one.verdict for one in found} == {"identical"}, found
    assert "change-not-included" in found[4].detail
    assert [one.index for one in replayed(books, since=found[3].index)] == [
        one.index for one in found[3:]
    ]


def test_a_decision_that_was_made_up_differs(books: Bookish) -> None:
    books.world.propose()
    books.decide()
    victim = Victim(books.world, books.config)
    said = victim.statement(1)["predicate"]["itilGate"]
    said["decision"]["outcome"] = "allow"
    event = victim.said(1, itilGate=said, verificationResult="PASSED")
    victim.append([event])
    honest, forged = replayed(books)
    assert (honest.verdict, forged.verdict) == ("identical", "differs")
    assert "outcome" in forged.detail


def test_a_decision_whose_judge_is_gone_is_not_checked(books: Bookish) -> None:
    world = books.world
    tip = world.repo.tip("main")
    world.on_main({"src/lib.py": "x\n"})
    world.propose()
    books.decide()
    git(world, "checkout", "-q", "main")
    git(world, "reset", "-q", "--hard", tip)
    git(world, "branch", "-D", "feature")
    git(world, "reflog", "expire", "--expire=now", "--all")
    git(world, "gc", "-q", "--prune=now")
    (one,) = replayed(books)
    assert one.verdict == "not-checked"
    assert "is not in this repository" in one.detail


def test_other_texts_under_the_name_of_the_judge_differ(books: Bookish) -> None:
    books.world.propose()
    books.decide()
    other = books.world.on_main({"policies/risk.yaml": RISK.replace("hard to", "hardly to")})
    victim = Victim(books.world, books.config)
    said = victim.statement(1)["predicate"]["itilGate"]
    said["decision"]["tip"] = other
    victim.append([victim.said(1, itilGate=said)])
    forged = replayed(books)[1]
    assert forged.verdict == "differs"
    assert "have another digest" in forged.detail
