"""Whose answer a forge waits for before it merges: which check, posted by whom, run from where."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.audit.checked import Check
    from itil_gate.audit.guarded import Guarded
    from itil_gate.forge.values import RequiredCheck

GITHUB_ACTIONS = "app:15368"
"""The number under which github.com runs workflows: any workflow of the repository posts as it."""
PIPELINE = "pipeline"
"""What GitLab requires in place of a status: that the whole pipeline succeeds."""
_EXTERNAL = "external-check:"
PINNING = {
    "github": "require the workflow by a ruleset of the organisation, or let an App of its own "
    "post the check",
    "gitlab": "take the CI configuration from another project: ci/gate.yml@group/project",
    "gitea": "protect .gitea/workflows/** and .github/workflows/** as files of the branch, or "
    "guard the server with `itil-gate hook install`",
}


def required(guarded: Guarded) -> Check:
    """Judge whether the forge waits for the gate's answer at all."""
    rules, topic = guarded.rules, "required check"
    if rules.checks is None:
        return guarded.unknown(topic, "which checks are required")
    if gates_own(guarded):
        return guarded.say(topic, "OK", f"{_contexts(gates_own(guarded))} is required")
    named = f"; required are {_contexts(rules.checks)}" if rules.checks else ""
    if guarded.kind == "github" and rules.workflow == "pinned":
        message = f"a ruleset requires a workflow, and no check {guarded.context}{named}"
        mend = f"see that the workflow is the gate's, or require {guarded.context} too"
        return guarded.say(topic, "ATTENTION", message, mend)
    message = f"the forge merges without the gate's answer{named}"
    wanted = "a pipeline that succeeds" if guarded.kind == "gitlab" else f"`{guarded.context}`"
    return guarded.say(topic, "FAIL", message, f"require {wanted} on the branch")


def source(guarded: Guarded) -> Check:
    """Judge who can post the check that the forge waits for."""
    topic = "source of the check"
    ours = gates_own(guarded)
    if guarded.rules.checks is None:
        return guarded.unknown(topic, "who must have posted the check")
    if not ours:
        return guarded.say(topic, "ATTENTION", "no check of the gate is required", "see above")
    if any(one.context == PIPELINE and one.source is None for one in ours):
        message = "pipelines of the project answer for the gate: see workflow"
        return guarded.say(topic, "OK", message)
    if any((one.source or "").startswith(_EXTERNAL) for one in ours):
        message = "whoever may approve on GitLab can answer an external check: no source is pinned"
        mend = "few who may approve there, `itil-gate audit reconcile` on a schedule, or pipelines "
        return guarded.say(topic, "ATTENTION", message, f"{mend}that must succeed as well")
    pinned = [one for one in ours if one.source is not None]
    if not pinned:
        message = f"whoever may write can post {guarded.context}: no source is pinned"
        mend = "name the App that must have posted the check"
        if guarded.kind != "github":
            mend = (
                f"{guarded.kind} cannot pin it: few writers, `itil-gate audit reconcile` on a "
                "schedule, or a hook on the server"
            )
        return guarded.say(topic, "ATTENTION", message, mend)
    apart = [one for one in pinned if _is_dedicated(one)]
    if apart:
        return guarded.say(topic, "OK", f"only {_sources(apart)} can post it")
    if guarded.rules.workflow == "pinned":
        message = f"{_sources(pinned)} posts it, and a ruleset says which workflow must pass"
        return guarded.say(topic, "OK", message)
    message = f"{_sources(pinned)} is no App of the gate's own: any workflow may post as it"
    return guarded.say(topic, "ATTENTION", message, PINNING[guarded.kind])


def workflow(guarded: Guarded) -> Check:
    """Judge who can change what judges: a workflow from the head binds nobody (rule 4)."""
    topic, who = "workflow", guarded.rules.workflow
    if who is None:
        return guarded.unknown(topic, "who can change what runs for a pull request")
    if who == "pinned":
        return guarded.say(topic, "OK", "it is taken from where a rule says, not from the head")
    if who == "restricted":
        message = "a rule guards its files: a pull request that edits them is not merged"
        return guarded.say(topic, "OK", message)
    apart = [one for one in gates_own(guarded) if _is_dedicated(one)]
    if apart:
        message = (
            f"writers can change it, and only {_sources(apart)} can post the check; that no "
            "workflow of theirs reaches the App's key cannot be seen from here"
        )
        return guarded.say(topic, "OK", message)
    message = "advisory: a pull request can change the workflow that judges it"
    return guarded.say(topic, "ATTENTION", message, PINNING[guarded.kind])


def gates_own(guarded: Guarded) -> tuple[RequiredCheck, ...]:
    """Return the required checks by which the gate answers."""
    names = {guarded.context, PIPELINE} if guarded.kind == "gitlab" else {guarded.context}
    ours = f"{_EXTERNAL}{guarded.check}"
    return tuple(
        one
        for one in guarded.rules.checks or ()
        if one.source == ours
        or (one.context in names and not (one.source or "").startswith(_EXTERNAL))
    )


def _is_dedicated(check: RequiredCheck) -> bool:
    """Tell whether an App of its own must have posted a check."""
    return bool(check.source and check.source.startswith("app:") and check.source != GITHUB_ACTIONS)


def _contexts(checks: Iterable[RequiredCheck]) -> str:
    return ", ".join(sorted({one.context for one in checks}))


def _sources(checks: Iterable[RequiredCheck]) -> str:
    return ", ".join(sorted({one.source or "anybody" for one in checks}))
