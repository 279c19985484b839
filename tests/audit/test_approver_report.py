"""The report on approvers, from real statements, reviews and entries of a log."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.approvers import one_of, reported
from support.attacks import Victim
from support.books import MAIN, Bookish, git, open_books
from support.log import STRANGER
from support.pulls import forge_section
from support.repository import Repo, make_person
from support.reviewing import forge_world, gathered, pulled, review
from support.world import CHG, CONFIG, NOW, OTHER, World, adopt, people_file

from itil_gate.audit.approver_log import AFTERWARDS, remember
from itil_gate.audit.approver_report import masked
from itil_gate.audit.change_sizes import lines_between
from itil_gate.decide.gate import decide
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.log.entry import entry_path
from itil_gate.model.errors import LogError
from itil_gate.release.bookkeeping import record_decision
from itil_gate.release.expunging import expunge
from itil_gate.release.signing_desk import Filed, sign_statement
from itil_gate.signing.statement import approval_statement, read_statement

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Keyring

    from itil_gate.model.facts import Review


def test_who_said_what_and_since_when_they_could_see_it(books: Bookish) -> None:
    world = books.world
    world.propose()
    books.decide()
    world.later(minutes=2)
    world.approve("bob")
    world.later(minutes=1)
    world.reject("carol")
    books.decide()
    found = reported(world)
    bob, carol = one_of(found, "bob"), one_of(found, "carol")
    assert (bob.approvals, bob.counted, bob.rejections, bob.changes) == (1, 1, 0, 1)
    assert (bob.latency.measured, bob.latency.at_least) == (1, 1)
    assert (bob.latency.fastest_seconds, bob.latency.within) == (120, 1)
    assert (bob.name, bob.kind) == ("Bob Baker", "human")
    assert bob.leads[0].changes == (CHG,)
    assert (carol.approvals, carol.rejections, carol.remarks) == (0, 1, 1)
    assert [one.requester for one in bob.for_whom] == ["alice"]
    assert found.log == 5


def test_without_a_log_dates_are_hints_and_nothing_counted(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    git(world, "branch", "-D", "audit-log")
    found = reported(world)
    bob = one_of(found, "bob")
    assert (found.log, bob.approvals, bob.counted) == (None, 1, 0)
    assert (bob.latency.measured, bob.hinted.measured) == (0, 1)


def test_lines_are_those_of_what_was_decided_upon(books: Bookish) -> None:
    world = books.world
    world.propose({"src/app.py": "x\n" * 200, "src/lib.py": b"\0binary"})
    books.decide()
    world.later(minutes=1)
    world.approve("bob")
    books.decide()
    bob = one_of(reported(world), "bob")
    assert (bob.sized, bob.too_fast) == (1, 1)
    told = world.repo.git("diff", "--numstat", "main...feature")
    lines = sum(int(n) for row in told.splitlines() for n in row.split("\t")[:2] if n != "-")
    assert bob.leads[0].lines == lines > 200


def test_names_of_files_are_not_taken_for_trees(books: Bookish) -> None:
    repo = books.world.repo
    repo.checkout("main")
    odd = f"src/{'a' * 40} {'b' * 40}\n1\t1\tx"
    repo.commit("odd", files={odd: "1\n2\n"})
    old, new = repo.tree("HEAD^"), repo.tree("HEAD")
    with open_view(discover(repo.path)) as view:
        assert lines_between(view, [(old, new), (new, new), (new, old)]) == {
            (old, new): 2,
            (new, new): 0,
            (new, old): 2,
        }


def test_a_change_whose_trees_are_gone_has_no_size(books: Bookish, tmp_path: Path) -> None:
    world = books.world
    world.propose()
    books.decide()
    world.later(minutes=1)
    world.approve("bob")
    books.decide()
    thin = world.repo.clone(tmp_path / "thin", "--no-local", "--single-branch", "--branch=main")
    thin.git("fetch", "-q", "origin", "audit-log:audit-log")
    thin.git("fetch", "-q", "origin", "itil-gate-approvals:itil-gate-approvals")
    bob = one_of(reported(World(thin, world.keyring)), "bob")
    assert (bob.latency.measured, bob.leads[0].lines) == (1, None)


def test_what_is_only_in_the_log_is_not_forgotten(books: Bookish) -> None:
    world = books.world
    world.propose()
    books.decide()
    world.later(minutes=3)
    world.approve("bob")
    books.decide()
    git(world, "branch", "-D", "itil-gate-approvals")
    found = reported(world)
    assert found.only_in_log == 1
    assert one_of(found, "bob").latency.fastest_seconds == 180


def test_a_statement_that_was_spoilt_on_the_branch_is_read_from_the_log(books: Bookish) -> None:
    world = books.world
    world.propose()
    filed = world.state("approve", "bob")
    world.file(filed)
    books.decide()
    git(world, "branch", "-D", "itil-gate-approvals")
    world.file(Filed(filed.path, b"{}\n"))
    found = reported(world)
    assert (found.unreadable, found.only_in_log) == ({"malformed": 1}, 1)
    assert one_of(found, "bob").approvals == 1


def test_what_the_log_decided_after_a_landing_is_as_late_as_its_record(books: Bookish) -> None:
    """Such a decision may bear the time of the landing's commit, which anybody can set."""
    world = books.world
    world.later(minutes=30)
    world.propose()
    world.approve("bob")
    before, _ = books.merge()
    world.later(hours=3)
    (tile,) = books.landed(before)
    assert tile.update.reason.endswith(AFTERWARDS)
    victim = Victim(world, books.config)
    kinds = books.kinds()
    decided, landed = kinds.index("gate-decision"), kinds.index("ref-update")
    said = victim.statement(decided)["predicate"]["itilGate"]
    early = {"now": "2020-01-01T00:00:00Z", "content": "f" * 64}
    copied = said | {"decision": said["decision"] | early}
    other = victim.said(landed, decision=len(kinds), after="e" * 40)
    victim.append([victim.said(decided, itilGate=copied), other])
    assert tile.decision is not None
    with books.books.reading() as reader:
        memory = remember(reader, repository=books.config.repository)
    for digest in (tile.decision.content, "f" * 64):
        content = memory.content(digest)
        assert content is not None
        assert content.recorded == int(world.now.timestamp())
    bob = one_of(reported(world), "bob")
    assert (bob.latency.measured, bob.hinted.measured, bob.counted) == (0, 1, 1)


