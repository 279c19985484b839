"""Impact: what is at stake, from the services a change touches; and the score it makes.

The highest reason holds and all are kept. A service that is not known, has no tier or a tier nobody
gave an impact to counts as one of unknown tier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.risk import LIKELIHOODS
from itil_gate.model.score import ImpactReason, ImpactScore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from itil_gate.model.risk import ImpactModel
    from itil_gate.model.score import Likelihood
    from itil_gate.model.services import Service

POSSIBLE = LIKELIHOODS.index("possible")


def impact_of(
    model: ImpactModel,
    *,
    services: Sequence[Service],
    unknown: Sequence[str] = (),
    reached: int,
    irreversible: bool,
) -> ImpactScore:
    """Return the impact of a change from 1 to 5 with every reason, the highest first.

    `services` are those that change, `unknown` the names among them that no catalogue has,
    `reached` how many services change or depend on one that does.
    """
    reasons = [ImpactReason(source="base", impact=1, reason="every change starts here")]
    for service in services:
        reasons += _of_service(model, service)
    reasons += [
        ImpactReason(
            source=f"tier:{name}",
            impact=model.unknown_tier,
            reason=f"{name} is not in the service catalogue",
        )
        for name in unknown
    ]
    if not services and not unknown:
        reasons.append(
            ImpactReason(
                source="tier",
                impact=model.unknown_tier,
                reason="it is not known which service changes",
            )
        )
    met = [item for item in model.blast_radius if reached >= item.at_least]
    if met:
        held = max(met, key=lambda item: (item.impact, item.at_least))
        reasons.append(
            ImpactReason(
                source="blast-radius",
                impact=held.impact,
                reason=f"{reached} {'service is' if reached == 1 else 'services are'} reached,"
                " dependents included",
            )
        )
    if irreversible and model.irreversible is not None:
        reasons.append(
            ImpactReason(
                source="irreversible",
                impact=model.irreversible,
                reason="the request says that it cannot be undone",
            )
        )
    # Sorting keeps the order of equals, so the first is the one that decided.
    ordered = sorted(reasons, key=lambda item: -item.impact)
    return ImpactScore(impact=ordered[0].impact, reasons=tuple(ordered))


def score(matrix: Sequence[Sequence[int]], impact: int, likelihood: Likelihood) -> int:
    """Return the cell of a risk matrix: rows for impact 1 to 5, columns from rare to likely.

    An unknown likelihood scores as the worst cell up to `possible`, so never below any of them.
    """
    row = matrix[impact - 1]
    if likelihood == "unknown":
        return max(row[: POSSIBLE + 1])
    return row[LIKELIHOODS.index(likelihood)]


def falling_cells(matrix: Sequence[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    """Return where a matrix scores less although impact or likelihood is higher.

    Each pair is an impact from 1 and the position of a likelihood from 0.
    """
    return tuple(
        (row + 1, column)
        for row, cells in enumerate(matrix)
        for column, cell in enumerate(cells)
        if (column and cell < cells[column - 1]) or (row and cell < matrix[row - 1][column])
    )


def _of_service(model: ImpactModel, service: Service) -> Iterator[ImpactReason]:
    given = [item.impact for item in model.tiers if item.tier == service.tier]
    impact = max(given, default=model.unknown_tier)
    if service.tier is None:
        reason = f"{service.name} has no tier"
    elif given:
        reason = f"{service.name} is of tier {service.tier}"
    else:
        reason = f"{service.name} is of tier {service.tier}, to which the model gives no impact"
    yield ImpactReason(source=f"tier:{service.name}", impact=impact, reason=reason)
    for item in model.data:
        if item.data_class == service.data_class:
            yield ImpactReason(
                source=f"data:{service.name}",
                impact=item.impact,
                reason=f"{service.name} holds data of class {item.data_class}",
            )
