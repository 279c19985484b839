"""What guards a branch on GitHub: rulesets, and branch protection as it was before them.

Rulesets are told to every reader, who may bypass them only to who may edit them; branch
protection only to administrators. What stays hidden is None: a rule that is known to forbid
something holds whatever else there is, and none can be said to be missing while a part is unread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from itil_gate.forge.answers import Answer, document, read
from itil_gate.forge.paging import linked
from itil_gate.forge.seen import Seen
from itil_gate.forge.telling import part
from itil_gate.forge.values import Bypass, CreationGap, ForgeRules, RequiredCheck
from itil_gate.model.base import Moment
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from itil_gate.forge.http import Conversation

_ADMINISTRATION = "Administration: read"
_HIDDEN = frozenset({403, 404})
_OK = 200
_ADMIN_ROLE = 5
"""GitHub's number of the repository role `admin` among bypass actors."""
Method = Literal["merge", "squash", "rebase"]


class _Check(Seen):
    context: str
    integration_id: int | None = None


class _ClassicCheck(Seen):
    context: str
    app_id: int | None = None


class _Parameters(Seen):
    required_status_checks: tuple[_Check, ...] = ()
    strict_required_status_checks_policy: bool = False
    do_not_enforce_on_create: bool = False
    required_approving_review_count: int = 0
    dismiss_stale_reviews_on_push: bool = False
    allowed_merge_methods: tuple[Method, ...] | None = None
    restricted_file_paths: tuple[str, ...] = ()


class _Rule(Seen):
    type: str
    ruleset_id: int
    parameters: _Parameters = Field(default_factory=_Parameters)


class _Actor(Seen):
    actor_id: int | None = None
    actor_type: str
    bypass_mode: str = "always"


class _Ruleset(Seen):
    id: int
    bypass_actors: tuple[_Actor, ...] | None = None
    updated_at: Moment | None = None


class _Switch(Seen):
    enabled: bool


class _Named(Seen):
    login: str | None = None
    slug: str | None = None


class _Allowances(Seen):
    users: tuple[_Named, ...] = ()
    teams: tuple[_Named, ...] = ()
    apps: tuple[_Named, ...] = ()


class _ClassicReviews(Seen):
    required_approving_review_count: int = 0
    dismiss_stale_reviews: bool = False
    bypass_pull_request_allowances: _Allowances = Field(default_factory=_Allowances)


class _ClassicChecks(Seen):
    enforcement_level: str = ""
    strict: bool | None = None
    checks: tuple[_ClassicCheck, ...] = ()


class _Classic(Seen):
    required_status_checks: _ClassicChecks | None = None
    enforce_admins: _Switch | None = None
    required_pull_request_reviews: _ClassicReviews | None = None
    allow_force_pushes: _Switch | None = None
    allow_deletions: _Switch | None = None
    required_signatures: _Switch | None = None
    block_creations: _Switch | None = None


class _Branch(Seen):
    protected: bool
    protection: _Classic | None = None


class _Repository(Seen):
    allow_merge_commit: bool | None = None
    allow_squash_merge: bool | None = None
    allow_rebase_merge: bool | None = None


@frozen
class _Old:
    """Branch protection: what of it could be read."""

    rules: _Classic | None
    """None where there is none, or where it could not be read."""
    known: bool
    checks: _ClassicChecks | None
    """Told also to who may not read the rest."""
    unread: tuple[str, ...]


def protection_of(talk: Conversation, repo: str, *, branch: str) -> ForgeRules:
    """Return what guards a branch, given as refs/heads/…. Raises ForgeError."""
    name = part(branch.removeprefix("refs/heads/"))
    path = f"{repo}/rules/branches/{name}"
    rules = [read(_Rule, row, asked=path) for row in linked(talk, path, needs="Metadata: read")]
    old = _branch_protection(talk, repo, name)
    sets, hidden = _rulesets(talk, repo, rules)
    bypass = _bypass(sets, old)
    reviews = old.rules.required_pull_request_reviews if old.rules else None
    counts = [rule.parameters.required_approving_review_count for rule in rules]
    counts.append(reviews.required_approving_review_count if reviews else 0)
    types = {rule.type for rule in rules}
    classic = old.rules
    return ForgeRules(
        branch=branch,
        protected=True if rules or classic else (False if old.known else None),
        checks=_checks(rules, old),
        strict_checks=_any(
            any(rule.parameters.strict_required_status_checks_policy for rule in rules),
            bool(classic and _strict(classic)),
            known=old.known,
        ),
        pull_required=_any("pull_request" in types, reviews is not None, known=old.known),
        approvals=max(counts) if old.known or max(counts) else None,
        dismiss_stale=_any(
            any(rule.parameters.dismiss_stale_reviews_on_push for rule in rules),
            bool(reviews and reviews.dismiss_stale_reviews),
            known=old.known,
        ),
        force_push=_not(_forbids("non_fast_forward" in types, old, "allow_force_pushes")),
        deletion=_not(_forbids("deletion" in types, old, "allow_deletions")),
        signed_commits=_any(
            "required_signatures" in types,
            _signing(classic),
            known=old.known,
        ),
        merge_queue=True if "merge_queue" in types else (None if not _none(old) else False),
        merge_methods=_methods(talk, repo, rules),
        admins_included=_admins(bypass) if rules or classic else None,
        bypass=bypass,
        workflow=_workflow(rules),
        on_creation=_on_creation(rules, old),
        changed_at=_changed(sets, old),
        unread=(*old.unread, *hidden),
    )


