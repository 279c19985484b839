"""What should have been recorded after something and was not, because a run was cut off between.

What follows from an entry (an obligation, a waiver's use, a change of policies) is appended after
it, since it names its place. Whoever records next looks back over the newest causes and records
what is missing; ids follow from the cause, so nothing is recorded twice. Causes are counted, not
entries: however many decisions came between, nothing is forgotten.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from itil_gate.model.errors import LogError
from itil_gate.model.record import RefUpdate, ReleaseOutcome, ReleaseRecord
from itil_gate.release.entries import decision_of, deploy_of
from itil_gate.release.obligations import obligations_for
from itil_gate.release.updates import Tile, consequences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.log.append import Event
    from itil_gate.log.reader import Entry, LogReader
    from itil_gate.model.config import Config

BACK = 32
"""How many causes in a row have to be complete: nobody records one before the rest is caught up."""
CAUSES = ("ref-update", "release-record", "outcome")


def missed(reader: LogReader, config: Config, *, back: int = BACK) -> tuple[Event, ...]:
    """Return the events that follow from the newest causes and are not in the log.

    It is looked back until `back` causes in a row lack nothing, and always over all that one run
    recorded at once. Raises LogError `entry-malformed` for a believed entry that this version
    cannot read.
    """
    name = config.repository
    found: list[Event] = []
    complete, run = 0, None
    for entry in reader.backwards(kinds=CAUSES):
        if not entry.believed or entry.statement is None:
            continue
        said = entry.predicate.get("recordedAt", entry.predicate.get("startedAt"))
        if complete >= back and said != run:
            break
        run = said
        try:
            lacking = [
                one
                for one in _following(entry, reader, config)
                if reader.find(name, one.kind, one.key) is None
            ]
        except ValidationError as error:
            raise LogError(
                "entry-malformed",
                f"entry {entry.index} is not as this version writes it",
                hint="use the version that wrote the log, or a later one",
            ) from error
        complete = 0 if lacking else complete + 1
        found += lacking
    return tuple(found)


def _following(entry: Entry, reader: LogReader, config: Config) -> Iterator[Event]:
    text = json.dumps(entry.predicate)
    match entry.kind:
        case "ref-update":
            update = RefUpdate.model_validate_json(text)
            rests_on = _statement(reader, update.decision)
            found = decision_of(rests_on) if rests_on else None
            decision = found[0] if found else None
            tile = Tile(update, decision)
            yield from consequences(tile, index=entry.index, config=config, now=update.recorded_at)
            yield from obligations_for(update, source=entry.index, config=config, decision=decision)
        case "release-record":
            record = ReleaseRecord.model_validate_json(text)
            judged = _statement(reader, record.decision)
            yield from obligations_for(
                record,
                source=entry.index,
                config=config,
                decision=deploy_of(judged) if judged else None,
                services=_services(reader, record),
            )
        case _:
            outcome = ReleaseOutcome.model_validate_json(text)
            begun = reader.entry(outcome.release)
            release = (
                ReleaseRecord.model_validate_json(json.dumps(begun.predicate))
                if begun.statement and begun.kind == "release-record"
                else None
            )
            yield from obligations_for(
                outcome,
                source=entry.index,
                config=config,
                release=release,
                services=_services(reader, release) if release else (),
            )


def _statement(reader: LogReader, index: int | None) -> dict[str, object] | None:
    if index is None or not 0 <= index < reader.size:
        return None
    entry = reader.entry(index)
    return dict(entry.statement) if entry.statement and entry.believed else None


def _services(reader: LogReader, record: ReleaseRecord) -> tuple[str, ...]:
    found: set[str] = set()
    for index in (*record.updates, *record.backs_out):
        said = _statement(reader, index)
        predicate = said.get("predicate") if said else None
        if isinstance(predicate, dict):
            found.update(map(str, predicate.get("services", ())))
    return tuple(sorted(found))
