"""What is recorded, as events for the log: each with the key that makes it happen once.

Decisions are SLSA Verification Summaries (https://slsa.dev/spec/v1.1/verification_summary), so that
other tools can read whether a commit passed and under which policy; what is needed to compute them
again stands beside, below `itilGate`. The judge's texts are not copied: they are in the target's
history at the tip that the decision names, and their digest is in it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from itil_gate import __version__
from itil_gate.log.append import Event
from itil_gate.model.canonical import as_json, digest
from itil_gate.model.decision import Decision, StoredDecision
from itil_gate.model.facts import Facts, Inputs
from itil_gate.model.finding import Finding
from itil_gate.model.policy import Source
from itil_gate.model.record import (
    VSA_TYPE,
    AttestedRelease,
    Copied,
    DeployDecision,
    Kind,
    RefUpdate,
    ReleaseAttestation,
    ReleaseOutcome,
    ReleaseRecord,
    predicate_type,
)
from itil_gate.model.statement import STATEMENT_TYPE, Subject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from itil_gate.model.base import Model

APPROVED = "ORG_SOURCE_ITIL_CHANGE_APPROVED"
OVERRIDDEN = "ORG_SOURCE_ITIL_CHANGE_OVERRIDDEN"
RELEASABLE = "ORG_SOURCE_ITIL_RELEASE_AUTHORISED"
VERIFIER = "https://itil-gate.dev/engine"


def decision_event(
    decision: Decision, inputs: Inputs, *, recorded_at: datetime | None = None
) -> Event:
    """Return the event of a decision about a merge; its key is the digest of the decision.

    `recorded_at` is given where it was decided about another time than that of the recording.
    """
    subjects = [
        _subject("head", gitCommit=decision.head),
        *([_subject("merged", gitTree=decision.merged_tree)] if decision.merged_tree else []),
        *(
            _subject(change.path, sha256=change.digest)
            for change in decision.changes
            if change.path
        ),
    ]
    said = {
        "decision": as_json(decision),
        "facts": as_json(inputs.facts),
        "requests": as_json(inputs.requests),
        "proposed": as_json(inputs.proposed),
        "faults": as_json(inputs.faults),
    }
    level = {"allow": [APPROVED], "overridden": [OVERRIDDEN]}.get(decision.outcome, [])
    return Event(
        kind="gate-decision",
        key=digest(decision),
        statement=_summary(
            subjects,
            repository=decision.repository,
            time=recorded_at or decision.now,
            policy={"gitCommit": decision.tip, "sha256": decision.digests.judge},
            attestations=[item.digest for item in inputs.facts.statements],
            levels=level,
            said=said,
        ),
    )


def deploy_event(decision: DeployDecision, *, judge: str) -> Event:
    """Return the event of a decision about a release; `judge` digests the policies of the tip."""
    algorithm, _, value = decision.artifact.partition(":")
    level = {"allow": [RELEASABLE], "overridden": [OVERRIDDEN]}.get(decision.outcome, [])
    return Event(
        kind="gate-decision",
        key=digest(decision),
        statement=_summary(
            [
                Subject(name="artifact", digest={algorithm: value}),
                _subject("commit", gitCommit=decision.commit),
            ],
            repository=decision.repository,
            time=decision.now,
            policy={"gitCommit": decision.tip, "sha256": judge},
            attestations=[decision.override] if decision.override else [],
            levels=level,
            said={"deploy": decision.model_dump(mode="json", by_alias=True, exclude_none=True)},
        ),
    )


def update_event(update: RefUpdate) -> Event:
    """Return the event of a piece of the target's history; it is recorded once for its ends.

    What was found unauthorised may be recorded once more when it no longer is, and what stands in
    a corrected entry that nobody believes any more in place of that.
    """
    key = update_key(update)
    subjects = (Subject(name=update.ref, digest={"gitCommit": update.after}),)
    return _event("ref-update", key, update, subjects)


def update_key(update: RefUpdate) -> tuple[str, ...]:
    """Return what tells an update from others."""
    replaced = () if update.replaces is None else (str(update.replaces),)
    return (update.ref, update.before, update.after, update.standing, *replaced)


def copy_event(copied: Copied, *, kind: Kind = "approval") -> Event:
    """Return the event of a signed statement that is copied into the log."""
    subjects = (Subject(name=copied.path, digest={"sha256": copied.statement}),)
    return _event(kind, copied.statement, copied, subjects)


def release_event(record: ReleaseRecord) -> Event:
    """Return the event of a release that begins; its key is its number."""
    algorithm, _, value = record.artifact.partition(":")
    subjects = (
        Subject(name=record.purl or "artifact", digest={algorithm: value}),
        Subject(name="commit", digest={"gitCommit": record.commit}),
    )
    return _event("release-record", record.nonce, record, subjects)


def attestation_event(record: ReleaseRecord, *, index: int, file: str) -> Event:
    """Return the event by which other tools read that an artefact is a version of a package.

    `record` names a purl and is entry `index`; `file` is the artefact's name on disk.
    """
    algorithm, _, value = record.artifact.partition(":")
    said = ReleaseAttestation(
        purl=record.purl or "",
        itil_gate=AttestedRelease(
            repository=record.repository,
            nonce=record.nonce,
            release=index,
            artifact=record.artifact,
        ),
    )
    subjects = (Subject(name=file, digest={algorithm: value}),)
    return _event("release-attestation", record.nonce, said, subjects)


def outcome_event(outcome: ReleaseOutcome, *, artifact: str) -> Event:
    """Return the event of a release that ended; it ends once."""
    algorithm, _, value = artifact.partition(":")
    subjects = (Subject(name="artifact", digest={algorithm: value}),)
    return _event("outcome", outcome.nonce, outcome, subjects)


def plain_event(
    kind: Kind, key: str | tuple[str, ...], predicate: Model, *, subject: Mapping[str, str]
) -> Event:
    """Return an event of any other kind, about whatever `subject` digests."""
    return _event(kind, key, predicate, (Subject(name=kind, digest=dict(subject)),))


def decision_of(statement: Mapping[str, Any]) -> tuple[Decision, Facts] | None:
    """Return the decision about a merge that an entry holds, and its facts; None for another.

    Raises pydantic's ValidationError for one that another version wrote.
    """
    said = statement.get("predicate", {}).get("itilGate", {})
    if statement.get("predicateType") != VSA_TYPE or "decision" not in said:
        return None
    return (
        Decision.model_validate_json(json.dumps(said["decision"])),
        Facts.model_validate_json(json.dumps(said["facts"])),
    )


def stored_of(statement: Mapping[str, Any], judge: Sequence[Source]) -> StoredDecision | None:
    """Return a decision with all its inputs, the judge's texts put back; None for another kind."""
    found = decision_of(statement)
    if found is None:
        return None
    said = statement["predicate"]["itilGate"]
    proposed = said["proposed"]
    return StoredDecision(
        decision=found[0],
        inputs=Inputs(
            facts=found[1],
            requests=_sources(said["requests"]),
            judge=tuple(judge),
            proposed=_sources(proposed) if proposed is not None else None,
            faults=tuple(Finding.model_validate_json(json.dumps(one)) for one in said["faults"]),
        ),
    )


