r"""Facts: what the world says about a proposed merge. Gathered, sealed, never argued with.

Paths are text: UTF-8 as it is, other bytes as `\xNN`, a backslash as `\\`; the mapping is
one to one. Nothing here is a judgement: whose commit counts as whose is decided elsewhere.
"""

from typing import Literal

from pydantic import Field

from itil_gate.model.base import Moment, Oid, RefName, Sha256
from itil_gate.model.external import ReportFormat
from itil_gate.model.finding import Finding
from itil_gate.model.made import Made
from itil_gate.model.policy import Source
from itil_gate.model.statement import (
    ApprovalPredicate,
    CorrectionPredicate,
    OverridePredicate,
    RetroApprovalPredicate,
    VouchPredicate,
)


class DiffEntry(Made):
    """One path of the raw diff from merge base to head; renames are a deletion and an addition."""

    old_mode: str
    new_mode: str
    old_id: str
    new_id: str
    status: Literal["A", "D", "M", "T"]
    path: str


class ContentFact(Made):
    """How much of one changed path a person would have to read, as git measured it.

    No attribute of the repository takes part: neither `binary` nor `-diff` nor any other word of
    the head hides a content or makes one of it.
    """

    path: str
    kind: Literal["text", "binary", "large", "elsewhere", "unread"] = Field(
        description="binary holds a NUL or another control character that no text has; large has "
        "more than 1 MiB before or after; elsewhere is a submodule or a pointer to content that is "
        "not in the repository; unread is beyond the 64 MiB that are read."
    )
    added: int | None = Field(None, description="Lines added; none where git counts no lines.")
    deleted: int | None = Field(None, description="Lines deleted; likewise.")
    longest: int = Field(
        0,
        description="Bytes of the longest line after the change; where that is more than 200, of "
        "the longest that was not there before.",
    )


class Identity(Made):
    """A name and e-mail as somebody wrote them: a hint that may exclude, never grant."""

    name: str
    email: str


class SignatureFact(Made):
    """What a commit's signature proves: `good` means the key with this fingerprint made it."""

    kind: Literal["none", "ssh", "pgp", "x509", "unknown"] = "none"
    status: Literal["absent", "good", "bad", "unsupported", "not-verified-here"] = "absent"
    fingerprint: str | None = Field(None, description="SHA256:… as ssh-keygen prints it.")
    detail: str = ""


class CommitFact(Made):
    """A commit reachable from head and not from the target."""

    id: Oid
    parents: tuple[Oid, ...]
    author: Identity
    committer: Identity
    co_authors: tuple[Identity, ...] = ()
    signature: SignatureFact = Field(default_factory=SignatureFact)
    update_merge: bool = Field(
        False, description="A merge of the target that recomputes to an equal tree."
    )


class ApprovedContent(Made):
    """What git says about the content a statement names, next to what is proposed now."""

    known: bool = Field(description="Whether the approved commits are still to be had.")
    content: Sha256 | None = Field(None, description="Content digest recomputed from them.")
    request: Sha256 | None = Field(None, description="SHA-256 of the request file in them.")
    request_text: str | None = None
    in_history: bool = Field(False, description="Whether the approved head leads to this head.")
    replay_tree: Oid | None = Field(
        None, description="Tree of merging the target with the approved tree; none on conflict."
    )
    changed: tuple[str, ...] = Field((), description="Paths whose content differs, at most 20.")
    untouched: bool = Field(
        False,
        description="Whether the request is proved not to have changed on the target since the "
        "approved merge base, so that nothing that was approved has landed yet.",
    )
    landed: Oid | None = Field(
        None, description="The last commit with which it did change there since."
    )


class StatementFact(Made):
    """One file of the approvals branch, with what its signature proves."""

    path: str
    digest: Sha256 = Field(description="SHA-256 of the signed bytes.")
    status: Literal["good", "malformed", "bad-signature", "unsupported-key", "wrong-namespace"]
    detail: str = ""
    fingerprint: str | None = None
    approval: ApprovalPredicate | None = None
    vouch: VouchPredicate | None = None
    override: OverridePredicate | None = None
    retro: RetroApprovalPredicate | None = None
    correction: CorrectionPredicate | None = None
    approved: ApprovedContent | None = None
    text: str = Field("", description="The file word for word, for whoever verifies it again.")


