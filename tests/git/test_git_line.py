"""The first-parent line with what each step changed, against git's plain differences."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from itil_gate.git.diff import content_digest, raw_diff
from itil_gate.git.discover import discover
from itil_gate.git.line import count_line, landed_digest, line_ids, steps, touched
from itil_gate.git.view import open_view
from itil_gate.model.errors import HistoryError

if TYPE_CHECKING:
    from support.repository import Repo


def grown(repo: Repo) -> list[str]:
    """Make a line with every kind of change: added, changed, deleted, a file become a folder."""
    made = [repo.commit("one", files={"a": "1\n", "b": "1\n", "gone/x": "1\n"})]
    made.append(repo.commit("two", files={"a": "2\n", "c/d e\n": "odd name\n"}))
    repo.git("rm", "-q", "-r", "gone", "b")
    made.append(repo.commit("three", files={"b/inside": "was a file\n"}))
    repo.git("checkout", "-q", "-b", "side", made[1])
    repo.commit("aside", files={"side": "1\n"})
    repo.git("checkout", "-q", "main")
    repo.git(
        *("-c", "user.name=a", "-c", "user.email=a@b", "merge", "-q", "--no-ff", "-m", "m", "side")
    )
    made.append(repo.tip("main"))
    (repo.path / "a").unlink()
    (repo.path / "a").symlink_to("c")
    repo.git("add", "-A")
    made.append(repo.commit("link"))
    made.append(repo.commit("nothing at all"))
    return made


def test_each_step_has_the_content_digest_of_its_difference(repo: Repo) -> None:
    made = grown(repo)
    with open_view(discover(repo.path)) as view:
        line = list(steps(view, repo.tip("main")))
        assert [step.id for step in line] == made[::-1]
        for step in line:
            plain = raw_diff(view, step.before, step.id)
            assert landed_digest([step]) == content_digest(plain)
            assert touched([step]) == {one.path.encode() for one in plain}
        assert line[-1].before is None
        assert line[0].raw == ()


@pytest.mark.parametrize(("first", "last"), [*combinations(range(6), 2)])
def test_steps_together_have_the_digest_of_what_lies_between(
    repo: Repo, first: int, last: int
) -> None:
    made = grown(repo)
    with open_view(discover(repo.path)) as view:
        line = list(steps(view, made[last], since=made[first]))
        assert len(line) == last - first
        assert landed_digest(line) == content_digest(raw_diff(view, made[first], made[last]))


def test_what_is_taken_back_within_the_steps_is_no_change(repo: Repo) -> None:
    start = repo.commit("one", files={"a": "1\n"})
    repo.commit("two", files={"a": "2\n", "b": "1\n"})
    repo.git("rm", "-q", "b")
    end = repo.commit("three", files={"a": "1\n"})
    with open_view(discover(repo.path)) as view:
        assert landed_digest(list(steps(view, end, since=start))) == content_digest(())


def test_only_the_line_is_counted(repo: Repo) -> None:
    made = grown(repo)
    with open_view(discover(repo.path)) as view:
        assert count_line(view, made[-1]) == 6
        assert count_line(view, made[-1], since=made[1]) == 4
        assert line_ids(view, made[-1], since=made[1]) == set(made[2:])


def test_a_tip_that_is_not_here_is_an_error(repo: Repo) -> None:
    grown(repo)
    with open_view(discover(repo.path)) as view, pytest.raises(HistoryError):
        list(steps(view, "0" * 40))
