"""`override`, `approve --retro`, `review` and `debt`, from the emergency to the settled account."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from support.books import MAIN, Bookish, git, open_books
from support.breakglass import GLASS, REPOSITORY, switch_on
from support.shell import Ran, run_gate
from support.world import CHG, CONFIG, OTHER

from itil_gate.model.statement import RetroApprovalPredicate
from itil_gate.release.signing_desk import sign_statement
from itil_gate.signing.statement import retro_statement

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

pytestmark = pytest.mark.heavy

TERMS = ("--incident", "INC-42", "--reason", "Payments are down.", "--yes")


def _private(seed: int) -> str:
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


KEYS = {"ITIL_GATE_LOG_KEY": _private(1), "ITIL_GATE_RECORDER_KEY": _private(2)}


@pytest.fixture
def world(desk: World) -> World:
    """A world by the host's clock, for commands read it themselves."""
    desk.now = datetime.now(tz=UTC).replace(microsecond=0)
    desk.repo.checkout("main")
    desk.repo.git("branch", "-D", "feature")
    return desk


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world, config=GLASS)


def gate(world: World, *words: str, by: str = "", env: dict[str, str] | None = None) -> Ran:
    key = ("--key", str(world.person(by).key)) if by else ()
    ran = run_gate(*words, *key, cwd=world.repo.path, env=env)
    assert "Traceback" not in ran.err, ran.err
    return ran


def overridden(books: Bookish, **files: str) -> str:
    """Merge what Carol overrode, recorded; return the tip of main."""
    world = books.world
    head = world.propose({"src/app.py": "1\n", **files}, scope='"src/**", "reviews/**"')
    assert gate(world, "override", CHG, "--head", head, *TERMS, by="carol").code == 0
    books.decide()
    before, after = books.merge()
    books.landed(before)
    return after


# --- override ----------------------------------------------------------------------------------


def test_an_override_shows_what_it_bends_and_the_gate_lets_it_through(world: World) -> None:
    switch_on(world)
    head = world.propose()
    ran = gate(world, "override", CHG, "--head", head, *TERMS, by="carol")
    assert ran.code == 0, ran.err
    assert "missing-approval: review: 0 of 1" in ran.err
    assert "approval by somebody else within 24h" in ran.err
    assert ran.out.startswith("signed by carol: override/")
    checked = gate(world, "check", "--head", "feature")
    assert checked.code == 0
    assert checked.out.startswith("OVERRIDDEN")
    assert "carol overrides for INC-42" in checked.out


def test_an_override_that_would_count_for_nothing_is_not_signed(world: World) -> None:
    switch_on(world)
    head = world.propose()
    for by, code in (("erin", "role-not-held"), ("alice", "role-not-held")):
        ran = gate(world, "override", CHG, "--head", head, *TERMS, by=by)
        assert (ran.code, ran.out) == (1, "")
        assert code in ran.err
    ran = gate(world, "override", CHG, "--head", head, "--hours", "48", *TERMS, by="carol")
    assert ran.code == 1
    assert "too-long" in ran.err
    world.approve("erin")
    ran = gate(world, "override", CHG, "--head", head, *TERMS, by="carol")
    assert ran.code == 1
    assert "not-needed" in ran.err
    assert "override/" not in world.repo.git("ls-tree", "-r", "itil-gate-approvals")


def test_an_override_where_it_is_switched_off_is_not_signed(world: World) -> None:
    head = world.propose()
    ran = gate(world, "override", CHG, "--head", head, *TERMS, by="carol")
    assert ran.code == 1
    assert "switched-off" in ran.err


def test_an_override_of_a_change_that_is_not_there_lists_those_that_are(world: World) -> None:
    switch_on(world)
    head = world.propose()
    ran = gate(world, "override", OTHER, "--head", head, *TERMS, by="carol")
    assert ran.code == 2
    assert f"it holds: {CHG}" in ran.err


