"""Mutation of policies: whether the tests would notice that somebody slipped.

Each mutant is the policy set with one small fault. One that no test notices survives, and names the
test that is missing. A mutant that does not even load cannot be merged and counts for nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from itil_gate.model.errors import ConfigError
from itil_gate.model.frozen import frozen, replace
from itil_gate.model.policy import Source
from itil_gate.model.risk import RiskModel
from itil_gate.policy.places import YAML
from itil_gate.prove.mutants import applied, slips
from itil_gate.prove.testing import run_case
from itil_gate.reading.read import read
from itil_gate.reading.yaml import parse_all
from itil_gate.risk.soundness import reachable_scores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from itil_gate.model.finding import Place
    from itil_gate.prove.testing import Suite
    from itil_gate.reading.document import Document

MOST = 2000
"""How many mutants are tried; more make a run that nobody waits for."""


@frozen
class Mutant:
    """The policies with one fault in one file."""

    place: Place
    words: str
    missing: str
    """The test that would notice it."""
    source: Source


@frozen
class Mutation:
    """How many mutants the tests noticed, and which they did not."""

    killed: int
    survivors: tuple[Mutant, ...]
    unloadable: int
    left_out: int = 0
    """Mutants that were not tried, beyond the limit."""

    @property
    def percent(self) -> int:
        """The mutation score: the share that was noticed, in whole percent; 100 of nothing."""
        total = self.killed + len(self.survivors)
        return 100 * self.killed // total if total else 100


def mutants(suite: Suite) -> Iterator[Mutant]:
    """Yield every mutant, in the order of files and their texts."""
    for source in sorted(suite.policies, key=lambda one: one.path):
        if not source.path.endswith(YAML):
            continue
        if suite.mutable is not None and source.path not in suite.mutable:
            continue
        documents = parse_all(source.text, file=source.path)
        whole = [document.data for document in documents]
        for index, document in enumerate(documents):
            for slip in slips(document.data, scores=_scores(document)):
                changed = applied(document.data, slip.path, slip.value)
                texts = map(json.dumps, [*whole[:index], changed, *whole[index + 1 :]])
                yield Mutant(
                    place=document.place(slip.path),
                    words=slip.words,
                    missing=slip.missing,
                    source=Source(path=source.path, blob="", text="\n---\n".join(texts)),
                )


def mutate(
    suite: Suite, *, most: int = MOST, progress: Callable[[int, int], None] | None = None
) -> Mutation:
    """Return how the tests of a suite, which all pass, fare against every mutant.

    `progress` is called with how many mutants are done, and how many there are.
    """
    every = tuple(mutants(suite))
    tried = every[:most]
    killed = unloadable = 0
    survivors: list[Mutant] = []
    for number, mutant in enumerate(tried, start=1):
        noticed = _noticed(suite, mutant)
        if noticed is None:
            unloadable += 1
        elif noticed:
            killed += 1
        else:
            survivors.append(mutant)
        if progress is not None:
            progress(number, len(tried))
    return Mutation(killed, tuple(survivors), unloadable, left_out=len(every) - len(tried))


def _scores(document: Document) -> frozenset[int]:
    """Return the scores that changes can have under a risk model; none for other documents."""
    if not isinstance(document.data, dict) or document.data.get("kind") != "RiskModel":
        return frozenset()
    model = read(document, RiskModel)
    return reachable_scores(model.spec) if isinstance(model, RiskModel) else frozenset()


def _noticed(suite: Suite, mutant: Mutant) -> bool | None:
    """Tell whether a test fails under the mutant; None if it does not load."""
    policies = tuple(
        mutant.source if source.path == mutant.source.path else source for source in suite.policies
    )
    changed = replace(suite, policies=policies)
    try:
        return any(
            not run_case(changed, written, index).passed
            for written in suite.tests
            for index in range(len(written.test.spec.cases))
        )
    except ConfigError:
        return None
