"""A target that is moved: to a commit that nobody let in, and back from what was let in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.attacks import Victim
from support.books import MAIN, Bookish, git, open_books
from support.breakglass import REPOSITORY
from support.cases import case
from support.world import APPROVALS, CHG, CONFIG, OTHER

from itil_gate.decide.deploy_facts import Attempt
from itil_gate.decide.gate import decide
from itil_gate.gather.recorded import refuse_unrecorded
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.model.errors import HistoryError
from itil_gate.model.statement import CorrectionPredicate
from itil_gate.release.bookkeeping import record_decision, record_landing
from itil_gate.release.correcting import record_corrections
from itil_gate.release.releasing import start_release
from itil_gate.release.signing_desk import sign_statement
from itil_gate.signing.statement import correction_statement

if TYPE_CHECKING:
    from support.world import World

LENIENT = APPROVALS.replace("role: service-owner, of: footprint", "role: peer")
STAGED = (
    f"{CONFIG}release:\n  environments: [staging, production]\n  after: {{production: staging}}\n"
)
RECOVERY = f"{CONFIG}recovery: change-authority\n"
THIRD, FOURTH = "CHG-2026-AAAA0003", "CHG-2026-AAAA0004"


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world, config=RECOVERY)


def inside(books: Bookish, path: str, text: str) -> str:
    """Land a change whose branch held other policies for a while; return the commit with them."""
    world = books.world
    good = world.repo.git("show", f"main:{path}") + "\n"
    world.propose({"src/app.py": "1\n"}, change=OTHER)
    lax = world.commit({path: text})
    world.commit({path: good})
    world.approve("bob", change=OTHER)
    books.decide()
    before, _ = books.merge()
    (tile,) = books.landed(before)
    assert tile.update.standing == "authorised"
    world.repo.checkout("feature")
    return lax


def correct(books: Bookish, by: str, before: str, after: str) -> list[str]:
    """Let somebody sign a correction, and record it; return what came of it."""
    predicate = CorrectionPredicate(
        repository=REPOSITORY,
        target=MAIN,
        before=before,
        after=after,
        reason="A secret had to go.",
        signer=by,
        issued_at=books.world.now,
    )
    key = str(books.world.person(by).key)
    books.world.file(sign_statement(correction_statement(predicate), key=key, interactive=False))
    with open_view(discover(books.world.repo.path)) as view:
        return [one.code for one in record_corrections(books.books, view, target=MAIN)]


@case("140")
def test_a_commit_inside_what_was_authorised_was_never_the_target(books: Bookish) -> None:
    world = books.world
    lax = inside(books, "policies/approvals.yaml", LENIENT)
    world.propose({"deploy/app.yaml": "replicas: 0\n"}, branch="evil", at=lax)
    assert world.check("evil").outcome == "pending"
    git(world, "update-ref", "refs/heads/main", lax)
    assert world.refusal("evil") == "target-behind"
    tiles = books.landed(after=lax)
    moved, *_, last = [one.update for one in tiles]
    assert (moved.standing, last.standing, last.after) == ("unauthorised", "unauthorised", lax)
    assert world.refusal("evil") == "policies-unauthorised"


@case("140")
def test_policies_inside_what_was_authorised_let_nothing_into_production(world: World) -> None:
    books = open_books(world, config=STAGED)
    old = books.land({"src/a.py": "1\n"}, THIRD, branch="third")
    lax = inside(
        books,
        "itil-gate.yaml",
        world.repo.git("show", "main:itil-gate.yaml").replace("  after: {production: staging}", "")
        + "\n",
    )
    _, record = books.start(old)
    assert record is None
    git(world, "update-ref", "refs/heads/main", lax)
    with pytest.raises(HistoryError) as caught:
        books.start(old)
    assert caught.value.code == "target-behind"


def test_a_clone_that_is_behind_by_nothing_of_the_judges_still_decides(books: Bookish) -> None:
    world = books.world
    opened = world.repo.tip("main")
    first = books.land({"src/a.py": "1\n"}, THIRD, branch="third")
    books.land({"src/b.py": "1\n"}, FOURTH, branch="fourth")
    between = world.repo.git("rev-parse", "third")  # a commit of a branch, with no other policies
    with open_view(discover(world.repo.path)) as view, books.books.reading() as reader:
        for tip in (opened, first, between):
            refuse_unrecorded(view, books.config, reader, target=MAIN, tip=tip)


def test_a_late_run_for_a_push_that_is_recorded_records_nothing(books: Bookish) -> None:
    first = books.land({"src/a.py": "1\n"}, THIRD, branch="third")
    books.land({"src/b.py": "1\n"}, FOURTH, branch="fourth")
    assert books.landed(after=first) == ()


# Moved back, and on from there --------------------------------------------------------------------


def moved_back(books: Bookish) -> tuple[str, str]:
    """Land two changes and take the second away by force; return main after each."""
    first = books.land({"src/a.py": "1\n"}, THIRD, branch="third")
    second = books.land({"src/secret.py": "1\n"}, FOURTH, branch="fourth")
    git(books.world, "checkout", "--quiet", "main")
    git(books.world, "reset", "--quiet", "--hard", first)
    return first, second


@pytest.mark.heavy
@case("27")
def test_a_branch_that_was_moved_back_is_judged_on_from_where_it_is(books: Bookish) -> None:
    world = books.world
    first, lost = moved_back(books)
    tip = books.land({"src/b.py": "1\n"}, CHG, branch="next")
    moved, landed = [one.update for one in books.known().updates[-2:]]
    assert (moved.before, moved.after, moved.standing) == (lost, first, "unauthorised")
    assert (landed.before, landed.after, landed.standing) == (first, tip, "authorised")
    # What was taken away is asked about once, and the way out is the one that it names.
    examined, record = books.start()
    assert record is None
    assert [one.rule for one in examined.findings.failed] == ["unauthorised-update"]
    assert books.landed() == ()
    assert correct(books, "carol", lost, first) == ["corrects"]
    books.release()
    assert books.land({"src/c.py": "1\n"}, "CHG-2026-AAAA0006", branch="more")
    books.release(artifact="sha256:" + "b" * 64)
    assert Victim(world, books.config).bad(full=True) == set()


@pytest.mark.heavy
@case("27")
def test_a_branch_that_is_moved_back_twice_is_recorded_twice(books: Bookish) -> None:
    world = books.world
    first, lost = moved_back(books)
    for change, branch in ((CHG, "next"), (OTHER, "other")):
        books.land({f"src/{branch}.py": "1\n"}, change, branch=branch)
        git(world, "checkout", "--quiet", "main")
        git(world, "reset", "--quiet", "--hard", lost)
        (tile,) = books.landed()
        assert (tile.update.after, tile.update.standing) == (lost, "unauthorised")
        git(world, "reset", "--quiet", "--hard", first)
    books.land({"src/last.py": "1\n"}, "CHG-2026-AAAA0007", branch="last")
    moves = [one for one in books.known().updates if one.update.before == lost]
    assert len(moves) == 3
    assert [one.update.replaces for one in moves] == [None, moves[0].index, moves[1].index]
    assert Victim(world, books.config).bad(full=True) == set()


@case("27")
def test_who_takes_policies_away_by_force_is_not_judged_by_what_is_left(books: Bookish) -> None:
    world = books.world
    first = world.repo.tip("main")
    mended = f"{APPROVALS}# reviewed\n"
    world.propose(
        {"policies/approvals.yaml": mended}, branch="rule", scope='"policies/**"', change=OTHER
    )
    world.approve("bob", "carol", "dave", head="rule", change=OTHER)
    books.decide("rule")
    before, _ = books.merge("rule")
    assert [one.update.standing for one in books.landed(before)] == ["authorised"]
    git(world, "reset", "--quiet", "--hard", first)
    world.propose({"src/b.py": "1\n"}, branch="next")
    before, _ = books.merge("next")
    tiles = books.landed(before)
    assert [one.update.standing for one in tiles] == ["unauthorised", "unauthorised"]
    world.repo.checkout("next")
    assert world.refusal("next") == "policies-unauthorised"


# A second guarded branch --------------------------------------------------------------------------

RELEASE = "refs/heads/release"


def mended(books: Bookish) -> None:
    """Land a change of the policies that was approved, and a change after it."""
    world = books.world
    world.propose(
        {"policies/approvals.yaml": f"{APPROVALS}# reviewed\n"},
        branch="rule",
        scope='"policies/**"',
        change=OTHER,
    )
    world.approve("carol", "dave", head="rule", change=OTHER)
    books.decide("rule")
    before, _ = books.merge("rule")
    assert [one.update.standing for one in books.landed(before)] == ["authorised"]
    books.land({"src/x.py": "1\n"}, THIRD, branch="third")


def landed_there(books: Bookish, before: str | None = None) -> list[str]:
    """Record how the branch release came to where it is; return the standings."""
    with open_view(discover(books.world.repo.path)) as view:
        tip = books.world.repo.tip("release")
        tiles, _ = record_landing(books.books, view, ref=RELEASE, after=tip, pushed=before)
    return [one.update.standing for one in tiles]


@pytest.mark.heavy
def test_a_second_branch_begins_where_it_leaves_the_first(books: Bookish) -> None:
    world = books.world
    mended(books)
    git(world, "branch", "release", "main")
    assert landed_there(books) == []
    world.propose({"src/app.py": "1\n"}, at="release")
    world.approve("bob", base="release")
    inputs = world.inputs(base="release")
    assert decide(inputs).outcome == "allow"
    with open_view(discover(world.repo.path)) as view:
        record_decision(books.books, view, decide(inputs), inputs)
    git(world, "checkout", "-q", "release")
    git(world, "merge", "-q", "--no-ff", "feature")
    assert landed_there(books) == ["authorised"]
    world.propose({"src/more.py": "1\n"}, branch="more", at="release", change=FOURTH)
    assert world.check("more", base="release").outcome == "pending"
    # What is pushed there is asked about there.
    git(world, "checkout", "-q", "release")
    world.commit({"policies/approvals.yaml": LENIENT}, by="erin")
    assert world.refusal("more", base="release") == "policies-unrecorded"
    assert landed_there(books) == ["unauthorised"]
    assert world.refusal("more", base="release") == "policies-unauthorised"


@pytest.mark.heavy
def test_what_landed_on_a_second_branch_is_released_from_there(books: Bookish) -> None:
    world = books.world
    mended(books)
    git(world, "branch", "release", "main")
    world.propose({"src/app.py": "1\n"}, at="release")
    world.approve("bob", base="release")
    git(world, "checkout", "-q", "release")
    git(world, "merge", "-q", "--no-ff", "feature")
    assert landed_there(books) == ["authorised"]
    assert released_there(books) == []
    world.repo.checkout("release")
    world.commit({"src/evil.py": "1\n"}, by="erin")
    assert landed_there(books) == ["unauthorised"]
    assert "unauthorised-update" in released_there(books)


def released_there(books: Bookish) -> list[str]:
    """Ask for a release of the branch release; return the rules that speak against it."""
    world = books.world
    tip = world.repo.tip("release")
    attempt = Attempt(
        environment="production",
        commit=tip,
        artifact="sha256:" + "a" * 64,
        changes=(),
        now=world.now,
        backout=False,
    )
    with open_view(discover(world.repo.path)) as view:
        examined, _, _ = start_release(
            books.books,
            view,
            attempt,
            target=RELEASE,
            tip=tip,
            nonce=f"REL-2026-{len(books.entries()):08d}",
            deployer="pipeline",
            purl=None,
            provenance=None,
        )
    return [one.rule for one in examined.findings.failed]


def test_a_second_branch_takes_no_lawless_policies_along(books: Bookish) -> None:
    world = books.world
    fork = world.repo.tip("main")
    world.on_main({"policies/approvals.yaml": LENIENT}, by="erin")
    git(world, "branch", "early", "main")
    world.propose({"src/app.py": "1\n"}, at="early")
    git(world, "update-ref", RELEASE, "main")
    assert world.refusal(base="release") == "policies-unrecorded"
    books.landed()
    assert world.refusal(base="release") == "policies-unauthorised"
    git(world, "update-ref", RELEASE, fork)  # that branch left before
    world.propose({"src/app.py": "1\n"}, branch="clean", at="release")
    assert world.check("clean", base="release").outcome == "pending"
