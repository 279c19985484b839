"""The decision: a value that can be printed many ways, replayed by an auditor, sealed in a log."""

from typing import Literal

from pydantic import Field

from itil_gate.model.base import Enforcement, Level, Moment, Oid, RefName, Sha256
from itil_gate.model.calendar import Interval
from itil_gate.model.facts import Inputs, Review
from itil_gate.model.finding import Finding
from itil_gate.model.made import Made
from itil_gate.model.policy import Lane as Lane  # noqa: PLC0414 - decisions name lanes
from itil_gate.model.score import ImpactScore, LikelihoodScore

DECISION_VERSION: Literal["itil-gate/decision/v1"] = "itil-gate/decision/v1"

Outcome = Literal["allow", "overridden", "pending", "deny", "undecided"]
SEVERITY: tuple[Outcome, ...] = ("allow", "overridden", "pending", "deny", "undecided")
"""From best to worst; the outcome of several is the worst of them."""
EXIT_CODES: dict[Outcome, int] = {
    "allow": 0,
    "overridden": 0,
    "deny": 1,
    "undecided": 2,
    "pending": 3,
}

RuleOutcome = Literal[
    "SATISFIED", "UNSATISFIED", "PENDING", "ADVISORY", "NOT_APPLICABLE", "OVERRIDDEN", "ERROR"
]
Side = Literal["target", "proposed"]
"""Under whose policies: those of the target, or those the pull request proposes."""


class Contribution(Made):
    """One reason why the risk is what it is."""

    source: str = Field(description="Where it comes from, for example floor:migrations.")
    level: Level
    reason: str
    paths: tuple[str, ...] = Field((), description="At most 20 of the paths that matched.")
    points: int | None = Field(
        None, description="What it adds to the score; `level` is then what the sum so far means."
    )


class RiskAssessment(Made):
    """The risk level with every contribution to it.

    Score, impact and likelihood are those of the model whose bands give the highest level, and of
    several the one with the highest score; none where no model has bands.
    """

    level: Level
    declared: Level | None = None
    contributions: tuple[Contribution, ...]
    score: int | None = Field(None, description="From 0 to 100, before floors.")
    impact: ImpactScore | None = None
    likelihood: LikelihoodScore | None = Field(
        None, description="None too where the model has no card; the score then holds for unknown."
    )


class RuleState(Made):
    """One rule of the gate and how it came out; rules that passed are listed too."""

    rule: str
    side: Side
    state: RuleOutcome
    findings: tuple[Finding, ...] = ()
    policy: str = Field("", description="Name of its rule set; empty for the gate's own rules.")
    enforcement: Enforcement | None = None
    detail: str = Field("", description="Why it does less than it says, or does not: a waiver.")
    docs: str = Field("", description="Where its rule set says that one can read more.")
    waiver: str = Field("", description="Name of the waiver that keeps it from refusing.")


class LedgerEntry(Made):
    """One statement or review as received, and whether it counts."""

    digest: str
    rank: Literal["signed", "forge-review"] = "signed"
    person: str | None = Field(None, description="Whom the key or account belongs to.")
    verdict: str
    counted: bool
    code: str = Field(description="Stable reason code, for example stale or contributor.")
    detail: str = ""
    carry_over: str | None = None
    roles: tuple[str, ...] = ()
    issued_at: Moment | None = None
    review: Review | None = Field(
        None, description="The review as the forge told of it, where it is one."
    )


class OverrideEntry(Made):
    """One signed override as received, whether it stands in, and if not why."""

    digest: str
    person: str | None = Field(None, description="Whom the key belongs to.")
    counted: bool
    code: str = Field(description="Stable reason code, for example overrides or not-this-head.")
    detail: str = ""
    changes: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    reason: str = ""
    incident: str = ""
    issued_at: Moment | None = None
    expires_at: Moment | None = None


class ReportEntry(Made):
    """A report of another tool as it was handed in, and whether it counts."""

    name: str = Field(description="Name of the ExternalCheck it answers.")
    side: Side
    digest: Sha256 = Field(description="SHA-256 of the file handed in.")
    counted: bool
    code: str = Field(description="Stable reason code: signed, accepted, or why it does not count.")
    detail: str = ""
    signer: str | None = Field(None, description="Id of the signer that counts.")
    key: str | None = Field(None, description="Fingerprint of the signer's key.")
    payload: Sha256 | None = Field(None, description="SHA-256 of the signed Statement.")


class RequirementState(Made):
    """One requirement: what is needed, who counts towards it, who still could."""

    id: str
    side: Side
    policy: str
    role: str
    service: str | None = None
    needed: int
    min: int | None = None
    percent: int | None = None
    distinct: bool = True
    state: RuleOutcome
    counted: tuple[str, ...] = ()
    eligible: tuple[str, ...] = Field((), description="People who could still approve.")


class Action(Made):
    """One step of the smallest set that would unblock the change."""

    who: tuple[str, ...] = Field(description="Any one of these people; empty means anybody.")
    command: str
    why: str


class BeyondAppetite(Made):
    """A risk appetite that the change is above."""

    model: str = Field(description="The risk model that states it.")
    side: Side
    maximum: Level
    exception: str | None = Field(
        None, description="The role whose approval lets it through, if it names this appetite."
    )


class ChangeVerdict(Made):
    """What was decided about one change request of the pull request."""

    id: str
    path: str
    digest: Sha256 = Field(description="SHA-256 of the request file's bytes.")
    title: str = ""
    requester: str = ""
    outcome: Outcome
    lane: Lane
    risk: RiskAssessment
    beyond: tuple[BeyondAppetite, ...] = Field((), description="Appetites that the risk is above.")
    model: str | None = Field(None, description="The change model it follows.")
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    interval: Interval | None = None
    requirements: tuple[RequirementState, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()
    rules: tuple[RuleState, ...] = ()


class Digests(Made):
    """SHA-256 digests of the RFC 8785 form of every input."""

    facts: Sha256
    requests: Sha256
    judge: Sha256
    proposed: Sha256 | None = None


class Contributor(Made):
    """A person excluded from approving, and why."""

    person: str
    reasons: tuple[str, ...]
    proved: bool


class Decision(Made):
    """The verdict on a proposed merge with its reasons."""

    api_version: Literal["itil-gate/decision/v1"] = DECISION_VERSION
    engine: str = Field(description="Name and version of the engine, itil-gate/0.1.0.")
    outcome: Outcome
    enforced: bool = True
    repository: str
    target: RefName
    tip: Oid
    merge_base: Oid | None
    head: Oid
    merged_tree: Oid | None
    content: Sha256
    now: Moment
    changes: tuple[ChangeVerdict, ...] = ()
    contributors: tuple[Contributor, ...] = ()
    overrides: tuple[OverrideEntry, ...] = Field(
        (), description="Signed overrides that name this merge, whether they stand in or not."
    )
    reports: tuple[ReportEntry, ...] = Field(
        (), description="Reports handed in for external checks, counted or not."
    )
    rules: tuple[RuleState, ...] = ()
    unblock: tuple[Action, ...] = ()
    digests: Digests


class StoredDecision(Made):
    """A decision together with the inputs it was made from, for replay."""

    api_version: Literal["itil-gate/stored-decision/v1"] = "itil-gate/stored-decision/v1"
    decision: Decision
    inputs: Inputs
