"""Judge what is pushed to a plain git server, one answer for each ref of the push.

Branches that the default branch's configuration names, and the default branch itself, move only to
what the gate lets in, judged by the policies at their present tip. The branches of approvals and
of the audit log only grow. Everything else passes. What cannot be decided is an answer too, and no
answer passes for want of one. Nothing is written: whoever asks may stand in git's quarantine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from itil_gate.decide.gate import decide
from itil_gate.gather.inputs import gather
from itil_gate.gather.landing import first_parents
from itil_gate.gather.sources import read_judge
from itil_gate.git.diff import raw_diff
from itil_gate.git.history import is_ancestor, read_commit
from itil_gate.git.names import read_head, ref_tip
from itil_gate.git.objects import is_oid
from itil_gate.git.server import symbolic_refs
from itil_gate.git.tree import tree_id
from itil_gate.model.errors import ConfigError, GateError, HistoryError
from itil_gate.model.frozen import frozen
from itil_gate.model.record import AUDIT_BRANCH
from itil_gate.model.statement import APPROVALS_BRANCH
from itil_gate.policy.compile import read_config

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from itil_gate.git.view import View
    from itil_gate.log.verdict import Fault
    from itil_gate.model.config import Config
    from itil_gate.model.decision import Decision, Outcome
    from itil_gate.model.facts import Inputs

GROWING = (APPROVALS_BRANCH, AUDIT_BRANCH)
"""Branches that only grow."""
_COPY = re.compile(r"refs/remotes/.*", re.DOTALL)
_PARENTS_OF_A_MERGE = 2


@frozen
class Push:
    """One ref of a push: what it held and what it shall hold, None for no ref."""

    old: str | None
    new: str | None
    ref: str


@frozen
class Answer:
    """What the gate says to one ref of a push.

    `code` and `message` say why where it is not the decision that does, `hint` what to do. Only
    `passes` lets it in.
    """

    push: Push
    outcome: Outcome
    passes: bool
    decision: Decision | None = None
    code: str = ""
    message: str = ""
    hint: str = ""


def read_pushes(said: bytes) -> tuple[Push, ...]:
    """Return what git tells a hook: `old new ref`, one ref a line.

    Raises GateError `bad-push` for anything else, and for nothing at all.
    """
    pushes = []
    for line in said.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n"):
        old, _, rest = line.partition(" ")
        new, _, ref = rest.partition(" ")
        if not (is_oid(old) and is_oid(new) and ref.startswith("refs/")):
            raise GateError(
                "bad-push",
                f"{line[:200]!r} is not what git tells a hook: old and new id, and the ref",
                hint="git runs this command as its hook; `itil-gate hook install` sets that up",
            )
        pushes.append(Push(_or_none(old), _or_none(new), ref))
    return tuple(pushes)


def judge_pushes(view: View, pushes: Sequence[Push], *, now: datetime) -> tuple[Answer, ...]:
    """Return an answer for each ref of a push, in the order given.

    Raises HistoryError where the repository itself cannot be read.
    """
    court = _Court(view, pushes, now=now)
    return tuple(court.answer(push) for push in pushes)


def governed_pushes(view: View, pushes: Iterable[Push]) -> tuple[Push, ...]:
    """Return the refs of a push that are governed, by their own names, as they stand now."""
    guard = _guard(view)
    real = symbolic_refs(view)
    found = (Push(one.old, one.new, real.get(one.ref, one.ref)) for one in pushes)
    return tuple(one for one in found if one.old and one.new and guard.governs(one.ref))


def hear(view: View, push: Push, *, now: datetime) -> tuple[Inputs, Decision]:
    """Gather and decide about moving a branch from its tip to what is pushed.

    Where that is a merge of the tip with one other commit, and holds nothing but what merging the
    two gives, the other commit is decided upon: it is what people look at and approve. Raises
    GateError as `gather` and `decide` do.
    """
    old, new = push.old or "", push.new or ""
    commit = read_commit(view, new)
    if commit.parents[:1] == (old,) and len(commit.parents) == _PARENTS_OF_A_MERGE:
        inputs = gather(
            view, target=push.ref, base=old, head=commit.parents[1], now=now, binding=True
        )
        if inputs.facts.merged_tree == commit.tree:
            return inputs, decide(inputs)
    inputs = gather(view, target=push.ref, base=old, head=new, now=now, binding=True)
    return inputs, decide(inputs)


@frozen
class _Guard:
    """Which branches are governed; `fault` is why that is not known, and then all may be."""

    names: frozenset[str]
    fault: GateError | None = None
    config: Config | None = None

    def governs(self, ref: str) -> bool:
        return ref in self.names or (self.fault is not None and ref.startswith("refs/heads/"))

    def resembles(self, ref: str) -> str | None:
        """Return the guarded branch that a ref differs from only in case."""
        small = ref.casefold()
        every = (*self.names, *GROWING)
        return next((name for name in every if name != ref and name.casefold() == small), None)


def _guard(view: View) -> _Guard:
    home = read_head(view)
    if is_oid(home):
        raise HistoryError(
            "no-default-branch",
            "HEAD of this repository names no branch, so nobody knows which one is governed",
            hint="on the server: `git symbolic-ref HEAD refs/heads/main`",
        )
    tip = ref_tip(view, home)
    if tip is None:
        # Perhaps HEAD names the wrong branch, and the one that everybody pushes to is another.
        return _Guard(frozenset({home}), _not_begun(home, "is the default branch and not here"))
    try:
        config = read_config({source.path: source for source in read_judge(view, tip)})
    except GateError as error:
        # Without a configuration that loads, any branch may be one of those that are governed.
        return _Guard(frozenset({home}), error)
    return _Guard(frozenset({home, *config.targets}), config=config)


class _Court:
    """Answers to the refs of one push, which all see the repository as it was before it."""

    def __init__(self, view: View, pushes: Sequence[Push], *, now: datetime) -> None:
        self._view = view
        self._now = now
        self._coming = {push.ref: push.new for push in pushes}
        self._guard = _guard(view)
        self._real: Mapping[str, str] = symbolic_refs(view)

    def answer(self, push: Push) -> Answer:
        ref = self._real.get(push.ref, push.ref)
        named = Push(push.old, push.new, ref)
        try:
            return self._answer(named)
        except GateError as error:
            return _undecided(named, error)

    def _answer(self, push: Push) -> Answer:
        if twin := self._guard.resembles(push.ref):
            return _refused(
                push,
                "name-in-the-way",
                f"it differs from {twin} only in case, and some file systems hold them for one",
                hint="take another name",
            )
        if _COPY.fullmatch(push.ref):
            return _refused(
                push,
                "name-in-the-way",
                "it would be read as the copy of a branch, which a server has none of",
                hint="push to the branch itself",
            )
        if push.ref in GROWING:
            return self._growing(push)
        if not self._guard.governs(push.ref):
            return Answer(push, "allow", passes=True)
        if self._guard.fault is not None:
            raise self._guard.fault
        return self._governed(push)

    def _growing(self, push: Push) -> Answer:
        refusal = self._moves_on(push)
        if refusal is not None:
            return refusal
        if push.new and push.ref == AUDIT_BRANCH and (altered := self._altered(push.old, push.new)):
            return _refused(
                push,
                "log-altered",
                f"{altered.place}: {altered.message}" if altered.place else altered.message,
                hint="the audit log only grows, by commits that its keys sign: record with "
                "`itil-gate`, and let nobody else push there",
            )
        if push.old and push.new and push.ref == APPROVALS_BRANCH:
            # Who may write could else take a rejection away without rewriting history.
            trees = (tree_id(self._view, push.old), tree_id(self._view, push.new))
            lost = [one.path for one in raw_diff(self._view, *trees) if one.status != "A"]
            if lost:
                return _refused(
                    push,
                    "statement-lost",
                    f"{lost[0]} would be removed or rewritten, and statements are only added",
                    hint="take one's own statement back with `itil-gate withdraw`",
                )
        return Answer(push, "allow", passes=True)

    def _altered(self, old: str | None, new: str) -> Fault | None:
        """Return what a push does to the log beside making it grow; see `growth_fault`.

        Before anything is adopted, and while no keys are pinned, nothing rests on the log.
        """
        fault = self._guard.fault
        if fault is not None and fault.code != "not-adopted":
            raise fault
        if self._guard.config is None:
            return None
        from itil_gate.release.log_growth import growth_fault  # noqa: PLC0415 - few pushes need it

        return growth_fault(self._view, self._guard.config, old=old, new=new)

    def _governed(self, push: Push) -> Answer:
        refusal = self._moves_on(push)
        if refusal is not None:
            return refusal
        if push.old is None:
            raise _not_begun(push.ref, "is governed and has no tip whose policies could judge")
        if refusal := self._adopts(push):
            return refusal
        _, decision = hear(self._view, push, now=self._now)
        passes = decision.outcome in ("allow", "overridden")
        # Audit mode reports what it would refuse, and refuses nothing.
        reported = not decision.enforced and decision.outcome in ("deny", "pending")
        return Answer(push, decision.outcome, passes=passes or reported, decision=decision)

    def _adopts(self, push: Push) -> Answer | None:
        """Refuse to guard a branch by policies that somebody put there while nobody looked.

        A branch is judged by its own policies. When the default branch first lists it, they have to
        be those of the default branch, as it is or as it will be. Those of an older commit of its
        line are not enough: between two tips that were judged a fast-forward brings commits of its
        author, and nobody judged what they say.
        """
        view, new = self._view, push.new or ""
        if push.ref != read_head(view):
            return None
        try:
            judge = read_judge(view, new)
            targets = read_config({source.path: source for source in judge}).targets
        except GateError:  # the decision says so
            return None
        for name in (one for one in targets if one not in self._guard.names):
            tip = self._coming.get(name, ref_tip(view, name))
            if tip is None:
                continue
            try:
                theirs = read_judge(view, tip)
            except GateError:  # nothing can be judged there, so nothing is let in
                continue
            if theirs not in (judge, read_judge(view, push.old or "")):
                return _refused(
                    push,
                    "branch-unvetted",
                    f"{name} would be judged by policies at {tip[:12]} that came there unjudged: "
                    f"they are not those of {push.ref}",
                    hint=f"give it the policies of {push.ref}, or make it anew from there, and "
                    "then push the configuration that lists it",
                )
        return None

    def _moves_on(self, push: Push) -> Answer | None:
        """Refuse what does not add to a branch: its removal, a rewind, a tip it does not have."""
        view, ref = self._view, push.ref
        if push.new is None:
            return _refused(
                push, "branch-removed", "this branch is never removed", hint="leave it as it is"
            )
        tip = ref_tip(view, ref)
        if tip != push.old:
            raise HistoryError(
                "branch-moved",
                f"{ref} is at {(tip or 'no commit')[:12]} and not where this push begins",
                hint="`git fetch`, then push again",
            )
        if push.old is None:
            return None
        if not is_ancestor(view, push.old, push.new):
            return _refused(
                push,
                "branch-rewound",
                f"{push.new[:12]} does not descend from its tip {push.old[:12]}",
                hint="`git fetch`, then bring the change on top of the tip; force does not help",
            )
        if ref not in GROWING and first_parents(view, push.old, push.new) is None:
            return _refused(
                push,
                "branch-sidelined",
                f"its tip {push.old[:12]} is not on the first-parent line of {push.new[:12]}",
                hint="merge the change into the branch, not the branch into the change: "
                "`git switch BRANCH`, then `git merge --no-ff CHANGE`",
            )
        return None


def _not_begun(ref: str, why: str) -> ConfigError:
    return ConfigError(
        "not-adopted",
        f"{ref} {why}",
        hint="an administrator begins it on the server, past the hook: "
        "`git fetch CLONE BRANCH:BRANCH`; `git symbolic-ref HEAD` says which branch is the default",
    )


def _refused(push: Push, code: str, message: str, *, hint: str) -> Answer:
    return Answer(push, "deny", passes=False, code=code, message=message, hint=hint)


def _undecided(push: Push, error: GateError) -> Answer:
    return Answer(
        push, "undecided", passes=False, code=error.code, message=error.message, hint=error.hint
    )


def _or_none(oid: str) -> str | None:
    return oid if oid.strip("0") else None