def deploy_of(statement: Mapping[str, Any]) -> DeployDecision | None:
    """Return the decision about a release that an entry holds; None for another kind."""
    said = statement.get("predicate", {}).get("itilGate", {})
    if statement.get("predicateType") != VSA_TYPE or "deploy" not in said:
        return None
    return DeployDecision.model_validate_json(json.dumps(said["deploy"]))


def _sources(said: Sequence[Any]) -> tuple[Source, ...]:
    return tuple(Source.model_validate_json(json.dumps(one)) for one in said)


def _event(
    kind: Kind, key: str | tuple[str, ...], predicate: Model, subjects: Sequence[Subject]
) -> Event:
    return Event(
        kind=kind,
        key=key,
        statement={
            "_type": STATEMENT_TYPE,
            "subject": [one.model_dump(mode="json") for one in subjects],
            "predicateType": predicate_type(kind),
            "predicate": predicate.model_dump(mode="json", by_alias=True, exclude_none=True),
        },
    )


def _subject(name: str, **digests: str) -> Subject:
    return Subject(name=name, digest=digests)


def _summary(
    subjects: Sequence[Subject],
    *,
    repository: str,
    time: datetime,
    policy: Mapping[str, str],
    attestations: Sequence[str],
    levels: Sequence[str],
    said: Mapping[str, Any],
) -> dict[str, Any]:
    uri = f"git+https://{repository}"
    return {
        "_type": STATEMENT_TYPE,
        "subject": [one.model_dump(mode="json") for one in subjects],
        "predicateType": VSA_TYPE,
        "predicate": {
            "verifier": {"id": VERIFIER, "version": {"itil-gate": __version__}},
            "timeVerified": as_json(time),
            "resourceUri": uri,
            "policy": {"uri": uri, "digest": dict(policy)},
            "inputAttestations": [{"digest": {"sha256": one}} for one in attestations],
            "verificationResult": "PASSED" if levels else "FAILED",
            "verifiedLevels": list(levels),
            "slsaVersion": "1.1",
            "itilGate": dict(said),
        },
    }
