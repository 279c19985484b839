"""Record releases: the attempt, permitted or not, what it brought, and how it ended.

A decision, its release and the signed tag are one append: all of it arrives, or nothing does. What
may not be released is recorded too, without a release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from itil_gate.decide.roster import build_roster
from itil_gate.git.names import ref_tip
from itil_gate.git.release_tags import TagDraft, tag_exists, tag_ref
from itil_gate.log.release_tag import tag_message
from itil_gate.model.record import ReleaseOutcome
from itil_gate.release.attesting import package_url
from itil_gate.release.books import catch_up, follow
from itil_gate.release.deploying import Known, account_of, examine, record_of
from itil_gate.release.entries import (
    attestation_event,
    copy_event,
    deploy_event,
    outcome_event,
    release_event,
)
from itil_gate.release.obligations import obligations_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from itil_gate.decide.deploy_facts import Attempt, Released
    from itil_gate.git.view import View
    from itil_gate.log.append import Event, Plan
    from itil_gate.model.record import Incident, ReleaseRecord
    from itil_gate.release.books import Books
    from itil_gate.release.deploying import Examined
    from itil_gate.release.recorder import Recorded


def start_release(
    books: Books,
    view: View,
    attempt: Attempt,
    *,
    target: str,
    tip: str,
    nonce: str,
    deployer: str,
    purl: str | None,
    provenance: bytes | None,
    tag: str | None = None,
    file: str | None = None,
) -> tuple[Examined, Recorded, ReleaseRecord | None]:
    """Judge an attempt to release and record it; a denied one is recorded too, without a release.

    Decision and release are one append, and so is the signed tag of that name, if one is asked for
    and the release may begin: all of it arrives, or nothing does. Where a purl is given, the
    artefact, on disk called `file`, is attested as that release for other tools. Raises
    HistoryError, ConfigError and LogError where it cannot be judged, GateError `bad-tag`,
    `tag-exists` and `bad-purl`; nothing is recorded then.
    """
    package = package_url(purl)[0] if purl else ""
    ref = tag_ref(tag) if tag else None
    if ref and ref_tip(view, ref) is not None:
        raise tag_exists(ref, where="here")
    catch_up(books)
    with books.reading() as reader:
        known = account_of(view, books.config, reader, attempt, target=target, tip=tip)
    examined = examine(
        view,
        target=target,
        tip=tip,
        attempt=attempt,
        known=known,
        nonce=nonce,
        deployer=deployer,
        provenance=provenance,
    )
    overridden_by = _keep_overrides(books, view, examined)
    decided = deploy_event(examined.decision, judge=examined.judge)
    if examined.decision.outcome == "deny":
        return examined, books.write([decided]), None
    name = ref.removeprefix("refs/tags/") if ref else None

    def release_at(index: int) -> ReleaseRecord:
        return record_of(examined, index=index, purl=purl, overridden_by=overridden_by, tag=name)

    def tagging(plan: Plan) -> TagDraft:
        message = tag_message(release_at(plan.indices[0]), index=plan.indices[1], note=plan.note)
        return TagDraft(ref or "", examined.decision.commit, message)

    def made_at(size: int) -> list[Event]:
        begun = release_at(size)
        events = [decided, release_event(begun)]
        if package:
            events.append(attestation_event(begun, index=size + 1, file=file or package))
        return events

    recorded = books.write(made_at, tagging=tagging if ref else None)
    release = release_at(recorded.indices[0])
    follow(
        books,
        obligations_for(
            release,
            source=recorded.indices[1],
            config=books.config,
            decision=examined.decision,
            owners=_owners(examined),
            services=_services(examined),
        ),
    )
    return examined, recorded, release


def finish_release(
    books: Books,
    known: Known,
    nonce: str,
    *,
    outcome: str,
    started: datetime | None,
    finished: datetime | None,
    incidents: Sequence[Incident] = (),
    remarks: str | None = None,
) -> tuple[ReleaseOutcome, Recorded]:
    """Record how a release ended. It ends once.

    Raises LogError `event-differs` for one that ended otherwise, GateError `no-such-release`.
    """
    catch_up(books)
    release: Released = known.release(nonce)
    ended: Any = outcome
    said = ReleaseOutcome(
        repository=books.config.repository,
        nonce=nonce,
        release=release.index,
        environment=release.record.environment,
        outcome=ended,
        started_at=started or release.record.started_at,
        finished_at=finished or books.now,
        incidents=tuple(incidents),
        remarks=remarks,
        recorded_at=books.now,
    )
    recorded = books.write([outcome_event(said, artifact=release.record.artifact)])
    updates = {*release.record.updates, *release.record.backs_out}
    touched = [one.update for one in known.updates if one.index in updates]
    follow(
        books,
        obligations_for(
            said,
            source=recorded.indices[0],
            config=books.config,
            release=release.record,
            services=[name for update in touched for name in update.services],
        ),
    )
    return said, recorded


def _keep_overrides(books: Books, view: View, examined: Examined) -> int | None:
    """Copy the overrides that were heard into the log; return the entry of the one that counts."""
    if not examined.overrides:
        return None
    from itil_gate.gather.statements import approval_tips  # noqa: PLC0415 - few have any
    from itil_gate.release.overriding import copied  # noqa: PLC0415

    name, standing = books.config.repository, examined.decision.override
    tips = approval_tips(view)
    kept = copied(
        examined.overrides,
        repository=name,
        roster=build_roster(examined.policies.people),
        tip=tips[0] if tips else examined.decision.tip,
        now=books.now,
    )
    with books.reading() as reader:
        places = {one.statement: reader.find(name, "override", one.statement) for one in kept}
    fresh = [one for one in kept if places[one.statement] is None]
    if fresh:
        indices = books.write([copy_event(one, kind="override") for one in fresh]).indices
        places |= {one.statement: index for one, index in zip(fresh, indices, strict=True)}
    return places.get(standing) if standing else None


def _owners(examined: Examined) -> dict[str, str]:
    return {one.metadata.id: one.metadata.requester for one in examined.facts.requests}


def _services(examined: Examined) -> list[str]:
    return [name for one in examined.facts.requests for name in one.spec.services]
