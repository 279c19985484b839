"""What the audit log holds: one predicate for each kind of entry.

An entry is an in-toto Statement v1 in a DSSE envelope. Decisions are SLSA Verification Summaries,
whose own fields stand at the top and ours below `itilGate`; everything else is a predicate of this
project. Nothing here is ever edited: a correction is one entry more.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from itil_gate.model.base import Level, Line, Model, Moment, Name, Oid, RefName, Sha256, Text
from itil_gate.model.statement import STATEMENT_TYPE, Subject

Kind = Literal[
    "log-opened",
    "ref-update",
    "gate-decision",
    "release-record",
    "release-attestation",
    "outcome",
    "approval",
    "override",
    "obligation",
    "obligation-met",
    "waiver-used",
    "policy-change",
    "key-rotation",
    "key-revocation",
    "expunged",
    "correction",
]
AUDIT_BRANCH: Final = "refs/heads/audit-log"
VSA_TYPE: Final = "https://slsa.dev/verification_summary/v1"
RELEASE_TYPE: Final = "https://in-toto.io/attestation/release/v0.1"
OURS: Final = "https://itil-gate.dev"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"

Index = Annotated[int, Field(ge=0)]
"""The position of an entry in the log, from 0."""
Digest = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$")]
"""The digest of an artefact, with its algorithm."""

Proof = Literal["exact", "same-content", "clean-replay"]
Standing = Literal["authorised", "overridden", "unauthorised", "unchanged", "before-adoption"]


_OTHERS: Final[dict[Kind, str]] = {"gate-decision": VSA_TYPE, "release-attestation": RELEASE_TYPE}


def predicate_type(kind: Kind) -> str:
    """Return the type URI of a kind of entry; it is a name and leads nowhere."""
    return _OTHERS.get(kind, f"{OURS}/{kind}/v1")


class LogOpened(Model):
    """The first entry: whose log this is, and where the history begins that it accounts for."""

    repository: Line
    origin: Line
    target: RefName
    adopted: Oid = Field(description="Tip of the target branch when the log was opened.")
    opened_at: Moment
    keys: tuple[Line, ...] = Field(description="Public keys of the log and of its recorder.")


class Kept(Model):
    """The bytes of an object that no branch may hold any more, for whoever proves it again."""

    oid: Oid
    base64: str = Field(max_length=400_000)


class Manifest(Model):
    """One path of the raw difference that was authorised: modes and object ids, old and new."""

    path: str
    old_mode: str
    new_mode: str
    old_id: Oid
    new_id: Oid


class RefUpdate(Model):
    """A piece of the target's first-parent history, and what authorised it.

    Updates of one branch tile its history: each begins where the one before it ends.
    """

    repository: Line
    ref: RefName
    before: Oid
    after: Oid
    standing: Standing
    reason: Text = Field(description="Why it stands so, in words.")
    proof: Proof | None = Field(None, description="How what landed carries over from what was.")
    decision: Index | None = Field(None, description="The entry of the decision it rests on.")
    correction: Index | None = Field(
        None, description="The entry of the correction it rests on, where no decision let it in."
    )
    replaces: Index | None = Field(
        None,
        description="The entry about the same that it stands in for: one that was corrected and "
        "whose signature is believed no more, or one from when the branch was moved so before.",
    )
    head: Oid | None = Field(None, description="The head that was authorised.")
    merge_base: Oid | None = None
    content: Sha256 | None = Field(None, description="Content digest that was authorised.")
    manifest: tuple[Manifest, ...] = ()
    kept: tuple[Kept, ...] = Field(
        (), description="Authorised file contents that are not in what landed as they were."
    )
    changes: tuple[Line, ...] = ()
    services: tuple[Line, ...] = ()
    environments: tuple[Line, ...] = ()
    urgent: bool = Field(
        False, description="Whether all of it was authorised in the lane for emergencies."
    )
    late: bool = Field(
        False, description="Whether it was recorded later, because a run was skipped or failed."
    )
    recorded_at: Moment


class ReleaseRecord(Model):
    """A release that the deploy gate let begin: this artefact, there, now."""

    repository: Line
    nonce: Annotated[str, Field(pattern=r"^REL-[0-9]{4}-[0-9A-HJKMNP-TV-Z]{8}$")]
    environment: Name
    commit: Oid
    artifact: Digest
    purl: Line | None = None
    provenance: Literal["attested", "asserted"] = "asserted"
    previous: Index | None = Field(
        None, description="The release before it in this environment that is in force."
    )
    updates: tuple[Index, ...] = Field((), description="Ref updates that it brings.")
    backs_out: tuple[Index, ...] = Field((), description="Ref updates that it takes away.")
    changes: tuple[Line, ...] = ()
    lane: Line | None = None
    risk: Level | None = None
    window_start: Moment | None = None
    window_end: Moment | None = None
    overridden_by: Index | None = None
    deployer: Line
    started_at: Moment
    decision: Index = Field(description="The entry of the deploy gate's decision.")
    tag: Annotated[Line, Field(pattern=r"^release/")] | None = Field(
        None, description="The signed tag that was made with it, below refs/tags."
    )


class AttestedRelease(Model):
    """Where the log says more about what an attestation is about."""

    repository: Line
    nonce: Line
    release: Index = Field(description="The entry of the release.")
    artifact: Digest


class ReleaseAttestation(Model):
    """Which package, in which version, this artefact is: in-toto's release predicate, v0.1.

    https://github.com/in-toto/attestation/blob/main/spec/predicates/release.md; the field
    `releaseId` of v0.1 names a package over all its versions, which the log does not know.
    """

    purl: Line
    itil_gate: AttestedRelease


class Incident(Model):
    """An incident that somebody says the release caused or touched."""

    id: Line
    severity: Line | None = None


class ReleaseOutcome(Model):
    """How a release ended."""

    repository: Line
    nonce: Line
    release: Index
    environment: Name
    outcome: Literal["success", "failed", "backed-out"]
    started_at: Moment
    finished_at: Moment
    incidents: tuple[Incident, ...] = ()
    remarks: Text | None = None
    recorded_at: Moment


class Reason(Model):
    """One thing that the deploy gate asked, and how it came out."""

    rule: Line
    passed: bool
    message: Text
    remedy: Text | None = None
    overridden: bool = Field(False, description="Whether an override stands in where it failed.")


class Overriding(Model):
    """One signed override as the deploy gate received it, and whether it stands in."""

    digest: Sha256
    person: Name | None = None
    counted: bool
    code: Line
    detail: str = ""
    changes: tuple[Line, ...] = ()
    scope: tuple[Line, ...] = ()
    reason: str = ""
    incident: str = ""
    issued_at: Moment | None = None
    expires_at: Moment | None = None


class DeployDecision(Model):
    """What the deploy gate found, for allowed and for denied attempts."""

    stage: Literal["deploy"] = "deploy"
    repository: Line
    nonce: Line
    environment: Name
    commit: Oid
    artifact: Digest
    target: RefName
    tip: Oid
    now: Moment
    deployer: Line
    outcome: Literal["allow", "overridden", "deny"]
    backout: bool = False
    previous: Index | None = None
    updates: tuple[Index, ...] = ()
    changes: tuple[Line, ...] = ()
    reasons: tuple[Reason, ...] = ()
    override: Sha256 | None = Field(None, description="The override that stands in.")
    overrides: tuple[Overriding, ...] = Field((), description="All that name this release.")


class WaiverUsed(Model):
    """A change landed by a waiver; each change uses a waiver once."""

    repository: Line
    waiver: Name
    rule: Line
    change: Line
    update: Index = Field(description="The entry of the update with which it landed.")
    recorded_at: Moment


class PolicyChange(Model):
    """An update changed the judge's data."""

    repository: Line
    ref: RefName
    before: Oid
    after: Oid
    update: Index = Field(description="The entry of the update that brought it.")
    paths: tuple[str, ...] = Field(description="The judge's data that changed.")
    recorded_at: Moment


