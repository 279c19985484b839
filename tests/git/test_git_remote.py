"""Fetching and pushing: races are run again, nobody's file is lost, nothing is forced."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.repository import Repo

from itil_gate.git.discover import discover
from itil_gate.git.refs import append_file
from itil_gate.git.remote import fetch, join, push, push_branch, remote_tip
from itil_gate.model.errors import GateError, HistoryError

if TYPE_CHECKING:
    from pathlib import Path

BRANCH = "refs/heads/itil-gate-approvals"
WHO = ("Bob Baker", "bob@example.com")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The configuration of whoever runs the tests has no say in them."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def hub(tmp_path: Path) -> Repo:
    """A bare repository that two clones push to."""
    hub = Repo(tmp_path / "hub.git", bare=True)
    seed = Repo(tmp_path / "seed")
    seed.commit(files={"code": "x"})
    seed.git("push", "--quiet", str(hub.path), "main")
    return hub


def _append(repo: Repo, path: str, data: bytes = b"x") -> str:
    when = datetime(2026, 3, 1, tzinfo=UTC)
    return append_file(
        discover(repo.path), BRANCH, path, data, message="m", identity=WHO, when=when
    )


def _names(repo: Repo) -> set[str]:
    return set(repo.git("ls-tree", "-r", "--name-only", BRANCH).splitlines())


def test_a_branch_is_made_on_the_remote(hub: Repo, tmp_path: Path) -> None:
    clone = hub.clone(tmp_path / "clone")
    tip = _append(clone, "a")
    assert remote_tip(discover(clone.path), "origin", BRANCH) is None
    assert push_branch(discover(clone.path), "origin", BRANCH) == tip
    assert hub.tip(BRANCH) == tip == remote_tip(discover(clone.path), "origin", BRANCH)


def test_two_clones_that_never_met_keep_all_files(hub: Repo, tmp_path: Path) -> None:
    one, two = hub.clone(tmp_path / "one"), hub.clone(tmp_path / "two")
    first = _append(one, "a/1")
    second = _append(two, "a/2")
    push_branch(discover(one.path), "origin", BRANCH)
    tip = push_branch(discover(two.path), "origin", BRANCH)
    assert _names(hub) == {"a/1", "a/2"}
    assert hub.tip(BRANCH) == two.tip(BRANCH) == tip
    assert hub.git("rev-parse", f"{tip}^1", f"{tip}^2").split() == [first, second]
    _append(one, "a/3")
    push_branch(discover(one.path), "origin", BRANCH)
    assert _names(hub) == _names(one) == {"a/1", "a/2", "a/3"}
    hub.git("merge-base", "--is-ancestor", first, BRANCH)
    hub.git("merge-base", "--is-ancestor", tip, BRANCH)


def test_a_clone_that_is_behind_is_brought_up_without_a_commit(hub: Repo, tmp_path: Path) -> None:
    one, two = hub.clone(tmp_path / "one"), hub.clone(tmp_path / "two")
    _append(one, "a")
    tip = push_branch(discover(one.path), "origin", BRANCH)
    assert join(discover(two.path), "origin", BRANCH, theirs=tip) == tip
    assert two.tip(BRANCH) == tip
    assert push_branch(discover(two.path), "origin", BRANCH) == tip


def test_joining_gives_one_commit_wherever_it_is_done(hub: Repo, tmp_path: Path) -> None:
    one, two = hub.clone(tmp_path / "one"), hub.clone(tmp_path / "two")
    theirs = _append(one, "a")
    ours = _append(two, "b")
    push_branch(discover(one.path), "origin", BRANCH)
    joined = join(discover(two.path), "origin", BRANCH, theirs=theirs)
    again = hub.clone(tmp_path / "again")
    again.git("fetch", "--quiet", str(two.path), ours)
    again.git("update-ref", BRANCH, ours)
    assert join(discover(again.path), "origin", BRANCH, theirs=theirs) == joined


def test_one_path_with_two_contents_is_refused(hub: Repo, tmp_path: Path) -> None:
    one, two = hub.clone(tmp_path / "one"), hub.clone(tmp_path / "two")
    _append(one, "a", b"1")
    mine = _append(two, "a", b"2")
    push_branch(discover(one.path), "origin", BRANCH)
    with pytest.raises(GateError) as caught:
        push_branch(discover(two.path), "origin", BRANCH)
    assert caught.value.code == "file-differs"
    assert two.tip(BRANCH) == mine
    assert hub.tip(BRANCH) == one.tip(BRANCH)


def test_a_push_that_comes_second_is_not_forced(hub: Repo, tmp_path: Path) -> None:
    one, two = hub.clone(tmp_path / "one"), hub.clone(tmp_path / "two")
    tip = _append(one, "a")
    _append(two, "b")
    assert push(discover(one.path), "origin", [f"{BRANCH}:{BRANCH}"])
    assert not push(discover(two.path), "origin", [f"{BRANCH}:{BRANCH}"])
    assert hub.tip(BRANCH) == tip
    for refspec in (f"+{BRANCH}:{BRANCH}", f":{BRANCH}", "--force"):
        with pytest.raises(GateError) as caught:
            push(discover(two.path), "origin", [refspec])
        assert caught.value.code == "bad-name"


def test_a_rival_that_pushes_in_between_makes_us_try_again(
    hub: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from itil_gate.git import remote as room  # noqa: PLC0415

    one, two = hub.clone(tmp_path / "one"), hub.clone(tmp_path / "two")
    honest = room.remote_tip
    rivals = iter(["r1", "r2"])

    def late(*args: object, **options: object) -> str | None:
        seen = honest(*args, **options)  # type: ignore[arg-type]
        rival = next(rivals, None)
        if rival:
            _append(one, rival)
            one.git("push", "--quiet", "origin", f"{BRANCH}:{BRANCH}")
        return seen

    monkeypatch.setattr(room, "remote_tip", late)
    _append(two, "mine")
    push_branch(discover(two.path), "origin", BRANCH)
    assert _names(hub) == {"r1", "r2", "mine"}


def test_a_remote_that_declines_is_an_error_with_its_reason(hub: Repo, tmp_path: Path) -> None:
    clone = hub.clone(tmp_path / "clone")
    _append(clone, "a")
    (hub.path / "hooks").mkdir()
    hook = hub.path / "hooks" / "update"
    hook.write_text("#!/bin/sh\necho protected branch >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(GateError) as caught:
        push_branch(discover(clone.path), "origin", BRANCH)
    assert caught.value.code == "push-refused"
    assert "hook declined" in caught.value.message


@pytest.mark.parametrize("remote", ["nowhere", "/no/such/place", "file:///no/such/place"])
def test_a_remote_that_is_not_there_is_an_error(hub: Repo, tmp_path: Path, remote: str) -> None:
    clone = hub.clone(tmp_path / "clone")
    with pytest.raises(HistoryError) as caught:
        fetch(discover(clone.path), remote, ["main"])
    assert caught.value.code == "fetch-failed"


@pytest.mark.parametrize("remote", ["", "--upload-pack=touch x", "-o", "ext::sh -c id", "a\nb"])
def test_a_remote_cannot_be_an_option_or_a_command(hub: Repo, tmp_path: Path, remote: str) -> None:
    clone = hub.clone(tmp_path / "clone")
    with pytest.raises(GateError) as caught:
        fetch(discover(clone.path), remote, ["main"])
    assert caught.value.code == "bad-name"


def test_a_fetch_brings_what_was_asked_and_no_more(hub: Repo, tmp_path: Path) -> None:
    clone = hub.clone(tmp_path / "clone")
    hub.git("update-ref", "refs/pull/3/head", "main")
    hub.git("tag", "v1", "main")
    fetch(discover(clone.path), "origin", ["refs/pull/3/head:refs/pull/3/head"])
    assert clone.tip("refs/pull/3/head") == hub.tip("main")
    assert clone.git("tag", "--list") == ""
    assert not (clone.git_dir / "FETCH_HEAD").exists()


def test_hooks_of_the_clone_do_not_run(hub: Repo, tmp_path: Path) -> None:
    clone = hub.clone(tmp_path / "clone")
    trace = tmp_path / "ran"
    (clone.git_dir / "hooks").mkdir(exist_ok=True)
    for name in ("pre-push", "reference-transaction", "post-merge"):
        hook = clone.git_dir / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {trace}\n")
        hook.chmod(0o755)
    _append(clone, "a")
    push_branch(discover(clone.path), "origin", BRANCH)
    fetch(discover(clone.path), "origin", ["main"])
    assert not trace.exists()


def test_the_callers_configuration_reaches_the_network_part(
    hub: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = hub.clone(tmp_path / "clone")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{hub.path}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "forge:team/app")
    assert remote_tip(discover(clone.path), "forge:team/app", "refs/heads/main") == hub.tip("main")


def test_a_git_dir_of_the_caller_does_not_turn_the_push_elsewhere(
    hub: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = hub.clone(tmp_path / "clone")
    _append(clone, "a")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "seed" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    assert push_branch(discover(clone.path), "origin", BRANCH) == hub.tip(BRANCH)


def test_a_linked_work_tree_can_push(hub: Repo, tmp_path: Path) -> None:
    clone = hub.clone(tmp_path / "clone")
    clone.git("worktree", "add", "--quiet", tmp_path / "linked")
    linked = Repo(tmp_path / "linked")
    _append(linked, "a")
    assert push_branch(discover(linked.path), "origin", BRANCH) == hub.tip(BRANCH)


def test_a_remote_that_hangs_is_given_up(hub: Repo, tmp_path: Path) -> None:
    clone = hub.clone(tmp_path / "clone")
    clone.git("config", "core.sshCommand", "sleep 60;")
    with pytest.raises(HistoryError) as caught:
        remote_tip(discover(clone.path), "ssh://example.com/x", BRANCH, timeout=0.5)
    assert caught.value.code == "git-timeout"
