"""Reviews of a forge that were moved, dismissed, taken back or given for something else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.binding import force
from support.books import open_books
from support.cases import case
from support.pulls import forge_section
from support.reviewing import COUNTING, forge_world, gathered, judged, pulled, review
from support.world import APPROVALS, CONFIG, World, broken, entry, only

from itil_gate.decide.gate import decide
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.model.errors import GateError
from itil_gate.model.facts import SeenHead
from itil_gate.release.bookkeeping import record_decision

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Keyring

    from itil_gate.model.decision import Decision
    from itil_gate.model.facts import Review


@pytest.fixture
def world(tmp_path: Path, keyring: Keyring) -> World:
    """A world where reviews count, and in which alice proposed something of low risk."""
    world = forge_world(tmp_path / "repo", keyring)
    world.propose()
    return world


def said(world: World, who: str | int = "erin", minutes: int = 10, **more: Any) -> Review:
    """Return a review of the head, given so many minutes ago."""
    parts: dict[str, Any] = {"of": world.repo.tip("feature")}
    return review(who, at=world.now - timedelta(minutes=minutes), **(parts | more))


def codes(decision: Decision) -> list[tuple[str | None, str, bool]]:
    return [(one.person, one.code, one.counted) for one in only(decision).ledger]


@case("6")
def test_a_forge_that_moves_a_review_to_the_pushed_head_moves_no_approval(world: World) -> None:
    """Erin approved; half an hour later something else was force-pushed, and the review says so."""
    force(world, "main")
    world.propose({"src/app.py": "print('evil')\n"}, branch="evil")
    force(world, "evil")
    moved = said(world, minutes=40)
    decision = judged(world, moved)
    assert decision.outcome == "pending"
    assert codes(decision) == [("erin", "given-before-push", False)]
    assert moved.commit == decision.head


@case("6")
def test_a_review_that_was_moved_counts_at_no_later_head_either(world: World) -> None:
    """The branch goes on with the same content, so the moved review is no longer of its head."""
    moved = said(world, minutes=40)
    world.repo.commit(
        "nothing",
        author=world.person("alice").who,
        sign_with=world.person("alice").key,
    )
    pushed = SeenHead(commit=str(moved.commit), since=world.now - timedelta(minutes=35))
    decision = judged(world, moved, heads=(pushed,))
    assert codes(decision) == [("erin", "given-before-push", False)]
    assert codes(judged(world, moved)) == [("erin", "push-time-unknown", False)]
    earlier = pushed.model_copy(update={"since": world.now - timedelta(minutes=45)})
    (found,) = only(judged(world, moved, heads=(earlier,))).ledger
    assert (found.counted, found.carry_over) == (True, "same-content")


@case("6")
def test_a_forge_that_does_not_say_when_the_head_was_pushed_proves_nothing(world: World) -> None:
    decision = judged(world, said(world), head_since=None)
    assert codes(decision) == [("erin", "push-time-unknown", False)]
    assert decision.outcome == "pending"


@case("171")
def test_a_review_given_for_another_target_counts_for_none(world: World) -> None:
    retargeted = {"base_since": world.now - timedelta(minutes=5)}
    decision = judged(world, said(world), **retargeted)
    assert codes(decision) == [("erin", "not-this-target", False)]
    assert judged(world, said(world, minutes=4), **retargeted).outcome == "allow"
    unknown = judged(world, said(world), base_since=None)
    assert codes(unknown) == [("erin", "target-time-unknown", False)]


@case("174")
@pytest.mark.parametrize("state", ["approved", "unknown"])
def test_a_dismissed_review_leaves_no_earlier_one_behind(world: World, state: str) -> None:
    dismissed = said(world, sequence=2, state=state, dismissed=True)
    decision = judged(world, said(world, minutes=20), dismissed)
    assert decision.outcome == "pending"
    assert codes(decision) == [("erin", "superseded", False), ("erin", "dismissed", False)]


@case("175")
def test_words_beside_a_dismissed_review_approve_nothing(world: World) -> None:
    remark = said(world, sequence=2, state="commented")
    decision = judged(world, said(world, dismissed=True), remark)
    assert decision.outcome == "pending"
    assert codes(decision) == [("erin", "dismissed", False), ("erin", "commented", False)]


@case("176")
@pytest.mark.parametrize("who", ["bob", "carol", "alice"])
def test_changes_requested_by_anybody_listed_block(world: World, who: str) -> None:
    decision = judged(world, said(world), said(world, who, sequence=2, state="changes-requested"))
    assert decision.outcome == "deny"
    assert broken(decision) == {"open-rejection"}
    assert entry(decision, "erin").counted


@case("176")
def test_changes_requested_survive_a_new_head_and_somebody_elses_dismissal(world: World) -> None:
    no = said(world, "bob", state="changes-requested", dismissed=True)
    world.commit({"src/app.py": "print('mended')\n"})
    assert judged(world, no, said(world, sequence=2)).outcome == "deny"
    yes = said(world, "bob", sequence=3)
    assert judged(world, no, said(world, sequence=2), yes).outcome == "allow"


@case("176")
def test_changes_requested_end_when_their_author_leaves(world: World) -> None:
    no = said(world, "bob", state="changes-requested")
    assert judged(world, no, said(world, sequence=2)).outcome == "deny"
    people = world.repo.git("show", "main:people.yaml")
    world.on_main({"people.yaml": people.replace("id: 1002}", "id: 91002}")})
    decision = judged(world, no, said(world, sequence=2))
    assert (None, "unknown-account", False) in codes(decision)
    assert decision.outcome == "allow"


@case("177")
def test_who_approves_and_then_requests_changes_blocks(world: World) -> None:
    decision = judged(
        world, said(world), said(world, sequence=2, state="changes-requested", minutes=5)
    )
    assert decision.outcome == "deny"
    assert codes(decision) == [("erin", "superseded", False), ("erin", "rejected", True)]


@case("178")
def test_who_approves_and_requests_changes_at_once_blocks(world: World) -> None:
    decision = judged(world, said(world, id="2"), said(world, id="1", state="changes-requested"))
    assert decision.outcome == "deny"
    assert codes(decision) == [("erin", "superseded", False), ("erin", "rejected", True)]


@case("178")
def test_who_signs_an_approval_and_requests_changes_blocks(world: World) -> None:
    world.approve("erin")
    decision = judged(world, said(world, state="changes-requested"))
    assert decision.outcome == "deny"
    assert codes(decision) == [("erin", "negative-elsewhere", False), ("erin", "rejected", True)]


@case("178")
def test_who_rejects_by_signature_and_approves_on_the_forge_blocks(world: World) -> None:
    world.reject("erin")
    decision = judged(world, said(world, minutes=1))
    assert decision.outcome == "deny"
    assert codes(decision) == [("erin", "rejected", True), ("erin", "negative-elsewhere", False)]


@case("179")
def test_the_newest_review_by_the_servers_order_counts_whatever_its_time(world: World) -> None:
    first = said(world, sequence=1, state="changes-requested", minutes=1)
    last = said(world, sequence=2, minutes=20)
    for reviews in ((first, last), (last, first)):
        decision = judged(world, *reviews)
        assert decision.outcome == "allow"
        assert codes(decision) == [("erin", "superseded", False), ("erin", "approved", True)]


@case("180")
def test_a_dismissal_is_laid_to_nobodys_charge(world: World) -> None:
    """The entry is its reviewer's, known by number; whoever dismissed it has said nothing."""
    decision = judged(world, said(world, login="somebody-else", dismissed=True), said(world, "bob"))
    found = entry(decision, "erin")
    assert (found.code, found.counted) == ("dismissed", False)
    assert found.review is not None
    assert (found.review.account, found.review.login) == (1005, "somebody-else")
    assert decision.outcome == "allow"


