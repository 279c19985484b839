"""What is wrong with a risk model although each of its values is right.

Faults keep a policy set from loading: what could not count, or would make more risk score less.
Advice is for lint: bands that nothing can reach. That bands partition 0 to 100 is seen earlier,
where the model is validated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.finding import Finding
from itil_gate.model.risk import LIKELIHOODS
from itil_gate.risk.classify import HIGHEST
from itil_gate.risk.impact import falling_cells, score

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from itil_gate.model.finding import Place
    from itil_gate.model.risk import ImpactModel, RiskModel, RiskSpec
    from itil_gate.model.score import Likelihood

    PlaceOf = Callable[[tuple[str | int, ...]], Place | None]


def faults(model: RiskModel, place_of: PlaceOf) -> tuple[Finding, ...]:
    """Return what is wrong with a risk model; what only advises does not keep it from loading.

    `place_of` says where a key of the document stands, for example ("spec", "matrix", 0).
    """
    spec = model.spec
    return (
        *_uncounted(spec, place_of),
        *_twice(spec, place_of),
        *_falling(spec, place_of),
        *_unreached(spec, place_of),
    )


def reachable_scores(spec: RiskSpec) -> frozenset[int]:
    """Return every score that some change could have: cells of the matrix and any of the factors.

    Conditions are taken as independent, so a score may be in here that no change will ever have;
    one that is not in here is impossible. Empty for a model that does not score.
    """
    if spec.impact is None or spec.matrix is None:
        return frozenset()
    words: tuple[Likelihood, ...] = (*LIKELIHOODS, "unknown") if spec.card else ("unknown",)
    scores = {
        score(spec.matrix, impact, word) for impact in _impacts(spec.impact) for word in words
    }
    points = [factor.points for factor in spec.factors]
    if spec.unreviewable is not None and spec.unreviewable.points is not None:
        points.append(spec.unreviewable.points)
    for more in points:
        scores |= {min(HIGHEST, one + more) for one in scores}
    return frozenset(scores)


def _impacts(model: ImpactModel) -> frozenset[int]:
    """Return every impact a change could have: that of some tier, or what raises it above."""
    tiers = {item.impact for item in model.tiers} | {model.unknown_tier}
    raised = {item.impact for item in model.data} | {item.impact for item in model.blast_radius}
    if model.irreversible is not None:
        raised.add(model.irreversible)
    return frozenset(tiers | {max(tier, more) for tier in tiers for more in raised})


def _uncounted(spec: RiskSpec, place_of: PlaceOf) -> Iterator[Finding]:
    """Refuse what only a score reads where there is none: it must not look as if it counted."""
    if spec.bands:
        return
    for key in ("impact", "card", "matrix", "factors"):
        if getattr(spec, key):
            yield Finding(
                rule="missing-key",
                message=f"{key} is given without bands, so it would count for nothing",
                remedy="add bands, which say what level a score is; or leave it out",
                place=place_of(("spec", key)),
            )


def _twice(spec: RiskSpec, place_of: PlaceOf) -> Iterator[Finding]:
    """Refuse an id that stands twice, within floors and factors together: reports name both."""
    seen: set[str] = set()
    entries: dict[str, Sequence[str]] = {
        "floors": [item.id for item in spec.floors],
        "factors": [item.id for item in spec.factors],
    }
    for key, names in entries.items():
        for index, name in enumerate(names):
            if name in seen:
                yield Finding(
                    rule="duplicate-name",
                    message=f"{key} has the id {name}, which stands for another floor or factor",
                    remedy="give each its own id",
                    place=place_of(("spec", key, index, "id")),
                )
            seen.add(name)


def _falling(spec: RiskSpec, place_of: PlaceOf) -> Iterator[Finding]:
    for impact, column in falling_cells(spec.matrix or ()):
        yield Finding(
            rule="wrong-value",
            message=f"the matrix scores less for impact {impact} and {LIKELIHOODS[column]} than for"
            " a lower impact or likelihood",
            remedy="let scores never fall along a row or down a column",
            place=place_of(("spec", "matrix", impact - 1, column)),
        )


def _unreached(spec: RiskSpec, place_of: PlaceOf) -> Iterator[Finding]:
    scores = reachable_scores(spec)
    first = 0
    for index, band in enumerate(spec.bands):
        if not any(first <= one <= band.up_to for one in scores):
            yield Finding(
                rule="unreachable-band",
                message=f"no change can score {first} to {band.up_to}, so the band {band.level}"
                " never applies",
                remedy="move the band, or change the matrix, the impacts or the factors",
                effect="advise",
                place=place_of(("spec", "bands", index)),
            )
        first = band.up_to + 1
