"""Impact from services, and the score of impact and likelihood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.model.risk import BlastImpact, DataImpact, ImpactModel, TierImpact
from itil_gate.model.services import Service
from itil_gate.risk.impact import falling_cells, impact_of, score

MODEL = ImpactModel(
    tiers=(
        TierImpact(tier=1, impact=5),
        TierImpact(tier=2, impact=3),
        TierImpact(tier=3, impact=2),
    ),
    unknown_tier=4,
    data=(DataImpact(data_class="personal", impact=4),),
    blast_radius=(BlastImpact(at_least=3, impact=3), BlastImpact(at_least=10, impact=5)),
    irreversible=5,
)
LIKELIHOODS = ("rare", "unlikely", "possible", "likely")
MATRIX = ((1, 5, 10, 20), (5, 10, 20, 35), (10, 20, 35, 55), (20, 35, 55, 75), (35, 55, 75, 95))


def service(name: str, *, tier: int | None = 3, data_class: str | None = None) -> Service:
    return Service(name=name, title=name, tier=tier, data_class=data_class)


def test_the_highest_of_all_reasons_decides_and_all_are_kept() -> None:
    found = impact_of(
        MODEL,
        services=[service("web"), service("users", tier=2, data_class="personal")],
        reached=3,
        irreversible=False,
    )
    assert found.impact == 4
    assert [(item.source, item.impact) for item in found.reasons] == [
        ("data:users", 4),
        ("tier:users", 3),
        ("blast-radius", 3),
        ("tier:web", 2),
        ("base", 1),
    ]
    assert found.reasons[0].reason == "users holds data of class personal"
    assert "3 services are reached" in found.reasons[2].reason


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (service("a", tier=None), "a has no tier"),
        (service("a", tier=5), "a is of tier 5, to which the model gives no impact"),
    ],
)
def test_a_service_of_no_or_of_an_unheard_tier_is_of_unknown_tier(one: Service, words: str) -> None:
    found = impact_of(MODEL, services=[one], reached=1, irreversible=False)
    assert (found.impact, found.reasons[0].reason) == (4, words)


def test_a_name_that_no_catalogue_has_is_of_unknown_tier() -> None:
    found = impact_of(
        MODEL, services=[service("web")], unknown=["ghost"], reached=2, irreversible=False
    )
    assert (found.impact, found.reasons[0].source) == (4, "tier:ghost")


def test_a_change_to_nothing_known_is_of_unknown_tier() -> None:
    assert impact_of(MODEL, services=[], reached=0, irreversible=False).impact == 4


@pytest.mark.parametrize(("reached", "impact"), [(2, 2), (3, 3), (9, 3), (10, 5)])
def test_the_blast_radius_counts_from_its_bound_on(reached: int, impact: int) -> None:
    found = impact_of(MODEL, services=[service("web")], reached=reached, irreversible=False)
    assert found.impact == impact


def test_what_cannot_be_undone_has_an_impact_of_its_own() -> None:
    web = [service("web")]
    assert impact_of(MODEL, services=web, reached=1, irreversible=True).impact == 5
    silent = MODEL.model_copy(update={"irreversible": None})
    assert impact_of(silent, services=web, reached=1, irreversible=True).impact == 2


def test_a_tier_that_is_listed_twice_has_the_higher_impact() -> None:
    twice = ImpactModel(tiers=(TierImpact(tier=1, impact=5), TierImpact(tier=1, impact=2)))
    found = impact_of(twice, services=[service("a", tier=1)], reached=1, irreversible=False)
    assert found.impact == 5


def test_a_score_is_the_cell_of_its_row_and_column() -> None:
    cells = [[score(MATRIX, impact, name) for name in LIKELIHOODS] for impact in range(1, 6)]
    assert tuple(map(tuple, cells)) == MATRIX


def test_an_unknown_likelihood_scores_as_possible() -> None:
    assert [score(MATRIX, impact, "unknown") for impact in range(1, 6)] == [10, 20, 35, 55, 75]


scores = st.integers(0, 100)
matrices = st.tuples(*[st.tuples(scores, scores, scores, scores)] * 5)


@given(matrices, st.integers(1, 5))
def test_an_unknown_likelihood_never_scores_below_possible_or_anything_lower(
    matrix: tuple[tuple[int, ...], ...], impact: int
) -> None:
    unknown = score(matrix, impact, "unknown")
    assert all(unknown >= score(matrix, impact, name) for name in ("rare", "unlikely", "possible"))


@given(matrices)
def test_a_matrix_without_falling_cells_never_rewards_more_risk(
    matrix: tuple[tuple[int, ...], ...],
) -> None:
    rising = all(list(cells) == sorted(cells) for cells in (*matrix, *zip(*matrix, strict=True)))
    assert rising == (falling_cells(matrix) == ())


def test_falling_cells_are_named_by_impact_and_column() -> None:
    assert falling_cells(MATRIX) == ()
    dented = (*MATRIX[:2], (10, 20, 15, 55), *MATRIX[3:])
    assert falling_cells(dented) == ((3, 2),)


@given(
    tiers=st.lists(st.sampled_from([None, 1, 2, 3, 5]), max_size=4),
    reached=st.integers(0, 20),
    irreversible=st.booleans(),
    more=st.sampled_from([None, 1, 2, 3]),
)
def test_another_service_never_lowers_the_impact(
    *, tiers: list[int | None], reached: int, irreversible: bool, more: int | None
) -> None:
    services = [service(f"s{number}", tier=tier) for number, tier in enumerate(tiers)] or [
        service("s")
    ]
    before = impact_of(MODEL, services=services, reached=reached, irreversible=irreversible)
    after = impact_of(
        MODEL,
        services=[*services, service("more", tier=more)],
        reached=reached + 1,
        irreversible=irreversible,
    )
    assert after.impact >= before.impact
