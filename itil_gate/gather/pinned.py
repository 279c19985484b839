"""Whose keys of the audit log are believed, followed from where the log was opened.

The target says which keys are good, and the log says which commits of the target were let in. A key
that a push brought could so vouch for the push itself. It is therefore believed only if it was
pinned or in use where the log was opened, if a key that was believed before hands over to it, or if
the update that pins it is authorised in an entry that a key believed before signed. Where the old
key is lost, the approvals of that update, signed by people, have to carry it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from itil_gate.gather.resting import fits
from itil_gate.git.objects import LIMIT, is_oid
from itil_gate.git.tree import blob_at
from itil_gate.log.pins import Pin, pins_of
from itil_gate.model.config import CONFIG_PATH
from itil_gate.model.errors import ConfigError, GateError, HistoryError
from itil_gate.model.policy import Source
from itil_gate.policy.compile import read_config
from itil_gate.signing.ed25519 import fingerprint_of, public_of
from itil_gate.signing.wire import WireError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from itil_gate.git.view import View
    from itil_gate.log.reader import Entry, LogReader
    from itil_gate.model.config import Config

CHANGING = ("policy-change", "correction", "key-rotation")
"""Entries that say where pins may have changed."""


def proved_reader(view: View, config: Config, reader: LogReader, *, target: str) -> LogReader:
    """Return the log as it is believed under keys that were let in, or refuse it.

    `config` is that of the target's tip, whose keys `reader` believes. Raises HistoryError
    `pins-unauthorised` where it pins others than were let in, or ends one that nobody ended.
    """
    if config.log is None:
        return reader
    pinned = pins_of(config.log)
    first = _opening(reader)
    if _covered(pinned, first) and {pin.public for pin in first} <= _for_ever(pinned):
        return reader
    adopted = str(reader.entry(0, lost=True).predicate.get("adopted"))
    if is_oid(adopted):
        first = (*first, *(_pins_at(view, adopted) or ()))
    proved = _followed(view, reader, first, target=target)
    strange = [pin for pin in pinned if not _covers(proved, pin)]
    ended = [pin for pin in proved if pin not in first and not _covers(pinned, pin)]
    if strange or ended:
        raise _unproved(strange[0] if strange else ended[0], new=bool(strange))
    return reader.under(proved)


def _opening(reader: LogReader) -> tuple[Pin, ...]:
    """Return the keys that the log was opened with, each for the use in which it showed itself.

    The first entry lists them without a use: those that signed it are recorder's keys, the others
    sign heads. A key for both, where there are several, is so by what the target pinned there.
    """
    lines = [str(line) for line in reader.entry(0, lost=True).predicate.get("keys", ())]
    known = {pin.fingerprint: pin for line in lines for pin in _of_line(line, since=0)}
    signers = reader.signers(0, {pin.fingerprint: pin.public for pin in known.values()})
    found: list[Pin] = []
    for line in lines:
        for pin in _of_line(line, since=0):
            recorded = pin.fingerprint in signers
            if len(known) == 1 or recorded is (pin.use == "recorder"):
                found.append(pin)
    return tuple(found)


def _of_line(
    line: str, *, since: int, uses: Iterable[str] = ("checkpoint", "recorder")
) -> list[Pin]:
    try:
        public = public_of(line)
    except (WireError, ValueError):
        return []
    return [Pin(use, public, fingerprint_of(public), since=since) for use in uses]  # type: ignore[arg-type]


def _followed(
    view: View, reader: LogReader, first: Sequence[Pin], *, target: str
) -> tuple[Pin, ...]:
    """Return the keys that are believed in the end, through every change that was let in."""
    proved, under = tuple(first), reader.under(first)
    for entry in reversed(list(reader.backwards(kinds=CHANGING))):
        found: tuple[Pin, ...] | None = None
        if entry.kind == "key-rotation":
            found = (*proved, *_handed_over(under.entry(entry.index), proved))
        for update in _updates(under, entry, target=target):
            if _was_let_in(view, under, update):
                found = _pins_at(view, str(update.predicate.get("after")))
        if found is not None and found != proved:
            proved, under = found, reader.under(found)
    return proved


def _handed_over(entry: Entry, proved: Sequence[Pin]) -> tuple[Pin, ...]:
    """Return the key that a believed key hands over to, unless it is pinned already."""
    said = entry.predicate
    use, since = said.get("use"), said.get("since")
    old = {pin.public for pin in _of_line(str(said.get("old")), since=0)}
    if (
        not entry.believed
        or use not in ("checkpoint", "recorder")
        or not isinstance(since, int)
        or not any(pin.use == use and pin.public in old for pin in proved)
    ):
        return ()
    new = _of_line(str(said.get("new")), since=since, uses=(use,))
    known = {(pin.use, pin.public) for pin in proved}
    return tuple(pin for pin in new if (pin.use, pin.public) not in known)


def _updates(reader: LogReader, entry: Entry, *, target: str) -> Iterator[Entry]:
    """Yield the update that may have changed pins: named by a policy change, or as corrected."""
    at = entry.predicate.get("update")
    if entry.kind == "correction":
        at = entry.index + 1  # what is corrected is recorded anew with the correction
    if isinstance(at, int) and 0 <= at < reader.size:
        found = reader.entry(at)
        if found.kind == "ref-update" and found.predicate.get("ref") == target:
            yield found


def _was_let_in(view: View, reader: LogReader, update: Entry) -> bool:
    """Tell whether an update was let in, as keys that were believed before it say."""
    said = update.predicate
    if said.get("standing") not in ("authorised", "overridden"):
        return False
    if update.believed and fits(reader, update):
        return True
    return said.get("correction") is None and _carried_by_people(view, reader, update)


def _carried_by_people(view: View, reader: LogReader, update: Entry) -> bool:
    """Tell whether signed approvals carry an update of which no believed key speaks.

    It is decided again by what the commit before it says, which itself has to be let in.
    """
    from itil_gate.decide.gate import decide  # noqa: PLC0415 - only where a key was lost
    from itil_gate.gather.inputs import gather  # noqa: PLC0415 - it imports this room
    from itil_gate.gather.landing import Authority, Carried, carried, first_parents  # noqa: PLC0415
    from itil_gate.gather.recorded import refuse_unaccounted  # noqa: PLC0415 - it imports this one
    from itil_gate.gather.sources import read_judge  # noqa: PLC0415

    said = update.predicate
    before, after, head = (str(said.get(name)) for name in ("before", "after", "head"))
    if not all(map(is_oid, (before, after, head))):
        return False
    try:
        sources = {source.path: source for source in read_judge(view, before)}
        config = read_config(sources)
        target = str(said.get("ref"))
        refuse_unaccounted(view, config, reader, target=target, tip=before)
        inputs = gather(
            view,
            target=target,
            base=before,
            head=head,
            now=datetime.fromisoformat(str(said.get("recordedAt"))),
            recorded=False,  # by the keys that are being asked about
            log=reader,
        )
        decision = decide(inputs)
        steps = first_parents(view, before, after)
        if decision.outcome != "allow" or not steps:
            return False
        authority = Authority(
            key="again",
            head=decision.head,
            head_tree=inputs.facts.head_tree,
            merge_base=decision.merge_base or inputs.facts.tip,
            content=decision.content,
            diff=inputs.facts.diff,
        )
        (one, *rest) = carried(view, (before, *steps), [authority])
    except (GateError, ValueError):
        return False
    return isinstance(one, Carried) and not rest


def _pins_at(view: View, commit: str) -> tuple[Pin, ...] | None:
    """Return what a commit pins; None where it is not here, or pins nothing."""
    if next(view.reader.info([commit])) is None:
        return None
    data = blob_at(view, commit, CONFIG_PATH, limit=LIMIT)
    if data is None:
        return None
    try:
        text = data.decode()
        config = read_config({CONFIG_PATH: Source(path=CONFIG_PATH, blob="0" * 40, text=text)})
    except (ConfigError, UnicodeDecodeError):
        return None
    return pins_of(config.log) if config.log is not None else None


def _covered(pins: Iterable[Pin], by: Sequence[Pin]) -> bool:
    return all(_covers(by, pin) for pin in pins)


def _covers(pins: Iterable[Pin], wanted: Pin) -> bool:
    """Tell whether one of these pins is good wherever another is."""
    return any(
        (pin.use, pin.public) == (wanted.use, wanted.public)
        and pin.since <= wanted.since
        and (pin.until is None or (wanted.until is not None and wanted.until <= pin.until))
        for pin in pins
    )


def _for_ever(pins: Iterable[Pin]) -> set[bytes]:
    """Return the keys that are good for every entry."""
    return {pin.public for pin in pins if pin.since == 0 and pin.until is None}


def _unproved(pin: Pin, *, new: bool) -> HistoryError:
    what = "is pinned" if new else "is pinned no more as it was"
    return HistoryError(
        "pins-unauthorised",
        f"the {pin.use} key {pin.fingerprint} of the audit log {what} in itil-gate.yaml, and no "
        "update that keys believed before let in says so",
        hint="put log.keys back as they were; else have the change of them approved with "
        "signatures and record how it landed, and fetch the whole history here",
    )
