"""Verify the evidence of a stored decision again, from the texts that it carries.

A replay shows that the decision follows from its inputs; this shows that the inputs were signed.
It needs no repository and no network. Signatures of commits need the commits and are not judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.signing.statement import read_statement

if TYPE_CHECKING:
    from itil_gate.model.facts import Facts


def unverified_statements(facts: Facts) -> tuple[str, ...]:
    """Return the paths of statements whose text does not say what the facts say of them."""
    wrong = []
    for fact in facts.statements:
        if not fact.text and fact.status != "good":
            continue  # not text at all, or too large to be stored; it counted for nothing
        again = read_statement(fact.path, fact.text.encode())
        if again.model_copy(update={"approved": fact.approved}) != fact:
            wrong.append(fact.path)
    return tuple(wrong)
