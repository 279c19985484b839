from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.model.zones import UnknownZoneError, nearest_zones, zone, zone_names
from itil_gate.reading.times import NonexistentTimeError, length, to_utc


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_local_time_is_one_moment() -> None:
    when = to_utc(local("2026-11-25T22:00"), "Europe/Berlin")
    assert when.earliest == when.latest == datetime(2026, 11, 25, 21, tzinfo=UTC)
    assert not when.ambiguous


@pytest.mark.parametrize(
    ("time", "name"),
    [
        ("2026-03-29T02:00", "Europe/Berlin"),
        ("2026-03-29T02:59:59", "Europe/Berlin"),
        ("2026-03-08T02:30", "America/New_York"),
        ("2026-10-04T02:15", "Australia/Lord_Howe"),
        ("2011-12-30T12:00", "Pacific/Apia"),
    ],
)
def test_a_time_that_clocks_skip_is_refused(time: str, name: str) -> None:
    with pytest.raises(NonexistentTimeError, match=name):
        to_utc(local(time), name)


@pytest.mark.parametrize("time", ["2026-03-29T01:59:59", "2026-03-29T03:00"])
def test_the_times_around_the_skipped_hour_exist(time: str) -> None:
    assert not to_utc(local(time), "Europe/Berlin").ambiguous


def test_a_time_that_comes_twice_has_both_moments() -> None:
    when = to_utc(local("2026-10-25T02:30"), "Europe/Berlin")
    assert when.ambiguous
    assert when.earliest == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert when.latest == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "name", ["localtime", "posixrules", "Factory", "../UTC", "europe/berlin", ""]
)
def test_names_that_are_not_in_the_database_are_no_zones(name: str) -> None:
    with pytest.raises(UnknownZoneError):
        zone(name)


def test_zones_come_from_the_package_and_know_their_names() -> None:
    assert {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"} <= zone_names()
    assert zone("UTC").key == "UTC"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Berlin", ("Europe/Berlin",)),
        ("New York", ("America/New_York",)),
        ("europe/berlin", ("Europe/Berlin",)),
        ("Europe/Berln", ("Europe/Berlin",)),
        ("CEST", ()),
        ("somewhere", ()),
    ],
)
def test_the_zone_that_was_probably_meant_is_proposed(written: str, meant: tuple[str, ...]) -> None:
    assert nearest_zones(written) == meant


@given(
    st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
    st.sampled_from(sorted(zone_names())),
)
def test_a_moment_is_shown_again_as_the_local_time_it_came_from(when: datetime, name: str) -> None:
    try:
        found = to_utc(when, name)
    except NonexistentTimeError:
        return
    assert found.earliest <= found.latest
    for moment in found:
        assert moment.astimezone(zone(name)).replace(tzinfo=None, fold=0) == when


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0m", timedelta(0)),
        ("90m", timedelta(hours=1.5)),
        ("24h", timedelta(1)),
        ("2d", timedelta(2)),
    ],
)
def test_a_duration_is_a_length_of_time(text: str, expected: timedelta) -> None:
    assert length(text) == expected
