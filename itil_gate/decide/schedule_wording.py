"""What the schedule says: findings that name the freeze or window, its time, and free slots.

Times are told in UTC and in the zone the change is planned in.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from itil_gate.decide.intervals import HORIZON
from itil_gate.model.finding import Finding
from itil_gate.model.frozen import frozen
from itil_gate.model.zones import zone

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from itil_gate.decide.calendars import Occurrence
    from itil_gate.model.calendar import Interval

MAX_NAMED = 5


@frozen
class Plan:
    """The time a change is judged at, as findings tell it."""

    interval: Interval
    zone: str | None
    """Zone of `spec.window`; None for a change without one, which would take effect now."""

    def __str__(self) -> str:
        """Name the time."""
        if self.zone is None:
            return f"the time of this decision, {self.interval.start:%Y-%m-%d %H:%M} UTC,"
        return f"the planned time, {told(self.interval, self.zone)},"


def too_long(plan: Plan, longest: timedelta) -> Finding:
    """Say that a window is longer than any change takes."""
    return Finding(
        rule="wrong-window",
        message=f"{plan} is longer than {longest.days} days",
        remedy="plan a shorter window or soak, or several changes",
    )


def past(plan: Plan, now: datetime, slots: Sequence[Interval]) -> Finding:
    """Say that the planned time is over."""
    return Finding(
        rule="window-past",
        message=f"{plan} is over: it is {now:%Y-%m-%d %H:%M} UTC",
        remedy=_remedy(plan, slots),
    )


def in_freeze(plan: Plan, met: Sequence[Occurrence], slots: Sequence[Interval]) -> Finding:
    """Say which freeze is met; `met` are its occurrences, the first is told."""
    first = met[0]
    more = f" and {len(met) - 1} more time(s)" if met[1:] else ""
    return Finding(
        rule="in-freeze",
        message=f"{plan} meets the freeze {_named(first, plan)}{more}: {first.reason}",
        remedy=_remedy(plan, slots),
    )


def outside(
    plan: Plan,
    *,
    services: Sequence[str],
    environments: Sequence[str],
    coming: Sequence[Occurrence],
    slots: Sequence[Interval],
) -> Finding:
    """Say which services have maintenance windows that the planned time leaves."""
    names = ", ".join(services[:MAX_NAMED])
    names += f" and {len(services) - MAX_NAMED} more" if services[MAX_NAMED:] else ""
    if coming:
        nearest = f"the next is {_named(coming[0], plan)}: {coming[0].reason}"
    else:
        nearest = f"none comes in the {HORIZON.days} days after it"
    return Finding(
        rule="outside-maintenance-window",
        message=f"{plan} does not lie within the maintenance windows of {names} "
        f"in {', '.join(environments)}; {nearest}",
        remedy=_remedy(plan, slots),
    )


def told(interval: Interval, name: str | None) -> str:
    """Return a span of time in UTC and, where another zone is given, in that."""
    utc = f"{_span(interval.start, interval.end)} UTC"
    if name in {None, "UTC"}:
        return utc
    where = zone(name)
    local = _span(interval.start.astimezone(where), interval.end.astimezone(where))
    return f"{utc} ({local} {name})"


def _span(start: datetime, end: datetime) -> str:
    clock = "%H:%M" if start.date() == end.date() else "%Y-%m-%d %H:%M"
    return f"{start:%Y-%m-%d %H:%M} to {end:{clock}}"


def _named(item: Occurrence, plan: Plan) -> str:
    where = item.source.file or f"calendar {item.source.calendar}"
    return f"{item.title} ({where}), {told(item.interval, plan.zone)}"


def _remedy(plan: Plan, slots: Sequence[Interval]) -> str:
    needed = _length(plan.interval.end - plan.interval.start)
    if not slots:
        return (
            f"nothing of {needed} is free in the {HORIZON.days} days from then: shorten the window "
            "or its soak, or ask the owner of the calendar"
        )
    free = "; ".join(told(slot, plan.zone) for slot in slots)
    if plan.zone is None:
        return f"set spec.window to a free time: {free}"
    return f"move spec.window to a free time of {needed}, soak included: {free}"


def _length(span: timedelta) -> str:
    minutes = -(-span // timedelta(minutes=1))
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else ""]
    return " ".join(part for part in [*parts, f"{minutes} min" if minutes else ""] if part)
