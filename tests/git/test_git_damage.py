"""A store with holes gives no answer: git 2.39 itself often gives a wrong one and succeeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.repository import BOB

from itil_gate.git.diff import raw_diff
from itil_gate.git.discover import discover
from itil_gate.git.history import commits_between, is_ancestor, last_change, merge_base
from itil_gate.git.merge import clean_replay, is_update_merge, merge_tree
from itil_gate.git.tree import blob_at, ls_tree
from itil_gate.git.view import open_view
from itil_gate.model.errors import GateError, HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from support.repository import Repo

    from itil_gate.git.view import View

    Viewed = Callable[[Repo], AbstractContextManager[View]]
    Question = Callable[[View, dict[str, str]], object]

QUESTIONS: dict[str, Question] = {
    "merge_base": lambda v, k: merge_base(v, k["main"], k["topic"]),
    "commits_between": lambda v, k: commits_between(v, k["main"], k["topic"]),
    "commits_of_all": lambda v, k: commits_between(v, None, k["topic"]),
    "is_ancestor": lambda v, k: is_ancestor(v, k["root"], k["topic"]),
    "is_no_ancestor": lambda v, k: is_ancestor(v, k["main"], k["topic"]),
    "last_change": lambda v, k: last_change(v, "d/a", since=k["main"], until=k["topic"]),
    "merge_tree": lambda v, k: merge_tree(v, k["main"], k["topic"]),
    "raw_diff": lambda v, k: raw_diff(v, k["fork"], k["topic"]),
    "clean_replay": lambda v, k: clean_replay(
        v, approved_tree=k["topic_tree"], approved_merge_base=k["fork"], onto=k["main"]
    ),
    "is_update_merge": lambda v, k: is_update_merge(v, k["update"], k["main"]),
    "ls_tree": lambda v, k: ls_tree(v, k["topic"]),
    "blob_at": lambda v, k: blob_at(v, k["topic"], "d/a"),
}
# What each question cannot be answered without.
NEEDS = {
    "merge_base": ["middle", "fork"],
    "commits_between": ["middle"],
    "commits_of_all": ["middle", "fork", "root"],
    "is_ancestor": ["middle", "fork"],
    "is_no_ancestor": ["middle"],
    "last_change": ["middle", "topic_tree"],
    "merge_tree": ["middle", "fork", "fork_tree", "topic_tree", "topic_d", "main_d"],
    "raw_diff": ["fork_tree", "topic_tree", "topic_d", "fork"],
    "clean_replay": ["fork", "fork_tree", "topic_tree", "topic_d", "main_d"],
    "is_update_merge": ["middle", "fork_tree", "topic_d"],
    "ls_tree": ["topic_tree", "topic_d"],
    "blob_at": ["topic_tree", "topic_d", "topic_blob"],
}


def _history(repo: Repo) -> dict[str, str]:
    text = "".join(f"{n}\n" for n in range(20))
    known = {"root": repo.commit("root")}
    known["fork"] = repo.commit("fork", files={"d/a": text, "d/b": "x", "e/c": "x"})
    known["main"] = repo.commit("main", files={"d/a": f"{text}end\n"})
    repo.checkout("topic", create=True, at=known["fork"])
    known["middle"] = repo.commit("middle", author=BOB, files={"d/new": "x"})
    known["topic"] = repo.commit("topic", files={"d/a": f"start\n{text}"})
    known["update"] = repo.merge("main")
    for name in ("fork", "main", "topic"):
        known[f"{name}_tree"] = repo.tree(known[name])
        known[f"{name}_d"] = repo.tip(f"{known[name]}:d")
    known["topic_blob"] = repo.tip(f"{known['topic']}:d/a")
    return known


@pytest.mark.parametrize(("name", "hole"), [(n, h) for n, holes in NEEDS.items() for h in holes])
def test_no_question_is_answered_across_a_hole(
    repo: Repo, viewed: Viewed, name: str, hole: str
) -> None:
    known = _history(repo)
    with viewed(repo) as view:
        QUESTIONS[name](view, known)
    (repo.git_dir / "objects" / known[hole][:2] / known[hole][2:]).unlink()
    with viewed(repo) as view, pytest.raises(HistoryError) as caught:
        QUESTIONS[name](view, known)
    assert caught.value.code == "object-missing"


def test_git_itself_answers_across_a_hole(repo: Repo) -> None:
    """If this fails, git has been mended; the guard against it costs nothing and stays."""
    known = _history(repo)
    for hole in ("topic_tree", "main_tree", "fork_tree"):
        (repo.git_dir / "objects" / known[hole][:2] / known[hole][2:]).unlink()
    told = repo.git(
        "merge-tree", "--write-tree", known["main"], known["topic"], ok=range(-256, 256)
    )
    assert told in {"4b825dc642cb6eb9a060e54bf8d69288fbee4904", ""}


def test_alternates_that_went_away_are_an_error(repo: Repo) -> None:
    commit = repo.commit()
    (repo.git_dir / "objects/info/alternates").write_text("/nowhere/objects\n")
    with open_view(discover(repo.path)) as view, pytest.raises(HistoryError, match="alternate"):
        commits_between(view, None, commit)


def test_an_unknown_object_format_is_refused(repo: Repo) -> None:
    with (repo.git_dir / "config").open("a") as config:
        config.write("[extensions]\n\tobjectFormat = sha3\n")
    with pytest.raises(GateError) as caught, open_view(discover(repo.path)):
        pass
    assert caught.value.code == "unknown-object-format"
