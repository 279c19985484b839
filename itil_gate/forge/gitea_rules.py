"""What guards a branch on Gitea or Forgejo: the one rule that applies to it.

Only administrators of the repository read the rule. Others are told, with the branch itself,
whether one applies, how many approvals it asks for and which checks, and whether they may push.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from itil_gate.forge.answers import document, read
from itil_gate.forge.seen import Seen
from itil_gate.forge.telling import part
from itil_gate.forge.values import Bypass, ForgeRules, RequiredCheck
from itil_gate.model.base import Moment

if TYPE_CHECKING:
    from itil_gate.forge.http import Conversation

_READ = "the scope read:repository"
_ADMIN = "write:repository and administration of the repository"
_HIDDEN = frozenset({403, 404})
_OK = 200
_Method = Literal["merge", "squash", "rebase", "fast-forward"]
_METHODS: tuple[tuple[str, _Method], ...] = (
    ("allow_merge_commits", "merge"),
    ("allow_squash_merge", "squash"),
    ("allow_rebase", "rebase"),
    ("allow_fast_forward_only_merge", "fast-forward"),
)


class _Branch(Seen):
    name: str
    protected: bool
    required_approvals: int
    enable_status_check: bool
    status_check_contexts: tuple[str, ...] | None
    effective_branch_protection_name: str = ""


class _Rule(Seen):
    rule_name: str
    enable_push: bool
    enable_push_whitelist: bool
    push_whitelist_usernames: tuple[str, ...] | None = None
    push_whitelist_teams: tuple[str, ...] | None = None
    push_whitelist_deploy_keys: bool = False
    enable_force_push: bool = False
    enable_status_check: bool
    status_check_contexts: tuple[str, ...] | None
    required_approvals: int
    dismiss_stale_approvals: bool
    block_on_outdated_branch: bool = False
    require_signed_commits: bool = False
    protected_file_patterns: str = ""
    block_admin_merge_override: bool = False
    apply_to_admins: bool = False  # the same, on Forgejo
    updated_at: Moment | None = None


class _Repository(Seen):
    allow_merge_commits: bool | None = None
    allow_squash_merge: bool | None = None
    allow_rebase: bool | None = None
    allow_fast_forward_only_merge: bool | None = None


def protection_of(talk: Conversation, repo: str, *, branch: str) -> ForgeRules:
    """Return what guards a branch, given as refs/heads/…. Raises ForgeError."""
    name = branch.removeprefix("refs/heads/")
    answer = talk.get(repo, needs=_READ)
    methods = _methods(read(_Repository, document(answer), asked=answer.asked))
    seen = talk.get(f"{repo}/branches/{part(name)}", needs=_READ, accept=_HIDDEN)
    found = read(_Branch, document(seen), asked=seen.asked) if seen.status == _OK else None
    if found is not None and not found.protected:
        return _open(branch, methods)
    wanted = (found.effective_branch_protection_name if found else "") or name
    answer = talk.get(f"{repo}/branch_protections/{part(wanted)}", needs=_ADMIN, accept=_HIDDEN)
    if answer.status == _OK:
        rule = read(_Rule, document(answer), asked=answer.asked)
        return _ruled(branch, rule, methods)
    why = f"the branch protection: needs {_ADMIN}"
    if found is None:
        absent = f"the branch is not there, or this token may not see it: needs {_ADMIN}"
        return ForgeRules(branch=branch, merge_methods=methods, unread=(absent,))
    contexts = found.status_check_contexts or () if found.enable_status_check else ()
    return ForgeRules(
        branch=branch,
        protected=True,
        checks=tuple(RequiredCheck(context=context, source=None) for context in contexts),
        approvals=found.required_approvals,
        deletion=False,
        merge_queue=False,
        merge_methods=methods,
        unread=(why,),
    )


def _open(branch: str, methods: tuple[_Method, ...] | None) -> ForgeRules:
    return ForgeRules(
        branch=branch,
        protected=False,
        checks=(),
        strict_checks=False,
        pull_required=False,
        approvals=0,
        dismiss_stale=False,
        force_push=True,
        deletion=True,
        signed_commits=False,
        merge_queue=False,
        merge_methods=methods,
        bypass=(),
        workflow="writers",
        on_creation=(),
    )


def _ruled(branch: str, rule: _Rule, methods: tuple[_Method, ...] | None) -> ForgeRules:
    contexts = rule.status_check_contexts or () if rule.enable_status_check else ()
    bypass = [
        *(Bypass(who=f"user:{name}") for name in rule.push_whitelist_usernames or ()),
        *(Bypass(who=f"team:{name}") for name in rule.push_whitelist_teams or ()),
        *((Bypass(who="deploy-keys"),) if rule.push_whitelist_deploy_keys else ()),
    ]
    listed = rule.enable_push and rule.enable_push_whitelist
    admins = rule.block_admin_merge_override or rule.apply_to_admins
    unlocked = rule.enable_push  # who may push may make the branch anew
    return ForgeRules(
        branch=branch,
        protected=True,
        checks=tuple(RequiredCheck(context=context, source=None) for context in contexts),
        strict_checks=rule.block_on_outdated_branch,
        pull_required=not rule.enable_push or listed,
        approvals=rule.required_approvals,
        dismiss_stale=rule.dismiss_stale_approvals,
        force_push=rule.enable_force_push,
        deletion=False,
        signed_commits=rule.require_signed_commits,
        merge_queue=False,
        merge_methods=methods,
        admins_included=admins,
        bypass=(
            *(() if admins else (Bypass(who="role:admin", mode="pull-request"),)),
            *(bypass if listed else ()),
        ),
        workflow="restricted" if _guards(rule.protected_file_patterns) else "writers",
        on_creation=("unsigned-elsewhere",) if rule.require_signed_commits and unlocked else (),
        changed_at=rule.updated_at,
    )


def _methods(seen: _Repository) -> tuple[_Method, ...] | None:
    if None in seen.model_dump().values():
        return None
    return tuple(method for name, method in _METHODS if getattr(seen, name))


def _guards(patterns: str) -> bool:
    """Tell whether a rule guards the files of workflows, in either folder that is looked at."""
    listed = [pattern.strip() for pattern in patterns.split(";")]
    folders = (".gitea/workflows/", ".github/workflows/")
    return all(
        any(pattern.startswith(folder) or pattern == "**" for pattern in listed)
        for folder in folders
    )
