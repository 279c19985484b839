"""The audit log's branch on real repositories and remotes: nothing lost, nothing else touched."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from support.audit_branch import (
    NOW,
    file_at,
    make_hub,
    numbers_in,
    open_log,
    put,
    start_writer,
)
from support.log import CHECKPOINT
from support.repository import Repo
from support.weighing import weighed

from itil_gate.git.audit_log import Addition, append, open_branch
from itil_gate.git.discover import discover
from itil_gate.git.exclusive import remove_stale_lock
from itil_gate.model.errors import GateError, HistoryError, LogError
from itil_gate.model.record import AUDIT_BRANCH

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.git.snapshot import Snapshot

WHO = ("itil-gate", "itil-gate")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The configuration of whoever runs the tests has no say in them."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def hub(tmp_path: Path) -> Repo:
    """A bare repository with a branch main, which serves filters and objects by id."""
    return make_hub(tmp_path / "hub.git")


def _add(repo: Repo, files: dict[str, bytes | None], *, remote: str | None = None) -> str:
    def plan(_: Snapshot) -> Addition:
        return Addition(files, "Append something\n\nLog-Size: 1")

    landed = append(
        discover(repo.path), plan, remote=remote, signer=CHECKPOINT, identity=WHO, when=NOW
    )
    return landed.tip


def _refs(repo: Repo) -> str:
    return repo.git("for-each-ref", "--format=%(refname) %(objectname)")


def _state(repo: Repo) -> tuple[str, str, str, bytes, bool]:
    """Return all of a clone that an append must not touch."""
    index = repo.git_dir / "index"
    return (
        _refs(repo),
        (repo.git_dir / "HEAD").read_text(),
        (repo.git_dir / "config").read_text(),
        index.read_bytes() if index.exists() else b"",
        (repo.git_dir / "shallow").exists(),
    )


@pytest.mark.parametrize("kind", ["plain", "packed", "bare", "sha256", "linked"])
def test_every_kind_of_repository_takes_a_signed_commit(
    repo: Repo, tmp_path: Path, kind: str
) -> None:
    repo.commit(files={"code": "x"})
    where = repo
    if kind == "bare":
        where = Repo(tmp_path / "bare.git", bare=True)
    elif kind == "sha256":
        where = Repo(tmp_path / "long", object_format="sha256")
    elif kind == "linked":
        repo.git("worktree", "add", "--quiet", tmp_path / "linked")
        where = Repo(tmp_path / "linked")
    open_log(where)
    put(where, 1)
    if kind == "packed":
        where.git("pack-refs", "--all", "--prune")
        where.git("repack", "-adq")
    put(where, 2, 3)
    assert numbers_in(where) == [1, 2, 3]


def test_the_commit_says_how_the_log_stands(repo: Repo) -> None:
    open_log(repo)
    made = put(repo, 7)
    message = repo.git("log", "-1", "--format=%B", AUDIT_BRANCH)
    root = file_at(repo, "checkpoint").decode().splitlines()[2]
    assert message.rstrip() == f"Append outcome 1\n\nLog-Size: 2\nLog-Root: {root}"
    assert repo.git("log", "-1", "--format=%an %ae %ct", AUDIT_BRANCH).startswith("itil-gate ")
    assert repo.tip(AUDIT_BRANCH) == made.tip


def test_nothing_but_the_branch_is_touched(repo: Repo) -> None:
    repo.commit(files={"code": "x"})
    repo.write("code", "half done")
    before = _state(repo)
    tip = _add(repo, {"a/b": b"1"})
    after = _state(repo)
    assert after[0] == f"{AUDIT_BRANCH} {tip}\n{before[0]}"
    assert after[1:] == before[1:]
    assert (repo.path / "code").read_text() == "half done"


def test_files_are_set_and_removed_with_all_below(repo: Repo) -> None:
    _add(repo, {"tile/0/000.p/1": b"1", "tile/0/000.p/2": b"2", "README.md": b"r"})
    _add(repo, {"tile/0/000.p": None, "tile/0/000": b"full", "README.md": None})
    assert repo.git("ls-tree", "-r", "--name-only", AUDIT_BRANCH) == "tile/0/000"
    assert file_at(repo, "tile/0/000") == b"full"


@pytest.mark.parametrize("path", ["a//b", "../b", "a/.git/b", "", "a/./b", ".GIT/config"])
def test_paths_that_git_would_not_check_out_are_refused(repo: Repo, path: str) -> None:
    with pytest.raises(GateError, match="not a path"):
        _add(repo, {path: b"x"})
    assert not _refs(repo)


@pytest.mark.parametrize("paths", [("a", "a/b"), ("a/b", "a")])
def test_a_file_is_not_put_in_a_folders_place(repo: Repo, paths: tuple[str, str]) -> None:
    tip = _add(repo, {paths[0]: b"x"})
    with pytest.raises(GateError, match="a file in one place and a folder in the other"):
        _add(repo, {paths[1]: b"x"})
    assert repo.tip(AUDIT_BRANCH) == tip


def test_a_plan_without_files_makes_no_commit(repo: Repo) -> None:
    tip = _add(repo, {"a": b"x"})
    assert _add(repo, {}) == tip
    assert repo.git("rev-list", "--count", AUDIT_BRANCH) == "1"


def test_many_files_become_one_pack_and_few_none(repo: Repo) -> None:
    packs = repo.git_dir / "objects" / "pack"
    _add(repo, {f"few/{number}": b"%d" % number for number in range(20)})
    assert not list(packs.glob("*.pack")) if packs.exists() else True
    _add(repo, {f"many/{number}": b"%d" % number for number in range(500)})
    assert len(list(packs.glob("*.pack"))) == 1
    repo.git("fsck", "--strict", "--no-dangling")


def test_files_are_read_at_the_tip_and_what_is_not_there_is_none(repo: Repo) -> None:
    _add(repo, {"a/b": b"1", "c": b"2"})
    with open_branch(discover(repo.path), remote=None) as at:
        assert at.commit == repo.tip(AUDIT_BRANCH)
        wanted = ["a/b", "c", "a/x", "c/d", "z", "a/b/c/d"]
        assert at.read_many(wanted) == dict.fromkeys(wanted) | {"a/b": b"1", "c": b"2"}
        assert at.names("") == ("a", "c")
        assert at.names("a") == ("b",)
        assert at.names("c") == at.names("nowhere") == ()
        with pytest.raises(HistoryError, match="not a regular file"):
            at.read("a")


def test_a_branch_that_is_not_there_reads_as_empty(repo: Repo, hub: Repo, tmp_path: Path) -> None:
    clone = hub.clone(tmp_path / "clone")
    for where, remote in ((repo, None), (clone, "origin")):
        with open_branch(discover(where.path), remote=remote) as at:
            assert at.commit is None
            assert at.read_many(["checkpoint", "a/b"]) == {"checkpoint": None, "a/b": None}


def test_a_link_on_the_branch_is_no_file(repo: Repo) -> None:
    blob = repo.raw_object("blob", b"elsewhere")
    tree = repo.git("mktree", stdin=f"120000 blob {blob}\tcheckpoint\n".encode())
    repo.git("update-ref", AUDIT_BRANCH, repo.commit_tree(tree))
    with (
        open_branch(discover(repo.path), remote=None) as at,
        pytest.raises(HistoryError, match="not a regular file"),
    ):
        at.read("checkpoint")


# --- remotes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    weighed(
        [(), ("--depth=1",), ("--depth=1", "--filter=blob:none", "--no-checkout")], ("--depth=1",)
    ),
)
def test_a_remote_log_grows_and_the_clone_stays_as_it_is(
    hub: Repo, tmp_path: Path, options: tuple[str, ...]
) -> None:
    clone = hub.clone(tmp_path / "clone", *options)
    before = _state(clone)
    count = clone.git("count-objects", "-v")
    open_log(clone, remote="origin")
    for number in range(5):
        put(clone, number, remote="origin")
    put(clone, *range(5, 300), remote="origin")
    assert numbers_in(hub) == list(range(300))
    assert _state(clone) == before
    assert clone.git("count-objects", "-v") == count
    again = hub.clone(tmp_path / "again", *options)
    made = put(again, 301, remote="origin")
    assert numbers_in(hub)[-1] == 301
    assert made.fetched < 60_000
    assert 0 < made.sent < 60_000


@pytest.mark.parametrize(
    ("server", "settings"),
    [
        ({"filters": False}, {}),
        ({"any_object": False}, {"protocol.version": "0"}),
        ({"filters": False, "any_object": False}, {"protocol.version": "0"}),
    ],
)
def test_servers_that_can_do_less_serve_too(
    tmp_path: Path, server: dict[str, bool], settings: dict[str, str]
) -> None:
    hub = make_hub(tmp_path / "hub.git", **server)
    for name in ("one", "two"):
        clone = hub.clone(tmp_path / name)
        for key, value in settings.items():
            clone.git("config", key, value)
    one, two = Repo(tmp_path / "one"), Repo(tmp_path / "two")
    open_log(one, remote="origin")
    put(one, *range(40), remote="origin")
    put(two, 40, remote="origin")
    put(one, 41, remote="origin")
    assert numbers_in(hub) == list(range(42))


def test_a_server_that_allows_only_some_filters_serves_too(tmp_path: Path) -> None:
    hub = make_hub(tmp_path / "hub.git")
    open_log(hub.clone(tmp_path / "one"), remote="origin")
    for number, allowed in enumerate([("tree", "0"), ("blob:none", None)]):
        hub.git("config", "uploadpackfilter.allow", "false")
        hub.git("config", f"uploadpackfilter.{allowed[0]}.allow", "true")
        if allowed[1]:
            hub.git("config", f"uploadpackfilter.{allowed[0]}.maxDepth", allowed[1])
        else:
            hub.git("config", "uploadpackfilter.tree.allow", "false")
        clone = hub.clone(tmp_path / f"clone{number}")
        put(clone, number, remote="origin")
    assert numbers_in(hub) == [0, 1]


@pytest.mark.heavy
def test_only_a_part_of_a_long_log_is_fetched(hub: Repo, tmp_path: Path) -> None:
    first = hub.clone(tmp_path / "first")
    open_log(first, remote="origin")
    put(first, *range(2000), remote="origin")
    whole = int(re.findall(r"size-pack: (\d+)|size: (\d+)", hub.git("count-objects", "-v"))[0][1])
    fresh = hub.clone(tmp_path / "fresh", "--depth=1")
    made = put(fresh, 5000, remote="origin")
    assert made.fetched < 100_000
    assert made.sent < 30_000
    packed = int(re.findall(r"size-pack: (\d+)", hub.git("count-objects", "-v"))[0])
    assert made.fetched < (whole + packed) * 1024 / 5


def test_copies_of_the_user_follow_only_where_there_are_some(hub: Repo, tmp_path: Path) -> None:
    one, two = hub.clone(tmp_path / "one"), hub.clone(tmp_path / "two")
    open_log(one, remote="origin")
    assert AUDIT_BRANCH not in _refs(one)
    two.git("fetch", "--quiet", "origin", "audit-log")
    two.git("branch", "--quiet", "audit-log", "origin/audit-log")
    made = put(two, 1, remote="origin")
    assert two.tip("refs/heads/audit-log") == made.tip == two.tip("refs/remotes/origin/audit-log")
    numbers_in(two)
    two.git("update-ref", AUDIT_BRANCH, "main")
    later = put(two, 2, remote="origin")
    assert two.tip(AUDIT_BRANCH) == two.tip("main")
    assert two.tip("refs/remotes/origin/audit-log") == later.tip


def test_a_second_log_is_not_begun_beside_one_that_is_here(hub: Repo, tmp_path: Path) -> None:
    clone = hub.clone(tmp_path / "clone")
    open_log(clone)
    with pytest.raises(LogError, match="there is one here") as caught:
        put(clone, 1, remote="origin")
    assert caught.value.code == "log-not-there"
    clone.git("push", "--quiet", "origin", "audit-log")
    put(clone, 1, remote="origin")
    assert numbers_in(hub) == [1]


def test_a_remote_may_be_named_by_its_path(hub: Repo, repo: Repo) -> None:
    open_log(repo, remote=str(hub.path))
    put(repo, 1, remote=f"file://{hub.path}")
    assert numbers_in(hub) == [1]


@pytest.mark.parametrize("name", ["", "-x", "ext::sh -c true", "a\nb"])
def test_what_is_no_remote_is_refused(repo: Repo, name: str) -> None:
    with pytest.raises(GateError, match="not a remote"):
        open_log(repo, remote=name)


def test_a_remote_that_is_not_there_is_an_error_that_says_so(repo: Repo, tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="could not be fetched") as caught:
        open_log(repo, remote=str(tmp_path / "nowhere"))
    assert caught.value.code == "fetch-failed"


def test_a_damaged_store_is_begun_anew(hub: Repo, tmp_path: Path) -> None:
    clone = hub.clone(tmp_path / "clone")
    open_log(clone, remote="origin")
    put(clone, 1, remote="origin")
    other = hub.clone(tmp_path / "other")
    put(other, 2, remote="origin")
    store = clone.git_dir / "itil-gate" / "log.git"
    for file in store.rglob("objects/*/*"):
        file.chmod(0o600)
        file.write_bytes(b"rubbish")
    put(clone, 3, remote="origin")
    assert numbers_in(hub) == [1, 2, 3]


def test_where_nothing_may_be_written_below_the_git_directory_it_works_too(
    hub: Repo, tmp_path: Path
) -> None:
    clone = hub.clone(tmp_path / "clone")
    (clone.git_dir / "itil-gate").write_text("a file in the way")
    open_log(clone, remote="origin")
    put(clone, 1, remote="origin")
    assert numbers_in(hub) == [1]


def test_forgotten_locks_of_the_store_are_cleared(hub: Repo, tmp_path: Path) -> None:
    clone = hub.clone(tmp_path / "clone")
    open_log(clone, remote="origin")
    store = clone.git_dir / "itil-gate" / "log.git"
    for name in ("shallow.lock", "config.lock", "packed-refs.lock", "refs/itil-gate/tip.lock"):
        (store / name).write_text("")
    put(clone, 1, remote="origin")
    assert not list(store.rglob("*.lock"))


def test_a_store_that_has_grown_is_begun_anew(
    hub: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("itil_gate.git.log_store.MOST_PACKS", 5)
    clone = hub.clone(tmp_path / "clone")
    other = hub.clone(tmp_path / "other")
    open_log(clone, remote="origin")
    for number in range(6):
        put(other if number % 2 else clone, number, remote="origin")
    packs = clone.git_dir / "itil-gate" / "log.git" / "objects" / "pack"
    assert len(list(packs.glob("*.pack"))) <= 12
    assert numbers_in(hub) == list(range(6))


def test_a_push_that_a_hook_declines_is_an_error_and_leaves_the_log(
    hub: Repo, tmp_path: Path
) -> None:
    clone = hub.clone(tmp_path / "clone")
    open_log(clone, remote="origin")
    hook = hub.git_dir / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho this branch is protected >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(GateError) as caught:
        put(clone, 1, remote="origin")
    assert caught.value.code == "push-refused"
    assert "declined" in caught.value.message
    hook.unlink()
    assert put(clone, 1, remote="origin").indices == (1,)
    assert numbers_in(hub) == [1]


def test_a_push_that_does_not_stay_is_noticed(hub: Repo, tmp_path: Path) -> None:
    clone = hub.clone(tmp_path / "clone")
    tip = open_log(clone, remote="origin").tip
    hook = hub.git_dir / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ngit update-ref {AUDIT_BRANCH} {tip}\n")
    hook.chmod(0o755)
    with pytest.raises(HistoryError, match="took the push") as caught:
        put(clone, 1, remote="origin")
    assert caught.value.code == "push-lost"


# --- races -------------------------------------------------------------------------------------


@pytest.mark.parametrize("remote", [None, "origin"])
def test_who_loses_a_race_plans_anew(hub: Repo, tmp_path: Path, remote: str | None) -> None:
    clone, other = hub.clone(tmp_path / "clone"), hub.clone(tmp_path / "other")
    _add(clone, {"n": b"0"}, remote=remote)
    seen: list[bytes | None] = []

    def plan(at: Snapshot) -> Addition:
        seen.append(at.read("n"))
        if len(seen) <= 2 and remote:
            _add(other, {"n": b"%d" % len(seen)}, remote=remote)
        elif len(seen) <= 2:
            new = clone.commit_tree(f"{at.commit}^{{tree}}", str(at.commit))
            clone.git("update-ref", AUDIT_BRANCH, new)
        return Addition({"mine": b"1"}, "Append mine")

    landed = append(
        discover(clone.path), plan, remote=remote, signer=CHECKPOINT, identity=WHO, when=NOW
    )
    assert landed.tries == 3
    assert landed.commit == landed.tip == (hub if remote else clone).tip(AUDIT_BRANCH)
    assert seen == ([b"0", b"1", b"2"] if remote else [b"0"] * 3)


def test_our_commit_counts_where_somebody_went_on_from_it(hub: Repo, tmp_path: Path) -> None:
    clone = hub.clone(tmp_path / "clone")
    open_log(clone, remote="origin")
    hook = hub.git_dir / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        "#!/bin/sh\nread old new ref\n"
        "export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x\n"
        "git update-ref $ref $(git commit-tree -p $new -m later $new^{tree})\n"
    )
    hook.chmod(0o755)
    made = put(clone, 1, remote="origin")
    assert made.tip == hub.tip(AUDIT_BRANCH)
    assert hub.git("log", "-1", "--format=%s", AUDIT_BRANCH) == "later"


def test_after_ten_lost_races_it_gives_up(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("itil_gate.git.audit_log.LONGEST_PAUSE", 0.01)
    _add(repo, {"n": b"0"})
    asked = 0

    def plan(at: Snapshot) -> Addition:
        nonlocal asked
        asked += 1
        new = repo.commit_tree(f"{at.commit}^{{tree}}", str(at.commit))
        repo.git("update-ref", AUDIT_BRANCH, new)
        return Addition({"mine": b"1"}, "Append mine")

    with pytest.raises(GateError) as caught:
        append(discover(repo.path), plan, remote=None, signer=CHECKPOINT, identity=WHO, when=NOW)
    assert caught.value.code == "branch-busy"
    assert asked == 10


@pytest.mark.parametrize("remote", weighed([None, "origin"], None))
def test_several_writers_lose_and_double_nothing(
    hub: Repo, tmp_path: Path, remote: str | None
) -> None:
    clones = [hub.clone(tmp_path / f"clone{number}") for number in range(3)]
    if remote is None:
        clones = clones[:1] * 3
    open_log(clones[0], remote=remote)
    # The last writer records what the first one records too.
    starts = (0, 4, 0)
    writers = [start_writer(clone, remote, at, 4) for clone, at in zip(clones, starts, strict=True)]
    for writer in writers:
        _, err = writer.communicate(timeout=120)
        assert writer.returncode == 0, err
    assert sorted(numbers_in(clones[0] if remote is None else hub)) == list(range(8))


@pytest.mark.heavy
@pytest.mark.parametrize("remote", [None, "origin"])
def test_sixteen_writers_lose_and_double_nothing(
    hub: Repo, tmp_path: Path, remote: str | None
) -> None:
    clones = [hub.clone(tmp_path / f"clone{number}", "--depth=1") for number in range(16)]
    open_log(clones[0], remote=remote)
    writers = [
        start_writer(clone if remote else clones[0], remote, 4 * number, 4)
        for number, clone in enumerate(clones)
    ]
    tries = []
    for writer in writers:
        said, err = writer.communicate(timeout=600)
        assert writer.returncode == 0, err
        tries += [int(line.split()[2]) for line in said.splitlines()]
    assert sorted(numbers_in(hub if remote else clones[0])) == list(range(64))
    assert len(tries) == 64
    assert sum(tries) / len(tries) <= 5, tries


# --- locks and kills ---------------------------------------------------------------------------


def test_a_forgotten_lock_is_removed_and_a_fresh_one_is_not(repo: Repo) -> None:
    _add(repo, {"a": b"1"})
    lock = repo.git_dir / f"{AUDIT_BRANCH}.lock"
    lock.write_text("")
    past = time.time() - 3600
    os.utime(lock, (past, past))
    _add(repo, {"b": b"1"})
    assert not lock.exists()
    with lock.open("w") as held:
        os.utime(lock, (past, past))
        probe = subprocess.Popen(["sleep", "60"], stdin=held)
    try:
        # Somebody still has it open, however old it is.
        assert not remove_stale_lock(lock, guard=repo.git_dir / "guard")
    finally:
        probe.kill()
        probe.wait()
    assert remove_stale_lock(lock, guard=repo.git_dir / "guard")
    lock.write_text("")
    assert not remove_stale_lock(lock, guard=repo.git_dir / "guard")
    assert lock.exists()


def test_a_lock_that_the_server_forgot_is_told_of_and_stays(
    hub: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("itil_gate.git.audit_log.LONGEST_PAUSE", 0.0)
    clone = hub.clone(tmp_path / "clone")
    open_log(clone, remote="origin")
    put(clone, 1, remote="origin")
    lock = hub.git_dir / f"{AUDIT_BRANCH}.lock"
    lock.write_text("")
    past = time.time() - 3600
    os.utime(lock, (past, past))
    with pytest.raises(GateError) as caught:
        put(clone, 2, remote="origin")
    assert caught.value.code == "branch-busy"
    assert "on origin" in str(caught.value)
    assert "or is locked" in str(caught.value)
    assert lock.exists()
    assert numbers_in(hub) == [1]
    lock.unlink()
    put(clone, 2, remote="origin")
    assert numbers_in(hub) == [1, 2]


def _killed(repo: Repo, remote: str | None, first: int, delay: float) -> list[int]:
    """Kill a writer and all its programs after a while; return the numbers that it reported."""
    writer = start_writer(repo, remote, first, 1000)
    assert writer.stdout is not None
    said = [writer.stdout.readline()]
    time.sleep(delay)
    os.killpg(writer.pid, signal.SIGKILL)
    out, err = writer.communicate(timeout=30)
    assert writer.returncode == -signal.SIGKILL, err
    return [int(line.split()[0]) for line in "".join([*said, out]).split("\n")[:-1]]


def _clear_up(hub: Repo, clone: Repo) -> None:
    """Let a lock here grow old; take away one of the server, as whoever runs it does.

    The remote is a path, so that a kill also meets the server's program while it holds its lock.
    """
    mine, theirs = (repo.git_dir / f"{AUDIT_BRANCH}.lock" for repo in (clone, hub))
    if mine.exists():
        past = time.time() - 3600
        os.utime(mine, (past, past))
    theirs.unlink(missing_ok=True)


def _hold_out(hub: Repo, clone: Repo, remote: str | None, delays: list[float]) -> None:
    where = hub if remote else clone
    reported: set[int] = set()
    signed: set[str] = set()
    for number, delay in enumerate(delays):
        reported |= set(_killed(clone, remote, 1000 * number, delay))
        _clear_up(hub, clone)
        found = numbers_in(where, signed=signed)
        assert len(found) == len(set(found))
        assert reported <= set(found)
    made = put(clone, 10**6, remote=remote)
    assert made.indices[0] == len(numbers_in(where))


@pytest.mark.parametrize("remote", weighed([None, "origin"], None))
def test_killed_at_any_moment_the_log_is_whole(
    hub: Repo, tmp_path: Path, remote: str | None
) -> None:
    clone = hub.clone(tmp_path / "clone")
    open_log(clone, remote=remote)
    _hold_out(hub, clone, remote, [0.013, 0.058, 0.117])


@pytest.mark.heavy
@pytest.mark.parametrize("remote", [None, "origin"])
def test_killed_75_times_the_log_is_whole(hub: Repo, tmp_path: Path, remote: str | None) -> None:
    clone = hub.clone(tmp_path / "clone")
    open_log(clone, remote=remote)
    _hold_out(hub, clone, remote, [0.003 * (number * 37 % 75) for number in range(75)])
