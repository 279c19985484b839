"""The way back: a signed correction of an update that the rules could not let in.

A rule set that nobody can satisfy must not lock out its own repair. An administrator merges it, and
somebody who held the recovery role when the log was opened says why, signed. Role and people are
those of the commit at which the log was opened, not today's: who took the policies over since
cannot name themselves. A correction is about exactly one recorded, unauthorised update. It makes
that one overridden, never authorised, and it owes what every override owes.
"""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from pydantic import ValidationError

from itil_gate.decide.coverage import NO_SERVICE
from itil_gate.decide.deploy_facts import Landed
from itil_gate.decide.roster import build_roster
from itil_gate.gather.sources import read_judge
from itil_gate.gather.statements import approval_tips, list_statements, read_statements
from itil_gate.model.errors import GateError
from itil_gate.model.frozen import frozen
from itil_gate.model.record import Copied, Correction, LogOpened, RefUpdate
from itil_gate.model.statement import CORRECTION_FOLDER
from itil_gate.policy.compile import compile_policies
from itil_gate.release.deploying import known_of
from itil_gate.release.entries import copy_event, plain_event, update_event
from itil_gate.release.obligations import obligations_for
from itil_gate.release.overriding import copied
from itil_gate.signing.statement import read_statement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from itil_gate.decide.roster import Roster
    from itil_gate.git.view import View
    from itil_gate.log.append import Event
    from itil_gate.log.reader import LogReader
    from itil_gate.model.facts import StatementFact
    from itil_gate.release.books import Books

CLOCK_SKEW = timedelta(minutes=5)


@frozen
class Recovery:
    """Who may correct: the role and the people of the commit at which the log was opened."""

    repository: str
    target: str
    role: str | None
    roster: Roster
    updates: tuple[Landed, ...]
    now: datetime


@frozen
class Heard:
    """A correction as received; `update` is what it corrects if it counts."""

    item: StatementFact
    person: str | None
    code: str
    detail: str
    update: Landed | None = None


def recovery_of(
    view: View,
    *,
    adopted: str,
    target: str,
    repository: str,
    updates: Sequence[Landed],
    now: datetime,
) -> Recovery:
    """Return who may correct. Raises GateError `recovery-unreadable`.

    `adopted` is the commit at which the log was opened, `updates` are those of the log.
    """
    try:
        policies = compile_policies(read_judge(view, adopted))
    except GateError as error:
        raise GateError(
            "recovery-unreadable",
            f"the policies at {adopted[:12]}, where the log was opened, cannot be read: "
            f"{error.message}",
            hint="fetch the whole history of the target",
        ) from error
    return Recovery(
        repository=repository,
        target=target,
        role=policies.config.recovery,
        roster=build_roster(policies.people),
        updates=tuple(updates),
        now=now,
    )


def hear(items: Sequence[StatementFact], recovery: Recovery) -> tuple[Heard, ...]:
    """Return every correction with what is wrong with it, sorted by digest."""
    return tuple(_heard(item, recovery) for item in sorted(items, key=lambda one: one.digest))


def record_corrections(books: Books, view: View, *, target: str) -> tuple[Heard, ...]:
    """Record the corrections on the approvals branch that are not recorded yet.

    For each that counts: its statement, the correction, the update once more as overridden, and
    what is owed for it. Returns all that were heard. Raises LogError and GateError as `record` and
    `recovery_of` do.
    """
    tips = approval_tips(view)
    folders = list_statements(view, tips) if tips else {}
    items = read_statements(view, folders.get(CORRECTION_FOLDER, ()))
    if not items:
        return ()
    name, now = books.config.repository, books.now
    with books.reading() as reader:
        known = known_of(reader, target)
        recorded = {
            item.digest
            for item in items
            if reader.find(name, "correction", item.digest) is not None
        }
        copies = {
            item.digest for item in items if reader.find(name, "approval", item.digest) is not None
        }
    recovery = recovery_of(
        view,
        adopted=known.adopted,
        target=target,
        repository=name,
        updates=known.updates,
        now=now,
    )
    heard = hear([item for item in items if item.digest not in recorded], recovery)
    for one in heard:
        if one.update is None or one.person is None or one.item.correction is None:
            continue
        if one.item.digest not in copies:
            kept = copied([one.item], repository=name, roster=recovery.roster, tip=tips[0], now=now)
            books.write([copy_event(each) for each in kept])
        said = one.item.correction
        correction = Correction(
            repository=name,
            corrects=one.update.index,
            statement=one.item.digest,
            reason=said.reason,
            by=one.person,
        )
        event = plain_event(
            "correction", one.item.digest, correction, subject={"sha256": one.item.digest}
        )
        edits = {
            "standing": "overridden",
            "reason": f"corrected by {one.person}: {said.reason}"[:2000],
            "recorded_at": now,
        }
        plain = one.update.update.model_copy(update=edits)
        # One append: a correction that nothing follows would never be heard again.
        at, source = books.write(partial(_corrected, event, plain)).indices
        update = plain.model_copy(update={"correction": at})
        owners = dict.fromkeys(update.changes or (update.after,), one.person)
        books.write(obligations_for(update, source=source, config=books.config, owners=owners))
    return heard


