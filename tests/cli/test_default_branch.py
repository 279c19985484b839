"""The default branch says which ones are guarded; the clone or the command says which it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.runner import today
from support.shell import Ran, run_gate
from support.world import CONFIG

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Repo
    from support.world import World

HOME = ("--default-branch", "refs/heads/main")


@pytest.fixture
def clone(desk: World, tmp_path: Path) -> Repo:
    """A clone of a repository where somebody pushed a branch that guards only itself."""
    today(desk)
    repo = desk.repo
    repo.checkout("evil", create=True, at="main")
    targets = "[refs/heads/main, refs/heads/release]"
    assert targets in CONFIG
    mine = CONFIG.replace(targets, "[refs/heads/evil]").replace('["docs/**"]', '["**"]')
    desk.commit({"itil-gate.yaml": mine})
    repo.checkout("sneaky", create=True, at="evil")
    desk.commit({"src/app.py": "print('sneaky')\n"})
    repo.checkout("main")
    return repo.clone(tmp_path / "clone")


def check(clone: Repo, *more: str, base: str = "origin/evil") -> Ran:
    return run_gate("check", "--base", base, "--head", "origin/sneaky", *more, cwd=clone.path)


def test_a_branch_that_only_guards_itself_is_refused_in_a_clone(clone: Repo) -> None:
    ran = check(clone)
    assert ran.code == 2
    assert "target-not-governed" in ran.err
    assert "refs/heads/evil is not among the targets in itil-gate.yaml of refs/heads/main" in (
        " ".join(ran.err.split())
    )


def test_where_the_clone_was_not_told_the_command_tells(clone: Repo) -> None:
    clone.git("symbolic-ref", "--delete", "refs/remotes/origin/HEAD")
    assert check(clone).code == 0  # nobody said otherwise: such a pipeline has to name it
    assert check(clone, *HOME).code == 2


def test_a_guarded_branch_other_than_the_default_one_is_judged(clone: Repo) -> None:
    clone.git("update-ref", "refs/remotes/origin/release", "refs/remotes/origin/main")
    ran = check(clone, *HOME, base="origin/release")
    assert ran.code == 1, ran.err
    assert "refs/heads/release" in ran.out


def test_a_default_branch_that_is_not_here_is_undecided(clone: Repo) -> None:
    ran = check(clone, "--default-branch", "refs/heads/gone")
    assert ran.code == 2
    assert "unknown-revision" in ran.err


def test_a_default_branch_of_another_name_is_the_target_by_default(clone: Repo) -> None:
    clone.git("update-ref", "refs/remotes/origin/develop", "refs/remotes/origin/main")
    told = clone.path / ".git" / "refs" / "remotes" / "origin" / "HEAD"
    told.write_text("ref: refs/remotes/origin/develop\n", encoding="utf-8")
    ran = run_gate("check", "--head", "origin/sneaky", cwd=clone.path)
    assert ran.code == 2
    assert "refs/heads/develop" in ran.err  # and not the branch main that is there too


@pytest.mark.parametrize("said", ["refs/heads/main", "refs/remotes/origin/"])
def test_what_a_clone_holds_in_place_of_a_name_is_no_name(clone: Repo, said: str) -> None:
    told = clone.path / ".git" / "refs" / "remotes" / "origin" / "HEAD"
    told.write_text(f"ref: {said}\n", encoding="utf-8")
    ran = run_gate("check", "--head", "origin/sneaky", cwd=clone.path)
    assert ran.code == 1, ran.err
    assert "into refs/heads/main" in ran.out
