"""External checks: results of other policy tools that a change needs."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from itil_gate.model.base import (
    ApiVersion,
    Enforcement,
    Expression,
    Line,
    Model,
    Name,
    PolicyMetadata,
    Text,
    refusal,
)
from itil_gate.model.fingerprint import fingerprint, key_blob

ReportFormat = Literal["conftest", "sarif", "test-result"]
PREDICATE_TYPES: dict[ReportFormat, str] = {
    "conftest": "https://itil-gate.dev/report/conftest/v1",
    "sarif": "https://itil-gate.dev/report/sarif/v1",
    "test-result": "https://in-toto.io/attestation/test-result/v0.1",
}
"""The predicate type of a signed report where its check names none."""
_ED25519 = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
_ED25519_BYTES = len(_ED25519) + 32


def _ed25519(line: str) -> str:
    """Refuse what is no Ed25519 key of OpenSSH; a weak one is refused where it is used."""
    try:
        blob = key_blob(line)
    except ValueError as error:
        raise refusal(
            "wrong-value", f"is no public key: {error}", remedy="write it as ssh-ed25519 AAAA…"
        ) from error
    if not blob.startswith(_ED25519) or len(blob) != _ED25519_BYTES:
        raise refusal(
            "wrong-value",
            "is no key of type ssh-ed25519",
            remedy="reports are signed with Ed25519; write its key as ssh-ed25519 AAAA…",
        )
    return line


class ReportSigner(Model):
    """Whose signature makes a report believed: a scanner's service, never a build of the head."""

    id: Name = Field(description="What the signer is called in reports.")
    key: Annotated[Line, AfterValidator(_ed25519)] = Field(
        description="Ed25519 public key as OpenSSH writes it: ssh-ed25519 AAAA…."
    )


class SignedReport(Model):
    """What a report must be to count: signed, about what is proposed, and of one kind.

    It is a DSSE envelope around an in-toto Statement v1 whose subject is the head (gitCommit) or
    the tree that a merge would give (gitTree).
    """

    by: tuple[ReportSigner, ...] = Field(min_length=1, description="Any one of them.")
    predicate_type: Line | None = Field(
        None,
        description="predicateType of the Statement, exactly. By default that of the format: "
        "https://itil-gate.dev/report/sarif/v1, https://itil-gate.dev/report/conftest/v1, "
        "https://in-toto.io/attestation/test-result/v0.1.",
    )


class ExternalSpec(Model):
    """Which results are awaited, in which format, and how strictly they count."""

    format: ReportFormat
    when: Expression | None = Field(None, description="Whether it is asked; always if absent.")
    enforcement: Enforcement = "soft"
    signed: SignedReport | None = Field(
        None, description="Who must have signed the results; whoever runs the gate if absent."
    )
    reason: Text

    @model_validator(mode="after")
    def _one_key_each(self) -> Self:
        keys = [fingerprint(one.key) for one in self.signed.by] if self.signed else []
        if len(set(keys)) != len(keys):
            raise refusal(
                "wrong-value",
                "lists a key twice",
                remedy="list each key once, under one id",
                at="signed",
            )
        return self

    @property
    def predicate_type(self) -> str:
        """The predicate type that a signed report of this check has."""
        named = self.signed.predicate_type if self.signed is not None else None
        return named or PREDICATE_TYPES[self.format]


class ExternalCheck(Model):
    """A check by another tool. No results at all is a refusal, not a pass."""

    api_version: ApiVersion
    kind: Literal["ExternalCheck"]
    metadata: PolicyMetadata
    spec: ExternalSpec
