"""What all tests of a folder of policies prove together: results, coverage, mutation score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.frozen import frozen
from itil_gate.prove.coverage import Coverage, cover
from itil_gate.prove.mutation import Mutation, mutate
from itil_gate.prove.testing import run_tests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from itil_gate.prove.coverage import Answer, Covered
    from itil_gate.prove.testing import CaseResult, Suite


@frozen
class Proof:
    """The results of all suites; coverage and mutation where they were asked for."""

    results: tuple[CaseResult, ...]
    coverage: Coverage | None = None
    mutation: Mutation | None = None
    """None too where a test fails: what fails anyway notices nothing."""

    @property
    def failed(self) -> int:
        """How many cases did not come out as expected."""
        return sum(not one.passed for one in self.results)


def prove(
    suites: Sequence[Suite],
    *,
    coverage: bool = False,
    mutation: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Proof:
    """Run all suites. Raises ConfigError if policies do not load.

    `progress` is called with what is being done, how much of it is, and how much there is.
    """
    results: list[CaseResult] = []
    covered: list[Coverage] = []
    for suite in suites:
        mine = run_tests(suite, progress=_told(progress, "cases"))
        results += mine
        if coverage:
            covered.append(cover(suite, mine))
    made: list[Mutation] = []
    if mutation and all(one.passed for one in results):
        made = [mutate(suite, progress=_told(progress, "mutants")) for suite in suites]
    return Proof(
        tuple(results),
        coverage=_covered(covered) if coverage else None,
        mutation=_mutated(made) if made else None,
    )


def _covered(parts: Sequence[Coverage]) -> Coverage:
    """Join what suites have seen: an answer that one of them saw was seen."""
    joined: dict[Answer, Covered] = {}
    for part in parts:
        for one in part.answers:
            known = joined.get(one.answer)
            joined[one.answer] = one if known is None or one.seen else known
    return Coverage(tuple(joined.values()))


def _mutated(parts: Sequence[Mutation]) -> Mutation:
    return Mutation(
        killed=sum(one.killed for one in parts),
        survivors=tuple(mutant for one in parts for mutant in one.survivors),
        unloadable=sum(one.unloadable for one in parts),
        left_out=sum(one.left_out for one in parts),
    )


def _told(
    progress: Callable[[str, int, int], None] | None, what: str
) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(what, done, total)
