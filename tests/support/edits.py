"""Sealed inputs with one thing changed: a text of the judge, what was said, who took part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide.gate import decide
from support.casting import requiring
from support.scenes import edited, stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from itil_gate.model.decision import Decision
    from itil_gate.model.facts import Inputs, StatementFact
    from support.scenes import Scenes


def under(inputs: Inputs, files: Mapping[str, str]) -> Inputs:
    """Return inputs judged with some texts of the target replaced or added."""
    known = {one.path: one for one in inputs.judge}
    known |= {path: stored(path, text) for path, text in files.items()}
    return inputs.model_copy(update={"judge": tuple(known[path] for path in sorted(known))})


def asking(inputs: Inputs, *requirements: str) -> Inputs:
    """Return inputs judged under one approval policy with these requirements."""
    return under(inputs, {"policies/approvals.yaml": requiring(*requirements)})


def with_request(inputs: Inputs, old: str, new: str) -> Inputs:
    """Return inputs whose one request says something else."""
    (asked,) = inputs.requests
    assert old in asked.text
    return inputs.model_copy(
        update={"requests": (stored(asked.path, asked.text.replace(old, new)),)}
    )


def only_said(inputs: Inputs, *statements: StatementFact) -> Inputs:
    """Return inputs as if nothing but these statements had been filed."""
    return edited(inputs, statements=statements)


def approved_by(scenes: Scenes, inputs: Inputs, names: Iterable[str]) -> Decision:
    """Decide as if these people, and nobody else, had approved what the inputs propose."""
    said = [scenes.statement(inputs.facts, name) for name in names]
    return decide(only_said(inputs, *said))
