"""The plain words for a measured risk: score, impact and likelihood, with what made each of them.

Plain text that may quote names from policies and catalogues; whoever prints it escapes it. Where
no risk model scores there is nothing to say, and every function here says nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.model.decision import Contribution, RiskAssessment
    from itil_gate.model.facts import HistoryFacts
    from itil_gate.model.score import LikelihoodPoint, LikelihoodScore


def score(assessment: RiskAssessment) -> str:
    """Return the score as it follows the level; empty without one."""
    return "" if assessment.score is None else f", score {assessment.score} of 100"


def summands(assessment: RiskAssessment) -> list[Contribution]:
    """Return what the scores were summed up from, in that order."""
    return [item for item in assessment.contributions if item.points is not None]


def impact(assessment: RiskAssessment) -> str:
    """Return the impact with the reasons that made it so high; empty if none was measured."""
    found = assessment.impact
    if found is None:
        return ""
    reasons = [one.reason for one in found.reasons if one.impact == found.impact]
    return f"{found.impact} of 5: {'; '.join(reasons)}"


def every_impact(assessment: RiskAssessment) -> list[str]:
    """Return every reason for the impact, the highest first, with its source."""
    reasons = assessment.impact.reasons if assessment.impact else ()
    return [f"{one.impact}: {one.reason} ({one.source})" for one in reasons]


def likelihood(assessment: RiskAssessment) -> str:
    """Return the class of likelihood and what it rests on; empty where nothing was scored."""
    if assessment.score is None:
        return ""
    found = assessment.likelihood
    if found is None:
        return "not measured, counts at least as possible: the risk model has no card"
    if found.usual_ppm is None:
        return "unknown, counts at least as possible: there is no history to read here"
    points = f"{_points(found.points)} of {found.card}"
    if found.likelihood == "unknown":
        return (
            "unknown, counts at least as possible: history here does not reach back a year"
            f" ({points} by what is there)"
        )
    return f"{found.likelihood}: {points}{_rates(found)}"


def points(assessment: RiskAssessment) -> list[str]:
    """Return what gave points of likelihood, in the order of the card, with each reason."""
    return [f"{_points(one.points)}: {one.reason} ({one.factor})" for one in _given(assessment)]


def shares(assessment: RiskAssessment) -> str:
    """Return the points of likelihood in one line, the most first; empty if there are none."""
    most_first = sorted(_given(assessment), key=lambda one: -one.points)
    return ", ".join(f"{one.factor} {one.points}" for one in most_first)


def unknown(assessment: RiskAssessment) -> str:
    """Return the factors of likelihood that are not known; empty if all are."""
    found = assessment.likelihood
    if found is None or not found.unknown:
        return ""
    if found.usual_ppm is None:
        return f"not known: {', '.join(found.unknown)}"
    return f"not known, so each counts the most it can: {', '.join(found.unknown)}"


def history(facts: HistoryFacts) -> Iterator[str]:
    """Yield what was read from the history of the target, number by number."""
    reach = "" if facts.complete else " (history here does not reach back a year)"
    yield f"{facts.changes} changes of the last year, {facts.failures} of them failed{reach}"
    yield f"usual rate of failure {percent(facts.base_ppm)}"
    for caption, value, unit in (
        ("files fail", facts.file_ratio, "times"),
        ("folders fail", facts.dir_ratio, "times"),
        ("top-level folders fail", facts.area_ratio, "times"),
        ("types of file fail", facts.type_ratio, "times"),
        ("failed changes to the files in 365 days", facts.file_failures_365, ""),
        ("failed changes to the folders in 90 days", facts.dir_failures_90, ""),
        ("words shared with a failed change", facts.title_overlap_percent, "%"),
        ("hours since the last failure", facts.hours_since_failure, ""),
        ("files that are configuration", facts.config_percent, "%"),
        ("changes that added fewer lines", facts.lines_added_percentile, "%"),
        ("changes by fewer developers", facts.developers_percentile, "%"),
        ("first change to the files in 24 hours", facts.first_today, ""),
        ("changes by the author in 24 hours", facts.author_changes_24h, ""),
    ):
        yield f"{caption}: {_value(value, unit)}"


def percent(ppm: int) -> str:
    """Return a rate per million in percent, to a tenth."""
    return f"{ppm // 10_000}.{ppm % 10_000 // 1_000} %"


def _given(assessment: RiskAssessment) -> tuple[LikelihoodPoint, ...]:
    return assessment.likelihood.contributions if assessment.likelihood else ()


def _rates(found: LikelihoodScore) -> str:
    if found.usual_ppm is None or found.expected_ppm is None:
        return ""
    return (
        f"; expected to fail in {percent(found.expected_ppm)} of cases, usual here"
        f" {percent(found.usual_ppm)}"
    )


def _value(value: int | None, unit: str) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit == "times":
        return f"{value // 1000}.{value % 1000 // 10:02} times as often as usual"
    return f"{value} {unit}".rstrip()


def _points(count: int) -> str:
    return f"{count} point{'' if count == 1 else 's'}"
