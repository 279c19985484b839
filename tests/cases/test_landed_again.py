"""A logged decision is heard again when it lands: what was so is not what is so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.attacks import Victim
from support.audits import founds, reconciled
from support.books import Bookish, git, open_books
from support.breakglass import GLASS, override
from support.cases import case
from support.shell import run_gate
from support.world import APPROVALS, CHG, OTHER, only, people_file, request_file

from itil_gate.decide.gate import decide
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.model.errors import HistoryError
from itil_gate.model.record import RefUpdate
from itil_gate.release.bookkeeping import record_decision, record_landing
from itil_gate.release.entries import update_event

if TYPE_CHECKING:
    from support.world import World

    from itil_gate.release.updates import Tile

MAIN = "refs/heads/main"
WEAK = APPROVALS.replace("levels: [low], role: peer", "levels: [low, medium, high], role: peer")
FREEZE = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {{name: frozen, owner: change-authority, reviewBy: 2027-01-01}}
spec:
  freezes:
    - {{id: quarter, reason: Books close., start: {start}, end: {end}, timezone: UTC}}
"""

TEXTS = """\
apiVersion: itil-gate/v1
kind: ChangeModel
metadata: {name: text, owner: change-authority, reviewBy: 2027-01-01}
spec:
  type: standard
  description: A text of the payment page is corrected.
  paths: ["src/texts/**"]
  limits: {files: 2, environments: [production], risk: low}
  recognise: true
  expires: 2026-12-31
"""


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world)


def approved(books: Bookish) -> None:
    books.world.propose()
    books.world.approve("bob")


def merged(books: Bookish, head: str = "feature", *, way: str = "merge") -> Tile:
    before, _ = books.merge(head, way=way)
    (tile,) = books.landed(before)
    return tile


def pushed(books: Bookish, before: str, *, at: datetime) -> Tile:
    """Record what landed as whoever knows when it was pushed does."""
    with open_view(discover(books.world.repo.path)) as view:
        tip = books.world.repo.tip("main")
        (tile,), _ = record_landing(
            books.books, view, ref=MAIN, after=tip, pushed=before, pushed_at=at
        )
    return tile


def claim(books: Bookish, tile: Tile, decision: int) -> None:
    """Record an update as a recorder would that asked nothing again."""
    said = tile.update.model_dump() | {
        "standing": "authorised",
        "decision": decision,
        "content": books.entries()[decision].predicate["itilGate"]["decision"]["content"],
        "reason": "as decided",
    }
    books.books.write([update_event(RefUpdate.model_validate(said))])


def frozen(world: World, *, start: timedelta, end: timedelta) -> None:
    """Let a freeze lie between two times from now; before the log is opened."""
    times = {
        name: f'"{world.now + length:%Y-%m-%dT%H:%M}"'
        for name, length in (("start", start), ("end", end))
    }
    world.on_main({"policies/frozen.yaml": FREEZE.format(**times)})


# What the log holds -------------------------------------------------------------------------------


def test_a_rejection_after_the_decision_holds_when_it_lands(books: Bookish) -> None:
    approved(books)
    first = books.decide().indices[0]
    books.world.reject("bob")
    books.decide()
    tile = merged(books)
    assert tile.update.standing == "unauthorised"
    assert "bob rejected" in tile.update.reason
    claim(books, tile, first)
    row = reconciled(books)[0][0]
    assert (row.found, "says deny" in row.how) == ("unauthorised", True)


def test_a_rejection_that_no_decision_saw_holds_when_it_lands(books: Bookish) -> None:
    approved(books)
    books.decide()
    books.world.reject("carol")
    tile = merged(books, way="squash")
    assert tile.update.standing == "unauthorised"
    assert "carol rejected" in tile.update.reason


def test_a_rejection_of_a_recognised_change_holds_when_it_lands(world: World) -> None:
    world.on_main({"policies/models.yaml": TEXTS, "src/texts/a": "1\n"})
    books = open_books(world)
    for number in (2, 3):
        world.repo.checkout(f"text-{number}", create=True, at="main")
        world.commit({"src/texts/a": f"{number}\n"})
        name = only(world.check(f"text-{number}")).id
        books.decide(f"text-{number}")
        if number == 3:
            world.reject("carol", change=name, head="text-3")
        update = merged(books, f"text-{number}", way="squash").update
        assert update.changes == ((name,) if number == 2 else ())
        assert update.standing == ("authorised" if number == 2 else "unauthorised")
    assert "carol rejected" in update.reason