class ReviewedContent(Made):
    """What git says about the content that a review's commit holds, for one request."""

    path: str = Field(description="The request file.")
    merge_base: Oid = Field(description="Of the commit and the target's tip as it is now.")
    proof: ApprovedContent


class Review(Made):
    """A review as a forge's API reported it: evidence of rank b."""

    id: str
    forge: str = Field(description="Host under which people.yaml lists its accounts.")
    account: int
    login: str = Field(description="For display only: logins are renamed and taken over.")
    state: Literal["approved", "changes-requested", "commented", "unknown"] = Field(
        description="What it said when it was given; unknown where a dismissal hides that."
    )
    dismissed: bool = False
    commit: Oid | None = Field(
        description="The commit it was given for, as the forge says; none where it says none."
    )
    submitted_at: Moment
    sequence: int = Field(description="Order given by the server.")
    approved: tuple[ReviewedContent, ...] = Field(
        (), description="What git says about its commit, for each request of the pull request."
    )


class AccountRef(Made):
    """An account on a forge by its number."""

    forge: str
    id: int
    login: str


class SeenHead(Made):
    """A commit that was the head of a pull request, and when the forge first saw it there."""

    commit: Oid
    since: Moment


class PullRequest(Made):
    """What a forge says about the pull request."""

    number: int
    opener: AccountRef
    pushers: tuple[AccountRef, ...] = Field(
        (), description="Every account the forge saw push to the branch, the last one last."
    )
    draft: bool = False
    state: Literal["open", "closed", "merged"] = "open"
    title: str = ""
    head: Oid
    base_ref: RefName = Field(description="The branch it is to be merged into.")
    head_since: Moment | None = Field(
        None, description="When the forge first saw this head; none where it does not say."
    )
    heads: tuple[SeenHead, ...] = Field(
        (),
        description="Heads it had before, as far as the forge tells when it first saw them; a "
        "review of any other commit than these and the head proves nothing.",
    )
    base_since: Moment | None = Field(
        None,
        description="Since when it is to be merged there: its creation, or when it was last "
        "pointed at another branch; none where the forge does not say. No review counts then.",
    )


class WaiverUse(Made):
    """A change that landed by a waiver, as the audit log counts it."""

    waiver: str
    change: str


class HistoryFacts(Made):
    """What the target's history says about the files of a change; whole numbers only.

    Ratios are failure rates in thousandths of the repository's own rate: 1300 is 1.3 times.
    None means unknown, which is scored as unknown and never as low.
    """

    changes: int = Field(description="First-parent changes of the last 365 days that were read.")
    failures: int = Field(description="Those of them that were backed out within 30 days.")
    complete: bool = Field(description="Whether a year of history was there to read.")
    base_ppm: int = Field(description="The repository's decayed failure rate, per million.")
    file_ratio: int | None = None
    dir_ratio: int | None = None
    area_ratio: int | None = None
    type_ratio: int | None = None
    file_failures_365: int | None = None
    dir_failures_90: int | None = None
    title_overlap_percent: int | None = Field(
        None, description="Best overlap of words with a change on a common file backed out lately."
    )
    hours_since_failure: int | None = None
    config_percent: int | None = None
    lines_added_percentile: int | None = None
    developers_percentile: int | None = None
    first_today: bool | None = None
    author_changes_24h: int | None = None


class SealFact(Made):
    """What a signed report's envelope says, and which of the pinned keys signed it.

    Keys are tried of the target's policies and of those that the pull request proposes; under
    whose policies a key counts is decided later.
    """

    payload: Sha256 = Field(description="SHA-256 of the signed Statement.")
    predicate_type: str
    subjects: tuple[str, ...] = Field(
        description="What it is about: gitCommit:… and the like, in the order given."
    )
    keys: tuple[str, ...] = Field((), description="Fingerprints of pinned keys that signed it.")
    claimed: tuple[str, ...] = Field((), description="Key ids that the envelope itself names.")


