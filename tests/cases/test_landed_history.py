"""What lands on the target by other ways than an authorised merge, and what reconciling sees."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support.attacks import Victim
from support.audits import audited, founds, reconciled
from support.books import MAIN, Bookish, git, open_books
from support.cases import case
from support.log import RECORDER, STRANGER
from support.world import CHG, OTHER

from itil_gate.log.entry import entry_path, parse_entry
from itil_gate.model.errors import GateError, HistoryError, LogError
from itil_gate.model.record import predicate_type
from itil_gate.signing.dsse import IN_TOTO, Envelope, EnvelopeSignature, compose
from itil_gate.signing.jcs import encode

if TYPE_CHECKING:
    from support.world import World

THIRD = "CHG-2026-AAAA0003"


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world)


@case("187", "FO-13")
def test_a_merge_by_an_administrator_over_the_gate_is_found(books: Bookish) -> None:
    books.world.propose({"deploy/app.yaml": "replicas: 9\n"})
    books.decide()
    before, _ = books.merge()
    assert founds(books) == ["unauthorised"]
    books.landed(before)
    (row,), audit = reconciled(books)
    assert (row.found, audit.totals.bad) == ("unauthorised", 1)
    assert "pending" in row.how


@case("FO-13")
def test_a_push_while_a_rule_was_off_is_found_after_it_is_on_again(books: Bookish) -> None:
    books.world.on_main({"src/app.py": "print('quick')\n"}, by="carol")
    books.land({"src/lib.py": "new\n"}, CHG, branch="feature")
    rows, _ = reconciled(books)
    assert [row.found for row in rows] == ["authorised", "unauthorised"]
    assert rows[1].who[0].person == "carol"
    assert rows[1].entry is not None


@case("46")
def test_commits_that_reach_the_target_through_another_pull_request_are_found(
    books: Bookish,
) -> None:
    world = books.world
    world.propose({"db/schema.sql": "drop table t;\n"}, branch="refused")
    world.reject("carol", head="refused")
    books.decide("refused")
    world.propose({"src/app.py": "x\n"}, branch="carrier", change=OTHER, at="refused")
    books.decide("carrier")
    before, _ = books.merge("carrier")
    (tile,) = books.landed(before)
    assert tile.update.standing == "unauthorised"
    (row,), _ = reconciled(books)
    assert row.found == "unauthorised"


@case("46")
def test_an_approved_change_does_not_bring_others_in_with_it(books: Bookish) -> None:
    world = books.world
    world.propose(branch="good")
    world.approve("bob", head="good")
    decided = books.decide("good").indices[0]
    git(world, "checkout", "-q", "-b", "bundle", "good")
    world.commit({"src/lib.py": "and this besides\n"})
    before, _ = books.merge("bundle")
    books.landed(before, heads=[world.repo.tip("good")])
    (row,), _ = reconciled(books)
    assert (row.found, row.decision) == ("unauthorised", None)
    assert decided


@case("45")
def test_each_part_of_a_batch_that_is_pushed_forward_rests_on_its_own_decision(
    books: Bookish,
) -> None:
    world = books.world
    for number, (change, path) in enumerate([(CHG, "src/one.py"), (OTHER, "src/two.py")]):
        world.propose({path: f"{number}\n"}, branch=f"part{number}", change=change)
        world.approve("bob", head=f"part{number}", change=change)
        books.decide(f"part{number}")
    before = world.repo.tip("main")
    git(world, "checkout", "-q", "-b", "queue", "main")
    git(world, "merge", "-q", "--no-ff", "part0")
    git(world, "merge", "-q", "--no-ff", "part1")
    git(world, "checkout", "-q", "main")
    git(world, "merge", "-q", "--ff-only", "queue")
    books.landed(before)
    rows, _ = reconciled(books)
    assert [(row.found, row.changes) for row in rows] == [
        ("authorised", (OTHER,)),
        ("authorised", (CHG,)),
    ]


@pytest.mark.heavy
@case("219", "220")
@pytest.mark.parametrize("why", ["rejected", "changed"])
def test_of_a_batch_only_the_part_that_lost_its_approval_is_unauthorised(
    books: Bookish, why: str
) -> None:
    world = books.world
    world.propose({"src/one.py": "1\n"}, branch="part0")
    world.approve("bob", head="part0")
    books.decide("part0")
    world.propose({"src/two.py": "2\n"}, branch="part1", change=OTHER)
    world.approve("bob", head="part1", change=OTHER)
    if why == "rejected":
        world.reject("carol", head="part1", change=OTHER)
    else:
        books.decide("part1")
        world.commit({"src/two.py": "something else\n"})
    before, _ = books.merge("part0")
    books.merge("part1")
    books.landed(before)
    rows, _ = reconciled(books)
    assert [row.found for row in rows] == ["unauthorised", "authorised"]


@case("208", "221")
def test_a_push_that_is_no_fast_forward_is_seen_by_what_it_took_away(books: Bookish) -> None:
    world = books.world
    old = books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    git(world, "checkout", "-q", "main")
    git(world, "reset", "-q", "--hard", f"{old}~1")
    world.commit({"src/app.py": "print('forced')\n"}, by="alice")
    moved, tile = books.landed(old)
    assert (moved.update.standing, tile.update.standing) == ("unauthorised", "unauthorised")
    assert "no longer descends" in moved.update.reason
    rows, audit = reconciled(books)
    assert [row.found for row in rows] == ["unauthorised", "rewritten", "rewritten"], rows
    assert rows[0].who[0].person == "alice"
    assert audit.totals.bad == 3


@case("213")
def test_an_approvals_branch_that_was_rewritten_is_seen_in_the_log(books: Bookish) -> None:
    world = books.world
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    world.propose({"src/lib.py": "x\n"}, branch="other", change=OTHER)
    kept = world.repo.git("commit-tree", "-m", "anew", "main^{tree}")
    git(world, "update-ref", "refs/heads/itil-gate-approvals", kept)
    with pytest.raises(HistoryError) as error:
        world.approve("bob", head="other", change=OTHER)
    assert error.value.code == "approvals-rewound"
    rows, _ = reconciled(books)
    gone = [row for row in rows if row.found == "rewritten"]
    assert {row.ref for row in gone} == {"refs/heads/itil-gate-approvals"}
    assert any(CHG in row.how for row in gone)


@case("213")
def test_a_log_that_was_rewritten_is_not_believed(books: Bookish) -> None:
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    victim = Victim(books.world, books.config)
    _, said = parse_entry(victim.read(entry_path(3)) or b"")
    said["predicate"]["reason"] = "nothing to see here"
    victim.commit({entry_path(3): json.dumps(said).encode()})
    with pytest.raises(LogError) as error:
        reconciled(books)
    assert error.value.code == "log-damaged"


@case("214")
def test_a_log_whose_newest_entries_are_withheld_is_seen_by_who_remembers_more(
    books: Bookish, world: World
) -> None:
    from itil_gate.gather.remembered import refuse_inconsistent  # noqa: PLC0415

    old = world.repo.tip("audit-log")
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    with audited(books) as (_, reader, _):
        newest = reader.checkpoint
    git(world, "update-ref", "refs/heads/audit-log", old)
    with audited(books) as (_, reader, _), pytest.raises(LogError) as error:
        refuse_inconsistent(reader.checkpoint, [newest], lambda _: None)
    assert error.value.code in ("log-rewound", "log-inconsistent")
    assert founds(books) == ["unauthorised"]


@pytest.mark.heavy
@case("215", "303")
@pytest.mark.parametrize("moved", [False, True], ids=["as-it-was", "target-moved"])
def test_a_squash_of_which_no_commit_is_left_rests_on_the_decision(
    books: Bookish, *, moved: bool
) -> None:
    world = books.world
    lines = [f"line {number}\n" for number in range(40)]
    world.propose({"src/lib.py": "".join([*lines[:-1], "last\n"])})
    world.approve("bob")
    if moved:
        books.land({"src/lib.py": "".join(["first\n", *lines[1:]])}, OTHER, branch="other")
    books.decide()
    before, _ = books.merge(way="squash")
    books.landed(before)
    git(world, "branch", "-D", "feature")
    git(world, "reflog", "expire", "--expire=now", "--all")
    git(world, "gc", "-q", "--prune=now")
    rows, _ = reconciled(books)
    assert {row.found for row in rows} == {"authorised"}
    assert rows[0].who[0].status == "absent"
    assert ("merged again" in rows[0].how) == moved


@pytest.mark.heavy
@case("222")
def test_a_landing_that_many_record_at_once_is_recorded_once(books: Bookish) -> None:
    books.world.propose()
    books.world.approve("bob")
    books.decide()
    before, _ = books.merge(way="squash")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: books.landed(before), range(4)))
    assert books.kinds().count("ref-update") == 1
    assert founds(books) == ["authorised"]


@case("224")
def test_a_head_that_is_gone_is_no_answer(books: Bookish) -> None:
    head = books.world.propose()
    git(books.world, "checkout", "-q", "main")
    git(books.world, "branch", "-D", "feature")
    git(books.world, "reflog", "expire", "--expire=now", "--all")
    git(books.world, "gc", "-q", "--prune=now")
    with pytest.raises(GateError) as error:
        books.world.inputs(head)
    assert error.value.code in ("object-missing", "unknown-revision")


def _twice(text: str) -> str:
    return text.replace('"payload":', '"payload":"e30=","payload":', 1)


@case("206")
@pytest.mark.parametrize(
    "spoil",
    [
        _twice,
        lambda text: text.replace('"payloadType"', '"payloadtype"'),
        lambda text: text + " ",
        lambda text: text + "more",
    ],
    ids=["key-twice", "field-missing", "space-behind", "text-behind"],
)
def test_a_malformed_entry_is_not_read(books: Bookish, spoil: object) -> None:
    victim = Victim(books.world, books.config)
    text = (victim.read(entry_path(0)) or b"").decode()
    victim.append_raw("outcome", spoil(text).encode())  # type: ignore[operator]
    with audited(books) as (_, reader, _), pytest.raises(LogError) as error:
        reader.entry(1)
    assert error.value.code == "entry-malformed"


@case("207")
def test_an_update_with_a_key_that_nobody_knows_stops_the_record(books: Bookish) -> None:
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    victim = Victim(books.world, books.config)
    victim.append([victim.said(3, standing="overridden", blessed=True)])
    with pytest.raises(LogError) as error:
        books.landed(books.world.repo.tip("main"))
    assert error.value.code == "entry-malformed"
    assert founds(books, ref=MAIN) == ["unauthorised"]
    assert "meaning" in victim.bad()


def _claimed(books: Bookish, how: str) -> None:
    """Push past the gate, and add an entry that says it was authorised as the last landing was."""
    books.land({"src/app.py": "print('new')\n"}, CHG, branch="feature")
    victim = Victim(books.world, books.config)
    last = next(
        index
        for index in reversed(range(victim.checkpoint.size))
        if victim.statement(index)["predicateType"] == predicate_type("ref-update")
    )
    before = books.world.repo.tip("main")
    after = books.world.on_main({"src/app.py": "print('quick')\n"}, by="carol")
    claim = victim.said(last, before=before, after=after)
    if how == "stranger":
        victim.append([claim], recorder=STRANGER)
        return
    envelope = compose(encode(claim.statement), payload_type=IN_TOTO, signers=[RECORDER])
    (signed,) = envelope.signatures
    bent = bytes([signed.signature[0] ^ 1]) + signed.signature[1:]
    broken = Envelope(IN_TOTO, envelope.payload, (EnvelopeSignature(signed.keyid, bent),))
    victim.append_raw("ref-update", broken.data)


@case("181", "182")
@pytest.mark.parametrize("how", ["stranger", "bad-signature"])
def test_an_entry_without_a_good_signature_of_a_pinned_key_authorises_nothing(
    books: Bookish, how: str
) -> None:
    _claimed(books, how)
    rows, audit = reconciled(books)
    assert [row.found for row in rows] == ["unauthorised", "authorised"]
    assert rows[0].who[0].person == "carol"
    assert audit.totals.bad == 1
    victim = Victim(books.world, books.config)
    assert "signatures" in victim.bad()
