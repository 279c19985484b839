"""Decide again on every logged decision, with the texts that judged it then.

The log holds what was gathered; the judge's texts are read at the tip that the decision names, and
must have the digest that it names. Then the same engine must come to the same bytes. A decision
about a release is judged again from what the log said before it and from the target's history;
overrides are heard again from the copies that the log made of them before it.
What cannot be computed again is said to be so: `not-checked` is no pass and no failure.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import ValidationError

from itil_gate import __version__
from itil_gate.audit.evidence import unverified_statements
from itil_gate.decide.deploy_facts import Attempt
from itil_gate.gather.sources import read_judge
from itil_gate.model.canonical import as_json, digest
from itil_gate.model.errors import GateError
from itil_gate.model.frozen import frozen, replace
from itil_gate.model.record import Copied
from itil_gate.prove.replay import replay
from itil_gate.release.deploying import KINDS, examine, held_of
from itil_gate.release.entries import deploy_of, stored_of
from itil_gate.release.overriding import hear_release, with_overrides
from itil_gate.signing.statement import read_statement

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from itil_gate.git.view import View
    from itil_gate.log.reader import Entry, LogReader
    from itil_gate.model.facts import StatementFact
    from itil_gate.model.policy import Source
    from itil_gate.model.record import DeployDecision, Overriding, Reason
    from itil_gate.release.deploying import Examined

Verdict = Literal["identical", "differs", "engine-differs", "not-checked"]
VERDICTS: tuple[Verdict, ...] = ("identical", "differs", "engine-differs", "not-checked")
MOST_JUDGES = 8
"""Judges' texts that are kept in memory; most decisions in a row are judged by the same."""


@frozen
class Replayed:
    """What came of deciding again on one logged decision."""

    index: int
    verdict: Verdict
    about: str
    """`merge` or `release`."""
    subject: str
    """Changes, or the number of the release."""
    outcome: str
    detail: str = ""


def decisions(
    reader: LogReader, *, since: int = 0, progress: Callable[[int], None] | None = None
) -> Iterator[Entry]:
    """Yield every logged decision from entry `since` on, oldest first."""
    low = since
    while low < reader.size:
        high = min(reader.size, low + 64)
        for entry in reader.entries(range(low, high)):
            if entry.kind == "gate-decision":
                yield entry
        low = high
        if progress is not None:
            progress(low)


class _Before:
    """The log as it was before an entry, for whoever reads it from its end."""

    def __init__(self, reader: LogReader, entries: Sequence[Entry], limit: int) -> None:
        self.entry = reader.entry
        self._entries = entries
        self._limit = limit

    def backwards(self, *, stop: int = 0, kinds: Collection[str] | None = None) -> Iterator[Entry]:
        """Yield entries of these kinds from the newest to number `stop`."""
        for entry in reversed(self._entries):
            if stop <= entry.index < self._limit and (kinds is None or entry.kind in kinds):
                yield entry