@case("54", "67", "92")
def test_whoever_took_part_approves_nothing_by_review(world: World) -> None:
    for who, parts in (
        ("alice", {}),
        ("erin", {"opener": "erin", "pushers": ("alice",)}),
        ("erin", {"pushers": ("alice", "erin")}),
        ("erin", {"pushers": ("erin", "alice")}),
    ):
        decision = judged(world, said(world, who), **parts)  # type: ignore[arg-type]
        assert decision.outcome == "pending"
        assert codes(decision) == [(who, "contributor", False)]


@case("80")
def test_a_login_that_was_taken_over_reviews_for_nobody(world: World) -> None:
    decision = judged(world, said(world, 4711, login="erin"))
    assert codes(decision) == [(None, "unknown-account", False)]
    assert decision.outcome == "pending"


@case("98", "99")
def test_a_stranger_neither_approves_nor_blocks(world: World) -> None:
    no = said(world, 4711, state="changes-requested")
    yes = said(world, 4712, sequence=2)
    assert judged(world, no, yes).outcome == "pending"
    assert judged(world, no, yes, said(world, sequence=3)).outcome == "allow"


@case("49")
def test_a_draft_that_is_approved_waits(world: World) -> None:
    assert judged(world, said(world), draft=True).outcome == "pending"


