"""Likelihood: the points that a card gives to what history says about a change.

A fact that is not known counts as the worst it could be, and a history that is not known makes the
likelihood unknown: not knowing never makes a change look safer. Refuses floating point in results.
"""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING

from itil_gate.model.score import LikelihoodPoint, LikelihoodScore
from itil_gate.risk.change_failure import CHANGE_FAILURE

if TYPE_CHECKING:
    from itil_gate.model.facts import HistoryFacts
    from itil_gate.model.score import Likelihood
    from itil_gate.risk.change_failure import Card, CardFactor

CARDS = {CHANGE_FAILURE.id: CHANGE_FAILURE}
"""The shipped cards by the name a risk model gives."""
MILLION = 1_000_000
WORST_KNOWN = ("possible", "likely")
"""Classes that stand although history is incomplete: what is missing could only raise them."""


def score_card(card: Card, history: HistoryFacts | None) -> LikelihoodScore:
    """Return the points of a change, with every contribution, and the class they fall into.

    Without history, or with less than a year of it that looks harmless, the class is `unknown`.
    """
    name = f"{card.id}/{card.version}"
    if history is None or (history.changes == 0 and not history.complete):
        return LikelihoodScore(
            card=name,
            likelihood="unknown",
            points=0,
            unknown=tuple(factor.id for factor in card.factors),
        )
    found = [(factor, _answer(history, factor)) for factor in card.factors]
    contributions = tuple(
        LikelihoodPoint(
            factor=factor.id,
            points=points,
            reason=_reason(factor, value),
            known=value is not None,
        )
        for factor, value in found
        if (points := points_for(factor, value))
    )
    points = sum(item.points for item in contributions)
    likelihood = class_of(card, points)
    if not history.complete and likelihood not in WORST_KNOWN:
        likelihood = "unknown"
    return LikelihoodScore(
        card=name,
        likelihood=likelihood,
        points=points,
        contributions=contributions,
        unknown=tuple(factor.id for factor, value in found if value is None),
        usual_ppm=history.base_ppm,
        expected_ppm=expected_ppm(card, history.base_ppm, points=points),
    )


def points_for(factor: CardFactor, value: int | None) -> int:
    """Return the points a factor gives for an answer; the most it can give for no answer."""
    if value is None:
        return factor.most
    if factor.meets == "at-least":
        met = [step.points for step in factor.steps if value >= step.bound]
    else:
        met = [step.points for step in factor.steps if value <= step.bound]
    return max(met, default=0)


def class_of(card: Card, points: int) -> Likelihood:
    """Return the class that a sum of points falls into."""
    return [name for name, first in card.classes if points >= first][-1]


def expected_ppm(card: Card, base_ppm: int, *, points: int) -> int:
    """Return the failure rate that a card predicts, per million, where the usual one is given.

    The factor on the odds is rounded to a millionth first, and the rest is done in whole numbers,
    so that every machine gives the same.
    """
    odds_factor = round(MILLION * exp((card.offset + card.slope * points) / 1000))
    base = min(max(base_ppm, 0), MILLION)
    raised = base * odds_factor
    rest = (MILLION - base) * MILLION
    return MILLION * raised // (raised + rest) if raised + rest else 0


def _answer(history: HistoryFacts, factor: CardFactor) -> int | None:
    value = getattr(history, factor.fact)
    return None if value is None else int(value)


def _reason(factor: CardFactor, value: int | None) -> str:
    if value is None:
        return f"not known, so counted as the most it can be: {factor.question}"
    return factor.reason.replace("{value}", _written(factor, value))


def _written(factor: CardFactor, value: int) -> str:
    if factor.unit == "times":
        return f"{value // 1000}.{value % 1000 // 100}"
    return f"{value} %" if factor.unit == "percent" else str(value)