def _strict(classic: _Classic) -> bool:
    """Tell whether branch protection wants the head to contain the branch."""
    checks = classic.required_status_checks
    return bool(checks and checks.strict)


def _signing(classic: _Classic | None) -> bool:
    """Tell whether branch protection wants signed commits."""
    return bool(classic and classic.required_signatures and classic.required_signatures.enabled)


def _branch_protection(talk: Conversation, repo: str, name: str) -> _Old:
    path = f"{repo}/branches/{name}"
    answer = talk.get(f"{path}/protection", needs=_ADMINISTRATION, accept=_HIDDEN)
    if answer.status == _OK:
        classic = read(_Classic, document(answer), asked=answer.asked)
        return _Old(classic, known=True, checks=classic.required_status_checks, unread=())
    if _says(answer, "branch not protected"):
        return _Old(None, known=True, checks=None, unread=())
    seen = talk.get(path, needs="Contents: read", accept=_HIDDEN)
    if seen.status != _OK:
        why = "branch protection: the branch is not there, or not for this token"
        return _Old(None, known=False, checks=None, unread=(why,))
    branch = read(_Branch, document(seen), asked=seen.asked)
    if not branch.protected:
        return _Old(None, known=True, checks=None, unread=())
    checks = branch.protection.required_status_checks if branch.protection else None
    why = f"branch protection: needs {_ADMINISTRATION}"
    return _Old(None, known=False, checks=checks, unread=(why,))


def _says(answer: Answer, words: str) -> bool:
    found = document(answer)
    return isinstance(found, dict) and words in str(found.get("message", "")).lower()


def _none(old: _Old) -> bool:
    """Tell whether there is surely no branch protection of the old kind."""
    return old.known and old.rules is None


def _any(ruled: bool, classic: bool, *, known: bool) -> bool | None:  # noqa: FBT001 - two answers
    return True if ruled or classic else (False if known else None)


def _forbids(ruled: bool, old: _Old, switch: str) -> bool | None:  # noqa: FBT001 - an answer
    if ruled:
        return True
    if old.rules is None:
        return False if old.known else None
    found = getattr(old.rules, switch)
    return None if found is None else not found.enabled


def _not(answer: bool | None) -> bool | None:  # noqa: FBT001 - an answer
    return None if answer is None else not answer


def _checks(rules: Iterable[_Rule], old: _Old) -> tuple[RequiredCheck, ...] | None:
    found = {
        (check.context, _app(check.integration_id))
        for rule in rules
        for check in rule.parameters.required_status_checks
    }
    if old.checks is not None and old.checks.enforcement_level != "off":
        found |= {(check.context, _app(check.app_id)) for check in old.checks.checks}
    elif not old.known and old.checks is None:
        return None
    return tuple(
        RequiredCheck(context=context, source=source)
        for context, source in sorted(found, key=lambda one: (one[0], one[1] or ""))
    )


def _app(number: int | None) -> str | None:
    """Return who must have posted a check; GitHub writes -1 for anybody."""
    return f"app:{number}" if number is not None and number > 0 else None


def _rulesets(
    talk: Conversation, repo: str, rules: Iterable[_Rule]
) -> tuple[tuple[_Ruleset | None, ...], tuple[str, ...]]:
    """Return every ruleset that binds the branch, None for one that is hidden, and what is."""
    found: list[_Ruleset | None] = []
    unread: list[str] = []
    for number in sorted({rule.ruleset_id for rule in rules}):
        answer = talk.get(
            f"{repo}/rulesets/{number}",
            query=(("includes_parents", "true"),),
            needs=_ADMINISTRATION,
            accept=_HIDDEN,
        )
        told = answer.status == _OK
        found.append(read(_Ruleset, document(answer), asked=answer.asked) if told else None)
        if found[-1] is None or found[-1].bypass_actors is None:
            unread.append(f"who may bypass ruleset {number}: needs Administration: write")
    return tuple(found), tuple(unread)