def test_entries_of_strangers_and_of_other_repositories_say_nothing(books: Bookish) -> None:
    world = books.world
    world.propose()
    books.decide()
    victim = Victim(world, books.config)
    said = victim.statement(1)["predicate"]["itilGate"]
    early = said["decision"] | {"now": "2020-01-01T00:00:00Z"}
    victim.append([victim.said(1, itilGate=said | {"decision": early})], recorder=STRANGER)
    elsewhere = early | {"repository": "example.com/acme/other"}
    victim.append([victim.said(1, itilGate=said | {"decision": elsewhere})])
    world.later(minutes=2)
    world.approve("bob")
    found = reported(world)
    assert found.not_believed == 1
    assert one_of(found, "bob").latency.fastest_seconds == 120


def test_what_was_expunged_is_counted_and_what_is_gone_stops_it(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    books.decide()
    (copy,) = [entry.index for entry in books.entries() if entry.kind == "approval"]
    expunge(books.books, copy, reason="a name in it", ordered_by="carol")
    found = reported(world)
    assert (found.expunged, one_of(found, "bob").counted) == (1, 1)
    Victim(world, books.config).commit({entry_path(1): None})
    with pytest.raises(LogError, match="gone"):
        reported(world)


def test_an_entry_that_another_version_wrote_is_no_reason_to_stop(books: Bookish) -> None:
    world = books.world
    world.propose()
    books.decide()
    victim = Victim(world, books.config)
    said = victim.statement(1)["predicate"]["itilGate"]
    odd = said["decision"] | {"now": 7, "changes": [None, {"ledger": 5}, {"ledger": ["x"]}]}
    victim.append([victim.said(1, itilGate={"decision": odd, "facts": []})])
    assert reported(world).approvers == ()


def given_reviews(path: Path, keyring: Keyring, *reviews: Review, **pull: object) -> World:
    """Return a world whose log holds a decision that heard these reviews."""
    world = forge_world(path, keyring)
    books = open_books(world, config=CONFIG + forge_section())
    world.repo.checkout("main")
    world.propose()
    hear(books, *reviews, **pull)
    return world


def hear(books: Bookish, *reviews: Review, **pull: object) -> None:
    world = books.world
    head = world.repo.tip("feature")
    heard = [one.model_copy(update={"commit": one.commit and head}) for one in reviews]
    sealed = gathered(world, pulled(world, *heard, **pull))
    with open_view(discover(world.repo.path)) as view:
        record_decision(books.books, view, decide(sealed), sealed)


def test_reviews_count_by_the_time_of_the_forge(tmp_path: Path, keyring: Keyring) -> None:
    at = NOW - timedelta(minutes=10)
    world = given_reviews(
        tmp_path / "repo",
        keyring,
        review("erin", of="x", at=at),
        review("dave", of="x", at=at, sequence=2, state="commented", id="2"),
        review("carol", of="x", at=at, sequence=3, state="changes-requested", id="3"),
        review(77, of="x", at=at, sequence=4, id="4", login="\x1b[31m<b>"),
    )
    found = reported(world)
    erin = one_of(found, "erin")
    assert (erin.approvals, erin.reviews, erin.changes) == (1, 1, 1)
    assert (erin.latency.fastest_seconds, erin.latency.at_least) == (20 * 60, 0)
    assert [one.requester for one in erin.for_whom] == ["alice"]
    assert one_of(found, "dave").remarks == 1
    assert one_of(found, "carol").rejections == 1
    nobody = one_of(found, "account 77 of github.com")
    assert (nobody.kind, nobody.never_counted) == (None, {"unknown-account": 1})
    assert one_of(reported(world, levels=("low",)), "erin").approvals == 1
    assert reported(world, levels=("high",)).not_at_level == 4


@pytest.mark.parametrize("state", ["approved", "unknown"])
def test_a_review_that_was_dismissed_later_is_one_review(
    tmp_path: Path, keyring: Keyring, state: str
) -> None:
    at = NOW - timedelta(minutes=10)
    world = given_reviews(tmp_path / "repo", keyring, review("erin", of="x", at=at))
    books = Bookish(world)
    world.later(minutes=5)
    hear(books, review("erin", of="x", at=at, state=state, dismissed=True), head_since=NOW)
    erin = one_of(reported(world), "erin")
    assert (erin.approvals, erin.counted, erin.never_counted) == (1, 1, {})


def test_a_review_and_a_signature_are_of_one_person(tmp_path: Path, keyring: Keyring) -> None:
    at = NOW - timedelta(minutes=10)
    world = given_reviews(tmp_path / "repo", keyring, review("erin", of="x", at=at))
    world.approve("erin")
    erin = one_of(reported(world), "erin")
    assert (erin.approvals, erin.reviews, erin.changes) == (2, 1, 1)
    assert erin.latency.measured == 2


def test_a_copy_of_the_branch_with_another_signature_counts_once(
    keyring: Keyring, tmp_path: Path
) -> None:
    second = make_person(tmp_path, "bob", kind="ecdsa")
    keys = f"keys: ['{keyring.bob.public}'"
    repo = Repo(tmp_path / "repo")
    adopt(repo, keyring, people=people_file(keyring).replace(keys, f"{keys}, '{second.public}'"))
    world = World(repo, keyring)
    world.propose()
    filed = world.state("approve", "bob")
    world.file(filed)
    said = read_statement(filed.path, filed.data).approval
    assert said is not None
    git(world, "update-ref", "refs/remotes/origin/itil-gate-approvals", "itil-gate-approvals")
    git(world, "branch", "-D", "itil-gate-approvals")
    world.file(sign_statement(approval_statement(said), key=str(second.key), interactive=False))
    bob = one_of(reported(world), "bob")
    assert (bob.approvals, len(bob.keys)) == (1, 1)


def test_numbers_stand_for_names_everywhere(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    world.file(Filed(f"{CHG}/bob.stmt", b"x"))
    world.propose({"src/b.py": "1\n"}, branch="second", by="bob", change=OTHER)
    world.approve("alice", head="second", change=OTHER)
    plain = reported(world)
    assert [(pair.one, pair.other) for pair in plain.pairs] == [("alice", "bob")]
    shown = repr(masked(plain))
    for told in ("alice", "bob", "Alice", "SHA256:", "CHG-"):
        assert told in repr(plain)
        assert told not in shown
    (pair,) = masked(plain).pairs
    assert {pair.one, pair.other} == {one.who for one in masked(plain).approvers}
    assert masked(plain).unreadable == {"malformed": 1}


def test_what_counted_stays_counted_when_a_key_passes_on(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    books.decide()
    keyring = world.keyring
    swapped = (
        people_file(keyring)
        .replace(keyring.bob.public, "<>")
        .replace(keyring.erin.public, keyring.bob.public)
    )
    world.on_main({"people.yaml": swapped.replace("<>", keyring.erin.public)})
    erin = one_of(reported(world), "erin")
    assert (erin.approvals, erin.counted, erin.never_counted) == (1, 1, {})


def test_people_are_those_of_the_branch_that_is_asked_about(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("erin")
    world.on_main(
        {"people.yaml": people_file(world.keyring, only=["alice", "bob", "carol", "dave"])}
    )
    found = reported(world)
    (who,) = [one.who for one in found.approvers]
    assert who == f"key {world.keyring.erin.fingerprint}"
    assert found.target == MAIN