def test_an_override_is_taken_back_with_no_hours(world: World) -> None:
    switch_on(world)
    head = world.propose()
    gate(world, "override", CHG, "--head", head, *TERMS, by="carol")
    ran = gate(world, "override", CHG, "--head", head, "--hours", "0", *TERMS, by="carol")
    assert ran.code == 0, ran.err
    assert gate(world, "check", "--head", "feature").code == 3


def test_an_override_travels_as_a_file(world: World) -> None:
    switch_on(world)
    head = world.propose()
    ran = gate(world, "override", CHG, "--head", head, "--output", "o.stmt", *TERMS, by="carol")
    assert ran.code == 0
    assert gate(world, "check", "--head", "feature").code == 3
    ran = gate(world, "import", "o.stmt")
    assert ran.code == 0, ran.err
    assert "imported carol: override/" in ran.out
    assert gate(world, "check", "--head", "feature").code == 0


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--head", "feature", "--environment", "production"),
        ("--environment", "production"),
        ("--commit", "main"),
    ],
)
def test_an_override_binds_one_thing(world: World, words: tuple[str, ...]) -> None:
    switch_on(world)
    world.propose()
    assert gate(world, "override", CHG, *words, *TERMS, by="carol").code == 2


@pytest.mark.parametrize("missing", ["--reason", "--incident"])
def test_reason_and_incident_are_asked_for(world: World, missing: str) -> None:
    switch_on(world)
    head = world.propose()
    terms = {"--incident": "INC-42", "--reason": "Down.", missing: " "}
    words = [word for pair in terms.items() for word in pair]
    ran = gate(world, "override", CHG, "--head", head, *words, "--yes", by="carol")
    assert (ran.code, ran.out) == (2, "")
    assert "bad-override" in ran.err


def test_an_override_of_a_release_lets_it_begin(books: Bookish) -> None:
    world = books.world
    before = world.repo.tip("main")
    world.on_main({"src/app.py": "print('straight in')\n"}, by="alice")
    books.landed(before)
    tip = world.repo.tip("main")
    bound = ("--environment", "production", "--commit", tip, "--scope", "src/**")
    ran = gate(world, "override", *bound, *TERMS, by="carol")
    assert ran.code == 0, ran.err
    assert "unauthorised-update: not authorised" in ran.err
    assert "digest-of-another-commit" not in ran.err
    start = ("--environment", "production", "--commit", tip, "--artifact", "sha256:" + "a" * 64)
    ran = gate(world, "release", "start", *start, env=KEYS)
    assert ran.code == 0, ran.err
    assert ran.out.startswith("OVERRIDDEN")
    assert "override of carol for INC-42" in ran.out


# --- approve --retro ---------------------------------------------------------------------------


def test_what_is_owed_is_met_by_somebody_else_and_written_down(books: Bookish) -> None:
    world = books.world
    overridden(books)
    listed = gate(world, "debt")
    assert listed.code == 0, listed.err
    assert f"OPEN     retro-approval of {CHG}, owed by carol" in listed.out
    assert f"itil-gate approve {CHG} --retro, by bob, dave or erin" in listed.out
    ran = gate(world, "approve", CHG, "--retro", "--yes", by="erin")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("signed by erin: retro/")
    assert "MET      retro-approval" in gate(world, "debt").out
    assert len(books.known().debts) == 2
    ran = gate(world, "debt", "--record", env=KEYS)
    assert ran.code == 0, ran.err
    assert [one.duty for one in books.known().debts] == ["review"]
    assert books.kinds()[-2:] == ["approval", "obligation-met"]
    assert books.entries()[-2].predicate["person"] == "erin"


@pytest.mark.parametrize(
    ("who", "why"), [("carol", "overrode it"), ("alice", "asked for the change")]
)
def test_who_overrode_or_took_part_does_not_approve_afterwards(
    books: Bookish, who: str, why: str
) -> None:
    overridden(books)
    ran = gate(books.world, "approve", CHG, "--retro", "--yes", by=who)
    assert (ran.code, ran.out) == (1, "")
    assert why in ran.err


