"""The configuration of a repository: what is governed, and where the judge's data are."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from itil_gate.model.base import (
    ApiVersion,
    Day,
    Duration,
    Glob,
    Line,
    Model,
    Name,
    RefName,
    Text,
    inside,
    refusal,
)

CONFIG_PATH = "itil-gate.yaml"
ALWAYS_GOVERNED: tuple[str, ...] = (
    ".github/**",
    "**/action.yml",
    "**/action.yaml",
    "**/.gitattributes",
    "**/.gitmodules",
    ".gitlab-ci.yml",
)
"""Paths that no exemption covers, beside the judge's data themselves."""

RepoPath = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$", max_length=300),
    AfterValidator(inside),
]

ApiUrl = Annotated[
    str,
    StringConstraints(
        pattern=r"^(https://[A-Za-z0-9.-]+|http://(127\.0\.0\.1|localhost|\[::1\]))"
        r"(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*$",
        max_length=300,
    ),
]
"""The base of an API, without a slash at its end: https, or http on this machine only."""

ForgeProject = Annotated[
    str,
    StringConstraints(
        pattern=r"^([1-9][0-9]*|[A-Za-z0-9_.][A-Za-z0-9_.-]*(/[A-Za-z0-9_.][A-Za-z0-9_.-]*)+)$",
        max_length=300,
    ),
    AfterValidator(inside),
]


class Exemption(Model):
    """Paths that need no change request, with the reason and a day to look again."""

    paths: tuple[Glob, ...] = Field(min_length=1)
    reason: Text
    review_by: Day


class EnvironmentPaths(Model):
    """Paths whose change takes effect in an environment."""

    name: Name
    paths: tuple[Glob, ...] = Field(min_length=1)


class Locations(Model):
    """Where things are, from the root of the repository."""

    changes: RepoPath = "changes"
    people: RepoPath = "people.yaml"
    services: RepoPath = "services"
    catalog: RepoPath = "catalog-info.yaml"
    calendar: RepoPath = "calendar"
    policies: RepoPath = "policies"
    reviews: RepoPath = "reviews"


class LogKey(Model):
    """A public key that the audit log is believed under, and for which entries."""

    use: Literal["checkpoint", "recorder"] = Field(
        description="checkpoint signs the log's head and its commits, recorder its entries."
    )
    key: Line = Field(description="Ed25519 public key as OpenSSH writes it: ssh-ed25519 AAAA….")
    since: int = Field(0, ge=0, description="First entry, or size of the log, it is good for.")
    until: int | None = Field(
        None, ge=0, description="First entry it is no longer good for; open where missing."
    )


class Witness(Model):
    """Somebody who cosigns the log's head and so remembers it."""

    name: Line
    key: Line = Field(description="Ed25519 public key as OpenSSH writes it: ssh-ed25519 AAAA….")


class LogSettings(Model):
    """The audit log: its name, and whose signatures are believed there."""

    origin: Line | None = Field(
        None, description="Name of the log; <repository>/audit-log where missing."
    )
    keys: tuple[LogKey, ...] = Field(min_length=1)
    witnesses: tuple[Witness, ...] = ()
    cosignatures: int = Field(
        0, ge=0, description="How many witnesses must have signed for a head to be believed."
    )
    timestamp_roots: RepoPath | None = Field(
        None,
        description="File of certificates in PEM: the time-stamping authorities that are believed.",
    )


class Keyless(Model):
    """Whose certificate signs in place of a key, and under which root: Sigstore."""

    identity: Line = Field(
        description="Subject of the certificate, exactly: for GitHub the workflow and its ref, "
        "https://github.com/acme/payments/.github/workflows/release.yml@refs/heads/main."
    )
    issuer: Line = Field(
        description="OIDC issuer that vouches for it, exactly: "
        "https://token.actions.githubusercontent.com."
    )
    trusted_root: RepoPath = Field(
        description="File of the trusted root, as Sigstore writes it: trustedroot+json."
    )
    source_repository: Line | None = Field(
        None,
        description="Repository that the certificate names as source, exactly; must be missing "
        "where the certificate names none.",
    )
    source_ref: Line | None = Field(
        None,
        description="Branch or tag that the certificate must name as source; any if missing.",
    )


