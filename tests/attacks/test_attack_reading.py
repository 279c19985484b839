"""What somebody without a key can do to the branch of the log, and what its readers then say.

They may push to the branch, which every recorder may; they sign nothing, and need no force.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

import pytest
from support.attacks import Victim, harmless
from support.books import LOG, MAIN, Bookish, git, open_books
from support.hub import Hub, open_hub
from support.log import signer
from support.repository import Keyring, Repo, isolated
from support.shell import run_gate
from support.world import APPROVALS, CHG, CONFIG, OTHER, adopt, copy_world

from itil_gate.gather.remembered import memory_file
from itil_gate.git.discover import discover
from itil_gate.git.packing import write_named
from itil_gate.git.refs import open_store
from itil_gate.git.snapshot import Snapshot
from itil_gate.git.view import open_view
from itil_gate.log.entry import entry_path, event_id, ids_path, revocation_key
from itil_gate.model.errors import HistoryError, LogError
from itil_gate.model.record import RefUpdate
from itil_gate.release.books import catch_up
from itil_gate.release.entries import update_event
from itil_gate.release.expunging import expunge
from itil_gate.release.key_changes import revoke_key
from itil_gate.signing.ed25519 import public_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

REPOSITORY = "example.com/acme/payments"
THIRD = "CHG-2026-AAAA0003"
POLICIES = '"policies/**"'
LAX = APPROVALS.replace("medium, high, critical", "critical").replace(
    "levels: [low]", "levels: [low, medium, high]"
)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    """A repository that has adopted the gate, and nothing else."""
    repo = Repo(tmp_path_factory.mktemp("template") / "repo")
    adopt(repo, keyring)
    return repo.path


@pytest.fixture
def books(tmp_path: Path, template: Path, keyring: Keyring) -> Bookish:
    """A world of its own whose log is open."""
    return open_books(copy_world(template, tmp_path / "repo", keyring))


def tidied(books: Bookish, files: Mapping[str, bytes | None]) -> str:
    """Make an unsigned commit on top of the log that changes files, and return it."""
    world = books.world
    tip = world.repo.tip("audit-log")
    with open_store(discover(world.repo.path)) as store:
        tree, new = Snapshot(store, tip).changed(files)
        write_named(store, new)
    made = ("-c", "user.name=m", "-c", "user.email=m@x", "commit-tree", tree, "-p", tip)
    return world.repo.git(*made, "-m", "tidy")


def tidy(books: Bookish, files: Mapping[str, bytes | None]) -> None:
    """Let the branch go forward to such a commit."""
    books.world.repo.git("update-ref", "refs/heads/audit-log", tidied(books, files))


def newest(books: Bookish, kind: str) -> int:
    """Return the index of the newest entry of a kind."""
    return max(entry.index for entry in books.entries() if entry.kind == kind)


def owing(books: Bookish) -> int:
    """Let a release fail, after which somebody owes a review; return the entry that says so."""
    commit = books.land({"src/app.py": "1\n"}, CHG, branch="first")
    books.release(commit, outcome="failed")
    return newest(books, "obligation")


def unauthorised(books: Bookish) -> None:
    """Let policies come onto main past the gate, have that recorded, and propose something."""
    world = books.world
    before = world.repo.tip("main")
    world.on_main({"policies/approvals.yaml": LAX}, by="erin")
    books.landed(before)
    world.propose({"db/schema.sql": "drop\n"}, change=OTHER)


def test_a_debt_whose_file_is_gone_stops_releases(books: Bookish) -> None:
    index = owing(books)
    tidy(books, {entry_path(index): None})
    with pytest.raises(LogError, match=rf"of entry {index} \(obligation\) is gone") as caught:
        books.known()
    assert caught.value.code == "entry-missing"
    assert "origin audit-log" in caught.value.hint


def test_unauthorised_policies_are_not_forgotten_with_their_entry(books: Bookish) -> None:
    unauthorised(books)
    assert books.world.refusal() == "policies-unauthorised"
    tidy(books, {entry_path(newest(books, "ref-update")): None})
    assert books.world.refusal() == "entry-missing"


@pytest.mark.parametrize("command", [("debt",), ("audit", "reconcile")])
def test_commands_that_count_on_an_entry_miss_its_file(
    books: Bookish, command: tuple[str, ...]
) -> None:
    tidy(books, {entry_path(owing(books)): None})
    ran = run_gate(*command, "--local", cwd=books.world.repo.path, env=isolated())
    assert ran.code == 2, ran.out
    assert "is gone from the log" in ran.err


def test_an_entry_without_its_file_is_still_shown(books: Bookish) -> None:
    index = owing(books)
    tidy(books, {entry_path(index): None})
    ran = run_gate("log", "show", cwd=books.world.repo.path)
    assert ran.code == 0, ran.err
    assert "MISSING: its file is gone, and no entry says why" in ran.out


def test_an_entry_that_was_lawfully_expunged_stops_nobody(books: Bookish) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    books.decide()
    expunge(books.books, newest(books, "approval"), reason="personal data", ordered_by="carol")
    assert world.check().outcome == "allow"
    assert books.known().debts == ()


def test_what_the_gates_ask_about_is_not_expunged(books: Bookish) -> None:
    unauthorised(books)
    index = newest(books, "ref-update")
    before = books.world.repo.tip("main")
    books.world.on_main({"docs/index.md": "x\n"}, by="erin")
    books.landed(before)
    for one in (index, newest(books, "obligation")):
        with pytest.raises(LogError) as caught:
            expunge(books.books, one, reason="personal data", ordered_by="carol")
        assert caught.value.code == "not-expunged"
    assert books.world.refusal() == "policies-unauthorised"


# --- what the server's hook takes ----------------------------------------------------------------


@pytest.fixture
def hub(books: Bookish, tmp_path: Path) -> Hub:
    """A server that has what the world has after a first change landed, with our hooks."""
    books.land({"src/app.py": "1\n"}, CHG, branch="first")
    return open_hub(books.world, tmp_path / "hub.git")


def test_the_hook_takes_what_was_recorded(books: Bookish, hub: Hub) -> None:
    books.release()
    books.land({"src/app.py": "2\n"}, OTHER, branch="second")
    expunge(books.books, newest(books, "approval"), reason="personal data", ordered_by="carol")
    pushed = hub.push("audit-log")
    assert pushed.taken, pushed.said
    assert hub.push("audit-log").taken


def test_the_hook_takes_a_log_where_there_was_none_if_it_is_one(books: Bookish, hub: Hub) -> None:
    hub.server.git("update-ref", "-d", "refs/heads/audit-log")
    books.world.repo.checkout("rubbish", create=True, at="main")
    refused = hub.push("rubbish:audit-log")
    assert not refused.taken
    assert "log-not-opened" in refused.said
    pushed = hub.push("audit-log")
    assert pushed.taken, pushed.said


def test_the_hook_takes_no_commit_that_removes_an_entry(books: Bookish, hub: Hub) -> None:
    commit = tidied(books, {entry_path(newest(books, "ref-update")): None})
    refused = hub.push(f"{commit}:audit-log")
    assert not refused.taken
    assert "log-altered" in refused.said
    assert "none says that it was expunged" in refused.said


def test_the_hook_takes_no_older_tree_on_top(books: Bookish, hub: Hub) -> None:
    world = books.world
    old = world.repo.git("rev-parse", "audit-log~1^{tree}")
    who = ("-c", "user.name=m", "-c", "user.email=m@x")
    commit = world.repo.git(*who, "commit-tree", old, "-p", "audit-log", "-m", "tidy")
    refused = hub.push(f"{commit}:audit-log")
    assert not refused.taken
    assert "log-rewound" in refused.said


@pytest.mark.parametrize(
    "path", [ids_path("0" * 64), "README.md", "tile/0/000.p/1", "timestamps/1.tsr", "more"]
)
def test_the_hook_takes_no_file_that_no_key_of_the_log_brought(
    books: Bookish, hub: Hub, path: str
) -> None:
    commit = tidied(books, {path: b"0\n"})
    refused = hub.push(f"{commit}:audit-log")
    assert not refused.taken
    assert "log-altered" in refused.said


def test_the_hook_takes_no_name_of_an_event_that_is_not_there_even_from_a_key_of_the_log(
    books: Bookish, hub: Hub
) -> None:
    victim = Victim(books.world, books.config)
    victim.append([harmless()], extra=lambda files: files.update({ids_path("0" * 64): b"1\n"}))
    refused = hub.push("audit-log")
    assert not refused.taken
    assert "it names entry 1, which is not its own" in refused.said


def test_the_hook_takes_no_log_that_was_written_anew(books: Bookish, hub: Hub) -> None:
    world = books.world
    old = world.repo.git("rev-parse", "audit-log")
    world.repo.git("update-ref", "refs/heads/audit-log", f"{old}~1")
    victim = Victim(world, books.config)
    victim.forget()
    victim.append([harmless(1), harmless(2)])
    other = world.repo.git("rev-parse", "audit-log^{tree}")
    who = ("-c", "user.name=m", "-c", "user.email=m@x")
    commit = world.repo.git(*who, "commit-tree", other, "-p", old, "-m", "tidy")
    refused = hub.push(f"{commit}:audit-log")
    assert not refused.taken
    assert "log-forked" in refused.said


# --- a log that is not what it was, or not there ------------------------------------------------


def test_a_log_that_is_configured_and_not_here_stops_the_gate(books: Bookish) -> None:
    world = books.world
    unauthorised(books)
    tip = world.repo.tip("audit-log")
    world.repo.git("update-ref", "-d", "refs/heads/audit-log")
    assert world.refusal() == "log-missing"
    ran = run_gate("check", "--base", "main", "--head", "feature", cwd=world.repo.path)
    assert ran.code == 2
    assert "git fetch origin audit-log" in ran.err
    world.repo.git("update-ref", "refs/remotes/origin/audit-log", tip)
    assert world.refusal() == "policies-unauthorised"


def test_a_gate_without_a_log_misses_none(tmp_path: Path, template: Path, keyring: Keyring) -> None:
    world = copy_world(template, tmp_path / "repo", keyring)
    world.propose()
    world.approve("bob")
    assert world.check().outcome == "allow"


def test_a_change_that_adds_the_section_log_asks_for_no_log_yet(
    tmp_path: Path, template: Path, keyring: Keyring
) -> None:
    world = copy_world(template, tmp_path / "repo", keyring)
    world.propose({"itil-gate.yaml": CONFIG + LOG}, scope='"itil-gate.yaml"')
    assert world.check().outcome in ("pending", "deny")


def test_branches_that_are_moved_back_together_are_seen_by_the_clone_that_saw_more(
    books: Bookish,
) -> None:
    world = books.world
    world.propose()
    world.approve("bob")
    approvals = world.repo.tip("itil-gate-approvals")
    books.decide()
    log = world.repo.tip("audit-log")
    world.reject("carol")
    books.decide()
    world.repo.git("update-ref", "refs/heads/itil-gate-approvals", approvals)
    world.repo.git("update-ref", "refs/heads/audit-log", log)
    assert world.refusal() == "log-rewound"
    memory_file(discover(world.repo.path)).unlink()
    assert world.check().outcome == "allow"  # nobody remembers: the threat model says so


def test_no_number_of_later_tags_hides_what_a_release_tag_remembers(books: Bookish) -> None:
    world = books.world
    books.land({"src/app.py": "1\n"}, CHG, branch="first")
    early = world.repo.tip("audit-log")
    books.release()
    with open_view(discover(world.repo.path)) as view:
        note = Snapshot(view, world.repo.tip("audit-log")).read("checkpoint") or b""
    who = ("-c", "user.name=m", "-c", "user.email=m@x")
    git(world, *who, "tag", "-a", "-m", f"1.0\n\n{note.decode()}", "release/1.0", "main")
    tag = world.repo.git("rev-parse", "release/1.0")
    junk = world.repo.raw("cat-file", "tag", tag).replace(note, b"x\n")
    far = re.sub(rb"> \d+ ", b"> 4070908800 ", junk)
    for number in range(60):
        body = far.replace(b"tag release/1.0", b"tag release/z%d" % number)
        made = world.repo.git("mktag", "--no-strict", stdin=body)
        world.repo.git("update-ref", f"refs/tags/release/z{number}", made)
    world.repo.git("update-ref", "refs/heads/audit-log", early)
    memory_file(discover(world.repo.path)).unlink()
    world.propose({"src/app.py": "2\n"}, branch="second", change=OTHER)
    assert world.refusal("second") == "log-rewound"


def test_a_target_that_is_moved_back_does_not_judge_by_the_policies_it_had_then(
    books: Bookish,
) -> None:
    world = books.world
    start = world.repo.tip("main")
    books.land({"src/app.py": "1\n"}, CHG, branch="first")
    before = world.repo.tip("main")
    tight = APPROVALS.replace("levels: [low]", "levels: [low, medium]")
    world.propose({"policies/approvals.yaml": tight}, branch="tight", change=OTHER, scope=POLICIES)
    world.approve("bob", "carol", "dave", head="tight", change=OTHER)
    books.decide("tight")
    books.landed(books.merge("tight")[0])
    assert [one.update.standing for one in books.known().updates] == ["authorised"] * 2
    world.propose({"src/more.py": "2\n"}, branch="second", change=THIRD, at=start)
    assert world.check("second").outcome == "pending"
    for older in (before, start):
        git(world, "update-ref", "refs/heads/main", older)
        assert world.refusal("second") == "target-behind"


def test_a_target_may_be_moved_back_to_before_what_came_there_without_authority(
    books: Bookish,
) -> None:
    world = books.world
    books.land({"src/app.py": "1\n"}, CHG, branch="first")
    before = world.repo.tip("main")
    unauthorised(books)
    git(world, "update-ref", "refs/heads/main", before)
    world.propose({"src/more.py": "2\n"}, branch="second", change=THIRD)
    assert world.check("second").outcome == "pending"


def test_a_clock_that_is_behind_the_log_decides_nothing(books: Bookish) -> None:
    world = books.world
    commit = books.land({"src/app.py": "1\n"}, CHG, branch="first")
    world.propose({"src/more.py": "2\n"}, branch="second", change=OTHER)
    world.later(minutes=-4)
    assert world.check("second").outcome == "pending"
    world.later(days=-30)
    assert world.refusal("second") == "clock-behind"
    with pytest.raises(HistoryError) as caught:
        books.release(commit)
    assert caught.value.code == "clock-behind"


# --- names of events, and keys that were revoked --------------------------------------------------


def obligation_of(before: str, after: str) -> str:
    """Return the id of what is owed for an update without authority, as anybody can tell."""
    parts = (REPOSITORY, "ref-update", MAIN, before, after, "unauthorised", "review", after)
    said = "\0".join(parts).encode()
    return f"OBL-{hashlib.sha256(said).hexdigest()[:16]}"


@pytest.mark.parametrize("named", [0, 1, 9999])
def test_a_debt_to_come_is_not_taken_for_one_that_is_recorded(books: Bookish, named: int) -> None:
    world = books.world
    before = world.repo.tip("main")
    after = world.on_main({"src/app.py": "evil\n"}, by="erin")
    event = event_id(REPOSITORY, "obligation", obligation_of(before, after))
    tidy(books, {ids_path(event): f"{named}\n".encode()})
    for _ in range(2):  # also whoever catches up
        with pytest.raises(LogError, match="is not the obligation that it stands for") as caught:
            books.landed(before)
        assert caught.value.code == "log-damaged"


def test_what_is_owed_is_recorded_once(books: Bookish) -> None:
    before = books.world.repo.tip("main")
    after = books.world.on_main({"src/app.py": "odd\n"}, by="erin")
    books.landed(before)
    catch_up(books.books)
    assert books.kinds().count("obligation") == 1
    with books.books.reading() as reader:
        found = reader.find(REPOSITORY, "obligation", obligation_of(before, after))
    assert found == newest(books, "obligation")


THIEF = signer(78)
THIEFS = "".join(
    f'    - {{use: {use}, key: "{public_line(THIEF.public)}"}}\n'
    for use in ("checkpoint", "recorder")
)


@pytest.fixture
def robbed(tmp_path: Path, template: Path, keyring: Keyring) -> Bookish:
    """A log whose second key of each kind was stolen, and is revoked and still pinned."""
    books = open_books(copy_world(template, tmp_path / "repo", keyring), more=THIEFS)
    revoke_key(books.books, THIEF.fingerprint, since=1, reason="stolen")
    return books


def test_a_revoked_key_is_not_believed_again_without_the_name_of_its_revocation(
    robbed: Bookish,
) -> None:
    world = robbed.world
    before = world.repo.tip("main")
    after = world.on_main({"src/app.py": "evil\n"}, by="erin")
    said = RefUpdate(
        repository=REPOSITORY, ref=MAIN, before=before, after=after, standing="authorised",
        reason="mine", recorded_at=world.now,
    )  # fmt: skip
    name = ids_path(event_id(REPOSITORY, "key-revocation", revocation_key(THIEF.fingerprint)))
    tidy(robbed, {name: None})
    victim = Victim(world, robbed.config)
    victim.append([update_event(said)], recorder=THIEF, checkpoint=THIEF)
    world.propose(change=OTHER)
    assert world.refusal() == "checkpoint-unsigned"
    with pytest.raises(LogError) as caught:
        robbed.known()
    assert caught.value.code == "checkpoint-unsigned"


def test_what_was_looked_through_for_revocations_is_not_looked_through_again(
    robbed: Bookish,
) -> None:
    repository = discover(robbed.world.repo.path)
    robbed.known()
    kept = json.loads(memory_file(repository).with_name("revocations.json").read_bytes())
    assert kept["revocations"] == [1]
    robbed.land({"src/app.py": "1\n"}, CHG, branch="first")
    with robbed.books.reading() as reader:
        assert [pin.revoked for pin in reader.pins] == [None, None, 1, 1]
        assert reader.scanned is not None
        assert reader.scanned.revocations == (1,)
    memory_file(repository).with_name("revocations.json").write_text("{")
    assert robbed.known().updates


def test_a_log_with_one_key_of_each_kind_is_not_looked_through(books: Bookish) -> None:
    with books.books.reading() as reader:
        assert reader.scanned is None