class Bench:
    """Decides again; keeps the judges' texts of the last few tips, and what releases rest on."""

    def __init__(self, view: View, reader: LogReader) -> None:
        self._view = view
        self._reader = reader
        self._known: list[Entry] | None = None
        self._judges: dict[str, tuple[Source, ...]] = {}

    def again(self, entry: Entry) -> Replayed:
        """Return what comes of one logged decision, whatever it holds."""
        if entry.statement is None:
            return Replayed(entry.index, "not-checked", "", "", "", "its file was expunged")
        if not entry.believed:
            return Replayed(entry.index, "differs", "", "", "", "no pinned key signed it")
        ours = entry.predicate.get("itilGate", {})
        said = ours.get("decision") or ours.get("deploy") or {}
        about = "merge" if "decision" in ours else "release"
        subject = ", ".join(_names(said.get("changes", ())))
        subject = subject if about == "merge" else str(said.get("nonce", ""))
        outcome = str(said.get("outcome", ""))
        try:
            verdict, detail = self._merge(entry) if about == "merge" else self._release(entry)
        except GateError as error:
            verdict, detail = "not-checked", error.message
        except ValidationError:
            verdict, detail = "not-checked", "another version wrote it, which this one cannot read"
        return Replayed(entry.index, verdict, about, subject, outcome, detail)

    def _merge(self, entry: Entry) -> tuple[Verdict, str]:
        statement: Any = entry.statement
        decision = statement["predicate"]["itilGate"]["decision"]
        judge = self._judge(str(decision["tip"]))
        if digest(judge) != decision["digests"]["judge"]:
            return "differs", f"the judge's data at {decision['tip'][:12]} have another digest"
        stored = stored_of(statement, judge)
        if stored is None:
            return "not-checked", "it is no decision about a merge"
        found = replay(stored)
        wrong = unverified_statements(stored.inputs.facts)
        if wrong:
            return "differs", f"not signed as the stored facts say: {', '.join(wrong)}"
        detail = f"differing: {', '.join(found.differences)}" if found.differences else ""
        if found.result == "engine-differs" and not found.holds:
            by = found.stored.engine
            detail = f"{found.recomputed.outcome} now, {found.stored.outcome} by {by}; {detail}"
            return "differs", detail
        return found.result, detail

    def _release(self, entry: Entry) -> tuple[Verdict, str]:
        statement: Any = entry.statement
        decision = deploy_of(statement)
        if decision is None:
            return "not-checked", "it is no decision of a gate that is known here"
        heard, absent = self._overrides(entry, decision)
        if standing := [one for one in absent if one.counted or one.digest == decision.override]:
            digests = ", ".join(one.digest[:12] for one in standing)
            return (
                "differs",
                f"the log has no good copy of the override that stands in: {digests}",
            )
        version = statement["predicate"].get("verifier", {}).get("version", {}).get("itil-gate")
        examined = examine(
            self._view,
            target=decision.target,
            tip=decision.tip,
            attempt=Attempt(
                environment=decision.environment,
                commit=decision.commit,
                artifact=decision.artifact,
                changes=(),
                now=decision.now,
                backout=decision.backout,
            ),
            known=held_of(self._view, self._before(entry.index), decision.target),
            nonce=decision.nonce,
            deployer=decision.deployer,
            overrides=(),
        )
        taken = {
            reason.rule: reason.model_copy(update={"overridden": False})
            for reason in decision.reasons
            if _unlogged(reason)
        }
        again = _with_reasons(examined.decision, taken)
        if decision.overrides:
            again = self._bent(examined, again, heard, like=decision)
        unheard = [f"override {one.digest[:12]} ({one.code})" for one in absent]
        named = ", ".join([*taken, *unheard])
        note = f"taken from the entry, not found again: {named}" if named else ""
        if as_json(again) == as_json(decision):
            return "identical", note
        names = [
            name
            for name in type(again).model_fields
            if getattr(again, name) != getattr(decision, name)
        ]
        detail = f"differing: {', '.join(names)}"
        same = again.outcome == decision.outcome
        if version != __version__ and same:
            return "engine-differs", detail
        return "differs", detail

    def _overrides(
        self, entry: Entry, decision: DeployDecision
    ) -> tuple[tuple[StatementFact, ...], tuple[Overriding, ...]]:
        """Return the overrides that a decision heard, as signed, and those the log has no copy of.

        Only good statements are copied, so what was refused for its signature is not to be found.
        """
        found, absent = [], []
        for one in decision.overrides:
            place = self._reader.find(decision.repository, "override", one.digest)
            copy = self._reader.entry(place) if place is not None and place < entry.index else None
            item = None
            if copy is not None and copy.kind == "override" and copy.believed and copy.statement:
                said = Copied.model_validate_json(json.dumps(copy.predicate))
                item = read_statement(said.path, said.text.encode("utf-8", "surrogatepass"))
            if item is not None and item.status == "good" and item.digest == one.digest:
                found.append(item)
            else:
                absent.append(one)
        return tuple(found), tuple(absent)

    def _bent(
        self,
        examined: Examined,
        again: DeployDecision,
        heard: Sequence[StatementFact],
        *,
        like: DeployDecision,
    ) -> DeployDecision:
        """Return what a denied decision comes to once its overrides are heard again."""
        entries = {
            one.digest: one
            for one in hear_release(
                self._view,
                heard,
                facts=examined.facts,
                found=replace(examined.findings, reasons=again.reasons),
                policies=examined.policies,
                target=like.target,
            )
        }
        # What was refused for its signature stays as it was told; it stands in for nothing.
        return with_overrides(again, [entries.get(one.digest, one) for one in like.overrides])

    def _before(self, index: int) -> LogReader:
        if self._known is None:
            self._known = list(self._reader.backwards(kinds=KINDS))[::-1]
        return cast("LogReader", _Before(self._reader, self._known, index))

    def _judge(self, tip: str) -> tuple[Source, ...]:
        if tip not in self._judges:
            if len(self._judges) >= MOST_JUDGES:
                self._judges.pop(next(iter(self._judges)))
            self._judges[tip] = read_judge(self._view, tip)
        return self._judges[tip]


def about_change(entries: Iterable[Entry], change: str) -> Iterator[Entry]:
    """Yield the decisions that name a change."""
    for entry in entries:
        ours = entry.predicate.get("itilGate", {})
        said = ours.get("decision") or ours.get("deploy") or {}
        if change in _names(said.get("changes", ())):
            yield entry


def _unlogged(reason: Reason) -> bool:
    """Tell whether a reason rests on what was handed in and is not in the log."""
    named = reason.rule == "change-not-included" and not reason.passed
    return named or (reason.rule == "provenance" and "asserted" not in reason.message)


def _with_reasons(decision: DeployDecision, taken: Mapping[str, Reason]) -> DeployDecision:
    """Return a decision with these reasons in the place of its own."""
    reasons = tuple(taken.get(reason.rule, reason) for reason in decision.reasons)
    outcome = "allow" if all(reason.passed for reason in reasons) else "deny"
    return decision.model_copy(update={"reasons": reasons, "outcome": outcome})


def _names(changes: Any) -> list[str]:
    return [str(one.get("id", "?")) if isinstance(one, dict) else str(one) for one in changes]
