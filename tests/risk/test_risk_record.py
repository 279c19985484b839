"""What a small record, made by hand, says about a proposal: every fact to the last digit."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.risk.card import score_card
from itil_gate.risk.change_failure import CHANGE_FAILURE
from itil_gate.risk.outcomes import DAY, Landed, read_message
from itil_gate.risk.record import HOUR, ONE, WEIGHTS, Proposal, history_facts, percentile

if TYPE_CHECKING:
    from itil_gate.model.facts import HistoryFacts

NOW = 1_767_603_600


def change(
    title: str, *paths: str, age: int = 2 * DAY, author: str = "alice@example.com"
) -> Landed:
    """A change that landed so many seconds ago."""
    return Landed(
        id=hashlib.sha256(repr((title, paths, age)).encode()).hexdigest()[:40],
        also="",
        at=NOW - age,
        author=author,
        said=read_message(title),
        paths=tuple(path.encode() for path in paths),
    )


def facts(
    *landed: Landed,
    paths: tuple[str, ...] = ("src/a.py",),
    titles: tuple[str, ...] = ("Change it",),
    authors: tuple[str, ...] = ("alice@example.com",),
    complete: bool = True,
) -> HistoryFacts:
    """The facts about a proposal; what landed may come in any order."""
    proposal = Proposal(frozenset(path.encode() for path in paths), titles, frozenset(authors))
    ordered = sorted(landed, key=lambda item: -item.at)
    return history_facts(ordered, proposal=proposal, now=NOW, complete=complete)


def ten_changes() -> list[Landed]:
    """Four changes to src/a.py, two of which failed, and six to docs/b.md; all of the same age."""
    return [
        change('Revert "One"', "src/a.py"),
        change('Revert "Two"', "src/a.py"),
        change("One", "src/a.py"),
        change("Two", "src/a.py"),
        change("Three", "src/a.py"),
        change("Four", "src/a.py"),
        *(change(f"Docs {number}", "docs/b.md") for number in range(6)),
    ]


def undated(landed: list[Landed]) -> list[Landed]:
    return [item._replace(at=NOW) for item in landed]


def test_rates_are_drawn_towards_the_usual_one_and_compared_with_it() -> None:
    found = facts(*undated(ten_changes()))
    assert (found.changes, found.failures, found.complete) == (10, 2, True)
    assert found.base_ppm == 50_000  # (1 + 2) / (50 + 10)
    assert found.file_ratio == 4_000  # (8 x 0.05 + 2) / (8 + 4) / 0.05
    assert found.dir_ratio == 2_894  # (15 x 0.05 + 2) / (15 + 4) / 0.05
    assert found.area_ratio == 2_058  # (30 x 0.05 + 2) / (30 + 4) / 0.05
    assert found.type_ratio == 2_058


def test_files_that_never_failed_are_better_than_usual() -> None:
    found = facts(*undated(ten_changes()), paths=("docs/b.md",))
    assert found.file_ratio == 571  # 8 / 14
    assert found.dir_ratio == 714  # 15 / 21
    assert found.area_ratio == found.type_ratio == 833  # 30 / 36


def test_the_worst_of_the_files_counts() -> None:
    found = facts(*undated(ten_changes()), paths=("docs/b.md", "src/a.py"))
    assert (found.file_ratio, found.type_ratio) == (4_000, 2_058)
    assert facts(*undated(ten_changes()), paths=("docs/b.md", "new/c.go")).file_ratio == 1_000


def test_a_folder_is_told_apart_to_three_levels() -> None:
    landed = undated([change('Revert "One"', "a/b/c/d/e.py"), change("One", "a/b/c/d/e.py")])
    near = facts(*landed, paths=("a/b/c/x/y.txt",))
    far = facts(*landed, paths=("a/b/z/y.txt",))
    assert near.dir_ratio is not None
    assert near.dir_ratio > 1_000 == far.dir_ratio
    assert near.area_ratio == far.area_ratio
    assert near.area_ratio is not None
    assert near.area_ratio > 1_000
    assert near.type_ratio == 1_000


def test_a_change_weighs_half_after_180_days() -> None:
    assert WEIGHTS[0] == ONE
    assert WEIGHTS[180] == pytest.approx(ONE / 2, abs=2)
    assert WEIGHTS[360] == pytest.approx(ONE / 4, abs=2)
    assert len(WEIGHTS) == 366
    half = [item._replace(at=NOW - 180 * DAY) for item in ten_changes()]
    found = facts(*half)
    assert found.base_ppm == pytest.approx(1e6 * (1 + 1) / (50 + 5), abs=1)
    assert found.file_ratio == pytest.approx(1_000 * (8 + 1 * 27.5) / (8 + 2), abs=1)


def test_changes_older_than_a_year_are_left_out() -> None:
    assert facts(*(item._replace(at=NOW - 366 * DAY) for item in ten_changes())).changes == 0
    assert facts(*(item._replace(at=NOW - 365 * DAY) for item in ten_changes())).changes == 10


def test_an_empty_but_complete_record_is_a_new_repository() -> None:
    found = facts()
    assert (found.changes, found.base_ppm, found.file_ratio) == (0, 20_000, 1_000)
    assert (found.hours_since_failure, found.first_today) == (8_760, True)
    assert found.developers_percentile is None


def test_an_empty_record_that_is_not_complete_says_nothing() -> None:
    found = facts(complete=False, paths=("a.yaml",))
    assert (found.complete, found.changes, found.config_percent) == (False, 0, 100)
    assert (found.file_ratio, found.hours_since_failure, found.first_today) == (None, None, None)
    assert score_card(CHANGE_FAILURE, found).likelihood == "unknown"


def test_failures_are_counted_once_for_all_files_they_share_with_the_proposal() -> None:
    landed = [
        change('Revert "One"', "src/a.py", "src/b.py", age=DAY),
        change("One", "src/a.py", "src/b.py"),
        change('Revert "Two"', "lib/c.py", age=DAY),
        change("Two", "lib/c.py"),
    ]
    assert facts(*landed, paths=("src/a.py", "src/b.py")).file_failures_365 == 1
    assert facts(*landed, paths=("src/a.py", "lib/c.py")).file_failures_365 == 2
    assert facts(*landed, paths=("src/z.py",)).file_failures_365 == 0
    assert facts(*landed, paths=("src/z.py",)).dir_failures_90 == 1


@pytest.mark.parametrize(("days", "found"), [(90, 1), (91, 0)])
def test_folder_failures_are_those_known_for_at_most_90_days(days: int, found: int) -> None:
    landed = [
        change('Revert "One"', "src/a.py", age=days * DAY),
        change("One", "src/a.py", age=(days + 2) * DAY),
    ]
    assert facts(*landed, paths=("src/z.py",)).dir_failures_90 == found


@pytest.mark.parametrize(
    ("titles", "percent"),
    [
        (("Widen the pool of connections",), 100),
        (("Widen the pool",), 66),  # widen pool / widen pool connections
        (("Unrelated", "pool"), 33),
        (("The and for of",), 0),
        ((), 0),
    ],
)
def test_titles_are_compared_by_the_words_they_share(titles: tuple[str, ...], percent: int) -> None:
    landed = [
        change('Revert "Widen the pool of connections"', "src/a.py", age=DAY),
        change("Widen the pool of connections", "src/a.py", "src/b.py"),
    ]
    assert facts(*landed, titles=titles).title_overlap_percent == percent
    assert facts(*landed, titles=titles, paths=("src/z.py",)).title_overlap_percent == 0


@pytest.mark.parametrize(("days", "percent"), [(14, 100), (15, 0)])
def test_titles_are_compared_with_failures_of_the_last_14_days(days: int, percent: int) -> None:
    landed = [
        change('Revert "Widen"', "src/a.py", age=days * DAY),
        change("Widen", "src/a.py", age=20 * DAY),
    ]
    assert facts(*landed, titles=("widen",)).title_overlap_percent == percent


@pytest.mark.parametrize(("age", "hours"), [(0, 0), (1, 1), (24 * HOUR, 24), (24 * HOUR + 1, 25)])
def test_hours_since_the_last_failure_are_full_hours_begun(age: int, hours: int) -> None:
    landed = [change('Revert "One"', "x", age=age), change("One", "x"), *ten_changes()]
    assert facts(*landed).hours_since_failure == hours


def test_half_of_the_files_may_be_configuration() -> None:
    assert facts(paths=("a.yaml", "b.py")).config_percent == 50
    assert facts(paths=("a.yaml", "b.py", "c.py")).config_percent == 33
    assert facts(paths=()).config_percent == 0


def test_developers_are_compared_with_the_newer_half_of_the_changes() -> None:
    landed = [
        change("1", "src/a.py", age=9 * DAY, author="alice"),
        change("2", "src/a.py", age=8 * DAY, author="bob"),
        change("3", "src/b.py", age=7 * DAY, author="alice"),
        change("4", "src/b.py", age=6 * DAY, author="alice"),  # one before
        change("5", "src/a.py", age=5 * DAY, author="alice"),  # two before
        change("6", "src/new.py", age=4 * DAY, author="carol"),  # none before
    ]
    assert facts(*landed, paths=("src/a.py",)).developers_percentile == 83  # 2 of 0 1 2
    assert facts(*landed, paths=("src/b.py",)).developers_percentile == 50
    assert facts(*landed, paths=("src/zzz.py",)).developers_percentile == 16
    both = facts(*landed, paths=("src/a.py", "src/new.py"))
    assert both.developers_percentile == 100


def test_the_first_change_to_these_files_today_is_told() -> None:
    assert facts(change("1", "src/a.py", age=DAY)).first_today is False
    assert facts(change("1", "src/a.py", age=DAY + 1)).first_today is True
    assert facts(change("1", "src/b.py", age=5)).first_today is True


def test_the_author_who_landed_the_fewest_changes_today_counts() -> None:
    landed = [
        change("1", "x", age=1, author="alice"),
        change("2", "x", age=2, author="alice"),
        change("3", "x", age=3, author="bob"),
        change("4", "x", age=DAY + 1, author="bob"),
    ]
    assert facts(*landed, authors=("alice",)).author_changes_24h == 2
    assert facts(*landed, authors=("alice", "bob")).author_changes_24h == 1
    assert facts(*landed, authors=("alice", "carol")).author_changes_24h == 0
    assert facts(*landed, authors=()).author_changes_24h == 0


def test_forged_dates_spoil_only_their_own_change() -> None:
    honest = facts(*ten_changes())
    for forged in (0, 1, NOW + 50 * 365 * DAY, 10**30):
        with_forged = history_facts(
            [change("F", "other.txt")._replace(at=forged), *ten_changes()],
            proposal=Proposal(frozenset([b"src/a.py"]), (), frozenset()),
            now=NOW,
            complete=True,
        )
        assert with_forged.changes in {10, 11}
        assert with_forged.failures == honest.failures
        assert with_forged.file_failures_365 == honest.file_failures_365


@pytest.mark.parametrize(
    ("value", "others", "percent"),
    [(5, (1, 2, 3), 100), (0, (1, 2, 3), 0), (2, (1, 2, 3), 50), (2, (2, 2), 50), (1, (), None)],
)
def test_equals_count_half_in_a_percentile(
    value: int, others: tuple[int, ...], percent: int | None
) -> None:
    assert percentile(value, others) == percent


names = st.sampled_from(["src/a.py", "src/b.py", "lib/x/y/z/c.yaml", "README", "docs/d.md"])
titles = st.sampled_from(["One", "Two", 'Revert "One"', 'Revert "Two"', "One two three"])
landings = st.lists(
    st.builds(
        lambda title, paths, age, author: change(title, *paths, age=age, author=author),
        titles,
        st.lists(names, max_size=3),
        st.integers(-DAY, 400 * DAY),
        st.sampled_from(["alice", "bob"]),
    ),
    max_size=12,
)


@given(landings, st.lists(names, max_size=3))
def test_all_that_is_found_is_whole_and_within_bounds(
    landed: list[Landed], paths: list[str]
) -> None:
    found = facts(*landed, paths=tuple(paths))
    assert 0 <= found.failures <= found.changes
    assert 0 < found.base_ppm <= 1_000_000
    for name, value in found.model_dump().items():
        if value is None:
            assert name in {"developers_percentile", "lines_added_percentile"}
        else:
            assert type(value) in {int, bool}, name
            assert value >= 0, name
    score = score_card(CHANGE_FAILURE, found)
    assert score.points <= 30


@given(landings, st.lists(names, min_size=1, max_size=3))
def test_one_more_failure_of_these_files_never_makes_them_look_safer(
    landed: list[Landed], paths: list[str]
) -> None:
    extra = change("Another attempt", *paths, age=3 * HOUR)
    undo = change('Revert "Another attempt"', *paths, age=2 * HOUR)
    before = facts(extra, *landed, paths=tuple(paths), titles=("Third time",))
    after = facts(undo, extra, *landed, paths=tuple(paths), titles=("Third time",))
    assert after.file_failures_365 == (before.file_failures_365 or 0) + 1
    for name in ("file_ratio", "dir_ratio", "area_ratio", "type_ratio"):
        assert getattr(after, name) >= getattr(before, name)
    assert score_card(CHANGE_FAILURE, after).points >= score_card(CHANGE_FAILURE, before).points
