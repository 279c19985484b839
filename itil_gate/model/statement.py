"""Signed statements: in-toto Statements that a person signs with an SSH key.

The signed bytes are the RFC 8785 form of the statement. Field meanings follow the trust rules:
an approval binds repository, target, change, request, content, role, risk and requirements.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from itil_gate.model.base import (
    Glob,
    Level,
    Line,
    Model,
    Moment,
    Name,
    Oid,
    RefName,
    Sha256,
    Text,
    refusal,
)

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
APPROVAL_TYPE: Final = "https://itil-gate.dev/approval/v1"
VOUCH_TYPE: Final = "https://itil-gate.dev/vouch/v1"
OVERRIDE_TYPE: Final = "https://itil-gate.dev/override/v1"
RETRO_TYPE: Final = "https://itil-gate.dev/retro-approval/v1"
CORRECTION_TYPE: Final = "https://itil-gate.dev/correction/v1"
APPROVAL_NAMESPACE = "approval@itil-gate"
VOUCH_NAMESPACE = "vouch@itil-gate"
OVERRIDE_NAMESPACE = "override@itil-gate"
RETRO_NAMESPACE = "retro-approval@itil-gate"
CORRECTION_NAMESPACE = "correction@itil-gate"
APPROVALS_BRANCH = "refs/heads/itil-gate-approvals"
VOUCH_FOLDER = "vouch"
OVERRIDE_FOLDER = "override"
RETRO_FOLDER = "retro"
CORRECTION_FOLDER = "correction"
FOLDERS = frozenset({VOUCH_FOLDER, OVERRIDE_FOLDER, RETRO_FOLDER, CORRECTION_FOLDER})
"""Folders of the approvals branch that are not those of a change."""

Verdict = Literal["approve", "reject", "withdraw", "withdraw-change"]
"""`withdraw` retracts one's own statement; `withdraw-change` is the requester's alone."""


Covered = Annotated[
    str,
    Field(
        pattern=r"^(CHG-[0-9]{4}-[0-9A-HJKMNP-TV-Z]{8}|STD-[a-z0-9][a-z0-9._-]{0,99}-[0-9a-f]{12})$"
    ),
]
"""The id of a change that somebody asked for, or of a recognised standard one."""


class BoundRequirement(Model):
    """A requirement as it stood when somebody signed; an approval is stale if it tightens."""

    role: Name
    service: Line | None = None
    min: Annotated[int, Field(ge=1)] | None = None
    percent: Annotated[int, Field(ge=1, le=100)] | None = None
    distinct: bool = True


class BoundAppetite(Model):
    """A risk appetite that the change was above when somebody signed, so that they knew it."""

    model: Name = Field(description="The risk model that states the appetite.")
    maximum: Level = Field(description="The most that was taken then.")
    role: Name = Field(description="The role whose approval is the exception.")


class Subject(Model):
    """What an in-toto statement is about."""

    name: Line
    digest: dict[str, str] = Field(min_length=1)


class ApprovalPredicate(Model):
    """What was approved, rejected or withdrawn, by whom, in which role."""

    repository: Line
    target: RefName
    change: Covered
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
    beyond: tuple[BoundAppetite, ...] = Field(
        (), description="Appetites that the change was above; an exception has to name its own."
    )
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


class OverridePredicate(Model):
    """A person's word that a rule may be bent this once: for one head, or for one release.

    At merge it binds a head, at deploy a commit and an environment. It covers the changes that it
    names and the paths in its scope, and nothing else.
    """

    repository: Line
    target: RefName
    stage: Literal["merge", "deploy"]
    changes: tuple[Covered, ...] = Field((), description="Ids of the changes it covers.")
    scope: tuple[Glob, ...] = Field((), description="Paths it covers beside those of the changes.")
    head: Oid | None = Field(None, description="The head it lets in; at merge only.")
    commit: Oid | None = Field(None, description="The commit it lets out; at deploy only.")
    environment: Name | None = Field(None, description="Where it lets it; at deploy only.")
    reason: Text
    incident: Line = Field(description="The incident that makes it necessary.")
    signer: Name = Field(description="Person id; the key must belong to this person.")
    issued_at: Moment
    expires_at: Moment
    previous: tuple[Sha256, ...] = Field(
        (), description="Digests of the signer's latest overrides of the same thing."
    )

    @model_validator(mode="after")
    def _binds_one_thing(self) -> Self:
        merge = (self.head is not None, self.commit is None, self.environment is None)
        deploy = (self.head is None, self.commit is not None, self.environment is not None)
        if not all(merge if self.stage == "merge" else deploy):
            raise refusal(
                "wrong-value",
                f"is {self.stage}, and the override does not bind what that needs",
                remedy="bind a head at merge, a commit and an environment at deploy",
                at="stage",
            )
        if not self.changes and not self.scope:
            raise refusal(
                "missing-key",
                "covers neither a change nor a path",
                remedy="name changes, or a scope",
                at="changes",
            )
        return self


class OverrideStatement(Model):
    """An in-toto Statement v1 with an override predicate."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: tuple[Subject, ...] = Field(min_length=1)
    predicate_type: Literal["https://itil-gate.dev/override/v1"]
    predicate: OverridePredicate


class RetroApprovalPredicate(Model):
    """A person's approval, after the fact, of exactly what landed; it lets nothing in."""

    repository: Line
    target: RefName
    change: Line = Field(description="Id of the change, or the commit where no request covers it.")
    before: Oid = Field(description="Where the recorded update begins.")
    after: Oid = Field(description="Where it ends.")
    content: Sha256 = Field(description="Content digest of what it changed on the target.")
    signer: Name = Field(description="Person id; the key must belong to this person.")
    issued_at: Moment
    reason: Text | None = None


class RetroApprovalStatement(Model):
    """An in-toto Statement v1 with an approval after the fact."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: tuple[Subject, ...] = Field(min_length=1)
    predicate_type: Literal["https://itil-gate.dev/retro-approval/v1"]
    predicate: RetroApprovalPredicate


class CorrectionPredicate(Model):
    """Why an update that the rules could not let in had to land all the same."""

    repository: Line
    target: RefName
    before: Oid = Field(description="Where the update begins.")
    after: Oid = Field(description="Where it ends.")
    reason: Text
    signer: Name = Field(description="Person id; held the recovery role when the log was opened.")
    issued_at: Moment


class CorrectionStatement(Model):
    """An in-toto Statement v1 with a correction predicate."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: tuple[Subject, ...] = Field(min_length=1)
    predicate_type: Literal["https://itil-gate.dev/correction/v1"]
    predicate: CorrectionPredicate
