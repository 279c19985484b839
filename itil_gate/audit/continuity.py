"""When the gate was in force on a branch, and when it was not.

A control that is switched off and on again leaves both its ends behind: in the configuration's own
history on the target, and in the log, where what landed meanwhile was recorded late or not at all.
Times are those of commits, which whoever made them wrote; the order of the history is not.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from itil_gate.git.history import refuse_shallow
from itil_gate.git.tree import blob_at
from itil_gate.model.config import CONFIG_PATH
from itil_gate.model.errors import ConfigError, GateError, SourceError
from itil_gate.model.frozen import frozen
from itil_gate.model.policy import Source
from itil_gate.policy.compile import read_config
from itil_gate.reading.yaml import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from itil_gate.decide.deploy_facts import Landed
    from itil_gate.git.view import View

State = Literal["enforced", "audit", "not-governed", "unreadable", "absent"]
LIMIT = 1024 * 1024


@frozen
class Span:
    """A stretch of a branch's first-parent history in one state of its configuration.

    `begins` is the commit that brought the state, `ends` the one that ended it, None if it lasts.
    """

    state: State
    begins: str
    since: datetime
    ends: str | None
    until: datetime | None


@frozen
class Gap:
    """An update that was not recorded when it landed; `index` is its entry."""

    index: int
    before: str
    after: str
    recorded_at: datetime


def spans(view: View, tip: str, *, ref: str) -> tuple[Span, ...]:
    """Return the states of the gate on a branch since it was first adopted, oldest first.

    Neighbours differ in state. Raises HistoryError `history-too-shallow`.
    """
    refuse_shallow(view, None, tip)
    found: list[Span] = []
    for commit, when in _edits(view, tip):
        state = _state(view, commit, ref=ref)
        if found and found[-1].state == state:
            continue
        if not found and state == "absent":
            continue
        if found:
            last = found[-1]
            found[-1] = Span(last.state, last.begins, last.since, commit, when)
        found.append(Span(state, commit, when, None, None))
    return tuple(found)


def gaps(updates: Iterable[Landed]) -> tuple[Gap, ...]:
    """Return the updates that were recorded late: a run was skipped, or the gate was off."""
    return tuple(
        Gap(one.index, one.update.before, one.update.after, one.update.recorded_at)
        for one in updates
        if one.update.late
    )


def _edits(view: View, tip: str) -> Iterator[tuple[str, datetime]]:
    """Yield the first-parent commits that touched the configuration, oldest first."""
    done = view.git(
        *("log", "--first-parent", "--reverse", "--diff-merges=first-parent", "--format=%H %ct"),
        *("--end-of-options", tip, "--", CONFIG_PATH),
    )
    for line in done.out.decode("ascii", "replace").splitlines():
        commit, _, seconds = line.partition(" ")
        try:
            when = datetime.fromtimestamp(int(seconds), tz=UTC)
        except (ValueError, OverflowError, OSError):
            when = datetime.fromtimestamp(0, tz=UTC)
        yield commit, when


def _state(view: View, commit: str, *, ref: str) -> State:
    try:
        data = blob_at(view, commit, CONFIG_PATH, limit=LIMIT)
        if data is None:
            return "absent"
        text = decode(data, file=CONFIG_PATH)
        config = read_config({CONFIG_PATH: Source(path=CONFIG_PATH, blob="0" * 40, text=text)})
    except (ConfigError, SourceError, GateError):
        return "unreadable"
    if ref not in config.targets:
        return "not-governed"
    return "audit" if config.mode == "audit" else "enforced"
