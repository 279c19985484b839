"""What a verification found: a verdict for every check, and where and since when something is bad.

A check is `ok`, `bad` or `not checked`, and never silently left out. What is not checked says why;
what is bad names the first places, counts the others, and says from which entry on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.log.checkpoint import Checkpoint

State = Literal["ok", "bad", "not checked"]
SHOWN = 20
"""Faults of one check that are kept; the others are counted."""


@frozen
class Fault:
    """One thing that is not as it must be: what, and where as far as that can be told."""

    message: str
    index: int | None = None
    path: str | None = None
    commit: str | None = None

    @property
    def place(self) -> str:
        """The place in words; empty if it is the log as a whole."""
        places = [
            f"entry {self.index}" if self.index is not None else "",
            self.path or "",
            f"commit {self.commit[:12]}" if self.commit else "",
        ]
        return ", ".join(filter(None, places))


@frozen
class Verdict:
    """What came of one check.

    `looked` counts what was looked at (`unit` says what), `bad` the faults, of which `faults` are
    the first. `since` is the first entry that is bad, None where it is not an entry. `detail` says
    why something was not checked, or what was.
    """

    check: str
    state: State
    looked: int
    unit: str
    bad: int
    faults: tuple[Fault, ...]
    since: int | None
    detail: str


@frozen
class Verification:
    """All verdicts about a log, in the order of the checks.

    `checkpoint` is None where none could be believed; `since` is what the log was verified from.
    """

    origin: str
    checkpoint: Checkpoint | None
    since: Checkpoint | None
    verdicts: tuple[Verdict, ...]

    @property
    def tampered(self) -> bool:
        """Whether any check is bad."""
        return any(one.state == "bad" for one in self.verdicts)

    def verdict(self, check: str) -> Verdict:
        """Return the verdict of a check by its name. Raises KeyError."""
        for one in self.verdicts:
            if one.check == check:
                return one
        raise KeyError(check)


class Check:
    """A check while it goes on: faults and counts are added, then `verdict` sums up."""

    def __init__(self, name: str, unit: str) -> None:
        self.name = name
        self.unit = unit
        self.looked = 0
        self.bad = 0
        self.detail = ""
        self._faults: list[Fault] = []
        self._since: int | None = None
        self._skipped = False

    def fault(
        self,
        message: str,
        *,
        index: int | None = None,
        path: str | None = None,
        commit: str | None = None,
    ) -> None:
        """Add something that is bad."""
        self.bad += 1
        if index is not None:
            self._since = index if self._since is None else min(self._since, index)
        if len(self._faults) < SHOWN:
            self._faults.append(Fault(message, index, path, commit))

    def skip(self, why: str) -> None:
        """Say that it was not checked, or not all of it; a fault that was found still counts."""
        self._skipped = True
        self.detail = why

    def verdict(self) -> Verdict:
        """Return what came of it."""
        state: State = "not checked" if self._skipped else "ok"
        return Verdict(
            check=self.name,
            state="bad" if self.bad else state,
            looked=self.looked,
            unit=self.unit,
            bad=self.bad,
            faults=tuple(self._faults),
            since=self._since,
            detail=self.detail,
        )


def merged(parts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Return verdicts in their order; of several about one check the bad ones count."""
    found: dict[str, Verdict] = {}
    for one in parts:
        known = found.get(one.check)
        if known is None or (known.state != "bad" and one.state == "bad"):
            found[one.check] = one
    return tuple(found.values())
