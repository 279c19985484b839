"""Whose signatures are believed in the log, and for which part of it.

A key is good by position, never by date: for entries, and for trees, from `since` up to but not
including `until`, and not from where a revocation that another good key signed says it ends.
Dates are written by whoever signs; a position is what everybody who remembers a checkpoint saw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from itil_gate.log.checkpoint import log_key
from itil_gate.model.errors import LogError
from itil_gate.model.frozen import frozen
from itil_gate.signing.ed25519 import fingerprint_of, public_of
from itil_gate.signing.note import named_key
from itil_gate.signing.wire import WireError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from itil_gate.model.config import LogSettings
    from itil_gate.signing.note import VerifierKey

COSIGNER = 0x04


@frozen
class Pin:
    """A public Ed25519 key of 32 bytes, what it is for, and the positions it is good for."""

    use: Literal["checkpoint", "recorder"]
    public: bytes
    fingerprint: str
    since: int = 0
    until: int | None = None
    revoked: int | None = None
    """The position from which an entry of the log revokes it; `until` says it as well."""

    def good_at(self, position: int) -> bool:
        """Tell whether the key is good for this entry, or for a tree whose last entry this is."""
        return self.since <= position and (self.until is None or position < self.until)


def pins_of(settings: LogSettings) -> tuple[Pin, ...]:
    """Return the keys that a configuration pins. Raises LogError `log-key` for what is none."""
    pins = []
    for one in settings.keys:
        public = _public(one.key)
        pins.append(
            Pin(
                use=one.use,
                public=public,
                fingerprint=fingerprint_of(public),
                since=one.since,
                until=one.until,
            )
        )
    return tuple(pins)


def origin_of(settings: LogSettings, repository: str) -> str:
    """Return the name of the log of a repository."""
    return settings.origin or f"{repository}/audit-log"


def note_keys(
    pins: Iterable[Pin], *, origin: str, settings: LogSettings | None = None
) -> tuple[VerifierKey, ...]:
    """Return the keys under which checkpoints of the log are read, witnesses among them.

    Which of them may sign a tree of a given size is asked with `signed_well`.
    """
    keys = [log_key(origin, pin.public) for pin in pins if pin.use == "checkpoint"]
    if settings is not None:
        keys += [named_key(one.name, _public(one.key), kind=COSIGNER) for one in settings.witnesses]
    return tuple(dict.fromkeys(keys))


def signed_well(pins: Iterable[Pin], signers: Iterable[VerifierKey], *, size: int) -> bool:
    """Tell whether one of the keys that signed a tree of `size` entries is good for that size."""
    good = {pin.public for pin in pins if pin.use == "checkpoint" and pin.good_at(max(size - 1, 0))}
    return any(key.public in good for key in signers)


def revoke(pins: Sequence[Pin], fingerprint: str, *, since: int) -> tuple[Pin, ...]:
    """Return the pins with one key good no longer from `since` on."""
    return tuple(
        pin
        if pin.fingerprint != fingerprint
        else Pin(
            use=pin.use,
            public=pin.public,
            fingerprint=pin.fingerprint,
            since=pin.since,
            until=since if pin.until is None else min(since, pin.until),
            revoked=since if pin.revoked is None else min(since, pin.revoked),
        )
        for pin in pins
    )


def _public(line: str) -> bytes:
    try:
        return public_of(line)
    except (WireError, ValueError) as error:
        raise LogError(
            "log-key",
            f"a key of the log in itil-gate.yaml is no Ed25519 public key: {error}",
            hint="write it as OpenSSH does: ssh-ed25519 AAAA…",
        ) from error