class ExternalResult(Made):
    """The results of a check by another tool, as handed to the gate."""

    name: str = Field(description="Name of the ExternalCheck it answers.")
    digest: Sha256 = Field(description="SHA-256 of the file handed in.")
    format: ReportFormat | None = Field(
        None, description="What its content shows it to be; None if it is none of these."
    )
    tests: int = Field(description="How many results it holds, passes too.")
    failures: tuple[Finding, ...] = ()
    fault: str = Field("", description="Why the file could not be read; empty if it could.")
    seal: SealFact | None = Field(None, description="None where it came without an envelope.")


class EarlierElsewhere(Made):
    """What was recorded of other work under the same change id: who is proved took part in it."""

    commits: tuple[CommitFact, ...] = Field(
        (), description="Commits of it; only who signed them is proved."
    )
    accounts: tuple[AccountRef, ...] = Field(
        (), description="Accounts that opened its pull requests and pushed to them."
    )


class Facts(Made):
    """Everything the decision stands on beside requests and policies."""

    now: Moment
    target: RefName
    tip: Oid = Field(description="Tip of the target branch.")
    merge_base: Oid | None = Field(description="None when the target branch is unborn.")
    head: Oid
    head_tree: Oid
    merged_tree: Oid | None = Field(description="Tree a merge would give; none on conflict.")
    conflicts: tuple[str, ...] = Field(
        (),
        description="Paths that conflict; with a merged tree, those that it would change on the "
        "target although the diff does not, because the target moved a file there.",
    )
    content: Sha256
    diff: tuple[DiffEntry, ...]
    commits: tuple[CommitFact, ...]
    statements: tuple[StatementFact, ...] = ()
    approvals_tips: tuple[Oid, ...] = Field(
        (), description="Tips of the approvals branch, here and as last fetched from remotes."
    )
    earlier: tuple[CommitFact, ...] = Field(
        (),
        description="Commits of heads that were recorded for this work before, and that the "
        "branch no longer has; whoever they name took part.",
    )
    earlier_elsewhere: EarlierElsewhere | None = Field(
        None,
        description="What was recorded of other pull requests for these changes; none where there "
        "is nothing.",
    )
    reviews: tuple[Review, ...] = ()
    pull_request: PullRequest | None = None
    draft: bool = False
    adopted_at: Moment | None = Field(
        None, description="Time of the commit that adopted the gate; only read in audit mode."
    )
    history: HistoryFacts | None = Field(
        None, description="Only read where the target's risk model has a likelihood card."
    )
    contents: tuple[ContentFact, ...] | None = Field(
        None,
        description="Only measured where the target's risk model asks whether a change can be "
        "reviewed; none too where the clone lacks the contents.",
    )
    external: tuple[ExternalResult, ...] = ()
    waiver_uses: tuple[WaiverUse, ...] | None = Field(
        None, description="None where there is no audit log to count them."
    )
    target_requests: tuple[str, ...] = Field(
        (), description="Of the changes that statements name, those whose request is on the target."
    )
    overrides: tuple[StatementFact, ...] = Field(
        (), description="Override statements that name the head, its commits or its changes."
    )


class Inputs(Made):
    """The sealed inputs of a decision: facts, and every text that is judged or judges."""

    facts: Facts
    requests: tuple[Source, ...] = Field(
        (), description="Request files added or amended by the diff, as they are at head."
    )
    judge: tuple[Source, ...] = Field(description="The judge's data at the tip of the target.")
    proposed: tuple[Source, ...] | None = Field(
        None, description="The judge's data as a merge would leave them, if it touches them."
    )
    faults: tuple[Finding, ...] = Field(
        (), description="What kept a request or a proposed policy from being read as text."
    )
