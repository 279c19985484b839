"""The risk of a change: floors, conditions, scores, and laws about what may never lower it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.model.base import LEVELS, PolicyMetadata
from itil_gate.model.facts import HistoryFacts
from itil_gate.model.risk import Band, Factor, Floor, ImpactModel, RiskModel, RiskSpec, TierImpact
from itil_gate.model.services import Service
from itil_gate.risk.classify import assess, level_of

if TYPE_CHECKING:
    from itil_gate.model.base import Level
    from itil_gate.model.decision import RiskAssessment

MATRIX = ((0, 5, 10, 20), (5, 10, 20, 35), (10, 20, 35, 55), (20, 35, 55, 75), (35, 55, 75, 95))
BANDS = (
    Band(level="low", up_to=24),
    Band(level="medium", up_to=49),
    Band(level="high", up_to=74),
    Band(level="critical", up_to=100),
)
IMPACT = ImpactModel(
    tiers=tuple(TierImpact(tier=tier, impact=6 - tier) for tier in (1, 2, 3, 4, 5)), irreversible=5
)
FACTOR = Factor(id="late", when="true", points=15, reason="It was asked for late.")
BOTH = Floor(id="schema", paths=("db/**",), when="true", level="high", reason="Data are dear.")
KNOWN = HistoryFacts(
    changes=900,
    failures=18,
    complete=True,
    base_ppm=20_000,
    file_ratio=1000,
    dir_ratio=1000,
    area_ratio=1000,
    type_ratio=1000,
    file_failures_365=0,
    dir_failures_90=0,
    title_overlap_percent=0,
    hours_since_failure=8760,
    config_percent=0,
    lines_added_percentile=50,
    developers_percentile=10,
    first_today=False,
    author_changes_24h=9,
)
AT_LEAST = (
    *("file_ratio", "dir_ratio", "area_ratio", "type_ratio", "file_failures_365"),
    *("dir_failures_90", "title_overlap_percent", "config_percent", "lines_added_percentile"),
    "developers_percentile",
)
AT_MOST = ("hours_since_failure", "author_changes_24h")


def model(name: str = "measured", **spec: object) -> RiskModel:
    scored = {"impact": IMPACT, "matrix": MATRIX, "bands": BANDS, "card": "change-failure"}
    return RiskModel(
        api_version="itil-gate/v1",
        kind="RiskModel",
        metadata=PolicyMetadata(name=name, owner="authority", review_by=date(2099, 1, 1)),
        spec=RiskSpec.model_validate(scored | spec, by_name=True),
    )


def plain(name: str = "paths", **spec: object) -> RiskModel:
    return model(name, impact=None, matrix=None, bands=(), card=None, **spec)


def service(tier: int | None) -> Service:
    return Service(name="web", title="Web", tier=tier)


def assessed(
    *models: RiskModel,
    declared: Level | None = None,
    holds: frozenset[str] = frozenset(),
    tier: int | None = 3,
    history: HistoryFacts | None = KNOWN,
    paths: tuple[str, ...] = ("src/app.py",),
    judge: tuple[str, ...] = (),
    irreversible: bool = False,
) -> RiskAssessment:
    return assess(
        declared,
        paths=paths,
        models=models,
        judge_paths=judge,
        met=lambda _, kind, name: f"{kind} {name}" in holds,
        services=(service(tier),),
        reached=1,
        irreversible=irreversible,
        history=history,
    )


def rank(level: Level) -> int:
    return LEVELS.index(level)


def test_impact_and_likelihood_make_the_score_and_the_band_the_level() -> None:
    found = assessed(model(), tier=2)
    assert (found.level, found.score) == ("low", 20)
    assert found.impact is not None
    assert found.impact.impact == 4
    assert found.likelihood is not None
    assert found.likelihood.likelihood == "rare"
    (only,) = found.contributions
    assert (only.source, only.level, only.points) == ("measured:matrix", "low", 20)
    assert only.reason == "impact 4 of 5 and a likelihood that is rare"


def test_factors_that_hold_are_added_and_each_says_what_level_the_sum_has_reached() -> None:
    factors = (FACTOR, FACTOR.model_copy(update={"id": "new", "points": 95}))
    found = assessed(model(factors=factors), tier=2, holds=frozenset(["factor late", "factor new"]))
    assert [(item.source, item.points, item.level) for item in found.contributions] == [
        ("measured:matrix", 20, "low"),
        ("measured:late", 15, "medium"),
        ("measured:new", 95, "critical"),
    ]
    assert (found.level, found.score) == ("critical", 100)
    assert assessed(model(factors=factors), tier=2).score == 20


def test_floors_come_after_the_sum_and_leave_the_score_alone() -> None:
    floored = model(floors=(BOTH,))
    found = assessed(floored, paths=("db/schema.sql",), holds=frozenset(["floor schema"]))
    assert (found.level, found.score) == ("high", 10)
    assert found.contributions[-1].paths == ("db/schema.sql",)


@pytest.mark.parametrize(
    ("path", "holds", "level"),
    [
        ("db/a", frozenset(["floor schema"]), "high"),
        ("src/a", frozenset(["floor schema"]), "low"),
        ("db/a", frozenset(), "low"),
    ],
)
def test_a_floor_with_paths_and_condition_needs_both(
    path: str, holds: frozenset[str], level: Level
) -> None:
    assert assessed(plain(floors=(BOTH,)), paths=(path,), holds=holds).level == level


def test_a_floor_with_a_condition_alone_names_no_paths() -> None:
    floor = Floor(id="untested", when="true", level="high", reason="The backout is untested.")
    found = assessed(plain(floors=(floor,)), holds=frozenset(["floor untested"]))
    assert (found.level, found.contributions[-1].paths) == ("high", ())


def test_nobody_is_asked_about_what_has_no_condition() -> None:
    floor = Floor(id="schema", paths=("db/**",), level="high", reason="Data are dear.")
    assert assess(None, paths=["db/a"], models=[plain(floors=(floor,))], judge_paths=()).level == (
        "high"
    )


def test_a_condition_that_nobody_can_answer_is_no_pass() -> None:
    with pytest.raises(TypeError, match="floor schema of paths"):
        assess(None, paths=["db/a"], models=[plain(floors=(BOTH,))], judge_paths=())
    with pytest.raises(TypeError, match="factor late of measured"):
        assess(None, paths=[], models=[model(factors=(FACTOR,))], judge_paths=())


def test_without_history_the_likelihood_is_unknown_and_scores_as_possible() -> None:
    found = assessed(model(), tier=2, history=None)
    assert found.likelihood is not None
    assert found.likelihood.likelihood == "unknown"
    assert (found.score, found.level) == (55, "high")
    assert "counts at least as possible" in found.contributions[0].reason


def test_without_a_card_the_likelihood_is_unknown_whatever_history_says() -> None:
    found = assessed(model(card=None), tier=2)
    assert (found.likelihood, found.score) == (None, 55)


def test_of_several_models_the_highest_level_holds_and_all_is_kept() -> None:
    floor = Floor(id="all", paths=("**",), level="medium", reason="Look twice.")
    found = assessed(model(), model("stricter", card=None), plain(floors=(floor,)), tier=3)
    assert found.level == "medium"
    assert {item.source for item in found.contributions} == {
        *("measured:matrix", "stricter:matrix", "paths:default", "paths:all")
    }
    assert (found.score, found.likelihood) == (35, None)


def test_a_default_above_the_lowest_level_holds_for_a_scored_change_too() -> None:
    assert assessed(model(default="medium"), tier=5).level == "medium"


def test_without_bands_there_is_no_score() -> None:
    found = assessed(plain())
    assert (found.score, found.impact, found.likelihood) == (None, None, None)
    assert found.contributions[0].source == "paths:default"


def test_the_requester_may_raise_a_scored_risk_and_never_lower_it() -> None:
    raised = assessed(model(), declared="critical")
    assert (raised.level, raised.score) == ("critical", 10)
    assert assessed(model(), tier=1, history=None, declared="low").level == "critical"


def test_the_judge_s_data_are_high_whatever_the_score() -> None:
    assert assessed(model(), tier=5, judge=("policies/risk.yaml",)).level == "high"


@given(st.integers(0, 100))
def test_every_score_has_one_level_and_more_score_never_less(score: int) -> None:
    assert rank(level_of(BANDS, score)) <= rank(level_of(BANDS, min(100, score + 1)))


@given(
    tier=st.sampled_from([None, 1, 2, 3, 4, 5]),
    points=st.lists(st.integers(0, 100), max_size=5),
    holding=st.sets(st.integers(0, 4)),
    more=st.integers(0, 4),
    history=st.sampled_from([KNOWN, None]),
)
def test_a_factor_never_lowers_risk(
    tier: int | None,
    points: list[int],
    holding: set[int],
    more: int,
    history: HistoryFacts | None,
) -> None:
    factors = tuple(
        FACTOR.model_copy(update={"id": f"f{number}", "points": value})
        for number, value in enumerate(points)
    )
    few = frozenset(f"factor f{number}" for number in holding)
    before = assessed(model(factors=factors), tier=tier, holds=few, history=history)
    after = assessed(
        model(factors=factors), tier=tier, holds=few | {f"factor f{more}"}, history=history
    )
    assert rank(after.level) >= rank(before.level)
    assert before.score is not None
    assert after.score is not None
    assert 0 <= before.score <= after.score <= 100


@given(
    facts=st.fixed_dictionaries(dict.fromkeys((*AT_LEAST, *AT_MOST), st.integers(0, 5000))),
    name=st.sampled_from((*AT_LEAST, *AT_MOST)),
    worse=st.integers(0, 5000),
    complete=st.booleans(),
)
def test_a_worse_record_never_lowers_risk(
    *, facts: dict[str, int], name: str, worse: int, complete: bool
) -> None:
    history = KNOWN.model_copy(update={**facts, "complete": complete})
    value = facts[name] + worse if name in AT_LEAST else max(0, facts[name] - worse)
    before = assessed(model(), history=history)
    after = assessed(model(), history=history.model_copy(update={name: value}))
    assert rank(after.level) >= rank(before.level)


@given(st.sampled_from((*AT_LEAST, *AT_MOST, "first_today")), st.sampled_from([1, 3, 5]))
def test_not_knowing_a_fact_never_lowers_risk(name: str, tier: int) -> None:
    before = assessed(model(), tier=tier)
    after = assessed(model(), tier=tier, history=KNOWN.model_copy(update={name: None}))
    assert rank(after.level) >= rank(before.level)
    assert after.likelihood is not None
    assert len(after.likelihood.unknown) == 1


@given(
    tier=st.sampled_from([None, 1, 2, 3, 4, 5]),
    level=st.sampled_from(LEVELS),
    irreversible=st.booleans(),
)
def test_floors_only_raise(*, tier: int | None, level: Level, irreversible: bool) -> None:
    floor = Floor(id="all", paths=("**",), level=level, reason="So it is.")
    before = assessed(model(), tier=tier, irreversible=irreversible)
    after = assessed(model(floors=(floor,)), tier=tier, irreversible=irreversible)
    assert rank(after.level) == max(rank(before.level), rank(level))
    assert after.score == before.score
