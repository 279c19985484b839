"""What is wrong with a risk model although each of its values is right; and the risk appetite."""

from __future__ import annotations

from datetime import date
from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.model.base import LEVELS, Level, PolicyMetadata
from itil_gate.model.finding import Finding, Place
from itil_gate.model.risk import (
    Appetite,
    Band,
    DataImpact,
    Factor,
    Floor,
    ImpactModel,
    RiskModel,
    RiskSpec,
    TierImpact,
)
from itil_gate.risk.appetite import beyond_appetite, overdue_appetites, refuse_excess
from itil_gate.risk.soundness import faults, reachable_scores

MATRIX = ((0, 5, 10, 20), (5, 10, 20, 35), (10, 20, 35, 55), (20, 35, 55, 75), (35, 55, 75, 95))
BANDS = (
    Band(level="low", up_to=24),
    Band(level="medium", up_to=49),
    Band(level="high", up_to=74),
    Band(level="critical", up_to=100),
)
IMPACT = ImpactModel(tiers=(TierImpact(tier=1, impact=5), TierImpact(tier=3, impact=2)))
SCORED = {"impact": IMPACT, "matrix": MATRIX, "bands": BANDS, "card": "change-failure"}


def model(**spec: object) -> RiskModel:
    return RiskModel(
        api_version="itil-gate/v1",
        kind="RiskModel",
        metadata=PolicyMetadata(name="measured", owner="authority", review_by=date(2099, 1, 1)),
        spec=RiskSpec.model_validate(spec, by_name=True),
    )


def factor(name: str, points: int = 10) -> Factor:
    return Factor(id=name, when="true", points=points, reason="So it is.")


def found(**spec: object) -> list[Finding]:
    def place(path: tuple[str | int, ...]) -> Place:
        return Place(file="/".join(map(str, path)))

    return list(faults(model(**spec), place))


def test_a_sound_model_has_no_faults() -> None:
    assert found(**SCORED, factors=(factor("a"),)) == []
    assert found() == []


def test_a_matrix_that_falls_is_refused_where_it_falls() -> None:
    fallen = ((0, 5, 10, 8), *MATRIX[1:])
    (fault,) = found(**(SCORED | {"matrix": fallen}))
    assert (fault.rule, str(fault.place)) == ("wrong-value", "spec/matrix/0/3")
    assert "impact 1 and likely" in fault.message


@pytest.mark.parametrize("key", ["impact", "card", "matrix", "factors"])
def test_what_only_a_score_reads_is_refused_without_bands(key: str) -> None:
    value = (factor("a"),) if key == "factors" else SCORED[key]
    (fault,) = found(**{key: value})
    assert (fault.rule, fault.effect, str(fault.place)) == ("missing-key", "deny", f"spec/{key}")


def test_an_id_stands_for_one_floor_or_factor() -> None:
    floor = Floor(id="a", when="true", level="high", reason="So it is.")
    twice = found(**SCORED, floors=(floor, floor), factors=(factor("a"), factor("b")))
    assert [(item.rule, str(item.place)) for item in twice] == [
        ("duplicate-name", "spec/floors/1/id"),
        ("duplicate-name", "spec/factors/0/id"),
    ]


def test_a_band_that_no_score_reaches_is_advice() -> None:
    low = ImpactModel(tiers=(TierImpact(tier=3, impact=2),), unknown_tier=2)
    unreached = found(**(SCORED | {"impact": low}))
    assert [(item.effect, str(item.place)) for item in unreached] == [
        ("advise", "spec/bands/2"),
        ("advise", "spec/bands/3"),
    ]
    assert "no change can score 50 to 74" in unreached[0].message
    assert found(**(SCORED | {"impact": low}), factors=(factor("a", 20), factor("b", 60))) == []


def test_a_model_without_card_can_only_score_what_unknown_scores() -> None:
    assert reachable_scores(model(**(SCORED | {"card": None})).spec) == {20, 55, 75}


@given(st.lists(st.integers(0, 100), max_size=4), st.sampled_from([None, 3, 5]))
def test_scores_that_can_be_reached_are_the_sums_of_factors(
    points: list[int], irreversible: int | None
) -> None:
    impact = ImpactModel(
        tiers=(TierImpact(tier=3, impact=2),),
        unknown_tier=2,
        data=(DataImpact(data_class="personal", impact=1),),
        irreversible=irreversible,
    )
    factors = tuple(factor(f"f{number}", value) for number, value in enumerate(points))
    spec = model(**(SCORED | {"impact": impact}), factors=factors).spec
    rows = (2,) if irreversible is None else (2, irreversible)
    subsets = chain.from_iterable(combinations(points, size) for size in range(len(points) + 1))
    sums = {sum(subset) for subset in subsets}
    assert reachable_scores(spec) == {
        min(100, cell + more) for row in rows for cell in MATRIX[row - 1] for more in sums
    }


def content(maximum: Level = "medium", exception: str | None = "risk-owner") -> RiskModel:
    return model(
        appetite=Appetite(
            maximum=maximum, sponsor="cfo", review_by=date(2026, 6, 30), exception=exception
        )
    )


@given(st.sampled_from(LEVELS), st.sampled_from(LEVELS))
def test_only_a_level_above_the_maximum_is_beyond_the_appetite(level: Level, most: Level) -> None:
    beyond = beyond_appetite(level, models=[model(), content(most)])
    assert len(beyond) == (LEVELS.index(level) > LEVELS.index(most))


def test_an_exception_is_awaited_and_then_lets_the_change_through() -> None:
    (excess,) = beyond_appetite("high", models=[content()])
    fault = refuse_excess(excess, approved=False)
    assert fault is not None
    assert (fault.rule, fault.effect) == ("beyond-appetite", "pending")
    assert fault.message.startswith("the risk is high, and cfo takes at most medium")
    assert "risk-owner" in fault.remedy
    assert refuse_excess(excess, approved=True) is None


def test_where_nobody_may_make_an_exception_no_approval_does() -> None:
    (excess,) = beyond_appetite("critical", models=[content(exception=None)])
    fault = refuse_excess(excess, approved=True)
    assert fault is not None
    assert fault.effect == "deny"


def test_an_appetite_that_nobody_looked_at_in_time_is_advice_and_still_holds() -> None:
    late, day = content(), date(2026, 7, 1)
    (advice,) = overdue_appetites([model(), late], today=day)
    assert (advice.rule, advice.effect) == ("review-overdue", "advise")
    assert beyond_appetite("high", models=[late])
    assert overdue_appetites([late], today=date(2026, 6, 30)) == ()
