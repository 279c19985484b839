"""What expressions are shown of one change, stage by stage, made only where there are any.

Facts and schedule come first, then the risk, then the lane. Most policies of small teams have no
expression, and then nothing here is made and the engine is not loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from itil_gate.decide.matter import Asked, Bench
    from itil_gate.expressions.environment import Bindings
    from itil_gate.model.decision import RiskAssessment
    from itil_gate.model.facts import Facts
    from itil_gate.model.policy import Lane


class Values:
    """What expressions are shown of one change, stage by stage; made only where they are."""

    def __init__(self, first: Callable[[], Bindings] | None) -> None:
        self._first = first
        self._later: list[Callable[[], Mapping[str, object]]] = []
        self._made: Bindings | None = None

    def add_risk(self, risk: RiskAssessment) -> None:
        """Note the assessed risk."""

        def view() -> Mapping[str, object]:
            from itil_gate.decide.views import risk_view  # noqa: PLC0415 - few have expressions

            return {"risk": risk_view(risk)}

        self._later.append(view)

    def add_lane(self, lane: Lane) -> None:
        """Note the lane."""
        self._later.append(lambda: {"lane": lane})

    @property
    def all(self) -> Bindings:
        """Everything that is known so far. Raises TypeError where the set has no expression."""
        if self._first is None:
            raise TypeError("there is no expression to be shown anything")
        if self._made is None:
            self._made = self._first()
        while self._later:
            self._made = self._made.also(self._later.pop(0)())
        return self._made


def values_of(asked: Asked, *, bench: Bench, facts: Facts, footprint: frozenset[str]) -> Values:
    """Return the first stage: what is known of a change before its risk."""
    environment = bench.conditions.environment
    if environment is None:
        return Values(None)

    def first() -> Bindings:
        from itil_gate.decide.views import bind_facts  # noqa: PLC0415 - few sets have expressions

        return bind_facts(environment, asked.change, facts=facts, bench=bench, footprint=footprint)

    return Values(first)
