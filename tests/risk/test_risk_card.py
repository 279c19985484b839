"""The likelihood card: what it holds, what it adds up, and that not knowing never looks safe."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.model.facts import HistoryFacts
from itil_gate.risk.card import CARDS, class_of, expected_ppm, points_for, score_card
from itil_gate.risk.change_failure import CHANGE_FAILURE

FACTORS = {factor.id: factor for factor in CHANGE_FAILURE.factors}
CLASSES = ("rare", "unlikely", "possible", "likely")

# The fitted card: column, direction, and for each step its bound and the points it adds. Ratios are
# natural logarithms, hours ln(1 + hours), shares and ranks run from 0 to 1.
FITTED = {
    "lines-added": ("rank", 1, [(0.75, 1)]),
    "configuration": ("share", 1, [(0.5, 2)]),
    "developers": ("rank", 1, [(0.25, 1)]),
    "file-record": ("log", 1, [(0.1, 1), (0.25, 1), (0.5, 1), (0.8, 1), (1.2, 2)]),
    "folder-record": ("log", 1, [(0.25, 1), (0.5, 1), (0.8, 2)]),
    "area-record": ("log", 1, [(0.1, 1)]),
    "type-record": ("log", 1, [(0.05, 1)]),
    "file-failures": ("count", 1, [(2.0, 1), (4.0, 1)]),
    "folder-failures": ("count", 1, [(8.0, 1)]),
    "resembles-failure": ("share", 1, [(0.1, 1), (0.5, 3)]),
    "first-today": ("changes", -1, [(0.0, 1)]),
    "no-series": ("count", -1, [(0.0, 1), (2.0, 1)]),
    "recent-failure": ("hours", -1, [(3.2189, 2), (5.1299, 2)]),
}
SCALES = {
    "rank": lambda value: round(100 * value),
    "share": lambda value: round(100 * value),
    "log": lambda value: round(1000 * math.exp(value)),
    "count": int,
    "changes": lambda value: 1 - int(value),
    "hours": lambda value: round(math.exp(value) - 1),
}

counts = st.integers(0, 12)
ratios = st.integers(0, 6000)
percents = st.integers(0, 100)
KNOWN = {
    "file_ratio": ratios,
    "dir_ratio": ratios,
    "area_ratio": ratios,
    "type_ratio": ratios,
    "file_failures_365": counts,
    "dir_failures_90": counts,
    "title_overlap_percent": percents,
    "hours_since_failure": st.integers(0, 400),
    "config_percent": percents,
    "lines_added_percentile": percents,
    "developers_percentile": percents,
    "first_today": st.booleans(),
    "author_changes_24h": counts,
}
answers = st.fixed_dictionaries({name: st.none() | values for name, values in KNOWN.items()})


def facts(*, complete: bool = True, changes: int = 100, **known: int | bool | None) -> HistoryFacts:
    """A history with a usual rate of 2 % and these answers; everything else harmless."""
    harmless = {
        **dict.fromkeys(("file_ratio", "dir_ratio", "area_ratio", "type_ratio"), 1000),
        **dict.fromkeys(("file_failures_365", "dir_failures_90", "title_overlap_percent"), 0),
        **dict.fromkeys(("config_percent", "lines_added_percentile", "developers_percentile"), 0),
        "hours_since_failure": 8760,
        "first_today": False,
        "author_changes_24h": 9,
    }
    return HistoryFacts(
        changes=changes, failures=2, complete=complete, base_ppm=20_000, **(harmless | known)
    )


def test_the_card_is_the_fitted_one() -> None:
    assert set(FACTORS) == set(FITTED)
    for name, (scale, direction, steps) in FITTED.items():
        factor = FACTORS[name]
        ordered = sorted(steps, reverse=direction < 0)
        total = 0
        expected = []
        for bound, points in ordered:
            total += points
            expected.append((SCALES[scale](bound), total))
        assert [(step.bound, step.points) for step in factor.steps] == expected, name
        upwards = direction > 0 or scale == "changes"
        assert factor.meets == ("at-least" if upwards else "at-most"), name
    assert sum(factor.most for factor in CHANGE_FAILURE.factors) == 30
    assert (CHANGE_FAILURE.offset, CHANGE_FAILURE.slope) == (-1106, 110)
    assert CARDS == {"change-failure": CHANGE_FAILURE}


def test_every_factor_asks_for_a_fact_of_its_own_in_plain_words() -> None:
    assert sorted(factor.fact for factor in CHANGE_FAILURE.factors) == sorted(KNOWN)
    for factor in CHANGE_FAILURE.factors:
        assert factor.question.endswith("?")
        assert "{value}" in factor.reason or factor.id == "first-today"


@pytest.mark.parametrize(
    ("points", "likelihood"),
    [
        (0, "rare"),
        (3, "rare"),
        (4, "unlikely"),
        (10, "unlikely"),
        (11, "possible"),
        (16, "possible"),
        (17, "likely"),
        (30, "likely"),
    ],
)
def test_a_sum_of_points_falls_into_its_class(points: int, likelihood: str) -> None:
    assert class_of(CHANGE_FAILURE, points) == likelihood


def test_classes_are_cut_where_the_predicted_rate_passes_half_once_and_twice_the_usual() -> None:
    lifts = [expected_ppm(CHANGE_FAILURE, 20_000, points=points) / 20_000 for points in range(31)]
    assert lifts[3] < 0.5 < lifts[4]
    assert lifts[10] < 1 < lifts[11]
    assert lifts[16] < 2 < lifts[17]


@pytest.mark.parametrize("base", [1, 700, 20_000, 500_000, 999_999])
@pytest.mark.parametrize("points", [0, 7, 30])
def test_the_expected_rate_is_the_formula_of_the_card(base: int, points: int) -> None:
    p = base / 1e6
    formula = 1 / (1 + math.exp(-(math.log(p / (1 - p)) - 1.106 + 0.110 * points)))
    assert expected_ppm(CHANGE_FAILURE, base, points=points) == pytest.approx(1e6 * formula, abs=2)


def test_rates_of_nothing_and_of_everything_stay_what_they_are() -> None:
    assert expected_ppm(CHANGE_FAILURE, 0, points=30) == 0
    assert expected_ppm(CHANGE_FAILURE, 1_000_000, points=0) == 1_000_000


def test_a_score_says_why_with_the_values() -> None:
    score = score_card(
        CHANGE_FAILURE,
        facts(file_ratio=2_450, file_failures_365=4, hours_since_failure=20, config_percent=66),
    )
    assert [(item.factor, item.points, item.reason) for item in score.contributions] == [
        ("file-record", 4, "changes to a file touched here fail 2.4 times as often as usual"),
        ("file-failures", 2, "4 changes to these files were backed out in the last 365 days"),
        ("recent-failure", 4, "a change in this repository was backed out 20 h ago"),
        ("configuration", 2, "66 % of the files are configuration"),
    ]
    assert (score.points, score.likelihood, score.card) == (12, "possible", "change-failure/1")
    assert (score.usual_ppm, score.expected_ppm) == (20_000, 24_654)
    assert score.unknown == ()


def test_a_harmless_change_in_a_known_history_is_rare() -> None:
    score = score_card(CHANGE_FAILURE, facts())
    assert (score.points, score.likelihood, score.contributions) == (0, "rare", ())


@pytest.mark.parametrize("history", [None, facts(changes=0, complete=False)])
def test_without_history_the_likelihood_is_unknown(history: HistoryFacts | None) -> None:
    score = score_card(CHANGE_FAILURE, history)
    assert (score.likelihood, score.points, score.expected_ppm) == ("unknown", 0, None)
    assert set(score.unknown) == set(FACTORS)


def test_a_piece_of_history_that_looks_harmless_is_unknown() -> None:
    assert score_card(CHANGE_FAILURE, facts(complete=False)).likelihood == "unknown"


def test_a_piece_of_history_that_looks_bad_is_believed() -> None:
    bad = facts(complete=False, file_ratio=4_000, dir_ratio=4_000, hours_since_failure=1)
    assert score_card(CHANGE_FAILURE, bad).likelihood == "possible"
    worse = bad.model_copy(update={"title_overlap_percent": 80})
    assert score_card(CHANGE_FAILURE, worse).likelihood == "likely"


def test_a_fact_that_is_not_known_counts_the_most_and_is_named() -> None:
    score = score_card(CHANGE_FAILURE, facts(file_ratio=None))
    [only] = score.contributions
    assert (only.factor, only.points, only.known) == ("file-record", 6, False)
    assert "not known" in only.reason
    assert score.unknown == ("file-record",)


def test_a_new_repository_is_known_to_be_new() -> None:
    assert score_card(CHANGE_FAILURE, facts(changes=0)).likelihood == "rare"


@given(known=answers, complete=st.booleans())
def test_the_total_is_the_sum_of_what_is_listed(
    *, known: dict[str, int | bool | None], complete: bool
) -> None:
    score = score_card(CHANGE_FAILURE, facts(complete=complete, **known))
    assert score.points == sum(item.points for item in score.contributions)
    assert all(item.points > 0 for item in score.contributions)
    assert {item.factor for item in score.contributions if not item.known} == set(score.unknown)
    assert 0 <= score.points <= 30


@given(answers, st.sampled_from(sorted(KNOWN)), st.data())
def test_a_worse_answer_never_lowers_the_points(
    known: dict[str, int | bool | None], name: str, data: st.DataObject
) -> None:
    factor = next(factor for factor in CHANGE_FAILURE.factors if factor.fact == name)
    one, other = (data.draw(KNOWN[name]) for _ in range(2))
    better, worse = sorted((one, other), reverse=factor.meets == "at-most")
    scores = [
        score_card(CHANGE_FAILURE, facts(**(known | {name: value}))).points
        for value in (better, worse, None)
    ]
    assert scores == sorted(scores)


@given(known=answers, nothing=st.booleans(), changes=st.integers(0, 5))
def test_missing_history_is_never_rated_low(
    *, known: dict[str, int | bool | None], nothing: bool, changes: int
) -> None:
    score = score_card(
        CHANGE_FAILURE, None if nothing else facts(complete=False, changes=changes, **known)
    )
    assert score.likelihood in {"unknown", "possible", "likely"}


@given(st.integers(0, 1_000_000), st.integers(0, 29))
def test_more_points_never_lower_the_expected_rate(base: int, points: int) -> None:
    fewer = expected_ppm(CHANGE_FAILURE, base, points=points)
    assert fewer <= expected_ppm(CHANGE_FAILURE, base, points=points + 1) <= 1_000_000


@pytest.mark.parametrize("points", range(31))
def test_no_odds_factor_lies_where_machines_could_round_it_differently(points: int) -> None:
    exact = 1e6 * math.exp((CHANGE_FAILURE.offset + CHANGE_FAILURE.slope * points) / 1000)
    assert abs(exact % 1 - 0.5) > 1e-6


def test_points_for_an_answer_are_those_of_the_highest_step() -> None:
    steps = FACTORS["file-record"]
    assert [points_for(steps, value) for value in (1104, 1105, 2225, 2226, 9999)] == [0, 1, 3, 4, 6]
    hours = FACTORS["recent-failure"]
    assert [points_for(hours, value) for value in (0, 24, 25, 168, 169)] == [4, 4, 2, 2, 0]
    series = FACTORS["no-series"]
    assert [points_for(series, value) for value in (0, 1, 2, 3)] == [2, 1, 1, 0]


assert set(CLASSES) == {name for name, _ in CHANGE_FAILURE.classes}
