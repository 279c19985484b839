"""Claims: what a request says, held against the roster, the catalogue and the diff.

A claim that is too small is a finding; the decision itself never stands on a claim.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide.coverage import environments_of
from itil_gate.model.base import LEVELS
from itil_gate.model.finding import Finding
from itil_gate.reading.extensions import check_extensions

if TYPE_CHECKING:
    from itil_gate.decide.contributors import Contributors
    from itil_gate.decide.matter import Asked, Bench
    from itil_gate.model.decision import RiskAssessment


def check_claims(
    asked: Asked,
    bench: Bench,
    *,
    paths: tuple[str, ...],
    footprint: frozenset[str],
    risk: RiskAssessment,
) -> list[Finding]:
    """Compare what the request claims with the roster, the catalogue and the diff."""
    change, policies = asked.change, bench.policies
    spec, at = change.spec, asked.document.place
    found = []
    named = (
        (change.metadata.requester, ("metadata", "requester")),
        (spec.implementer, ("spec", "implementer")),
    )
    found += [
        Finding(
            rule="unknown-person",
            message=f"{where[-1]} {person} is not in people.yaml",
            remedy="use a person id from people.yaml on the target branch",
            place=at(where),
        )
        for person, where in named
        if person is not None and person not in bench.roster.persons
    ]
    known = {service.name for service in policies.services}
    found += [
        Finding(
            rule="unknown-service",
            message=f"the service {service} is not in the catalogue",
            remedy=f"use one of: {', '.join(sorted(known)) or 'none is described yet'}",
            place=at(("spec", "services", index)),
        )
        for index, service in enumerate(spec.services)
        if service not in known
    ]
    found += [
        Finding(
            rule="undeclared-service",
            message=f"paths of the service {service} change, but spec.services does not name it",
            remedy=f"add {service} to spec.services",
            place=at(("spec", "services")),
        )
        for service in sorted(footprint - set(spec.services))
    ]
    found += [
        Finding(
            rule="undeclared-environment",
            message=f"the change takes effect in {name}, but spec.environments does not name it",
            remedy=f"add {name} to spec.environments",
            place=at(("spec", "environments")),
        )
        for name in environments_of(paths, policies.config)
        if name not in spec.environments
    ]
    if spec.risk is not None and LEVELS.index(spec.risk) < LEVELS.index(risk.level):
        found.append(
            Finding(
                rule="under-declared-risk",
                message=f"the request says {spec.risk}; assessed is {risk.level}, which holds",
                remedy="leave spec.risk out, or raise it",
                effect="advise",
                place=at(("spec", "risk")),
            )
        )
    if policies.extension_schema is not None or spec.extensions:
        found += check_extensions(spec.extensions, policies.extension_schema, asked.document)
    return found


def check_proof(contributors: Contributors, risk: RiskAssessment) -> list[Finding]:
    """Return what commits cost that nothing proves: one approval more, or a refusal."""
    if not contributors.unproved:
        return []
    low = risk.level == "low"
    commits = ", ".join(commit[:12] for commit in contributors.unproved[:5])
    more = f" and {len(contributors.unproved) - 5} more" if contributors.unproved[5:] else ""
    cost = "one approval more is needed" if low else f"at {risk.level} risk that is refused"
    return [
        Finding(
            rule="unproved-contributor",
            message=f"nothing proves who made commit {commits}{more}: {cost}",
            remedy="sign the commits with an SSH key listed in people.yaml, or vouch for your own "
            "with `itil-gate vouch COMMIT`",
            effect="advise" if low else "deny",
        )
    ]
