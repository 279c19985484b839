"""What the deploy gate is told about an attempt to release, and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable
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


def in_force(releases: Iterable[Released], environment: str) -> Released | None:
    """Return the last release that succeeded in an environment; None if none ever did."""
    good = [
        one
        for one in releases
        if one.record.environment == environment and one.outcome == "success"
    ]
    return max(good, key=lambda one: one.index, default=None)