@case("50")
@pytest.mark.parametrize("state", ["closed", "merged"])
def test_a_pull_request_that_is_over_is_denied_with_its_reviews(world: World, state: str) -> None:
    decision = judged(world, said(world), state=state)
    assert decision.outcome == "deny"
    assert broken(decision) == {"closed-pull-request"}


@case("26")
def test_what_the_forge_tells_of_another_head_decides_nothing(world: World) -> None:
    """Somebody pushed between the fetch and the question."""
    old = pulled(world, said(world))
    world.commit({"src/app.py": "print('later')\n"})
    with pytest.raises(GateError) as caught:
        gathered(world, old)
    assert caught.value.code == "forge-differs"


@case("106")
def test_a_pull_request_cannot_have_its_reviews_counted_by_saying_so(
    tmp_path: Path, keyring: Keyring
) -> None:
    world = forge_world(tmp_path / "strict", keyring, rank="signed")
    world.propose({"policies/approvals.yaml": APPROVALS + COUNTING})
    decision = judged(world, said(world, "bob"), said(world, "dave", sequence=2))
    assert decision.outcome != "allow"
    assert {one.code for one in only(decision).ledger} == {"signature-needed"}


@case("165")
def test_a_review_that_was_seen_stays_in_the_record_when_it_is_deleted(world: World) -> None:
    """A forge forgets a deleted review; the log keeps it with the roles its author held then."""
    books = open_books(world, config=CONFIG + forge_section())
    sealed = gathered(world, pulled(world, said(world, "bob"), said(world, 4711, sequence=2)))
    for _ in range(2):
        with open_view(discover(world.repo.path)) as view:
            record_decision(books.books, view, decide(sealed), sealed)
    copies = [one.predicate for one in books.entries() if one.kind == "approval"]
    assert [(one.get("person"), one["roles"]) for one in copies] == [
        ("bob", ["peer", "service-owner"]), (None, []),
    ]  # fmt: skip
    assert all(one["path"].startswith("forge-review/github.com/") for one in copies)
    assert '"account":1002' in copies[0]["text"]
    gone = gathered(world, pulled(world))
    with open_view(discover(world.repo.path)) as view:
        record_decision(books.books, view, decide(gone), gone)
    assert len([one for one in books.entries() if one.kind == "approval"]) == 2


def test_a_review_is_no_exception_from_the_appetite_for_it_names_none(world: World) -> None:
    """Whoever holds the role and approves on the forge says nothing of what is taken."""
    risk = world.repo.git("show", "main:policies/risk.yaml")
    appetite = "  appetite: {sponsor: carol, reviewBy: 2027-01-01, maximum: low, exception: taker}"
    people = world.repo.git("show", "main:people.yaml") + "\n  - {role: taker, members: [bob]}\n"
    world.on_main(
        {
            "policies/risk.yaml": risk.replace("  default: low", f"  default: low\n{appetite}"),
            "people.yaml": people,
        }
    )
    world.repo.checkout("main")
    world.repo.git("branch", "-D", "feature")
    world.propose({"deploy/app.yaml": "replicas: 4\n"})
    given = said(world, "bob")
    decision = judged(world, given)
    assert (decision.outcome, broken(decision)) == ("pending", {"beyond-appetite"})
    assert codes(decision) == [("bob", "approved", True)]
    world.approve("bob")
    assert judged(world, given).outcome == "allow"
