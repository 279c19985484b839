"""Keys of the audit log change hands: one takes over from another, or is believed no more.

The target branch says whose keys are good, and the log says when they changed. A new key is pinned
there first, while the old one is still good: so nothing is ever signed by a key that nobody
believes, and a log whose configuration waits for its merge is written with the old key. What is
revoked is revoked from a position on, which may lie in the past, and by another key.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

from itil_gate.log.entry import revocation_key
from itil_gate.model.errors import GateError, LogError, SigningError
from itil_gate.model.frozen import frozen, replace
from itil_gate.model.record import Correction, KeyRevocation, KeyRotation
from itil_gate.release.entries import plain_event
from itil_gate.signing.ed25519 import public_blob, public_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.log.append import Event
    from itil_gate.log.pins import Pin
    from itil_gate.log.reader import LogReader
    from itil_gate.release.books import Books
    from itil_gate.release.keys import LogKeys
    from itil_gate.release.recorder import Recorded
    from itil_gate.signing.ed25519 import Signer

    Use = Literal["checkpoint", "recorder"]


@frozen
class Handover:
    """A key took over: where the log says so, and the size of the log from which on it is alone.

    `recorded` is None if it was recorded before.
    """

    old: Signer
    index: int
    size: int
    recorded: Recorded | None


@frozen
class Revoked:
    """A key is believed no more from a position on; `lost` are entries that only it had signed.

    `recorded` is None if it was revoked from there, or from before, already.
    """

    index: int
    since: int
    lost: tuple[int, ...]
    recorded: Recorded | None


def is_pinned(books: Books, use: Use, public: bytes) -> tuple[bool, int]:
    """Tell whether a key may sign the next entry, and how many entries there are.

    Raises SigningError `key-revoked`, or `key-not-pinned` for one that is pinned for other
    positions.
    """
    with books.reading() as reader:
        size = reader.size
        mine = [pin for pin in reader.pins if pin.use == use and pin.public == public]
    if any(pin.good_at(size) for pin in mine) or not mine:
        return bool(mine), size
    pin = mine[0]
    if pin.revoked is not None:
        raise SigningError(
            "key-revoked",
            f"{pin.fingerprint} was revoked from entry {pin.revoked} on, and does not come back",
            hint="make another key",
        )
    end = "" if pin.until is None else f" until {pin.until}"
    raise SigningError(
        "key-not-pinned",
        f"{pin.fingerprint} is pinned as a {use} key since {pin.since}{end}, and the log has "
        f"{size} entries",
        hint="a key takes over where it is good: change since and until in itil-gate.yaml first",
    )


def hand_over(books: Books, use: Use, new: Signer, *, reason: str) -> Handover:
    """Record that a key takes over from the one that signs now; both sign what says so.

    For a recorder both sign the entry, for a checkpoint key both sign the tree that holds it. The
    new key has to be pinned by then. What was recorded before is not recorded again. Raises
    SigningError `same-key`, `key-not-pinned` or `key-revoked`, and as `record` does.
    """
    keys = _keys(books)
    old = keys.recorder if use == "recorder" else keys.checkpoint
    if old.public == new.public:
        raise SigningError(
            "same-key",
            f"{new.fingerprint} signs already; a key does not take over from itself",
            hint="name the old key with --recorder-key or --log-key, the new one with --new-key",
        )
    repository = books.config.repository
    key = (use, public_line(old.public), public_line(new.public))
    with books.reading() as reader:
        there = reader.find(repository, "key-rotation", key)
        size = reader.size
        since = max(
            (pin.since for pin in reader.pins if pin.use == use and pin.public == new.public),
            default=size,
        )
    if there is not None:
        return Handover(old, there, size, None)
    both = (
        replace(keys, more_recorders=(*keys.more_recorders, new))
        if use == "recorder"
        else replace(keys, more_checkpoints=(*keys.more_checkpoints, new))
    )
    said = KeyRotation(
        repository=repository, use=use, old=key[1], new=key[2], since=since, reason=reason
    )
    event = plain_event("key-rotation", key, said, subject=_of_key(new.public))
    recorded = replace(books, keys=both).write([event])
    return Handover(old, recorded.indices[0], recorded.checkpoint.size, recorded)


def revoke_key(
    books: Books, fingerprint: str, *, since: int, reason: str, corrected_by: str | None = None
) -> Revoked:
    """Record that a pinned key is believed no more from entry `since` on.

    With `corrected_by` every entry that loses its only signature is corrected in that person's
    name, so that `verify` takes it for one that is known not to count. Raises GateError
    `no-such-key`, SigningError `self-revocation` where the key itself is to sign, LogError
    `no-such-entry` for a position that the log has not reached, and as `record` does.
    """
    keys, repository = _keys(books), books.config.repository
    if any(fingerprint == one.fingerprint for one in (*keys.checkpoints, *keys.recorders)):
        raise SigningError(
            "self-revocation",
            f"{fingerprint} is to sign its own revocation; whoever stole it could do the same",
            hint="pin another key in itil-gate.yaml and sign with that one",
        )
    with books.reading() as reader:
        pin = _pinned(reader, fingerprint)
        last, before = _revoked_before(reader, repository, fingerprint)
        if since > reader.size:
            raise LogError(
                "no-such-entry",
                f"the log has {reader.size} entries, and none is number {since} yet",
                hint="for a position to come, set `until` of the key in itil-gate.yaml",
            )
        if last is not None and before is not None and before <= since:
            return Revoked(last, before, (), None)
        lost = _only_by(reader, fingerprint, since=since)
    said = KeyRevocation(
        repository=repository, key=fingerprint, since=since, replaces=last, reason=reason
    )
    event = plain_event(
        "key-revocation", revocation_key(fingerprint, last), said, subject=_of_key(pin.public)
    )
    events = [event, *_corrections(repository, lost, reason=reason, by=corrected_by)]
    recorded = books.write(events)
    return Revoked(recorded.indices[0], since, tuple(index for index, _ in lost), recorded)


def _keys(books: Books) -> LogKeys:
    if books.keys is None:
        raise LogError("no-log-key", "these books were opened to read only")
    return books.keys


def _pinned(reader: LogReader, fingerprint: str) -> Pin:
    for pin in reader.pins:
        if pin.fingerprint == fingerprint:
            return pin
    known = ", ".join(dict.fromkeys(pin.fingerprint for pin in reader.pins))
    raise GateError(
        "no-such-key",
        f"no key {fingerprint} is pinned in itil-gate.yaml",
        hint=f"pinned are {known}; a key that is not is believed nowhere",
    )


def _revoked_before(
    reader: LogReader, repository: str, fingerprint: str
) -> tuple[int | None, int | None]:
    """Return the last revocation of a key and the position that it names, None without any."""
    last: int | None = None
    since: int | None = None
    while True:
        found = reader.find(repository, "key-revocation", revocation_key(fingerprint, last))
        if found is None:
            return last, since
        last, entry = found, reader.entry(found)
        if entry.believed:
            said = int(entry.predicate["since"])
            since = said if since is None else min(since, said)


def _only_by(reader: LogReader, fingerprint: str, *, since: int) -> list[tuple[int, str]]:
    """Return index and digest of the entries from `since` on that nobody else signed."""
    return [
        (entry.index, entry.sha256)
        for entry in reader.entries(range(since, reader.size), lost=True)
        if entry.signers == {fingerprint}
    ]


def _corrections(
    repository: str, lost: Sequence[tuple[int, str]], *, reason: str, by: str | None
) -> list[Event]:
    if by is None:
        return []
    return [
        plain_event(
            "correction",
            ("revoked", str(index)),
            Correction(
                repository=repository,
                corrects=index,
                reason=f"Signed by a key that is revoked from before it. {reason}",
                by=by,
            ),
            subject={"sha256": digest},
        )
        for index, digest in lost
    ]


def _of_key(public: bytes) -> dict[str, str]:
    return {"sha256": hashlib.sha256(public_blob(public)).hexdigest()}
