"""Appending to a branch: nothing else moves, and no file is ever lost."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.repository import Repo

from itil_gate.git.discover import discover
from itil_gate.git.refs import append_file, append_files, change_branch, move_ref, open_store
from itil_gate.git.tree import blob_at
from itil_gate.model.errors import GateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from itil_gate.git.view import View

BRANCH = "refs/heads/itil-gate-approvals"
WHEN = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
WHO = ("Bob Baker", "bob@example.com")


def _append(repo: Repo, path: str, data: bytes, *, branch: str = BRANCH) -> str:
    return append_file(
        discover(repo.path), branch, path, data, message="Add it", identity=WHO, when=WHEN
    )


def _files(repo: Repo, branch: str = BRANCH) -> dict[str, str]:
    names = repo.git("ls-tree", "-r", "--name-only", branch).splitlines()
    return {name: repo.git("cat-file", "blob", f"{branch}:{name}") for name in names}


def test_a_missing_branch_is_begun_without_history(repo: Repo) -> None:
    repo.commit(files={"code": "x"})
    commit = _append(repo, "CHG-1/bob.json", b"{}\n")
    assert repo.tip(BRANCH) == commit
    assert repo.git("rev-list", "--parents", BRANCH) == commit
    assert _files(repo) == {"CHG-1/bob.json": "{}"}


def test_files_gather_on_a_branch_with_linear_history(repo: Repo) -> None:
    paths = ["a/b/c", "a/b-c", "a/b.c", "z", "a/b/d", "caf\\xe9", "new\nline"]
    commits = [_append(repo, path, path.encode()) for path in paths]
    assert repo.git("rev-list", BRANCH).split() == commits[::-1]
    listed = repo.raw("ls-tree", "-r", "-z", "--name-only", BRANCH).split(b"\0")[:-1]
    assert set(listed) == {b"caf\xe9", *(p.encode() for p in paths if p != "caf\\xe9")}
    repo.git("fsck", "--strict")


def test_the_commit_says_who_and_when_and_nothing_else(repo: Repo) -> None:
    commit = append_file(
        discover(repo.path),
        BRANCH,
        "x",
        b"",
        message="Add one\n\nwith a body\n",
        identity=("Eve\n<x>\nparent 1", "e\0ve@example.com"),
        when=WHEN,
    )
    tree = repo.tree(commit)
    person = "Eve  x  parent 1 <e ve@example.com> 1772368200 +0000"
    assert repo.raw("cat-file", "commit", commit).decode() == (
        f"tree {tree}\nauthor {person}\ncommitter {person}\n\nAdd one\n\nwith a body\n"
    )


def test_work_tree_index_and_head_stay_as_they_are(repo: Repo) -> None:
    repo.commit(files={"code": "x", "other": "y"})
    repo.write("code", "edited")
    repo.write("new", "staged")
    repo.git("add", "new")
    before = (repo.git("status", "--porcelain"), (repo.git_dir / "HEAD").read_text())
    index = (repo.git_dir / "index").read_bytes()
    _append(repo, "a", b"1")
    assert (repo.git("status", "--porcelain"), (repo.git_dir / "HEAD").read_text()) == before
    assert (repo.git_dir / "index").read_bytes() == index
    assert list((repo.path).glob("a*")) == []


def test_the_same_file_again_changes_nothing(repo: Repo) -> None:
    first = _append(repo, "a", b"1")
    assert _append(repo, "a", b"1") == first
    assert repo.git("rev-list", "--count", BRANCH) == "1"


def test_a_file_that_differs_is_never_overwritten(repo: Repo) -> None:
    first = _append(repo, "a", b"1")
    with pytest.raises(GateError) as caught:
        _append(repo, "a", b"2")
    assert caught.value.code == "file-differs"
    assert repo.tip(BRANCH) == first


@pytest.mark.parametrize("path", ["a/b", "d"])
def test_a_file_cannot_take_the_place_of_a_directory(repo: Repo, path: str) -> None:
    _append(repo, "a", b"1")
    _append(repo, "d/e", b"1")
    with pytest.raises(GateError):
        _append(repo, path, b"2")


@pytest.mark.parametrize("path", ["../x", ".git/config", "a//b", "/a", "a/./b", "", "a/", ".GIT/x"])
def test_a_path_that_git_would_not_check_out_is_refused(repo: Repo, path: str) -> None:
    with pytest.raises(GateError):
        _append(repo, path, b"2")
    assert repo.git("for-each-ref") == ""


@pytest.mark.parametrize(
    "branch",
    ["main", "HEAD", "refs/heads/", "refs/heads/a..b", "refs/tags/x", "-x", "refs/heads/-\n"],
)
def test_only_full_names_of_branches_are_written(repo: Repo, branch: str) -> None:
    with pytest.raises(GateError) as caught:
        _append(repo, "a", b"2", branch=branch)
    assert caught.value.code == "bad-name"


def test_a_branch_below_another_is_refused_with_the_reason(repo: Repo) -> None:
    _append(repo, "a", b"1", branch="refs/heads/itil-gate")
    with pytest.raises(GateError) as caught:
        _append(repo, "a", b"1", branch="refs/heads/itil-gate/approvals")
    assert caught.value.code == "ref-refused"


def test_a_stale_lock_is_reported_with_its_name(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("itil_gate.git.refs._SETTINGS", "\tfilesRefLockTimeout = 1\n")
    monkeypatch.setattr("itil_gate.git.refs.wait", lambda _: None)
    (repo.git_dir / f"{BRANCH}.lock").touch()
    with pytest.raises(GateError) as caught:
        _append(repo, "a", b"1")
    assert caught.value.code == "branch-busy"
    assert f"{BRANCH}.lock" in caught.value.hint


def test_no_hook_or_filter_of_the_repository_runs(repo: Repo, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    hook = repo.git_dir / "hooks" / "reference-transaction"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {trace}\n")
    hook.chmod(0o755)
    repo.git("config", "filter.x.clean", f"touch {trace}; cat")
    repo.git("config", "core.autocrlf", "true")
    (repo.git_dir / "info" / "attributes").write_text("* filter=x text eol=crlf\n")
    _append(repo, "a", b"one\r\ntwo\n")
    assert not trace.exists()
    assert repo.raw("cat-file", "blob", f"{BRANCH}:a") == b"one\r\ntwo\n"


def test_many_files_are_one_commit(repo: Repo) -> None:
    files = {f"d{n % 5}/e{n % 3}/f{n}": str(n).encode() for n in range(60)}
    commit = append_files(discover(repo.path), BRANCH, files, message="m", identity=WHO, when=WHEN)
    assert repo.git("rev-list", "--count", commit) == "1"
    assert _files(repo) == {path: data.decode() for path, data in files.items()}


def test_a_plan_can_replace_and_remove_files(repo: Repo) -> None:
    _append(repo, "keep", b"1")
    _append(repo, "d/e/gone", b"1")

    def plan(store: View, tip: str | None) -> Mapping[str, bytes | None]:
        assert tip
        old = blob_at(store, tip, "keep")
        return {"keep": (old or b"") + b"2", "d/e/gone": None, "never/there": None}

    change_branch(discover(repo.path), BRANCH, plan, message="m", identity=WHO, when=WHEN)
    assert _files(repo) == {"keep": "12"}


def test_a_lost_race_asks_the_plan_again(repo: Repo) -> None:
    seen: list[str | None] = []

    def plan(store: View, tip: str | None) -> Mapping[str, bytes | None]:
        seen.append(tip)
        if len(seen) <= 2:
            _append(repo, f"rival-{len(seen)}", b"x")
        assert store.directory.exists()
        return {"mine": b"x"}

    tip = change_branch(discover(repo.path), BRANCH, plan, message="m", identity=WHO, when=WHEN)
    assert len(seen) == 3
    assert set(_files(repo)) == {"rival-1", "rival-2", "mine"}
    assert repo.tip(BRANCH) == tip


def test_a_race_lost_ten_times_is_given_up(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("itil_gate.git.refs.wait", lambda _: None)
    seen: list[str] = []

    def plan(store: View, _: str | None) -> Mapping[str, bytes | None]:
        assert store.directory.exists()
        seen.append(_append(repo, f"rival-{len(seen)}", b"x"))
        return {"mine": b"x"}

    with pytest.raises(GateError) as caught:
        change_branch(discover(repo.path), BRANCH, plan, message="m", identity=WHO, when=WHEN)
    assert caught.value.code == "branch-busy"
    assert len(seen) == 10
    assert repo.tip(BRANCH) == seen[-1]


def test_a_ref_moves_only_from_where_it_was_said_to_be(repo: Repo) -> None:
    first = repo.commit("first")
    second = repo.commit("second")
    with open_store(discover(repo.path)) as store:
        assert not move_ref(store, "refs/heads/main", first, old=first)
        assert not move_ref(store, "refs/heads/main", first, old=None)
        assert repo.tip("main") == second
        assert move_ref(store, "refs/heads/new", first, old=None)
        assert move_ref(store, "refs/heads/new", second, old=first)
    assert repo.tip("new") == second


@pytest.mark.parametrize("kind", ["packed", "bare", "sha256", "linked", "shallow", "partial"])
def test_every_kind_of_repository_takes_files(repo: Repo, tmp_path: Path, kind: str) -> None:
    repo.commit(files={"code": "x"})
    where = repo
    if kind == "packed":
        _append(repo, "first", b"0")
        repo.git("pack-refs", "--all", "--prune")
        repo.git("repack", "-adq")
    elif kind == "bare":
        where = Repo(tmp_path / "bare.git", bare=True)
    elif kind == "sha256":
        where = Repo(tmp_path / "long", object_format="sha256")
    elif kind == "linked":
        repo.git("worktree", "add", "--quiet", tmp_path / "linked")
        where = Repo(tmp_path / "linked")
    else:
        repo.commit(files={"code": "y"})
        repo.git("config", "uploadpack.allowFilter", "true")
        option = "--depth=1" if kind == "shallow" else "--filter=tree:0"
        where = repo.clone(tmp_path / "clone", option, "--no-checkout")
    _append(where, "a/b", b"1")
    tip = _append(where, "a/c", b"2")
    found = _files(where)
    assert (found["a/b"], found["a/c"]) == ("1", "2")
    assert ("first" in found) == (kind == "packed")
    assert where.tip(BRANCH) == tip
    where.git("fsck", "--connectivity-only", BRANCH)


def test_a_shared_repository_stays_writable_for_its_group(tmp_path: Path) -> None:
    bare = Repo(tmp_path / "bare.git", bare=True)
    bare.git("config", "core.sharedRepository", "group")
    commit = _append(bare, "a", b"1")
    store = bare.git_dir / "objects" / commit[:2]
    assert store.stat().st_mode & 0o070 == 0o070
    assert (bare.git_dir / BRANCH).stat().st_mode & 0o060 == 0o060


def test_a_move_is_in_the_reflog_where_the_repository_keeps_one(repo: Repo) -> None:
    repo.commit()
    first = _append(repo, "a", b"1")
    second = _append(repo, "b", b"1")
    assert repo.git("reflog", "--format=%H", BRANCH).split() == [second, first]


def test_git_and_we_do_not_lose_each_others_moves(repo: Repo) -> None:
    """A rival that uses plain git holds the very lock that we take."""
    first = _append(repo, "a", b"1")
    rival = repo.commit_tree(repo.tree(BRANCH), first)
    repo.git("update-ref", BRANCH, rival, first)
    assert repo.git("rev-parse", f"{_append(repo, 'b', b'1')}^") == rival


WRITER = """
    import sys
    from datetime import UTC, datetime
    from pathlib import Path

    from itil_gate.git.discover import discover
    from itil_gate.git.refs import append_file

    where, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    sys.stdin.readline()
    for number in range(count):
        append_file(
            discover(where),
            "refs/heads/itil-gate-approvals",
            f"{name}/{number}",
            f"{name} {number}".encode(),
            message="m",
            identity=(name, f"{name}@example.com"),
            when=datetime(2026, 3, 1, tzinfo=UTC),
        )
"""


@pytest.mark.heavy
def test_eight_writers_at_once_lose_no_file(repo: Repo) -> None:
    each = 3
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(repo.path), f"w{n}", str(each)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for n in range(8)
    ]
    for writer in writers:
        assert writer.stdin
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    said = [writer.communicate(timeout=120)[1].decode() for writer in writers]
    assert [(w.returncode, text) for w, text in zip(writers, said, strict=True)] == [(0, "")] * 8
    assert _files(repo) == {f"w{n}/{m}": f"w{n} {m}" for n in range(8) for m in range(each)}
    assert repo.git("rev-list", "--count", BRANCH) == str(8 * each)
    assert repo.git("rev-list", "--merges", BRANCH) == ""
