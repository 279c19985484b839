"""Assess the risk of a change: a score where a model has bands, then floors; every reason is kept.

The level is the highest of all contributions (the first match never decides). The whole diff is
read, also where a pull request spreads it over several requests. The requester may raise the level
and never lower it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from itil_gate.model.base import LEVELS
from itil_gate.model.decision import Contribution, RiskAssessment
from itil_gate.model.frozen import frozen
from itil_gate.model.risk import UNREVIEWABLE
from itil_gate.reading.globs import compile_globs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from itil_gate.model.base import Level
    from itil_gate.model.facts import HistoryFacts
    from itil_gate.model.risk import Band, RiskModel, Unreviewable
    from itil_gate.model.score import ImpactScore, LikelihoodScore
    from itil_gate.model.services import Service
    from itil_gate.risk.reviewable import Unread

    Met = Callable[[str, Literal["floor", "factor"], str], bool]

SHOWN_PATHS = 20
JUDGE_LEVEL: Level = "high"
HIGHEST = 100


def highest(levels: Sequence[Level]) -> Level:
    """Return the highest of one or more risk levels."""
    return max(levels, key=LEVELS.index)


def assess(
    declared: Level | None,
    *,
    paths: Sequence[str],
    models: Sequence[RiskModel],
    judge_paths: Sequence[str],
    met: Met | None = None,
    services: Sequence[Service] = (),
    unknown: Sequence[str] = (),
    reached: int = 0,
    irreversible: bool = False,
    history: HistoryFacts | None = None,
    unread: Callable[[Unreviewable], Unread | None] | None = None,
) -> RiskAssessment:
    """Return the risk of a diff with every reason for it.

    `paths` are all changed paths, `judge_paths` those of them that belong to the judge's data or
    to the workflows. `met` says of a model's name, `floor` or `factor` and an id whether its
    condition holds; it is asked only where there is one, and for a floor only if its paths match.
    `services`, `unknown`, `reached` and `irreversible` are what impact is made of (see
    `impact_of`), `history` what likelihood is made of, `unread` what nobody can review by the
    terms of a model; it is asked only where a model has such terms. All risk models are read and
    the highest contribution holds. Raises TypeError where a condition stands and `met` was not
    given, and for terms without `unread`.
    """
    asked = met or _nobody
    found = {
        model.metadata.name: (unread or _unasked)(model.spec.unreviewable)
        for model in models
        if model.spec.unreviewable is not None
    }
    stake = _Stake(services, unknown, reached, irreversible, history, found)
    scored = [_score(model, stake, met=asked) for model in models if model.spec.bands]
    contributions = [_default(model) for model in models if _starts(model)]
    contributions += [one for item in scored for one in item.contributions]
    contributions += [one for model in models for one in _floors(model, paths, met=asked)]
    contributions += [one for model in models for one in _unreviewable(model, found)]
    if judge_paths:
        contributions.append(
            Contribution(
                source="built-in:judge-data",
                level=JUDGE_LEVEL,
                reason="the change touches policies, people, configuration or workflows",
                paths=tuple(judge_paths[:SHOWN_PATHS]),
            )
        )
    assessed = highest([item.level for item in contributions])
    if declared is not None and LEVELS.index(declared) > LEVELS.index(assessed):
        contributions.append(
            Contribution(source="declared", level=declared, reason="the requester raised it")
        )
        assessed = declared
    held = max(scored, key=lambda item: (LEVELS.index(item.level), item.score), default=None)
    return RiskAssessment(
        level=assessed,
        declared=declared,
        contributions=tuple(contributions),
        score=held.score if held else None,
        impact=held.impact if held else None,
        likelihood=held.likelihood if held else None,
    )


def level_of(bands: Sequence[Band], score: int) -> Level:
    """Return the level of the band that a score from 0 to 100 falls into; the last ends at 100."""
    return next(band.level for band in bands if score <= band.up_to)


@frozen
class _Stake:
    """What a score is made of, beside the model."""

    services: Sequence[Service]
    unknown: Sequence[str]
    reached: int
    irreversible: bool
    history: HistoryFacts | None
    unread: Mapping[str, Unread | None]
    """What nobody can review, by the name of the model that asks."""


@frozen
class _Scored:
    """The score of a change by one model, and how it came about."""

    level: Level
    score: int
    contributions: tuple[Contribution, ...]
    impact: ImpactScore
    likelihood: LikelihoodScore | None


def _score(model: RiskModel, stake: _Stake, *, met: Met) -> _Scored:
    """Return the score by a model with bands.

    Each contribution has the level that the sum has reached with it, so the last has the highest.
    """
    # Few sets score, and a check of the others should not pay for the cards.
    from itil_gate.risk.card import CARDS, score_card  # noqa: PLC0415
    from itil_gate.risk.impact import impact_of, score  # noqa: PLC0415

    spec = model.spec
    if spec.impact is None or spec.matrix is None:
        # Nothing that validates is like this; a model made past validation must not score low.
        raise TypeError(f"the risk model {model.metadata.name} has bands without impact and matrix")
    impact = impact_of(
        spec.impact,
        services=stake.services,
        unknown=stake.unknown,
        reached=stake.reached,
        irreversible=stake.irreversible,
    )
    likelihood = score_card(CARDS[spec.card], stake.history) if spec.card else None
    word = likelihood.likelihood if likelihood else "unknown"
    total = score(spec.matrix, impact.impact, word)
    found = [
        Contribution(
            source=f"{model.metadata.name}:matrix",
            level=level_of(spec.bands, total),
            reason=f"impact {impact.impact} of 5 and a likelihood that is {_written(word)}",
            points=total,
        )
    ]
    for factor in spec.factors:
        if met(model.metadata.name, "factor", factor.id):
            total = min(HIGHEST, total + factor.points)
            found.append(
                Contribution(
                    source=f"{model.metadata.name}:{factor.id}",
                    level=level_of(spec.bands, total),
                    reason=factor.reason,
                    points=factor.points,
                )
            )
    unread = stake.unread.get(model.metadata.name)
    if unread is not None and spec.unreviewable is not None and spec.unreviewable.points:
        total = min(HIGHEST, total + spec.unreviewable.points)
        found.append(
            Contribution(
                source=f"{model.metadata.name}:{UNREVIEWABLE}",
                level=level_of(spec.bands, total),
                reason=unread.reason,
                paths=unread.paths[:SHOWN_PATHS],
                points=spec.unreviewable.points,
            )
        )
    return _Scored(level_of(spec.bands, total), total, tuple(found), impact, likelihood)


def _written(word: str) -> str:
    return "unknown, which counts at least as possible" if word == "unknown" else word


def _starts(model: RiskModel) -> bool:
    """Whether the default counts: where there is a score, only one above the lowest does."""
    return not model.spec.bands or model.spec.default != LEVELS[0]


def _default(model: RiskModel) -> Contribution:
    return Contribution(
        source=f"{model.metadata.name}:default",
        level=model.spec.default,
        reason="every change starts here",
    )


def _floors(model: RiskModel, paths: Sequence[str], *, met: Met) -> Iterator[Contribution]:
    for floor in model.spec.floors:
        matches = compile_globs(floor.paths)
        touched = [path for path in paths if matches(path)]
        if floor.paths and not touched:
            continue
        if floor.when is None or met(model.metadata.name, "floor", floor.id):
            yield Contribution(
                source=f"{model.metadata.name}:{floor.id}",
                level=floor.level,
                reason=floor.reason,
                paths=tuple(touched[:SHOWN_PATHS]),
            )


def _unreviewable(model: RiskModel, found: Mapping[str, Unread | None]) -> Iterator[Contribution]:
    """Yield the level below which a change is not that nobody can review whole."""
    terms, unread = model.spec.unreviewable, found.get(model.metadata.name)
    if terms is not None and terms.level is not None and unread is not None:
        yield Contribution(
            source=f"{model.metadata.name}:{UNREVIEWABLE}",
            level=terms.level,
            reason=unread.reason,
            paths=unread.paths[:SHOWN_PATHS],
        )


def _unasked(_terms: Unreviewable) -> Unread | None:
    raise TypeError("nobody was asked what of the change can be reviewed")


def _nobody(model: str, kind: str, name: str) -> bool:
    raise TypeError(f"nobody was asked whether the condition of {kind} {name} of {model} holds")
