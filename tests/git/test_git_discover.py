"""Finding the repository without running git."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.repository import Repo

from itil_gate.git.discover import discover
from itil_gate.model.errors import GateError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_repository_is_found_from_a_directory_below(repo: Repo) -> None:
    (repo.path / "a" / "b").mkdir(parents=True)
    found = discover(repo.path / "a" / "b")
    assert (found.work_tree, found.git_dir) == (repo.path.resolve(), repo.git_dir.resolve())
    assert found.common_dir == found.git_dir


def test_a_bare_repository_has_no_work_tree(tmp_path: Path) -> None:
    bare = Repo(tmp_path / "bare.git", bare=True)
    found = discover(bare.path / "objects")
    assert (found.git_dir, found.work_tree) == (bare.path.resolve(), None)


def test_a_linked_work_tree_shares_objects_but_not_head(repo: Repo, tmp_path: Path) -> None:
    repo.commit()
    repo.git("worktree", "add", "--quiet", "-b", "side", tmp_path / "linked")
    found = discover(tmp_path / "linked")
    assert found.common_dir == repo.git_dir.resolve()
    assert found.git_dir == (repo.git_dir / "worktrees" / "linked").resolve()
    assert found.work_tree == (tmp_path / "linked").resolve()


def test_a_submodule_is_its_own_repository(repo: Repo, tmp_path: Path) -> None:
    inner = Repo(tmp_path / "inner")
    inner.commit(files={"a": "1"})
    repo.git("submodule", "--quiet", "add", inner.path, "sub")
    found = discover(repo.path / "sub")
    assert found.git_dir == (repo.git_dir / "modules" / "sub").resolve()


def test_a_separate_git_directory_is_followed(tmp_path: Path) -> None:
    bare = Repo(tmp_path / "store", bare=True)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / ".git").write_text("gitdir: ../store\n")
    assert discover(tmp_path / "tree").git_dir == bare.path.resolve()


def test_the_environment_does_not_move_the_repository(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repo(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.git_dir))
    assert discover(repo.path).git_dir == repo.git_dir.resolve()


def test_a_configured_work_tree_does_not_move_the_repository(repo: Repo, tmp_path: Path) -> None:
    repo.git("config", "core.worktree", str(tmp_path))
    assert discover(repo.path).work_tree == repo.path.resolve()


def test_an_empty_dot_git_directory_is_passed_over(repo: Repo) -> None:
    (repo.path / "sub" / ".git").mkdir(parents=True)
    assert discover(repo.path / "sub").git_dir == repo.git_dir.resolve()


@pytest.mark.parametrize("content", ["", "nonsense\n", "gitdir: ../nowhere\n", "gitdir: \n"])
def test_a_broken_dot_git_file_is_an_error_not_a_reason_to_look_further(
    repo: Repo, content: str
) -> None:
    (repo.path / "sub").mkdir()
    (repo.path / "sub" / ".git").write_text(content)
    with pytest.raises(GateError) as caught:
        discover(repo.path / "sub")
    assert caught.value.code == "not-a-repository"


@pytest.mark.parametrize("below", [".", "missing"])
def test_outside_of_any_repository_the_error_says_what_to_do(tmp_path: Path, below: str) -> None:
    with pytest.raises(GateError) as caught:
        discover(tmp_path / below)
    assert caught.value.code == "not-a-repository"


def test_a_work_tree_whose_repository_went_away_is_an_error(repo: Repo, tmp_path: Path) -> None:
    repo.commit()
    repo.git("worktree", "add", "--quiet", tmp_path / "linked")
    (repo.git_dir / "worktrees" / "linked" / "commondir").write_text("../../gone\n")
    with pytest.raises(GateError) as caught:
        discover(tmp_path / "linked")
    assert caught.value.code == "not-a-repository"
    assert "worktree repair" in caught.value.hint
