"""One change's story: complete, in order, proved where it is, and saying what is not there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.attacks import Victim
from support.audits import audited
from support.books import Bookish, git
from support.world import CHG, OTHER, request_file

from itil_gate.audit.dossier import Story
from itil_gate.model.errors import GateError
from itil_gate.report.dossier_text import dossier_json, dossier_markdown, dossier_text

if TYPE_CHECKING:
    from itil_gate.audit.told import Dossier


def story(books: Bookish, change: str = CHG) -> Dossier:
    with audited(books) as (view, reader, audit):
        told = Story(
            view,
            reader,
            config=books.config,
            tip=books.world.repo.tip("main"),
            roster=audit._roster,
        )
        return told.tell(change)


def whole(books: Bookish) -> None:
    """Let a change go all the way, rejected once, beside another one."""
    world = books.world
    world.propose()
    world.reject("carol", reason="not on a Friday")
    books.decide()
    world.later(minutes=10)
    world.state("withdraw", "carol")
    world.file(world.state("withdraw", "carol", reason="it is Monday"))
    world.approve("bob")
    books.decide()
    world.later(minutes=10)
    before, _ = books.merge()
    books.landed(before)
    world.later(minutes=10)
    books.release()
    world.later(minutes=10)
    books.land({"src/lib.py": "x\n"}, OTHER, branch="other")


def test_everything_that_happened_is_told_in_order(books: Bookish) -> None:
    whole(books)
    told = story(books)
    times = [one.at for one in told.told]
    assert times == sorted(times)  # type: ignore[type-var]
    kinds = {one.kind for one in told.told}
    assert kinds == {
        *("gate-decision", "approval", "ref-update", "release-record", "outcome", "request"),
    }
    text = dossier_text(told)
    assert "merge gate: deny" in text
    assert "not on a Friday" in text
    assert "merge gate: allow" in text
    assert "approve of bob as peer, service-owner COUNTED" in text
    assert "reject of carol as peer, change-authority NOT COUNTED, superseded" in text
    assert "ended: success" in text
    assert OTHER not in text
    assert told.missing == ()


def test_every_entry_says_where_it_stands_and_how_it_is_proved(books: Bookish) -> None:
    whole(books)
    for one in story(books).told:
        assert one.digest.startswith("sha256:")
        if one.kind == "request":
            assert "signed by SHA256:" in one.proof
            assert "alice" in one.proof
        else:
            assert one.entry is not None
            assert "in the signed tree of the log; signed by SHA256:" in one.proof
        if one.kind == "approval":
            assert "the statement itself is signed by SHA256:" in one.proof


def test_what_is_missing_is_said(books: Bookish) -> None:
    books.world.propose()
    books.world.approve("bob")
    told = story(books)
    assert [one.kind for one in told.told] == ["statement"]
    assert "no recorded decision has seen" in told.told[0].what
    assert "no recorded decision names it" in told.missing
    assert "no version of its request is in the log or on the target" in told.missing
    books.decide()
    git(books.world, "branch", "-D", "itil-gate-approvals")
    told = story(books)
    assert "no landing of it is recorded" in told.missing
    assert any("is on no approvals branch" in line for line in told.missing)


def test_an_entry_that_is_not_believed_is_marked(books: Bookish) -> None:
    from support.log import STRANGER  # noqa: PLC0415

    books.world.propose()
    books.decide()
    victim = Victim(books.world, books.config)
    said = victim.statement(1)["predicate"]["itilGate"]
    said["decision"]["outcome"] = "allow"
    victim.append([victim.said(1, itilGate=said)], recorder=STRANGER)
    told = story(books)
    assert "NOT BELIEVED" in told.told[-1].proof
    assert "entry 2 is signed by no key that is pinned for it" in told.missing


def test_a_change_that_nobody_knows_is_no_dossier(books: Bookish) -> None:
    with pytest.raises(GateError) as error:
        story(books, "CHG-2026-NOSUCH00")
    assert error.value.code == "no-such-change"


def test_what_strangers_wrote_is_shown_and_not_obeyed(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.reject("carol", reason="\x1b[31m::error::no\n<script>alert(1)</script> @everybody")
    books.decide()
    told = story(books)
    text, page, data = dossier_text(told), dossier_markdown(told), dossier_json(told)
    assert "\x1b" not in text + page + data
    assert "<script" not in page
    assert "\n::error" not in text + page
    assert json.loads(data)["told"][-1]["kind"] in ("approval", "gate-decision")


@pytest.mark.heavy
def test_every_version_of_a_request_is_told(books: Bookish) -> None:
    whole(books)
    later = request_file(CHG, title="Another title")
    books.world.on_main({f"changes/2026/{CHG}.yaml": later}, by="alice")
    requests = [one for one in story(books).told if one.kind == "request"]
    assert len({one.digest for one in requests}) == 2
