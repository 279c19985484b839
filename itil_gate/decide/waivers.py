"""Waivers: a time-limited exception from one soft rule that a person answers for.

It is for one change, or for as many as it says, which the audit log counts as they land.

It holds for as long as that person holds the role in which it was given, and is nothing to a change
in which they took part themselves. One for services is for no files that belong to none, whatever
the request names.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from itil_gate.decide.coverage import answerable, scope_paths, unowned
from itil_gate.decide.ledger import exclusions
from itil_gate.model.frozen import frozen
from itil_gate.reading.globs import compile_globs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from itil_gate.decide.matter import Asked, Bench
    from itil_gate.model.facts import WaiverUse
    from itil_gate.model.ruleset import Waiver


@frozen
class Waived:
    """The waiver that holds, or in words why none of those for the rule does."""

    waiver: Waiver | None
    detail: str


def find_waiver(
    rule: str,
    *,
    asked: Asked,
    bench: Bench,
    paths: Sequence[str],
    footprint: frozenset[str],
    now: datetime,
    uses: Sequence[WaiverUse] | None = None,
) -> Waived:
    """Return the waiver of a rule for a change; `now` is the time of the decision.

    `uses` are those that the audit log counts, None where there is none to count them.
    """
    refused = []
    for waiver in sorted(bench.policies.waivers, key=lambda one: one.metadata.name):
        if waiver.spec.rule != rule or not _is_for(
            waiver, asked=asked, paths=paths, footprint=footprint
        ):
            continue
        fault = _fault(waiver, asked=asked, bench=bench, footprint=footprint, now=now) or _spent(
            waiver, asked.change.metadata.id, uses
        )
        if fault is None:
            spec = waiver.spec
            return Waived(
                waiver,
                f"waived by {waiver.metadata.name} until {spec.expires}, "
                f"{spec.approved_by} answers for it: {spec.reason}",
            )
        refused.append(f"the waiver {waiver.metadata.name} does not count: {fault}")
    return Waived(None, "; ".join(refused))


def _is_for(
    waiver: Waiver, *, asked: Asked, paths: Sequence[str], footprint: frozenset[str]
) -> bool:
    """Tell whether everything that the selector names fits the change."""
    selector = waiver.spec.selector
    if selector.change is not None and selector.change != asked.change.metadata.id:
        return False
    if selector.services and not footprint <= set(selector.services):
        return False
    return not selector.paths or all(map(compile_globs(selector.paths), paths))


def _fault(
    waiver: Waiver, *, asked: Asked, bench: Bench, footprint: frozenset[str], now: datetime
) -> str | None:
    spec = waiver.spec
    if now.astimezone(UTC).date() > spec.expires:
        return f"it expired on {spec.expires}"
    person = bench.roster.persons.get(spec.approved_by)
    if person is None or person.kind != "human":
        return f"{spec.approved_by} is no human of people.yaml"
    changed, services = scope_paths(asked.change, bench.territory), bench.policies.services
    bare = unowned(changed, services)
    if spec.selector.services and bare:
        named = ", ".join(spec.selector.services)
        return f"it is for {named}, and {bare[0]} belongs to no service; `paths` select such files"
    # What a request names is asked for beside what it touches, never instead.
    asked_for = footprint | answerable(changed, services)
    holders = [bench.roster.holders(spec.role, service=name, now=now) for name in asked_for]
    if not all(spec.approved_by in people for people in holders):
        return f"{spec.approved_by} does not hold the role {spec.role} for all that changes"
    if exclusions(spec.approved_by, asked.change, bench.contributors):
        return f"{spec.approved_by} took part in the change"
    return None


def _spent(waiver: Waiver, change: str, uses: Sequence[WaiverUse] | None) -> str | None:
    """Return why a waiver for more than one change cannot be used once more; None if it can."""
    if waiver.spec.selector.change is not None:
        return None
    if uses is None:
        return "the audit log, which counts its uses, is not here"
    others = {use.change for use in uses if use.waiver == waiver.metadata.name} - {change}
    if len(others) >= waiver.spec.max_uses:
        return f"it was used by {len(others)} changes, and is for {waiver.spec.max_uses}"
    return None
