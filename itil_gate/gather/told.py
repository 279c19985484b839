"""What the audit log remembers of a forge, for whoever judges without asking it.

Requests for changes reject, and whoever opened or pushed has taken part, whether or not the run
that decides can reach the forge. Where neither it nor the record says anything about a head, a
decision shows that; one that binds waits for it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from itil_gate.model.facts import Facts
from itil_gate.model.finding import Finding
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from itil_gate.log.reader import LogReader
    from itil_gate.model.config import Config
    from itil_gate.model.facts import PullRequest, Review

SHORT = 12
_APART: dict[str, list[object]] = {
    "diff": [], "commits": [], "statements": [], "earlier": [], "external": [], "overrides": [],
}  # fmt: skip
"""What of recorded facts is not about the forge, and large."""


@frozen
class Told:
    """What the record says a forge told: of the pull request, and of its reviews."""

    pull: PullRequest | None = None
    reviews: tuple[Review, ...] = ()
    asked: bool = False
    """Whether the forge was asked about this very head."""


def told_by_forge(records: Sequence[Facts], *, head: str) -> Told:
    """Return what a forge told according to recorded facts about one change, newest first.

    A review is as the newest record has it, of the pull request that had this `head` last: another
    about a change of the same name takes nothing away. Of what older ones alone hold, only requests
    for changes are kept: who takes an approval back on a forge may leave nothing of it. Everybody
    who was ever seen pushing has pushed; where the newest record is about another head than `head`,
    nobody knows who pushed that, and since when it is there.
    """
    asked = [one for one in records if one.pull_request is not None]
    if not asked:
        return Told()
    here = [one.pull_request for one in asked if one.pull_request and one.pull_request.head == head]
    numbers = [one.pull_request.number if one.pull_request else 0 for one in asked]
    first = asked[numbers.index(here[0].number)] if here else asked[0]
    newest = first.pull_request
    if newest is None:  # pragma: no cover - they were chosen for it
        raise TypeError(head)
    reviews: dict[tuple[str, str], Review] = {}
    for one in (first, *asked):
        for review in one.reviews:
            if one is first or review.state == "changes-requested":
                reviews.setdefault((review.forge, review.id), review)
    pushers = [
        account
        for one in reversed(asked)
        if one.pull_request is not None
        for account in (one.pull_request.opener, *one.pull_request.pushers)
        if account != newest.opener
    ]
    edits: dict[str, object] = {"pushers": tuple(dict.fromkeys(pushers))}
    if newest.head != head:
        edits["head_since"] = None
    return Told(newest.model_copy(update=edits), tuple(reviews.values()), bool(here))


def recorded_facts(
    reader: LogReader, changes: AbstractSet[str], *, head: str, target: str
) -> tuple[Facts, ...]:
    """Return what recorded decisions about these changes, or about this head, saw; newest first.

    All are looked through: whoever could make the log forget by having many others judged could
    take requests for changes away. Kept of each is what the forge told.
    """
    found = []
    words = [f'"{name}"'.encode() for name in (head, *sorted(changes))]

    def holds(_kind: str, payload: bytes) -> bool:
        return any(word in payload for word in words)

    for entry in reader.backwards(kinds=("gate-decision",), holding=holds):
        said = entry.predicate.get("itilGate", {})
        decision, facts = said.get("decision"), said.get("facts")
        if not entry.believed or not isinstance(decision, dict) or not isinstance(facts, dict):
            continue
        if decision.get("target") != target or not facts.get("pullRequest"):
            continue
        if decision.get("head") != head and not changes & {
            change.get("id") for change in decision.get("changes", ())
        }:
            continue
        found.append(Facts.model_validate_json(json.dumps(facts | _APART)))
    return tuple(found)


def not_asked(config: Config, told: Told, *, head: str, binding: bool) -> tuple[Finding, ...]:
    """Return that nobody asked the forge about a head, if the target names one and nobody did.

    `binding` says that the decision is acted upon, and no advice to whoever works offline.
    """
    if config.forge is None or told.asked:
        return ()
    return (
        Finding(
            rule="forge-not-asked",
            message=f"nobody asked {config.forge.host} who opened the pull request of "
            f"{head[:SHORT]}, who pushed to it and who requests changes, and the audit log does "
            "not say so either",
            remedy="`itil-gate check --pull NUMBER --record`, with the log's keys",
            effect="pending" if binding else "advise",
        ),
    )
