"""Make an override, and try it before it is signed: what it would bend, or why it would not count.

The same code that judges a signed override judges the one that somebody is about to sign, so
nobody signs what would count for nothing.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from itil_gate.decide.chains import Link, resolve
from itil_gate.decide.gate import decide
from itil_gate.model.facts import StatementFact
from itil_gate.model.fingerprint import fingerprint
from itil_gate.model.frozen import replace
from itil_gate.release.overriding import hear_release, with_overrides
from itil_gate.signing.statement import override_statement, path_of, signed_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.git.view import View
    from itil_gate.model.decision import Decision
    from itil_gate.model.facts import Inputs
    from itil_gate.model.people import Person
    from itil_gate.model.record import DeployDecision, Overriding
    from itil_gate.model.statement import OverridePredicate
    from itil_gate.release.deploying import Examined

OF_THE_ARTEFACT = frozenset({"digest-of-another-commit", "provenance", "promotion-skipped"})
"""Rules of the deploy gate that nobody can answer before an artefact is named."""


def previous(
    statements: Sequence[StatementFact], said: OverridePredicate, *, person: Person
) -> tuple[str, ...]:
    """Return the digests of the person's latest overrides of the same thing."""
    keys = {fingerprint(key) for key in person.keys}
    links = [
        Link(item.digest, "approve", item.override.previous)
        for item in statements
        if item.override is not None
        and item.fingerprint in keys
        and _bound(item.override) == _bound(said)
    ]
    return resolve(links).tips


def as_signed(said: OverridePredicate, *, person: Person) -> StatementFact:
    """Return the fact that an override would be, signed by this person."""
    statement = override_statement(said)
    return StatementFact(
        path=path_of(statement),
        digest=hashlib.sha256(signed_bytes(statement)).hexdigest(),
        status="good",
        fingerprint=fingerprint(person.keys[0]),
        override=said,
    )


def try_merge(inputs: Inputs, fact: StatementFact) -> Decision:
    """Return the decision on a merge as it would be with one override more."""
    facts = inputs.facts.model_copy(update={"overrides": (*inputs.facts.overrides, fact)})
    return decide(inputs.model_copy(update={"facts": facts}))


def try_release(
    view: View, examined: Examined, statements: Sequence[StatementFact], *, artefact: bool
) -> DeployDecision:
    """Return the decision on a release with these overrides; without an artefact, apart from it."""
    found = examined.findings
    if not artefact:
        reasons = tuple(one for one in found.reasons if one.rule not in OF_THE_ARTEFACT)
        found = replace(found, reasons=reasons)
    entries: tuple[Overriding, ...] = hear_release(
        view,
        statements,
        facts=examined.facts,
        found=found,
        policies=examined.policies,
        target=examined.decision.target,
    )
    plain = examined.decision.model_copy(
        update={"reasons": found.reasons, "outcome": "deny" if found.failed else "allow"}
    )
    return with_overrides(plain, entries)


def _bound(said: OverridePredicate) -> tuple[str | None, ...]:
    return (
        said.repository, said.target, said.stage, said.head, said.commit, said.environment,
    )  # fmt: skip
