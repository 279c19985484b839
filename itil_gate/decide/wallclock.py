"""From wall-clock time to spans of UTC time, where the clock is put forward or back.

A wall-clock time can mean two moments, or none. A freeze is then read wide and a maintenance
window narrow: of two readings the one that lets less through holds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from itil_gate.model.calendar import Interval
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from datetime import tzinfo

SLACK = timedelta(days=2)
"""More than any two zones, or any change of offset, are apart."""


@frozen
class Length:
    """How long a period lasts: first by the clock on the wall, then in elapsed time.

    RFC 5545, section 3.3.6: days are nominal and keep the time of day, hours are exact.
    """

    wall: timedelta = timedelta(0)
    exact: timedelta = timedelta(0)


def readings(local: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the earliest and the latest moment, in UTC, that a wall-clock time can mean.

    They are the same except where clocks change (PEP 495): a time that occurs twice has both its
    moments, one that is skipped has those it would have before and after the change.
    """
    moments = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    return min(moments), max(moments)


def instant(local: datetime, zone: tzinfo) -> datetime:
    """Return the one moment, in UTC, that identifies a wall-clock time (RFC 5545, 3.3.5)."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def span(local: datetime, length: Length, zone: tzinfo, *, wide: bool) -> Interval | None:
    """Return the span of UTC time of a period, or None if its narrow reading is empty.

    `local` is the wall-clock start. `wide` chooses the earliest start and the latest end, the
    contrary the latest start and the earliest end.
    """
    first, last = readings(local, zone)
    ends = [moment + length.exact for moment in readings(local + length.wall, zone)]
    start, end = (first, ends[1]) if wide else (last, ends[0])
    return Interval(start=start, end=end) if start < end else None