def test_a_recorder_whose_clock_is_behind_hears_it_again_too(books: Bookish) -> None:
    approved(books)
    books.world.later(minutes=3)
    books.decide()
    books.world.later(minutes=-2)
    books.world.reject("carol")
    tile = merged(books)
    assert tile.update.standing == "unauthorised"
    assert "heard again" in tile.update.reason


def test_a_rejection_that_was_settled_before_it_landed_does_not(books: Bookish) -> None:
    approved(books)
    books.decide()
    books.world.reject("bob")
    books.decide()
    books.world.later(minutes=1)
    books.world.approve("bob")
    books.world.later(minutes=1)
    books.decide()
    assert merged(books).update.standing == "authorised"
    assert founds(books) == ["authorised"]


@pytest.mark.parametrize("way", ["merge", "squash", "forward"])
def test_what_is_merged_a_minute_after_the_decision_rests_on_it(books: Bookish, way: str) -> None:
    approved(books)
    decided = books.decide().indices[0]
    books.world.later(minutes=1)
    before, _ = books.merge(way=way)
    books.world.later(minutes=1)
    tile = pushed(books, before, at=books.world.now)
    assert (tile.update.standing, tile.update.decision) == ("authorised", decided)
    assert founds(books) == ["authorised"]


def test_a_squash_of_which_nothing_is_left_is_heard_again_from_the_log(books: Bookish) -> None:
    approved(books)
    books.decide()
    before, _ = books.merge(way="squash")
    git(books.world, "branch", "-D", "feature", "itil-gate-approvals")
    git(books.world, "reflog", "expire", "--expire=now", "--all")
    git(books.world, "gc", "-q", "--prune=now")
    (tile,) = books.landed(before)
    assert tile.update.standing == "authorised"


def test_an_approval_that_expired_before_it_landed_lets_nothing_in(books: Bookish) -> None:
    approved(books)
    books.decide()
    books.world.later(days=120)
    tile = merged(books, way="squash")
    assert tile.update.standing == "unauthorised"
    assert "heard again would be pending" in tile.update.reason


@pytest.mark.parametrize(("start", "standing"), [(1, "unauthorised"), (9, "authorised")])
def test_a_freeze_that_began_before_it_landed_keeps_it_out(
    world: World, start: int, standing: str
) -> None:
    frozen(world, start=timedelta(days=start), end=timedelta(days=10))
    books = open_books(world)
    approved(books)
    books.decide()
    world.later(days=2)
    assert merged(books).update.standing == standing


def test_who_left_after_the_decision_approves_no_landing(books: Bookish) -> None:
    world = books.world
    approved(books)
    books.decide()
    roles = {"service-owner": ("dave",), "change-authority": ("carol", "dave")}
    left = ("alice", "carol", "dave", "erin")
    people = people_file(world.keyring, roles=roles, only=left, machines="")
    world.propose({"people.yaml": people}, branch="left", change=OTHER, scope='"people.yaml"')
    world.approve("carol", "dave", head="left", change=OTHER)
    books.decide("left")
    assert merged(books, "left").update.standing == "authorised"
    tile = merged(books)
    assert tile.update.standing == "unauthorised"
    assert "heard again would be pending" in tile.update.reason


def test_a_decision_is_used_up_however_often_it_was_made(books: Bookish) -> None:
    world = books.world
    approved(books)
    first = books.decide().indices[0]
    world.later(minutes=1)
    books.decide()
    merged(books)
    world.repo.checkout("back", create=True, at="main")
    world.commit(
        {
            "src/app.py": "print('old')\n",
            f"changes/2026/{OTHER}.yaml": request_file(OTHER),
        }
    )
    world.approve("bob", head="back", change=OTHER)
    books.decide("back")
    assert merged(books, "back").update.standing == "authorised"
    before = world.repo.tip("main")
    world.on_main({"src/app.py": "print('new')\n"}, by="erin")
    (tile,) = books.landed(before)
    assert tile.update.standing == "unauthorised"
    claim(books, tile, first)
    rows, _ = reconciled(books)
    assert [row.found for row in rows] == ["unauthorised", "authorised", "authorised"]
    assert "has landed the same since" in rows[0].how


