"""Whether the rules of a forge let somebody walk round the gate: judgement over what was read.

Pure: the rules of a branch in, checks out. What could not be read is NOT KNOWN, with the permission
that would show it, and never OK; what a forge does not tell at all is said to be so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.audit.forge_answer import gates_own, required, source, workflow
from itil_gate.audit.guarded import deletion, force_push, unbound

if TYPE_CHECKING:
    from collections.abc import Callable

    from itil_gate.audit.checked import Check
    from itil_gate.audit.guarded import Guarded

_MINUTE = "%Y-%m-%d %H:%M"


def judge_target(guarded: Guarded) -> tuple[Check, ...]:
    """Return the checks of a branch that the gate guards, in a fixed order.

    A branch without any rule has one check only: everything else follows from it.
    """
    rules = guarded.rules
    if rules.protected is False:
        message = "no rule binds it: whoever may write can push to it, and the gate is not asked"
        return (guarded.say("protection", "FAIL", message, "protect the branch on the forge"),)
    if rules.protected is None:
        first = guarded.unknown("protection", "whether any rule binds the branch")
    else:
        first = guarded.say("protection", "OK", "rules of the forge bind it")
    return (first, *(judge(guarded) for judge in _LOOKS))


def judge_books(guarded: Guarded, *, holds: str) -> tuple[Check, ...]:
    """Return the checks of a branch that holds evidence: it only ever grows, by pushes.

    `holds` says what would be lost: "approvals and rejections".
    """
    rules = guarded.rules
    if rules.protected is False:
        message = f"no rule binds it: whoever may write can drop {holds}"
        mend = "forbid force-push and deletion of the branch on the forge"
        return (guarded.say("protection", "FAIL", message, mend),)
    checks = [force_push(guarded), deletion(guarded)]
    if guarded.kind != "gitea":  # there, who may push past a rule may not rewrite
        checks.append(unbound(guarded, f"may drop {holds} all the same"))
    bound = bool(rules.checks) and guarded.kind == "github"
    if bound or (rules.pull_required and not rules.bypass):
        why = "a check is required of every push" if bound else "changes come by pull request only"
        message = f"{why}: nothing can be added to it"
        mend = "leave this branch out of that rule; forbid force-push and deletion only"
        checks.append(guarded.say("pushes", "ATTENTION", message, mend))
    return tuple(checks)


def _pushes(guarded: Guarded) -> Check:
    topic = "direct pushes"
    if guarded.rules.pull_required is None:
        return guarded.unknown(topic, "whether the branch can be pushed to")
    if guarded.rules.pull_required:
        return guarded.say(topic, "OK", "changes come by pull request only")
    mend = "let changes come by pull request only"
    if guarded.kind == "github" and gates_own(guarded):
        message = "a commit whose check has passed can be pushed, without a pull request"
        return guarded.say(topic, "ATTENTION", message, mend)
    message = "whoever may write can push to it, and the gate is not asked"
    return guarded.say(topic, "FAIL", message, mend)


def _bypass(guarded: Guarded) -> Check:
    return unbound(guarded, "may pass the rules, and audit reconcile shows it only afterwards")


def _admins(guarded: Guarded) -> Check:
    topic = "administrators"
    if guarded.rules.admins_included is None:
        return guarded.unknown(topic, "whether the rules bind administrators")
    if guarded.rules.admins_included:
        return guarded.say(
            topic, "OK", "the rules bind them too, until one of them edits the rules"
        )
    message = "the rules do not bind them: they merge over the gate"
    return guarded.say(topic, "ATTENTION", message, "include administrators")


def _stale(guarded: Guarded) -> Check:
    topic = "stale reviews"
    if guarded.rules.dismiss_stale is None:
        return guarded.unknown(topic, "what a push does to approvals")
    if guarded.rules.dismiss_stale:
        return guarded.say(topic, "OK", "a push takes approvals back")
    message = (
        "an approval stays after a push: the forge counts it, and shows it, though the gate does "
        "not count it for other content"
    )
    return guarded.say(topic, "ATTENTION", message, "dismiss stale approvals on a push")


def _up_to_date(guarded: Guarded) -> Check:
    topic, rules = "up to date", guarded.rules
    if rules.strict_checks or rules.merge_queue:
        how = "a merge queue checks again" if rules.merge_queue else "the head must contain it"
        return guarded.say(topic, "OK", f"when the branch has moved, {how}")
    if rules.strict_checks is None or rules.merge_queue is None:
        return guarded.unknown(topic, "whether the check is made again when the branch has moved")
    message = "a check that passed before the branch moved counts, by rules that may hold no more"
    mend = "require heads to be up to date, or use a merge queue"
    return guarded.say(topic, "ATTENTION", message, mend)


def _methods(guarded: Guarded) -> Check:
    topic, rules = "merge methods", guarded.rules
    if rules.merge_methods is None:
        return guarded.unknown(topic, "which merge methods are on")
    on = [*rules.merge_methods, *(["queue"] if rules.merge_queue else [])]
    if not on:
        message = "none is on: nothing can be merged on the forge"
        return guarded.say(topic, "ATTENTION", message, "switch one on")
    untold = " (whether a queue is on too is not told)" if rules.merge_queue is None else ""
    message = f"{', '.join(on)}: `check --merged` proves each by its content{untold}"
    return guarded.say(topic, "OK", message)


def _signed(guarded: Guarded) -> Check:
    topic, rules = "signed commits", guarded.rules
    if rules.signed_commits is None:
        return guarded.unknown(topic, "whether commits must be signed")
    if not rules.signed_commits:
        message = "are not asked for; what lands is proved by its content, not by signatures"
        return guarded.say(topic, "OK", message)
    if rules.merge_queue:
        message = "are required, and a merge queue makes commits that may be unsigned: it blocks"
        mend = "let the queue merge or squash, not rebase, and try it; or drop one of the two"
        return guarded.say(topic, "ATTENTION", message, mend)
    if rules.merge_queue is None or rules.merge_methods is None:
        return guarded.unknown(topic, "whether a queue or a rebase makes commits unsigned")
    if "rebase" in rules.merge_methods:
        message = "are required, and a rebase on the forge makes commits that nobody signed"
        mend = "switch rebase off for the branch"
        return guarded.say(topic, "ATTENTION", message, mend)
    return guarded.say(topic, "OK", "are required, and no merge method makes unsigned ones")


_GAPS = {
    "unsigned": "branch protection asks no commit for a signature",
    "unsigned-elsewhere": "commits that another branch holds are not asked for a signature",
    "unchecked": "the required checks are not asked for",
}


def _creation(guarded: Guarded) -> Check:
    """Judge a branch that is made anew: rulesets and branch protection differ there."""
    topic, gaps = "made anew", guarded.rules.on_creation
    if gaps is None:
        return guarded.unknown(topic, "what the branch may hold when it is made anew")
    if not gaps:
        return guarded.say(topic, "OK", "the same rules hold when the branch is made anew")
    message = f"when the branch is made anew, {' and '.join(_GAPS[gap] for gap in gaps)}"
    if guarded.rules.deletion is False:
        return guarded.say(topic, "OK", f"{message}; it cannot be deleted")
    mend = "forbid deletion, and restrict who makes branches of this name"
    return guarded.say(topic, "ATTENTION", message, mend)


def _changed(guarded: Guarded) -> Check:
    """Judge when the rules were changed: off, merge, on again shows as a change and no record."""
    topic, changed, recorded = "changes of the rules", guarded.rules.changed_at, guarded.recorded_at
    if changed is None:
        return guarded.unknown(topic, "when the rules were last changed")
    when = f"last on {changed:{_MINUTE}}"
    if recorded is None:
        message = (
            f"{when}, and no landing is on record here: what came while they were off is unseen"
        )
        mend = "itil-gate log init, then check --merged --record on every push"
        return guarded.say(topic, "ATTENTION", message, mend)
    if changed > recorded:
        message = (
            f"{when}, after the newest landing on record ({recorded:{_MINUTE}}): were they off "
            "meanwhile, it is not told"
        )
        return guarded.say(topic, "ATTENTION", message, "itil-gate audit reconcile")
    message = f"{when}; what landed until {recorded:{_MINUTE}} is on record"
    return guarded.say(topic, "OK", message)


_LOOKS: tuple[Callable[[Guarded], Check], ...] = (
    *(required, source, _pushes, force_push, deletion, _bypass, _admins, _stale),
    *(_up_to_date, workflow, _methods, _signed, _creation, _changed),
)
