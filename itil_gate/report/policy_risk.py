"""How a policy set finds the risk of a change, on its page: floors, impact, likelihood, bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.base import LEVELS
from itil_gate.model.risk import LIKELIHOODS
from itil_gate.report.policy_words import code, counted, globs, joined, line, prose, table
from itil_gate.risk.card import CARDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.model.policy import PolicySet
    from itil_gate.model.risk import Floor, ImpactModel, RiskModel, Unreviewable
    from itil_gate.risk.change_failure import CardFactor, Step


def risk_section(policies: PolicySet) -> Iterator[str]:
    """Yield the lines about the risk models."""
    yield "## How risk is found"
    yield ""
    yield (
        "The highest of all reasons holds, and a request may raise its own risk, never lower it. "
        "Changes of policies, people, configuration or workflows are high by themselves."
    )
    yield ""
    several = len(policies.risk_models) > 1
    for model in policies.risk_models:
        if several:
            yield f"### {line(model.metadata.title or model.metadata.name)}"
            yield ""
        yield from _model(model)


def _model(model: RiskModel) -> Iterator[str]:
    spec = model.spec
    if spec.bands:
        yield (
            "**Impact** and **likelihood** meet in a matrix and give a score; extra points are "
            "added, up to 100; the bands turn the score into a level."
        )
        yield ""
        yield from _bands(model)
    else:
        yield f"Without any of these reasons the risk is **{spec.default}**."
        yield ""
    if spec.impact is not None:
        yield from _impact(spec.impact)
    yield from _card(spec.card)
    if spec.matrix is not None:
        yield "The matrix of scores:"
        yield ""
        yield from table(
            ["Impact", *LIKELIHOODS],
            ([str(number), *map(str, row)] for number, row in enumerate(spec.matrix, start=1)),
        )
        yield "A likelihood that is not known scores like one that is possible."
        yield ""
    if spec.factors:
        yield "Extra points:"
        yield ""
        yield from table(
            ["Factor", "Points", "If", "Why"],
            (
                [code(one.id), str(one.points), code(one.when), prose(one.reason)]
                for one in spec.factors
            ),
        )
    if spec.unreviewable is not None:
        yield from _unreviewable(spec.unreviewable)
    if spec.floors:
        yield "Reasons for at least a certain level:"
        yield ""
        yield from table(
            ["Level", "Reason", "If"],
            (
                [f"**{one.level}**", f"{code(one.id)}: {prose(one.reason)}", _if(one)]
                for one in sorted(spec.floors, key=_by_level)
            ),
        )
    appetite = spec.appetite
    if appetite is not None:
        role = appetite.exception
        way = f"needs an approval in the role {code(role)}" if role else "is refused"
        yield (
            f"The organisation takes at most **{appetite.maximum}** risk; {code(appetite.sponsor)} "
            f"answers for that. A change above it {way}."
        )
        yield ""


def _unreviewable(terms: Unreviewable) -> Iterator[str]:
    costs = [f"{counted(terms.points, 'point', 'points')} more"] if terms.points is not None else []
    costs += [f"at least **{terms.level}**"] if terms.level is not None else []
    spared = f", {globs(terms.exempt)} apart" if terms.exempt else ""
    yield (
        f"What nobody can review whole is {joined(costs)}: more than {terms.lines:,} changed "
        f"lines, new lines of more than {terms.line_length:,} bytes, and files that are binary, "
        f"larger than 1 MiB or kept elsewhere{spared}. {prose(terms.reason)}"
    )
    yield ""


def _by_level(floor: Floor) -> int:
    return -LEVELS.index(floor.level)


def _if(floor: Floor) -> str:
    parts = []
    if floor.paths:
        parts.append(f"a changed path matches {globs(floor.paths)}")
    if floor.when is not None:
        parts.append(code(floor.when))
    return " and ".join(parts)


def _bands(model: RiskModel) -> Iterator[str]:
    first = 0
    rows = []
    for band in model.spec.bands:
        rows.append([f"{first} to {band.up_to}", f"**{band.level}**"])
        first = band.up_to + 1
    yield from table(["Score", "Risk"], rows)


def _impact(impact: ImpactModel) -> Iterator[str]:
    yield "Impact, from 1 (hardly noticed) to 5 (the business stands); the highest row counts:"
    yield ""
    rows = [[f"a service of tier {one.tier}", str(one.impact)] for one in impact.tiers]
    rows.append(["a service without a tier that is listed here", str(impact.unknown_tier)])
    rows += [
        [f"a service that holds {code(one.data_class)} data", str(one.impact)]
        for one in impact.data
    ]
    rows += [
        [
            f"{counted(one.at_least, 'service', 'services')} or more reached, dependents included",
            str(one.impact),
        ]
        for one in impact.blast_radius
    ]
    if impact.irreversible is not None:
        rows.append(["the request says that it cannot be undone", str(impact.irreversible)])
    yield from table(["If the change touches", "Impact"], rows)


def _card(name: str | None) -> Iterator[str]:
    card = CARDS.get(name or "")
    if card is None:
        return
    yield (
        f"Likelihood is the sum of the points of the card {code(card.id)}, from the history of the "
        "target branch; what is not known counts as the worst it could be:"
    )
    yield ""
    yield from table(
        ["Question", "Points"],
        ([prose(factor.question), _steps(factor)] for factor in card.factors),
    )
    ends = [f"up to {first - 1}" for _, first in card.classes[1:]] + ["more"]
    classes = [f"{end} is {word}" for end, (word, _) in zip(ends, card.classes, strict=True)]
    yield f"Of these points, {joined(classes)}."
    yield ""


def _steps(factor: CardFactor) -> str:
    return "; ".join(f"{_bound(factor, step)}: {step.points}" for step in factor.steps)


def _bound(factor: CardFactor, step: Step) -> str:
    if factor.unit == "times":
        return f"{step.bound / 1000:.2f} times or more"
    if factor.fact == "first_today":
        return "yes"
    number = f"{step.bound} %" if factor.unit == "percent" else str(step.bound)
    if factor.meets == "at-least":
        return f"{number} or more"
    return f"{number} or fewer" if step.bound else "none"