def test_an_older_state_of_a_change_does_not_land_after_a_newer_one(books: Bookish) -> None:
    world = books.world
    approved(books)
    books.decide()
    old = world.repo.tip("feature")
    world.repo.checkout("feature")
    world.commit({"src/more.py": "print('more')\n"})
    world.approve("dave")
    world.later(minutes=1)
    books.decide()
    merged(books, way="squash")
    git(world, "revert", "--no-edit", "main")
    world.on_main({f"changes/2026/{CHG}.yaml": request_file()}, by="erin")
    books.landed()
    world.on_main({"src/app.py": "print('new')\n"}, by="erin")
    (tile,) = books.landed(heads=[old])
    assert tile.update.standing == "unauthorised"


def test_a_draft_is_not_landed_by_what_was_decided_before_it_was_one(books: Bookish) -> None:
    approved(books)
    books.decide()
    books.world.later(minutes=1)
    inputs = books.world.inputs(draft=True)
    with open_view(discover(books.world.repo.path)) as view:
        record_decision(books.books, view, decide(inputs), inputs)
    tile = merged(books)
    assert tile.update.standing == "unauthorised"
    assert "draft" in tile.update.reason


# Policies -----------------------------------------------------------------------------------------


def launder(books: Bookish) -> str:
    """Weaken the policies past the gate, then edit them as their own rules allow."""
    world = books.world
    before = world.repo.tip("main")
    world.repo.checkout("main")
    world.on_main({"policies/approvals.yaml": WEAK}, by="erin")
    world.propose(
        {"policies/approvals.yaml": f"{WEAK}# tidy\n"}, branch="tidy", scope='"policies/**"'
    )
    world.approve("erin", head="tidy", recorded=False)
    return before


@pytest.mark.parametrize("at_once", [True, False], ids=["one-run", "two-runs"])
def test_policies_that_nobody_authorised_authorise_nothing(
    books: Bookish, *, at_once: bool
) -> None:
    before = launder(books)
    if not at_once:
        books.landed(before)
    books.merge("tidy")
    tiles = books.landed(before)
    assert {tile.update.standing for tile in tiles} == {"unauthorised"}
    assert "policies/approvals.yaml rests on" in tiles[-1].update.reason
    books.world.propose({"db/schema.sql": "drop\n"}, branch="next", change=OTHER)
    assert books.world.refusal("next") == "policies-unauthorised"


def test_policies_that_were_put_back_judge_again(books: Bookish) -> None:
    world = books.world
    world.on_main({"policies/approvals.yaml": WEAK}, by="erin")
    world.on_main({"policies/approvals.yaml": APPROVALS}, by="erin")
    books.landed()
    approved(books)
    merged_tile = merged(books)
    assert merged_tile.update.standing == "authorised"


# Time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dated", [-2, 0], ids=["before-the-freeze", "now"])
@pytest.mark.parametrize("logged", [True, False], ids=["logged", "not-logged"])
def test_no_date_of_a_commit_leads_past_a_freeze(world: World, dated: int, *, logged: bool) -> None:
    frozen(world, start=timedelta(days=1), end=timedelta(days=10))
    books = open_books(world)
    approved(books)
    if logged:
        books.decide()
    world.later(days=3 + dated)
    before, _ = books.merge()
    world.later(days=-dated)
    (tile,) = books.landed(before)
    assert tile.update.standing == "unauthorised"
    assert "freeze" in tile.update.reason


@pytest.mark.parametrize("ahead", [0, 24])
def test_no_date_of_a_commit_makes_an_approval_come_in_time(books: Bookish, ahead: int) -> None:
    world = books.world
    world.propose()
    given = world.state("approve", "bob", at=world.now + timedelta(hours=1))
    world.later(hours=ahead)
    before, _ = books.merge()
    world.later(hours=2 - ahead)
    world.file(given)
    (tile,) = books.landed(before)
    assert tile.update.standing == "unauthorised"


def test_an_approval_after_the_push_is_not_counted_where_its_time_is_known(
    books: Bookish,
) -> None:
    world = books.world
    world.propose()
    given = world.state("approve", "bob", at=world.now + timedelta(hours=2))
    at = world.now
    world.later(hours=3)
    before, _ = books.merge()  # says to be of later than it was pushed
    world.later(hours=1)
    world.file(given)
    assert pushed(books, before, at=at).update.standing == "unauthorised"


def test_a_decision_about_what_stands_on_the_target_says_not_how_it_came_there(
    books: Bookish,
) -> None:
    world = books.world
    world.propose()
    before, after = books.merge(way="squash")
    world.later(hours=1)
    world.approve("bob", base="main")
    books.decide()
    (tile,) = books.landed(before)
    assert (tile.update.after, tile.update.standing) == (after, "unauthorised")


