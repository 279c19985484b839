"""Merges computed from objects, and what they prove."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.repository import BOB

from itil_gate.git.discover import discover
from itil_gate.git.merge import clean_replay, is_update_merge, merge_tree
from itil_gate.git.paths import to_text
from itil_gate.git.tree import blob_at
from itil_gate.git.view import open_view
from itil_gate.model.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from support.repository import Repo

    from itil_gate.git.view import View

    Viewed = Callable[[Repo], AbstractContextManager[View]]

TEN = "".join(f"line {number}\n" for number in range(10))


def _fork(repo: Repo) -> tuple[str, str, str]:
    """Return base, main (edits line 9 and other.txt) and topic (edits line 0), checked out."""
    base = repo.commit("base", files={"a.txt": TEN, "other.txt": "1\n"})
    main = repo.commit("main", files={"a.txt": TEN.replace("line 9", "LINE 9"), "other.txt": "2\n"})
    repo.checkout("topic", create=True, at=base)
    topic = repo.commit("topic", author=BOB, files={"a.txt": TEN.replace("line 0", "LINE 0")})
    return base, main, topic


def test_a_clean_merge_gives_the_tree_that_git_would_commit(repo: Repo, viewed: Viewed) -> None:
    _, main, topic = _fork(repo)
    repo.merge("main")
    with viewed(repo) as view:
        found = merge_tree(view, main, topic)
        assert (found.tree, found.conflicts) == (repo.tree(), ())
        assert found.tree
        assert blob_at(view, found.tree, "other.txt") == b"2\n"


def test_conflicts_name_their_paths_whatever_bytes_they_have(repo: Repo, viewed: Viewed) -> None:
    names = [b"plain", b"caf\xe9", b"new\nline", b"back\\slash", b"d/e"]
    for content, branch in (("1\n", "main"), ("2\n", "one"), ("3\n", "two")):
        if branch != "main":
            repo.checkout(branch, create=True, at="main")
        for name in names:
            repo.write(name, content)
        repo.commit(branch)
    with viewed(repo) as view:
        found = merge_tree(view, repo.tip("one"), repo.tip("two"))
    assert found.tree is None
    assert found.conflicts == tuple(to_text(name) for name in sorted(names))


@pytest.mark.parametrize("kind", ["delete", "mode", "link", "directory", "submodule"])
def test_conflicts_that_are_not_about_text_are_conflicts(
    repo: Repo, viewed: Viewed, kind: str
) -> None:
    base = repo.commit("base", files={"a": TEN})
    ours = repo.commit("ours", files={"a": TEN.replace("line 0", "ours")})
    repo.checkout("theirs", create=True, at=base)
    if kind == "submodule":
        repo.git("update-index", "--add", "--cacheinfo", f"160000,{'2' * 40},a")
        theirs = repo.commit_tree(repo.git("write-tree"), base)
    else:
        repo.remove("a")
        if kind == "mode":
            repo.write("a", TEN.replace("line 0", "theirs"), mode=0o755)
        if kind == "link":
            repo.write("a", "elsewhere", mode=0o120000)
        if kind == "directory":
            repo.write("a/b", "x")
        theirs = repo.commit("theirs")
    with viewed(repo) as view:
        found = merge_tree(view, ours, theirs)
    assert found.tree is None
    assert found.conflicts


def test_two_moves_of_a_submodule_conflict(repo: Repo, viewed: Viewed) -> None:
    tips = []
    base: tuple[str, ...] = ()
    for digit in "123":
        repo.git("update-index", "--add", "--cacheinfo", f"160000,{digit * 40},sub")
        tips.append(repo.commit_tree(repo.git("write-tree"), *base))
        base = base or (tips[0],)
    with viewed(repo) as view:
        assert merge_tree(view, tips[1], tips[2]).conflicts == ("sub",)


def test_unrelated_histories_do_not_merge(repo: Repo, viewed: Viewed) -> None:
    main = repo.commit("main")
    other = repo.commit_tree(repo.tree(), message="other")
    with viewed(repo) as view, pytest.raises(HistoryError) as caught:
        merge_tree(view, main, other)
    assert caught.value.code == "unrelated-histories"


def test_a_clean_replay_is_the_tree_of_merging_what_was_approved(
    repo: Repo, viewed: Viewed
) -> None:
    base, main, topic = _fork(repo)
    repo.git("rebase", "--quiet", "main")
    with viewed(repo) as view:
        args = {"approved_tree": repo.tree(topic), "approved_merge_base": base}
        assert clean_replay(view, **args, onto=main) == repo.tree()
        assert clean_replay(view, **args, onto=base) == repo.tree(topic)


def test_a_replay_that_conflicts_proves_nothing(repo: Repo, viewed: Viewed) -> None:
    base, _, topic = _fork(repo)
    repo.checkout("main")
    main = repo.commit(files={"a.txt": TEN.replace("line 0", "somebody else")})
    with viewed(repo) as view:
        replay = clean_replay(
            view, approved_tree=repo.tree(topic), approved_merge_base=base, onto=main
        )
    assert replay is None


def test_a_hunk_moved_to_a_like_place_is_not_the_replayed_tree(repo: Repo, viewed: Viewed) -> None:
    """Patch ids of the two are equal: the hunk moved from staging to production."""
    block = "replicas: 1\nimage: a\nport: 80\n"
    base = repo.commit(files={"deploy.yaml": f"staging:\n{block}production:\n{block}"})
    edited = block.replace("image: a", "image: b")
    approved = repo.commit(files={"deploy.yaml": f"staging:\n{edited}production:\n{block}"})
    repo.checkout("moved", create=True, at=base)
    moved = repo.commit(files={"deploy.yaml": f"staging:\n{block}production:\n{edited}"})
    with viewed(repo) as view:
        replay = clean_replay(
            view, approved_tree=repo.tree(approved), approved_merge_base=base, onto=base
        )
        assert replay == repo.tree(approved)
        assert replay != merge_tree(view, base, moved).tree


def test_an_update_merge_made_by_git_is_recognised(repo: Repo, viewed: Viewed) -> None:
    _, main, _ = _fork(repo)
    merge = repo.merge("main")
    repo.commit("later", files={"b.txt": "x"})
    repo.checkout("main")
    later = repo.commit("main goes on", files={"c.txt": "x"})
    with viewed(repo) as view:
        assert is_update_merge(view, merge, main)
        assert is_update_merge(view, merge, later)


def test_an_update_merge_with_an_edit_slipped_in_is_not_one(repo: Repo, viewed: Viewed) -> None:
    _, main, topic = _fork(repo)
    repo.merge("main")
    repo.write("evil.txt", "x")
    repo.git("add", "--all")
    evil = repo.commit_tree(repo.git("write-tree"), topic, main)
    with viewed(repo) as view:
        assert not is_update_merge(view, evil, main)


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_merge_that_throws_one_side_away_is_not_an_update_merge(
    repo: Repo, viewed: Viewed, side: str
) -> None:
    _, main, topic = _fork(repo)
    tree = repo.tree(topic if side == "ours" else main)
    merge = repo.commit_tree(tree, topic, main)
    with viewed(repo) as view:
        assert not is_update_merge(view, merge, main)


def test_a_merge_whose_conflict_was_resolved_is_content(repo: Repo, viewed: Viewed) -> None:
    base = repo.commit("base", files={"a": "1\n"})
    main = repo.commit("main", files={"a": "2\n"})
    repo.checkout("topic", create=True, at=base)
    topic = repo.commit("topic", files={"a": "3\n"})
    repo.write("a", "2\n3\n")
    repo.git("add", "--all")
    merge = repo.commit_tree(repo.git("write-tree"), topic, main)
    with viewed(repo) as view:
        assert not is_update_merge(view, merge, main)


def test_merges_that_do_not_bring_the_target_in_are_content(repo: Repo, viewed: Viewed) -> None:
    base, main, topic = _fork(repo)
    repo.checkout("other", create=True, at=base)
    other = repo.commit("other", files={"o": "1"})
    feature = repo.merge("topic")
    octopus = repo.commit_tree(repo.tree(main), topic, main, other)
    twice = repo.commit_tree(repo.tree(topic), topic, topic)
    within = repo.commit_tree(repo.tree(main), main, base)
    root = repo.commit_tree(repo.tree(base), message="root")
    foreign = repo.commit_tree(repo.tree(main), root, main)
    with viewed(repo) as view:
        for commit in (feature, octopus, twice, within, topic, base, foreign):
            assert not is_update_merge(view, commit, main)


def test_a_fast_forward_dressed_as_a_merge_adds_nothing(repo: Repo, viewed: Viewed) -> None:
    base, main, _ = _fork(repo)
    repo.checkout("empty", create=True, at=base)
    empty = repo.commit("empty")
    merge = repo.merge("main")
    with viewed(repo) as view:
        assert repo.tree(merge) == repo.tree(main)
        assert is_update_merge(view, merge, main)
        assert not is_update_merge(view, empty, main)


def test_a_shallow_clone_is_not_taken_for_unrelated_histories(repo: Repo, tmp_path: Path) -> None:
    _, main, _ = _fork(repo)
    merge = repo.merge("main")
    repo.branch("merged")
    clone = repo.clone(tmp_path / "clone", "--depth=1", "--no-single-branch")
    with open_view(discover(clone.path)) as view:
        with pytest.raises(HistoryError) as caught:
            merge_tree(view, main, merge)
        assert caught.value.code == "history-too-shallow"


def test_a_merge_base_hidden_by_a_shallow_clone_is_not_replaced_by_another(
    repo: Repo, tmp_path: Path
) -> None:
    """Cut off behind main's tip, the two sides seem to have parted a commit too early."""
    repo.commit("root", files={"a.txt": TEN})
    repo.checkout("topic", create=True)
    repo.commit("early", author=BOB, files={"b.txt": "1"})
    repo.checkout("main")
    for number in range(4):
        repo.commit(f"main {number}", files={"a.txt": TEN.replace("line 0", f"{number}")})
    repo.checkout("topic")
    repo.merge("main~1", message="update")
    repo.checkout("main")
    main = repo.commit("more", files={"c.txt": "1"})
    repo.checkout("topic")
    merge = repo.merge("main")
    with open_view(discover(repo.path)) as view:
        assert is_update_merge(view, merge, main)
    for depth in range(1, 8):
        clone = repo.clone(tmp_path / f"clone{depth}", f"--depth={depth}", "--no-single-branch")
        with open_view(discover(clone.path)) as view:
            try:
                assert is_update_merge(view, merge, main)
            except HistoryError as error:
                assert error.code in {"history-too-shallow", "object-missing"}  # noqa: PT017
                assert depth < 6