@pytest.mark.parametrize(
    "edits",
    [
        {"signer": "carol"},
        {"content": "0" * 64},
        {"change": OTHER},
        {"before": "a" * 40},
        {"repository": "example.com/other"},
        {"issued_at": timedelta(days=-1)},
        {"issued_at": timedelta(hours=1)},
    ],
)
def test_an_approval_of_something_else_meets_nothing(
    books: Bookish, edits: dict[str, object]
) -> None:
    world = books.world
    overridden(books)
    owed = books.known().debts[0]
    update = next(one.update for one in books.known().updates if one.index == owed.source)
    said: dict[str, object] = {
        "repository": REPOSITORY, "target": MAIN, "change": CHG, "before": update.before,
        "after": update.after, "content": update.content, "signer": "erin",
        "issued_at": world.now,
    }  # fmt: skip
    if isinstance(shift := edits.get("issued_at"), timedelta):
        edits = {"issued_at": world.now + shift}
    predicate = RetroApprovalPredicate.model_validate(said | edits, by_name=True)
    key = str(world.person(predicate.signer).key)
    world.file(sign_statement(retro_statement(predicate), key=key, interactive=False))
    assert "MET" not in gate(world, "debt").out
    good = RetroApprovalPredicate.model_validate(said, by_name=True)
    key = str(world.person("erin").key)
    world.file(sign_statement(retro_statement(good), key=key, interactive=False))
    assert "MET" in gate(world, "debt").out


def test_as_many_approve_afterwards_as_would_have_been_asked_before(books: Bookish) -> None:
    world = books.world
    head = world.propose({"db/schema.sql": "drop table t;\n"})
    assert gate(world, "override", CHG, "--head", head, *TERMS, by="carol").code == 0
    books.decide()
    before, _ = books.merge()
    books.landed(before)
    ran = gate(world, "approve", CHG, "--retro", "--yes", by="erin")
    assert ran.code == 1
    assert "holds none of the roles" in ran.err
    assert gate(world, "approve", CHG, "--retro", "--yes", by="bob").code == 0
    assert "MET" not in gate(world, "debt").out
    assert gate(world, "approve", CHG, "--retro", "--yes", by="dave").code == 0
    assert "MET" in gate(world, "debt").out


def test_who_approved_before_is_not_the_second_pair_of_eyes(books: Bookish) -> None:
    world = books.world
    head = world.propose({"db/schema.sql": "drop table t;\n"})
    world.approve("bob")
    assert gate(world, "override", CHG, "--head", head, *TERMS, by="carol").code == 0
    books.decide()
    before, _ = books.merge()
    books.landed(before)
    ran = gate(world, "approve", CHG, "--retro", "--yes", by="bob")
    assert ran.code == 1
    assert "approved it before" in ran.err
    assert "--retro, by dave\n" in gate(world, "debt").out
    assert gate(world, "approve", CHG, "--retro", "--yes", by="dave").code == 0
    assert "MET" in gate(world, "debt").out


def test_nothing_is_approved_afterwards_that_nobody_owes(books: Bookish) -> None:
    overridden(books)
    ran = gate(books.world, "approve", OTHER, "--retro", "--yes", by="erin")
    assert ran.code == 2
    assert f"one is owed for {CHG}" in ran.err


def test_an_approval_after_the_fact_lets_nothing_in(books: Bookish) -> None:
    world = books.world
    overridden(books)
    gate(world, "approve", CHG, "--retro", "--yes", by="erin")
    world.propose({"src/more.py": "x\n"}, branch="again", change=OTHER)
    assert gate(world, "check", "--head", "again").code == 3


