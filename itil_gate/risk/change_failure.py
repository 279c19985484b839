"""The shipped likelihood card `change-failure`: which facts give how many points.

Bounds and points come from a fit on 329,498 changes of 18 public repositories, 6,181 of them backed
out within 30 days. The card is data: nothing here is computed. What it can and cannot say is told
in docs/explanation/risk.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from itil_gate.model.score import Likelihood


@frozen
class Step:
    """From this value on, so many points in all (not on top of the step before)."""

    bound: int
    points: int


@frozen
class CardFactor:
    """A question to the history of the target, and the points for its answers.

    `fact` names the field of HistoryFacts that answers it. With `meets` `at-least` a value gives
    the points of the highest bound it reaches, with `at-most` those of the lowest it does not
    exceed. In `reason`, `{value}` is the answer; `unit` says how it is written.
    """

    id: str
    question: str
    fact: str
    steps: tuple[Step, ...]
    reason: str
    unit: Literal["count", "times", "percent"] = "count"
    meets: Literal["at-least", "at-most"] = "at-least"

    @property
    def most(self) -> int:
        """The most points this factor can give."""
        return max(step.points for step in self.steps)


@frozen
class Card:
    """A table of points and what a sum of points means.

    A change with `points` fails at `sigmoid(logit(base) + (offset + slope * points) / 1000)`, where
    `base` is the failure rate of its repository. `classes` names the first sum of each class.
    """

    id: str
    version: int
    offset: int
    slope: int
    classes: tuple[tuple[Likelihood, int], ...]
    factors: tuple[CardFactor, ...]


CHANGE_FAILURE = Card(
    id="change-failure",
    version=1,
    offset=-1106,
    slope=110,
    classes=(("rare", 0), ("unlikely", 4), ("possible", 11), ("likely", 17)),
    factors=(
        CardFactor(
            id="file-record",
            question="How often were changes to these files backed out, against the usual rate?",
            fact="file_ratio",
            unit="times",
            steps=(Step(1105, 1), Step(1284, 2), Step(1649, 3), Step(2226, 4), Step(3320, 6)),
            reason="changes to a file touched here fail {value} times as often as usual",
        ),
        CardFactor(
            id="folder-record",
            question="How often were changes to these folders backed out, against the usual rate?",
            fact="dir_ratio",
            unit="times",
            steps=(Step(1284, 1), Step(1649, 2), Step(2226, 4)),
            reason="changes to a folder touched here fail {value} times as often as usual",
        ),
        CardFactor(
            id="area-record",
            question="How often were changes to these top-level folders backed out?",
            fact="area_ratio",
            unit="times",
            steps=(Step(1105, 1),),
            reason="changes to a top-level folder touched here fail {value} times as often as"
            " usual",
        ),
        CardFactor(
            id="type-record",
            question="How often were changes to files of these types backed out?",
            fact="type_ratio",
            unit="times",
            steps=(Step(1051, 1),),
            reason="changes to a type of file touched here fail {value} times as often as usual",
        ),
        CardFactor(
            id="file-failures",
            question="How many changes to these files were backed out in the last 365 days?",
            fact="file_failures_365",
            steps=(Step(2, 1), Step(4, 2)),
            reason="{value} changes to these files were backed out in the last 365 days",
        ),
        CardFactor(
            id="folder-failures",
            question="How many changes to these folders were backed out in the last 90 days?",
            fact="dir_failures_90",
            steps=(Step(8, 1),),
            reason="{value} changes to these folders were backed out in the last 90 days",
        ),
        CardFactor(
            id="resembles-failure",
            question="Does the title resemble a change to these files that was just backed out?",
            fact="title_overlap_percent",
            unit="percent",
            steps=(Step(10, 1), Step(50, 4)),
            reason="the title shares {value} of its words with a change to these files that was"
            " backed out in the last 14 days",
        ),
        CardFactor(
            id="recent-failure",
            question="How many hours ago was the last change in this repository backed out?",
            fact="hours_since_failure",
            meets="at-most",
            steps=(Step(168, 2), Step(24, 4)),
            reason="a change in this repository was backed out {value} h ago",
        ),
        CardFactor(
            id="configuration",
            question="How much of the change is configuration?",
            fact="config_percent",
            unit="percent",
            steps=(Step(50, 2),),
            reason="{value} of the files are configuration",
        ),
        CardFactor(
            id="lines-added",
            question="Does the change add more lines than most changes here?",
            fact="lines_added_percentile",
            unit="percent",
            steps=(Step(75, 1),),
            reason="it adds more lines than {value} of the changes before",
        ),
        CardFactor(
            id="developers",
            question="Have more people worked on these files than on most?",
            fact="developers_percentile",
            unit="percent",
            steps=(Step(25, 1),),
            reason="more people worked on these files than on those of {value} of the changes"
            " before",
        ),
        CardFactor(
            id="first-today",
            question="Is it the first change to these files within 24 hours?",
            fact="first_today",
            steps=(Step(1, 1),),
            reason="it is the first change to these files within 24 hours",
        ),
        CardFactor(
            id="no-series",
            question="How many changes did the author land in the last 24 hours?",
            fact="author_changes_24h",
            meets="at-most",
            steps=(Step(2, 1), Step(0, 2)),
            reason="it does not continue a series: {value} changes by the author landed in the"
            " last 24 hours",
        ),
    ),
)
"""Thirteen factors, at most 30 points; ratios are in thousandths of the repository's own rate."""