def _bypass(sets: Iterable[_Ruleset | None], old: _Old) -> tuple[Bypass, ...] | None:
    found: set[tuple[str, str]] = set()
    for one in sets:
        if one is None or one.bypass_actors is None:
            return None
        found |= {
            (_actor(actor), actor.bypass_mode.replace("_", "-")) for actor in one.bypass_actors
        }
    if not old.known:
        return None
    if old.rules is not None:
        found |= _classic_bypass(old.rules)
    return tuple(Bypass(who=who, mode=mode) for who, mode in sorted(found))


def _changed(sets: Iterable[_Ruleset | None], old: _Old) -> datetime | None:
    """Return when a ruleset was last changed; of branch protection GitHub does not tell it."""
    moments = [one.updated_at if one is not None else None for one in sets]
    if not _none(old) or None in moments:
        return None
    return max((moment for moment in moments if moment is not None), default=None)


def _on_creation(rules: Iterable[_Rule], old: _Old) -> tuple[CreationGap, ...] | None:
    """Return what a branch may hold that is made anew; both kinds of rules let something in.

    Source: GitHub Docs, "Available rules for rulesets", on signed commits. A ruleset looks only at
    commits that no other branch holds, branch protection at none unless creation is restricted.
    """
    rules = tuple(rules)
    types = {rule.type for rule in rules}
    if "creation" in types:
        return ()
    classic = old.rules
    if not old.known:
        return None
    if classic is not None and classic.block_creations and classic.block_creations.enabled:
        return ()
    gaps: list[CreationGap] = []
    if "required_signatures" in types:
        gaps.append("unsigned-elsewhere")
    elif (
        classic is not None and classic.required_signatures and classic.required_signatures.enabled
    ):
        gaps.append("unsigned")
    checking = [rule.parameters for rule in rules if rule.type == "required_status_checks"]
    if checking and all(parameters.do_not_enforce_on_create for parameters in checking):
        gaps.append("unchecked")
    return tuple(gaps)


def _actor(actor: _Actor) -> str:
    kinds = {
        "Integration": "app",
        "RepositoryRole": "role",
        "Team": "team",
        "User": "user",
        "OrganizationAdmin": "organisation-admins",
        "DeployKey": "deploy-keys",
    }
    kind = kinds.get(actor.actor_type, actor.actor_type)
    if actor.actor_type == "RepositoryRole" and actor.actor_id == _ADMIN_ROLE:
        return "role:admin"
    numbered = actor.actor_id is not None and "-" not in kind
    return f"{kind}:{actor.actor_id}" if numbered else kind


def _classic_bypass(classic: _Classic) -> set[tuple[str, str]]:
    found = set()
    if classic.enforce_admins is None or not classic.enforce_admins.enabled:
        found.add(("role:admin", "always"))
    if classic.required_pull_request_reviews:
        spared = classic.required_pull_request_reviews.bypass_pull_request_allowances
        found |= {(f"user:{one.login}", "always") for one in spared.users}
        found |= {(f"team:{one.slug}", "always") for one in spared.teams}
        found |= {(f"app:{one.slug}", "always") for one in spared.apps}
    return found


def _admins(bypass: tuple[Bypass, ...] | None) -> bool | None:
    if bypass is None:
        return None
    return not {"role:admin", "organisation-admins"} & {one.who for one in bypass}


def _methods(talk: Conversation, repo: str, rules: Iterable[_Rule]) -> tuple[Method, ...] | None:
    answer = talk.get(repo, needs="Metadata: read")
    seen = read(_Repository, document(answer), asked=answer.asked)
    switches: dict[Method, bool | None] = {
        "merge": seen.allow_merge_commit,
        "squash": seen.allow_squash_merge,
        "rebase": seen.allow_rebase_merge,
    }
    limits = [
        rule.parameters.allowed_merge_methods
        for rule in rules
        if rule.parameters.allowed_merge_methods is not None
    ]
    if None in switches.values():
        return None
    return tuple(
        method for method, on in switches.items() if on and all(method in limit for limit in limits)
    )


def _workflow(rules: Iterable[_Rule]) -> Literal["pinned", "restricted", "writers"]:
    rules = tuple(rules)
    if any(rule.type == "workflows" for rule in rules):
        return "pinned"
    paths = [path for rule in rules for path in rule.parameters.restricted_file_paths]
    guarded = any(path.startswith((".github/workflows", ".github/**", "**")) for path in paths)
    return "restricted" if guarded else "writers"
