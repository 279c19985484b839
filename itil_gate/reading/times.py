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
    first = local.replace(tzinfo=where, fold=0).astimezone(UTC)
    second = local.replace(tzinfo=where, fold=1).astimezone(UTC)
    if first.astimezone(where).replace(tzinfo=None, fold=0) != local.replace(fold=0):
        raise NonexistentTimeError(
            f"{local:%Y-%m-%dT%H:%M} does not exist in {name}: the clocks skip it"
        )
    return UtcTime(min(first, second), max(first, second))


def length(duration: str) -> timedelta:
    """Return a duration such as 30m, 24h or 2d as a length of time."""
    return int(duration[:-1]) * _UNITS[duration[-1]]
