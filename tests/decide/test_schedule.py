"""Freezes, maintenance windows and times gone by, as findings about a change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from itil_gate.decide.calendars import expand
from itil_gate.decide.rules import GATE_RULES
from itil_gate.decide.schedule import (
    Exposure,
    blast_radius,
    check_schedule,
    footprint,
    freeze_names,
    freezes_met,
    planned_interval,
)
from itil_gate.model.calendar import Calendar, Interval
from itil_gate.model.change import ChangeRequest
from itil_gate.model.errors import ConfigError, GateError
from itil_gate.model.policy import CalendarText
from itil_gate.model.services import Service

if TYPE_CHECKING:
    from itil_gate.model.finding import Finding

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SERVICES = (
    Service(name="ledger", title="Ledger", tier=1, paths=("ledger/**",)),
    Service(name="payments", title="Payments", tier=2, paths=("pay/**",), depends_on=("ledger",)),
    Service(name="shop", title="Shop", tier=3, depends_on=("payments", "search")),
    Service(name="search", title="Search", depends_on=("shop",)),
    Service(name="wiki", title="Wiki", tier=5),
)


def change(
    start: str | None = None,
    end: str = "",
    *,
    services: tuple[str, ...] = ("payments",),
    environments: tuple[str, ...] = ("production",),
    timezone: str = "Europe/Berlin",
    soak: str = "0m",
) -> ChangeRequest:
    spec: dict[str, Any] = {
        "type": "normal",
        "services": services,
        "environments": environments,
        "scope": ("pay/**",),
        "reason": "certificates expire",
    }
    if start is not None:
        spec["window"] = {"start": start, "end": end, "timezone": timezone, "soak": soak}
    return ChangeRequest.model_validate(
        {
            "apiVersion": "itil-gate/v1",
            "kind": "ChangeRequest",
            "metadata": {"id": "CHG-2026-7K3QX9ZB", "title": "Rotate", "requester": "alice"},
            "spec": spec,
        }
    )


def period(start: str, end: str, *, name: str = "p", **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "reason": f"{name} has its reasons",
        "start": start,
        "end": end,
        "timezone": "Europe/Berlin",
        **more,
    }


def calendar(**spec: Any) -> Calendar:
    return Calendar.model_validate(
        {
            "apiVersion": "itil-gate/v1",
            "kind": "Calendar",
            "metadata": {"name": "ops", "owner": "ops", "reviewBy": "2027-06-01"},
            "spec": {key: tuple(value) for key, value in spec.items()},
        }
    )


def judge(
    asked: ChangeRequest,
    *calendars: Calendar,
    texts: tuple[CalendarText, ...] = (),
    now: datetime = NOW,
) -> tuple[Finding, ...]:
    touched = footprint(asked, (), SERVICES)
    return check_schedule(
        asked,
        services=SERVICES,
        footprint=touched,
        blast_radius=blast_radius(touched, SERVICES),
        calendars=calendars,
        calendar_texts=texts,
        now=now,
    )


def rules(*args: Any, **kwargs: Any) -> list[str]:
    return [finding.rule for finding in judge(*args, **kwargs)]


YEAR_END = period("2026-12-20T00:00", "2027-01-04T00:00", name="year-end")
SATURDAYS = period(
    "2026-01-03T22:00", "2026-01-04T02:00", name="saturdays", rrule="FREQ=WEEKLY;BYDAY=SA"
)


def test_without_calendars_any_time_to_come_will_do() -> None:
    assert judge(change("2026-11-25T22:00", "2026-11-25T23:00")) == ()
    assert judge(change()) == ()


def test_a_planned_interval_is_in_utc_and_includes_the_soak() -> None:
    planned = planned_interval(change("2026-11-25T22:00", "2026-11-25T23:00", soak="24h"))
    assert planned is not None
    assert planned.start == datetime(2026, 11, 25, 21, tzinfo=UTC)
    assert planned.end == datetime(2026, 11, 26, 22, tzinfo=UTC)


def test_a_change_without_a_window_has_no_planned_interval() -> None:
    assert planned_interval(change()) is None


def test_an_hour_that_comes_twice_is_planned_both_times() -> None:
    planned = planned_interval(change("2026-10-25T02:00", "2026-10-25T02:30"))
    assert planned is not None
    assert planned.start == datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    assert planned.end == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_a_window_over_the_change_of_clocks_is_shorter_than_it_looks() -> None:
    planned = planned_interval(change("2026-03-29T01:00", "2026-03-29T04:00"))
    assert planned is not None
    assert planned.end - planned.start == timedelta(hours=2)


# the freeze lasts from 2026-12-19T23:00Z to 2027-01-03T23:00Z
@pytest.mark.parametrize(
    ("start", "end", "soak", "frozen"),
    [
        ("2026-12-19T22:00", "2026-12-20T00:00", "0m", False),
        ("2026-12-19T22:00", "2026-12-20T00:01", "0m", True),
        ("2026-12-19T22:00", "2026-12-19T23:59", "2m", True),
        ("2026-12-24T22:00", "2026-12-24T23:00", "0m", True),
        ("2026-12-31T23:00", "2027-01-01T01:00", "0m", True),
        ("2027-01-03T23:59", "2027-01-04T01:00", "0m", True),
        ("2027-01-04T00:00", "2027-01-04T01:00", "0m", False),
        ("2026-12-01T00:00", "2027-02-01T00:00", "0m", True),
    ],
)
def test_a_change_is_frozen_if_its_time_shares_a_moment_with_a_freeze(
    start: str,
    end: str,
    soak: str,
    frozen: bool,  # noqa: FBT001
) -> None:
    found = rules(change(start, end, soak=soak), calendar(freezes=[YEAR_END]))
    assert found == (["in-freeze"] if frozen else [])


def test_a_finding_names_the_freeze_its_reason_and_its_time_in_both_zones() -> None:
    (found,) = judge(
        change("2026-12-24T22:00", "2026-12-24T23:30", soak="30m"), calendar(freezes=[YEAR_END])
    )
    assert found.message == (
        "the planned time, 2026-12-24 21:00 to 23:00 UTC "
        "(2026-12-24 22:00 to 2026-12-25 00:00 Europe/Berlin), "
        "meets the freeze year-end (calendar ops), 2026-12-19 23:00 to 2027-01-03 23:00 UTC "
        "(2026-12-20 00:00 to 2027-01-04 00:00 Europe/Berlin): year-end has its reasons"
    )
    assert found.remedy == (
        "move spec.window to a free time of 2 h, soak included: "
        "2027-01-03 23:00 to 2027-03-24 21:00 UTC "
        "(2027-01-04 00:00 to 2027-03-24 22:00 Europe/Berlin)"
    )
    assert found.effect == "deny"


def test_a_change_planned_in_utc_is_told_in_utc_only() -> None:
    (found,) = judge(
        change("2026-12-24T22:00", "2026-12-24T23:00", timezone="UTC"),
        calendar(freezes=[YEAR_END]),
    )
    assert "(2026" not in found.message
    assert "2026-12-24 22:00 to 23:00 UTC" in found.message


@pytest.mark.parametrize(
    ("now", "frozen"),
    [
        (datetime(2026, 12, 19, 22, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 12, 19, 23, 0, tzinfo=UTC), True),
        (datetime(2027, 1, 3, 22, 59, 59, tzinfo=UTC), True),
        (datetime(2027, 1, 3, 23, 0, tzinfo=UTC), False),
    ],
)
def test_a_change_without_a_window_is_judged_now(now: datetime, frozen: bool) -> None:  # noqa: FBT001
    found = judge(change(), calendar(freezes=[YEAR_END]), now=now)
    assert [finding.rule for finding in found] == (["in-freeze"] if frozen else [])
    for finding in found:
        assert f"the time of this decision, {now:%Y-%m-%d %H:%M} UTC," in finding.message
        assert finding.remedy.startswith("set spec.window to a free time: 2027-01-03 23:00")


@pytest.mark.parametrize(
    ("scope", "services", "environments", "frozen"),
    [
        ({}, ("wiki",), ("test",), True),
        ({"services": ("payments",)}, ("payments",), ("test",), True),
        ({"services": ("payments",)}, ("wiki",), ("test",), False),
        # shop depends on payments, which depends on ledger
        ({"services": ("shop",)}, ("ledger",), ("test",), True),
        ({"services": ("ledger",)}, ("shop",), ("test",), False),
        ({"tiers": (5,)}, ("wiki",), ("test",), True),
        ({"tiers": (1, 2)}, ("wiki",), ("test",), False),
        ({"tiers": (3,)}, ("ledger",), ("test",), True),
        ({"environments": ("production",)}, ("wiki",), ("test",), False),
        ({"environments": ("production",)}, ("wiki",), ("test", "production"), True),
        (
            {"services": ("payments",), "environments": ("production",)},
            ("payments",),
            ("test",),
            False,
        ),
        (
            {"services": ("payments",), "tiers": (1,), "environments": ("test",)},
            ("payments",),
            ("test",),
            False,
        ),
        (
            {"services": ("payments",), "tiers": (2,), "environments": ("test",)},
            ("payments",),
            ("test",),
            True,
        ),
    ],
)
def test_a_freeze_applies_if_services_tiers_and_environments_all_do(
    scope: dict[str, Any],
    services: tuple[str, ...],
    environments: tuple[str, ...],
    frozen: bool,  # noqa: FBT001
) -> None:
    asked = change(
        "2026-12-24T22:00", "2026-12-24T23:00", services=services, environments=environments
    )
    found = rules(asked, calendar(freezes=[{**YEAR_END, "scope": scope}]))
    assert found == (["in-freeze"] if frozen else [])


def test_a_freeze_that_is_met_several_times_is_one_finding() -> None:
    daily = period("2026-12-01T08:00", "2026-12-01T10:00", name="daily", rrule="FREQ=DAILY")
    (found,) = judge(change("2026-12-01T00:00", "2026-12-04T00:00"), calendar(freezes=[daily]))
    assert "2026-12-01 07:00 to 09:00 UTC" in found.message
    assert "and 2 more time(s)" in found.message


def test_each_freeze_that_is_met_is_a_finding_of_its_own() -> None:
    audit = period("2026-12-24T00:00", "2026-12-25T00:00", name="audit")
    found = judge(
        change("2026-12-24T22:00", "2026-12-24T23:00"), calendar(freezes=[audit, YEAR_END])
    )
    assert ["audit" in finding.message for finding in found] == [False, True]
    assert len({finding.remedy for finding in found}) == 1


def test_free_slots_are_the_gaps_between_freezes_that_are_long_enough() -> None:
    daily = period("2026-12-01T02:00", "2026-12-02T00:00", name="days", rrule="FREQ=DAILY;COUNT=4")
    asked = change("2026-12-02T10:00", "2026-12-02T12:00")
    (found,) = judge(asked, calendar(freezes=[daily]))
    slots = found.remedy.partition("included: ")[2].split("; ")
    assert [slot.partition(" UTC")[0] for slot in slots] == [
        "2026-12-02 23:00 to 2026-12-03 01:00",
        "2026-12-03 23:00 to 2026-12-04 01:00",
        "2026-12-04 23:00 to 2027-03-02 09:00",
    ]
    longer = change("2026-12-02T10:00", "2026-12-02T12:01")
    (found,) = judge(longer, calendar(freezes=[daily]))
    assert found.remedy.count(";") == 0
    assert "a free time of 2 h 1 min" in found.remedy


def test_at_most_five_slots_are_named() -> None:
    daily = period("2026-12-01T02:00", "2026-12-02T00:00", name="days", rrule="FREQ=DAILY")
    (found,) = judge(change("2026-12-02T10:00", "2026-12-02T12:00"), calendar(freezes=[daily]))
    assert found.remedy.count(" UTC") == 5


def test_where_nothing_is_free_the_remedy_says_so() -> None:
    for_ever = period("2026-01-01T00:00", "2099-01-01T00:00", name="for-ever")
    (found,) = judge(change("2026-12-02T10:00", "2026-12-02T12:00"), calendar(freezes=[for_ever]))
    assert found.remedy.startswith("nothing of 2 h is free in the 90 days from then")


def test_free_slots_do_not_lie_in_the_past() -> None:
    freeze = period("2026-11-20T00:00", "2026-11-23T00:00", name="now")
    gap = period("2026-11-23T01:00", "2026-11-24T00:00", name="then")
    asked = change("2026-11-21T00:00", "2026-11-23T00:30")
    found = judge(asked, calendar(freezes=[freeze, gap]))
    assert [finding.rule for finding in found] == ["in-freeze"]
    assert "included: 2026-11-23 23:00 to" in found[0].remedy


# the windows last from 22:00 to 02:00 Berlin time, Saturday night
@pytest.mark.parametrize(
    ("start", "end", "inside"),
    [
        ("2026-11-28T22:00", "2026-11-29T02:00", True),
        ("2026-11-28T23:00", "2026-11-29T00:00", True),
        ("2026-11-28T21:59", "2026-11-29T00:00", False),
        ("2026-11-28T22:00", "2026-11-29T02:01", False),
        ("2026-11-27T23:00", "2026-11-28T00:00", False),
        ("2026-11-28T22:00", "2026-12-05T23:00", False),
        ("2027-01-02T22:00", "2027-01-03T02:00", True),
    ],
)
def test_a_service_with_windows_changes_only_inside_them(
    start: str,
    end: str,
    inside: bool,  # noqa: FBT001
) -> None:
    found = rules(change(start, end), calendar(windows=[SATURDAYS]))
    assert found == ([] if inside else ["outside-maintenance-window"])


def test_a_finding_names_the_window_that_is_missed_and_the_next_ones() -> None:
    (found,) = judge(change("2026-11-25T22:00", "2026-11-25T23:00"), calendar(windows=[SATURDAYS]))
    assert found.message == (
        "the planned time, 2026-11-25 21:00 to 22:00 UTC "
        "(2026-11-25 22:00 to 23:00 Europe/Berlin), "
        "does not lie within the maintenance windows of payments in production; "
        "the next is saturdays (calendar ops), 2026-11-28 21:00 to 2026-11-29 01:00 UTC "
        "(2026-11-28 22:00 to 2026-11-29 02:00 Europe/Berlin): saturdays has its reasons"
    )
    assert found.remedy.count("22:00 to") == 5


def test_a_window_that_meets_a_freeze_is_no_free_slot() -> None:
    found = judge(
        change("2026-12-23T22:00", "2026-12-23T23:00"),
        calendar(windows=[SATURDAYS], freezes=[YEAR_END]),
    )
    assert [finding.rule for finding in found] == ["in-freeze", "outside-maintenance-window"]
    assert "included: 2027-01-09 21:00" in found[0].remedy


def test_windows_that_overlap_or_touch_are_one() -> None:
    evening = period("2026-11-25T20:00", "2026-11-25T22:00", name="evening")
    night = period("2026-11-25T22:00", "2026-11-26T02:00", name="night")
    asked = change("2026-11-25T21:00", "2026-11-26T01:00")
    assert judge(asked, calendar(windows=[night]), calendar(windows=[evening])) == ()
    later = {**night, "start": "2026-11-25T22:01"}
    assert rules(asked, calendar(windows=[later, evening])) == ["outside-maintenance-window"]


def test_a_service_without_windows_is_bound_by_none() -> None:
    bound = calendar(windows=[{**SATURDAYS, "scope": {"services": ("payments",)}}])
    asked = ("2026-11-25T22:00", "2026-11-25T23:00")
    assert rules(change(*asked, services=("wiki",)), bound) == []
    assert rules(change(*asked, services=("payments",)), bound) == ["outside-maintenance-window"]
    # a window binds those that change, not those that depend on them
    assert rules(change(*asked, services=("ledger",)), bound) == []


def test_every_service_must_be_inside_its_own_windows() -> None:
    both = calendar(
        windows=[
            period(
                "2026-11-25T20:00",
                "2026-11-25T23:00",
                name="pay",
                scope={"services": ("payments",)},
            ),
            period(
                "2026-11-25T21:00", "2026-11-26T00:00", name="wiki", scope={"services": ("wiki",)}
            ),
        ]
    )
    services = ("payments", "wiki")
    assert rules(change("2026-11-25T21:00", "2026-11-25T23:00", services=services), both) == []
    (found,) = judge(change("2026-11-25T20:30", "2026-11-25T22:00", services=services), both)
    assert "windows of wiki in production" in found.message
    assert "included: 2026-11-25 20:00 to 22:00 UTC" in found.remedy


def test_every_environment_must_be_inside_its_own_windows() -> None:
    both = calendar(
        windows=[
            period(
                "2026-11-25T20:00",
                "2026-11-25T23:00",
                name="live",
                scope={"environments": ("production",)},
            ),
            period(
                "2026-11-26T20:00",
                "2026-11-26T23:00",
                name="try",
                scope={"environments": ("test",)},
            ),
        ]
    )
    asked = ("2026-11-26T21:00", "2026-11-26T22:00")
    assert rules(change(*asked, environments=("test",)), both) == []
    (found,) = judge(change(*asked, environments=("test", "production")), both)
    assert "windows of payments in production" in found.message


def test_services_that_share_windows_share_a_finding() -> None:
    (found,) = judge(
        change("2026-11-25T22:00", "2026-11-25T23:00", services=("wiki", "payments")),
        calendar(windows=[SATURDAYS]),
    )
    assert "windows of payments, wiki in production" in found.message


def test_windows_bind_by_tier() -> None:
    bound = calendar(windows=[{**SATURDAYS, "scope": {"tiers": (1, 2)}}])
    asked = ("2026-11-25T22:00", "2026-11-25T23:00")
    assert rules(change(*asked, services=("payments",)), bound) == ["outside-maintenance-window"]
    assert rules(change(*asked, services=("wiki",)), bound) == []
    assert rules(change(*asked, services=("search",)), bound) == []


def test_a_service_whose_windows_are_over_may_not_change() -> None:
    over = period("2025-01-01T00:00", "2025-01-02T00:00", name="over")
    (found,) = judge(change("2026-11-25T22:00", "2026-11-25T23:00"), calendar(windows=[over]))
    assert found.rule == "outside-maintenance-window"
    assert "none comes in the 90 days after it" in found.message
    assert found.remedy.startswith("nothing of 1 h is free")


@pytest.mark.parametrize(
    ("now", "inside"),
    [
        (datetime(2026, 11, 28, 21, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 29, 0, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 29, 1, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 28, 20, 59, 59, tzinfo=UTC), False),
    ],
)
def test_without_a_planned_time_now_must_lie_in_a_window(now: datetime, inside: bool) -> None:  # noqa: FBT001
    found = rules(change(), calendar(windows=[SATURDAYS]), now=now)
    assert found == ([] if inside else ["outside-maintenance-window"])


@pytest.mark.parametrize(
    ("now", "past"),
    [
        (datetime(2026, 11, 20, 22, 29, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 20, 22, 30, tzinfo=UTC), True),
    ],
)
def test_a_planned_time_is_past_when_its_soak_has_ended(now: datetime, past: bool) -> None:  # noqa: FBT001
    asked = change("2026-11-20T22:00", "2026-11-20T23:00", soak="30m")
    found = judge(asked, now=now)
    assert [finding.rule for finding in found] == (["window-past"] if past else [])
    for finding in found:
        assert "is over: it is 2026-11-20 22:30 UTC" in finding.message
        assert "free time of 1 h 30 min, soak included: 2026-11-20 22:30 to" in finding.remedy


def test_a_time_gone_by_is_not_held_against_freezes_but_told_what_is_free() -> None:
    asked = change("2026-12-24T22:00", "2026-12-24T23:00")
    now = datetime(2026, 12, 26, tzinfo=UTC)
    (found,) = judge(asked, calendar(freezes=[YEAR_END]), now=now)
    assert found.rule == "window-past"
    assert "included: 2027-01-03 23:00" in found.remedy


def test_a_change_that_would_take_years_is_refused_without_looking_at_calendars() -> None:
    hourly = period("2026-01-01T00:00", "2026-01-01T00:30", rrule="FREQ=HOURLY")
    endless = change("2026-12-01T00:00", "2199-12-01T00:00", soak="99999d")
    assert rules(endless, calendar(freezes=[hourly])) == ["wrong-window"]


def test_a_far_planned_time_is_judged_like_a_near_one() -> None:
    weekly = calendar(freezes=[SATURDAYS])
    assert rules(change("2199-06-01T23:00", "2199-06-01T23:30"), weekly) == ["in-freeze"]
    assert rules(change("2199-06-02T23:00", "2199-06-02T23:30"), weekly) == []


def test_freezes_and_windows_of_files_count_like_inline_ones() -> None:
    text = (
        "BEGIN:VCALENDAR\r\nX-WR-TIMEZONE:Europe/Berlin\r\nBEGIN:VEVENT\r\nUID:1\r\n"
        "DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227\r\nSUMMARY:Christmas\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    texts = (CalendarText(path="calendar/xmas.ics", text=text),)
    entry = {"path": "calendar/xmas.ics", "means": "freeze", "scope": {"services": ("payments",)}}
    freeze = calendar(files=[entry])
    asked = change("2026-12-24T00:30", "2026-12-24T01:00")
    (found,) = judge(asked, freeze, texts=texts)
    assert "meets the freeze Christmas (calendar/xmas.ics)" in found.message
    before = change("2026-12-23T23:00", "2026-12-24T00:00")
    assert judge(before, freeze, texts=texts) == ()
    window = calendar(files=[{**entry, "means": "window"}])
    assert judge(asked, window, texts=texts) == ()
    (found,) = judge(before, window, texts=texts)
    assert "the next is Christmas (calendar/xmas.ics)" in found.message


def test_a_calendar_that_cannot_be_read_stops_the_decision_even_if_nothing_applies() -> None:
    entry = {"path": "calendar/x.ics", "means": "freeze", "scope": {"services": ("wiki",)}}
    asked = change("2026-12-24T00:30", "2026-12-24T01:00")
    with pytest.raises(ConfigError):
        judge(asked, calendar(files=[entry]))
    texts = (CalendarText(path="calendar/x.ics", text="BEGIN:VCALENDAR"),)
    with pytest.raises(ConfigError):
        judge(asked, calendar(files=[entry]), texts=texts)
    with pytest.raises(GateError):
        judge(asked, calendar(freezes=[{**YEAR_END, "rrule": "FREQ=SECONDLY"}]))


def test_every_rule_of_the_calendars_is_in_the_catalogue() -> None:
    found = {
        *rules(
            change("2026-12-23T22:00", "2026-12-23T23:00"),
            calendar(windows=[SATURDAYS], freezes=[YEAR_END]),
        ),
        *rules(change("2026-11-20T22:00", "2026-11-20T23:00")),
    }
    assert found == {"in-freeze", "outside-maintenance-window", "window-past"}
    assert found <= set(GATE_RULES)


@pytest.mark.parametrize(
    ("start", "depth", "wanted"),
    [
        ({"ledger"}, 0, {"ledger"}),
        ({"ledger"}, 1, {"ledger", "payments"}),
        ({"ledger"}, 2, {"ledger", "payments", "shop"}),
        ({"ledger"}, 3, {"ledger", "payments", "shop", "search"}),
        # shop and search depend on each other
        ({"search"}, 9, {"search", "shop"}),
        ({"wiki"}, 3, {"wiki"}),
        ({"unknown"}, 3, {"unknown"}),
        (set(), 3, set()),
        # search already leads back to what changes, and feed lies behind it
        ({"search", "shop"}, 3, {"search", "shop", "feed"}),
    ],
)
def test_the_blast_radius_follows_dependents_and_ends_in_cycles(
    start: set[str], depth: int, wanted: set[str]
) -> None:
    behind = Service(name="feed", title="Feed", depends_on=("search",))
    services = (*SERVICES, behind) if "feed" in wanted else SERVICES
    assert blast_radius(frozenset(start), services, depth=depth) == wanted


def test_the_blast_radius_is_three_steps_deep_unless_told_otherwise() -> None:
    chain = tuple(
        Service(name=f"s{number}", title="S", depends_on=(f"s{number - 1}",))
        for number in range(1, 9)
    )
    assert blast_radius(frozenset({"s0"}), chain) == {"s0", "s1", "s2", "s3"}


def test_the_footprint_is_what_is_declared_and_what_owns_changed_paths() -> None:
    asked = change(services=("wiki",))
    assert footprint(asked, ("ledger/main.py", "README.md"), SERVICES) == {"wiki", "ledger"}
    assert footprint(asked, ("ledger",), SERVICES) == {"wiki"}


@pytest.mark.parametrize(
    ("end", "refused"), [("2027-12-02T00:00", False), ("2027-12-02T00:01", True)]
)
def test_a_change_takes_a_year_and_a_day_at_most(end: str, *, refused: bool) -> None:
    """From the first of December 2026 on; 366 days later is the second."""
    asked = change("2026-12-01T00:00", end, timezone="UTC")
    assert rules(asked) == (["wrong-window"] if refused else [])
    frozen = calendar(freezes=[YEAR_END])
    assert names(asked, frozen) == (() if refused else ("year-end",))


def test_a_freeze_of_what_changes_is_met_whatever_is_said_to_be_reached() -> None:
    asked = change("2026-12-21T00:00", "2026-12-21T01:00")
    found = check_schedule(
        asked,
        services=SERVICES,
        footprint=footprint(asked, (), SERVICES),
        blast_radius=frozenset(),
        calendars=(calendar(freezes=[YEAR_END | {"scope": {"services": asked.spec.services}}]),),
        calendar_texts=(),
        now=NOW,
    )
    assert [one.rule for one in found] == ["in-freeze"]


def names(asked: ChangeRequest, *calendars: Calendar, now: datetime = NOW) -> tuple[str, ...]:
    """Return the freezes that conditions are shown."""
    return freeze_names(
        asked,
        services=SERVICES,
        footprint=footprint(asked, (), SERVICES),
        calendars=calendars,
        calendar_texts=(),
        now=now,
    )


def test_conditions_are_shown_the_freezes_that_refuse_a_change() -> None:
    first = period("2026-11-25T00:00", "2026-11-26T00:00", name="z-first")
    second = period("2026-11-25T12:00", "2026-11-27T00:00", name="a-second")
    away = period("2026-11-25T00:00", "2026-11-26T00:00", name="away", scope={"tiers": (5,)})
    below = period(
        "2026-11-25T00:00", "2026-11-26T00:00", name="below", scope={"services": ("shop",)}
    )
    frozen = calendar(freezes=[first, second, away, below])
    day = change("2026-11-25T10:00", "2026-11-25T13:00")
    assert names(day, frozen) == ("a-second", "below", "z-first")
    assert rules(day, frozen) == ["in-freeze"] * 3
    morning = change("2026-11-25T10:00", "2026-11-25T11:00")
    assert names(morning, frozen) == ("below", "z-first")
    assert names(change(), frozen) == ()
    for now, met in (
        (datetime(2026, 11, 25, 23, 0, tzinfo=UTC), ("a-second",)),
        (datetime(2026, 11, 26, 22, 59, 59, tzinfo=UTC), ("a-second",)),
        (datetime(2026, 11, 26, 23, 0, tzinfo=UTC), ()),
    ):
        assert names(change(), frozen, now=now) == met


def test_a_freeze_at_another_time_is_not_met() -> None:
    span = Interval(start=NOW, end=NOW + timedelta(hours=1))
    frozen = calendar(freezes=[YEAR_END])
    far = Interval(start=NOW, end=NOW + timedelta(days=90))
    later = expand((frozen,), (), within=far)
    exposure = Exposure(frozenset(), frozenset(), frozenset(), {})
    assert len(freezes_met(far, later, exposure=exposure)) == 1
    assert freezes_met(span, later, exposure=exposure) == ()


def test_of_very_many_freezes_twenty_are_named() -> None:
    def frozen(count: int) -> Calendar:
        return calendar(
            freezes=[
                period("2026-11-25T00:00", "2026-11-26T00:00", name=f"f{number}")
                for number in range(count)
            ]
        )

    asked = change("2026-11-25T10:00", "2026-11-25T13:00")
    assert [len(judge(asked, frozen(count))) for count in (19, 20, 25)] == [19, 20, 20]


def urgent(asked: ChangeRequest, *calendars: Calendar) -> list[tuple[str, str]]:
    """Return what an emergency is told, and with what effect."""
    touched = footprint(asked, (), SERVICES)
    found = check_schedule(
        asked,
        services=SERVICES,
        footprint=touched,
        blast_radius=touched,
        calendars=calendars,
        calendar_texts=(),
        now=NOW,
        urgent=True,
    )
    return [(one.rule, one.effect) for one in found]


def test_an_emergency_is_told_of_freezes_and_windows_and_kept_by_none() -> None:
    frozen = calendar(freezes=[YEAR_END], windows=[SATURDAYS])
    asked = change("2026-12-22T10:00", "2026-12-22T11:00")
    assert urgent(asked, frozen) == [
        ("in-freeze", "advise"),
        ("outside-maintenance-window", "advise"),
    ]
    assert {one.effect for one in judge(asked, frozen)} == {"deny"}


def test_a_time_gone_by_refuses_an_emergency_too() -> None:
    assert urgent(change("2026-11-20T10:00", "2026-11-20T11:00")) == [("window-past", "deny")]


def test_what_is_over_is_told_as_over_and_not_as_outside_of_windows() -> None:
    asked = change("2026-11-20T10:00", "2026-11-20T11:00")
    assert rules(asked, calendar(windows=[SATURDAYS])) == ["window-past"]