class Builder(Model):
    """A build service whose provenance is believed: by its key, or keyless."""

    id: Line = Field(description="builder.id of its SLSA provenance.")
    key: Line | None = Field(
        None, description="Ed25519 public key as OpenSSH writes it: ssh-ed25519 AAAA…."
    )
    keyless: Keyless | None = Field(
        None, description="Whose certificate stands in for a key; needs the extra sigstore."
    )
    source_repository: Line | None = Field(
        None,
        description="Beside a key: repository that a build must name as its source among what it "
        "was made of, https://git.example.com/acme/payments. Needed where it names several.",
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.key is None and self.keyless is None:
            raise refusal(
                "missing-key",
                "has neither key nor keyless, so nobody could tell its signature",
                remedy="name its Ed25519 key, or under keyless whose certificate signs for it",
            )
        if self.key is not None and self.keyless is not None:
            raise refusal(
                "wrong-value",
                "is given beside a key",
                remedy="keep one of both; a builder may be listed twice",
                at="keyless",
            )
        if self.keyless is not None and self.source_repository is not None:
            raise refusal(
                "wrong-value",
                "is given beside keyless, whose certificate names the source",
                remedy="write it under keyless",
                at="sourceRepository",
            )
        return self


class ReleaseSettings(Model):
    """What the deploy gate asks for beside authorised changes."""

    environments: tuple[Name, ...] = Field(
        (), description="Environments it guards; empty means any name is taken."
    )
    provenance: Literal["asserted", "attested"] = Field(
        "asserted", description="The least that ties an artefact to its commit."
    )
    builders: tuple[Builder, ...] = ()
    after: dict[Name, Name] = Field(
        default_factory=dict,
        description="Environment in which the same digest must have succeeded before this one.",
    )


class Override(Model):
    """Who may break the glass, for how long, and what it costs."""

    role: Name = Field(description="Role in people.yaml whose holders may sign an override.")
    max_age: Duration = Field("24h", description="The longest an override may be good for.")
    retro_approval: Duration = Field("24h", description="Until when it is approved afterwards.")
    review: Duration = Field("7d", description="Until when it is reviewed.")
    own_changes: bool = Field(
        True, description="Whether somebody may override for a change that they took part in."
    )


class ForgeSettings(Model):
    """The forge whose pull requests and reviews are read; its token comes from elsewhere."""

    kind: Literal["github", "gitlab", "gitea"]
    url: ApiUrl = Field(
        description="Base of its API: https://api.github.com, https://HOST/api/v4 of GitLab, "
        "https://HOST/api/v1 of Gitea."
    )
    host: Line = Field(description="Name under which people.yaml lists its accounts: github.com.")
    project: ForgeProject = Field(
        description="The repository there: owner/name, or its number on GitLab."
    )
    trust_target_history: bool = Field(
        False,
        description="Forgejo, and Gitea before 1.24.6: count reviews though whoever opens a pull "
        "request can hide there that it was to go elsewhere when they were given.",
    )
    status_checks: dict[RefName, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="GitLab Ultimate: branch it guards, by its full name, to the number of the "
        "external status check that the gate answers there.",
    )

    @model_validator(mode="after")
    def _history_of_gitea(self) -> Self:
        if self.trust_target_history and self.kind != "gitea":
            raise refusal(
                "wrong-value",
                f"is true, and {self.kind} tells of every change of target",
                remedy="leave it out",
                at="trustTargetHistory",
            )
        return self

    @model_validator(mode="after")
    def _one_check_a_branch(self) -> Self:
        if self.status_checks and self.kind != "gitlab":
            raise refusal(
                "wrong-value",
                f"is given, and {self.kind} has no external status checks",
                remedy="leave it out; the gate posts a commit status there",
                at="statusChecks",
            )
        numbers = list(self.status_checks.values())
        if len(set(numbers)) != len(numbers):
            # An answer stays when the merge request is pointed at another branch.
            raise refusal(
                "wrong-value",
                "has one external status check for two branches, so that what passes on one would "
                "pass on the other",
                remedy="make a check of its own on GitLab for each protected branch",
                at="statusChecks",
            )
        return self


class Config(Model):
    """`itil-gate.yaml` at the root of the target branch."""

    api_version: ApiVersion
    kind: Literal["Config"]
    repository: Line = Field(
        description="Identifier approvals bind to, for example example.com/acme/payments."
    )
    targets: tuple[RefName, ...] = Field(
        ("refs/heads/main",), min_length=1, description="Branches the gate guards."
    )
    governed: tuple[Glob, ...] = Field(
        (), description="Paths that need a change request; empty means everything."
    )
    exempt: tuple[Exemption, ...] = ()
    environments: tuple[EnvironmentPaths, ...] = ()
    locations: Locations = Field(default_factory=Locations)
    extensions: RepoPath | None = Field(
        None, description="JSON Schema file that the `x-…` fields of requests must satisfy."
    )
    log: LogSettings | None = Field(None, description="The audit log; none where missing.")
    release: ReleaseSettings = Field(default_factory=ReleaseSettings)
    override: Override | None = Field(
        None, description="Break-glass; nobody may override where it is missing."
    )
    forge: ForgeSettings | None = Field(
        None, description="Whose reviews may count; none do where it is missing."
    )
    recovery: Name | None = Field(
        None, description="Role that may sign corrections when the rules lock out their repair."
    )
    mode: Literal["enforce", "audit"] = "enforce"
    audit_until: Day | None = Field(
        None, description="Last day of audit mode, at most 90 days after adoption."
    )

    @model_validator(mode="after")
    def _targets_differ_in_more_than_case(self) -> Self:
        # A status says for which branch it is, and GitHub compares such names without case.
        known: dict[str, str] = {}
        for name in self.targets:
            other = known.setdefault(name.casefold(), name)
            if other != name:
                raise refusal(
                    "wrong-value",
                    f"lists {other} and {name}, which differ in case alone, so that what passes on "
                    "one would pass on the other",
                    remedy="give one of the branches another name",
                    at="targets",
                )
        return self

    @model_validator(mode="after")
    def _checks_are_of_targets(self) -> Self:
        named = self.forge.status_checks if self.forge is not None else {}
        strange = sorted(set(named) - set(self.targets))
        if strange:
            raise refusal(
                "wrong-value",
                f"has a status check for {strange[0]}, which is not among the targets",
                remedy="name branches that stand under targets, as refs/heads/…",
                at="forge",
            )
        return self

    @model_validator(mode="after")
    def _audit_has_an_end(self) -> Self:
        if self.mode == "audit" and self.audit_until is None:
            raise refusal(
                "missing-key",
                "is audit, and auditUntil is missing",
                remedy="add auditUntil, a day at most 90 days after adoption",
                at="mode",
            )
        return self