def _corrected(event: Event, update: RefUpdate, size: int) -> list[Event]:
    """Return a correction that will be entry `size`, and the update that then rests on it."""
    return [event, update_event(update.model_copy(update={"correction": size}))]


def correction_fault(view: View, reader: LogReader, *, entry: int) -> str:
    """Return why an overridden update of the log is not corrected; empty if it is.

    `entry` is that of the update. Everything is taken from the log: the correction that it names,
    the unauthorised update which that corrects, and the signed statement that was copied; who may
    correct from the commit at which the log was opened.
    """
    try:
        return _fault(view, reader, entry=entry)
    except ValidationError:
        return "an entry that it rests on is not as this version writes it"


def _fault(view: View, reader: LogReader, *, entry: int) -> str:
    update = RefUpdate.model_validate_json(json.dumps(reader.entry(entry).predicate))
    opened = LogOpened.model_validate_json(json.dumps(reader.entry(0).predicate))
    at = update.correction
    if at is None or at >= entry or update.standing != "overridden":
        return "it rests on no correction before it"
    said = reader.entry(at)
    if said.kind != "correction" or not said.believed:
        return f"entry {at} is no correction that is believed"
    correction = Correction.model_validate_json(json.dumps(said.predicate))
    if correction.corrects is None or correction.corrects >= at:
        return f"entry {at} corrects nothing before it"
    first = reader.entry(correction.corrects)
    if first.kind != "ref-update" or not first.believed:
        return f"entry {correction.corrects}, which it corrects, is no update"
    wrong = RefUpdate.model_validate_json(json.dumps(first.predicate))
    digest = correction.statement or ""
    place = reader.find(opened.repository, "approval", digest)
    if wrong.ref != update.ref or place is None:
        return f"the statement that entry {at} rests on is not in the log"
    copy = Copied.model_validate_json(json.dumps(reader.entry(place).predicate))
    item = read_statement(copy.path, copy.text.encode())
    if item.digest != digest or item.correction is None:
        return f"the statement that entry {at} rests on is {item.status}"
    if (item.correction.before, item.correction.after) != (update.before, update.after):
        return f"the statement that entry {at} rests on is about another update"
    recovery = recovery_of(
        view,
        adopted=opened.adopted,
        target=update.ref,
        repository=opened.repository,
        updates=[Landed(correction.corrects, wrong)],
        now=update.recorded_at,
    )
    heard = _heard(item, recovery)
    return "" if heard.update is not None else f"{heard.code}: {heard.detail}"


def _heard(item: StatementFact, recovery: Recovery) -> Heard:
    said = item.correction
    if item.status != "good" or said is None:
        code: str = item.status if item.status != "good" else "malformed"
        return Heard(item, None, code, item.detail)
    person = recovery.roster.by_key.get(item.fingerprint or "")
    if person is None:
        detail = f"the key {item.fingerprint} was nobody's when the log was opened"
        return Heard(item, None, "unknown-key", detail)
    name, role = person.id, recovery.role
    if name != said.signer:
        detail = f"it speaks for {said.signer}, but the key belongs to {name}"
        return Heard(item, name, "signer-mismatch", detail)
    for code, is_about, is_here in (
        ("not-this-repository", said.repository, recovery.repository),
        ("not-this-target", said.target, recovery.target),
    ):
        if is_about != is_here:
            return Heard(item, name, code, f"it is about {is_about}, not {is_here}")
    if role is None:
        detail = "itil-gate.yaml named no recovery role when the log was opened"
        return Heard(item, name, "no-recovery", detail)
    if name not in recovery.roster.holders(role, service=NO_SERVICE, now=recovery.now):
        # What it mends are the rules of all services, so it is not for those of one.
        detail = f"{name} did not hold {role} for all services when the log was opened"
        return Heard(item, name, "role-not-held", detail)
    if said.issued_at > recovery.now + CLOCK_SKEW:
        detail = f"issued at {said.issued_at:%Y-%m-%d %H:%M}Z, after now"
        return Heard(item, name, "issued-in-future", detail)
    return _about(item, name, recovery)


def _about(item: StatementFact, name: str, recovery: Recovery) -> Heard:
    """Return what a correction is about: exactly one update, and one that needs it."""
    said = item.correction
    if said is None:  # pragma: no cover - asked for good ones only
        raise TypeError(item.path)
    mine = [
        one
        for one in recovery.updates
        if (one.update.before, one.update.after) == (said.before, said.after)
    ]
    if not mine:
        detail = (
            f"the log holds no update from {said.before[:12]} to {said.after[:12]}; a correction "
            "is about exactly one"
        )
        return Heard(item, name, "no-such-update", detail)
    last = max(mine, key=lambda one: one.index)
    if last.update.standing != "unauthorised":
        detail = f"entry {last.index} says that the update is {last.update.standing}"
        return Heard(item, name, "not-unauthorised", detail)
    return Heard(item, name, "corrects", f"the update of entry {last.index}", last)
