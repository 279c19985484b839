"""From decision to landing to release and back, written down and read again."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from support.books import Bookish, git, open_books
from support.kept import Kept
from support.world import CHG, OTHER

from itil_gate.model.errors import HistoryError
from itil_gate.model.record import REVIEW_FOLDER, Copied
from itil_gate.release.entries import copy_event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from support.world import World

DIGEST = "sha256:" + "a" * 64
ANOTHER = "sha256:" + "b" * 64


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world)


def _failed(found: object) -> list[str]:
    return [reason.rule for reason in found.findings.failed]  # type: ignore[attr-defined]


def test_a_decision_is_recorded_with_the_statements_it_saw_and_only_once(books: Bookish) -> None:
    books.world.propose()
    books.world.approve("bob")
    first = books.decide()
    assert books.kinds() == ["log-opened", "gate-decision", "approval"]
    again = books.decide()
    assert again.indices == first.indices[:1]
    books.world.later(minutes=5)
    books.decide()
    assert books.kinds() == ["log-opened", "gate-decision", "approval", "gate-decision"]


def test_a_denial_is_recorded_too(books: Bookish) -> None:
    books.world.propose({"deploy/app.yaml": "replicas: 9\n"})
    books.world.reject("carol")
    books.decide()
    said = books.entries()[1].predicate
    assert said["verificationResult"] == "FAILED"
    assert said["itilGate"]["decision"]["outcome"] == "deny"


@pytest.mark.parametrize("way", ["merge", "squash", "forward"])
def test_what_landed_rests_on_the_decision_that_was_logged(books: Bookish, way: str) -> None:
    books.world.propose()
    books.world.approve("bob")
    decided = books.decide().indices[0]
    before, after = books.merge(way=way)
    (tile,) = books.landed(before)
    assert (tile.update.standing, tile.update.decision) == ("authorised", decided)
    assert (tile.update.before, tile.update.after) == (before, after)
    assert tile.update.changes == (CHG,)
    assert not tile.update.late
    assert books.landed(before) == ()


def test_a_direct_push_is_recorded_as_unauthorised(books: Bookish) -> None:
    before = books.world.repo.tip("main")
    books.world.on_main({"src/app.py": "print('straight in')\n"}, by="alice")
    (tile,) = books.landed(before)
    assert tile.update.standing == "unauthorised"
    assert tile.judged is None


def test_a_merge_over_the_gate_is_recorded_as_unauthorised(books: Bookish) -> None:
    books.world.propose({"deploy/app.yaml": "replicas: 9\n"})
    books.decide()  # pending, for nobody approved
    before, _ = books.merge()
    (tile,) = books.landed(before)
    assert tile.update.standing == "unauthorised"
    assert "pending" in tile.update.reason


@pytest.mark.parametrize(("hours", "standing"), [(0, "authorised"), (3, "unauthorised")])
def test_an_approval_after_the_merge_does_not_make_it_authorised(
    books: Bookish, hours: int, standing: str
) -> None:
    world = books.world
    world.propose({"deploy/app.yaml": "replicas: 9\n"})
    afterwards = world.state("approve", "bob", at=world.now + timedelta(hours=hours))
    before, _ = books.merge()
    world.later(hours=4)
    world.file(afterwards)
    (tile,) = books.landed(before)
    assert tile.update.standing == standing


def test_a_skipped_run_is_filled_and_marked_as_late(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    books.decide()
    books.merge()  # nobody recorded this one
    world.propose({"src/other.py": "print(2)\n"}, branch="second", change=OTHER)
    world.approve("bob", head="second", change=OTHER)
    books.decide("second")
    before, _ = books.merge("second")
    first, second = books.landed(before)
    assert (first.update.late, second.update.late) == (True, False)
    assert first.update.after == second.update.before
    assert {first.update.standing, second.update.standing} == {"authorised"}


def test_a_merge_without_a_logged_decision_is_decided_from_its_evidence(books: Bookish) -> None:
    books.world.propose()
    books.world.approve("bob")
    before, _ = books.merge()
    (tile,) = books.landed(before)
    assert tile.update.standing == "authorised"
    assert tile.judged is not None
    assert books.kinds()[-2:] == ["gate-decision", "ref-update"]


def test_a_squash_without_a_logged_decision_needs_its_head_named(books: Bookish) -> None:
    head = books.world.propose()
    books.world.approve("bob")
    before, _ = books.merge(way="squash")
    (tile,) = books.landed(before, heads=[head])
    assert tile.update.standing == "authorised"
    assert tile.update.head == head


def test_a_rewound_target_is_recorded_as_unauthorised(books: Bookish) -> None:
    world = books.world
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    git(world, "reset", "--quiet", "--hard", "HEAD~1")
    world.on_main({"docs/x.md": "x\n"})
    moved, tile = books.landed(None)
    assert (moved.update.standing, tile.update.standing) == ("unauthorised", "authorised")
    assert "no longer descends" in moved.update.reason


def test_an_approvals_branch_that_was_rewound_is_refused(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    kept = world.repo.tip("itil-gate-approvals")
    world.reject("carol")
    books.decide()
    git(world, "update-ref", "refs/heads/itil-gate-approvals", kept)
    with pytest.raises(HistoryError) as caught:
        world.check()
    assert caught.value.code == "approvals-rewound"


def test_an_approvals_branch_that_was_removed_is_refused(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    books.decide()
    git(world, "update-ref", "-d", "refs/heads/itil-gate-approvals")
    assert world.refusal() == "approvals-rewound"


def test_a_release_of_what_was_authorised_is_let_in(books: Bookish) -> None:
    tip = books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    examined, record = books.start(changes=[CHG])
    assert examined.decision.outcome == "allow"
    assert record is not None
    assert (record.commit, record.artifact, record.changes) == (tip, DIGEST, (CHG,))
    assert books.entries()[record.decision].predicate["verificationResult"] == "PASSED"


def test_an_unauthorised_update_keeps_everything_after_it_out(books: Bookish) -> None:
    books.world.on_main({"src/app.py": "print('straight in')\n"}, by="alice")
    books.landed()
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    examined, record = books.start()
    assert record is None
    assert _failed(examined) == ["unauthorised-update"]
    assert books.entries()[-1].predicate["verificationResult"] == "FAILED"


def test_an_update_that_nobody_recorded_keeps_the_release_out(books: Bookish) -> None:
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    books.world.on_main({"docs/x.md": "x\n"})
    examined, _ = books.start()
    assert _failed(examined) == ["unrecorded-update"]


def test_an_artefact_comes_from_one_commit_only(books: Bookish) -> None:
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    books.release()
    books.land({"src/b.py": "2\n"}, OTHER, branch="second")
    examined, _ = books.start()
    assert _failed(examined) == ["digest-of-another-commit"]
    assert books.start(artifact=ANOTHER)[1] is not None


@pytest.mark.heavy
def test_one_digest_goes_through_environments_and_is_tried_again(books: Bookish) -> None:
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    books.release(environment="staging")
    books.release(outcome="failed")
    books.release()
    assert [one.outcome for one in books.known().releases] == ["success", "failed", "success"]


def test_only_what_is_new_since_the_release_in_force_is_asked_about(books: Bookish) -> None:
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    books.release()
    books.land({"src/b.py": "2\n"}, OTHER, branch="second")
    examined, record = books.start(artifact=ANOTHER)
    assert record is not None
    assert record.changes == (OTHER,)
    assert examined.decision.previous == record.previous is not None


@pytest.mark.heavy
def test_a_commit_before_the_one_in_force_is_only_a_back_out(books: Bookish) -> None:
    first = books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    books.release()
    books.land({"src/b.py": "2\n"}, OTHER, branch="second")
    books.release(artifact=ANOTHER)
    examined, _ = books.start(first)
    assert _failed(examined) == ["out-of-order"]
    _, record = books.start(first, backout=True)
    assert record is not None
    assert len(record.backs_out) == 1


@pytest.mark.heavy
def test_nobody_goes_back_to_what_was_never_there(books: Bookish) -> None:
    first = books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    examined, _ = books.start(first, backout=True)
    assert _failed(examined) == ["not-released-before"]


def test_a_change_that_is_not_in_it_is_not_released(books: Bookish) -> None:
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    examined, _ = books.start(changes=[OTHER])
    assert _failed(examined) == ["change-not-included"]


def test_a_commit_of_a_branch_is_not_released(books: Bookish) -> None:
    side = books.world.propose()
    examined, _ = books.start(side)
    assert "not-on-target" in _failed(examined)


def test_what_came_in_without_authority_is_to_be_reviewed(books: Bookish) -> None:
    books.world.on_main({"src/app.py": "print('straight in')\n"}, by="alice")
    books.landed()
    (owed,) = books.known().debts
    assert (owed.duty, owed.source) == ("review", len(books.entries()) - 2)


def test_a_failed_release_holds_back_the_next_once_its_review_is_overdue(books: Bookish) -> None:
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    books.release(outcome="failed")
    (owed,) = books.known().debts
    assert owed.services == ("payments-api",)
    assert books.start()[1] is not None  # not due yet
    books.world.later(days=8)
    examined, record = books.start()
    assert record is None
    assert _failed(examined) == ["obligation-overdue"]


def test_a_successful_release_owes_nothing(books: Bookish) -> None:
    books.land({"src/a.py": "1\n"}, CHG, branch="feature")
    books.release()
    assert books.known().debts == ()


@pytest.mark.heavy
@pytest.mark.parametrize("cut", ["landing", "outcome"])
def test_what_a_run_that_was_cut_off_left_out_is_recorded_next(
    books: Bookish, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    def broken_off(_: object, events: Sequence[object]) -> None:
        if events:
            raise KeyboardInterrupt

    if cut == "landing":
        books.world.on_main({"src/app.py": "print('straight in')\n"}, by="alice")
        run: Callable[[], object] = books.landed
    else:
        books.land({"src/a.py": "1\n"}, CHG, branch="feature")
        run = partial(books.release, outcome="failed")
    with monkeypatch.context() as patched:
        room = {"landing": "bookkeeping", "outcome": "releasing"}[cut]
        patched.setattr(f"itil_gate.release.{room}.follow", broken_off)
        patched.setattr(Kept, "on", False)
        with pytest.raises(KeyboardInterrupt):
            run()
    assert "obligation" not in books.kinds()
    books.landed()
    assert [one.duty for one in books.known().debts] == ["review"]
    before = books.kinds()
    books.landed()
    assert books.kinds() == before


def _cut_off(books: Bookish, monkeypatch: pytest.MonkeyPatch) -> None:
    """Push past the gate; the run that records it ends before anything follows from that."""

    def broken_off(_: object, events: Sequence[object]) -> None:
        if events:
            raise KeyboardInterrupt

    books.world.on_main({"src/app.py": "print('straight in')\n"}, by="alice")
    with monkeypatch.context() as patched:
        patched.setattr("itil_gate.release.bookkeeping.follow", broken_off)
        with pytest.raises(KeyboardInterrupt):
            books.landed()
    assert "obligation" not in books.kinds()


def test_whoever_records_a_decision_next_records_what_was_left_out(
    books: Bookish, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cut_off(books, monkeypatch)
    books.world.propose({"src/lib.py": "2\n"})
    books.decide()
    assert books.kinds()[-2:] == ["obligation", "gate-decision"]


def test_what_was_left_out_is_not_forgotten_for_all_that_was_recorded_since(
    books: Bookish, monkeypatch: pytest.MonkeyPatch
) -> None:
    _cut_off(books, monkeypatch)
    copies = [
        Copied(
            repository="example.com/acme/payments",
            statement=f"{number:064x}",
            path=f"{REVIEW_FOLDER}/example.com/{number}",
            text="{}",
            tip=books.world.repo.tip("main"),
            recorded_at=books.world.now,
        )
        for number in range(150)
    ]
    books.books.write([copy_event(one) for one in copies])
    books.landed()
    assert [one.duty for one in books.known().debts] == ["review"]
    before = books.kinds()
    books.landed()
    assert books.kinds() == before