def test_approve_asks_for_a_head_or_for_retro(world: World) -> None:
    world.propose()
    assert gate(world, "approve", CHG, "--yes", by="erin").code == 2
    ran = gate(world, "approve", CHG, "--retro", "--head", "feature", "--yes", by="erin")
    assert ran.code == 2


# --- review and debt ---------------------------------------------------------------------------


def test_a_review_on_the_target_meets_what_is_owed(books: Bookish) -> None:
    world = books.world
    overridden(books)
    words = ("--summary", "It went well.", "--lesson", "Alert on the queue: early, loudly.")
    more = (
        "--outcome",
        "success",
        "--minutes",
        "12",
        "--action",
        "bob:2027-01-04:add an alert, now",
    )
    ran = gate(world, "review", CHG, *words, *more)
    assert ran.code == 0, ran.err
    path = f"reviews/{world.now.year}/{CHG}.yaml"
    assert ran.out == f"{path}\n"
    text = (world.repo.path / path).read_text()
    assert "reviewer: alice" in text
    assert "  predicted:\n    risk: low\n" in text
    again = gate(world, "review", CHG, *words, *more)
    assert again.code == 1
    early = gate(world, "review", CHG, "--record", env=KEYS)
    assert early.code == 1
    assert "holds no review" in early.err
    (world.repo.path / path).unlink()
    world.on_main({path: text}, by="alice")
    ran = gate(world, "review", CHG, "--record", env=KEYS)
    assert ran.code == 0, ran.err
    assert [one.duty for one in books.known().debts] == ["retro-approval"]


def test_a_review_says_something(books: Bookish) -> None:
    overridden(books)
    ran = gate(books.world, "review", CHG, "--outcome", "success", "--summary", "Fine.")
    assert ran.code == 2
    assert "a review needs --lesson" in ran.err
    lesson = ("--lesson", "x", "--summary", "Fine.", "--outcome", "success")
    ran = gate(books.world, "review", CHG, *lesson, "--action", "someday")
    assert ran.code == 2
    assert "bad-action" in ran.err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("reviewedAt: ", "reviewedAt: 2026-01-01T00:00:00Z # "),
        ("reviewedAt: ", "reviewedAt: 2099-01-01T00:00:00Z # "),
        ("reviewer: alice", "reviewer: nobody"),
        ("reviewer: alice", "reviewer: robo"),
        (f"change: {CHG}", f"change: {OTHER}"),
        ("kind: ChangeReview", "kind: Review"),
        ("lessons:", "lesson:"),
    ],
)
def test_what_is_no_review_of_this_meets_nothing(books: Bookish, old: str, new: str) -> None:
    world = books.world
    overridden(books)
    words = ("--summary", "Fine.", "--lesson", "None.", "--outcome", "success")
    path = gate(world, "review", CHG, *words).out.strip()
    text = (world.repo.path / path).read_text()
    (world.repo.path / path).unlink()
    assert old in text
    world.on_main({path: text.replace(old, new)}, by="alice")
    assert "MET" not in gate(world, "debt").out
    world.on_main({path: text}, by="alice")
    assert "MET" in gate(world, "debt").out


def test_a_review_that_came_with_what_it_is_about_says_nothing_of_it(books: Bookish) -> None:
    world = books.world
    soon = world.now + timedelta(minutes=4)
    text = (
        f"apiVersion: itil-gate/v1\nkind: ChangeReview\n"
        f"metadata: {{change: {CHG}, reviewer: alice, reviewedAt: {soon:%Y-%m-%dT%H:%M:%SZ}}}\n"
        "spec: {outcome: success, summary: Fine., lessons: [None.]}\n"
    )
    path = f"reviews/2026/{CHG}.yaml"
    overridden(books, **{path: text})
    assert "MET" not in gate(world, "debt").out
    world.on_main({path: text.replace("Fine.", "It went as it was thought to.")}, by="alice")
    assert "MET" in gate(world, "debt").out


