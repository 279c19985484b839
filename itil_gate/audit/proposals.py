"""Find the changes that are open or merged: branches with requests, and requests on the target.

A branch that cannot be judged is told as undecided with the reason; one without common history
with the target, or without a request, proposes nothing and is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.audit.state import (
    DerivedState,
    change_name,
    merged_state,
    proposed_states,
    undecided_state,
)
from itil_gate.decide.gate import decide
from itil_gate.gather.inputs import gather
from itil_gate.gather.sources import read_judge
from itil_gate.git.diff import raw_diff
from itil_gate.git.history import is_ancestor, merge_base
from itil_gate.git.tree import ls_tree, tree_id
from itil_gate.model.change import ChangeRequest
from itil_gate.model.errors import ConfigError, GateError, HistoryError, SourceError
from itil_gate.model.frozen import frozen
from itil_gate.model.statement import APPROVALS_BRANCH
from itil_gate.policy.compile import read_config
from itil_gate.policy.places import is_request_path
from itil_gate.reading.requests import read_request
from itil_gate.reading.yaml import decode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from itil_gate.git.tree import TreeEntry
    from itil_gate.git.view import View
    from itil_gate.model.config import Config

_PLACES = ("refs/heads", "refs/remotes/origin", "refs/pull")


@frozen
class Survey:
    """The states found, sorted by change, and what could not be looked at, in words."""

    states: tuple[DerivedState, ...]
    unread: tuple[str, ...]


def open_changes(
    view: View, *, target: str, tip: str, now: datetime, only: str | None = None
) -> Survey:
    """Return the state of every change that a branch proposes to the target.

    Read are local branches, those of `origin` and heads of pull requests, as far as the target
    does not hold them. With `only` other changes are left out. Raises ConfigError where the
    target is not adopted.
    """
    config = target_config(view, tip)
    states: list[DerivedState] = []
    unread: list[str] = []
    for head, refs in _heads(view, target=target, tip=tip).items():
        try:
            fork = merge_base(view, tip, head)
        except HistoryError as error:
            if error.code != "unrelated-histories":
                unread.append(f"{', '.join(refs)}: {error.message}")
            continue
        diff = raw_diff(view, tree_id(view, fork), tree_id(view, head))
        requests = [
            entry.path
            for entry in diff
            if is_request_path(config, entry.path) and entry.status != "D"
        ]
        if only is not None and only not in map(change_name, requests):
            continue
        if requests:
            states += _judge(view, requests, refs, target=target, tip=tip, head=head, now=now)
    wanted = [state for state in states if only is None or state.change == only]
    ordered = sorted(_newest(view, wanted), key=lambda state: (state.change, state.refs))
    return Survey(tuple(ordered), tuple(unread))


def merged_changes(
    view: View, *, target: str, tip: str, now: datetime, only: str | None = None
) -> tuple[DerivedState, ...]:
    """Return the state of the readable requests on the target; with `only` of that one alone."""
    config = target_config(view, tip)
    entries = [
        entry
        for entry in ls_tree(view, tip, [config.locations.changes])
        if entry.is_file
        and is_request_path(config, entry.path)
        and (only is None or change_name(entry.path) == only)
    ]
    states = []
    for path, change in _requests(view, entries):
        since = _since(view, tip, path, target) if only is not None else f"{path} is on {target}"
        states.append(merged_state(change, path=path, since=since, refs=(target,), now=now))
    return tuple(states)


def target_config(view: View, tip: str) -> Config:
    """Return the configuration at the tip of the target; ConfigError `not-adopted`."""
    return read_config({source.path: source for source in read_judge(view, tip)})


def _heads(view: View, *, target: str, tip: str) -> dict[str, tuple[str, ...]]:
    """Return the refs by the commit they hold, of everything the target does not hold."""
    short = target.removeprefix("refs/heads/")
    approvals = APPROVALS_BRANCH.removeprefix("refs/heads/")
    apart = {f"{place}/{name}" for place in _PLACES[:2] for name in (short, approvals, "HEAD")}
    done = view.git(
        "for-each-ref", f"--no-merged={tip}", "--format=%(objectname) %(refname)%00", *_PLACES
    )
    found: dict[str, list[str]] = {}
    for line in done.out.decode("utf-8", "backslashreplace").split("\0"):
        head, _, ref = line.strip().partition(" ")
        if not ref or ref in apart or (ref.startswith("refs/pull/") and not ref.endswith("/head")):
            continue
        found.setdefault(head, []).append(ref)
    return {head: tuple(sorted(refs)) for head, refs in found.items()}


def _judge(
    view: View,
    requests: list[str],
    refs: tuple[str, ...],
    *,
    target: str,
    tip: str,
    head: str,
    now: datetime,
) -> tuple[DerivedState, ...]:
    try:
        decision = decide(gather(view, target=target, base=tip, head=head, now=now))
    except ConfigError:
        raise
    except GateError as error:
        return undecided_state(error, requests=requests, refs=refs, head=head)
    if decision.merged_tree == tree_id(view, tip):
        return ()  # a squashed or rebased branch: the target holds all of it
    return proposed_states(decision, requests=requests, refs=refs)


def _newest(view: View, states: list[DerivedState]) -> list[DerivedState]:
    """Leave out a version of a change that another branch holds and has gone on from."""
    return [
        state
        for state in states
        if not any(
            other.change == state.change
            and other.head != state.head
            and state.head is not None
            and other.head is not None
            and is_ancestor(view, state.head, other.head)
            for other in states
        )
    ]


def _requests(view: View, entries: list[TreeEntry]) -> Iterable[tuple[str, ChangeRequest]]:
    objects = view.read_many([entry.oid for entry in entries])
    for entry, thing in zip(entries, objects, strict=True):
        try:
            change = read_request(decode(thing.data, file=entry.path), file=entry.path)
        except SourceError:
            continue
        if isinstance(change, ChangeRequest):
            yield entry.path, change


def _since(view: View, tip: str, path: str, target: str) -> str:
    """Say which commit of the target's first-parent history brought a file."""
    done = view.git(
        "log", "--first-parent", "--diff-filter=A", "--format=%H", "-1", tip, "--", path
    )
    commit = done.out.decode("ascii").strip()
    if not commit or commit in view.shallow:
        return f"{path} is on {target}; which commit brought it is not in this clone"
    return f"commit {commit[:12]} brought {path} to {target}"
