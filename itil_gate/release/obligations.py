"""What somebody owes once a rule was bent or a change went wrong, and what meets it.

Pure functions: from what is recorded to the events that are recorded with it. An obligation has an
id of its own that follows from its cause, so recording it twice changes nothing. An emergency owes
with the update that brought it; its release owes no more, unless it was overridden itself.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from itil_gate.model.decision import Decision
from itil_gate.model.frozen import frozen
from itil_gate.model.record import (
    DeployDecision,
    Obligation,
    ObligationMet,
    RefUpdate,
    ReleaseOutcome,
    ReleaseRecord,
)
from itil_gate.reading.times import length
from itil_gate.release.entries import plain_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import Literal

    from itil_gate.log.append import Event
    from itil_gate.model.config import Config

    Duty = Literal["retro-approval", "review"]
    Cause = RefUpdate | ReleaseRecord | ReleaseOutcome

RETRO_APPROVAL = "24h"
REVIEW = "7d"
"""How long people have where the configuration does not say."""
NOBODY = "nobody"
"""Who owes what nobody is known to have done; it then holds everybody back."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}", re.ASCII)


@frozen
class _Owed:
    """A duty about one change before it has its place in the log."""

    duty: Duty
    change: str
    because: str
    owner: str


def obligations_for(
    cause: Cause,
    *,
    source: int,
    config: Config,
    decision: Decision | DeployDecision | None = None,
    release: ReleaseRecord | None = None,
    owners: Mapping[str, str] | None = None,
    services: Sequence[str] = (),
) -> tuple[Event, ...]:
    """Return the obligations that a recorded thing opens, as events; none for most things.

    `source` is the entry that `cause` became, `config` that of the target. A RefUpdate comes with
    the `decision` it rests on, a ReleaseRecord with its DeployDecision, a ReleaseOutcome with its
    `release`. `owners` are requesters by change id where they are known, `services` what a release
    touches; an update names its own. Opened are

    - for an overridden or emergency update, and an overridden release: retro-approval and review;
    - for an unauthorised update, a failed or a backed-out release: review.

    Whoever overrode owes; else the requester, the deployer, or `nobody`.
    """
    if isinstance(cause, RefUpdate):
        said = decision if isinstance(decision, Decision) else None
        owed = tuple(_of_update(cause, said, owners or {}))
        return _events(
            owed,
            key=("ref-update", cause.ref, cause.before, cause.after, cause.standing),
            repository=cause.repository,
            subject={"gitCommit": cause.after},
            source=source,
            at=cause.recorded_at,
            services=cause.services,
            config=config,
        )
    if isinstance(cause, ReleaseRecord):
        judged = decision if isinstance(decision, DeployDecision) else None
        owed = tuple(_of_release(cause, judged, owners or {}))
        commit, at = cause.commit, cause.started_at
    else:
        owed = tuple(_of_outcome(cause, release, owners or {}))
        commit, at = release.commit if release else "", cause.recorded_at
    return _events(
        owed,
        key=(_kind(cause), cause.nonce),
        repository=cause.repository,
        subject={"gitCommit": commit} if commit else {"nonce": cause.nonce},
        source=source,
        at=at,
        services=services,
        config=config,
    )


def met_event(obligation: Obligation, *, index: int, by: str, evidence: str, at: datetime) -> Event:
    """Return the event that meets an obligation; `index` is the obligation's own entry.

    `evidence` is the digest of a statement or the path of a review. An obligation is met once.
    """
    met = ObligationMet(
        repository=obligation.repository,
        id=obligation.id,
        obligation=index,
        by=by,
        evidence=evidence,
        met_at=at,
    )
    digest = hashlib.sha256(evidence.encode()).hexdigest()
    return plain_event("obligation-met", obligation.id, met, subject={"sha256": digest})


def overdue(debts: Iterable[Obligation], *, now: datetime) -> tuple[Obligation, ...]:
    """Return the open obligations that are due."""
    return tuple(one for one in debts if one.due <= now)


def _of_update(
    update: RefUpdate, decision: Decision | None, owners: Mapping[str, str]
) -> Iterator[_Owed]:
    names = update.changes or (update.after,)
    if update.standing == "unauthorised":
        because = f"{update.after[:12]} came onto {update.ref} without authority"
        for name in names:
            yield _Owed("review", name, because, _owner(owners.get(name)))
        return
    changes = {one.id: one for one in decision.changes} if decision else {}
    entries = decision.overrides if decision else ()
    standing = next((one for one in entries if one.counted), None)
    for name in names:
        verdict = changes.get(name)
        requester = owners.get(name) or (verdict.requester if verdict else None)
        if update.standing == "overridden":
            who = standing.person if standing else None
            because = f"an override stood in at the merge gate{_incident(standing)}"
            if update.correction is not None:
                because = update.reason
        elif verdict is not None and verdict.lane == "emergency":
            who, because = None, "it was merged as an emergency"
        else:
            continue
        owner = _owner(who, requester)
        yield _Owed("retro-approval", name, because, owner)
        if update.correction is None:  # its review is owed since it was found unauthorised
            yield _Owed("review", name, because, owner)


def _of_release(
    record: ReleaseRecord, decision: DeployDecision | None, owners: Mapping[str, str]
) -> Iterator[_Owed]:
    if decision is None or decision.outcome != "overridden":
        return
    standing = next((one for one in decision.overrides if one.counted), None)
    because = f"an override stood in at the deploy gate{_incident(standing)}"
    for name in record.changes or (record.commit,):
        who = standing.person if standing else None
        owner = _owner(who, owners.get(name), record.deployer)
        yield _Owed("retro-approval", name, because, owner)
        yield _Owed("review", name, because, owner)


def _of_outcome(
    outcome: ReleaseOutcome, release: ReleaseRecord | None, owners: Mapping[str, str]
) -> Iterator[_Owed]:
    if outcome.outcome == "success":
        return
    because = f"{outcome.nonce} in {outcome.environment} ended as {outcome.outcome}"
    names = release.changes or (release.commit,) if release else (outcome.nonce,)
    deployer = release.deployer if release else None
    for name in names:
        yield _Owed("review", name, because, _owner(owners.get(name), deployer))


def _events(
    owed: Sequence[_Owed],
    *,
    key: tuple[str, ...],
    repository: str,
    subject: Mapping[str, str],
    source: int,
    at: datetime,
    services: Sequence[str],
    config: Config,
) -> tuple[Event, ...]:
    terms = config.override
    lengths = {
        "retro-approval": terms.retro_approval if terms else RETRO_APPROVAL,
        "review": terms.review if terms else REVIEW,
    }
    found = []
    for one in owed:
        said = "\0".join((repository, *key, one.duty, one.change))
        obligation = Obligation(
            repository=repository,
            id=f"OBL-{hashlib.sha256(said.encode()).hexdigest()[:16]}",
            duty=one.duty,
            change=one.change,
            because=one.because,
            source=source,
            owner=one.owner,
            services=tuple(sorted(set(services))),
            due=at + length(lengths[one.duty]),
            opened_at=at,
        )
        found.append(plain_event("obligation", obligation.id, obligation, subject=subject))
    return tuple(found)


def _owner(*names: str | None) -> str:
    """Return the first of these that is a person's id."""
    return next((name for name in names if name and _NAME.fullmatch(name)), NOBODY)


def _incident(entry: object) -> str:
    incident = getattr(entry, "incident", "")
    return f" for {incident}" if incident else ""


def _kind(cause: ReleaseRecord | ReleaseOutcome) -> str:
    return "release-record" if isinstance(cause, ReleaseRecord) else "outcome"
