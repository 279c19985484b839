"""The schedule: changes that meet a freeze, leave their maintenance windows or come too late.

A change is judged over its planned interval, soak included, or at the moment of the decision if
it has no window. It is compared with calendars only, not with other changes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from itil_gate.decide import schedule_wording as wording
from itil_gate.decide.calendars import expand, sources
from itil_gate.decide.coverage import services_of
from itil_gate.decide.intervals import HORIZON, contains, next_slot, overlaps, subtract
from itil_gate.model.calendar import Interval
from itil_gate.model.frozen import frozen
from itil_gate.reading.times import length, to_utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from itil_gate.decide.calendars import Occurrence, Source
    from itil_gate.model.calendar import Calendar, CalendarScope
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.finding import Finding
    from itil_gate.model.policy import CalendarText
    from itil_gate.model.services import Service

INSTANT = timedelta(seconds=1)
"""How long the moment of the decision lasts, for a change without a window."""
LONGEST = timedelta(days=366)
DEPTH = 3
MAX_FREEZES = 20
"""More freezes than these are met only by calendars gone wrong; one is enough to refuse."""


@frozen
class Exposure:
    """What a change touches, as far as calendars can ask."""

    footprint: frozenset[str]
    """Services that change."""
    blast_radius: frozenset[str]
    """Services that depend on them."""
    environments: frozenset[str]
    tiers: Mapping[str, int]
    """Tier by service, where it has one."""


@frozen
class Allowance:
    """Maintenance windows, and the services that may change at no other time."""

    windows: frozenset[Source]
    services: tuple[str, ...]
    environments: tuple[str, ...]

    def of(self, occurrences: Iterable[Occurrence]) -> tuple[Occurrence, ...]:
        """Return the occurrences of these windows."""
        return tuple(item for item in occurrences if item.source in self.windows)


def check_schedule(
    change: ChangeRequest,
    *,
    services: tuple[Service, ...],
    footprint: frozenset[str],
    blast_radius: frozenset[str],
    calendars: tuple[Calendar, ...],
    calendar_texts: tuple[CalendarText, ...],
    now: datetime,
    urgent: bool = False,
) -> tuple[Finding, ...]:
    """Return what the calendars have against a change: a freeze, a window missed, a time gone by.

    What is urgent, an emergency that somebody was asked about, is told of freezes and windows and
    not kept by them.

    `footprint` and `blast_radius` are names of services. Raises ConfigError or GateError for
    calendars that cannot be read or take too much work, also where nothing in them applies.
    """
    planned = planned_interval(change)
    judged = planned or Interval(start=now, end=now + INSTANT)
    window = change.spec.window
    plan = wording.Plan(judged, zone=window.timezone if window else None)
    if judged.end - judged.start > LONGEST:
        return (wording.too_long(plan, LONGEST),)
    exposure = _exposure(change, services, footprint, blast_radius)
    current = _expanded(calendars, calendar_texts, judged)
    allowances = maintenance(calendars, exposure=exposure)
    is_past = judged.end <= now
    met = () if is_past else freezes_met(judged, current, exposure=exposure)
    missed = [
        item
        for item in allowances
        if not is_past and not contains(_spans(item.of(current)), judged)
    ]
    if not (is_past or met or missed):
        return ()
    ahead = Interval(start=max(now, judged.start), end=max(now, judged.start) + HORIZON)
    coming = expand(calendars, calendar_texts, within=ahead)
    busy = _spans(freezes_met(ahead, coming, exposure=exposure))
    for item in allowances:
        busy += subtract((ahead,), _spans(item.of(coming)))
    slots = next_slot(judged.end - judged.start, busy, after=ahead.start)
    found = [wording.past(plan, now, slots)] if is_past else []
    found += [wording.in_freeze(plan, freeze, slots) for freeze in _by_freeze(met)[:MAX_FREEZES]]
    found += [
        wording.outside(
            plan,
            services=item.services,
            environments=item.environments,
            coming=item.of(coming),
            slots=slots,
        )
        for item in missed
    ]
    if urgent:
        return tuple(
            one if one.rule == "window-past" else one.model_copy(update={"effect": "advise"})
            for one in found
        )
    return tuple(found)


def freeze_names(
    change: ChangeRequest,
    *,
    services: tuple[Service, ...],
    footprint: frozenset[str],
    calendars: tuple[Calendar, ...],
    calendar_texts: tuple[CalendarText, ...],
    now: datetime,
) -> tuple[str, ...]:
    """Return the ids of the freezes that a change meets, sorted; as `check_schedule` finds them."""
    judged = planned_interval(change) or Interval(start=now, end=now + INSTANT)
    if judged.end - judged.start > LONGEST:
        return ()
    met = freezes_met(
        judged,
        _expanded(calendars, calendar_texts, judged),
        exposure=_exposure(change, services, footprint, blast_radius(footprint, services)),
    )
    return tuple(sorted({item.id for item in met}))


@lru_cache(maxsize=4)
def _expanded(
    calendars: tuple[Calendar, ...], texts: tuple[CalendarText, ...], within: Interval
) -> tuple[Occurrence, ...]:
    """Return what `expand` does; conditions and the schedule ask for the same span of a change."""
    return expand(calendars, texts, within=within)


def planned_interval(change: ChangeRequest) -> Interval | None:
    """Return when a change takes place, soak included, or None if it has no window.

    Local times that occur twice are read as the longer span. Raises NonexistentTimeError for one
    that clocks skip; requests that were read have none.
    """
    window = change.spec.window
    if window is None:
        return None
    return Interval(
        start=to_utc(window.start, window.timezone).earliest,
        end=to_utc(window.end, window.timezone).latest + length(window.soak),
    )


def window_of(change: ChangeRequest) -> Interval | None:
    """Return when a change may begin, without soak, or None if it has no window.

    The soak is support for what was done in the window: it meets freezes, and nothing new begins
    in it. Local times are read as `planned_interval` reads them.
    """
    planned, window = planned_interval(change), change.spec.window
    if planned is None or window is None:
        return None
    return Interval(start=planned.start, end=planned.end - length(window.soak))


def footprint(
    change: ChangeRequest, changed_paths: Sequence[str], services: Sequence[Service]
) -> frozenset[str]:
    """Return the services that change: those declared, and those whose paths are changed."""
    return frozenset(change.spec.services) | services_of(changed_paths, services)


def blast_radius(
    footprint: frozenset[str], services: Sequence[Service], *, depth: int = DEPTH
) -> frozenset[str]:
    """Return the services that change and those that depend on them, `depth` steps far."""
    reached = footprint
    for _ in range(depth):
        further = {item.name for item in services if not reached.isdisjoint(item.depends_on)}
        if further <= reached:
            break
        reached |= further
    return reached


def freezes_met(
    interval: Interval, occurrences: Iterable[Occurrence], *, exposure: Exposure
) -> tuple[Occurrence, ...]:
    """Return the freezes that a span of time meets and that apply to what is touched.

    A freeze applies if each of services, tiers and environments in its scope is empty or holds
    one of those that change or depend on what changes.
    """
    services = exposure.footprint | exposure.blast_radius
    tiers = {exposure.tiers[name] for name in services if name in exposure.tiers}
    return tuple(
        item
        for item in occurrences
        if item.source.means == "freeze"
        and overlaps(item.interval, interval)
        and _applies(
            item.source.scope, services=services, tiers=tiers, environments=exposure.environments
        )
    )


def maintenance(calendars: Sequence[Calendar], *, exposure: Exposure) -> tuple[Allowance, ...]:
    """Return the windows that services of the footprint have, service by environment.

    A service whose windows are all over still has windows, and may not change.
    """
    windows = [source for source in sources(calendars) if source.means == "window"]
    bound: dict[frozenset[Source], list[tuple[str, str]]] = {}
    for service in sorted(exposure.footprint):
        tiers = {exposure.tiers[service]} if service in exposure.tiers else set()
        for environment in sorted(exposure.environments):
            own = frozenset(
                source
                for source in windows
                if _applies(
                    source.scope, services={service}, tiers=tiers, environments={environment}
                )
            )
            if own:
                bound.setdefault(own, []).append((service, environment))
    return tuple(
        Allowance(
            windows=own,
            services=tuple(dict.fromkeys(service for service, _ in pairs)),
            environments=tuple(dict.fromkeys(environment for _, environment in pairs)),
        )
        for own, pairs in bound.items()
    )


def _exposure(
    change: ChangeRequest,
    services: Sequence[Service],
    footprint: frozenset[str],
    reached: frozenset[str],
) -> Exposure:
    return Exposure(
        footprint=footprint,
        blast_radius=reached,
        environments=frozenset(change.spec.environments),
        tiers={service.name: service.tier for service in services if service.tier is not None},
    )


def _applies(
    scope: CalendarScope,
    *,
    services: Iterable[str],
    tiers: Iterable[int],
    environments: Iterable[str],
) -> bool:
    return (
        (not scope.services or not set(scope.services).isdisjoint(services))
        and (not scope.tiers or not set(scope.tiers).isdisjoint(tiers))
        and (not scope.environments or not set(scope.environments).isdisjoint(environments))
    )


def _by_freeze(met: Sequence[Occurrence]) -> list[tuple[Occurrence, ...]]:
    """Gather the occurrences of one freeze, in the order in which each is first met."""
    gathered: dict[tuple[Source, str], list[Occurrence]] = {}
    for item in met:
        gathered.setdefault((item.source, item.id), []).append(item)
    return [tuple(items) for items in gathered.values()]


def _spans(occurrences: Iterable[Occurrence]) -> list[Interval]:
    return [item.interval for item in occurrences]
