"""Signed statements: in-toto Statements that a person signs with an SSH key.

The signed bytes are the RFC 8785 form of the statement. Field meanings follow the trust rules:
an approval binds repository, target, change, request, content, role, risk and requirements.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from itil_gate.model.base import Glob, Level, Line, Model, Moment, Name, Oid, RefName, Sha256, Text
from itil_gate.model.change import ChangeId

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
APPROVAL_TYPE: Final = "https://itil-gate.dev/approval/v1"
VOUCH_TYPE: Final = "https://itil-gate.dev/vouch/v1"
APPROVAL_NAMESPACE = "approval@itil-gate"
VOUCH_NAMESPACE = "vouch@itil-gate"
APPROVALS_BRANCH = "refs/heads/itil-gate-approvals"
VOUCH_FOLDER = "vouch"

Verdict = Literal["approve", "reject", "withdraw", "withdraw-change"]
"""`withdraw` retracts one's own statement; `withdraw-change` is the requester's alone."""


class BoundRequirement(Model):
    """A requirement as it stood when somebody signed; an approval is stale if it tightens."""

    role: Name
    service: Line | None = None
    min: Annotated[int, Field(ge=1)] | None = None
    percent: Annotated[int, Field(ge=1, le=100)] | None = None
    distinct: bool = True


class Subject(Model):
    """What an in-toto statement is about."""

    name: Line
    digest: dict[str, str] = Field(min_length=1)


class ApprovalPredicate(Model):
    """What was approved, rejected or withdrawn, by whom, in which role."""

    repository: Line
    target: RefName
    change: ChangeId
    verdict: Verdict
    signer: Name = Field(description="Person id; the key must belong to this person.")
    roles: tuple[Name, ...] = Field((), description="Roles the signer claims.")
    requester: Name
    request: Sha256 = Field(description="SHA-256 of the request file's bytes.")
    request_path: Line
    scope: tuple[Glob, ...] = Field(description="Scope of the request when it was signed.")
    content: Sha256 = Field(description="Content digest of the whole pull request.")
    merge_base: Oid
    head: Oid
    tree: Oid = Field(description="Tree of head.")
    risk: Level
    requirements: tuple[BoundRequirement, ...] = ()
    issued_at: Moment
    expires_at: Moment
    previous: tuple[Sha256, ...] = Field(
        (), description="Digests of the signer's latest statements for this change and target."
    )
    reason: Text | None = None


class ApprovalStatement(Model):
    """An in-toto Statement v1 with an approval predicate."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: tuple[Subject, ...] = Field(min_length=1)
    predicate_type: Literal["https://itil-gate.dev/approval/v1"]
    predicate: ApprovalPredicate


class VouchPredicate(Model):
    """A person's word for the origin of somebody else's commit, or of their own."""

    repository: Line
    commit: Oid
    author: Line = Field(description="Author as the commit names it.")
    signer: Name
    issued_at: Moment
    reason: Text


class VouchStatement(Model):
    """An in-toto Statement v1 with a vouch predicate."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: tuple[Subject, ...] = Field(min_length=1)
    predicate_type: Literal["https://itil-gate.dev/vouch/v1"]
    predicate: VouchPredicate
