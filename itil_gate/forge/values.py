"""What a forge told: values that leave this room. None means that it could not be read.

Nothing here is a judgement: whose review counts is decided elsewhere, and which protection is
enough is for `doctor` to say.
"""

from typing import Literal

from pydantic import Field

from itil_gate.model.base import Moment, Oid, RefName
from itil_gate.model.facts import AccountRef, PullRequest, Review
from itil_gate.model.made import Made

NOBODY = 0
"""The number of an account that is gone. people.yaml counts from 1, so it is nobody's."""


class ForgePull(Made):
    """A pull request as a forge's API told it, in one reading."""

    pull: PullRequest
    reviews: tuple[Review, ...] = Field(description="Every review submitted, in server order.")
    source: int | None = Field(
        description="Number of the repository its branch is in; None where that is gone."
    )
    from_fork: bool
    server_time: Moment = Field(description="The forge's clock when it was asked last.")


class OpenPull(Made):
    """A pull request, as a list of the open ones or one request for it tells of it."""

    number: int
    base_ref: RefName = Field(description="The branch it is to be merged into.")
    head: Oid | None = Field(description="None where the forge has not worked it out yet.")
    draft: bool = Field(
        default=False, description="Told of one that was asked for by number; lists leave it out."
    )


class ForgeStatus(Made):
    """A commit status: anybody who may write can post one of any context, so see who did."""

    context: str
    state: str = Field(description="As the forge calls it.")
    creator: AccountRef | None = Field(description="None where the forge does not say.")
    description: str = ""


CreationGap = Literal["unsigned", "unsigned-elsewhere", "unchecked"]


class RequiredCheck(Made):
    """A status or check without which the forge does not merge."""

    context: str
    source: str | None = Field(
        description="Who must have posted it, as app:ID; None where anybody may."
    )


class Bypass(Made):
    """Somebody whom a rule does not bind."""

    who: str = Field(description="Kind and name or number: role:5, team:12, user:alice, app:3.")
    mode: str = Field(
        "always", description="always, pull-request, or exempt: that leaves no trace in the PR."
    )


class ForgeRules(Made):
    """What guards a branch on the forge: every field is None where it could not be read.

    Where several rules bind the branch, the strictest is told. A field that is not None holds for
    whoever is not in `bypass`.
    """

    branch: RefName
    protected: bool | None = Field(None, description="Whether any rule at all binds it.")
    checks: tuple[RequiredCheck, ...] | None = None
    strict_checks: bool | None = Field(
        None, description="Whether the head must contain the branch before it is merged."
    )
    pull_required: bool | None = Field(
        None, description="Whether changes come by pull request only: no push to it."
    )
    approvals: int | None = Field(None, description="Reviews that the forge itself asks for.")
    dismiss_stale: bool | None = Field(
        None, description="Whether a push takes approvals back on the forge."
    )
    force_push: bool | None = Field(None, description="Whether history may be rewritten.")
    deletion: bool | None = Field(None, description="Whether the branch may be deleted.")
    signed_commits: bool | None = None
    merge_queue: bool | None = None
    merge_methods: tuple[Literal["merge", "squash", "rebase", "fast-forward"], ...] | None = None
    admins_included: bool | None = Field(
        None, description="Whether administrators are bound like everybody."
    )
    bypass: tuple[Bypass, ...] | None = None
    workflow: Literal["pinned", "restricted", "writers"] | None = Field(
        None,
        description="Who can change what runs for a pull request: `pinned` means that a rule says "
        "from where a required workflow is taken, `restricted` that a rule guards the files of "
        "workflows, `writers` that whoever writes a branch can.",
    )
    on_creation: tuple[CreationGap, ...] | None = Field(
        None,
        description="What the rules let in where the branch is made anew: `unsigned` any commit "
        "without a signature, `unsigned-elsewhere` such a commit that another branch already "
        "holds, `unchecked` one without the required checks.",
    )
    changed_at: Moment | None = Field(
        None, description="When the rules were last changed, as far as the forge tells."
    )
    unread: tuple[str, ...] = Field(
        (), description="What could not be read, and which permission would show it."
    )
