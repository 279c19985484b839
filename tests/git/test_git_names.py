"""Names of commits and targets: one meaning or none."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pytest

from itil_gate.git.discover import discover
from itil_gate.git.names import (
    branch_tips,
    look_up,
    read_head,
    ref_tip,
    resolve,
    target_ref,
)
from itil_gate.git.objects import hash_object
from itil_gate.git.refs import open_store
from itil_gate.model.errors import GateError, HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from support.repository import Repo

    from itil_gate.git.view import View

    Viewed = Callable[[Repo], AbstractContextManager[View]]


def test_every_common_way_to_name_a_commit_leads_to_it(repo: Repo, viewed: Viewed) -> None:
    commit = repo.commit()
    repo.git("tag", "-a", "-m", "release", "v1")
    repo.git("tag", "-a", "-m", "tag of a tag", "v1-signed", "v1")
    repo.git("update-ref", "refs/pull/7/head", commit)
    repo.git("update-ref", "refs/remotes/origin/topic", commit)
    names = ["HEAD", "main", "refs/heads/main", "v1", "v1-signed", "refs/tags/v1", commit]
    names += ["refs/pull/7/head", "origin/topic", "refs/remotes/origin/topic"]
    with viewed(repo) as view:
        assert {resolve(view, name) for name in names} == {commit}


def test_a_name_that_is_nowhere_is_none(repo: Repo, viewed: Viewed) -> None:
    commit = repo.commit()
    with viewed(repo) as view:
        for name in (
            "nothing",
            "refs/heads/nothing",
            commit[:12],
            "heads/main",
            "MAIN",
            "ORIG_HEAD",
        ):
            assert resolve(view, name) is None


def test_an_unborn_head_is_none(repo: Repo, viewed: Viewed) -> None:
    with viewed(repo) as view:
        assert resolve(view, "HEAD") is None


def test_a_detached_head_is_a_commit(repo: Repo, viewed: Viewed) -> None:
    first = repo.commit()
    repo.commit()
    repo.checkout(first)
    with viewed(repo) as view:
        assert resolve(view, "HEAD") == first


def test_a_full_id_that_is_not_here_says_how_to_get_it(repo: Repo, viewed: Viewed) -> None:
    repo.commit()
    with viewed(repo) as view, pytest.raises(HistoryError) as caught:
        resolve(view, "1" * 40)
    assert caught.value.code == "object-missing"
    assert f"git fetch origin {'1' * 40}" in caught.value.hint


@pytest.mark.parametrize("kinds", [("heads", "tags"), ("heads", "remotes")])
def test_a_name_found_twice_is_refused_with_both_full_names(
    repo: Repo, viewed: Viewed, kinds: tuple[str, str]
) -> None:
    commit = repo.commit()
    for kind in kinds:
        repo.git("update-ref", f"refs/{kind}/team/topic", commit)
    with viewed(repo) as view, pytest.raises(GateError) as caught:
        resolve(view, "team/topic")
    assert caught.value.code == "ambiguous-name"
    assert all(f"refs/{kind}/team/topic" in caught.value.message for kind in kinds)


@pytest.mark.parametrize("name", ["origin/main", "team/topic"])
def test_a_tag_is_never_meant_by_remote_and_branch(repo: Repo, viewed: Viewed, name: str) -> None:
    commit = repo.commit()
    repo.git("update-ref", f"refs/remotes/{name}", commit)
    # Whoever may push a tag may have every clone fetch it.
    for tag in (name, f"{name}-2"):
        repo.git("update-ref", f"refs/tags/{tag}", repo.commit())
    with viewed(repo) as view:
        assert resolve(view, name) == commit
        assert target_ref(view, name) == f"refs/heads/{name.partition('/')[2]}"
        assert resolve(view, f"{name}-2") is None  # nor where the branch is not fetched
        assert resolve(view, f"refs/tags/{name}") != commit


def test_a_tag_with_a_slash_is_meant_where_there_is_no_such_remote(
    repo: Repo, viewed: Viewed
) -> None:
    tagged = repo.commit()
    repo.git("tag", "release/1.0")
    repo.commit()
    with viewed(repo) as view:
        assert resolve(view, "release/1.0") == tagged


def test_a_ref_hidden_below_another_kind_does_not_answer(repo: Repo, viewed: Viewed) -> None:
    commit = repo.commit()
    repo.git("update-ref", "refs/tags/refs/heads/release", commit)
    repo.git("update-ref", "refs/refs/heads/release", commit)
    with viewed(repo) as view:
        assert resolve(view, "refs/heads/release") is None
        assert resolve(view, "release") is None


@pytest.mark.parametrize(
    "name",
    [
        *("", "-", "--all", "-x", "a..b", "a...b", "main@{1}", "@{u}", "@", "main:file", ":/fix"),
        *("^main", "a b", "a\nb", "a\0b", "*", "m?in", "[m]ain", "a\\b", "main^{tree}", "a//b"),
        *("main^{/x}", "/a", "a/", "a.", "a.lock", "a/.b", "refs/heads/../x", "../x", "HEAD~99999"),
    ],
)
def test_what_is_not_a_plain_name_is_refused(repo: Repo, viewed: Viewed, name: str) -> None:
    repo.commit()
    with viewed(repo) as view, pytest.raises(GateError) as caught:
        resolve(view, name)
    assert caught.value.code == "bad-name"


def test_branches_with_odd_names_can_be_named_in_full(repo: Repo, viewed: Viewed) -> None:
    commit = repo.commit()
    for name in ("-x", "--all", "héé", "a&b;c", "@x", "HEAD"):
        repo.git("update-ref", f"refs/heads/{name}", commit)
    with viewed(repo) as view:
        for name in ("-x", "--all", "héé", "a&b;c", "@x", "HEAD"):
            assert resolve(view, f"refs/heads/{name}") == commit
        assert target_ref(view, "refs/heads/-x") == "refs/heads/-x"


def test_ancestors_are_counted_like_git_does(repo: Repo, viewed: Viewed) -> None:
    root = repo.commit("root")
    repo.checkout("side", create=True)
    side = repo.commit("side")
    repo.checkout("main")
    main = repo.commit("main")
    merge = repo.merge("side")
    with viewed(repo) as view:
        for name in ("HEAD", "HEAD~0", "HEAD^0", "HEAD^", "HEAD^1", "HEAD~1", "HEAD~2", "HEAD^2"):
            assert resolve(view, name) == repo.tip(name)
        assert resolve(view, "main^2~1") == resolve(view, "main~~") == root
        assert resolve(view, "main^2") == side
        assert resolve(view, f"{merge}~1") == main
        for name in ("HEAD^3", "HEAD~9", "side^2"):
            with pytest.raises(GateError) as caught:
                resolve(view, name)
            assert caught.value.code == "not-a-commit"


def test_a_tag_of_a_tree_is_not_a_commit(repo: Repo, viewed: Viewed) -> None:
    repo.commit(files={"a": "1"})
    repo.git("tag", "tree", "HEAD^{tree}")
    repo.git("tag", "-a", "-m", "x", "blob", "HEAD:a")
    with viewed(repo) as view:
        for name in ("tree", "blob", repo.tree()):
            with pytest.raises(GateError) as caught:
                resolve(view, name)
            assert caught.value.code == "not-a-commit"


def test_a_damaged_ref_is_an_error_not_a_missing_branch(repo: Repo, viewed: Viewed) -> None:
    repo.commit()
    (repo.git_dir / "refs/heads/main").write_text("rubbish\n")
    with viewed(repo) as view, pytest.raises(HistoryError) as caught:
        ref_tip(view, "refs/heads/main")
    assert caught.value.code == "ref-broken"


@pytest.mark.parametrize("head", ["rubbish", "ref: /etc/passwd", "ref: refs/../../x", ""])
def test_a_damaged_head_is_an_error(repo: Repo, viewed: Viewed, head: str) -> None:
    repo.commit()
    with viewed(repo) as view:
        (repo.git_dir / "HEAD").write_text(head)
        with pytest.raises(HistoryError) as caught:
            resolve(view, "HEAD")
    assert caught.value.code == "head-unreadable"


def test_a_branch_in_a_clone_is_found_by_its_remote_name(repo: Repo, tmp_path: Path) -> None:
    from itil_gate.git.discover import discover  # noqa: PLC0415
    from itil_gate.git.view import open_view  # noqa: PLC0415

    repo.commit()
    repo.branch("topic")
    clone = repo.clone(tmp_path / "clone")
    with open_view(discover(clone.path)) as view:
        assert resolve(view, "topic") is None
        assert resolve(view, "origin/topic") == repo.tip("topic")
        assert target_ref(view, "origin/topic") == "refs/heads/topic"


@pytest.mark.parametrize(
    "name", ["main", "refs/heads/main", "origin/main", "refs/remotes/origin/main"]
)
@pytest.mark.parametrize("kinds", [("heads",), ("remotes/origin",), ("heads", "remotes/origin")])
def test_four_ways_to_name_the_target_mean_one_branch(
    repo: Repo, viewed: Viewed, name: str, kinds: tuple[str, ...]
) -> None:
    commit = repo.commit()
    repo.checkout(commit)
    repo.git("update-ref", "-d", "refs/heads/main")
    for kind in kinds:
        repo.git("update-ref", f"refs/{kind}/main", commit)
    with viewed(repo) as view:
        assert target_ref(view, name) == "refs/heads/main"


def test_a_target_that_does_not_exist_yet_still_has_a_name(repo: Repo, viewed: Viewed) -> None:
    with viewed(repo) as view:
        assert target_ref(view, "release/2") == "refs/heads/release/2"


def test_head_means_the_branch_checked_out(repo: Repo, viewed: Viewed) -> None:
    commit = repo.commit()
    with viewed(repo) as view:
        assert target_ref(view, "HEAD") == "refs/heads/main"
        repo.checkout(commit)
        with pytest.raises(GateError) as caught:
            target_ref(view, "HEAD")
    assert caught.value.code == "target-needed"


@pytest.mark.parametrize(
    "name", ["v1", "refs/tags/v1", "refs/pull/1/head", "1" * 40, "refs/remotes/origin/HEAD"]
)
def test_what_names_no_branch_needs_a_target_named(repo: Repo, viewed: Viewed, name: str) -> None:
    repo.commit()
    repo.git("tag", "v1")
    with viewed(repo) as view, pytest.raises(GateError) as caught:
        target_ref(view, name)
    assert caught.value.code == "target-needed"
    assert "--target" in caught.value.hint


def test_a_local_branch_called_like_a_remote_one_is_refused_as_target(
    repo: Repo, viewed: Viewed
) -> None:
    commit = repo.commit()
    repo.git("update-ref", "refs/heads/origin/main", commit)
    repo.git("update-ref", "refs/remotes/origin/main", commit)
    with viewed(repo) as view, pytest.raises(GateError) as caught:
        target_ref(view, "origin/main")
    assert caught.value.code == "ambiguous-name"


# Asked at once, and remembered --------------------------------------------------------------------


def test_what_is_asked_at_once_is_everything_the_names_may_mean(repo: Repo, viewed: Viewed) -> None:
    commit = repo.commit()
    repo.git("tag", "v1")
    repo.git("update-ref", "refs/remotes/origin/topic", commit)
    names = ("HEAD", "v1~2", "refs/heads/topic^", commit, "", "a..b", f"{commit}^2", "refs/heads/")
    with viewed(repo) as view:
        look_up(view, names, copies_of="refs/heads/topic")
        assert view.refs == {
            "refs/heads/main": commit,
            "refs/heads/v1": None,
            "refs/tags/v1": commit,
            "refs/remotes/v1": None,
            "refs/heads/topic": None,
        }
        assert view.copies == {"refs/heads/topic": (commit,)}


def test_what_was_asked_once_is_answered_alike_when_the_repository_moves(
    repo: Repo, viewed: Viewed
) -> None:
    first = repo.commit()
    with viewed(repo) as view:
        look_up(view, ["main"], copies_of="refs/heads/main")
        second = repo.commit()
        assert resolve(view, "HEAD") == resolve(view, "main") == first
        assert branch_tips(view, "refs/heads/main") == (first,)
        assert ref_tip(view, "refs/heads/main") == first
        look_up(view, ["main"], copies_of="refs/heads/main")
        assert resolve(view, "main") == first
    with viewed(repo) as view:
        assert ref_tip(view, "refs/heads/main") == second
        repo.commit()
        assert ref_tip(view, "refs/heads/main") == second


def test_a_detached_head_asks_for_no_ref(repo: Repo, viewed: Viewed) -> None:
    repo.checkout(repo.commit())
    with viewed(repo) as view:
        look_up(view, ["HEAD"], copies_of="refs/heads/none")
        assert view.refs == {}


def test_where_refs_are_written_they_are_looked_up_each_time(repo: Repo) -> None:
    first = repo.commit()
    repo.git("update-ref", "refs/heads/release/1", first)
    with open_store(discover(repo.path)) as view:
        look_up(view, ["main", "HEAD"], copies_of="refs/heads/main")
        assert branch_tips(view, "refs/heads/main") == (first,)
        second = repo.commit()
        assert resolve(view, "main") == resolve(view, "HEAD") == second
        assert branch_tips(view, "refs/heads/main") == (second,)
        assert resolve(view, "release") is None


@pytest.mark.parametrize("asked", [False, True])
def test_the_tips_of_a_branch_are_those_of_every_remote_and_of_nothing_below_it(
    repo: Repo, viewed: Viewed, *, asked: bool
) -> None:
    tips = [repo.commit(f"number {number}") for number in range(7)]
    for place, tip in zip(
        ("heads", "remotes/origin", "remotes/up", "remotes/a", "remotes/b"), tips, strict=False
    ):
        repo.git("update-ref", f"refs/{place}/notes/all", tip)
    repo.git("update-ref", "refs/remotes/c/notes/all/more", tips[5])
    repo.git("update-ref", "refs/remotes/d/team/notes/all", tips[6])
    repo.git("update-ref", "refs/heads/other/below", tips[5])
    with viewed(repo) as view:
        if asked:
            look_up(view, (), copies_of="refs/heads/notes/all")
            look_up(view, (), copies_of="refs/heads/other")
        assert branch_tips(view, "refs/heads/notes/all") == tuple(sorted(tips[:5]))
        assert branch_tips(view, "refs/heads/other") == ()
        assert ref_tip(view, "refs/heads/other") is None
        assert bool(view.copies) is asked


# Corners ------------------------------------------------------------------------------------------


def test_a_tip_is_asked_for_by_a_full_ref_only(repo: Repo, viewed: Viewed) -> None:
    repo.commit()
    with viewed(repo) as view:
        for name in ("main", "HEAD", "heads/refs/", "refs/heads/a..b", "refs/heads/*"):
            with pytest.raises(GateError) as caught:
                ref_tip(view, name)
            assert caught.value.code == "bad-name"


@pytest.mark.parametrize("name", ["", "--all", "a..b", "main~1", "refs/heads/a b", "@", "@x"])
def test_a_target_is_a_plain_name(repo: Repo, viewed: Viewed, name: str) -> None:
    repo.commit()
    with viewed(repo) as view, pytest.raises(GateError) as caught:
        target_ref(view, name)
    assert caught.value.code == "bad-name"


def test_an_at_sign_is_refused_only_at_the_front_of_a_short_name(
    repo: Repo, viewed: Viewed
) -> None:
    commit = repo.commit()
    for name in ("@x", "x@", "@team/topic"):
        repo.git("update-ref", f"refs/heads/{name}", commit)
    with viewed(repo) as view:
        assert resolve(view, "x@") == resolve(view, "@team/topic") == commit
        with pytest.raises(GateError) as caught:
            resolve(view, "@x")
        assert caught.value.code == "bad-name"


def test_a_branch_that_begins_with_the_name_of_a_remote_is_that_branch(
    repo: Repo, viewed: Viewed
) -> None:
    commit = repo.commit()
    repo.git("update-ref", "refs/heads/origin/main", commit)
    repo.git("update-ref", "refs/remotes/upstream/other", commit)
    with viewed(repo) as view:
        assert target_ref(view, "origin/main") == "refs/heads/origin/main"
        assert target_ref(view, "origin") == "refs/heads/origin"
        assert target_ref(view, "upstream") == "refs/heads/upstream"
        assert target_ref(view, "upstream/topic") == "refs/heads/topic"
        assert target_ref(view, "stream/topic") == "refs/heads/stream/topic"
        with pytest.raises(GateError) as caught:
            target_ref(view, "refs/remotes/origin")
        assert caught.value.code == "target-needed"


def test_the_places_of_a_name_found_twice_are_told_in_order(repo: Repo, viewed: Viewed) -> None:
    commit = repo.commit()
    for kind in ("remotes", "heads"):
        repo.git("update-ref", f"refs/{kind}/team/topic", commit)
    with viewed(repo) as view, pytest.raises(GateError) as caught:
        resolve(view, "team/topic")
    assert "refs/heads/team/topic or refs/remotes/team/topic" in caught.value.message


def test_a_head_that_is_a_symbolic_link_is_the_ref_it_leads_to(repo: Repo, viewed: Viewed) -> None:
    commit = repo.commit()
    head = repo.git_dir / "HEAD"
    head.unlink()
    head.symlink_to("refs/heads/main")
    with viewed(repo) as view:
        assert read_head(view) == target_ref(view, "HEAD") == "refs/heads/main"
        assert resolve(view, "HEAD") == commit


@pytest.mark.parametrize("content", [b"ref: refs/heads/\xff\n", None])
def test_a_head_that_cannot_be_read_is_an_error(
    repo: Repo, viewed: Viewed, content: bytes | None
) -> None:
    repo.commit()
    with viewed(repo) as view:
        head = repo.git_dir / "HEAD"
        if content is None:
            head.unlink()
        else:
            head.write_bytes(content)
        with pytest.raises(HistoryError) as caught:
            read_head(view)
    assert caught.value.code == "head-unreadable"
    assert "cannot be read" in caught.value.message


def test_a_branch_whose_name_is_no_utf_8_disturbs_no_other(repo: Repo, viewed: Viewed) -> None:
    commit = repo.commit()
    repo.git("update-ref", b"refs/heads/release/\xff", commit)
    with viewed(repo) as view:
        assert resolve(view, "release") is None


@pytest.mark.parametrize(("tags", "found"), [(19, True), (20, False)])
def test_tags_are_followed_to_a_depth_of_twenty_objects(
    repo: Repo, viewed: Viewed, tags: int, *, found: bool
) -> None:
    commit = tip = repo.commit()
    for number in range(tags):
        kind = "tag" if number else "commit"
        who = "Alice <alice@example.com> 1767603600 +0000"
        text = f"object {tip}\ntype {kind}\ntag t{number}\ntagger {who}\n\nx\n".encode()
        tip = hash_object("tag", text, algorithm="sha1")
        place = repo.git_dir / "objects" / tip[:2] / tip[2:]
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(zlib.compress(b"tag %d\0" % len(text) + text))
    repo.git("update-ref", "refs/tags/deep", tip)
    with viewed(repo) as view:
        if found:
            assert resolve(view, "deep") == commit
        else:
            with pytest.raises(GateError) as caught:
                resolve(view, "deep")
            assert caught.value.code == "not-a-commit"


def test_a_tag_of_rubbish_leads_nowhere(repo: Repo, viewed: Viewed) -> None:
    repo.commit()
    oid = repo.raw_object("tag", b"object \xff\xfe\ntype commit\ntag x\n\nx\n")
    with viewed(repo) as view, pytest.raises(GateError):
        resolve(view, oid)
