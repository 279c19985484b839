"""What guards a branch on GitLab: protected branches, and the settings of the project.

Several protected branches can match by wildcard; GitLab lets the most permissive one win, and so
do we. Maintainers can delete a protected branch in the web interface, though nobody can by a push;
they are told among those who are not bound.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from itil_gate.forge.answers import document, read
from itil_gate.forge.paging import linked
from itil_gate.forge.protocol import ForgeError
from itil_gate.forge.seen import Seen
from itil_gate.forge.values import Bypass, ForgeRules, RequiredCheck

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from itil_gate.forge.http import Conversation

_MAINTAINER = "the scope read_api, and the role Maintainer"
_HIDDEN = frozenset({403, 404})
_UNTOLD = frozenset({"forge-refused", "forge-not-found"})
_OK, _NOBODY = 200, 0
_Method = Literal["merge", "squash", "rebase", "fast-forward"]
_METHODS: dict[str, tuple[_Method, ...]] = {
    "merge": ("merge",),
    "rebase_merge": ("merge", "rebase"),
    "ff": ("fast-forward",),
}


class _Access(Seen):
    access_level: int | None = None
    user_id: int | None = None
    group_id: int | None = None
    deploy_key_id: int | None = None


class _Protected(Seen):
    name: str
    push_access_levels: tuple[_Access, ...]
    allow_force_push: bool


class _Settings(Seen):
    merge_method: str | None = None
    squash_option: str | None = None
    only_allow_merge_if_pipeline_succeeds: bool | None = None
    only_allow_merge_if_all_status_checks_passed: bool | None = None
    ci_config_path: str | None = None


class _Branch(Seen):
    name: str


class _Check(Seen):
    id: int
    name: str
    protected_branches: tuple[_Branch, ...] = ()
    """The branches it is asked for; all of them where there are none."""


class _ApprovalRule(Seen):
    approvals_required: int


class _Approvals(Seen):
    reset_approvals_on_push: bool


def protection_of(talk: Conversation, project: str, *, branch: str) -> ForgeRules:
    """Return what guards a branch, given as refs/heads/…. Raises ForgeError."""
    unread: list[str] = []
    answer = talk.get(project, needs=_MAINTAINER)
    settings = read(_Settings, document(answer), asked=answer.asked)
    name = branch.removeprefix("refs/heads/")
    guards = _guards(talk, project, name, unread)
    pushing = [one for guard in guards or () for one in guard.push_access_levels]
    able = [one for one in pushing if one.access_level != _NOBODY]
    return ForgeRules(
        branch=branch,
        protected=None if guards is None else bool(guards),
        checks=_checks(talk, project, settings, unread, name=name),
        pull_required=None if guards is None else bool(guards) and not able,
        approvals=_approvals(talk, project, unread),
        dismiss_stale=_resets(talk, project, unread),
        force_push=None
        if guards is None
        else not guards or any(guard.allow_force_push for guard in guards),
        deletion=None if guards is None else not guards,
        merge_methods=_methods(settings),
        bypass=None if guards is None else _bypass(able) if guards else (),
        workflow=_workflow(settings),
        unread=tuple(unread),
    )


def _guards(
    talk: Conversation, project: str, name: str, unread: list[str]
) -> tuple[_Protected, ...] | None:
    path = f"{project}/protected_branches"
    try:
        found = [read(_Protected, row, asked=path) for row in linked(talk, path, needs=_MAINTAINER)]
    except ForgeError as error:
        if error.code not in _UNTOLD:
            raise
        unread.append(f"protected branches: needs {_MAINTAINER}")
        return None
    return tuple(one for one in found if _matches(one.name, name))


def _matches(pattern: str, name: str) -> bool:
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), name, re.DOTALL) is not None


def _bypass(able: Iterable[_Access]) -> tuple[Bypass, ...]:
    names = {_who(one) for one in able}
    return (
        *(Bypass(who=who) for who in sorted(names)),
        Bypass(who="role:maintainer", mode="deletion in the web interface"),
    )


def _who(one: _Access) -> str:
    if one.user_id is not None:
        return f"user:{one.user_id}"
    if one.group_id is not None:
        return f"group:{one.group_id}"
    if one.deploy_key_id is not None:
        return f"deploy-key:{one.deploy_key_id}"
    roles = {30: "role:developer", 40: "role:maintainer", 60: "role:admin"}
    return roles.get(one.access_level or 0, f"access:{one.access_level}")


def _checks(
    talk: Conversation, project: str, settings: _Settings, unread: list[str], *, name: str
) -> tuple[RequiredCheck, ...] | None:
    """Return what must pass: the pipeline as a whole, and external checks by their numbers."""
    if settings.only_allow_merge_if_pipeline_succeeds is None:
        unread.append(f"whether pipelines must succeed: needs {_MAINTAINER}")
        return None
    found = [RequiredCheck(context="pipeline", source=None)]
    if not settings.only_allow_merge_if_pipeline_succeeds:
        found = []
    if settings.only_allow_merge_if_all_status_checks_passed:
        path = f"{project}/external_status_checks"
        for row in linked(talk, path, needs=_MAINTAINER):
            check = read(_Check, row, asked=path)
            guarded = [one.name for one in check.protected_branches]
            if guarded and not any(_matches(one, name) for one in guarded):
                continue
            source = f"external-check:{check.id}"
            found.append(RequiredCheck(context=check.name, source=source))
    return tuple(found)


def _approvals(talk: Conversation, project: str, unread: list[str]) -> int | None:
    path = f"{project}/approval_rules"
    try:
        rules: Sequence[_ApprovalRule] = [
            read(_ApprovalRule, row, asked=path) for row in linked(talk, path, needs=_MAINTAINER)
        ]
    except ForgeError as error:
        if error.code not in _UNTOLD:
            raise
        unread.append(f"approval rules: need GitLab Premium, {_MAINTAINER}")
        return None
    return max((rule.approvals_required for rule in rules), default=0)


def _resets(talk: Conversation, project: str, unread: list[str]) -> bool | None:
    answer = talk.get(f"{project}/approvals", needs=_MAINTAINER, accept=_HIDDEN)
    if answer.status != _OK:
        unread.append(f"what a push does to approvals: needs GitLab Premium, {_MAINTAINER}")
        return None
    return read(_Approvals, document(answer), asked=answer.asked).reset_approvals_on_push


def _workflow(settings: _Settings) -> Literal["pinned", "writers"] | None:
    """Return who can change the pipeline: its file may be one of another project, after an @."""
    if "ci_config_path" not in settings.model_fields_set:
        return None
    return "pinned" if "@" in (settings.ci_config_path or "") else "writers"


def _methods(settings: _Settings) -> tuple[_Method, ...] | None:
    known = _METHODS.get(settings.merge_method or "")
    if known is None or settings.squash_option is None:
        return None
    if settings.squash_option == "always":
        return ("squash",)
    return known if settings.squash_option == "never" else (*known, "squash")
