"""A rule of the gate as people meet it: its name, what it means, what satisfies it."""

from itil_gate.model.base import Model
from itil_gate.model.finding import Effect


class Rule(Model):
    """One entry of the catalogue; the docs, `explain` and SARIF are made from it."""

    id: str
    effect: Effect
    summary: str
    why: str
    remedy: str