def test_what_is_overdue_ends_with_one(world: World) -> None:
    world.now -= timedelta(hours=30)
    books = open_books(world, config=GLASS)
    world.propose()
    from support.breakglass import override  # noqa: PLC0415 - by the world's clock, not the host's

    override(world)
    books.decide()
    before, _ = books.merge()
    books.landed(before)
    ran = gate(world, "debt", "--format", "json")
    assert ran.code == 1, ran.out + ran.err
    said = json.loads(ran.out)
    assert [(one["duty"], one["state"]) for one in said["debts"]] == [
        ("retro-approval", "overdue"),
        ("review", "open"),
    ]
    assert said["debts"][0]["eligible"] == ["bob", "dave", "erin"]
    gate(world, "approve", CHG, "--retro", "--yes", by="erin")
    assert gate(world, "debt").code == 0


def test_nobody_owes_anything_at_first(books: Bookish) -> None:
    ran = gate(books.world, "debt")
    assert (ran.code, ran.out) == (0, "Nobody owes anything.\n")


def test_debts_need_a_log(world: World, tmp_path: Path) -> None:
    ran = gate(world, "debt")
    assert ran.code == 2
    assert "no-log" in ran.err
    assert tmp_path.exists()


# --- correct -----------------------------------------------------------------------------------


def test_a_correction_is_signed_recorded_and_owed_for(world: World) -> None:
    books = open_books(world, config=f"{CONFIG}recovery: change-authority\n")
    before = world.repo.tip("main")
    after = world.on_main({"src/app.py": "print('mended')\n"})
    books.landed(before)
    ran = gate(world, "correct", after, "--reason", "Locked out.", "--yes", by="erin")
    assert (ran.code, ran.out) == (1, "")
    assert "role-not-held" in ran.err
    ran = gate(world, "correct", before, "--reason", "Locked out.", "--yes", by="carol")
    assert ran.code == 1
    assert "no-such-update" in ran.err
    ran = gate(world, "correct", after, "--reason", "Locked out.", "--yes", by="carol")
    assert ran.code == 0, ran.err
    ran = gate(world, "correct", "--record", env=KEYS)
    assert (ran.code, ran.out.split()[0]) == (0, "COUNTED"), ran.err
    assert [one.update.standing for one in books.known().updates] == ["unauthorised", "overridden"]
    assert "no correction that is not recorded" in gate(world, "correct", "--record", env=KEYS).out
    ran = gate(world, "approve", after, "--retro", "--yes", by="carol")
    assert ran.code == 1
    ran = gate(world, "approve", after, "--retro", "--yes", by="erin")
    assert ran.code == 0, ran.err
    assert "MET" in gate(world, "debt").out


@pytest.mark.heavy
def test_every_way_back_to_one_commit_can_be_corrected(world: World) -> None:
    books = open_books(world, config=f"{CONFIG}recovery: change-authority\n")
    first = world.repo.tip("main")
    for number in (1, 2):
        world.on_main({f"docs/lost{number}.md": "1\n"})
        books.landed()
        world.repo.checkout("main")
        git(world, "reset", "--quiet", "--hard", first)
    world.on_main({"docs/on.md": "1\n"})
    books.landed()
    moves = {one.update.before for one in books.known().updates if one.update.after == first}
    assert len(moves) == 2
    for _ in moves:
        ran = gate(world, "correct", first, "--reason", "It had to go.", "--yes", by="carol")
        assert ran.code == 0, ran.err
        assert gate(world, "correct", "--record", env=KEYS).code == 0
    last = {(one.update.before, one.update.after): one.update for one in books.known().updates}
    assert {last[lost, first].standing for lost in moves} == {"overridden"}
    books.release()


@pytest.mark.parametrize("words", [(), ("main",), ("main", "--reason", "x", "--record")])
def test_correct_takes_a_commit_or_records(world: World, words: tuple[str, ...]) -> None:
    assert gate(world, "correct", *words).code == 2