def test_what_was_seen_on_the_target_landed_before_that(books: Bookish) -> None:
    world = books.world
    world.propose()
    given = world.state("approve", "bob", at=world.now + timedelta(hours=2))
    world.later(hours=3)
    before, _ = books.merge()  # says to be of later than it is
    world.later(hours=-2)
    world.propose({"src/lib.py": "2\n"}, branch="other", change=OTHER)
    books.decide("other")
    world.later(hours=3)
    world.file(given)
    (tile,) = books.landed(before)
    assert tile.update.standing == "unauthorised"


# Adoption -----------------------------------------------------------------------------------------


def test_a_branch_adopts_the_gate_once(books: Bookish) -> None:
    world = books.world
    text = world.repo.git("show", "main:itil-gate.yaml")
    world.repo.checkout("main")
    git(world, "rm", "-q", "itil-gate.yaml")
    world.commit({}, by="erin")
    world.commit({"itil-gate.yaml": f"{text}\n", "src/app.py": "evil\n"}, by="erin")
    tiles = books.landed()
    assert [tile.update.standing for tile in tiles] == ["unauthorised", "unauthorised"]
    assert [debt.duty for debt in books.known().debts] == ["review", "review"]
    assert founds(books) == ["unauthorised", "unauthorised"]


@pytest.mark.parametrize(
    ("form", "code"),
    [("yesterday", 2), ("%Y-%m-%dT%H:%M:%S", 2), ("%s", 1), ("%Y-%m-%dT%H:%M:%SZ", 1)],
)
def test_when_it_was_pushed_is_told_on_the_command_line(world: World, form: str, code: int) -> None:
    world.now = datetime.now(tz=UTC).replace(microsecond=0) - timedelta(hours=4)
    said = str(int(world.now.timestamp())) if form == "%s" else f"{world.now:{form}}"
    open_books(world)
    books = Bookish(world)
    world.propose()
    given = world.state("approve", "bob", at=world.now + timedelta(hours=2))
    world.later(hours=3)
    before, after = books.merge()
    world.file(given)
    told = ("check", "--merged", f"{before}..{after}", "--target", MAIN)
    allowed = run_gate(*told, cwd=world.repo.path)
    assert allowed.code == 0, allowed.err
    answer = run_gate(*told, "--pushed-at", said, cwd=world.repo.path)
    assert answer.code == code, answer.err
    assert ("bad-time" in answer.err) == (code == 2)


@pytest.mark.heavy
@pytest.mark.parametrize("left", [True, False])
@case("308")
def test_a_rejection_that_was_taken_off_the_branch_lets_nothing_land(
    books: Bookish, *, left: bool
) -> None:
    """A decision about something else saw the branch with it; nothing else of it is in the log."""
    world = books.world
    approved(books)
    books.decide()
    earlier = world.repo.tip("itil-gate-approvals")
    world.reject("carol")
    whole = world.repo.tip("itil-gate-approvals")
    world.propose({"src/other.py": "1\n"}, branch="other", change=OTHER)
    books.decide("other")
    moved = [earlier] if left else []
    git(world, "update-ref", *([] if left else ["-d"]), "refs/heads/itil-gate-approvals", *moved)
    before, _ = books.merge()
    with pytest.raises(HistoryError) as caught:
        books.landed(before)
    assert caught.value.code == "approvals-rewound"
    if left:
        with pytest.raises(HistoryError) as caught:
            books.start(before)
        assert caught.value.code == "approvals-rewound"
    git(world, "update-ref", "refs/heads/itil-gate-approvals", whole)
    (tile,) = books.landed(before)
    assert tile.update.standing == "unauthorised"
    assert "carol rejected the change" in tile.update.reason


@pytest.mark.heavy
def test_an_override_of_what_was_allowed_before_stays_to_be_seen(world: World) -> None:
    """Allowed and logged, then rejected, then overridden: it lands by the override alone."""
    books = open_books(world, config=GLASS)
    approved(books)
    logged = books.decide().indices[0]
    world.reject("erin")
    override(world, "carol")
    tile = merged(books)
    assert tile.update.standing == "overridden"
    assert tile.update.decision not in (None, logged)
    assert {"retro-approval", "review"} <= {
        entry.predicate.get("duty") for entry in books.entries() if entry.kind == "obligation"
    }
    assert founds(books) == ["overridden"]
    assert Victim(world, books.config).bad(full=True) == set()
    found = run_gate("audit", "replay", "--all", cwd=world.repo.path)
    assert found.code == 0, found.out