REVIEW_FOLDER = "forge-review"
"""Begins the path of a copied review: it is in no branch, so none can have lost it."""


class Copied(Model):
    """A signed statement or a forge review, copied in so that nothing depends on its source.

    The text of a review is the RFC 8785 form of what the forge told; nobody signed it but whoever
    recorded it.
    """

    repository: Line
    statement: Sha256
    path: Line
    text: str
    fingerprint: Line | None = None
    person: Name | None = None
    roles: tuple[Name, ...] = Field((), description="Roles the person held when it was recorded.")
    tip: Oid = Field(
        description="Tip of the approvals branch that held it; for a review that of the target."
    )
    recorded_at: Moment


class Obligation(Model):
    """Something that somebody owes since a rule was bent: an approval, a review."""

    repository: Line
    id: Line
    duty: Literal["retro-approval", "review"]
    change: Line
    because: Text
    source: Index = Field(description="The entry that brought it about.")
    owner: Name
    services: tuple[Line, ...] = ()
    due: Moment
    opened_at: Moment


class ObligationMet(Model):
    """An obligation that was met, and by what."""

    repository: Line
    id: Line
    obligation: Index
    by: Name
    evidence: Line = Field(description="Digest of the statement or path of the review.")
    met_at: Moment


class KeyRotation(Model):
    """A key takes over from another."""

    repository: Line
    use: Literal["checkpoint", "recorder"]
    old: Line
    new: Line
    since: Index = Field(description="The first entry the new key is good for.")
    reason: Text


class KeyRevocation(Model):
    """From this entry on a key is believed no more."""

    repository: Line
    key: Line = Field(description="Fingerprint, SHA256:….")
    since: Index
    replaces: Index | None = Field(
        None, description="The earlier revocation of the same key, if its position was too late."
    )
    reason: Text


class Expunged(Model):
    """The content of an entry was removed, lawfully; its place in the tree is still provable."""

    repository: Line
    entry: Index
    sha256: Sha256
    reason: Text
    ordered_by: Name


class Correction(Model):
    """Says what was wrong with an earlier entry; the entry itself stays."""

    repository: Line
    corrects: Index | None = None
    statement: Sha256 | None = None
    reason: Text
    by: Name


PREDICATES: dict[Kind, type[Model]] = {
    "log-opened": LogOpened,
    "ref-update": RefUpdate,
    "release-record": ReleaseRecord,
    "release-attestation": ReleaseAttestation,
    "outcome": ReleaseOutcome,
    "approval": Copied,
    "waiver-used": WaiverUsed,
    "policy-change": PolicyChange,
    "override": Copied,
    "obligation": Obligation,
    "obligation-met": ObligationMet,
    "key-rotation": KeyRotation,
    "key-revocation": KeyRevocation,
    "expunged": Expunged,
    "correction": Correction,
}
"""What is read back into a noun; of a decision, only what stands below `itilGate`."""


def statement_of(kind: Kind, predicate: Model, subject: tuple[Subject, ...]) -> dict[str, object]:
    """Return an in-toto Statement v1 as plain JSON; fields that are None are left out."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [one.model_dump(mode="json", by_alias=True) for one in subject],
        "predicateType": predicate_type(kind),
        "predicate": predicate.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
