"""Rejections last: through new heads, and through a new name for the same work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide.chains import resolve
from itil_gate.decide.ledger import links
from itil_gate.policy.places import is_request_path
from itil_gate.reading.globs import GlobError, compile_globs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.decide.roster import Roster
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.config import Config
    from itil_gate.model.facts import Facts, StatementFact


def inherited_rejections(
    change: ChangeRequest,
    *,
    own: frozenset[str],
    people: frozenset[str],
    paths: Sequence[str],
    facts: Facts,
    roster: Roster,
    config: Config,
) -> tuple[tuple[str, StatementFact], ...]:
    """Return open rejections of other requests that this one inherits, with who rejected.

    A request inherits when the rejected scope holds a path that changes now, and the rejected
    head leads to this head, or nothing but request files differs from what was rejected, or
    whoever asked then asks or works now while the rejected request never reached the target. `own`
    are the ids of the requests in this pull request, `people` those who contributed to it.
    """
    asking = people | {change.metadata.requester}
    by_chain: dict[tuple[str, str], list[StatementFact]] = {}
    for item in facts.statements:
        said = item.approval
        if item.status != "good" or said is None or said.change in own:
            continue
        person = roster.by_key.get(item.fingerprint or "")
        if person is None or person.id != said.signer:
            continue
        if (said.repository, said.target) == (config.repository, facts.target):
            by_chain.setdefault((said.change, person.id), []).append(item)
    found: list[tuple[str, StatementFact]] = []
    for (other, who), items in sorted(by_chain.items()):
        standing = resolve(links(items)).standing
        found += [
            (who, item)
            for item in items
            if item.digest in standing
            and _open(item, who, roster, facts)
            and _same_work(item, asking, other, paths=paths, facts=facts, config=config)
        ]
    return tuple(found)


def _open(item: StatementFact, person: str, roster: Roster, facts: Facts) -> bool:
    said = item.approval
    if said is None or said.verdict != "reject":
        return False
    held = any(roster.holds(person, role, now=facts.now) for role in said.roles)
    return held or not said.roles


def _same_work(
    item: StatementFact,
    asking: frozenset[str],
    other: str,
    *,
    paths: Sequence[str],
    facts: Facts,
    config: Config,
) -> bool:
    said, proof = item.approval, item.approved
    if said is None:
        return False
    if not _meets(said.scope, paths):
        return False
    if proof is not None and proof.in_history:
        return True
    # A squashed branch in a colleague's name: only the requests themselves are different.
    if proof is not None and proof.known and all(is_request_path(config, p) for p in proof.changed):
        return True
    return said.requester in asking and other not in facts.target_requests


def _meets(scope: Sequence[str], paths: Sequence[str]) -> bool:
    """Tell whether a signed scope holds one of the paths; one that cannot be read holds all."""
    try:
        matches = compile_globs(scope)
    except GlobError:
        return True
    return any(matches(path) for path in paths)
