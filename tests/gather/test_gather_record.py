"""What the record of real repositories with reverts in them says about a proposed change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.repository import ALICE, BOB, CAROL, START

from itil_gate.gather import record
from itil_gate.gather.record import read_history
from itil_gate.git.diff import raw_diff
from itil_gate.git.discover import discover
from itil_gate.git.history import commits_between, merge_base
from itil_gate.git.view import open_view
from itil_gate.risk.card import score_card
from itil_gate.risk.change_failure import CHANGE_FAILURE

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Repo, Who

    from itil_gate.model.facts import HistoryFacts

DAY = 86_400
HOUR = 3_600
NOW = START + 400 * DAY


def facts(repo: Repo, *, tip: str = "main", head: str = "topic", now: int = NOW) -> HistoryFacts:
    """The facts about merging one branch into another."""
    with open_view(discover(repo.path)) as view:
        target, proposed = repo.tip(tip), repo.tip(head)
        base = merge_base(view, target, proposed)
        return read_history(
            view,
            tip=target,
            base=base,
            head=proposed,
            diff=raw_diff(view, base, proposed),
            commits=commits_between(view, target, proposed),
            now=datetime.fromtimestamp(now, UTC),
        )


def land(repo: Repo, title: str, *paths: str, ago: int, author: Who = ALICE, lines: int = 1) -> str:
    """Land a change on the branch checked out, so many seconds before the moment of the tests."""
    text = f"{title} {ago}\n" * lines
    return repo.commit(title, files=dict.fromkeys(paths, text), when=NOW - ago, author=author)


def propose(repo: Repo, title: str, *paths: str, author: Who = ALICE, lines: int = 1) -> None:
    """Put a change on the branch topic."""
    repo.checkout("topic", create=True)
    repo.commit(
        title,
        files=dict.fromkeys(paths, f"{title}\n" * lines),
        when=NOW - 60,
        author=author,
    )
    repo.checkout("main")


def grown(repo: Repo) -> Repo:
    """A repository in which the pool has failed twice, most lately 30 hours ago."""
    land(repo, "Start", "README", "db/pool.py", "conf/db.yaml", ago=100 * DAY, lines=3)
    first = land(repo, "Widen the pool", "db/pool.py", ago=90 * DAY, author=BOB)
    repo.git("revert", "--no-edit", first, env=repo._people(BOB, None, NOW - 89 * DAY))
    land(repo, "Explain the pool", "README", ago=50 * DAY, author=CAROL, lines=9)
    land(repo, "Narrow the pool (#7)", "db/pool.py", "conf/db.yaml", ago=2 * DAY)
    land(repo, 'Revert "Narrow the pool (#7)" (#8)', "db/pool.py", ago=30 * HOUR, author=CAROL)
    land(repo, "Describe the schema", "db/schema.py", ago=20 * HOUR, author=BOB, lines=2)
    return repo


def test_every_fact_is_read_from_a_real_repository(repo: Repo) -> None:
    grown(repo)
    propose(repo, "Narrow the pool carefully", "db/pool.py", "conf/db.yaml", lines=4)
    found = facts(repo)
    assert (found.changes, found.failures, found.complete) == (5, 2, True)
    # Weights of 2 ** (-age / 180): 0.680, 0.707, 0.825, 0.992, 1 (whole days).
    seen, bad = 0.680 + 0.707 + 0.825 + 0.992 + 1, 0.707 + 0.992
    base = (1 + bad) / (50 + seen)
    assert found.base_ppm == pytest.approx(1e6 * base, rel=1e-3)
    pool = (8 + bad / base) / (8 + 0.680 + 0.707 + 0.992)
    assert found.file_ratio == pytest.approx(1e3 * pool, rel=1e-3)
    conf = (15 + 0.992 / base) / (15 + 0.680 + 0.992)
    db = (15 + bad / base) / (15 + seen - 0.825)
    assert found.dir_ratio == pytest.approx(1e3 * max(conf, db), rel=1e-3)
    assert found.file_failures_365 == 2
    assert found.dir_failures_90 == 2
    assert found.title_overlap_percent == 66  # narrow pool / narrow pool carefully
    assert found.hours_since_failure == 30
    assert found.config_percent == 50
    # 8 lines against 2, 1, 2, 9, 1, 1 and none for the first commit
    assert found.lines_added_percentile == 85
    assert found.developers_percentile is not None
    assert found.first_today is True
    assert found.author_changes_24h == 0


def test_the_score_of_a_real_repository_is_explained(repo: Repo) -> None:
    grown(repo)
    propose(repo, "Narrow the pool carefully", "db/pool.py", "conf/db.yaml", lines=4)
    score = score_card(CHANGE_FAILURE, facts(repo))
    assert score.likelihood == "likely"
    assert score.unknown == ()
    assert "2 changes to these files were backed out in the last 365 days" in {
        item.reason for item in score.contributions
    }


def test_a_harmless_corner_of_the_same_repository_scores_lower(repo: Repo) -> None:
    grown(repo)
    propose(repo, "Reword", "README", author=BOB)
    score = score_card(CHANGE_FAILURE, facts(repo))
    assert score.likelihood == "unlikely"
    assert {item.factor for item in score.contributions} <= {
        *("recent-failure", "developers", "no-series", "first-today", "lines-added", "type-record")
    }


def test_the_same_repository_gives_the_same_facts(repo: Repo) -> None:
    grown(repo)
    propose(repo, "Narrow the pool", "db/pool.py")
    assert facts(repo) == facts(repo)


def test_what_is_proposed_does_not_count_as_landed(repo: Repo) -> None:
    grown(repo)
    propose(repo, 'Revert "Describe the schema"', "db/schema.py", author=BOB)
    found = facts(repo)
    assert (found.changes, found.failures) == (5, 2)


def test_only_the_first_parent_counts(repo: Repo) -> None:
    land(repo, "Start", "a", ago=9 * DAY)
    repo.checkout("side", create=True)
    land(repo, "Half", "a", ago=8 * DAY)
    land(repo, "Whole", "b", ago=7 * DAY)
    repo.checkout("main")
    repo.merge("side", message="Merge pull request #3 from o/side\n\nDo it", when=NOW - 6 * DAY)
    propose(repo, "Next", "a")
    assert facts(repo).changes == 2


def test_a_merge_is_taken_back_by_git_and_by_a_forge(repo: Repo) -> None:
    land(repo, "Start", "a", ago=9 * DAY)
    for number, name in ((3, "one"), (4, "two")):
        repo.checkout(name, create=True)
        repo.commit(name, files={name: name}, when=NOW - 8 * DAY)
        repo.checkout("main")
        repo.merge(
            name,
            message=f"Merge pull request #{number} from o/{name}\n\nDo {name}",
            when=NOW - 7 * DAY,
        )
    repo.git("revert", "--no-edit", "-m", "1", "HEAD", env=repo._people(BOB, None, NOW - 6 * DAY))
    repo.checkout("revert-3-one", create=True)
    land(repo, "Put it back", "one", ago=5 * DAY)
    repo.checkout("main")
    repo.merge(
        "revert-3-one",
        message="Merge pull request #5 from o/revert-3-one\n\nRevert it",
        when=NOW - 4 * DAY,
    )
    propose(repo, "Next", "two")
    found = facts(repo)
    assert (found.changes, found.failures) == (3, 2)
    assert found.file_failures_365 == 1


def test_a_revert_inside_a_merged_branch_is_seen(repo: Repo) -> None:
    land(repo, "Start", "a", ago=9 * DAY)
    repo.checkout("one", create=True)
    inner = land(repo, "Inner", "b", ago=8 * DAY)
    repo.checkout("main")
    repo.merge("one", message="Merge pull request #3 from o/one\n\nDo it", when=NOW - 7 * DAY)
    repo.checkout("undo", create=True)
    repo.git("revert", "--no-edit", inner, env=repo._people(BOB, None, NOW - 6 * DAY))
    repo.checkout("main")
    repo.merge("undo", message="Merge pull request #4 from o/undo\n\nCalm", when=NOW - 5 * DAY)
    propose(repo, "Next", "b")
    found = facts(repo)
    assert (found.changes, found.failures, found.file_failures_365) == (2, 1, 1)


def test_a_merge_counts_for_whoever_wrote_what_was_merged(repo: Repo) -> None:
    land(repo, "Start", "a", ago=9 * DAY)
    repo.checkout("one", create=True)
    land(repo, "Mine", "b", ago=3 * HOUR, author=BOB)
    repo.checkout("main")
    repo.merge("one", message="Merge it", author=CAROL, when=NOW - 2 * HOUR)
    propose(repo, "Next", "c", author=BOB)
    assert facts(repo).author_changes_24h == 1
    propose(repo, "Next", "c", author=CAROL)
    assert facts(repo).author_changes_24h == 0


def test_merging_the_target_in_is_neither_title_nor_author(repo: Repo) -> None:
    land(repo, "Start", "a", ago=9 * DAY)
    repo.checkout("topic", create=True)
    repo.commit("Mine", files={"b": "1"}, author=BOB, when=NOW - HOUR)
    repo.checkout("main")
    land(repo, "Other", "c", ago=2 * HOUR, author=BOB)
    repo.checkout("topic")
    repo.merge("main", message="Merge branch main", author=CAROL, when=NOW - 60)
    repo.checkout("main")
    assert facts(repo).author_changes_24h == 1


def test_a_shallow_clone_is_reported_and_never_rated_low(repo: Repo, tmp_path: Path) -> None:
    for number in range(8):
        land(repo, f"Change {number}", "a", ago=(20 - number) * DAY)
    propose(repo, "Next", "a")
    assert facts(repo).complete is True
    shallow = repo.clone(tmp_path / "clone", "--depth=4", "--no-single-branch", "--branch=topic")
    found = facts(shallow, tip="origin/main")
    # The oldest commit here seems to add everything, so it is not counted.
    assert (found.complete, found.changes) == (False, 3)
    assert score_card(CHANGE_FAILURE, found).likelihood in {"unknown", "possible", "likely"}
    tiny = repo.clone(tmp_path / "tiny", "--depth=2", "--no-single-branch", "--branch=topic")
    tiny.git("fetch", "--quiet", "--depth=1", "origin", "main")
    with open_view(discover(tiny.path)) as view:
        tip, moment = tiny.tip("origin/main"), datetime.fromtimestamp(NOW, UTC)
        found = read_history(
            view,
            tip=tip,
            base=tip,
            head=tip,
            diff=(),
            commits=(),
            now=moment,
        )
    assert (found.complete, found.changes, found.file_ratio) == (False, 0, None)
    assert score_card(CHANGE_FAILURE, found).likelihood == "unknown"


def test_a_shallow_clone_of_a_year_is_complete(repo: Repo, tmp_path: Path) -> None:
    for days in (390, 380, 350, 20):
        land(repo, f"Change {days}", "a", ago=days * DAY)
    propose(repo, "Next", "a")
    since = f"--shallow-since=@{NOW - 385 * DAY}"
    clone = repo.clone(tmp_path / "clone", since, "--no-single-branch", "--branch=topic")
    found = facts(clone, tip="origin/main")
    assert (found.complete, found.changes) == (True, 2)
    assert found == facts(repo)


def test_a_clone_without_contents_knows_all_but_the_lines(repo: Repo, tmp_path: Path) -> None:
    grown(repo)
    propose(repo, "Narrow the pool", "db/pool.py")
    repo.git("config", "uploadpack.allowFilter", "true")
    bare = repo.clone(tmp_path / "bare.git", "--bare", "--filter=blob:none")
    found = facts(bare)
    assert found.lines_added_percentile is None
    assert found == facts(repo).model_copy(update={"lines_added_percentile": None})
    score = score_card(CHANGE_FAILURE, found)
    assert score.unknown == ("lines-added",)
    assert score.points >= score_card(CHANGE_FAILURE, facts(repo)).points


def test_a_clone_without_trees_is_reported(repo: Repo) -> None:
    old = land(repo, "Old", "a", ago=30 * DAY)
    for number in range(5):
        land(repo, f"Change {number}", "a", ago=(20 - number) * DAY)
    propose(repo, "Next", "a")
    tree = repo.tree(old)
    (repo.git_dir / "objects" / tree[:2] / tree[2:]).unlink()
    found = facts(repo)
    assert found.complete is False
    assert 0 < found.changes < 6


def test_history_ends_after_a_year(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "OLD_IN_A_ROW", 2)
    for days in (399, 398, 397, 300, 200):
        land(repo, f"Change {days}", "a", ago=days * DAY)
    propose(repo, "Next", "a")
    found = facts(repo)
    assert (found.changes, found.complete) == (2, True)


def test_one_forged_date_hides_nothing_but_itself(repo: Repo) -> None:
    land(repo, "Widen", "a", ago=20 * DAY)
    land(repo, 'Revert "Widen"', "a", ago=19 * DAY)
    land(repo, "Old as the hills", "b", ago=NOW - 1)
    land(repo, "From the future", "c", ago=-3_000 * DAY)
    propose(repo, "Next", "a")
    found = facts(repo)
    assert (found.changes, found.failures, found.file_failures_365) == (2, 1, 1)
    assert found.hours_since_failure == 19 * 24


def test_more_changes_than_are_read_are_not_called_complete(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "MOST_CHANGES", 3)
    for days in range(5, 0, -1):
        land(repo, f"Change {days}", "a", ago=days * DAY)
    propose(repo, "Next", "a")
    found = facts(repo)
    assert (found.changes, found.complete) == (3, False)


def test_names_that_are_no_text_are_compared_by_their_bytes(repo: Repo) -> None:
    repo.commit("Widen", files={"x": "1"}, when=NOW - 9 * DAY)
    name = b"d\xff/\\b.py"
    repo.write(name, "1")
    repo.commit("Odd", when=NOW - 8 * DAY)
    repo.write(name, "2")
    repo.commit('Revert "Odd"', when=NOW - 7 * DAY)
    repo.checkout("topic", create=True)
    repo.write(name, "3")
    repo.commit("Again", when=NOW - 60)
    repo.checkout("main")
    assert facts(repo).file_failures_365 == 1


def test_a_binary_file_leaves_the_lines_unknown(repo: Repo) -> None:
    land(repo, "Start", "a", ago=9 * DAY)
    repo.checkout("topic", create=True)
    repo.commit("Logo", files={"logo": b"\0\1\2"}, when=NOW - 60)
    repo.checkout("main")
    assert facts(repo).lines_added_percentile is None
