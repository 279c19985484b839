"""Local times of a zone as moments of UTC.

Twice a year clocks are changed: some local times then do not exist, and are refused, and some
come twice, and are told. Zones are those of the `tzdata` package (model/zones), so that every
host computes the same moments.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from itil_gate.model.zones import zone

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


class NonexistentTimeError(ValueError):
    """A local time that the clocks of its zone skip."""


class UtcTime(NamedTuple):
    """The moments a local time may mean, in UTC; they differ only where clocks go back.

    A start takes `earliest` and an end `latest`, so that a span is never too short.
    """

    earliest: datetime
    latest: datetime

    @property
    def ambiguous(self) -> bool:
        """Whether the local time comes twice."""
        return self.earliest != self.latest


def to_utc(local: datetime, name: str) -> UtcTime:
    """Return what a naive local time in an IANA zone means in UTC.

    Raises NonexistentTimeError for a time that clocks skip, UnknownZoneError for the zone.
    """
    where = zone(name)
    day, clock = local.date(), local.time()
    # combine is used because replace takes ten times as long, and this runs for every window
    first = datetime.combine(day, clock.replace(fold=0) if clock.fold else clock, where)
    second = datetime(
        *(day.year, day.month, day.day, clock.hour, clock.minute, clock.second, clock.microsecond),
        tzinfo=where,
        fold=1,
    )
    before, after = first.utcoffset(), second.utcoffset()
    if before == after:
        moment = first.astimezone(UTC)
        return UtcTime(moment, moment)
    if before is None or after is None or before < after:  # clocks go forward over it (PEP 495)
        raise NonexistentTimeError(
            f"{local:%Y-%m-%dT%H:%M} does not exist in {name}: the clocks skip it"
        )
    return UtcTime(first.astimezone(UTC), second.astimezone(UTC))


def length(duration: str) -> timedelta:
    """Return a duration such as 30m, 24h or 2d as a length of time."""
    return int(duration[:-1]) * _UNITS[duration[-1]]
