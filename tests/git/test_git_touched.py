"""What a branch touched on its way, even where its end shows nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.git.history import paths_touched

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from support.repository import Repo

    from itil_gate.git.view import View

    Viewed = Callable[[Repo], AbstractContextManager[View]]


def test_a_change_that_was_undone_counts(repo: Repo, viewed: Viewed) -> None:
    base = repo.commit(files={"changes/a": "1", "changes/ä b": "1", "src/a": "1"})
    repo.commit(files={"changes/a": "2", "src/a": "2"})
    repo.remove("changes/ä b")
    repo.commit()
    head = repo.commit(files={"changes/a": "1", "changes/ä b": "1", "src/a": "1"})
    with viewed(repo) as view:
        assert paths_touched(view, base, head, below="changes") == {"changes/a", "changes/ä b"}
        assert paths_touched(view, head, head, below="changes") == frozenset()


def test_a_side_branch_that_was_undone_counts(repo: Repo, viewed: Viewed) -> None:
    base = repo.commit(files={"changes/a": "1"})
    repo.checkout("side", create=True)
    repo.commit(files={"changes/a": "2"})
    repo.commit(files={"changes/a": "1"})
    repo.checkout("topic", create=True, at=base)
    repo.commit(files={"src/a": "1"})
    head = repo.merge("side")
    with viewed(repo) as view:
        assert paths_touched(view, base, head, below="changes") == {"changes/a"}


def test_merging_the_target_in_touches_nothing_unless_the_merge_does(
    repo: Repo, viewed: Viewed
) -> None:
    base = repo.commit(files={"changes/a": "1"})
    repo.checkout("topic", create=True)
    repo.commit(files={"src/a": "1"})
    repo.checkout("main")
    tip = repo.commit(files={"changes/b": "1"})
    repo.checkout("topic")
    head = repo.merge("main")
    with viewed(repo) as view:
        assert paths_touched(view, tip, head, below="changes") == frozenset()
    repo.git("reset", "--quiet", "--hard", "HEAD^")
    repo.git("merge", "--quiet", "--no-ff", "--no-commit", "main")
    evil = repo.commit(files={"changes/a": "2"})
    with viewed(repo) as view:
        assert paths_touched(view, tip, evil, below="changes") == {"changes/a"}
    assert base != tip
