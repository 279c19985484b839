"""What the deploy gate is told about an attempt to release, and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.frozen import frozen, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from itil_gate.model.calendar import Interval
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.record import Obligation, Reason, RefUpdate, ReleaseRecord


@frozen
class Landed:
    """An update of the target as the log holds it."""

    index: int
    update: RefUpdate


@frozen
class Released:
    """A release as the log holds it, and how it ended; None while it has not."""

    index: int
    record: ReleaseRecord
    outcome: str | None


@frozen
class Provenance:
    """What a verified provenance attestation says."""

    builder: str
    artifacts: frozenset[str]
    commits: frozenset[str]
    fault: str = ""
    """Why it proves nothing; empty if its signature is that of a listed builder."""


@frozen
class Attempt:
    """Who wants to release what, where, when."""

    environment: str
    commit: str
    artifact: str
    changes: tuple[str, ...]
    now: datetime
    backout: bool


@frozen
class DeployFacts:
    """What is known about an attempt."""

    attempt: Attempt
    on_target: bool
    """Whether the commit lies on the target's first-parent history."""
    steps: tuple[tuple[str, str], ...]
    """That history since the release in force as (before, after), oldest first."""
    backward: bool
    """Whether the commit lies before the one in force."""
    updates: tuple[Landed, ...]
    """The log's updates of the target, oldest first, at least those of `steps`."""
    releases: tuple[Released, ...]
    """Releases of the log, oldest first: all of this environment and of this artefact."""
    requests: tuple[ChangeRequest, ...]
    """The requests of the changes in `steps`, as the last authorised update left each."""
    paths: tuple[str, ...] = ()
    """What the steps change."""
    provenance: Provenance | None = None
    debts: tuple[Obligation, ...] = ()
    """Obligations that nobody met."""
    forward: bool = False
    """Whether the commit follows the one in force; False for both where neither follows."""
    lost: str | None = None
    """The commit where the log was opened, if the commit's line of first parents lacks it."""
    again: tuple[Landed, ...] = ()
    """What brought the commit there, where the steps change nothing and the artefact is new."""


@frozen
class DeployFindings:
    """What the gate found: every reason, and what the release would bring."""

    reasons: tuple[Reason, ...]
    updates: tuple[int, ...]
    changes: tuple[str, ...]
    windows: tuple[Interval, ...]
    gaps: tuple[tuple[str, str], ...] = ()
    """Steps that nobody recorded."""

    @property
    def failed(self) -> tuple[Reason, ...]:
        """The rules that speak against it."""
        return tuple(reason for reason in self.reasons if not reason.passed)


def changing(updates: Iterable[RefUpdate]) -> bool:
    """Tell whether one of these updates changes a file, for all that is recorded of it."""
    return any(one.standing != "unchanged" for one in updates)


def runs_already(attempt: Attempt, releases: Iterable[Released]) -> bool:
    """Tell whether this very artefact of this very commit is what runs there."""
    runs = in_force(releases, attempt.environment)
    there = (runs.record.artifact, runs.record.commit) if runs is not None else None
    return there == (attempt.artifact, attempt.commit)


def brought_before(
    attempt: Attempt, releases: Iterable[Released], updates: Sequence[Landed]
) -> tuple[Landed, ...]:
    """Return the updates by which the commit of the release in force came there, as recorded last.

    None where that very artefact runs there. An emergency is none any more: it has been released.
    """
    there = tuple(releases)
    runs = in_force(there, attempt.environment)
    if runs is None or runs_already(attempt, there):
        return ()
    same = [
        one
        for one in there
        if one.record.environment == attempt.environment
        and one.record.commit == runs.record.commit
        and one.outcome == "success"
        and one.record.updates
    ]
    brought = max(same, key=lambda one: one.index).record.updates if same else ()
    return tuple(
        replace(one, update=one.update.model_copy(update={"urgent": False}))
        for one in updates
        if one.index in brought and changing([one.update])
    )


def in_force(releases: Iterable[Released], environment: str) -> Released | None:
    """Return the last release that succeeded in an environment; None if none ever did."""
    good = [
        one
        for one in releases
        if one.record.environment == environment and one.outcome == "success"
    ]
    return max(good, key=lambda one: one.index, default=None)
